/** Keys rotate while the server runs: nothing under way fails, what was signed stays good as long as it should, and no longer. */
import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  type JSONWebKeySet,
  jwtVerify,
} from 'jose';
import { createVerifier } from '../../src/guard/index.ts';
import { createRooms, type Rooms } from '../../src/rooms.ts';
import { startServer } from '../../src/server.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { createLog } from '../../src/web/log.ts';
import { authorize, basic, introspect, redeem, refresh, registerClient, tokenRequest } from '../flow.ts';
import { type Consentry, startConsentry, staticClient } from '../harness.ts';
import { atOnce, connect, tally } from '../oauth/kit.ts';
import { createPerson, type Person } from '../person.ts';

const HOME = 'https://app.example.test/goodbye';
const WITHIN_SECONDS = 20;

describe('signing keys', () => {
  let consentry: Consentry;
  let keyset: Rooms['keyset'];
  let service: { clientId: string; clientSecret: string | undefined };
  let ana: Person;
  before(async () => {
    consentry = await startConsentry();
    ({ keyset } = consentry.rooms);
    const access = { [consentry.mail.uri]: ['mail:read'] };
    service = await staticClient(consentry.rooms, { kind: 'service', name: 'Night job', redirectUris: [], access });
    ana = createPerson(consentry.issuer);
  });
  after(() => consentry?.close());

  const kidOf = (token: string | undefined) => decodeProtectedHeader(String(token)).kid;
  const active = async (token: string | undefined) => (await introspect(consentry, token)).body.active;

  function ask() {
    const fields = { grant_type: 'client_credentials', resource: consentry.mail.uri, scope: 'mail:read' };
    return tokenRequest(consentry.issuer, fields, basic(service.clientId, service.clientSecret));
  }

  async function mint(): Promise<string> {
    const { status, body } = await ask();
    assert.equal(status, 200, JSON.stringify(body));
    return String(body.access_token);
  }

  async function published(): Promise<unknown[]> {
    const { keys } = (await (await fetch(`${consentry.issuer}/jwks`)).json()) as { keys: Record<string, unknown>[] };
    for (const key of keys) assert.equal('d' in key, false);
    return keys.map(({ kid }) => kid);
  }

  /** As an MCP server has it; `pass` moves its clock, by which it caches keys. */
  function startGuard() {
    let at = 0;
    const guard = createVerifier({
      issuer: consentry.issuer,
      resource: consentry.mail.uri,
      scopes: { 'mail:read': { sensitivity: 'low' } },
      error: (code, description) => new Error(`${code}: ${description}`),
      clockSkewSeconds: 60,
      now: () => new Date(Date.now() + at),
    });
    return {
      accepts: (token: string) => guard.verifyAccessToken(token),
      refuses: (token: string) => assert.rejects(guard.verifyAccessToken(token), /invalid_token/),
      pass: (seconds: number) => {
        at += seconds * 1000;
      },
    };
  }

  it('a planned one is published before it signs; the guard takes what either signed, and never has to fetch for it', async () => {
    const [first] = await published();
    const before = await mint();
    const { kid } = await keyset.rotate();
    assert.deepEqual(await published(), [first, kid]);
    assert.equal(kidOf(await mint()), first);
    const guard = startGuard();
    await guard.accepts(before);
    // The hour has passed.
    await consentry.rooms.database.direct.signingKey.update({ where: { kid }, data: { activeFrom: new Date() } });
    await eventually(async () => assert.equal(kidOf(await mint()), kid));
    const next = await mint();
    await guard.accepts(next);
    await guard.accepts(before);
    assert.deepEqual([await active(before), await active(next)], [true, true]);
    assert.deepEqual(await published(), [kid, first]);
  });

  it('what was begun under one key goes on under the next: code, ID token, refresh, sign-in', async () => {
    const { client_id: clientId } = await registerClient(consentry.issuer);
    const begun = await authorize(consentry, clientId, { person: ana, params: { scope: 'openid mail:read' } });
    const { kid } = await keyset.rotate({ now: true });
    const { status, body } = await redeem(consentry, clientId, begun);
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual([kidOf(body.access_token), kidOf(body.id_token)], [kid, kid]);
    const keys = createRemoteJWKSet(new URL(`${consentry.issuer}/jwks`));
    await jwtVerify(String(body.id_token), keys, { issuer: consentry.issuer, audience: clientId });
    const { kid: third } = await keyset.rotate({ now: true });
    const again = await refresh(consentry, clientId, body.refresh_token);
    assert.equal(again.status, 200, JSON.stringify(again.body));
    assert.equal(kidOf(again.body.access_token), third);
    assert.deepEqual([await active(body.access_token), await active(again.body.access_token)], [true, true]);
    const other = await connect(consentry, { person: ana });
    assert.equal(kidOf(other.accessToken), third);
  });

  it('fifty requests under way while it changes, and the very first after, all succeed', async () => {
    const before = atOnce(25, ask);
    const rotated = keyset.rotate({ now: true });
    const answers = [...(await atOnce(25, ask)), ...(await before)];
    assert.deepEqual(tally(answers), { '200': 50 });
    const { kid } = await rotated;
    const first = await mint();
    assert.equal(kidOf(first), kid);
    for (const { body } of answers) assert.equal(await active(body.access_token), true);
    const guard = startGuard();
    for (const { body } of answers) await guard.accepts(String(body.access_token));
  });

  it('nothing that a retired key signed is taken: introspection and the set at once, the guard once it fetches', async () => {
    const stolen = await mint();
    const kid = String(kidOf(stolen));
    await assert.rejects(keyset.retire('x'.repeat(43)), { code: 'unknown_key' });
    const guard = startGuard();
    await guard.accepts(stolen);
    const { kid: successor } = await keyset.rotate({ now: true });
    assert.equal(await active(stolen), true);
    await keyset.retire(kid);
    assert.equal(await active(stolen), false);
    assert.ok(!(await published()).includes(kid));
    const fresh = await mint();
    assert.equal(kidOf(fresh), successor);
    assert.equal(await active(fresh), true);
    guard.pass(31);
    await guard.accepts(fresh);
    await guard.refuses(stolen);
    await startGuard().refuses(stolen);
  });

  it('logging out with an ID token of a key that is gone asks the person as ever, and returns where the client may', async () => {
    const redirectUris = ['https://app.example.test/callback'];
    const app = { kind: 'app', name: 'Planner', redirectUris, postLogoutRedirectUris: [HOME] } as const;
    const { clientId, clientSecret } = await staticClient(consentry.rooms, app);
    const params = { redirect_uri: redirectUris[0], scope: 'openid mail:read' };
    const person = createPerson(consentry.issuer);
    const begun = await authorize(consentry, clientId, { person, params });
    const { body } = await redeem(consentry, clientId, begun, {}, basic(clientId, clientSecret));
    const hint = String(body.id_token);
    await keyset.rotate({ now: true });
    await keyset.retire(String(kidOf(hint)));
    const query = new URLSearchParams({ id_token_hint: hint, post_logout_redirect_uri: HOME, state: 'bye' });
    const page = await person.open(`${consentry.issuer}/logout?${query}`);
    assert.equal(page.status, 200);
    assert.match(page.html, /Planner/);
    const { left } = await person.submit(page, { logout: 'yes' });
    assert.equal(left?.href, `${HOME}?state=bye`);
    const [header, payload, signature] = hint.split('.');
    const { kid } = await keyset.rotate({ now: true });
    const claimed = Buffer.from(JSON.stringify({ alg: 'ES256', kid })).toString('base64url');
    for (const forged of [`${claimed}.${payload}.${signature}`, `${header}x.${payload}.${signature}`]) {
      const response = await fetch(`${consentry.issuer}/logout?${new URLSearchParams({ id_token_hint: forged })}`);
      assert.equal(response.status, 400);
    }
  });

  it('two processes over one database agree within seconds, and each takes what the other signed', async () => {
    const other = await startSecond();
    try {
      const { kid } = await keyset.rotate({ now: true });
      await eventually(async () => assert.equal(kidOf(await other.mint()), kid));
      const there = await other.mint();
      const here = await mint();
      assert.deepEqual([kidOf(here), await active(there)], [kid, true]);
      const keys = createLocalJWKSet((await other.jwks()) as JSONWebKeySet);
      assert.equal((await jwtVerify(here, keys)).payload.jti, decodeJwt(here).jti);
      const { kid: theirs } = await other.keyset.rotate({ now: true });
      await other.keyset.retire(kid);
      await eventually(async () => assert.equal(await active(there), false));
      assert.equal(kidOf(await mint()), theirs);
      assert.deepEqual(await published(), await other.published());
    } finally {
      await other.close();
    }
  });

  /** Until it holds: the keys of another process are looked for every two seconds. */
  async function eventually(holds: () => Promise<void>): Promise<void> {
    const end = Date.now() + WITHIN_SECONDS * 1000;
    for (;;) {
      try {
        return await holds();
      } catch (error) {
        if (Date.now() > end) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  /** Another process of the same issuer, as behind a load balancer. */
  async function startSecond() {
    const { config, databaseUrl } = consentry;
    const log = createLog({ level: config.logLevel });
    const listener = createServer();
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const { port } = listener.address() as AddressInfo;
    const opened = await openDatabase({ ...config, databaseUrl, log, mode: 'serve' });
    const rooms = await createRooms({ config, prisma: opened.prisma });
    const server = await startServer({ config, rooms, log, listener });
    const { host } = new URL(consentry.issuer);
    const send = (path: string, body?: URLSearchParams) => sendTo({ port, path, host, body });

    return {
      keyset: rooms.keyset,
      jwks: () => send('/jwks'),
      async published() {
        return ((await send('/jwks')) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
      },
      async mint() {
        const fields = { grant_type: 'client_credentials', resource: consentry.mail.uri, scope: 'mail:read' };
        const client = { client_id: service.clientId, client_secret: String(service.clientSecret) };
        return ((await send('/token', new URLSearchParams({ ...fields, ...client }))) as { access_token: string })
          .access_token;
      },
      async close() {
        await server.close();
        await opened.close();
      },
    };
  }
});

/** `fetch` does not let a caller state another host. */
function sendTo(to: { port: number; path: string; host: string; body: URLSearchParams | undefined }): Promise<unknown> {
  const { port, path, host, body } = to;
  const headers = { host, ...(body ? { 'content-type': 'application/x-www-form-urlencoded' } : {}) };
  return new Promise((resolve, reject) => {
    const sent = request(
      { port, path, headers, host: '127.0.0.1', method: body ? 'POST' : 'GET' },
      async (response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(chunk);
        resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')));
      },
    );
    sent.on('error', reject);
    sent.end(body?.toString());
  });
}
