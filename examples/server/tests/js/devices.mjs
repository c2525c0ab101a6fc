// A crowd of devices for tests, in one process: official Socket.IO clients that come back by themselves, as they do by
// default. Each says hello whenever it is connected, and keeps the newest state that it was told.
//
// On stdin, one request a line; each is answered by one line with the same `id`, {"id", "ok": true, …} or
// {"id", "ok": false, "error"}. Devices are numbered from 0 in the order in which they were opened:
//
//   {"id", "do": "open", "devices": [{"name", "url", "token", "from", "transports"?, "own"}]}
//       connects them, each from that address of this machine; answers when each was told its state. `own` are the
//       tracks that it may hear of
//   {"id", "do": "commands", "lists": [[{"device", "op", "args"}]]}
//       has commands sent, those of one list one after the other; whoever sent one then asks for the state
//       → "revs": the last revision of each list
//   {"id", "do": "settled", "hellos": n}
//       answers when so many were said in all, and every device is connected and was told its state
//   {"id", "do": "heard", "each": n, "revs": []}
//       answers when every device knows the revision of its listener, each of whom has n devices
//   {"id", "do": "look"}
//       → "devices": [{"hellos", "foreign", "state"}], "errors": []
//       how often it said hello, how many states with tracks of others it was told, and the newest state
//
// It ends when stdin ends.

import { Agent } from "node:http";
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const PATIENCE_MS = 45_000;
const AT_ONCE = 50;

const devices = [];
const errors = [];

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

function note(device, state) {
  if (state.queue.some(({ track_id }) => !device.own.includes(track_id))) device.foreign += 1;
  const known = device.state;
  if (!known || known.epoch !== state.epoch || known.rev <= state.rev) device.state = state;
}

const ask = ({ socket }, event, payload) => socket.timeout(PATIENCE_MS).emitWithAck(event, payload);

async function hello(device) {
  const answer = await ask(device, "hello", { device_id: device.name, name: device.name, kind: "web" });
  if (!answer.state) throw new Error(`${device.name}: ${JSON.stringify(answer)}`);
  note(device, answer.state);
  device.hellos += 1;
}

function connect(device) {
  const { url, token, from, transports } = device;
  const agent = new Agent({ keepAlive: true, localAddress: from });
  const options = { forceNew: true, agent, auth: { token }, ...(transports && { transports }) };
  const socket = (device.socket = io(url, options));
  socket.on("connect", () => {
    // Whoever is cut off meanwhile says it again.
    hello(device).catch((error) => socket.connected && errors.push(error.message));
  });
  socket.on("state", (state) => note(device, state));
  // What it knew counts no more: it is to be told anew.
  socket.on("disconnect", () => (device.state = null));
  // Those that the client does not mend by itself are refusals.
  socket.on("connect_error", (error) => socket.active || errors.push(error.message));
}

function until(what, is_so) {
  const begun = Date.now();
  return new Promise((resolve, reject) => {
    const look = () => {
      if (is_so()) return resolve({});
      if (errors.length > 0) return reject(new Error(errors.join("; ")));
      if (Date.now() - begun > PATIENCE_MS) return reject(new Error(`never: ${what()}`));
      setTimeout(look, 20);
    };
    look();
  });
}

const knowing = (some) => some.filter(({ state }) => state).length;

const actions = {
  async open({ devices: wanted }) {
    for (let first = 0; first < wanted.length; first += AT_ONCE) {
      const batch = wanted.slice(first, first + AT_ONCE);
      batch.forEach((device) => Object.assign(device, { hellos: 0, foreign: 0, state: null }));
      devices.push(...batch);
      batch.forEach(connect);
      await until(() => `${knowing(batch)} of ${batch.length} are told`, () => knowing(batch) === batch.length);
    }
    return {};
  },

  async commands({ lists }) {
    const revs = await Promise.all(lists.map(async (list) => {
      let rev;
      for (const { device: number, op, args } of list) {
        const device = devices[number];
        const answer = await ask(device, "command", { op, args });
        if (!answer.ok) throw new Error(`${op} of ${device.name}: ${JSON.stringify(answer)}`);
        rev = answer.rev;
        note(device, (await ask(device, "resync", {})).state);
      }
      return rev;
    }));
    return { revs };
  },

  settled({ hellos }) {
    const said = () => devices.reduce((sum, device) => sum + device.hellos, 0);
    return until(
      () => `${said()} hellos, and ${knowing(devices)} devices know their state`,
      () => said() >= hellos && devices.every(({ socket, state }) => socket.connected && state),
    );
  },

  heard({ each, revs }) {
    const behind = () => devices.filter(({ state }, n) => !state || state.rev < revs[Math.floor(n / each)]);
    return until(() => `${behind().length} devices are behind`, () => behind().length === 0);
  },

  async look() {
    return { devices: devices.map(({ hellos, foreign, state }) => ({ hellos, foreign, state })), errors };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  actions[request.do](request).then(
    (result) => say({ id: request.id, ok: true, ...result }),
    (error) => say({ id: request.id, ok: false, error: error.message }),
  );
}
process.exit(0);
