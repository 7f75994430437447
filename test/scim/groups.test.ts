/** Groups of a directory give roles by mappings, at once; of parallel changes nothing is lost. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { accountOf, mapGroup, type Scim, startScim } from './kit.ts';

let scim: Scim;
before(async () => {
  scim = await startScim();
  await scim.consentry.rooms.database.direct.role.create({ data: { id: 'reader' } });
});
after(() => scim?.close());

async function rolesOf(oid: string): Promise<string[]> {
  const account = await accountOf(scim, oid);
  return scim.consentry.rooms.roles.rolesOf(account?.id ?? assert.fail('nobody'));
}

async function membersOf(group: string): Promise<string[]> {
  const { body } = await scim.entra.expect(200, 'GET', `/Groups/${group}`);
  return body.members.map(({ value }: { value: string }) => value).sort();
}

describe('a mapped group', () => {
  it('gives its role to whoever becomes a member, and takes it from whoever is none any more', async () => {
    const [mio, bo] = [randomUUID(), randomUUID()];
    const [mioHere, boHere] = [await scim.entra.addUser(mio), await scim.entra.addUser(bo)];
    const group = await scim.entra.addGroup(`Readers ${mio}`);
    await mapGroup(scim, group);
    const path = `/Groups/${group}`;
    await scim.entra.patch(path, { op: 'Add', path: 'members', value: [{ value: mioHere }, { value: boHere }] });
    assert.deepEqual([await rolesOf(mio), await rolesOf(bo)], [['reader'], ['reader']]);
    await scim.entra.patch(path, { op: 'Remove', path: `members[value eq "${mioHere}"]` });
    assert.deepEqual([await rolesOf(mio), await rolesOf(bo)], [[], ['reader']]);
    await scim.entra.patch(`/Users/${boHere}`, { op: 'Replace', path: 'active', value: 'False' });
    assert.deepEqual(await rolesOf(bo), [], 'nobody is a member while switched off');
    await scim.entra.patch(`/Users/${boHere}`, { op: 'Replace', path: 'active', value: 'True' });
    assert.deepEqual(await rolesOf(bo), ['reader']);
    await scim.entra.expect(204, 'DELETE', path);
    assert.deepEqual(await rolesOf(bo), []);
  });

  it('takes its role from a person who is deleted', async () => {
    const oid = randomUUID();
    const user = await scim.entra.addUser(oid);
    const group = await scim.entra.addGroup(`Deleted ${oid}`, [user]);
    await mapGroup(scim, group);
    await scim.entra.patch(`/Groups/${group}`, { op: 'Replace', path: 'members', value: [] });
    await scim.entra.patch(`/Groups/${group}`, { op: 'Replace', path: 'members', value: [{ value: user }] });
    assert.deepEqual(await rolesOf(oid), ['reader']);
    await scim.entra.expect(204, 'DELETE', `/Users/${user}`);
    assert.deepEqual(await rolesOf(oid), []);
  });

  it('makes nobody an owner without a mapping that says so, whatever it is called (threat 95)', async () => {
    const oid = randomUUID();
    const user = await scim.entra.addUser(oid, { roles: [{ value: 'owner', primary: true }], userType: 'owner' });
    await scim.entra.addGroup('owner', [user]);
    assert.deepEqual(await rolesOf(oid), []);
    assert.equal(
      (await scim.consentry.rooms.accountStore.findById((await accountOf(scim, oid))?.id ?? ''))?.role,
      'user',
    );
  });
});

describe('requests at the same time', () => {
  it('that add and remove members of one group lose nothing', async () => {
    const users = await Promise.all(Array.from({ length: 12 }, () => scim.entra.addUser(randomUUID())));
    const [leaving, coming] = [users.slice(0, 6), users.slice(6)];
    const group = await scim.entra.addGroup(`Parallel ${randomUUID()}`, leaving);
    await mapGroup(scim, group);
    const path = `/Groups/${group}`;
    const answers = await Promise.all([
      ...coming.map((value) => scim.entra.patch(path, { op: 'Add', path: 'members', value: [{ value }] })),
      ...leaving.map((value) => scim.entra.patch(path, { op: 'Remove', path: `members[value eq "${value}"]` })),
    ]);
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [204]);
    assert.deepEqual(await membersOf(group), [...coming].sort());
  });

  it('that change different things of one person lose nothing', async () => {
    const user = await scim.entra.addUser(randomUUID());
    const names = ['title', 'nickName', 'locale', 'timezone', 'userType', 'preferredLanguage'];
    const answers = await Promise.all(
      names.map((name) => scim.entra.patch(`/Users/${user}`, { op: 'Add', path: name, value: `new ${name}` })),
    );
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    const { body } = await scim.entra.expect(200, 'GET', `/Users/${user}`);
    for (const name of names) assert.equal(body[name], `new ${name}`);
  });

  it('that send one person make one: 201 and 409s', async () => {
    const oid = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => scim.entra.send('POST', '/Users', { userName: `once-${oid}`, externalId: oid })),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [201, ...Array(7).fill(409)]);
    const { account, identity } = scim.consentry.rooms.database.direct;
    assert.equal(await identity.count({ where: { subject: oid } }), 1);
    assert.equal(await account.count({ where: { identities: { some: { subject: oid } } } }), 1);
  });

  it('that take one name by PATCH: one has it, the other is 409', async () => {
    const users = await Promise.all([scim.entra.addUser(randomUUID()), scim.entra.addUser(randomUUID())]);
    const name = `name-${randomUUID()}`;
    const answers = await Promise.all(
      users.map((user) => scim.entra.patch(`/Users/${user}`, { op: 'Replace', path: 'userName', value: name })),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
    assert.equal(answers.find(({ status }) => status === 409)?.body.scimType, 'uniqueness');
  });

  it('that delete people while they become members end in 204 or 400, never worse', async () => {
    const users = await Promise.all(Array.from({ length: 6 }, () => scim.entra.addUser(randomUUID())));
    const group = await scim.entra.addGroup(`Leaving ${randomUUID()}`);
    await mapGroup(scim, group);
    const answers = await Promise.all([
      ...users.map((user) => scim.entra.send('DELETE', `/Users/${user}`)),
      ...users.map((value) => scim.entra.patch(`/Groups/${group}`, { op: 'Add', path: 'members', value: [{ value }] })),
      scim.entra.patch(`/Groups/${group}`, { op: 'Add', path: 'members', value: users.map((value) => ({ value })) }),
    ]);
    for (const { status, text } of answers) assert.ok([204, 400].includes(status), text);
    assert.deepEqual(await membersOf(group), []);
  });
});
