/** Whatever host or spelling of a path a request names, it reaches our own endpoints, all of their defences, and no other address. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startConnected } from '../connected.ts';
import { authorizationUrl, authorize, basic, redeem, registerClient } from '../flow.ts';
import { type Consentry, sql } from '../harness.ts';
import { isConsentPage } from '../interaction/kit.ts';
import type { Person } from '../person.ts';
import { FORM, postBytes, raw } from './raw.ts';

describe('hosts and paths', () => {
  let consentry: Consentry;
  let ana: Person;
  let clientId: string;
  before(async () => {
    ({ consentry, ana, clientId } = await startConnected());
  });
  after(() => consentry?.close());

  const host = () => new URL(consentry.issuer).host;
  const post = (path: string, body: string | URLSearchParams, headers?: Record<string, string>) =>
    postBytes(consentry.issuer + path, body, headers);

  it('a host in the request target, two Host headers or none get 421 and no address of theirs', async () => {
    const query = new URL(authorizationUrl(consentry, clientId).url).search;
    for (const path of [
      '/.well-known/oauth-authorization-server',
      '/.well-known/openid-configuration',
      `/authorize${query}`,
      '/',
    ]) {
      for (const lines of [
        [`GET http://evil.example${path} HTTP/1.1`, `Host: ${host()}`],
        [`GET http://evil.example${path} HTTP/1.1`, 'Host: evil.example'],
        [`GET ${path} HTTP/1.1`, 'Host: evil.example'],
        [`GET ${path} HTTP/1.1`, `Host: ${host()}`, 'Host: evil.example'],
        [`GET ${path} HTTP/1.1`, `Host: ${host()}.evil.example`],
        [`GET ${path} HTTP/1.1`, `Host: evil.example@${host()}`],
        [`GET ${path} HTTP/1.1`, `Host: localhost:${new URL(consentry.issuer).port}`],
        [`GET ${path} HTTP/1.0`],
      ]) {
        const answer = await raw(consentry.issuer, ...lines);
        assert.match(answer, /^HTTP\/1\.1 421 /, lines.join(' | '));
        assert.doesNotMatch(answer, /evil\.example/);
      }
    }
  });

  it('headers of proxies that nobody trusts change no address', async () => {
    const lines = [
      'X-Forwarded-Host: evil.example',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Port: 99',
      'X-Forwarded-Prefix: /evil',
      'Forwarded: host=evil.example;proto=https',
      'X-Original-URL: /evil',
      'X-Rewrite-URL: /evil',
      'X-Forwarded-For: 203.0.113.9',
    ];
    const document = await raw(
      consentry.issuer,
      'GET /.well-known/oauth-authorization-server HTTP/1.1',
      `Host: ${host()}`,
      ...lines,
    );
    assert.match(document, new RegExp(`"token_endpoint":"${consentry.issuer}/token"`));
    assert.doesNotMatch(document, /evil/);
    const authorize = await raw(
      consentry.issuer,
      `GET /authorize${new URL(authorizationUrl(consentry, clientId).url).search} HTTP/1.1`,
      `Host: ${host()}`,
      'Accept: text/html',
      ...lines,
    );
    assert.match(authorize, /^HTTP\/1\.1 303 /);
    assert.match(authorize, /\r\nlocation: \/interaction\//i);
    assert.doesNotMatch(authorize, /evil|domain=/i);
  });

  it('a code in a link never fills in the device page, however the path is written (RFC 8628 §5.4)', async () => {
    for (const path of ['/device', '/device/', '/Device', '/DEVICE', '/DEVICE/', '/dEvIcE']) {
      for (const method of ['GET', 'HEAD']) {
        const page = await ana.open(`${consentry.issuer}${path}?user_code=WDJB-MJHT`, { method });
        assert.equal(page.status, 200);
        assert.doesNotMatch(page.html, /WDJB|MJHT|<script>/, path);
        assert.doesNotMatch(String(page.headers.get('content-security-policy')), /sha256/);
      }
    }
  });

  it('no spelling of a registration address tells the hash of a secret or what we note of a client', async () => {
    const client = await registerClient(consentry.issuer, { token_endpoint_auth_method: 'client_secret_basic' });
    const { pathname } = new URL(client.registration_client_uri);
    const [row] = await sql<{ secret_hash: string }>(consentry, 'SELECT secret_hash FROM clients WHERE id = $1', [
      client.client_id,
    ]);
    for (const path of [
      pathname,
      `${pathname}/`,
      pathname.replace('/register', '/REGISTER'),
      pathname.replace('/register', '/Register'),
      pathname.toUpperCase(),
    ]) {
      const answer = await fetch(consentry.issuer + path, {
        headers: { authorization: `Bearer ${client.registration_access_token}` },
      });
      const text = await answer.text();
      assert.ok(!text.includes(String(row?.secret_hash)), path);
      assert.doesNotMatch(text, /"client_secret"|consentry_/, path);
    }
    for (const path of ['/register', '/Register', '/REGISTER/']) {
      const answer = await post(
        path,
        JSON.stringify({ redirect_uris: ['http://127.0.0.1/cb'], consentry_kind: 'service', consentry_access: {} }),
        { 'content-type': 'application/json' },
      );
      assert.doesNotMatch(await answer.text(), /consentry_/, path);
    }
  });

  it('a repeated secret is compared in every spelling of the address of an update', async () => {
    const client = await registerClient(consentry.issuer, { token_endpoint_auth_method: 'client_secret_basic' });
    const { pathname } = new URL(client.registration_client_uri);
    const body = JSON.stringify({
      client_id: client.client_id,
      redirect_uris: client.redirect_uris,
      token_endpoint_auth_method: 'client_secret_basic',
      client_secret: 'not the secret',
    });
    for (const path of [pathname, `${pathname}/`, pathname.replace('/register', '/Register')]) {
      const answer = await fetch(consentry.issuer + path, {
        method: 'PUT',
        body,
        headers: { authorization: `Bearer ${client.registration_access_token}`, 'content-type': 'application/json' },
      });
      assert.equal(answer.status, 400, path);
    }
  });

  it('what an endpoint does it does in every spelling that it answers', async () => {
    const tokens = await redeem(consentry, clientId, await authorize(consentry, clientId, { person: ana }));
    const credential = { ...basic(consentry.mail.clientId, consentry.mail.clientSecret), ...FORM };
    for (const path of ['/introspect', '/Introspect', '/introspect/']) {
      const answer = await post(path, new URLSearchParams({ token: String(tokens.body.access_token) }), credential);
      assert.equal(((await answer.json()) as { active: boolean }).active, true, path);
    }
    const upper = authorizationUrl(consentry, clientId, {
      resource: consentry.mail.uri.replace('http:', 'HTTP:'),
    }).url;
    for (const url of [upper, upper.replace('/authorize', '/Authorize'), upper.replace('/authorize', '/authorize/')])
      assert.ok(isConsentPage(await ana.open(url)), url);
  });

  it('no path leads out of the folder of static files or to another endpoint', async () => {
    for (const path of [
      '//authorize',
      '/./authorize',
      '/authorize/../token',
      '/%61uthorize',
      '/authorize%2f',
      '/authorize%00',
      '/authorize;x=1',
      '//evil.example/authorize',
      '/\\evil.example',
      '/static/../package.json',
      '/static/..%2fpackage.json',
      '/static/%2e%2e/%2e%2e/package.json',
      '/static/....//package.json',
      '/static//etc/passwd',
      '/static/%00',
      '/.git/config',
      '/.env',
      '/src/main.ts',
    ]) {
      const answer = await raw(consentry.issuer, `GET ${path} HTTP/1.1`, `Host: ${host()}`, 'Accept: text/html');
      assert.match(answer, /^HTTP\/1\.1 404 /, path);
      assert.doesNotMatch(answer, /"dependencies"|root:|\r\nlocation:/i, path);
    }
  });
});
