// An OpenID provider on loopback: node provider.mjs PORT CALLBACK SECONDS; whoever signs in is the login that is typed.
// SIGHUP adds a new key in front of the old ones, as a provider does that rotates its keys.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const [port, callback, seconds] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const key = () => {
  const made = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
  return { ...made, use: "sig", kid: `key-${Date.now()}` };
};
const keys = [key()];
const made = () => new Provider(issuer, {
  clients: [{
    client_id: "console",
    application_type: "native",
    token_endpoint_auth_method: "none",
    redirect_uris: [callback],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
  }],
  cookies: { keys: ["tests"] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  issueRefreshToken: () => true,
  jwks: { keys },
  pkce: { required: () => true },
  scopes: ["openid", "offline_access"],
  ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 3600, IdToken: Number(seconds), Interaction: 600,
    RefreshToken: 3600, Session: 3600 },
});

let provider = made();
process.on("SIGHUP", () => { keys.unshift(key()); provider = made(); });
createServer((request, response) => provider.callback()(request, response))
  .listen(Number(port), "127.0.0.1", () => console.log(`listening at ${issuer}`));
