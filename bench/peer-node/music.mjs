import mongoose from "mongoose";
import multer from "multer";

import { signedUrl, store } from "./media.mjs";
import { Music, Playlist } from "./models.mjs";
import { service } from "./serve.mjs";
import { settings } from "./settings.mjs";
import { signedIn } from "./tokens.mjs";

await mongoose.connect(settings.mongo);
await Promise.all([Music.init(), Playlist.init()]);

const upload = multer({ storage: multer.memoryStorage(), limits: { fileSize: 100_000_000 } }).fields([
  { name: "audio", maxCount: 1 },
  { name: "cover", maxCount: 1 },
]);

const track = async (music) => {
  const [audio_url, cover_url] = await Promise.all([signedUrl(music.musicKey), signedUrl(music.coverImageKey)]);
  return {
    id: String(music._id),
    title: music.title,
    artist: { id: String(music.artistId), name: music.artist },
    genre: music.genre ?? null,
    audio_url,
    cover_url,
    play_count: music.playCount,
    created_at: music.createdAt,
  };
};

await service((app) => {
  app.use("/v1", signedIn);

  app.get("/v1/tracks", async (request, response) => {
    const limit = Math.min(Number(request.query.limit ?? 20), 100);
    const musics = await Music.find().sort({ _id: -1 }).limit(limit).lean();
    response.json({ items: await Promise.all(musics.map(track)), next_cursor: null });
  });

  app.post("/v1/tracks", upload, async (request, response) => {
    if (request.caller.role !== "artist") return response.status(403).json({ code: "artist_only" });
    const { audio: [audio] = [], cover: [cover] = [] } = request.files ?? {};
    if (!audio) return response.status(422).json({ code: "validation_failed" });
    const [musicKey, coverImageKey] = await Promise.all([
      store("audio", audio),
      cover ? store("cover", cover) : undefined,
    ]);
    const { title, genre } = request.body;
    const { sub: artistId, name: artist } = request.caller;
    const music = await Music.create({ title, genre, artist, artistId, musicKey, coverImageKey });
    response.status(201).json(await track(music));
  });

  app.post("/v1/playlists", async (request, response) => {
    const { title, track_ids: musics = [] } = request.body;
    const playlist = await Playlist.create({ title, owner: request.caller.sub, musics });
    response.status(201).json({ id: String(playlist._id), title });
  });

  app.get("/v1/playlists/:id", async (request, response) => {
    const playlist = await Playlist.findById(request.params.id).populate("musics").lean();
    if (!playlist) return response.status(404).json({ code: "not_found" });
    const tracks = await Promise.all(playlist.musics.map(track));
    response.json({ id: String(playlist._id), title: playlist.title, tracks });
  });
});
