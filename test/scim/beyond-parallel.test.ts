/** What a directory asks for at the same time, of everything at once: nothing is a failure, and every answer is true afterwards. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { mapRole } from '../../src/roles/membership-changes.ts';
import { sql } from '../harness.ts';
import { type Answered, accountOf, filtered, mapGroup, newUser, type Scim, startScim } from './kit.ts';

let scim: Scim;
before(async () => {
  scim = await startScim();
  for (const id of ['reader', 'owner']) {
    const { role } = scim.consentry.rooms.database.direct;
    await role.upsert({ where: { id }, create: { id }, update: {} });
  }
});
after(() => scim?.close());

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
const switched = (value: string) => ({ op: 'Replace', path: 'active', value });

describe('fifty requests at once', () => {
  it('of every kind, about the same people and groups, are never worse than a conflict', async () => {
    const { entra } = scim;
    const oids = times(6, () => randomUUID());
    const users = await Promise.all(oids.map((oid) => entra.addUser(oid)));
    const groups = await Promise.all(times(3, (index) => entra.addGroup(`Mixed ${index} ${oids[0]}`, users)));
    for (const group of groups) await mapGroup(scim, group);
    await mapGroup(scim, groups[2] ?? '', 'owner');
    const kinds: ((user: string, group: string, index: number) => Promise<Answered>)[] = [
      (user) => entra.patch(`/Users/${user}`, switched('False')),
      (user) => entra.patch(`/Users/${user}`, switched('True')),
      (user, group) => entra.patch(`/Groups/${group}`, { op: 'Add', path: 'members', value: [{ value: user }] }),
      (user, group) => entra.patch(`/Groups/${group}`, { op: 'Remove', path: 'members', value: [{ value: user }] }),
      (_, group) =>
        entra.patch(`/Groups/${group}`, { op: 'Replace', path: 'members', value: users.map((value) => ({ value })) }),
      (_, group) =>
        entra.patch(`/Groups/${group}`, {
          op: 'Replace',
          path: 'members',
          value: [...users].reverse().map((value) => ({ value })),
        }),
      (user, _, index) => entra.patch(`/Users/${user}`, { op: 'Replace', path: 'title', value: `t${index}` }),
      (_, __, index) => entra.send('POST', '/Users', newUser(oids[index % 6] ?? '')),
      (user) => entra.send('GET', `/Groups${filtered(`members eq "${user}"`)}`),
      (user, _, index) => (index > 40 ? entra.send('DELETE', `/Users/${user}`) : entra.send('GET', `/Users/${user}`)),
    ];
    const answers = await Promise.all(
      times(50, (index) =>
        (kinds[index % 10] ?? assert.fail())(users[(index * 7) % 6] ?? '', groups[index % 3] ?? '', index),
      ),
    );
    for (const { status, text } of answers)
      assert.ok([200, 201, 204, 400, 404, 409].includes(status), `${status} ${text}`);
    const { body } = await entra.expect(200, 'GET', '/Users?count=200');
    const active = new Map(
      body.Resources.map((one: { externalId: string; active: boolean }) => [one.externalId, one.active]),
    );
    for (const oid of oids) {
      const account = await accountOf(scim, oid);
      assert.deepEqual(account?.disabled_by, active.get(oid) ? [] : ['scim:contoso'], 'who is active may come in');
    }
  });
});

describe('at the same time', () => {
  it('twenty times the same person is one person, and the group of one name one group', async () => {
    const oid = randomUUID();
    const people = await Promise.all(times(20, () => scim.entra.send('POST', '/Users', newUser(oid))));
    assert.deepEqual(people.map(({ status }) => status).sort(), [201, ...Array(19).fill(409)]);
    const groups = await Promise.all(times(8, () => scim.entra.send('POST', '/Groups', { displayName: `One ${oid}` })));
    assert.deepEqual(groups.map(({ status }) => status).sort(), [201, ...Array(7).fill(409)]);
  });

  it('both owners leave, and one stays', async () => {
    const oids = [randomUUID(), randomUUID()];
    const users = await Promise.all(oids.map((oid) => scim.entra.addUser(oid)));
    const accounts = await Promise.all(oids.map((oid) => accountOf(scim, oid)));
    const { account } = scim.consentry.rooms.database.direct;
    await account.updateMany({ data: { role: 'user', roleBy: null } });
    const ids = accounts.map((one) => one?.id ?? assert.fail());
    await account.updateMany({ where: { id: { in: ids } }, data: { role: 'owner' } });
    const answers = await Promise.all(users.map((user) => scim.entra.patch(`/Users/${user}`, switched('False'))));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
    assert.equal(await account.count({ where: { role: 'owner', disabledAt: null } }), 1);
    await account.updateMany({ data: { role: 'user' } });
  });

  it('a group is mapped and somebody leaves it: the role is not left behind', async () => {
    const { rooms } = scim.consentry;
    const oid = randomUUID();
    const user = await scim.entra.addUser(oid);
    const group = await scim.entra.addGroup(`Mapped ${oid}`, [user]);
    const connection = { id: 'contoso', kind: 'entra' as const };
    const wanted = { roleId: 'reader', source: 'scim_group' as const, value: group, connection };
    const leave = { op: 'Remove', path: 'members', value: [{ value: user }] };
    const left = await rooms.database.unit(async () => {
      await mapRole(rooms, wanted, { makeOwners: false });
      const leaving = scim.entra.patch(`/Groups/${group}`, leave);
      await untilWaiting(leaving);
      return { leaving };
    });
    assert.equal((await left.leaving).status, 204);
    const account = await accountOf(scim, oid);
    assert.deepEqual(await rooms.roles.rolesOf(account?.id ?? ''), []);
  });

  it('a group is read while it or a member goes: what is gone is not there, and nothing fails', async () => {
    const user = await scim.entra.addUser(randomUUID());
    const [kept, gone] = await Promise.all(times(2, () => scim.entra.addGroup(`Read ${randomUUID()}`, [user])));
    const leaver = await scim.entra.addUser(randomUUID());
    await scim.entra.patch(`/Groups/${kept}`, { op: 'Add', path: 'members', value: [{ value: leaver }] });
    // As a reader sees it who asked for the members before, and for their names after.
    await sql(scim.consentry, 'ALTER TABLE scim_members DROP CONSTRAINT scim_members_user_id_fkey');
    await sql(scim.consentry, 'ALTER TABLE scim_members DROP CONSTRAINT scim_members_group_id_fkey');
    await sql(scim.consentry, 'DELETE FROM scim_users WHERE id = $1', [leaver]);
    await sql(scim.consentry, 'DELETE FROM scim_groups WHERE id = $1', [gone]);
    const valuesIn = (list: { value: string }[]) => list.map(({ value }) => value);
    const group = await scim.entra.expect(200, 'GET', `/Groups/${kept}`);
    assert.deepEqual(valuesIn(group.body.members), [user]);
    const person = await scim.entra.expect(200, 'GET', `/Users/${user}`);
    assert.deepEqual(valuesIn(person.body.groups), [kept]);
  });
});

/** Until the request waits for a row that another holds, or is answered. */
async function untilWaiting(request: Promise<unknown>): Promise<void> {
  const text = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
  let answered = false;
  void request.finally(() => {
    answered = true;
  });
  while (!answered && (await sql(scim.consentry, text)).length === 0);
}
