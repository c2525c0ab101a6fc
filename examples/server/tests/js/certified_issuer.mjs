// A certified OpenID Connect provider for tests, on 127.0.0.1.
//
//   node certified_issuer.mjs <redirect URI>
//
// Prints one line, {"issuer"}. Its one client is app, app-secret. Whoever comes to sign in is signed in as
// the person that POST /control {"person"} named last, at first ada; their address is <person>@example.com.

import { createServer } from "node:http";
import Provider from "oidc-provider";

let person = "ada";
let provider;

async function answer(request, response) {
  if (request.url === "/control") {
    let text = "";
    for await (const chunk of request) text += chunk;
    person = JSON.parse(text).person;
    return response.end("{}");
  }
  if (request.url.startsWith("/login/")) {
    return provider.interactionFinished(request, response, { login: { accountId: person } });
  }
  return provider.callback()(request, response);
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    response.statusCode = 500;
    response.end(String(error));
  });
});

server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  provider = new Provider(issuer, {
    clients: [{
      client_id: "app",
      client_secret: "app-secret",
      redirect_uris: [process.argv[2]],
      response_types: ["code"],
      grant_types: ["authorization_code"],
    }],
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    cookies: { keys: ["for tests"] },
    claims: { email: ["email", "email_verified"], profile: ["given_name", "family_name", "name"] },
    interactions: { url: (_context, interaction) => `/login/${interaction.uid}` },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({
        sub: id, email: `${id}@example.com`, email_verified: true, given_name: "Ada", family_name: "Lovelace",
      }),
    }),
    // Everybody has allowed everything already.
    async loadExistingGrant({ oidc }) {
      const grant = new oidc.provider.Grant({
        clientId: oidc.client.clientId, accountId: oidc.session.accountId,
      });
      grant.addOIDCScope("openid email profile");
      await grant.save();
      return grant;
    },
  });
  console.log(JSON.stringify({ issuer }));
});
// Ends with whoever started it.
process.stdin.resume().on("end", () => process.exit());
