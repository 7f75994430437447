/** A tiny authorization server for tests of the guard: metadata, a key set, and tokens as good or bad as asked. */
import { generateKeyPairSync, type KeyObject, sign as signBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type FakeIssuer = Awaited<ReturnType<typeof startFakeIssuer>>;

type Json = Record<string, unknown>;

/** `key` undefined signs with the issuer's own key. Members set to undefined are left out of header and claims. */
export type TokenChange = { header?: Json; claims?: Json; key?: KeyObject };

/** Serves on a free port; `served` counts requests by path, and every member of `documents` may be replaced. */
export async function startFakeIssuer() {
  const served: string[] = [];
  const documents: { metadata: unknown; jwks: { keys: Json[] }; status: number } = {
    metadata: {},
    jwks: { keys: [] },
    status: 200,
  };
  const http = createServer((request, response) => {
    served.push(request.url ?? '');
    const document = request.url === '/jwks' ? documents.jwks : documents.metadata;
    response.writeHead(documents.status, { 'content-type': 'application/json' }).end(JSON.stringify(document));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  documents.metadata = { issuer, jwks_uri: `${issuer}/jwks` };

  const addKey = (kid: string) => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    documents.jwks.keys.push({ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' });
    return { publicKey, privateKey };
  };
  const { publicKey, privateKey } = addKey('one');

  /** A good token for the resource, changed as asked. */
  function token(resource: string, change: TokenChange = {}): string {
    const now = Math.floor(Date.now() / 1000);
    const header = { alg: 'ES256', typ: 'at+jwt', kid: 'one', ...change.header };
    const claims = {
      ...{ iss: issuer, sub: 'person-1', aud: resource, client_id: 'client-1', scope: 'notes:read' },
      ...{ jti: 'token-1', iat: now, exp: now + 600, gid: 'grant-1', auth_time: now - 5 },
      ...change.claims,
    };
    return signToken(JSON.stringify(header), JSON.stringify(claims), change.key ?? privateKey);
  }

  const close = () =>
    new Promise<void>((resolve) => {
      http.close(() => resolve());
      http.closeAllConnections();
    });
  return { issuer, served, documents, publicKey, privateKey, addKey, token, close };
}

/** Signs the bytes given, whether they are sensible or not: ES256 for an elliptic key, RS256 for one of RSA. */
export function signToken(header: string, claims: string, key: KeyObject): string {
  const input = `${base64url(header)}.${base64url(claims)}`;
  const signature = signBytes('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

export function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}
