/** Who administers this server may be decided upstream, where that was said: never the last owner, never one an administrator made. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { removeConnection } from '../../src/connections.ts';
import { giveRole, mapRole, takeRole } from '../../src/roles/membership-changes.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';
import { addConnection, addKnown, owning, recordOf, rolesOf, say } from './kit.ts';

const ADMIN = 'Consentry.Admin';

describe('an owner by the word of a connection', () => {
  let consentry: Consentry;

  before(async () => {
    consentry = await startConsentry();
    for (const id of ['contoso', 'fabrikam']) await addConnection(consentry, id);
    for (const id of ['contoso', 'fabrikam']) await map(id);
  });
  afterEach(() => sql(consentry, "UPDATE accounts SET role = 'user', role_by = NULL"));
  after(() => consentry.close());

  function map(id: string, makeOwners = true) {
    const connection = { id, kind: 'oidc' as const };
    return mapRole(consentry.rooms, { roleId: 'owner', source: 'app_role', value: ADMIN, connection }, { makeOwners });
  }

  const recompute = (id: string) => consentry.rooms.roles.recompute(id);

  async function administrator() {
    const account = await addKnown(consentry);
    await giveRole(consentry.rooms, 'owner', account);
    return account;
  }

  async function mapped(connection = 'contoso') {
    const account = await addKnown(consentry, { connection, appRoles: [ADMIN] });
    await recompute(account.id);
    return account;
  }

  it('is made only by a mapping for which somebody said so (threat 95)', async () => {
    await assert.rejects(map('contoso', false), { code: 'owner_not_said' });
    const rows = await sql(consentry, "SELECT reason FROM audit_events WHERE type = 'role.changed' ORDER BY seq");
    assert.deepEqual(
      rows.map(({ reason }) => reason),
      ['mapped_to_owner', 'mapped_to_owner'],
    );
  });

  it('is one while the connection says so, and no longer', async () => {
    await administrator();
    const account = await mapped();
    assert.equal(await owning(consentry, account.id), 'owner by contoso');
    await say(consentry, account.id, []);
    assert.deepEqual(await recompute(account.id), { gained: [], lost: ['owner'] });
    assert.equal(await owning(consentry, account.id), 'user');
    assert.deepEqual(await recordOf(consentry, account.id), [
      'role.gained owner contoso',
      'account.owner_made contoso',
      'role.lost owner contoso',
      'account.owner_ended contoso mapping',
    ]);
  });

  it('stays one as long as nobody else could administer the server, and goes as soon as somebody can', async () => {
    const account = await mapped();
    await say(consentry, account.id, []);
    await recompute(account.id);
    assert.equal(await owning(consentry, account.id), 'owner by contoso');
    assert.equal((await recordOf(consentry, account.id)).at(-1), 'account.owner_kept contoso last_owner');
    const other = await administrator();
    await sql(consentry, "UPDATE accounts SET disabled_at = now(), disabled_by = '{administrator}' WHERE id = $1", [
      other.id,
    ]);
    await recompute(account.id);
    assert.equal(await owning(consentry, account.id), 'owner by contoso', 'a disabled owner can administer nothing');
    await administrator();
    await recompute(account.id);
    assert.equal(await owning(consentry, account.id), 'user');
  });

  it('is an administrator’s once an administrator says so too, and no connection takes that back', async () => {
    await administrator();
    const account = await mapped();
    await giveRole(consentry.rooms, 'owner', account);
    await say(consentry, account.id, []);
    await recompute(account.id);
    assert.equal(await owning(consentry, account.id), 'owner');
    const own = await administrator();
    await recompute(own.id);
    assert.equal(await owning(consentry, own.id), 'owner');
  });

  it('goes on by another connection that says the same', async () => {
    await administrator();
    const account = await mapped();
    await sql(
      consentry,
      `INSERT INTO identities (connection_id, issuer, subject, account_id, app_roles)
       VALUES ('fabrikam', 'https://fabrikam.example', $1, $1, $2)`,
      [account.id, [ADMIN]],
    );
    await say(consentry, account.id, []);
    await recompute(account.id);
    assert.equal(await owning(consentry, account.id), 'owner by fabrikam');
    assert.deepEqual(await rolesOf(consentry, account.id), ['owner by fabrikam']);
  });

  it('ceases to be one with the connection', async () => {
    await administrator();
    await addConnection(consentry, 'leaving');
    await map('leaving');
    const account = await mapped('leaving');
    assert.equal(await owning(consentry, account.id), 'owner by leaving');
    await removeConnection(consentry.rooms, { id: 'leaving', kind: 'oidc', name: 'Leaving' });
    assert.equal(await owning(consentry, account.id), 'user');
    assert.deepEqual(await rolesOf(consentry, account.id), []);
  });

  it('and another who both cease to be one at the same instant leave one of them', async () => {
    const pair = [await mapped(), await mapped(), await mapped('fabrikam')];
    for (const [index, { id }] of pair.entries()) await say(consentry, id, [], index === 2 ? 'fabrikam' : 'contoso');
    await Promise.all([...pair, ...pair].map(({ id }) => recompute(id)));
    const owners = await sql(consentry, "SELECT id FROM accounts WHERE role = 'owner'");
    assert.equal(owners.length, 1);
  });

  it('ceases to be one beside others who are disabled at the same instant, and somebody is left', async () => {
    const people = [await mapped(), await administrator(), await mapped(), await administrator()];
    for (const { id } of people) await say(consentry, id, []);
    await Promise.all(
      people.flatMap(({ id }, index) => [
        recompute(id),
        index % 2 === 1 ? consentry.rooms.accountStore.disable(id, new Date()) : recompute(id),
      ]),
    );
    assert.equal(await consentry.rooms.accountStore.countOwners(), 1);
  });

  it('is not taken by hand: the mapping gives it; and the last that an administrator made stays', async () => {
    const first = await administrator();
    await assert.rejects(takeRole(consentry.rooms, 'owner', first), { code: 'last_owner' });
    const account = await mapped();
    await assert.rejects(takeRole(consentry.rooms, 'owner', account), { code: 'given_by_connection' });
    const { changes } = await takeRole(consentry.rooms, 'owner', first);
    assert.deepEqual(changes, [{ accountId: first.id, gained: [], lost: ['owner'] }]);
    assert.equal(await owning(consentry, first.id), 'user');
  });
});
