/** Requests of directories that no corpus has, and what a directory could do to people who are no longer its own. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { mapRole } from '../../src/roles/membership-changes.ts';
import { sql } from '../harness.ts';
import { accountOf, ENTERPRISE, filtered, type Scim, startScim, USER } from '../scim/kit.ts';

describe('a directory', () => {
  let scim: Scim;
  before(async () => {
    scim = await startScim();
  });
  after(() => scim?.close());

  it('that writes what Postgres cannot hold as an escape in a filter or a path is told so', async () => {
    const id = await scim.entra.addUser(randomUUID());
    for (const text of ['\\u0000', 'a\\u0000b', '\\ud800']) {
      await scim.entra.expect(400, 'GET', `/Users${filtered(`userName eq "${text}"`)}`);
      await scim.entra.expect(400, 'GET', `/Groups${filtered(`members[value eq "${text}"]`)}`);
      const operation = { op: 'Add', path: `emails[type eq "${text}"].value`, value: 'mio@contoso.test' };
      assert.equal((await scim.entra.patch(`/Users/${id}`, operation)).status, 400);
    }
  });

  it('that looks whether a reference is set, before it sets it, is understood', async () => {
    const [id, chief] = [await scim.entra.addUser(randomUUID()), randomUUID()];
    const asked = [`id eq "${id}" and manager eq "${chief}"`, `id eq "${id}" and ${ENTERPRISE}:manager eq "${chief}"`];
    const totals = async () => {
      const answers = asked.map((filter) => scim.entra.expect(200, 'GET', `/Users${filtered(filter)}&attributes=id`));
      return (await Promise.all(answers)).map(({ body }) => body.totalResults);
    };
    assert.deepEqual(await totals(), [0, 0]);
    const operation = { op: 'Add', path: 'manager', value: [{ $ref: `../Users/${chief}`, value: chief }] };
    assert.equal((await scim.entra.patch(`/Users/${id}`, operation)).status, 200);
    assert.deepEqual(await totals(), [1, 1]);
  });

  it('that puts what is the schema’s own below its URN means the same', async () => {
    const oid = randomUUID();
    const id = await scim.entra.addUser(oid);
    const value = { [USER]: { active: 'False', displayName: 'Mio S.' } };
    const { body } = await scim.entra.patch(`/Users/${id}`, { op: 'Replace', value });
    assert.deepEqual([body.active, body.displayName], [false, 'Mio S.']);
    assert.deepEqual((await accountOf(scim, oid))?.disabled_by, ['scim:contoso']);
    const other = await scim.entra.patch(`/Users/${id}`, {
      op: 'Replace',
      value: { [USER]: { externalId: randomUUID() } },
    });
    assert.equal(other.status, 409, 'whoever was joined stays that person, however it is written');
  });

  it('that reaches for names of the language gets nothing by them', async () => {
    const id = await scim.entra.addUser(randomUUID());
    const value = JSON.parse(
      '{"__proto__":{"active":false},"constructor":{"active":false},"name":{"__proto__":{"x":1}}}',
    );
    assert.equal((await scim.entra.patch(`/Users/${id}`, { op: 'Add', value })).status, 200);
    const { body } = await scim.entra.expect(200, 'GET', `/Users/${id}`);
    assert.equal(body.active, true);
    assert.equal(body.name, undefined);
    for (const path of ['__proto__', 'constructor', 'emails[type eq "work"].__proto__', 'toString'])
      assert.equal((await scim.entra.patch(`/Users/${id}`, { op: 'Add', path, value: 'x' })).status, 400, path);
  });

  it('gives nobody a role by a group whose identity waits to be confirmed (threat 81)', async () => {
    const { rooms } = scim.consentry;
    const oid = randomUUID();
    const group = await scim.entra.addGroup('Staff', [await scim.entra.addUser(oid)]);
    await rooms.roleStore.create('staff', undefined, new Date());
    const connection = { id: 'contoso', kind: 'entra' } as const;
    const wanted = { roleId: 'staff', source: 'scim_group', value: group, connection } as const;
    await mapRole(rooms, wanted, { makeOwners: false });
    const { id = '' } = (await accountOf(scim, oid)) ?? {};
    assert.deepEqual(await rooms.roles.rolesOf(id), ['staff']);
    await sql(scim.consentry, 'UPDATE identities SET orphaned_at = now() WHERE account_id = $1', [id]);
    assert.deepEqual(await rooms.roles.recompute(id), { gained: [], lost: ['staff'] });
  });
});
