import { Server } from "socket.io";

import { service } from "./serve.mjs";
import { verify } from "./tokens.mjs";

const io = new Server(await service(() => {}), { transports: ["websocket"], perMessageDeflate: false });
const states = new Map();

io.use((socket, next) => {
  try {
    socket.data.account = verify(socket.handshake.auth.token).sub;
    next();
  } catch {
    next(new Error("unauthorized"));
  }
});

io.on("connection", (socket) => {
  const room = `user:${socket.data.account}`;
  socket.join(room);

  socket.on("hello", (device, answer) => {
    socket.data.device = device;
    answer?.({ state: states.get(room) ?? null });
  });

  socket.on("command", ({ command_id, op, args }, answer) => {
    const before = states.get(room) ?? { rev: 0, playing: false, position_ms: 0 };
    const state = { ...before, rev: before.rev + 1, at_us: Date.now() * 1000, cause: { command_id } };
    if (op === "play") state.playing = true;
    if (op === "pause") state.playing = false;
    if (op === "seek") state.position_ms = args.position_ms;
    states.set(room, state);
    socket.to(room).emit("state", state);
    answer?.({ ok: true, rev: state.rev, at_us: state.at_us });
  });
});
