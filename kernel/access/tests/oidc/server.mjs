// A real OpenID Connect issuer (oidc-provider): node server.mjs PORT KID. Its one client gets JWT access tokens by its credentials; the
// resource it asks for becomes the audience. Says `ready` when it listens.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [port, kid] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = { ...privateKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' };

const provider = new Provider(issuer, {
  jwks: { keys: [key] },
  clients: [{
    client_id: 'station', client_secret: 'secret-of-the-station', grant_types: ['client_credentials'],
    redirect_uris: [], response_types: [], token_endpoint_auth_method: 'client_secret_post',
  }],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_ctx, resource) => ({
        scope: '', audience: resource.replace('https://', ''), accessTokenFormat: 'jwt',
        accessTokenTTL: resource.endsWith('short') ? 1 : 600, jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
  extraTokenClaims: () => ({ roles: ['reader'], clearance: 3, districts: ['haidian'] }),
});
createServer(provider.callback()).listen(Number(port), '127.0.0.1', () => console.log('ready'));
