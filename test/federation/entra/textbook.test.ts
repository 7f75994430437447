/**
 * The cases of the fake Entra ID that any provider can be the subject of, at a textbook one. Those that only Entra has
 * (tenants, `oid`, Graph, AADSTS codes) are not here; what `federation/oidc` already shows is not shown again.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { createOidcConnection } from '../../../src/federation/oidc/oidc.ts';
import type { OidcConnectionSettings } from '../../../src/federation/settings.ts';
import { createEgress, type Egress } from '../../../src/web/egress.ts';
import { startUpstream, type Upstream } from '../../fakes/upstream.ts';
import { createPerson } from '../../person.ts';
import { newLeg, outcome, random, refusal } from './kit.ts';

const CALLBACK = 'http://127.0.0.1:9/federation/contoso/callback';
type Json = Record<string, unknown>;

describe('a textbook provider, put to the same cases', () => {
  let upstream: Upstream;
  let egress: Egress;
  let key: Awaited<ReturnType<typeof generateKeyPair>>;
  let ahead = 0;
  const requests: { path: string; body: URLSearchParams }[] = [];
  /** What is changed of answers on their way: JSON by the end of its path. */
  let change: Record<string, (answer: Json) => unknown> = {};
  before(async () => {
    upstream = await startUpstream(['/federation/contoso/callback']);
    egress = createEgress({ outboundAllow: ['127.0.0.1'] });
    key = await generateKeyPair('RS256', { extractable: true });
  });
  beforeEach(() => {
    ahead = 0;
    change = {};
    requests.length = 0;
    Object.assign(upstream.behaviour, {
      person: { sub: 'ana', email: 'ana@upstream.test', email_verified: true, name: 'Ana Lima' },
      down: false,
      refreshTokens: false,
      refusal: undefined,
    });
  });
  after(async () => {
    egress?.close();
    await upstream?.close();
  });

  const fetch: Egress['fetch'] = async (address, request) => {
    const path = new URL(address).pathname;
    requests.push({ path, body: new URLSearchParams(request?.body ?? '') });
    const answer = await egress.fetch(address, request);
    const found = Object.entries(change).find(([end]) => path.endsWith(end));
    if (!found || answer.status !== 200) return answer;
    const changed = await found[1](JSON.parse(answer.body.toString('utf8')));
    return { ...answer, body: Buffer.from(JSON.stringify(changed)) };
  };
  const connect = (settings: Partial<OidcConnectionSettings> = {}) =>
    createOidcConnection(upstream.record('contoso', settings), upstream.secrets, {
      fetch,
      now: () => new Date(Date.now() + ahead),
    });

  async function trip(connection = connect(), alter = (_url: URL) => {}) {
    const leg = { ...newLeg(), callbackUrl: CALLBACK };
    const url = await connection.authorizationUrl(leg);
    alter(url);
    const { left, html } = await createPerson(upstream.issuer).open(url.href);
    assert.ok(left, html.slice(0, 300));
    return { leg, url, back: left, finish: (at = left) => connection.finish({ ...leg, callbackUrl: at }) };
  }

  /** Its ID token with other claims, signed by a key that is published with its own; or by another under that name. */
  async function resign(alter: (claims: JWTPayload) => JWTPayload, { kid = 'new', published = true } = {}) {
    const jwk = { ...(await exportJWK(key.publicKey)), kid, use: 'sig', alg: 'RS256' };
    change = {
      '/jwks': (set) => ({ keys: [...(set.keys as Json[]), ...(published ? [jwk] : [])] }),
      '/token': async (answer) => {
        const { alg } = decodeProtectedHeader(String(answer.id_token));
        assert.equal(alg, 'RS256');
        const claims = alter(decodeJwt(String(answer.id_token)));
        return { ...answer, id_token: await new SignJWT(claims).setProtectedHeader({ alg, kid }).sign(key.privateKey) };
      },
    };
  }
  const signIn = async (connection = connect()) => (await trip(connection)).finish();

  it('only its own issuer is believed, letter for letter (F1, F2)', async () => {
    await resign((claims) => claims);
    assert.equal((await signIn()).issuer, upstream.issuer);
    for (const iss of [
      `${upstream.issuer}/`,
      'https://login.microsoftonline.com/x/v2.0',
      'http://127.0.0.1:9',
      undefined,
    ]) {
      await resign((claims) => ({ ...claims, iss }) as JWTPayload);
      assert.equal(await outcome(signIn()), 'failed', iss);
    }
  });

  it('a key that is not published, or is under another’s name, signs nothing (F5)', async () => {
    await resign((claims) => claims, { published: false });
    assert.equal(await outcome(signIn()), 'failed');
    await resign((claims) => claims, { kid: 'upstream', published: false });
    assert.equal(await outcome(signIn()), 'failed');
  });

  it('a nonce that is another’s, missing or no text is not believed (F9)', async () => {
    for (const nonce of [random(), undefined, '', ['x']]) {
      await resign((claims) => ({ ...claims, nonce }));
      assert.equal(await outcome(signIn()), 'failed', String(nonce));
    }
  });

  it('the subject is the key: a changed address is the same person, a recycled one somebody else (F11, F12)', async () => {
    const before = await signIn();
    upstream.behaviour.person = { sub: 'ana', email: 'ana.new@upstream.test', email_verified: true };
    assert.equal((await signIn()).subject, before.subject);
    upstream.behaviour.person = { sub: 'heir', email: 'ana@upstream.test', email_verified: true };
    const heir = await signIn();
    assert.equal(heir.email, before.email);
    assert.notEqual(heir.subject, before.subject);
  });

  it('S256 is sent though the metadata leaves it out (F18)', async () => {
    change = { '/openid-configuration': ({ code_challenge_methods_supported: _gone, ...metadata }) => metadata };
    const { url, finish } = await trip();
    assert.equal(url.searchParams.get('code_challenge_method'), 'S256');
    await finish();
    assert.ok(requests.find(({ path }) => path === '/token')?.body.get('code_verifier'));
  });

  it('no resource goes there, and no scope but its own (F19, F20, F21)', async () => {
    const { url, finish } = await trip();
    await finish();
    for (const params of [url.searchParams, ...requests.map(({ body }) => body)])
      assert.equal(params.has('resource'), false);
    assert.equal(url.searchParams.get('scope'), 'openid profile email');
    assert.ok([null, 'query'].includes(url.searchParams.get('response_mode')));
  });

  it('an error’s description becomes one bounded line of the log (F22)', async () => {
    const { back, finish } = await trip();
    const wrong = new URL(back);
    wrong.searchParams.delete('code');
    wrong.searchParams.set('error', 'invalid_request');
    wrong.searchParams.set('error_description', `<script>\r\nx: y\u202e${'x'.repeat(5_000)}`);
    const { detail = '', message } = await refusal(finish(wrong));
    assert.doesNotMatch(detail, /[\p{Cc}\u202e]/u);
    assert.ok(detail.length < 600);
    assert.doesNotMatch(message, /script/);
  });

  it('what it wants to see the person for is told from what failed (F24)', async () => {
    const kinds = {
      login_required: 'denied',
      interaction_required: 'denied',
      consent_required: 'denied',
      access_denied: 'denied',
      server_error: 'unavailable',
      temporarily_unavailable: 'unavailable',
      invalid_scope: 'failed',
    };
    for (const [error, expected] of Object.entries(kinds)) {
      const { back, finish } = await trip();
      const wrong = new URL(back);
      wrong.searchParams.delete('code');
      wrong.searchParams.set('error', error);
      assert.match(await outcome(finish(wrong)), new RegExp(`^${expected}`), error);
    }
  });

  it('no at_hash, no auth_time and an opaque access token of any form are as they should be (F26, F27)', async () => {
    await resign(({ at_hash: _hash, auth_time: _time, ...claims }) => claims);
    const token = change['/token'];
    change['/token'] = async (answer) => ({
      ...((await token?.(answer)) as Json),
      ext_expires_in: 4_000,
      expires_in: 4_000,
    });
    const said = await signIn();
    assert.deepEqual([said.subject, said.authTimeSeconds], ['ana', undefined]);
  });

  it('a code is redeemed once: the same is not tried again by itself (F32)', async () => {
    const { finish } = await trip();
    await finish();
    requests.length = 0;
    assert.equal(await outcome(finish()), 'failed');
    assert.equal(requests.filter(({ path }) => path === '/token').length, 1);
  });

  it('a redirect URI with a slash added is another (F36)', async () => {
    const { back, finish } = await trip();
    const slashed = new URL(back);
    slashed.pathname += '/';
    assert.equal(await outcome(finish(slashed)), 'failed');
  });

  it('metadata that flaps costs the sign-in of that moment alone (F37)', async () => {
    upstream.behaviour.down = true;
    const connection = connect();
    assert.equal(await outcome(signIn(connection)), 'unavailable');
    upstream.behaviour.down = false;
    ahead = 3_000;
    assert.equal((await signIn(connection)).subject, 'ana');
  });

  it('parameters that come twice are not chosen among (F40)', async () => {
    for (const name of ['code', 'state', 'iss']) {
      const { back, finish } = await trip();
      const doubled = new URL(back);
      doubled.searchParams.append(name, String(back.searchParams.get(name)));
      requests.length = 0;
      assert.equal(await outcome(finish(doubled)), 'failed', name);
      assert.equal(
        requests.some(({ path }) => path === '/token'),
        false,
        name,
      );
    }
  });

  it('a check takes only its own refusal for one (F31)', async () => {
    upstream.behaviour.refreshTokens = true;
    const connection = connect({ offlineAccess: true });
    const { issuer, subject, refreshToken = '' } = await signIn(connection);
    const known = { issuer, subject, refreshToken };
    for (const [status, error, expected] of [
      [400, 'invalid_grant', 'ended'],
      [429, 'invalid_grant', 'unreachable'],
      [503, 'invalid_grant', 'unreachable'],
      [401, 'invalid_client', 'unreachable'],
      [400, 'unheard_of', 'unreachable'],
    ] as const) {
      upstream.behaviour.refusal = { status, error };
      assert.equal((await connection.check(known)).state, expected, `${status} ${error}`);
    }
  });
});
