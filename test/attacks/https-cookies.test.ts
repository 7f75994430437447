/** Cookies of an https issuer, which stands behind a proxy that ends TLS (RFC 6265bis §4.1.3). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { authorizationUrl, registerClient } from '../flow.ts';
import { type Consentry, startConsentry, staticClient } from '../harness.ts';
import { raw } from './raw.ts';

const ISSUER = 'https://auth.example.test';

let consentry: Consentry;
let origin: string;
before(async () => {
  consentry = await startConsentry({ ISSUER });
  origin = `http://127.0.0.1:${consentry.config.port}`;
});
after(() => consentry?.close());

const get = (path: string, ...headers: string[]) =>
  raw(origin, `GET ${path} HTTP/1.1`, 'Host: auth.example.test', 'Accept: text/html', ...headers);
const cookiesOf = (answer: string) => [...answer.matchAll(/^set-cookie: (.*)\r$/gim)].map(([, line = '']) => line);

test('every cookie is Secure, HttpOnly and Lax; those of the whole site are __Host-, those of one interaction __Secure- with its path', async () => {
  const { clientId } = await staticClient(consentry.rooms, { kind: 'app', authMethod: 'none' });
  const begun = new URL(authorizationUrl(consentry, clientId).url);
  const started = await get(`${begun.pathname}${begun.search}`);
  const location = String(/^location: (.*)\r$/im.exec(started)?.[1]);
  const uid = String(location.split('/').at(-1));
  const sent = cookiesOf(started).map((line) => line.split(';')[0]);
  const page = await get(`/interaction/${uid}`, `Cookie: ${sent.join('; ')}`);
  assert.match(page, /^HTTP\/1\.1 200/);
  const cookies = [started, page, await get('/account/password'), await get('/device')].flatMap(cookiesOf);
  assert.ok(cookies.some((line) => line.startsWith('__Host-consentry_browser=')));
  assert.ok(cookies.some((line) => line.startsWith('__Host-consentry_session=')));
  assert.ok(cookies.some((line) => line.startsWith('__Secure-consentry_interaction=')));
  assert.ok(cookies.some((line) => line.startsWith('__Secure-consentry_resume=')));
  for (const line of cookies) {
    for (const attribute of [/; secure\b/i, /; httponly\b/i, /; samesite=lax\b/i]) assert.match(line, attribute);
    assert.doesNotMatch(line, /; domain=/i);
    const path = /; path=([^;]+)/i.exec(line)?.[1];
    if (line.startsWith('__Host-')) assert.equal(path, '/');
    else assert.ok(path === `/interaction/${uid}` || path === `/authorize/${uid}`, line);
  }
});

test('every address is https, and browsers are told to keep to it', async () => {
  const answer = await get('/.well-known/oauth-authorization-server');
  assert.match(answer, /"issuer":"https:\/\/auth\.example\.test"/);
  assert.doesNotMatch(answer, /"http:\/\//);
  assert.match(answer, /^strict-transport-security: max-age=/im);
});

test('an http loopback issuer sets neither Secure nor a prefix: Safari would drop the cookie', async () => {
  const plain = await startConsentry();
  try {
    const client = await registerClient(plain.issuer);
    const answer = await fetch(authorizationUrl(plain, client.client_id).url, { redirect: 'manual' });
    const cookies = answer.headers.getSetCookie();
    assert.ok(cookies.length > 0);
    for (const line of cookies) assert.doesNotMatch(line, /^__|; secure\b/i);
  } finally {
    await plain.close();
  }
});
