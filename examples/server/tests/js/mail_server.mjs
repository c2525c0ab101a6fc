// A mail server and a token endpoint for tests, in one process.
//
//   node mail_server.mjs <folder with key.pem and cert.pem>
//
// Prints one line, {"plain", "starttls", "implicit", "http"}: its ports. What a receiver is called says
// how the server behaves:
//   refused@…  550 to the receiver     full@…    552 to the text      later@…  451 to the receiver
//   dropped@…  hangs up at the text    silent@…  never answers the text  slow@…  answers after a second
//   cut@…      hangs up at the receiver               daily@…, hasty@…  say that the sender has sent too much
//   stuck@…    never answers the receiver     rude@…    550 to the receiver, and hears nothing after that
// Mails to dropped@…, silent@… and slow@… are taken all the same.
// POST /token gives access tokens, GET /seen what happened, POST /control changes what comes next.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { SMTPServer } from "smtp-server";

const folder = process.argv[2];
const [key, cert] = ["key.pem", "cert.pem"].map((name) => readFileSync(join(folder, name)));

const seen = { mails: [], connections: 0, fetched: 0, held: 0, turned_away: 0 };
const valid = new Set();
let tokens = "granted";
let refuse_everybody = false;
// Hangs up on whoever connects; answers no receiver; takes every mail, whatever its receiver is called.
let down = false;
let hold = false;
let lenient = false;
const open = new Set();

const hang_up = () => [...open].forEach((socket) => socket.destroy());
const go_deaf = () => [...open].forEach((socket) => socket.unpipe().pause());
const fault = (code, text) => Object.assign(new Error(text), { responseCode: code });

function onAuth(auth, _session, done) {
  const known =
    auth.method === "XOAUTH2"
      ? valid.has(auth.accessToken)
      : auth.username === "ada" && auth.password === "se:cret/";
  if (known) return done(null, { user: auth.username });
  // What Gmail says to a bad token, before its 535.
  if (auth.method === "XOAUTH2") return done(null, { data: { status: "401", schemes: "bearer", scope: "mail" } });
  done(fault(535, "5.7.8 who are you?"));
}

function onRcptTo({ address }, _session, done) {
  const who = lenient ? "" : address.split("@")[0];
  if (hold || who === "stuck") return void (seen.held += 1);
  if (who === "cut") return hang_up();
  if (who === "hasty") return done(fault(450, "4.7.1 rate limit exceeded"));
  if (who === "rude") go_deaf();
  if (who === "refused" || who === "rude") return done(fault(550, "5.1.1 nobody of that name"));
  if (who === "later") return done(fault(451, "4.7.1 greylisted"));
  done();
}

function onData(stream, session, done) {
  const to = session.envelope.rcptTo.map(({ address }) => address);
  const who = lenient ? "" : to[0].split("@")[0];
  const chunks = [];
  stream.on("data", (chunk) => chunks.push(chunk));
  stream.on("end", () => {
    if (who === "full") return done(fault(552, "5.2.2 mailbox full"));
    if (who === "daily") return done(fault(550, "5.4.5 Daily user sending limit exceeded."));
    const raw = Buffer.concat(chunks).toString("utf8");
    seen.mails.push({ to, from: session.envelope.mailFrom.address, user: session.user, secure: session.secure, raw });
    if (who === "dropped") return hang_up();
    if (who === "silent") return;
    setTimeout(() => done(null, "2.0.0 taken"), who === "slow" ? 1000 : 0);
  });
}

function listen(options) {
  const server = new SMTPServer({
    key, cert, onAuth, onRcptTo, onData,
    authMethods: ["PLAIN", "LOGIN", "XOAUTH2"],
    onConnect: (_session, done) => {
      seen.connections += 1;
      done(refuse_everybody ? fault(554, "5.3.2 closed for ever") : undefined);
    },
    closeTimeout: 100,
    ...options,
  });
  server.on("error", () => {});
  server.server.on("connection", (socket) => {
    if (down) {
      seen.turned_away += 1;
      return socket.destroy();
    }
    open.add(socket);
    socket.on("close", () => open.delete(socket));
  });
  return new Promise((ready) => {
    const listener = server.listen(0, "127.0.0.1", () => ready(listener.address().port));
  });
}

const body = (request) =>
  new Promise((whole) => {
    let text = "";
    request.on("data", (chunk) => (text += chunk));
    request.on("end", () => whole(text));
  });

async function http(request, response) {
  const text = await body(request);
  const answer = (status, value) => {
    response.writeHead(status, { "Content-Type": "application/json" });
    response.end(JSON.stringify(value));
  };
  if (request.url === "/seen") return answer(200, seen);
  if (request.url === "/control") {
    const change = JSON.parse(text);
    if (change.revoke) valid.clear();
    if (change.tokens) tokens = change.tokens;
    if (change.hang_up) hang_up();
    if (change.refuse_everybody !== undefined) refuse_everybody = change.refuse_everybody;
    if (change.down !== undefined) down = change.down;
    if (change.hold !== undefined) hold = change.hold;
    if (change.lenient !== undefined) lenient = change.lenient;
    return answer(200, {});
  }
  seen.fetched += 1;
  const form = new URLSearchParams(text);
  const known =
    form.get("grant_type") === "refresh_token" &&
    form.get("client_id") === "app" &&
    form.get("client_secret") === "app-secret" &&
    form.get("refresh_token") === "refresh";
  if (tokens === "busy") return answer(503, {});
  if (tokens === "broken") return answer(500, {});
  if (tokens === "silent") return;
  if (tokens === "revoked" || !known) {
    return answer(400, { error: "invalid_grant", error_description: "Token has been expired or revoked." });
  }
  const access_token = `token-${seen.fetched}`;
  if (tokens === "granted") valid.add(access_token);
  // A moment in which everybody else comes to ask.
  setTimeout(() => answer(200, { access_token, expires_in: 3600, token_type: "Bearer" }), 50);
}

const [plain, starttls, implicit] = await Promise.all([
  listen({ authOptional: true, disabledCommands: ["STARTTLS"], allowInsecureAuth: true }),
  listen({}),
  listen({ secure: true }),
]);
const web = createServer(http).listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ plain, starttls, implicit, http: web.address().port }));
});
// Ends with whoever started it.
process.stdin.resume().on("end", () => process.exit());
