/** Requests that are in no corpus: what clients get wrong or write in their own way, and what the answer has to be for them to go on. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { addPerson } from '../harness.ts';
import { accountOf, ENTERPRISE, filtered, GROUP, ISSUER, patchOp, type Scim, startScim, USER } from './kit.ts';

let scim: Scim;
let oid: string;
let user: string;
before(async () => {
  scim = await startScim();
});
beforeEach(async () => {
  oid = randomUUID();
  user = await scim.entra.addUser(oid);
});
after(() => scim?.close());

const patch = (status: number, ...operations: unknown[]) =>
  scim.entra.expect(status, 'PATCH', `/Users/${user}`, patchOp(...operations));
const read = async () => (await scim.entra.expect(200, 'GET', `/Users/${user}`)).body;
const total = async (path: string) => (await scim.entra.expect(200, 'GET', path)).body.totalResults;

describe('what is ours to give', () => {
  it('stays ours by whatever name it is written: id, schemas, meta and groups', async () => {
    const before = await read();
    for (const name of ['id', 'meta', 'groups']) {
      const { body } = await patch(400, { op: 'add', path: `${USER}:${name}`, value: 'mallory' });
      assert.equal(body.scimType, 'mutability');
    }
    await patch(200, { op: 'add', path: `${USER}:schemas`, value: ['urn:mallory'] });
    const value = {
      [`${USER}:id`]: 'mallory',
      'meta.created': 'mallory',
      'groups.value': 'mallory',
      [`${USER}:schemas`]: ['mallory'],
      [USER]: { id: 'mallory', groups: [{ value: 'mallory' }] },
    };
    await patch(200, { op: 'replace', value });
    assert.deepEqual(await read(), before);
  });
});

describe('somebody who is to leave', () => {
  it('leaves although the request also names an attribute that nobody knows', async () => {
    const off = { op: 'Replace', path: 'active', value: 'False' };
    const unknown = { op: 'Add', path: 'favouriteColour', value: 'red' };
    const { body } = await patch(400, unknown);
    assert.equal(body.scimType, 'invalidPath');
    await patch(400, unknown, { ...off, value: 'True' });
    assert.equal((await patch(200, unknown, off)).body.active, false);
    await patch(200, { ...off, value: 'True' });
    await patch(200, off, { op: 'Add', path: `${ENTERPRISE}:extensionAttribute1`, value: 'x' });
  });

  it('leaves although an extension of theirs has names that are not ours', async () => {
    const paths = ['urn:contoso_ext:2.0:User:a/b', 'urn:contoso:2.0:User:tags[type eq "a@b.test"].value'];
    const foreign = paths.map((path) => ({ op: 'Add', path, value: 'x' }));
    assert.equal((await patch(200, ...foreign, { op: 'Replace', path: 'active', value: 'False' })).body.active, false);
  });

  it('leaves by an object that was written as a string', async () => {
    await patch(200, { op: 'Replace', value: '{"active":"False","title":"Dr"}' });
    const { active, title } = await read();
    assert.deepEqual([active, title], [false, 'Dr']);
    for (const value of ['{"active":', '{"title":"\\u0000"}', `{"a":${'['.repeat(20)}${']'.repeat(20)}}`, 'active'])
      await patch(400, { op: 'Replace', value });
  });
});

describe('somebody with two accounts here', () => {
  it('of whom one must not be shut out keeps the other, too', async () => {
    const { rooms } = scim.consentry;
    const { identity, account } = rooms.database.direct;
    const issuer = 'https://old.contoso.test';
    const known = await accountOf(scim, oid);
    await identity.updateMany({ where: { subject: oid }, data: { issuer, orphanedAt: new Date() } });
    const came = await addPerson(rooms, `two-${oid}@contoso.test`);
    await identity.create({ data: { connectionId: 'contoso', issuer: ISSUER, subject: oid, accountId: came.id } });
    const [first = '', second = ''] = [known?.id ?? '', came.id].sort();
    await account.update({ where: { id: second }, data: { breakGlass: true, passwordHash: 'unused' } });
    await patch(403, { op: 'Replace', path: 'active', value: 'False' });
    assert.deepEqual((await rooms.accountStore.findById(first))?.disabledBy, []);
    assert.equal((await read()).active, true);
  });
});

describe('somebody who was deleted, and is sent again before their external id is', () => {
  it('comes back with it, with the roles of the groups they are in by then', async () => {
    const { database, roles } = scim.consentry.rooms;
    const account = await accountOf(scim, oid);
    await scim.entra.expect(204, 'DELETE', `/Users/${user}`);
    const { body } = await scim.entra.expect(201, 'POST', '/Users', { schemas: [USER], userName: `again-${oid}` });
    const group = await scim.entra.addGroup(`Again ${oid}`, [body.id]);
    await database.direct.role.create({ data: { id: 'reader' } });
    const mapping = {
      id: oid.slice(0, 8),
      connectionId: 'contoso',
      source: 'scim_group',
      value: group,
      roleId: 'reader',
    };
    await database.direct.roleMapping.create({ data: mapping });
    assert.deepEqual((await accountOf(scim, oid))?.disabled_by, ['scim:contoso']);
    await scim.entra.patch(`/Users/${body.id}`, { op: 'Add', path: 'externalId', value: oid });
    assert.deepEqual((await accountOf(scim, oid))?.disabled_by, []);
    assert.equal((await accountOf(scim, oid))?.id, account?.id);
    assert.deepEqual(await roles.rolesOf(account?.id ?? ''), ['reader']);
  });
});

describe('what carries a request', () => {
  const off = JSON.stringify(patchOp({ op: 'Replace', path: 'active', value: false }));
  const send = (body: string, headers: Record<string, string> = {}) =>
    scim.entra.expect(200, 'PATCH', `/Users/${user}`, body, headers);

  it('may begin with a byte order mark, and say that it is encoded as it is', async () => {
    assert.equal((await send(`\ufeff${off}`)).body.active, false);
    assert.equal((await send(off, { 'content-encoding': 'identity' })).body.active, false);
    await scim.entra.expect(415, 'PATCH', `/Users/${user}`, off, { 'content-encoding': 'gzip' });
  });

  it('may be of any media type; the answer is of the one that is asked for', async () => {
    for (const type of ['application/json', 'application/json; charset="UTF-8"', 'text/plain'])
      await send(off, { 'content-type': type });
    const types = {
      'application/json': 'application/json',
      '*/*': 'application/scim+json',
      'text/xml': 'application/scim+json',
    };
    for (const [accept, type] of Object.entries({
      ...types,
      'application/scim+json, application/json': 'application/scim+json',
    })) {
      const { headers } = await scim.entra.expect(200, 'GET', `/Users/${user}`, undefined, { accept });
      assert.equal(headers.get('content-type'), `${type}; charset=utf-8`, accept);
    }
  });
});

