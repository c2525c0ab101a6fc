// A listener's device for tests: the official Socket.IO client, told what to do by lines of JSON.
//
// On stdin, one request a line; each is answered by exactly one line with the same `id`:
//
//   {"id", "do": "connect", "url", "token"?, "auth"?, "from"?, "options"?}
//       opens the socket, with `auth` (default: {token}), from this address of the machine, and with further
//       client options
//       → {"id", "ok": true} or {"id", "ok": false, "error": "<message of connect_error>"}
//   {"id", "do": "emit", "event", "args"?: [], "timeout_ms"?: 50000}
//       sends an event and waits for its acknowledgement; {"$bytes": n} anywhere in the arguments
//       stands for so many bytes, which go as an attachment
//       → {"id", "ok": true, "ack": <first argument>} or {"id", "ok": false, "error"}
//   {"id", "do": "emit_all", "messages": [{"event", "args"}], "timeout_ms"?}
//       sends all of them at once, then waits
//       → {"id", "ok": true, "acks": [<first argument>, or null where none came]}
//   {"id", "do": "send", "event", "args"?: [], "times"?: 1, "want_ack"?: false,
//    "and_leave"?: false}
//       sends an event, so many times, and waits for nothing; may disconnect at once
//       → {"id", "ok": true}
//   {"id", "do": "stall"}
//       reads nothing from a WebSocket any more → {"id", "ok": true}
//   {"id", "do": "disconnect"} → {"id", "ok": true}
//
// On stdout besides, whatever happens to the socket, in order:
//
//   {"event": "<name>", "args": []}
//       an event of the server, or "disconnect" with the client's reason
//
// It reconnects only when told so. It ends when stdin ends.

import { Agent } from "node:http";
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const ACK_TIMEOUT_MS = 50_000;
let socket;

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const attached = (value) => {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(attached);
  if (typeof value.$bytes === "number") return Buffer.alloc(value.$bytes);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, attached(member)]));
};

const actions = {
  connect({ url, token, auth = { token }, from, options = {} }) {
    socket?.disconnect();
    const way = from ? { agent: new Agent({ keepAlive: true, localAddress: from }) } : {};
    socket = io(url, { reconnection: false, forceNew: true, ...way, ...options, auth });
    socket.onAny((event, ...args) => say({ event, args }));
    socket.on("disconnect", (reason) => say({ event: "disconnect", args: [reason] }));
    return new Promise((resolve, reject) => {
      socket.once("connect", () => resolve({}));
      socket.once("connect_error", reject);
    });
  },

  async emit({ event, args = [], timeout_ms = ACK_TIMEOUT_MS }) {
    return { ack: await socket.timeout(timeout_ms).emitWithAck(event, ...attached(args)) };
  },

  async emit_all({ messages, timeout_ms = ACK_TIMEOUT_MS }) {
    const waiting = messages.map(({ event, args = [] }) =>
      socket.timeout(timeout_ms).emitWithAck(event, ...args),
    );
    const answers = await Promise.allSettled(waiting);
    return { acks: answers.map((answer) => answer.value ?? null) };
  },

  async send({ event, args = [], times = 1, want_ack = false, and_leave = false }) {
    for (let n = 0; n < times; n++) {
      if (want_ack) socket.emit(event, ...args, () => {});
      else socket.emit(event, ...args);
    }
    if (and_leave) socket.disconnect();
    return {};
  },

  async stall() {
    socket.io.engine.transport.ws.pause();
    return {};
  },

  async disconnect() {
    socket?.disconnect();
    return {};
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  // Not awaited: a device may say something while it waits for an answer.
  actions[request.do](request).then(
    (result) => say({ id: request.id, ok: true, ...result }),
    (error) => say({ id: request.id, ok: false, error: error.message }),
  );
}
process.exit(0);
