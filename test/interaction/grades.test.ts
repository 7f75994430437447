/** A client's document changes under a living grant: ignored, shown, or suspending (consent.md §2), at the next refresh and on the next page. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import {
  ask,
  assertPage,
  type Browser,
  codeOf,
  connect,
  consentRows,
  openBrowser,
  press,
  recordOf,
  startWorld,
  type World,
} from '../consents/kit.ts';
import { introspect, type Registration, redeem, refresh, registerClient } from '../flow.ts';
import { addPerson, sql } from '../harness.ts';
import { scopesOf } from '../interop/kit.ts';
import { words } from './kit.ts';

const HERE = 'http://127.0.0.1/callback';
const THERE = 'http://localhost/callback';

describe('a document that changes under a living grant', () => {
  let world: World;
  let bob: { id: string; email: string; password: string };
  let ana: Browser;
  let bobs: Browser;
  let name: string;
  let own: { keys: object[] };
  let sign: (clientId: string) => Promise<Record<string, string>>;
  /** Members of a client that authenticates by a key; its keys stand at this host and path. */
  let keyed: (host?: string, path?: string) => Record<string, unknown>;
  before(async () => {
    // No window in which a refresh token that was used up would still be taken.
    world = await startWorld({ REFRESH_GRACE_SECONDS: '0' });
    bob = await addPerson(world.consentry.rooms, 'bob@contoso.test');
    ana = openBrowser(world.consentry);
    bobs = openBrowser(world.consentry);
    await connect(world, ana, await world.register(world.newName()));
    await connect(world, bobs, await world.register(world.newName()), { who: bob });
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    own = { keys: [{ ...(await exportJWK(publicKey)), kid: 'own', alg: 'ES256', use: 'sig' }] };
    for (const path of ['/keys', '/other-keys']) world.serve(path, own);
    keyed = (host = 'localhost', path = '/keys') => ({
      token_endpoint_auth_method: 'private_key_jwt',
      jwks_uri: `https://${host}:${world.stub.port}${path}`,
    });
    sign = async (clientId) => {
      const claims = { iss: clientId, sub: clientId, aud: world.consentry.issuer, jti: randomUUID() };
      const client_assertion = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', kid: 'own' })
        .setIssuedAt()
        .setExpirationTime('1m')
        .sign(privateKey);
      const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
      return { client_assertion, client_assertion_type };
    };
  });
  after(() => world?.close());
  beforeEach(() => {
    name = world.newName();
  });

  const proofOf = async (clientId: string, { token_endpoint_auth_method: method }: Record<string, unknown>) =>
    method === 'private_key_jwt' ? sign(clientId) : {};
  /** Publishes, and connects with it. */
  async function connected(members: Record<string, unknown>, browser = ana) {
    const clientId = await world.publish(name, members);
    return connect(world, browser, clientId, { token: () => proofOf(clientId, members) });
  }
  const renew = async (clientId: string, token: string | undefined, members: Record<string, unknown>) =>
    refresh(world.consentry, clientId, token, await proofOf(clientId, members));
  const suspended = async (clientId: string) =>
    (await consentRows(world, clientId)).map((row) => (row.suspended_at ? row.suspended_reason : null));

  const ignored: Record<string, () => [Record<string, unknown>, Record<string, unknown>, string[]]> = {
    'another logo and other links': () => [
      { client_uri: `${world.stub.url}/` },
      { client_uri: `${world.stub.url}/x`, logo_uri: `${world.stub.url}/x.png`, tos_uri: `${world.stub.url}/tos` },
      ['client_uri', 'logo_uri', 'tos_uri'],
    ],
    'a redirect more': () => [{}, { redirect_uris: [HERE, THERE] }, ['redirect_uris']],
    'keys on another path of the same host': () => [keyed(), keyed('localhost', '/other-keys'), ['jwks_uri']],
  };
  for (const [what, members] of Object.entries(ignored)) {
    it(`${what}: refresh goes on, the short page stays, and the record has it`, async () => {
      const [earlier, later, changed] = members();
      const { clientId, refreshToken } = await connected(earlier);
      await world.publish(name, later);
      const { status, body } = await renew(clientId, refreshToken, later);
      assert.equal(status, 200, JSON.stringify(body));
      assertPage((await ask(world, ana, clientId)).page, 'short');
      assert.deepEqual(await suspended(clientId), [null]);
      const rows = await sql<{ details: { members: string[] } }>(
        world.consentry,
        "SELECT details FROM audit_events WHERE type = 'client.document_changed' AND client_id = $1",
        [clientId],
      );
      assert.deepEqual(
        rows.map(({ details }) => details.members),
        [changed],
      );
    });
  }

  it('other keys behind an unchanged jwks_uri: refresh goes on, and nothing is recorded', async () => {
    world.serve('/rotating', own);
    const members = keyed('localhost', '/rotating');
    const { clientId, refreshToken } = await connected(members);
    world.serve('/rotating', { keys: [...own.keys, { ...own.keys[0], kid: 'next' }] });
    await world.publish(name, members);
    assert.equal((await renew(clientId, refreshToken, members)).status, 200);
    assert.deepEqual(await suspended(clientId), [null]);
    assert.deepEqual(await recordOf(world, clientId, 'client.document_changed'), []);
  });

  it('another name: refresh goes on, the next page is the full one and tells it, once', async () => {
    const { clientId, refreshToken } = await connected({});
    await world.publish(name, { client_name: 'Renamed' });
    const renewed = await renew(clientId, refreshToken, {});
    assert.equal(renewed.status, 200, JSON.stringify(renewed.body));
    const { page } = await ask(world, ana, clientId);
    assertPage(page, 'full');
    assert.match(words(page), new RegExp(`What changed.*It used to call itself “${name}” , now “Renamed” \\.`));
    codeOf(await press(ana, page));
    assertPage((await ask(world, ana, clientId)).page, 'short');
    assert.equal((await renew(clientId, renewed.body.refresh_token, {})).status, 200);
  });

  it('a stronger authentication: refresh goes on with it, and the next page is the full one', async () => {
    const { clientId, refreshToken } = await connected({});
    await world.publish(name, keyed());
    assert.equal((await renew(clientId, refreshToken, keyed())).status, 200);
    assertPage((await ask(world, ana, clientId)).page, 'full');
    assert.deepEqual(await suspended(clientId), [null]);
  });

  interface Suspends {
    earlier: Record<string, unknown>;
    later: Record<string, unknown>;
    reason: string;
    told: RegExp;
    /** Where the client returns to after the change. */
    redirect?: string;
  }
  const suspends: Record<string, () => Suspends> = {
    'its redirect removed': () => ({
      earlier: { redirect_uris: [HERE, THERE] },
      later: { redirect_uris: [THERE] },
      reason: 'redirect_removed',
      told: /It used to send you back to 127\.0\.0\.1 , now to localhost/,
      redirect: THERE,
    }),
    'its keys on another host': () => ({
      earlier: keyed(),
      later: keyed('127.0.0.1'),
      reason: 'client_keys_moved',
      told: /Its keys used to come from localhost:\d+ , now from 127\.0\.0\.1:\d+/,
    }),
    'no authentication any more': () => ({
      earlier: keyed(),
      later: {},
      reason: 'client_proof_weaker client_keys_moved',
      told: /It now proves who it is in a weaker way/,
    }),
    'a name that resembles a protected one': () => ({
      earlier: {},
      later: { client_name: 'C\u043ensentry' },
      reason: 'client_resembles',
      told: /It used to call itself “Program \d+” , now “C\u043ensentry” , which looks like the name of somebody else/,
    }),
  };
  for (const [what, change] of Object.entries(suspends)) {
    it(`${what}: refresh ends for everybody, stays ended when the document turns back, and begins anew by the full page alone`, async () => {
      const { earlier, later, reason, told, redirect = HERE } = change();
      const { clientId, refreshToken, accessToken } = await connected(earlier);
      const other = await connect(world, bobs, clientId, { token: () => proofOf(clientId, earlier) });
      await world.publish(name, later);

      const refused = await renew(clientId, refreshToken, later);
      assert.deepEqual([refused.status, refused.body.error], [400, 'invalid_grant'], JSON.stringify(refused.body));
      assert.deepEqual(await suspended(clientId), [reason, reason]);
      assert.deepEqual(await recordOf(world, clientId, 'consent.suspended'), [`consent.suspended ${reason}`]);
      for (const token of [accessToken, other.accessToken]) {
        assert.deepEqual((await introspect(world.consentry, token)).body, { active: false });
      }
      await world.publish(name, earlier);
      for (const token of [refreshToken, other.refreshToken]) {
        assert.equal((await renew(clientId, token, earlier)).body.error, 'invalid_grant', 'turned back');
      }
      assertPage((await ask(world, ana, clientId)).page, 'full', 'turned back');

      await world.publish(name, later);
      const { begun, page } = await ask(world, ana, clientId, { params: { redirect_uri: redirect } });
      assertPage(page, 'full');
      assert.match(words(page), told);
      const code = codeOf(await press(ana, page));
      const again = await redeem(world.consentry, clientId, { ...begun, code }, await proofOf(clientId, later));
      assert.equal(again.status, 200, JSON.stringify(again.body));
      assert.equal((await renew(clientId, refreshToken, later)).body.error, 'invalid_grant', 'the old one stays dead');
      assert.equal((await renew(clientId, again.body.refresh_token, later)).status, 200);
      assertPage((await ask(world, ana, clientId, { params: { redirect_uri: redirect } })).page, 'short');
      // What Bob agreed to is as it was left.
      assert.equal((await renew(clientId, other.refreshToken, later)).body.error, 'invalid_grant');
    });
  }

  it('agreed to again as it was before, a suspended consent lives on, and what was granted under it does not', async () => {
    const { clientId, refreshToken } = await connected({ redirect_uris: [HERE, THERE] });
    await world.publish(name, { redirect_uris: [THERE] });
    assert.equal((await renew(clientId, refreshToken, {})).body.error, 'invalid_grant');
    await world.publish(name, {});
    const fresh = await connect(world, ana, clientId);
    assertPage(fresh.page, 'full');
    assert.deepEqual(await suspended(clientId), [null]);
    assert.equal((await renew(clientId, refreshToken, {})).body.error, 'invalid_grant');
    assert.equal((await renew(clientId, fresh.refreshToken, {})).status, 200);
  });

  it('whoever comes upon it first, it ends for all: Bob’s page ends Ana’s refresh', async () => {
    const { clientId, refreshToken } = await connected({});
    await world.publish(name, { redirect_uris: [THERE] });
    assertPage((await ask(world, bobs, clientId, { params: { redirect_uri: THERE } })).page, 'full');
    assert.deepEqual(await suspended(clientId), ['redirect_removed']);
    await world.publish(name, {});
    assert.equal((await renew(clientId, refreshToken, {})).body.error, 'invalid_grant');
  });

  it('whoever asks about a token first, it is told as ended: no server is told once more that it lives', async () => {
    const { clientId, accessToken } = await connected({});
    await world.publish(name, { redirect_uris: [THERE] });
    assert.deepEqual((await introspect(world.consentry, accessToken)).body, { active: false });
    assert.deepEqual(await suspended(clientId), ['redirect_removed']);
  });

  it('taken off the web (410): its tokens are told as ended, and the server that asks is not told that it did wrong', async () => {
    const { clientId, accessToken, refreshToken } = await connected({});
    await world.publish(name, undefined);
    const told = await introspect(world.consentry, accessToken);
    assert.deepEqual([told.status, told.body], [200, { active: false }]);
    assert.equal((await renew(clientId, refreshToken, {})).body.error, 'invalid_client');
  });

  it('another sign-in of the same client, to an address that it keeps, goes on', async () => {
    const { clientId, refreshToken } = await connected({ redirect_uris: [HERE, THERE] });
    const kept = await connect(world, ana, clientId, { params: { redirect_uri: THERE } });
    await world.publish(name, { redirect_uris: [THERE] });
    assert.equal((await renew(clientId, refreshToken, {})).body.error, 'invalid_grant');
    assert.equal((await renew(clientId, kept.refreshToken, {})).status, 200);
  });

  it('the words behind a scope that changed and were accepted: refresh loses that scope alone until it is pressed again', async () => {
    const clientId = await world.publish(name, {});
    const params = { scope: 'mail:read mail:label' };
    const tokens = await connect(world, ana, clientId, { params });
    await sql(
      world.consentry,
      "UPDATE resource_scopes SET tools = array_append(tools, 'delete_label') WHERE name = 'mail:label'",
    );
    const renewed = await renew(clientId, tokens.refreshToken, {});
    assert.equal(renewed.status, 200, JSON.stringify(renewed.body));
    assert.deepEqual(scopesOf(renewed), ['mail:read']);
    // Without it nothing has changed.
    assertPage((await ask(world, ana, clientId)).page, 'short');
    const { page } = await ask(world, ana, clientId, { params });
    assertPage(page, 'full');
    assert.match(words(page), /The tools behind “?Change labels”? are different.*delete_label/);
    codeOf(await press(ana, page));
    const whole = await renew(clientId, renewed.body.refresh_token, {});
    assert.deepEqual(scopesOf(whole), ['mail:label', 'mail:read']);
  });

  const updates: Record<string, [Record<string, unknown>, string]> = {
    'its redirect removed': [{ redirect_uris: [THERE] }, 'redirect_removed'],
    'a name that resembles a protected one': [{ client_name: 'Official Consentry' }, 'client_resembles'],
  };
  for (const [what, [changes, reason]] of Object.entries(updates)) {
    it(`a registration that says so of itself (RFC 7592), ${what}: ended at once, and not revived by turning back`, async () => {
      const before = { client_name: name, redirect_uris: [HERE, THERE] };
      const client = await registerClient(world.consentry.issuer, before);
      const { client_id: clientId } = client;
      const tokens = await connect(world, ana, clientId);
      await update(client, changes);
      assert.deepEqual(await suspended(clientId), [reason]);
      assert.deepEqual((await introspect(world.consentry, tokens.accessToken)).body, { active: false });
      await update(client, before);
      assert.equal((await renew(clientId, tokens.refreshToken, {})).body.error, 'invalid_grant');
      assert.deepEqual(await recordOf(world, clientId, 'consent.suspended'), [`consent.suspended ${reason}`]);
      const fresh = await connect(world, ana, clientId);
      assertPage(fresh.page, 'full');
      assert.equal((await renew(clientId, tokens.refreshToken, {})).body.error, 'invalid_grant');
      assert.equal((await renew(clientId, fresh.refreshToken, {})).status, 200);
    });
  }

  async function update(client: Registration, changes: Record<string, unknown>): Promise<void> {
    const { registration_access_token: token, registration_client_uri: uri, client_id: id } = client;
    const metadata = {
      client_id: id,
      token_endpoint_auth_method: 'none',
      redirect_uris: [HERE, THERE],
      client_name: name,
    };
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answer = await fetch(uri, { method: 'PUT', headers, body: JSON.stringify({ ...metadata, ...changes }) });
    assert.equal(answer.status, 200, await answer.text());
  }
});