describe('a query', () => {
  it('has its parameters in any case: a filter that was overlooked would answer with everybody', async () => {
    assert.equal(await total('/Users?Filter=userName%20eq%20"nobody"&StartIndex=1&COUNT=5'), 0);
    assert.equal(await total(`/Groups?FILTER=displayName%20eq%20"nobody-${oid}"`), 0);
  });

  it('may begin far behind the end, before the beginning, and want more than there is', async () => {
    const all = await total('/Users');
    for (const start of ['1000000000', '9'.repeat(30), '0', '-1', `-${'9'.repeat(30)}`])
      assert.equal(await total(`/Users?startIndex=${start}&count=1`), all, start);
    const { body } = await scim.entra.expect(200, 'GET', '/Users?startIndex=1&count=10000000000');
    assert.equal(body.Resources.length, all);
    assert.deepEqual((await scim.entra.expect(200, 'GET', '/Users?count=-5')).body.Resources, []);
  });

  it('finds by what every resource has', async () => {
    const group = await scim.entra.addGroup(`Beyond ${oid}`, [user]);
    const mine = (filter: string) => filtered(`id eq "${user.toUpperCase()}" and ${filter}`);
    for (const filter of [
      'meta.resourceType eq "User"',
      'meta.lastModified gt "2020-01-01T00:00:00.000+09:00"',
      `externalId eq "${oid.toUpperCase()}"`,
      `groups.value eq "${group}"`,
      'not(active eq "False")',
    ])
      assert.equal(await total(`/Users${mine(filter)}`), 1, filter);
    assert.equal(await total(`/Users${mine('meta.resourceType eq "Group"')}`), 0);
    assert.equal(await total(`/Groups${filtered(`members.value eq "${user}" and meta.resourceType eq "Group"`)}`), 1);
  });
});

