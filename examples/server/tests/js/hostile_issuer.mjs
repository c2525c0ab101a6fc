// An OpenID Connect issuer for tests that signs what it is told to, on 127.0.0.1.
//
//   node hostile_issuer.mjs
//
// Prints one line, {"issuer"}. Its one client is app, app-secret. GET /authorize signs everybody in at once.
// POST /control changes what comes next:
//   token      what is wrong with the next tokens (see `hostile` below); "good" is nothing
//   claims     claims that replace those of ada
//   trouble    {"/path": "500" | "silent" | "html"}: what a path does instead of answering
//   says       what it calls itself in its discovery document
//   rotate     true: signs with a new key from now on, and publishes that alone
// GET /seen tells how often each path was asked.

import { createHash, createHmac, createSign, generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";

let issuer;
const state = { token: "good", claims: {}, trouble: {}, says: undefined };
const seen = {};
const codes = new Map();
const tokens = new Map();

const newKey = () => ({ kid: randomBytes(4).toString("hex"), ...generateKeyPairSync("rsa", { modulusLength: 2048 }) });
let key = newKey();
const stranger = newKey();

const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const rsa = (text, { privateKey }) => createSign("RSA-SHA256").update(text).sign(privateKey, "base64url");

function sign(claims, header = {}, signer = key) {
  const text = `${part({ alg: "RS256", typ: "JWT", kid: key.kid, ...header })}.${part(claims)}`;
  return `${text}.${rsa(text, signer)}`;
}

const seconds = () => Math.floor(Date.now() / 1000);

// Each makes a token that must be refused, of claims that are good.
const hostile = {
  wrong_aud: (claims) => sign({ ...claims, aud: "another-app" }),
  no_aud: ({ aud, ...claims }) => sign(claims),
  more_aud: (claims) => sign({ ...claims, aud: ["app", "another-app"] }),
  wrong_azp: (claims) => sign({ ...claims, azp: "another-app" }),
  wrong_iss: (claims) => sign({ ...claims, iss: "https://accounts.google.com" }),
  similar_iss: (claims) => sign({ ...claims, iss: `${claims.iss}/` }),
  expired: (claims) => sign({ ...claims, iat: seconds() - 7200, exp: seconds() - 3600 }),
  no_exp: ({ exp, ...claims }) => sign(claims),
  no_nonce: ({ nonce, ...claims }) => sign(claims),
  other_nonce: (claims) => sign({ ...claims, nonce: "f".repeat(64) }),
  no_sub: ({ sub, ...claims }) => sign(claims),
  odd_sub: (claims) => sign({ ...claims, sub: "4711\0" }),
  long_sub: (claims) => sign({ ...claims, sub: "x".repeat(256) }),
  alg_none: (claims) => `${part({ alg: "none", typ: "JWT" })}.${part(claims)}.`,
  alg_none_with_key: (claims) => `${part({ alg: "none", typ: "JWT", kid: key.kid })}.${part(claims)}.`,
  alg_unknown: (claims) => sign(claims, { alg: "RS1" }),
  rs512: (claims) => {
    const text = `${part({ alg: "RS512", typ: "JWT", kid: key.kid })}.${part(claims)}`;
    return `${text}.${createSign("RSA-SHA512").update(text).sign(key.privateKey, "base64url")}`;
  },
  // The public key, which anybody has, taken for a shared secret.
  hs256_public_key: (claims) => {
    const text = `${part({ alg: "HS256", typ: "JWT", kid: key.kid })}.${part(claims)}`;
    const pem = key.publicKey.export({ type: "spki", format: "pem" });
    return `${text}.${createHmac("sha256", pem).update(text).digest("base64url")}`;
  },
  hs256_client_secret: (claims) => {
    const text = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
    return `${text}.${createHmac("sha256", "app-secret").update(text).digest("base64url")}`;
  },
  anothers_key: (claims) => sign(claims, {}, stranger),
  unknown_kid: (claims) => sign(claims, { kid: randomBytes(4).toString("hex") }, stranger),
  // A key that comes with the token proves nothing.
  own_jwk: (claims) =>
    sign(claims, { kid: stranger.kid, jwk: stranger.publicKey.export({ format: "jwk" }) }, stranger),
  own_jku: (claims) => sign(claims, { kid: stranger.kid, jku: `${issuer}/stranger` }, stranger),
  changed: (claims) => {
    const [head, , signature] = sign(claims).split(".");
    return `${head}.${part({ ...claims, sub: "somebody else" })}.${signature}`;
  },
  cut_off: (claims) => sign(claims).split(".").slice(0, 2).join("."),
  no_token: () => undefined,
  number: () => 4711,
  long: (claims) => sign({ ...claims, padding: "x".repeat(100_000) }),
};

function discovery() {
  return {
    issuer: state.says ?? issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    userinfo_endpoint: `${issuer}/userinfo`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ["code"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256", "RS512", "HS256", "none"],
  };
}

const jwk = ({ kid, publicKey }) => ({ ...publicKey.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" });

function redeem(request, form) {
  const basic = `Basic ${Buffer.from("app:app-secret").toString("base64")}`;
  if (request.headers.authorization !== basic) return [401, { error: "invalid_client" }];
  const begun = codes.get(form.get("code"));
  codes.delete(form.get("code"));
  const challenge = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
  const good =
    begun && form.get("grant_type") === "authorization_code" &&
    form.get("redirect_uri") === begun.get("redirect_uri") &&
    begun.get("code_challenge_method") === "S256" && challenge === begun.get("code_challenge");
  if (!good) return [400, { error: "invalid_grant", error_description: "no such code" }];
  const claims = {
    iss: issuer, aud: "app", sub: "4711", iat: seconds(), exp: seconds() + 300, nonce: begun.get("nonce"),
    email: "ada@example.com", email_verified: true, given_name: "Ada", family_name: "Lovelace",
    ...state.claims,
  };
  const access_token = randomBytes(16).toString("hex");
  tokens.set(access_token, claims);
  const id_token = state.token === "good" ? sign(claims) : hostile[state.token](claims);
  return [200, { access_token, token_type: "Bearer", expires_in: 300, id_token }];
}

async function answer(request, response, text) {
  const url = new URL(request.url, issuer);
  const json = (status, value) => {
    response.writeHead(status, { "Content-Type": "application/json" });
    response.end(JSON.stringify(value));
  };
  if (url.pathname === "/seen") return json(200, seen);
  if (url.pathname === "/control") {
    const { rotate, ...change } = JSON.parse(text);
    if (rotate) key = newKey();
    Object.assign(state, change);
    return json(200, { attacks: Object.keys(hostile) });
  }
  seen[url.pathname] = (seen[url.pathname] ?? 0) + 1;
  switch (state.trouble[url.pathname]) {
    case "silent": return;
    case "500": return json(500, { error: "server_error" });
    case "html": return response.writeHead(200, { "Content-Type": "text/html" }).end("<h1>It works!</h1>");
  }
  switch (url.pathname) {
    case "/.well-known/openid-configuration": return json(200, discovery());
    case "/jwks": return json(200, { keys: [jwk(key)] });
    case "/stranger": return json(200, { keys: [jwk(stranger)] });
    case "/authorize": {
      const code = randomBytes(16).toString("hex");
      codes.set(code, url.searchParams);
      const back = new URL(url.searchParams.get("redirect_uri"));
      back.search = new URLSearchParams({ code, state: url.searchParams.get("state"), iss: issuer });
      return response.writeHead(302, { Location: back.href }).end();
    }
    case "/token": return json(...redeem(request, new URLSearchParams(text)));
    case "/userinfo": {
      const claims = tokens.get((request.headers.authorization ?? "").replace("Bearer ", ""));
      return claims ? json(200, { sub: claims.sub, ...claims.userinfo }) : json(401, {});
    }
    default: return json(404, {});
  }
}

const server = createServer((request, response) => {
  let text = "";
  request.on("data", (chunk) => (text += chunk));
  request.on("end", () => answer(request, response, text));
});
server.listen(0, "127.0.0.1", () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  console.log(JSON.stringify({ issuer }));
});
// Ends with whoever started it.
process.stdin.resume().on("end", () => process.exit());
