// Azurite, the emulator of Azure's blob storage, with an account and a container, on 127.0.0.1. It verifies
// signatures. In memory: nothing stays.
//
//   node azurite.mjs
//
// Prints one line, {"endpoint", "account", "container", "key", "stranger"}: its key, and one that it does not know.

import { createHmac, randomBytes } from "node:crypto";
import { createRequire } from "node:module";

const account = "moodify";
const container = "music";
const key = randomBytes(64).toString("base64");
const print = console.log;

// What it logs is only of interest where it says that it listens.
console.log = (line) => {
  const found = /successfully listens on (\S+)/.exec(String(line));
  if (found) begin(found[1]).catch(fail);
};

function fail(error) {
  console.error(error);
  process.exit(1);
}

async function begin(origin) {
  const headers = { "x-ms-date": new Date().toUTCString(), "x-ms-version": "2021-12-02" };
  const named = Object.entries(headers).map(([name, value]) => `${name}:${value}`);
  // Eleven headers that are not sent stand between the method and those that are.
  const lines = ["PUT", ...Array(11).fill(""), ...named, `/${account}/${account}/${container}`, "restype:container"];
  const signature = createHmac("sha256", Buffer.from(key, "base64")).update(lines.join("\n")).digest("base64");
  headers.authorization = `SharedKey ${account}:${signature}`;
  const endpoint = `${origin}/${account}`;
  const answer = await fetch(`${endpoint}/${container}?restype=container`, { method: "PUT", headers });
  if (answer.status !== 201) throw new Error(`no container: ${answer.status} ${await answer.text()}`);
  print(JSON.stringify({ endpoint, account, container, key, stranger: randomBytes(64).toString("base64") }));
}

process.env.AZURITE_ACCOUNTS = `${account}:${key}`;
process.argv.push(
  "--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence", "--silent", "--disableTelemetry",
  "--disableProductStyleUrl", "--skipApiVersionCheck",
);
// Whoever started it is gone.
process.stdin.on("end", () => process.exit(0)).resume();
createRequire(import.meta.url)("azurite/dist/src/blob/main.js");
