/** Who leaves loses everything at once, whoever says so; who must not be shut out stays, and owners hear of it. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { authorizationUrl, introspect, redeem, refresh, registerClient, signIn } from '../flow.ts';
import { addPerson, type Consentry, PASSWORD, sql, startConsentry } from '../harness.ts';
import { createPerson } from '../person.ts';

const BY = 'upstream:contoso';
const SCIM = 'scim:contoso';

describe('leavers', () => {
  let consentry: Consentry;
  let people = 0;
  let aheadMs = 0;
  before(async () => {
    const secret = randomBytes(32).toString('base64');
    const env = { WEBHOOK_URL: 'https://hooks.example.test/', WEBHOOK_SECRET: secret };
    consentry = await startConsentry(env, () => new Date(Date.now() + aheadMs));
  });
  after(() => consentry?.close());

  const end = (accountId: string, by?: typeof BY | typeof SCIM) =>
    consentry.rooms.leavers.end({ accountId, by, reason: 'refused_upstream' });

  async function somebody() {
    people += 1;
    return addPerson(consentry.rooms, `somebody-${people}@contoso.test`);
  }

  /** A person with a browser session and two clients. */
  async function connected() {
    const account = await somebody();
    const person = createPerson(consentry.issuer);
    const clients = [];
    for (const name of ['One', 'Two']) {
      const { client_id: clientId } = await registerClient(consentry.issuer, { client_name: `${name} ${people}` });
      const begun = authorizationUrl(consentry, clientId);
      let page = await person.open(begun.url);
      if (page.html.includes('name="password"')) page = await signIn(person, page, account);
      const { left } = await person.submit(page, { decision: 'approve' });
      const { body } = await redeem(consentry, clientId, { ...begun, code: String(left?.searchParams.get('code')) });
      clients.push({ clientId, tokens: body });
    }
    return { account, person, clients };
  }

  const recorded = (type: string, accountId: string) =>
    sql<{ reason: string; details: Record<string, unknown> }>(
      consentry,
      'SELECT reason, details FROM audit_events WHERE type = $1 AND account_id = $2 ORDER BY seq',
      [type, accountId],
    );
  const notices = async (kind: string) =>
    Number((await sql(consentry, 'SELECT count(*) AS n FROM outbox_messages WHERE kind = $1', [kind]))[0]?.n);
  const find = (accountId: string) => consentry.rooms.accountStore.findById(accountId);
  const canSignIn = async (email: string) =>
    (await consentry.rooms.accounts.signIn({ email, password: PASSWORD, address: '127.0.0.1', binding: 'x' })).ok;

  it('sessions, grants, tokens and sign-ins under way end in one unit, with one record of how many', async () => {
    const { account, person, clients } = await connected();
    // Signed in a moment ago, in a browser that has not come back from our page yet.
    await consentry.rooms.artifacts.upsert('Interaction', 'under-way', { accountId: account.id }, 600);
    assert.equal(await end(account.id, BY), 'ended');
    for (const { clientId, tokens } of clients) {
      assert.equal((await refresh(consentry, clientId, tokens.refresh_token)).body.error, 'invalid_grant');
      assert.equal((await introspect(consentry, tokens.access_token)).body.active, false);
    }
    assert.deepEqual(await sql(consentry, 'SELECT kind FROM artifacts WHERE account_id = $1', [account.id]), []);
    const page = await person.open(authorizationUrl(consentry, clients[0]?.clientId ?? '').url);
    assert.ok(page.html.includes('name="password"'), "the browser is nobody's any more");
    assert.equal(await canSignIn(account.email), false);
    const [event, second] = await recorded('account.disabled', account.id);
    assert.deepEqual(event?.details, { sessions: 1, signIns: 2, by: BY });
    assert.equal(second, undefined);
  });

  it('nothing ends where the record cannot be written', async () => {
    const { account, clients } = await connected();
    await sql(consentry, "ALTER TABLE audit_events ADD CONSTRAINT stop CHECK (type <> 'account.disabled') NOT VALID");
    try {
      await assert.rejects(end(account.id, BY));
    } finally {
      await sql(consentry, 'ALTER TABLE audit_events DROP CONSTRAINT stop');
    }
    assert.equal((await find(account.id))?.disabledAt, null);
    assert.equal((await refresh(consentry, clients[0]?.clientId ?? '', clients[0]?.tokens.refresh_token)).status, 200);
  });

  it('a code that was given a moment ago is worth nothing after it', async () => {
    const account = await somebody();
    const { client_id: clientId } = await registerClient(consentry.issuer);
    const person = createPerson(consentry.issuer);
    const begun = authorizationUrl(consentry, clientId);
    const page = await signIn(person, await person.open(begun.url), account);
    const { left } = await person.submit(page, { decision: 'approve' });
    await end(account.id, SCIM);
    const { body } = await redeem(consentry, clientId, { ...begun, code: String(left?.searchParams.get('code')) });
    assert.equal(body.error, 'invalid_grant');
  });

  it('a page that was open when the person left can be pressed, and comes to nothing', async () => {
    const account = await somebody();
    const { client_id: clientId } = await registerClient(consentry.issuer);
    const person = createPerson(consentry.issuer);
    const page = await signIn(person, await person.open(authorizationUrl(consentry, clientId).url), account);
    assert.ok(page.html.includes('value="approve"'));
    await end(account.id, BY);
    const { left } = await person.submit(page, { decision: 'approve' });
    assert.equal(left?.searchParams.get('code') ?? undefined, undefined);
    assert.deepEqual(await sql(consentry, 'SELECT id FROM consents WHERE account_id = $1', [account.id]), []);
  });

  it('without a name behind it access ends, and the person may sign in again at once', async () => {
    const { account, clients } = await connected();
    assert.equal(await end(account.id), 'ended');
    assert.equal(
      (await refresh(consentry, clients[0]?.clientId ?? '', clients[0]?.tokens.refresh_token)).body.error,
      'invalid_grant',
    );
    assert.equal((await find(account.id))?.disabledAt, null);
    assert.equal(await canSignIn(account.email), true);
    assert.equal((await recorded('account.access_ended', account.id)).length, 1);
  });

  it('each takes back only its own word; the last of them lets the person in, who finds nothing of what ended', async () => {
    const { account, clients } = await connected();
    const { restore } = consentry.rooms.leavers;
    await end(account.id, BY);
    await end(account.id, SCIM);
    await consentry.rooms.accountStore.disable(account.id, new Date());
    assert.equal(await restore({ accountId: account.id, by: BY }), 'still_disabled');
    assert.equal(await restore({ accountId: account.id, by: BY }), 'still_disabled');
    assert.equal(await restore({ accountId: account.id, by: SCIM }), 'still_disabled');
    assert.equal(await canSignIn(account.email), false);
    await consentry.rooms.accountStore.enable(account.id, 'administrator');
    assert.equal(await canSignIn(account.email), true);
    await end(account.id, SCIM);
    assert.equal(
      await restore({ accountId: account.id, by: BY }),
      'still_disabled',
      'which said nothing, takes nothing back',
    );
    assert.equal(await restore({ accountId: account.id, by: SCIM }), 'enabled');
    assert.equal(await canSignIn(account.email), true);
    for (const { clientId, tokens } of clients) {
      assert.equal((await refresh(consentry, clientId, tokens.refresh_token)).body.error, 'invalid_grant');
    }
    assert.equal(await restore({ accountId: 'nobody', by: BY }), 'unknown');
    assert.equal(await end('nobody', BY), 'unknown');
  });

  it('nobody gives back what they did not take: a person who is in stays as they are', async () => {
    const { account, clients } = await connected();
    assert.equal(await consentry.rooms.leavers.restore({ accountId: account.id, by: BY }), 'enabled');
    assert.equal((await refresh(consentry, clients[0]?.clientId ?? '', clients[0]?.tokens.refresh_token)).status, 200);
    assert.deepEqual(await recorded('account.enabled', account.id), []);
  });

  it('what a sign-in that was under way left behind does not come back with the person', async () => {
    const account = await somebody();
    await end(account.id, BY);
    await consentry.rooms.artifacts.upsert('Session', 'late', { uid: 'late', accountId: account.id }, 3_600);
    assert.equal(await consentry.rooms.leavers.restore({ accountId: account.id, by: BY }), 'enabled');
    assert.deepEqual(
      await sql(consentry, "SELECT id FROM artifacts WHERE kind = 'Session' AND account_id = $1", [account.id]),
      [],
    );
  });

  it('the last owner who can sign in stays, with everything; owners are told, and it is on record', async () => {
    const { account, clients } = await connected();
    await sql(consentry, "UPDATE accounts SET role = 'owner' WHERE id = $1", [account.id]);
    const before = await notices('leaver.kept');
    assert.equal(await end(account.id, BY), 'last_owner');
    assert.equal((await find(account.id))?.disabledAt, null);
    assert.equal((await refresh(consentry, clients[0]?.clientId ?? '', clients[0]?.tokens.refresh_token)).status, 200);
    const [kept] = await recorded('account.leaver_kept', account.id);
    assert.equal(kept?.reason, 'last_owner');
    assert.equal(kept?.details.by, BY);
    assert.equal(await notices('leaver.kept'), before + 1);
    const other = await somebody();
    await sql(consentry, "UPDATE accounts SET role = 'owner' WHERE id = $1", [other.id]);
    const both = await Promise.all([end(account.id, BY), end(other.id, BY)]);
    assert.deepEqual(both.sort(), ['ended', 'last_owner'], 'of two that leave at the same instant one stays');
    await sql(consentry, "UPDATE accounts SET role = 'user' WHERE id IN ($1, $2)", [account.id, other.id]);
  });

  it('a break-glass account is ended by nobody but an administrator', async () => {
    const { account, clients } = await connected();
    await sql(consentry, 'UPDATE accounts SET break_glass = true WHERE id = $1', [account.id]);
    for (const by of [BY, SCIM, undefined] as const) assert.equal(await end(account.id, by), 'break_glass');
    assert.equal((await refresh(consentry, clients[0]?.clientId ?? '', clients[0]?.tokens.refresh_token)).status, 200);
    assert.equal(await canSignIn(account.email), true);
    assert.equal((await recorded('account.leaver_kept', account.id))[0]?.reason, 'break_glass');
  });

  it('owners are told once a day of each who must not be shut out, however often it is asked; the record has each time', async () => {
    const [one, other] = [await somebody(), await somebody()];
    await sql(consentry, 'UPDATE accounts SET break_glass = true WHERE id IN ($1, $2)', [one.id, other.id]);
    const before = await notices('leaver.kept');
    await Promise.all(Array.from({ length: 4 }, () => end(one.id, SCIM)));
    assert.equal(await notices('leaver.kept'), before + 1);
    await end(other.id, SCIM);
    assert.equal(await notices('leaver.kept'), before + 2, 'somebody else is news');
    try {
      for (const hours of [8, 16, 23]) {
        aheadMs = hours * 3_600_000;
        await end(one.id, SCIM);
      }
      assert.equal(await notices('leaver.kept'), before + 2);
      aheadMs = 25 * 3_600_000;
      await end(one.id, SCIM);
      assert.equal(await notices('leaver.kept'), before + 3, 'what went on all day is told again');
    } finally {
      aheadMs = 0;
    }
    assert.equal((await recorded('account.leaver_kept', one.id)).length, 8);
  });

  it('refreshes at the very moment of the end leave nothing alive', async () => {
    const { account, clients } = await connected();
    const [client] = clients;
    const work = Array.from({ length: 8 }, () =>
      refresh(consentry, client?.clientId ?? '', client?.tokens.refresh_token),
    );
    const [left, ...answers] = await Promise.all([end(account.id, BY), ...work]);
    assert.equal(left, 'ended');
    for (const { body } of answers) {
      if (body.access_token) assert.equal((await introspect(consentry, body.access_token)).body.active, false);
      if (body.refresh_token) {
        const again = await refresh(consentry, client?.clientId ?? '', body.refresh_token);
        assert.equal(again.body.error, 'invalid_grant');
      }
    }
    assert.deepEqual(await sql(consentry, 'SELECT kind FROM artifacts WHERE account_id = $1', [account.id]), []);
  });
});
