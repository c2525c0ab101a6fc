// Stands for Google Cloud Storage, on 127.0.0.1: as much of its XML dialect as object_store speaks, and its V4
// signatures, which it verifies. In memory: nothing stays.
//
//   node google_store.mjs
//
// Prints one line, {"endpoint", "bucket", "account", "stranger"}: the key file of a service account that may do
// everything, and one with the same name and another key. POST /control {"unavailable": 2} makes it answer 503 to
// the next two requests, and {"cors": {"origin", "headers"}} gives the bucket a rule for pages that PUT; GET /control
// tells {"objects", "uploads"}, the names of what is there and how many uploads are not complete.
//
// Signatures name storage.googleapis.com, whatever the address: object_store always signs that host.

import { createHash, generateKeyPairSync, verify } from "node:crypto";
import { createServer } from "node:http";

const BUCKET = "music";
const HOST = "storage.googleapis.com";
const EMAIL = "music@moodify.iam.gserviceaccount.com";
const LEAST_PART = 5 << 20;
const PAGE = 25;

const objects = new Map();
const uploads = new Map();
let serial = 0;
let unavailable = 0;
let cors;

const [known, other] = [keys(), keys()];

function keys() {
  return generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
}

function keyFile({ privateKey }) {
  return { type: "service_account", client_email: EMAIL, private_key_id: "1", private_key: privateKey };
}

class Refusal extends Error {
  constructor(status, code) {
    super(code);
    Object.assign(this, { status, code });
  }
}

const hash = (algorithm, data) => createHash(algorithm).update(data).digest("hex");
const strict = (text) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

/** Self-signed, as object_store makes them. */
function checkToken(token) {
  const [head, claims, signature] = token.split(".");
  const signed = Buffer.from(`${head}.${claims}`);
  const good = signature && verify("RSA-SHA256", signed, known.publicKey, Buffer.from(signature, "base64url"));
  if (!good) throw new Refusal(401, "AuthenticationRequired");
  const { iss, exp } = JSON.parse(Buffer.from(claims, "base64url"));
  if (iss !== EMAIL || exp * 1000 < Date.now()) throw new Refusal(401, "AuthenticationRequired");
}

function checkSignature(request, url) {
  const said = (name) => url.searchParams.get(`X-Goog-${name}`) ?? "";
  const [date, names] = [said("Date"), said("SignedHeaders")];
  const scope = `${date.slice(0, 8)}/auto/storage/goog4_request`;
  if (said("Algorithm") !== "GOOG4-RSA-SHA256" || said("Credential") !== `${EMAIL}/${scope}`) {
    throw new Refusal(403, "SignatureDoesNotMatch");
  }
  const query = [...url.searchParams].filter(([name]) => name !== "X-Goog-Signature");
  const pairs = query.map(([name, value]) => `${strict(name)}=${strict(value)}`).sort();
  const value = (name) => (name === "host" ? HOST : (request.headers[name] ?? "").trim().replace(/\s+/g, " "));
  const headers = names.split(";").map((name) => `${name}:${value(name)}\n`).join("");
  const asked = [request.method, url.pathname, pairs.join("&"), headers, names, "UNSIGNED-PAYLOAD"].join("\n");
  const text = ["GOOG4-RSA-SHA256", date, scope, hash("sha256", asked)].join("\n");
  if (!verify("RSA-SHA256", Buffer.from(text), known.publicKey, Buffer.from(said("Signature"), "hex"))) {
    throw new Refusal(403, "SignatureDoesNotMatch");
  }
  const begin = Date.parse(date.replace(/^(....)(..)(..T..)(..)(..Z)$/, "$1-$2-$3:$4:$5"));
  if (!(Date.now() <= begin + Number(said("Expires")) * 1000)) throw new Refusal(400, "ExpiredToken");
}

function checkLength(request) {
  const range = request.headers["x-goog-content-length-range"];
  if (!range) return;
  const [least, most] = range.split(",").map(Number);
  const length = Number(request.headers["content-length"]);
  if (length < least) throw new Refusal(400, "EntityTooSmall");
  if (!(length <= most)) throw new Refusal(400, "EntityTooLarge");
}

async function bodyOf(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces);
}

function store(name, body, headers, etag) {
  const object = { body, type: headers["content-type"], caching: headers["cache-control"], etag, at: new Date() };
  objects.set(name, object);
  return object;
}

function found(name) {
  const object = objects.get(name);
  if (!object) throw new Refusal(404, "NoSuchKey");
  return object;
}

function list(response, query) {
  const [prefix, after] = [query.get("prefix") ?? "", query.get("continuation-token") ?? ""];
  const most = Math.min(PAGE, Number(query.get("max-keys") ?? PAGE));
  const names = [...objects.keys()].filter((name) => name.startsWith(prefix) && name > after).sort();
  const page = names.slice(0, most).map((name) => {
    const { body, at, etag } = objects.get(name);
    return `<Contents><Key>${escaped(name)}</Key><LastModified>${at.toISOString()}</LastModified>` +
      `<ETag>${etag}</ETag><Size>${body.length}</Size></Contents>`;
  });
  const next = names.length > most ? `<NextContinuationToken>${names[most - 1]}</NextContinuationToken>` : "";
  xml(response, 200, `<ListBucketResult>${page.join("")}${next}</ListBucketResult>`);
}

