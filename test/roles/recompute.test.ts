/** Roles follow what connections say; what goes further than a role that became smaller is taken back. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { allow, disallow } from '../../src/roles/changes.ts';
import { giveRole, mapRole } from '../../src/roles/membership-changes.ts';
import { introspect, refresh } from '../flow.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';
import {
  addConnection,
  addKnown,
  connect,
  identify,
  pageFor,
  recordOf,
  removeConnection,
  rolesOf,
  say,
} from './kit.ts';

const SENIOR = 'Mail.Send';

describe('roles from connections', () => {
  let consentry: Consentry;

  before(async () => {
    consentry = await startConsentry();
    for (const id of ['contoso', 'fabrikam', 'leaving']) await addConnection(consentry, id);
    const { rooms } = consentry;
    for (const role of ['staff', 'sender', 'analyst']) await rooms.roleStore.create(role, undefined, new Date());
    await allow(rooms, 'staff', await mail(), ['mail:read']);
    await allow(rooms, 'sender', await mail(), ['mail:send', 'mail:label']);
    await map('staff', 'app_role', 'Staff');
    await map('sender', 'app_role', SENIOR);
    await map('analyst', 'group', 'object-1');
  });
  after(() => consentry.close());

  async function mail() {
    return (await consentry.rooms.resources.findByUri(consentry.mail.uri)) ?? assert.fail('no mail');
  }

  function map(roleId: string, source: 'app_role' | 'group' | 'scim_group', value: string, id = 'contoso') {
    const wanted = { roleId, source, value, connection: { id, kind: 'oidc' as const } };
    return mapRole(consentry.rooms, wanted, { makeOwners: false });
  }

  const recompute = (id: string) => consentry.rooms.roles.recompute(id);

  async function member(...appRoles: string[]) {
    const account = await addKnown(consentry, { appRoles });
    await recompute(account.id);
    return account;
  }

  async function consentsOf(accountId: string) {
    return sql<{ scopes: string[]; revoked_reason: string | null }>(
      consentry,
      'SELECT scopes, revoked_reason FROM consents WHERE account_id = $1 ORDER BY created_at',
      [accountId],
    );
  }

  it('come with an app role or a group of this very connection, compared exactly', async () => {
    const account = await addKnown(consentry, { appRoles: ['Staff', 'mail.send', 'Mail.Send '], groups: ['object-1'] });
    assert.deepEqual(await recompute(account.id), { gained: ['analyst', 'staff'], lost: [] });
    assert.deepEqual(await recompute(account.id), { gained: [], lost: [] });
    assert.deepEqual(await rolesOf(consentry, account.id), ['analyst by contoso', 'staff by contoso']);
    const other = await addKnown(consentry, {
      connection: 'fabrikam',
      appRoles: ['Staff', SENIOR],
      groups: ['object-1', 'Staff'],
    });
    assert.deepEqual(await recompute(other.id), { gained: [], lost: [] });
  });

  it('come with a group that the directory sent, for whom it did not switch off', async () => {
    const account = await addKnown(consentry);
    await sql(
      consentry,
      `INSERT INTO scim_users (id, connection_id, user_name, user_name_key, attributes, account_id, updated_at)
       VALUES ('u1', 'contoso', 'u1', 'u1', '{}', $1, now())`,
      [account.id],
    );
    await sql(
      consentry,
      `INSERT INTO scim_groups (id, connection_id, display_name, display_name_key, updated_at)
       VALUES ('g1', 'contoso', 'Senders', 'senders', now()), ('g2', 'fabrikam', 'Senders', 'senders', now())`,
    );
    await assert.rejects(map('sender', 'scim_group', 'Senders'), { code: 'unknown_group' });
    await assert.rejects(map('sender', 'scim_group', 'g2'), { code: 'unknown_group' });
    await map('sender', 'scim_group', 'g1');
    assert.deepEqual(await rolesOf(consentry, account.id), []);
    await sql(consentry, "INSERT INTO scim_members (group_id, user_id) VALUES ('g1', 'u1')");
    assert.deepEqual(await recompute(account.id), { gained: ['sender'], lost: [] });
    await sql(consentry, "UPDATE scim_users SET active = false WHERE id = 'u1'");
    assert.deepEqual(await recompute(account.id), { gained: [], lost: ['sender'] });
  });

  it('shrink, and sign-ins that carry too much end; what carries less goes on', async () => {
    const account = await member('Staff', SENIOR);
    const wide = await connect(consentry, account, 'mail:read mail:send');
    const narrow = await connect(consentry, account, 'mail:read');
    await say(consentry, account.id, ['Staff']);
    assert.deepEqual(await recompute(account.id), { gained: [], lost: ['sender'] });
    assert.equal((await introspect(consentry, wide.accessToken)).body.active, false);
    assert.equal((await introspect(consentry, narrow.accessToken)).body.active, true);
    const refused = await refresh(consentry, wide.clientId, wide.refreshToken);
    assert.equal(refused.body.error, 'invalid_grant');
    const goesOn = await refresh(consentry, narrow.clientId, narrow.refreshToken);
    assert.equal(goesOn.body.scope, 'mail:read');
    assert.deepEqual(
      (await consentsOf(account.id)).map(({ scopes }) => scopes),
      [['mail:read'], ['mail:read']],
    );
    assert.deepEqual(await recordOf(consentry, account.id), [
      'role.gained sender contoso',
      'role.gained staff contoso',
      'role.lost sender contoso',
      'consent.narrowed role_lost',
    ]);
  });

  it('go, and a consent that is left with nothing of the server is revoked', async () => {
    const account = await member(SENIOR);
    const { clientId, refreshToken, accessToken } = await connect(consentry, account, 'openid mail:send');
    await say(consentry, account.id, []);
    await recompute(account.id);
    assert.deepEqual(
      (await consentsOf(account.id)).map(({ revoked_reason: reason }) => reason),
      ['role_lost'],
    );
    assert.equal((await refresh(consentry, clientId, refreshToken)).body.error, 'invalid_grant');
    assert.equal((await introspect(consentry, accessToken)).body.active, false);
  });

  it('of which one allows less take back from everybody who has no other that does', async () => {
    const [one, both] = [await member(SENIOR), await member(SENIOR, 'Staff')];
    await allow(consentry.rooms, 'staff', await mail(), ['mail:label']);
    const [first, second] = [
      await connect(consentry, one, 'mail:send mail:label'),
      await connect(consentry, both, 'mail:label'),
    ];
    const { taken } = await disallow(consentry.rooms, 'sender', await mail(), ['mail:label']);
    assert.deepEqual(
      taken.map(({ accountId, beyond, left }) => ({ accountId, beyond, left })),
      [{ accountId: one.id, beyond: ['mail:label'], left: ['mail:send'] }],
    );
    assert.equal((await refresh(consentry, first.clientId, first.refreshToken)).body.error, 'invalid_grant');
    assert.equal((await refresh(consentry, second.clientId, second.refreshToken)).status, 200);
    await allow(consentry.rooms, 'sender', await mail(), ['mail:label']);
  });

  it('that an administrator gave stay, whatever connections say', async () => {
    const account = await member(SENIOR);
    await giveRole(consentry.rooms, 'sender', account);
    const { clientId, refreshToken } = await connect(consentry, account, 'mail:send');
    await say(consentry, account.id, []);
    assert.deepEqual(await recompute(account.id), { gained: [], lost: [] });
    assert.deepEqual(await rolesOf(consentry, account.id), ['sender by administrator']);
    assert.equal((await refresh(consentry, clientId, refreshToken)).body.scope, 'mail:send');
  });

  it('are worth nothing once the connection is gone, also before anybody went over its people (threat 30)', async () => {
    await map('sender', 'app_role', SENIOR, 'leaving');
    const account = await addKnown(consentry, { connection: 'leaving', appRoles: [SENIOR] });
    await recompute(account.id);
    const { clientId, refreshToken } = await connect(consentry, account, 'mail:send');
    await removeConnection(consentry, 'leaving');
    assert.equal((await refresh(consentry, clientId, refreshToken)).body.error, 'invalid_grant');
    const { taken } = await consentry.rooms.roles.recomputeConnection('leaving');
    assert.deepEqual(await rolesOf(consentry, account.id), []);
    assert.equal(taken.length, 1);
  });

  it('are nobody’s whose identity waits to be confirmed (threat 81)', async () => {
    const account = await member('Staff');
    await sql(consentry, 'UPDATE identities SET orphaned_at = now() WHERE account_id = $1', [account.id]);
    assert.deepEqual(await recompute(account.id), { gained: [], lost: ['staff'] });
  });

  it('recomputed twenty times at once, with two connections and refreshes between, are what was said last', async () => {
    const account = await member('Staff', SENIOR);
    await identify(consentry, account.id, { connection: 'fabrikam', appRoles: ['Staff'] });
    const wide = await connect(consentry, account, 'mail:read mail:send');
    await map('analyst', 'app_role', 'Staff', 'fabrikam');
    await say(consentry, account.id, ['Staff']);
    const changes = await Promise.all([
      ...Array.from({ length: 20 }, () => recompute(account.id)),
      ...Array.from({ length: 5 }, async () => {
        const { status } = await refresh(consentry, wide.clientId, wide.refreshToken);
        assert.ok([200, 400].includes(status), String(status));
        return { gained: [], lost: [] };
      }),
    ]);
    assert.deepEqual(
      changes.flatMap(({ lost }) => lost),
      ['sender'],
      'one of them found it, and recorded it once',
    );
    assert.deepEqual(await rolesOf(consentry, account.id), ['analyst by fabrikam', 'staff by contoso']);
    const record = await recordOf(consentry, account.id);
    assert.equal(record.filter((one) => one.startsWith('role.lost')).length, 1);
    assert.equal(record.filter((one) => one.startsWith('consent.')).length, 1);
    const { page } = await pageFor(consentry, account, 'mail:read mail:send');
    assert.doesNotMatch(page.html, /value="mail:send"/);
  });

  it('of several people are on record in one statement, an event each', async () => {
    const people = await Promise.all(Array.from({ length: 5 }, () => addKnown(consentry, { appRoles: ['Staff'] })));
    await sql(consentry, 'CREATE TABLE appends (events bigint)');
    await sql(
      consentry,
      `CREATE FUNCTION note_append() RETURNS trigger LANGUAGE plpgsql AS
       'BEGIN INSERT INTO appends SELECT count(*) FROM added; RETURN NULL; END'`,
    );
    await sql(
      consentry,
      `CREATE TRIGGER appended AFTER INSERT ON audit_events REFERENCING NEW TABLE AS added
       FOR EACH STATEMENT EXECUTE FUNCTION note_append()`,
    );
    try {
      await consentry.rooms.roles.recomputeAll(people.map(({ id }) => id));
      assert.deepEqual(await sql(consentry, 'SELECT events::int FROM appends'), [{ events: 5 }]);
      for (const { id } of people) assert.deepEqual(await recordOf(consentry, id), ['role.gained staff contoso']);
    } finally {
      await sql(consentry, 'DROP TRIGGER appended ON audit_events');
    }
  });

  it('of several people in one unit never wait for each other in a circle', async () => {
    const people = await Promise.all(Array.from({ length: 6 }, () => addKnown(consentry, { appRoles: ['Staff'] })));
    const ids = people.map(({ id }) => id);
    await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        consentry.rooms.roles.recomputeAll(index % 2 === 0 ? ids : [...ids].reverse()),
      ),
    );
    for (const id of ids) assert.deepEqual(await rolesOf(consentry, id), ['staff by contoso']);
  });
});
