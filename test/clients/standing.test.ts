/** What an administrator decides of a client that is here: let in again, or taken for a proxy, whatever it says of itself. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decodeJwt } from 'jose';
import { markAdminClient } from '../../src/admin-api.ts';
import { setClientKind, unblockClient } from '../../src/client-standing.ts';
import { revokeClient } from '../../src/revocations.ts';
import { authorizationUrl, basic, redeem, refresh, registerClient } from '../flow.ts';
import { type Consentry, sql, staticClient } from '../harness.ts';
import { words } from '../interaction/kit.ts';
import { createPerson, type Person } from '../person.ts';
import {
  agree,
  assertNotNamed,
  CLAUDE,
  DESK,
  details,
  isShortPage,
  type Proxies,
  push,
  reach,
  startProxies,
} from '../proxies/kit.ts';

const UNNAMED = 'invalid_authorization_details';

describe('a client that an administrator', () => {
  let proxies: Proxies;
  let consentry: Consentry;
  let ana: Person;
  let named = 0;
  before(async () => {
    proxies = await startProxies();
    consentry = proxies.consentry;
    ana = createPerson(consentry.issuer, { 'sec-fetch-site': 'none' });
  });
  after(() => proxies?.close());

  const find = async (id: string) => consentry.rooms.clients.find(id);

  /** Asks, presses what the page offers, and redeems. */
  async function again(clientId: string, redirectUri?: string) {
    const begun = authorizationUrl(consentry, clientId, redirectUri ? { redirect_uri: redirectUri } : {});
    const page = await reach(consentry, begun.url, ana);
    const code = await agree(ana, page);
    const { body } = await redeem(consentry, clientId, { ...begun, code });
    return { page, body };
  }

  /** Calls itself what nobody else does, so that no other registration is taken for the same program. */
  async function connected() {
    named += 1;
    const { client_id: clientId } = await registerClient(consentry.issuer, { client_name: `Desk ${named}` });
    const { body } = await again(clientId);
    return { clientId, refreshToken: body.refresh_token };
  }

  it('takes for a proxy gets full pages and no refresh token from then on, and what it had ends', async () => {
    const before = await connected();
    assert.ok(before.refreshToken);
    assert.ok(isShortPage((await again(before.clientId)).page));
    assert.ok((await setClientKind(consentry.rooms, before.clientId, 'proxy')) > 0);
    const refused = await refresh(consentry, before.clientId, before.refreshToken);
    assert.deepEqual([refused.status, refused.body.error], [400, 'invalid_grant']);
    for (let time = 0; time < 2; time += 1) {
      const { page, body } = await again(before.clientId);
      assert.ok(!isShortPage(page), words(page));
      assert.equal(body.refresh_token, undefined);
      assert.deepEqual((decodeJwt(String(body.access_token)) as { act?: object }).act, { sub: before.clientId });
    }
    // An update of its registration says nothing of that.
    await consentry.rooms.clients.saveRegistration(
      before.clientId,
      (await find(before.clientId))?.metadata as never,
      undefined,
    );
    assert.ok(!isShortPage((await again(before.clientId)).page));
    await setClientKind(consentry.rooms, before.clientId, 'app');
    assert.ok((await again(before.clientId)).body.refresh_token);
  });

  it('takes for a proxy may name nobody, where it registered itself', async () => {
    const { client_id: id, client_secret: secret } = await registerClient(consentry.issuer, {
      token_endpoint_auth_method: 'client_secret_basic',
      redirect_uris: ['https://hub.example/callback'],
    });
    await setClientKind(consentry.rooms, id, 'proxy');
    const hub = { clientId: id, headers: basic(id, secret), redirectUri: 'https://hub.example/callback' };
    await assertNotNamed(push(consentry, hub, { authorization_details: details(CLAUDE) }), UNNAMED, 'hub');
    assert.equal((await push(consentry, hub)).status, 201);
  });

  it('takes for a proxy is no client that another proxy may act for', async () => {
    await consentry.rooms.clients.recordDocument(DESK.clientId, { client_id: DESK.clientId });
    assert.equal((await push(consentry, proxies.gateway, { authorization_details: details(DESK) })).status, 201);
    await setClientKind(consentry.rooms, DESK.clientId, 'proxy');
    const pushed = push(consentry, proxies.gateway, { authorization_details: details(DESK) });
    await assertNotNamed(pushed, 'invalid_authorization_details', 'desk');
    const { page, body } = await again(DESK.clientId, DESK.redirectUri);
    assert.ok(!isShortPage(page));
    assert.equal(body.refresh_token, undefined);
  });

  it('made may become a proxy that names whom it acts for, and an app again', async () => {
    const made = await staticClient(consentry.rooms, { kind: 'app', redirectUris: ['https://hub2.example/cb'] });
    const hub = {
      clientId: made.clientId,
      headers: basic(made.clientId, made.clientSecret),
      redirectUri: 'https://hub2.example/cb',
    };
    await assertNotNamed(push(consentry, hub, { authorization_details: details(CLAUDE) }), UNNAMED, 'app');
    await setClientKind(consentry.rooms, made.clientId, 'proxy');
    assert.equal((await push(consentry, hub, { authorization_details: details(CLAUDE) })).status, 201);
    await setClientKind(consentry.rooms, made.clientId, 'app');
    assert.ok(!('authorization_details_types' in ((await find(made.clientId))?.metadata ?? {})));
    await assertNotNamed(push(consentry, hub, { authorization_details: details(CLAUDE) }), UNNAMED, 'app');
  });

  it('may not take for a proxy: one with the device flow, one that asks for the administration API, a service', async () => {
    const { rooms } = consentry;
    const device = await staticClient(rooms, { kind: 'app', deviceFlow: true });
    await assert.rejects(setClientKind(rooms, device.clientId, 'proxy'), { code: 'bad_client' });
    const admin = await staticClient(rooms, { kind: 'app' });
    await markAdminClient(rooms, admin.clientId, true);
    await assert.rejects(setClientKind(rooms, admin.clientId, 'proxy'), { code: 'marked_for_admin_api' });
    const service = await staticClient(rooms, { kind: 'service', redirectUris: [] });
    await assert.rejects(setClientKind(rooms, service.clientId, 'app'), { code: 'kind_fixed' });
    await assert.rejects(setClientKind(rooms, consentry.mail.clientId, 'app'), { code: 'unknown_client' });
  });

  it('blocked and lets in again may ask anew, and has nothing of what it had', async () => {
    const { rooms } = consentry;
    const before = await connected();
    await revokeClient(rooms, before.clientId, await find(before.clientId));
    const url = authorizationUrl(consentry, before.clientId).url;
    assert.equal((await ana.open(url)).status, 400);
    await unblockClient(rooms, before.clientId);
    assert.equal((await refresh(consentry, before.clientId, before.refreshToken)).status, 400);
    const { page, body } = await again(before.clientId);
    assert.ok(!isShortPage(page));
    assert.ok(body.access_token);
    await assert.rejects(unblockClient(rooms, before.clientId), { code: 'not_blocked' });
    await assert.rejects(unblockClient(rooms, consentry.mail.clientId), { code: 'unknown_client' });
  });

  it('changes leaves what was before and after in the record', async () => {
    const rows = await sql<{ type: string; details: Record<string, unknown> }>(
      consentry,
      "SELECT type, details FROM audit_events WHERE type IN ('client.kind_changed', 'client.restored') ORDER BY seq",
    );
    const [first] = rows;
    assert.deepEqual(
      [first?.type, first?.details.before, first?.details.after],
      ['client.kind_changed', 'app', 'undeclared'],
    );
    assert.equal(typeof rows.find(({ type }) => type === 'client.restored')?.details.blockedAt, 'string');
  });
});