describe('a whole life at Entra ID', () => {
  it('is sent, changed, renamed, given a manager and roles, switched off, brought back and deleted', async () => {
    const { entra } = scim;
    const boss = await entra.addUser(randomUUID());
    await patch(
      200,
      { op: 'Add', path: 'roles[primary eq "True"].type', value: 'WindowsAzureActiveDirectoryRole' },
      { op: 'Add', path: 'roles[primary eq "True"].display', value: 'Admin' },
      { op: 'Add', path: 'roles[primary eq "True"].value', value: '{"id":"18d1","value":"Admin"}' },
      { op: 'Add', path: `${ENTERPRISE}:manager`, value: boss },
      { op: 'Add', path: 'addresses[type eq "work"].streetAddress', value: '1 Main St' },
      { op: 'Add', path: 'addresses[type eq "work"].country', value: 'JP' },
      { op: 'Add', path: 'phoneNumbers[type eq "work"].value', value: '1' },
      { op: 'Add', path: 'phoneNumbers[type eq "mobile"].value', value: '2' },
      { op: 'Replace', path: 'userName', value: `renamed-${oid}@contoso.test` },
    );
    assert.equal(await total(`/Users${filtered(`userName eq "RENAMED-${oid}@contoso.test"`)}`), 1);
    assert.equal(await total(`/Users${filtered(`userName eq "person-${oid}@contoso.test"`)}`), 0);
    await patch(
      200,
      { op: 'Remove', path: `${ENTERPRISE}:manager` },
      { op: 'Remove', path: 'phoneNumbers[type eq "mobile"].value' },
    );
    await patch(200, { op: 'Replace', path: 'active', value: 'False' });
    await patch(200, { op: 'Replace', path: 'active', value: 'True' });
    const { roles, phoneNumbers, addresses, active, [ENTERPRISE]: extension } = await read();
    assert.deepEqual(roles, [
      {
        primary: true,
        type: 'WindowsAzureActiveDirectoryRole',
        display: 'Admin',
        value: '{"id":"18d1","value":"Admin"}',
      },
    ]);
    assert.deepEqual([phoneNumbers, active, extension], [[{ type: 'work', value: '1' }], true, undefined]);
    assert.deepEqual(addresses, [{ type: 'work', streetAddress: '1 Main St', country: 'JP' }]);
    await entra.expect(204, 'DELETE', `/Users/${user}`);
    await entra.expect(404, 'DELETE', `/Users/${user}`);
    await entra.addUser(oid);
  });

  it('of a group begins with its members, and its name and members change in one request', async () => {
    const { entra } = scim;
    const { body } = await entra.expect(201, 'POST', '/Groups', {
      schemas: [GROUP],
      externalId: randomUUID(),
      displayName: `Life ${oid}`,
      members: [{ $ref: null, value: user }],
    });
    const other = await entra.addUser(randomUUID());
    const path = `/Groups/${body.id}`;
    const operations = [
      { op: 'Replace', path: 'displayName', value: `New life ${oid}` },
      { op: 'Replace', path: `${GROUP}:members`, value: [{ value: other.toUpperCase() }] },
    ];
    assert.equal((await entra.patch(path, ...operations)).status, 204);
    const group = (await entra.expect(200, 'GET', path)).body;
    assert.deepEqual([group.displayName, group.members.length, group.members[0].value], [`New life ${oid}`, 1, other]);
  });
});
