/** The device flow (RFC 8628): off unless an administrator turned it on, and every step of it deliberate. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it, mock } from 'node:test';
import { decodeJwt } from 'jose';
import { approve, introspect, refresh, registerClient, signIn, tokenRequest } from '../flow.ts';
import { CALENDAR, type Consentry, register, sql, startConsentry, staticClient } from '../harness.ts';
import { createPerson, type Person, type Step } from '../person.ts';
import { atOnce, connect, tally } from './kit.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

describe('device flow', () => {
  let consentry: Consentry;
  let clientId: string;
  let ana: Person;
  before(async () => {
    mock.timers.enable({ apis: ['Date'], now: Date.now() });
    consentry = await startConsentry();
    await register(consentry.rooms, CALENDAR);
    const client = await staticClient(consentry.rooms, {
      kind: 'app',
      name: 'Television',
      redirectUris: [],
      authMethod: 'none',
      deviceFlow: true,
    });
    clientId = client.clientId;
  });
  after(async () => {
    await consentry?.close();
    mock.timers.reset();
  });
  beforeEach(() => {
    ana = createPerson(consentry.issuer);
  });

  async function begin(fields: Record<string, string | undefined> = {}) {
    const body = new URLSearchParams();
    const all = { client_id: clientId, resource: consentry.mail.uri, ...fields };
    for (const [name, value] of Object.entries(all)) if (value !== undefined) body.set(name, value);
    const response = await fetch(`${consentry.issuer}/device_authorization`, { method: 'POST', body });
    return { status: response.status, body: (await response.json()) as Record<string, string> };
  }

  const poll = (deviceCode: string | undefined, client = clientId) =>
    tokenRequest(consentry.issuer, { grant_type: GRANT, client_id: client, device_code: deviceCode });

  async function assertPoll(deviceCode: string | undefined, error: string) {
    const { status, body } = await poll(deviceCode);
    assert.deepEqual([status, body.error, body.access_token], [400, error, undefined]);
  }

  const enter = async (person: Person, userCode: string | undefined) =>
    person.submit(await person.open(`${consentry.issuer}/device`), { user_code: String(userCode) });

  /** Up to the consent page. */
  async function reach(person: Person, userCode: string | undefined): Promise<Step> {
    const confirmed = await person.submit(await enter(person, userCode));
    return signIn(person, confirmed, consentry.ana);
  }

  async function grant(person: Person, fields?: Record<string, string>) {
    const { body } = await begin(fields);
    const done = await approve(person, await reach(person, body.user_code));
    assert.match(done.html, /connected|Television/);
    return body;
  }

  it('connects a device: code entered, confirmed, signed in, approved; then it gets its tokens, once', async () => {
    const { status, body } = await begin();
    assert.equal(status, 200);
    const { device_code: deviceCode, user_code: userCode, ...rest } = body;
    assert.match(String(userCode), /^[B-Z]{4}-[B-Z]{4}$/);
    assert.deepEqual(rest, {
      verification_uri: `${consentry.issuer}/device`,
      verification_uri_complete: `${consentry.issuer}/device?user_code=${userCode}`,
      expires_in: 600,
    });
    await assertPoll(deviceCode, 'authorization_pending');

    const entered = await enter(ana, String(userCode).toLowerCase().replace('-', ' '));
    assert.match(entered.html, new RegExp(String(userCode)));
    assert.match(entered.html, /Television/);
    const connectPage = await ana.submit(entered);
    assert.match(connectPage.html, /name="password"/);
    await assertPoll(deviceCode, 'authorization_pending');
    const consentPage = await signIn(ana, connectPage, consentry.ana);
    assert.match(consentPage.html, /value="approve"/);
    assert.match(consentPage.html, /Television/);
    await assertPoll(deviceCode, 'authorization_pending');
    const done = await approve(ana, consentPage);
    assert.deepEqual([done.status, done.left], [200, undefined]);

    const tokens = await poll(deviceCode);
    assert.equal(tokens.status, 200, JSON.stringify(tokens.body));
    const claims = decodeJwt(String(tokens.body.access_token));
    assert.deepEqual(
      [claims.aud, claims.sub, claims.client_id, claims.scope],
      [consentry.mail.uri, consentry.ana.id, clientId, 'mail:read'],
    );
    const refreshed = await refresh(consentry, clientId, tokens.body.refresh_token);
    assert.equal(refreshed.status, 200, JSON.stringify(refreshed.body));
    const types = await sql<{ type: string; account_id: string | null }>(
      consentry,
      "SELECT type, account_id FROM audit_events WHERE type LIKE 'device.%' AND client_id = $1 ORDER BY seq",
      [clientId],
    );
    assert.deepEqual(types, [
      { type: 'device.started', account_id: null },
      { type: 'device.approved', account_id: consentry.ana.id },
    ]);

    await assertPoll(deviceCode, 'invalid_grant');
    assert.deepEqual((await introspect(consentry, refreshed.body.access_token)).body, { active: false });
  });

  it('gives nobody but the device its tokens, and one of 20 polls at once', async () => {
    const { device_code: deviceCode } = await grant(ana);
    const other = await staticClient(consentry.rooms, {
      kind: 'app',
      redirectUris: [],
      authMethod: 'none',
      deviceFlow: true,
    });
    assert.equal((await poll(deviceCode, other.clientId)).body.error, 'invalid_grant');
    const answers = await atOnce(20, () => poll(deviceCode));
    assert.deepEqual(tally(answers), { '200': 1, '400 invalid_grant': 19 });
  });

  it('asks for a fresh sign-in and a press every time, whoever is signed in and whatever was agreed (threat 140)', async () => {
    await grant(ana);
    const { body } = await begin();
    const page = await ana.submit(await enter(ana, body.user_code));
    assert.match(page.html, /name="password"/);
    assert.match((await signIn(ana, page, consentry.ana)).html, /value="approve"/);
    await assertPoll(body.device_code, 'authorization_pending');
  });

  it('takes no code from a link: nothing is filled in (threat 140)', async () => {
    const { body } = await begin();
    const page = await ana.open(String(body.verification_uri_complete));
    assert.equal(page.status, 200);
    assert.doesNotMatch(page.html, new RegExp(`${body.user_code}|${String(body.user_code).replace('-', '')}`));
    assert.match(page.html, /name="user_code"/);
    assert.doesNotMatch(page.html, /<script(?![^>]*\bsrc=)|onload/);
    await assertPoll(body.device_code, 'authorization_pending');
  });

  it('goes on in no browser but the one that entered the code', async () => {
    const { body } = await begin();
    const page = await reach(ana, body.user_code);
    const thief = createPerson(consentry.issuer);
    const opened = await thief.open(page.url);
    assert.equal(opened.status, 403);
    const pressed = await thief.submit(page, { decision: 'approve' });
    assert.equal(pressed.status, 403);
    // Nor can anybody enter the code a second time.
    const again = await enter(thief, body.user_code);
    assert.equal(again.status, 400);
    await assertPoll(body.device_code, 'authorization_pending');
    assert.equal((await approve(ana, page)).status, 200);
    assert.equal((await poll(body.device_code)).status, 200);
  });

  it('refuses a form that was not ours or comes from another browser, and lets that one begin anew', async () => {
    const { body } = await begin();
    const page = await ana.open(`${consentry.issuer}/device`);
    const fields = { user_code: String(body.user_code), confirm: 'yes' };
    const forged = await ana.submit(page, { ...fields, xsrf: 'forged' });
    const other = createPerson(consentry.issuer);
    const carried = await other.submit(page, fields);
    for (const answer of [forged, carried]) {
      assert.equal(answer.status, 400);
      assert.doesNotMatch(answer.html, /Television|name="password"/);
    }
    await assertPoll(body.device_code, 'authorization_pending');
    assert.match((await other.submit(carried, { user_code: String(body.user_code) })).html, /Television/);
  });

  it('says no for good: Cancel at the code, Cancel at the sign-in and Deny are all access_denied', async () => {
    const ways: ((userCode: string | undefined) => Promise<Step>)[] = [
      async (code) => ana.submit(await enter(ana, code), { abort: 'yes' }),
      async (code) => ana.submit(await ana.submit(await enter(ana, code)), { decision: 'cancel' }),
      async (code) => ana.submit(await reach(ana, code), { decision: 'deny' }),
    ];
    for (const way of ways) {
      const { body } = await begin();
      const page = await way(body.user_code);
      assert.equal(page.left, undefined);
      await assertPoll(body.device_code, 'access_denied');
      assert.equal((await enter(ana, body.user_code)).status, 400);
    }
  });

  it('says what became of a code: unknown, expired, used', async () => {
    assert.equal((await enter(ana, 'BBBB-BBBB')).status, 400);
    assert.equal((await enter(ana, '')).status, 400);
    await assertPoll('unknown', 'invalid_grant');
    await assertPoll(undefined, 'invalid_request');
    const { body } = await begin();
    mock.timers.tick(600_000);
    await assertPoll(body.device_code, 'expired_token');
    const late = await enter(ana, body.user_code);
    assert.equal(late.status, 400);
    assert.match(late.html, /too old/);
  });

  it('mints nothing where the consent was taken back before the device asked (threat 58)', async () => {
    const { device_code: deviceCode } = await grant(ana);
    await consentry.rooms.consents.revoke({ clientId }, 'test');
    await assertPoll(deviceCode, 'invalid_grant');
  });

  it('leaves out what was unticked, and is for one known resource', async () => {
    const { body } = await begin({ scope: 'mail:read mail:send calendar:read nonsense' });
    await approve(ana, await reach(ana, body.user_code), { scope: 'mail:read' });
    assert.equal(decodeJwt(String((await poll(body.device_code)).body.access_token)).scope, 'mail:read');
    for (const resource of ['http://127.0.0.1:9/elsewhere', undefined]) {
      const answer = await begin({ resource });
      assert.deepEqual([answer.status, answer.body.error], [400, 'invalid_target']);
    }
    for (const [client, status, error] of [
      ['unknown', 401, 'invalid_client'],
      [undefined, 400, 'invalid_request'],
    ] as const) {
      const answer = await begin({ client_id: client });
      assert.deepEqual([answer.status, answer.body.error], [status, error]);
    }
  });

  it('is not for clients that registered themselves, nor for static ones without it (threat 76)', async () => {
    const { client_id: registered, grant_types: grants } = await registerClient(consentry.issuer, {
      grant_types: ['authorization_code', 'refresh_token', GRANT],
    });
    assert.deepEqual(grants, ['authorization_code', 'refresh_token']);
    const { clientId: app } = await staticClient(consentry.rooms, { kind: 'app', authMethod: 'none' });
    for (const id of [registered, app]) {
      const answer = await begin({ client_id: id });
      assert.deepEqual([answer.status, answer.body.error], [400, 'unauthorized_client']);
      assert.equal((await poll('unknown', id)).body.error, 'unauthorized_client');
    }
  });

  it('a device code is no authorization code, and no client of a browser can redeem it (threat 27)', async () => {
    const { device_code: deviceCode } = await grant(ana);
    const { clientId: both } = await staticClient(consentry.rooms, {
      kind: 'app',
      authMethod: 'none',
      deviceFlow: true,
    });
    const fields = {
      grant_type: 'authorization_code',
      client_id: both,
      code: deviceCode,
      redirect_uri: 'http://127.0.0.1/callback',
      code_verifier: 'x'.repeat(43),
    };
    assert.equal((await tokenRequest(consentry.issuer, fields)).body.error, 'invalid_grant');
    const { refreshToken } = await connect(consentry, { person: ana });
    await assertPoll(refreshToken, 'invalid_grant');
    assert.equal((await poll(deviceCode)).status, 200);
  });
});
