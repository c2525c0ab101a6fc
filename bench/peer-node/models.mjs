import mongoose, { Schema } from "mongoose";

const versioned = { timestamps: true };

export const User = mongoose.model(
  "User",
  new Schema(
    {
      fullname: { firstName: { type: String, required: true }, lastName: { type: String, required: true } },
      email: { type: String, required: true, unique: true, lowercase: true, trim: true },
      password: { type: String, select: false },
      role: { type: String, enum: ["user", "artist"], default: "user" },
      artistName: String,
    },
    versioned,
  ),
);

export const Music = mongoose.model(
  "Music",
  new Schema(
    {
      title: { type: String, required: true },
      artist: { type: String, required: true },
      artistId: { type: Schema.Types.ObjectId, ref: "User", required: true, index: true },
      genre: String,
      musicKey: { type: String, required: true },
      coverImageKey: String,
      playCount: { type: Number, default: 0 },
    },
    versioned,
  ),
);

export const Playlist = mongoose.model(
  "Playlist",
  new Schema(
    {
      title: { type: String, required: true },
      owner: { type: Schema.Types.ObjectId, ref: "User", required: true, index: true },
      musics: [{ type: Schema.Types.ObjectId, ref: "Music" }],
    },
    versioned,
  ),
);
