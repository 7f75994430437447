/** Connections by the command line: changed in part, and whom that touches. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { changeConnection } from '../../src/connections.ts';
import { thumbprints } from '../../src/federation/configuration/certificates.ts';
import { mapRole } from '../../src/roles/membership-changes.ts';
import { sql } from '../harness.ts';
import { rolesOf } from '../roles/kit.ts';
import { addEntra, type ConnectionWorld, OTHER_TENANT, startConnectionWorld, TENANT } from './connection-kit.ts';

let world: ConnectionWorld;
before(async () => {
  world = await startConnectionWorld();
});
after(() => world?.close());
beforeEach(() => sql(world.server, 'DELETE FROM connections'));

describe('connection update', () => {
  test('changes what is named and nothing else, and says in the record what', async () => {
    const { id = '' } = await world.consentry.json(addEntra('--certificate', world.pem.a, '--guests'));
    const [before] = await world.stored();
    const { code, err } = await world.consentry([
      'connection',
      'update',
      id,
      '--name',
      'Contoso',
      '--exclusive',
      '--no-guests',
    ]);
    assert.equal(code, 0);
    assert.match(err, /warning: nobody has signed in by Contoso yet/);
    assert.match(err, /warning: no owner may sign in with a password/);
    assert.ok(err.endsWith(`connection update ${id} --no-exclusive`), err);
    const [after] = await world.stored();
    assert.ok(before && after);
    assert.deepEqual([after.name, after.exclusive, after.secrets], ['Contoso', true, before.secrets]);
    assert.deepEqual(after.settings, { ...(before.settings as object), guests: false });
    const [event] = (await world.recorded('connection.updated')).slice(-1);
    assert.deepEqual(Reflect.get(event?.details as object, 'changed'), ['name', 'exclusive', 'guests']);
  });

  test('a new certificate stands before the old one until that is retired', async () => {
    const { id = '' } = await world.consentry.json(addEntra('--certificate', world.pem.a));
    const { findSecrets } = world.server.rooms.connectionStore;
    const [first] = (await findSecrets(id)).certificates;
    assert.equal((await world.consentry(['connection', 'update', id, '--certificate', world.pem.b])).code, 0);
    const both = (await findSecrets(id)).certificates;
    assert.deepEqual([both.length, both[1]], [2, first]);
    assert.equal((await world.consentry(['connection', 'update', id, '--retire-certificate'])).code, 0);
    assert.deepEqual((await findSecrets(id)).certificates, [both[0]]);
  });

  test('a certificate given again takes nothing away, and one of two never goes unsaid', async () => {
    const { id = '' } = await world.consentry.json(addEntra('--certificate', world.pem.a));
    const certificates = async () => (await world.server.rooms.connectionStore.findSecrets(id)).certificates;
    const give = (...paths: string[]) =>
      world.consentry(['connection', 'update', id, ...paths.flatMap((path) => ['--certificate', path])]);
    await give(world.pem.b);
    const both = await certificates();
    assert.equal((await give(world.pem.b)).code, 0);
    assert.deepEqual(await certificates(), both);
    assert.equal((await give(world.pem.a)).code, 0, 'the other one is the first again');
    assert.deepEqual(await certificates(), [both[1], both[0]]);
    const third = await give(world.pem.third);
    assert.equal(third.code, 2);
    assert.match(third.err, /two at most: retire one first/);
    assert.equal((await certificates()).length, 2);
    assert.equal((await give(world.pem.third, world.pem.a)).code, 0, 'named, both are what was asked for');
    assert.equal((await certificates())[1]?.certificate, both[1]?.certificate);
  });

  test('--auth-context none clears them', async () => {
    const { uri } = world.server.mail;
    const { id = '' } = await world.consentry.json(
      addEntra('--certificate', world.pem.a, '--auth-context', `${uri} mail:send=c1`),
    );
    const contexts = async () => Reflect.get(Object((await world.stored())[0]?.settings), 'authContexts');
    const mixed = await world.consentry([
      ...['connection', 'update', id, '--auth-context', 'none', '--auth-context', `${uri} mail:send=c2`],
    ]);
    assert.equal(mixed.code, 2);
    assert.equal((await contexts()).length, 1);
    assert.equal((await world.consentry(['connection', 'update', id, '--auth-context', 'none'])).code, 0);
    assert.deepEqual(await contexts(), []);
  });

  test('--exclusive warns of nothing where somebody came by it and an owner has a way in for emergencies', async () => {
    const { id = '' } = await world.consentry.json(addEntra('--certificate', world.pem.a));
    const { ana } = world.server;
    const identity = { connectionId: id, issuer: 'https://a.test', subject: 'oid-1', accountId: ana.id };
    await world.prisma.identity.create({ data: { ...identity, lastSignInAt: new Date() } });
    await world.prisma.account.update({ where: { id: ana.id }, data: { role: 'owner', breakGlass: true } });
    const { code, err } = await world.consentry(['connection', 'update', id, '--exclusive']);
    await world.prisma.account.update({ where: { id: ana.id }, data: { role: 'user', breakGlass: false } });
    await world.prisma.identity.deleteMany();
    assert.deepEqual([code, err], [0, '']);
  });

  test('connection show tells which certificates there are and until when, the newest first', async () => {
    const { id = '' } = await world.consentry.json(
      addEntra('--certificate', world.pem.b, '--certificate', world.pem.a),
    );
    const { out } = await world.consentry(['connection', 'show', id]);
    const [newer, older] = [world.pem.certificates.b, world.pem.certificates.a].map((one) => thumbprints(one).sha1);
    assert.match(out, new RegExp(`CERTIFICATE +FROM +UNTIL\\n${newer} +\\d{4}-\\S+ .*\\n${older} +\\d{4}-`));
    const shown = await world.consentry.json<{ certificates: { thumbprint: string; ends_at: string }[] }>([
      ...['connection', 'show', id],
    ]);
    assert.deepEqual(
      shown.certificates.map(({ thumbprint }) => thumbprint),
      [newer, older],
    );
  });

  test('where nobody was known, nobody is said to be shut out', async () => {
    const { id = '' } = await world.consentry.json(addEntra('--certificate', world.pem.a));
    const moved = await world.consentry(['connection', 'update', id, '--tenant', OTHER_TENANT]);
    assert.match(moved.out, /Nobody has come by it yet/);
    assert.match((await world.consentry(['connection', 'remove', id, '--dry-run'])).out, /by which nobody signs in/);
    assert.match((await world.consentry(['connection', 'remove', id])).out, /removed\. Nobody signs in by it\.$/);
  });

  test('a secret is exchanged without touching the rest, and its end may be told later', async () => {
    const { id = '' } = await world.consentry.json(addEntra('--client-secret-file', world.secretFile));
    const next = await world.file('next.txt', 'the-next-secret');
    assert.equal((await world.consentry(['connection', 'update', id, '--client-secret-file', next])).code, 0);
    assert.equal((await world.consentry(['connection', 'update', id, '--secret-expires', '2099-01-02'])).code, 0);
    const [row] = await world.stored();
    assert.equal(row?.credentialEndsAt?.toISOString().slice(0, 10), '2099-01-02');
    assert.equal((await world.server.rooms.connectionStore.findSecrets(id)).clientSecret, 'the-next-secret');
  });

  for (const [what, args, words] of [
    ['nothing', [], /Say what is to be changed/],
    [
      'an option of the other kind',
      ['--issuer', 'https://a.test'],
      /--issuer is not for a connection of the kind entra/,
    ],
    ['what is written wrongly', ['--tenant', 'x'], /no tenant ID/],
  ] as const) {
    test(`refuses ${what}, and changes nothing`, async () => {
      const { id = '' } = await world.consentry.json(addEntra('--certificate', world.pem.a));
      const before = await world.stored();
      const { code, err } = await world.consentry(['connection', 'update', id, ...args]);
      assert.equal(code, 2);
      assert.match(err, words);
      assert.deepEqual(await world.stored(), before);
    });
  }

  test('and remove leave alone what comes from the configuration', async () => {
    const { id = '' } = await world.consentry.json(addEntra('--certificate', world.pem.a));
    await sql(world.server, "UPDATE connections SET origin = 'configuration'");
    for (const args of [
      ['update', id, '--exclusive'],
      ['remove', id],
    ]) {
      const { code, err } = await world.consentry(['connection', ...args]);
      assert.equal(code, 1);
      assert.match(err, /CONNECTIONS_FILE/);
    }
    assert.equal((await world.stored())[0]?.removedAt, null);
  });
});

test('another tenant is another place: the identities of before are orphaned, and named in the record (threat 81)', async () => {
  const { id = '' } = await world.consentry.json(addEntra('--certificate', world.pem.a));
  const { ana } = world.server;
  await world.prisma.identity.create({
    data: {
      connectionId: id,
      issuer: `https://login.microsoftonline.com/${TENANT}/v2.0`,
      subject: 'oid-1',
      accountId: ana.id,
    },
  });
  const { out, code } = await world.consentry(['connection', 'update', id, '--tenant', OTHER_TENANT]);
  assert.equal(code, 0);
  assert.match(out, /1 known person cannot come by it until confirmed/);
  const [event] = (await world.recorded('connection.updated')).slice(-1);
  assert.equal(Reflect.get(event?.details as object, 'orphaned'), 1);
  // An object id of the tenant that is gone is nobody's in the one that is there now.
  assert.match((await world.consentry(['connection', 'confirm-identities', id])).out, /^0 of 1 count again/);
  await world.consentry(['connection', 'update', id, '--tenant', OTHER_TENANT, '--tenant', TENANT]);
  assert.match((await world.consentry(['connection', 'confirm-identities', id])).out, /^1 of 1 count again/);
  await sql(world.server, 'DELETE FROM identities');
});

describe('roles and groups that are not read any more', () => {
  const GROUP = '6a7bdc1e-58a6-4f0e-9c5d-2f4a6f6c7777';
  before(async () => {
    for (const role of ['staff', 'analyst']) await world.server.rooms.roleStore.create(role, undefined, new Date());
  });

  /** Somebody of whom the connection said both, and what each makes of them. */
  async function member(id: string, kind: 'entra' | 'oidc'): Promise<string> {
    const { rooms, ana } = world.server;
    await sql(world.server, 'DELETE FROM identities');
    const key = { connectionId: id, issuer: 'https://there.test', subject: 'oid-1', accountId: ana.id };
    await world.prisma.identity.create({ data: { ...key, appRoles: ['Staff'], groups: [GROUP] } });
    const connection = { id, kind };
    const said = { makeOwners: false };
    await mapRole(rooms, { roleId: 'staff', source: 'app_role', value: 'Staff', connection }, said);
    await mapRole(rooms, { roleId: 'analyst', source: 'group', value: GROUP, connection }, said);
    assert.deepEqual(await rolesOf(world.server, ana.id), [`analyst by ${id}`, `staff by ${id}`]);
    return ana.id;
  }

  async function update(id: string, ...args: string[]) {
    const { code, err } = await world.consentry(['connection', 'update', id, ...args]);
    assert.equal(code, 0, err);
  }

  const said = () => sql(world.server, 'SELECT app_roles, groups FROM identities');

  test('are forgotten with what they gave, also when they are read again one day; what is still read stays', async () => {
    const { id = '' } = await world.consentry.json(addEntra('--certificate', world.pem.a, '--groups'));
    const accountId = await member(id, 'entra');
    await update(id, '--name', 'Another name');
    assert.deepEqual(await said(), [{ app_roles: ['Staff'], groups: [GROUP] }]);
    await update(id, '--no-groups');
    assert.deepEqual(await said(), [{ app_roles: ['Staff'], groups: [] }]);
    assert.deepEqual(await rolesOf(world.server, accountId), [`staff by ${id}`]);
    await update(id, '--groups');
    await world.server.rooms.roles.recompute(accountId);
    assert.deepEqual(await rolesOf(world.server, accountId), [`staff by ${id}`]);
  });

  test('and those of another cloud are nobody’s in this one, also of people who are confirmed', async () => {
    const { id = '' } = await world.consentry.json(addEntra('--certificate', world.pem.a, '--groups'));
    const accountId = await member(id, 'entra');
    await update(id, '--cloud', 'usgov');
    assert.deepEqual(await said(), [{ app_roles: [], groups: [] }]);
    assert.deepEqual(await rolesOf(world.server, accountId), []);
  });

  test('are those of a claim that is not looked at any more', async () => {
    const { settings } = world.upstream.record('contoso');
    await world.addOidc('contoso', { settings: { ...settings, rolesClaim: 'roles', groupsClaim: 'groups' } });
    const accountId = await member('contoso', 'oidc');
    await update('contoso', '--roles-claim', 'positions');
    assert.deepEqual(await said(), [{ app_roles: [], groups: [GROUP] }]);
    assert.deepEqual(await rolesOf(world.server, accountId), ['analyst by contoso']);
    const before = await world.server.rooms.connectionStore.find('contoso');
    assert.ok(before?.kind === 'oidc');
    const { groupsClaim: _groups, ...rest } = before.settings;
    await changeConnection(world.server.rooms, before, { settings: rest });
    assert.deepEqual(await said(), [{ app_roles: [], groups: [] }]);
    assert.deepEqual(await rolesOf(world.server, accountId), []);
  });
});