function read(request, response, object, type) {
  const { body, caching, etag, at } = object;
  const headers = {
    etag, "last-modified": at.toUTCString(), "content-type": type ?? object.type, "accept-ranges": "bytes",
    ...(caching && { "cache-control": caching }),
  };
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
  let [from, to] = [0, body.length];
  if (range) {
    [from, to] = [Number(range[1]), range[2] === "" ? body.length : Math.min(Number(range[2]) + 1, body.length)];
    if (from >= body.length) throw new Refusal(416, "InvalidRange");
    headers["content-range"] = `bytes ${from}-${to - 1}/${body.length}`;
  }
  headers["content-length"] = to - from;
  response.writeHead(range ? 206 : 200, headers);
  response.end(request.method === "HEAD" ? undefined : body.subarray(from, to));
}

async function complete(request, response, name, id) {
  const upload = uploads.get(id);
  if (!upload) throw new Refusal(404, "NoSuchUpload");
  const numbers = [...String(await bodyOf(request)).matchAll(/<PartNumber>(\d+)</g)].map(([, n]) => Number(n));
  const parts = numbers.map((number) => upload.parts.get(number));
  if (!parts.length || parts.includes(undefined)) throw new Refusal(400, "InvalidPart");
  if (parts.slice(0, -1).some((part) => part.length < LEAST_PART)) throw new Refusal(400, "EntityTooSmall");
  uploads.delete(id);
  // Theirs are no digests, and hold letters that digests do not.
  const { etag } = store(name, Buffer.concat(parts), upload.headers, `"CK${++serial}+/ICEAE="`);
  xml(response, 200, `<CompleteMultipartUploadResult><ETag>${etag}</ETag></CompleteMultipartUploadResult>`);
}

async function answer(request, response, url) {
  const [bucket, name] = [url.pathname.slice(1).split("/", 1)[0], url.pathname.slice(1).split("/").slice(1).join("/")];
  const [, token] = /^Bearer (.+)$/.exec(request.headers.authorization ?? "") ?? [];
  const signed = url.searchParams.has("X-Goog-Signature");
  if (token) checkToken(token);
  else if (signed) checkSignature(request, url);
  else throw new Refusal(403, "AccessDenied");
  if (bucket !== BUCKET) throw new Refusal(404, "NoSuchBucket");
  const key = decodeURIComponent(name);
  const [query, id] = [url.searchParams, url.searchParams.get("uploadId")];
  const is = `${request.method}${id ? " upload" : ""}`;
  if (is === "GET" && !key) return list(response, query);
  if (is === "GET" || is === "HEAD") {
    return read(request, response, found(key), signed ? query.get("response-content-type") : undefined);
  }
  if (is === "PUT") {
    checkLength(request);
    const body = await bodyOf(request);
    const { etag } = store(key, body, request.headers, `"${hash("md5", body)}"`);
    return end(response, 200, { etag });
  }
  if (is === "DELETE") {
    found(key);
    objects.delete(key);
    return end(response, 204);
  }
  if (is === "POST" && query.has("uploads")) {
    const upload = String(++serial);
    uploads.set(upload, { headers: request.headers, parts: new Map() });
    return xml(response, 200, "<InitiateMultipartUploadResult><UploadId>" +
      `${upload}</UploadId></InitiateMultipartUploadResult>`);
  }
  if (!uploads.has(id)) throw new Refusal(404, "NoSuchUpload");
  if (is === "PUT upload") {
    const body = await bodyOf(request);
    uploads.get(id)?.parts.set(Number(query.get("partNumber")), body);
    return end(response, 200, { etag: `"${hash("md5", body)}"` });
  }
  if (is === "POST upload") return complete(request, response, key, id);
  if (is === "DELETE upload") {
    uploads.delete(id);
    return end(response, 204);
  }
  throw new Refusal(405, "MethodNotAllowed");
}

/** Anybody may ask. What no rule allows is not mentioned; a refusal in words there is none. */
function preflight(request, response) {
  const { origin, "access-control-request-method": method } = request.headers;
  if (origin !== cors?.origin || method !== "PUT") return end(response, 200);
  return end(response, 200, {
    "access-control-allow-origin": origin,
    "access-control-allow-methods": method,
    "access-control-allow-headers": cors.headers.join(","),
  });
}

async function control(request, response) {
  if (request.method === "POST") ({ unavailable = 0, cors = cors } = JSON.parse(String(await bodyOf(request))));
  response.end(JSON.stringify({ objects: [...objects.keys()].sort(), uploads: uploads.size }));
}

function end(response, status, headers = {}) {
  response.writeHead(status, { ...headers, "content-length": 0 });
  response.end();
}

function xml(response, status, text) {
  response.writeHead(status, { "content-type": "application/xml" });
  response.end(`<?xml version='1.0' encoding='UTF-8'?>${text}`);
}

async function handle(request, response) {
  const url = new URL(request.url, "http://127.0.0.1");
  if (url.pathname === "/control") return control(request, response);
  if (unavailable > 0) {
    unavailable -= 1;
    throw new Refusal(503, "ServiceUnavailable");
  }
  if (request.method === "OPTIONS") return preflight(request, response);
  return answer(request, response, url);
}

function refuse(request, response, error) {
  const { status, code } = error instanceof Refusal ? error : { status: 500, code: "InternalError" };
  if (response.headersSent) return response.destroy();
  // What was not read must not be taken for the next request.
  request.resume();
  xml(response, status, `<Error><Code>${code}</Code><Message>It is refused.</Message></Error>`);
}

const server = createServer((request, response) => {
  handle(request, response).catch((error) => refuse(request, response, error));
});

server.listen(0, "127.0.0.1", () => {
  const endpoint = `http://127.0.0.1:${server.address().port}`;
  console.log(JSON.stringify({ endpoint, bucket: BUCKET, account: keyFile(known), stranger: keyFile(other) }));
});
// Whoever started it is gone.
process.stdin.on("end", () => process.exit(0)).resume();
