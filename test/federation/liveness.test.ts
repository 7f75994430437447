/** A client refreshes: is the person still welcome at their provider? Asked seldom, once, and only a refusal is one. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createLiveness } from '../../src/federation/liveness.ts';
import { createLivenessStore } from '../../src/federation/liveness-store.ts';
import { introspect, refresh, registerClient } from '../flow.ts';
import { sql } from '../harness.ts';
import { atOnce, tally } from '../oauth/kit.ts';
import { createPerson, type Person } from '../person.ts';
import { begin, connectUpstream, type Federated, startFederated } from './kit.ts';

const MINUTE_MS = 60_000;
const ANA = { sub: 'ana', email: 'ana@upstream.test', email_verified: true, name: 'Ana Lima' };

describe('the person behind a refresh token', () => {
  let federated: Federated;
  let people = 0;
  before(async () => {
    federated = await startFederated({ ids: ['contoso'], settings: { offlineAccess: true, rolesClaim: 'roles' } });
  });
  beforeEach(() => {
    federated.clock.ahead = 0;
    people += 1;
    const person = { ...ANA, sub: `ana-${people}` };
    Object.assign(federated.upstream.behaviour, { person, refreshTokens: true, refusal: undefined, down: false });
  });
  after(() => federated?.close());

  const later = (minutes: number) => {
    federated.clock.ahead += minutes * MINUTE_MS;
  };
  const asked = () => federated.upstream.redemptions.length;
  const again = (clientId: string, token: unknown) => refresh(federated.consentry, clientId, String(token));

  /** Somebody of the provider, signed in, with a client. */
  async function connected(person: Person = createPerson(federated.consentry.issuer)) {
    const { client_id: clientId } = await registerClient(federated.consentry.issuer, {
      client_name: `P${Math.random()}`,
    });
    return { person, clientId, ...(await tokensFor(person, clientId)) };
  }

  const tokensFor = (person: Person, clientId: string) => connectUpstream(federated, person, clientId);

  const identity = async () => {
    const subject = `ana-${people}`;
    const [row] = await sql<{
      account_id: string;
      refresh_token: Buffer | null;
      vouched_at: Date;
      app_roles: string[];
    }>(
      federated.consentry,
      'SELECT account_id, refresh_token, vouched_at, app_roles FROM identities WHERE subject = $1',
      [subject],
    );
    assert.ok(row);
    return row;
  };
  const recorded = (type: string, accountId: string) =>
    sql<{ reason: string; details: Record<string, unknown>; actor: string }>(
      federated.consentry,
      'SELECT reason, details, actor FROM audit_events WHERE type = $1 AND account_id = $2',
      [type, accountId],
    );

  it('within ten minutes of a sign-in nobody is asked; then once, and then not for ten minutes again', async () => {
    const { clientId, refreshToken } = await connected();
    const before = asked();
    const first = await again(clientId, refreshToken);
    assert.equal(first.status, 200);
    assert.equal(asked(), before);
    later(11);
    const second = await again(clientId, first.body.refresh_token);
    assert.equal(second.status, 200, JSON.stringify(second.body));
    assert.equal(asked(), before + 1);
    later(9);
    const third = await again(clientId, second.body.refresh_token);
    assert.equal(third.status, 200);
    assert.equal(asked(), before + 1);
    later(2);
    assert.equal((await again(clientId, third.body.refresh_token)).status, 200);
    assert.equal(asked(), before + 2, 'with the token that the provider gave the last time, which it takes once');
  });

  it('fifty refreshes at once, of five clients of one person, ask the provider once', async () => {
    const person = createPerson(federated.consentry.issuer);
    const clients = [await connected(person)];
    while (clients.length < 5) {
      const { client_id: clientId } = await registerClient(federated.consentry.issuer, {
        client_name: `Q${clients.length}`,
      });
      clients.push({ person, clientId, ...(await tokensFor(createPerson(federated.consentry.issuer), clientId)) });
    }
    later(11);
    const before = asked();
    const answers = await atOnce(50, (index) => {
      const client = clients[index % 5];
      return again(client?.clientId ?? '', client?.refreshToken);
    });
    assert.deepEqual(tally(answers), { '200': 50 });
    assert.equal(asked(), before + 1);
  });

  it('two processes ask the provider once, and both learn what it said', async () => {
    await connected();
    const { account_id: accountId } = await identity();
    const { rooms } = federated.consentry;
    const newProcess = () =>
      createLiveness({
        ...rooms,
        connections: federated.connections,
        store: createLivenessStore(rooms),
        end: rooms.leavers.endUpstream,
        recompute: rooms.roles.recompute,
        log: { warn() {} },
      });
    const processes = [newProcess(), newProcess()];
    const assureAll = () =>
      Promise.allSettled(Array.from({ length: 10 }, (_, index) => processes[index % 2]?.assure(accountId, undefined)));
    later(11);
    const before = asked();
    assert.ok((await assureAll()).every(({ status }) => status === 'fulfilled'));
    assert.equal(asked(), before + 1);
    later(61);
    federated.upstream.behaviour.refusal = { status: 400, error: 'access_denied' };
    assert.ok(
      (await assureAll()).every(({ status }) => status === 'fulfilled'),
      'the other process learns of the end too',
    );
    assert.equal(asked(), before + 2);
    assert.equal((await recorded('account.disabled', accountId)).length, 1);
  });

  it('somebody who is shut out there is out here: refresh, access token, session, password, with one record', async () => {
    const { person, clientId, accessToken, refreshToken } = await connected();
    const { account_id: accountId } = await identity();
    assert.equal((await introspect(federated.consentry, accessToken)).body.active, true);
    later(11);
    federated.upstream.behaviour.refusal = { status: 400, error: 'access_denied' };
    const { status, body } = await again(clientId, refreshToken);
    assert.deepEqual([status, body.error], [400, 'invalid_grant']);
    federated.clock.ahead = 0;
    assert.equal((await introspect(federated.consentry, accessToken)).body.active, false);
    const account = await federated.consentry.rooms.accountStore.findById(accountId);
    assert.deepEqual(account?.disabledBy, ['upstream:contoso']);
    assert.ok(account?.disabledAt, 'which every way to sign in asks for, passwords too');
    const left = await sql(
      federated.consentry,
      `SELECT kind FROM artifacts WHERE account_id = $1 AND kind <> 'UpstreamLeg'
       UNION ALL SELECT 'grant' FROM grants g JOIN consents c ON c.id = g.consent_id WHERE c.account_id = $1`,
      [accountId],
    );
    assert.deepEqual(left, []);
    const events = await recorded('account.disabled', accountId);
    assert.equal(events.length, 1);
    assert.equal(events[0]?.reason, 'refused_upstream');
    assert.equal(events[0]?.actor, 'system');
    assert.equal(events[0]?.details.code, 'access_denied');
    assert.equal((await identity()).refresh_token, null, 'what is worth nothing is not kept');
    await begin(federated, person, clientId);
  });

  it('a password does not help somebody who was shut out at their provider', async () => {
    const { clientId, refreshToken } = await connected();
    const { account_id: accountId } = await identity();
    const { rooms } = federated.consentry;
    const passwordHash = await rooms.passwords.hash('correct horse battery staple');
    await sql(
      federated.consentry,
      "UPDATE accounts SET sign_in_name = 'left@here.test', password_hash = $2 WHERE id = $1",
      [accountId, passwordHash],
    );
    const claim = {
      email: 'left@here.test',
      password: 'correct horse battery staple',
      address: '127.0.0.9',
      binding: 'x',
    };
    assert.equal((await rooms.accounts.signIn(claim)).ok, true);
    later(11);
    federated.upstream.behaviour.refusal = { status: 400, error: 'access_denied' };
    assert.equal((await again(clientId, refreshToken)).body.error, 'invalid_grant');
    const outcome = await rooms.accounts.signIn(claim);
    assert.deepEqual([outcome.ok, !outcome.ok && outcome.reason], [false, 'disabled']);
  });

  it('nor does one after the provider asked for a sign-in there: they may have left since, and nobody would hear of it (threat 87)', async () => {
    const { clientId, refreshToken } = await connected();
    const { account_id: accountId } = await identity();
    const { rooms } = federated.consentry;
    const password = 'correct horse battery staple';
    await sql(
      federated.consentry,
      "UPDATE accounts SET sign_in_name = 'owes@here.test', password_hash = $2 WHERE id = $1",
      [accountId, await rooms.passwords.hash(password)],
    );
    const signIn = async () => {
      const outcome = await rooms.accounts.signIn({
        email: 'owes@here.test',
        password,
        address: '127.0.0.8',
        binding: 'x',
      });
      return outcome.ok || outcome.reason;
    };
    later(11);
    federated.upstream.behaviour.refusal = { status: 400, error: 'invalid_grant' };
    assert.equal((await again(clientId, refreshToken)).body.error, 'invalid_grant');
    assert.equal(await signIn(), 'owes_sign_in');
    const person = createPerson(federated.consentry.issuer);
    const shown = await begin(federated, person, clientId);
    const refused = await person.submit(shown, { email: 'owes@here.test', password, decision: 'continue' });
    assert.equal(refused.status, 403);
    assert.match(refused.html, /asked you to sign in there again/);
    await sql(federated.consentry, 'UPDATE accounts SET break_glass = true WHERE id = $1', [accountId]);
    assert.equal(await signIn(), true, 'a break-glass account is for such times');
    await sql(federated.consentry, 'UPDATE accounts SET break_glass = false WHERE id = $1', [accountId]);
    federated.upstream.behaviour.refusal = undefined;
    await tokensFor(createPerson(federated.consentry.issuer), clientId);
    assert.equal(await signIn(), true, 'the provider vouches for them again');
  });

  it('the last owner stays although their provider refuses them; owners are told once in ten minutes, not at each refresh', async () => {
    const { clientId, refreshToken } = await connected();
    const { account_id: accountId } = await identity();
    await sql(federated.consentry, "UPDATE accounts SET role = 'owner' WHERE id = $1", [accountId]);
    later(11);
    federated.upstream.behaviour.refusal = { status: 400, error: 'access_denied' };
    const first = await again(clientId, refreshToken);
    assert.equal(first.status, 200, JSON.stringify(first.body));
    assert.equal((await again(clientId, first.body.refresh_token)).status, 200);
    const kept = await recorded('account.leaver_kept', accountId);
    assert.deepEqual([kept.length, kept[0]?.reason], [1, 'last_owner']);
    await sql(federated.consentry, "UPDATE accounts SET role = 'user' WHERE id = $1", [accountId]);
  });

  it('a dead token ends what was granted, and a sign-in mends it: nobody is disabled', async () => {
    const { clientId, refreshToken, accessToken } = await connected();
    const { account_id: accountId } = await identity();
    later(11);
    federated.upstream.behaviour.refusal = { status: 400, error: 'invalid_grant' };
    assert.equal((await again(clientId, refreshToken)).body.error, 'invalid_grant');
    federated.clock.ahead = 0;
    assert.equal((await introspect(federated.consentry, accessToken)).body.active, false);
    assert.equal((await federated.consentry.rooms.accountStore.findById(accountId))?.disabledAt, null);
    assert.equal((await recorded('account.access_ended', accountId))[0]?.reason, 'token_ended_upstream');
    federated.upstream.behaviour.refusal = undefined;
    const back = await tokensFor(createPerson(federated.consentry.issuer), clientId);
    assert.equal((await again(clientId, back.refreshToken)).status, 200);
  });

  it('who was let in again there signs in here again, and finds nothing of what ended', async () => {
    const { clientId, refreshToken } = await connected();
    const { account_id: accountId } = await identity();
    later(11);
    federated.upstream.behaviour.refusal = { status: 400, error: 'access_denied' };
    assert.equal((await again(clientId, refreshToken)).body.error, 'invalid_grant');
    federated.upstream.behaviour.refusal = undefined;
    const back = await tokensFor(createPerson(federated.consentry.issuer), clientId);
    assert.equal((await federated.consentry.rooms.accountStore.findById(accountId))?.disabledAt, null);
    assert.equal((await again(clientId, refreshToken)).body.error, 'invalid_grant', 'the token of before stays dead');
    assert.equal((await again(clientId, back.refreshToken)).status, 200);
  });

  for (const [name, refusal] of [
    ['is down', undefined],
    ['fails', { status: 500, error: 'server_error' }],
    ['says "dead" with a fault of its own', { status: 503, error: 'invalid_grant' }],
    ['is asked too often', { status: 429, error: 'access_denied' }],
    ['does not know our secret', { status: 401, error: 'invalid_client' }],
    ['does not let our client do this', { status: 400, error: 'unauthorized_client' }],
  ] as const) {
    it(`a provider that ${name} shuts nobody out: refreshes go on for an hour, then 503, and afterwards all is as before`, async () => {
      const { clientId, refreshToken } = await connected();
      Object.assign(federated.upstream.behaviour, refusal ? { refusal } : { down: true });
      later(11);
      const first = await again(clientId, refreshToken);
      assert.equal(first.status, 200, JSON.stringify(first.body));
      later(48);
      const second = await again(clientId, first.body.refresh_token);
      assert.equal(second.status, 200);
      later(2);
      const stale = await again(clientId, second.body.refresh_token);
      assert.deepEqual([stale.status, stale.body.error], [503, 'temporarily_unavailable']);
      Object.assign(federated.upstream.behaviour, { refusal: undefined, down: false });
      later(1);
      const after = await again(clientId, second.body.refresh_token);
      assert.equal(after.status, 200, 'nothing was burnt');
    });
  }

  for (const [index, [refusal, everybody]] of (
    [
      [{ status: 400, error: 'something_new' }, false],
      [{ status: 400, error: 'invalid_request' }, false],
      [{ status: 429, error: 'something_new' }, true],
      [{ status: 503, error: 'something_new' }, true],
      [{ status: 400, error: 'temporarily_unavailable' }, true],
      [{ status: 400, error: 'invalid_client' }, true],
      [{ status: 400, error: 'unauthorized_client' }, true],
    ] as const
  ).entries()) {
    const { status, error } = refusal;
    it(`after ${status} ${error} for one person ${everybody ? 'nobody is asked for' : 'others are asked for at once'}`, async () => {
      const first = await connected();
      federated.upstream.behaviour.person = { ...ANA, sub: `bo-${people}`, email: `bo-${people}@upstream.test` };
      const second = await connected();
      // At a time of its own: the test before may have left the provider held.
      later(12 + index);
      federated.upstream.behaviour.refusal = refusal;
      const before = asked();
      assert.equal((await again(first.clientId, first.refreshToken)).status, 200);
      assert.equal(asked(), before + 1);
      federated.upstream.behaviour.refusal = undefined;
      assert.equal((await again(second.clientId, second.refreshToken)).status, 200);
      assert.equal(asked(), before + (everybody ? 1 : 2));
    });
  }

  it('a server that takes no stale word gets none, and one that takes more gets more', async () => {
    const { clientId, refreshToken } = await connected();
    const uri = federated.consentry.mail.uri;
    const set = (minutes: number) =>
      sql(federated.consentry, 'UPDATE resources SET staleness_minutes = $1 WHERE uri = $2', [minutes, uri]);
    try {
      federated.upstream.behaviour.down = true;
      await set(0);
      const fresh = await again(clientId, refreshToken);
      assert.equal(fresh.status, 200, 'within ten minutes the word is not stale');
      later(11);
      const stale = await again(clientId, fresh.body.refresh_token);
      assert.deepEqual([stale.status, stale.body.error], [503, 'temporarily_unavailable']);
      await set(600);
      later(300);
      assert.equal((await again(clientId, fresh.body.refresh_token)).status, 200);
    } finally {
      await set(60);
    }
  });

  it('the token that the provider gave is kept although the request that asked for it fails', async () => {
    const { clientId, refreshToken } = await connected();
    later(11);
    const before = await identity();
    const refused = await refresh(federated.consentry, clientId, refreshToken, { scope: 'no:such' });
    assert.ok(refused.status >= 400, JSON.stringify(refused.body));
    const after = await identity();
    assert.ok(before.refresh_token && after.refresh_token && !before.refresh_token.equals(after.refresh_token));
    later(11);
    assert.equal((await again(clientId, refreshToken)).status, 200, 'it takes each of its tokens once');
  });

  it('the provider is not asked for a token that is worth nothing here', async () => {
    const { clientId, refreshToken } = await connected();
    later(11);
    const before = asked();
    assert.equal((await again(clientId, 'unknown')).body.error, 'invalid_grant');
    const { account_id: accountId } = await identity();
    await sql(
      federated.consentry,
      "UPDATE consents SET suspended_at = now(), suspended_reason = 'changed' WHERE account_id = $1",
      [accountId],
    );
    assert.equal((await again(clientId, refreshToken)).body.error, 'invalid_grant');
    assert.equal(asked(), before);
  });

  it('a token that cannot be opened any more is no word either: the person signs in again', async () => {
    const { clientId, refreshToken } = await connected();
    const { account_id: accountId } = await identity();
    await sql(federated.consentry, 'UPDATE identities SET subject = $2 WHERE subject = $1', [`ana-${people}`, 'moved']);
    later(11);
    assert.equal((await again(clientId, refreshToken)).body.error, 'invalid_grant');
    assert.equal((await recorded('account.access_ended', accountId))[0]?.details.code, 'token_unreadable');
  });

  it('roles that the provider says at a refresh are noted before the token is minted', async () => {
    federated.upstream.behaviour.person = { ...ANA, sub: `ana-${people}`, roles: ['reader'] };
    const { clientId, refreshToken } = await connected();
    assert.deepEqual((await identity()).app_roles, ['reader']);
    federated.upstream.behaviour.person = { ...ANA, sub: `ana-${people}`, roles: ['reader', 'writer'] };
    later(11);
    assert.equal((await again(clientId, refreshToken)).status, 200);
    assert.deepEqual((await identity()).app_roles, ['reader', 'writer']);
  });

  it('a role that the provider has taken away is gone before the token is minted', async () => {
    const { consentry, upstream } = federated;
    await sql(
      consentry,
      `INSERT INTO connections (id, kind, name, settings, updated_at) VALUES ('contoso', 'oidc', 'Contoso', '{}', now())`,
    );
    await sql(consentry, "INSERT INTO roles (id) VALUES ('writers')");
    await sql(
      consentry,
      `INSERT INTO role_mappings (id, connection_id, source, value, role_id)
       VALUES ('one', 'contoso', 'app_role', 'writer', 'writers')`,
    );
    const held = async (accountId: string) =>
      (await sql(consentry, 'SELECT role_id FROM account_roles WHERE account_id = $1', [accountId])).length;
    upstream.behaviour.person = { ...ANA, sub: `ana-${people}`, roles: ['writer'] };
    const { clientId, refreshToken } = await connected();
    const { account_id: accountId } = await identity();
    assert.equal(await held(accountId), 1);
    upstream.behaviour.person = { ...ANA, sub: `ana-${people}`, roles: [] };
    later(11);
    assert.ok((await again(clientId, refreshToken)).status < 500);
    assert.equal(await held(accountId), 0);
  });

  it('nobody is asked by a connection that was removed, and nobody waits for its word', async () => {
    const { consentry, upstream } = federated;
    const { clientId, refreshToken } = await connected();
    await sql(
      consentry,
      `INSERT INTO connections (id, kind, name, settings, updated_at, removed_at)
       VALUES ('contoso', 'oidc', 'Contoso', '{}', now(), now()) ON CONFLICT (id) DO UPDATE SET removed_at = now()`,
    );
    try {
      const before = asked();
      upstream.behaviour.down = true;
      later(24 * 60);
      const { status, body } = await again(clientId, refreshToken);
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal(asked(), before);
    } finally {
      await sql(consentry, "UPDATE connections SET removed_at = NULL WHERE id = 'contoso'");
    }
  });

  it('people of a provider that gives no refresh token go on as before', async () => {
    federated.upstream.behaviour.refreshTokens = false;
    const { clientId, refreshToken } = await connected();
    const before = asked();
    federated.upstream.behaviour.down = true;
    later(24 * 60);
    assert.equal((await again(clientId, refreshToken)).status, 200);
    assert.equal(asked(), before);
  });

  it('what the provider gave is nowhere in the database as it is', async () => {
    await connected();
    const { refresh_token: sealed } = await identity();
    later(11);
    assert.ok(sealed);
    const given = federated.upstream.redemptions;
    assert.ok(given.length > 0);
    for (const token of given) assert.ok(!sealed.includes(token));
  });
});
