// Azurite, the emulator of Azure's blob storage, with an account and a container, on 127.0.0.1. It verifies
// signatures. In memory: nothing stays.
//
//   node azurite.mjs [origin]
//
// Prints one line, {"endpoint", "account", "container", "key", "stranger", "sas"}: its key, one that it does not know,
// and a token that may do everything with blobs. Pages of the origin may PUT there; without one there is no CORS rule.

import { createHmac, randomBytes } from "node:crypto";
import { createRequire } from "node:module";

const account = "moodify";
const container = "music";
const key = randomBytes(64).toString("base64");
// Azurite has arguments of its own.
const [origin] = process.argv.splice(2);
// Whoever signs says by which rules.
const VERSION = "2021-12-02";
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

const sign = (lines) =>
  createHmac("sha256", Buffer.from(key, "base64")).update(lines.join("\n")).digest("base64");

/** Asks as the owner of the account; the parameters in the order of their names. */
async function put(endpoint, path, parameters, body = "") {
  const headers = { "x-ms-date": new Date().toUTCString(), "x-ms-version": VERSION };
  const named = Object.entries(headers).map(([name, value]) => `${name}:${value}`);
  const asked = Object.entries(parameters).map(([name, value]) => `${name}:${value}`);
  // Between the method and what Azure itself names stand eleven headers, of which the third and the fifth are sent.
  const plain = Array(11).fill("");
  if (body) [plain[2], plain[4]] = [Buffer.byteLength(body), (headers["content-type"] = "application/xml")];
  const signature = sign(["PUT", ...plain, ...named, `/${account}/${account}${path}`, ...asked]);
  headers.authorization = `SharedKey ${account}:${signature}`;
  const url = `${endpoint}${path}?${new URLSearchParams(parameters)}`;
  const answer = await fetch(url, { method: "PUT", headers, body: body || undefined });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
}

const rule = () =>
  `<CorsRule><AllowedOrigins>${origin}</AllowedOrigins><AllowedMethods>PUT</AllowedMethods>` +
  "<AllowedHeaders>*</AllowedHeaders><ExposedHeaders></ExposedHeaders><MaxAgeInSeconds>60</MaxAgeInSeconds></CorsRule>";

/** A token of the whole account, for a day. */
function token() {
  const end = new Date(Date.now() + 86_400_000).toISOString().replace(/\.\d+/, "");
  const said = { sp: "rwdlac", ss: "b", srt: "sco", st: "", se: end, sip: "", spr: "https,http", sv: VERSION };
  const sig = sign([account, ...Object.values(said), "", ""]);
  const given = Object.entries({ ...said, sig }).filter(([, value]) => value);
  return String(new URLSearchParams(given));
}

async function begin(address) {
  const endpoint = `${address}/${account}`;
  await put(endpoint, `/${container}`, { restype: "container" });
  if (origin) {
    const properties = `<StorageServiceProperties><Cors>${rule()}</Cors></StorageServiceProperties>`;
    await put(endpoint, "/", { comp: "properties", restype: "service" }, properties);
  }
  const stranger = randomBytes(64).toString("base64");
  print(JSON.stringify({ endpoint, account, container, key, stranger, sas: token() }));
}

process.env.AZURITE_ACCOUNTS = `${account}:${key}`;
process.argv.push(
  "--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence", "--silent", "--disableTelemetry",
  "--disableProductStyleUrl", "--skipApiVersionCheck",
);
// Whoever started it is gone.
process.stdin.on("end", () => process.exit(0)).resume();
createRequire(import.meta.url)("azurite/dist/src/blob/main.js");
