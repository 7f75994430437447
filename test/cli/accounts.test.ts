import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createApp } from '../account/kit.ts';
import { authorize, introspect, redeem, refresh, registerClient } from '../flow.ts';
import { PASSWORD } from '../harness.ts';
import { startWithCommand } from './fixture.ts';

let world: Awaited<ReturnType<typeof startWithCommand>>;
before(async () => {
  world = await startWithCommand();
});
after(() => world.server.close());

const OWN_PASSWORD = 'nine purple bicycles';

test('account add shows a generated password once; the person signs in with it', async () => {
  const { consentry, server, prisma, recorded } = world;
  const { code, out, err } = await consentry(['account', 'add', ' Bo@Contoso.test ', '--name', 'Bo\u202e\n Berg']);
  assert.equal(code, 0, err);
  const password = /Password {2}(\S+)/.exec(out)?.[1] ?? '';
  assert.match(password, /^(?:[a-z2-9]{5}-?){4}$/);
  const account = await prisma.account.findUniqueOrThrow({ where: { signInName: 'bo@contoso.test' } });
  assert.equal(account.name, 'Bo Berg');
  assert.equal(account.role, 'user');
  assert.match(account.passwordHash ?? '', /^\$argon2id\$/);
  const signIn = { email: 'bo@contoso.test', password, address: '127.0.0.1', binding: 'a page' };
  assert.equal((await server.rooms.accounts.signIn(signIn)).ok, true);
  const [event] = await recorded('account.created');
  assert.equal(event?.accountId, account.id);
  assert.ok(!JSON.stringify(await recorded(), withoutBigInts).includes(password));
  assert.match(err, /there is no owner yet/);
});

test('account add takes a password from standard input, without its line break', async () => {
  const { consentry, server } = world;
  const args = ['account', 'add', 'olga@contoso.test', '--role', 'owner', '--password-stdin'];
  const added = await consentry.json(args, `${OWN_PASSWORD}\n`);
  assert.equal(added.role, 'owner');
  assert.equal('password' in added, false);
  const signIn = { email: 'olga@contoso.test', password: OWN_PASSWORD, address: '127.0.0.1', binding: 'a page' };
  assert.equal((await server.rooms.accounts.signIn(signIn)).ok, true);
});

const refused: [string, string[], string, number, RegExp][] = [
  ['what is no e-mail address', ['account', 'add', 'ana'], '', 2, /ana is not an e-mail address/],
  ['an address that is taken', ['account', 'add', 'ANA@contoso.test'], '', 1, /has an account already/],
  ['a weak password', ['account', 'add', 'c@x.test', '--password-stdin'], 'short\n', 2, /at least 12 characters/],
  ['an unknown role', ['account', 'add', 'c@x.test', '--role', 'king'], '', 2, /Allowed choices are owner, user/],
  ['a name of blanks', ['account', 'add', 'c@x.test', '--name', '\u3000'], '', 2, /The name is empty/],
  ['to disable a stranger', ['account', 'disable', 'nobody@x.test'], '', 1, /Nobody here signs in as nobody@x.test/],
  ['to enable a stranger', ['account', 'enable', 'nobody@x.test'], '', 1, /Nobody here/],
  ['to disable the last owner', ['account', 'disable', 'olga@contoso.test'], '', 1, /is the last owner/],
];
for (const [what, args, input, expected, message] of refused) {
  test(`refused: ${what}`, async () => {
    const before = await counts();
    const { code, out, err } = await world.consentry(args, input);
    assert.equal(code, expected);
    assert.match(err, message);
    assert.equal(out, '');
    assert.deepEqual(await counts(), before);
  });
}

test('account disable ends sessions and tokens at once; enable lets the person sign in again', async () => {
  const { consentry, server, prisma, recorded } = world;
  const { client_id: clientId } = await registerClient(server.issuer);
  const authorized = await authorize(server, clientId);
  const { body: tokens } = await redeem(server, clientId, authorized);
  assert.equal((await introspect(server, tokens.access_token)).body.active, true);

  const { code, out } = await consentry(['account', 'disable', 'Ana@contoso.test']);
  assert.equal(code, 0);
  assert.match(out, /1 browser session and 1 connection of clients ended/);
  assert.equal((await introspect(server, tokens.access_token)).body.active, false);
  assert.equal((await refresh(server, clientId, tokens.refresh_token)).body.error, 'invalid_grant');
  const { id } = server.ana;
  assert.equal(await prisma.artifact.count({ where: { kind: 'Session', accountId: id } }), 0);
  assert.equal(await prisma.grant.count({ where: { consent: { accountId: id } } }), 0);
  const [event] = await recorded('account.disabled');
  assert.deepEqual(event?.details, { sessions: 1, signIns: 1 });
  assert.match((await consentry(['account', 'disable', 'ana@contoso.test'])).out, /was disabled already/);

  assert.equal((await consentry(['account', 'enable', 'ana@contoso.test'])).out, 'Enabled ana@contoso.test.');
  assert.match((await consentry(['account', 'enable', 'ana@contoso.test'])).out, /is not disabled/);
  assert.equal((await recorded('account.enabled')).length, 1);
  assert.equal((await introspect(server, tokens.access_token)).body.active, false);
  await authorize(server, clientId);
});

test('people of a connection go by their id: an address that only their directory states leads to nobody', async () => {
  const { consentry, prisma } = world;
  const email = 'ceo@contoso.test';
  const { account } = await world.server.rooms.accountStore.createWithIdentity(
    { connectionId: 'contoso', issuer: 'https://id.contoso.test', subject: 'anybody' },
    { email },
    new Date(),
  );
  for (const args of [
    ['account', 'disable', email],
    ['role', 'give', 'owner', email],
  ]) {
    const refused = await consentry(args);
    assert.equal(refused.code, 1, args.join(' '));
    assert.match(refused.err, /nobody checked their address/);
    assert.ok(refused.err.includes(account.id));
  }
  assert.equal((await consentry(['account', 'break-glass', account.id, 'on'])).code, 1, 'there is no password');
  const setting = await consentry(['account', 'set-password', account.id]);
  assert.equal(setting.code, 1);
  assert.match(setting.err, /signs in by a connection, and has no password here/);
  await world.server.rooms.accountStore.disable(account.id, new Date(), 'scim:contoso');
  assert.equal((await consentry(['account', 'disable', account.id])).code, 0);
  const { disabledBy } = await prisma.account.findUniqueOrThrow({ where: { id: account.id } });
  assert.deepEqual(disabledBy, ['scim:contoso', 'administrator'], 'the directory alone does not bring them back');
  const enabled = await consentry(['account', 'enable', account.id]);
  assert.match(enabled.err, /overrules scim:contoso/);
  await prisma.account.delete({ where: { id: account.id } });
});

test('account list shows everybody, and no hash', async () => {
  const { consentry } = world;
  const people = await consentry.json<Record<string, unknown>[]>(['account', 'list']);
  assert.deepEqual(
    people.map(({ email, role, disabled_at: disabledAt }) => [email, role, disabledAt]),
    [
      ['ana@contoso.test', 'user', null],
      ['bo@contoso.test', 'user', null],
      ['olga@contoso.test', 'owner', null],
    ],
  );
  const { out } = await consentry(['account', 'list']);
  assert.match(
    out,
    /^E-MAIL +NAME +ROLE +STATUS +WAYS IN +ADDED +ID\nana@contoso.test +- +user +active +password +\d{4}-/,
  );
  assert.doesNotMatch(out + JSON.stringify(people), /argon2/);
});

test('people of a connection are recognised by what it says of them, never by an address', async () => {
  const { consentry, prisma, server } = world;
  const { connectionStore, accountStore, identityStore, roleStore } = server.rooms;
  await connectionStore.create({
    ...{ id: 'contoso', name: 'Contoso', exclusive: false, provisioning: 'first_sign_in', origin: 'cli', kind: 'oidc' },
    settings: {
      ...{ issuer: 'https://id.contoso.test', clientId: 'x', authentication: 'client_secret_basic' },
      ...{ offlineAccess: false, authContexts: [], checkMinutes: 10 },
    },
    secrets: { clientSecret: 'x', certificates: [] },
  });
  const tenantId = '0a7bdc1e-58a6-4f0e-9c5d-2f4a6f6c1001';
  const objectId = '7c1d7ea4-0c3c-4e1f-9d0b-3f8f6f4f8f10';
  const key = { connectionId: 'contoso', issuer: 'https://id.contoso.test', subject: objectId };
  const said = { email: 'ana@contoso.test', name: 'Ana\u202e\n there' };
  const { account } = await accountStore.createWithIdentity(key, said, new Date());
  await identityStore.noteSignIn(key, { ...key, ...said, tenantId, objectId, appRoles: ['Staff'] });
  await roleStore.create('staff', undefined, new Date());
  await roleStore.give(account.id, 'staff', new Date());

  type Listed = { id: string; password_set: boolean; identities: Record<string, unknown>[] };
  const everybody = await consentry.json<Listed[]>(['account', 'list']);
  assert.deepEqual(
    everybody.filter(({ identities }) => identities.length > 0).map(({ id, password_set: set }) => [id, set]),
    [[account.id, false]],
  );
  const some = await consentry.json<Listed[]>(['account', 'list', '--connection', 'contoso']);
  assert.deepEqual(
    some.map(({ id }) => id),
    [account.id],
  );
  const { out } = await consentry(['account', 'list', '--connection', 'contoso']);
  assert.match(out, /active +contoso +\d{4}-/);
  assert.equal((await consentry(['account', 'list', '--connection', 'nowhere'])).code, 1);

  await accountStore.disable(account.id, new Date(), 'scim:contoso');
  type Shown = Listed & { disabled_by: string[]; break_glass: boolean; roles: unknown };
  const shown = await consentry.json<Shown>(['account', 'show', `contoso:${objectId}`]);
  assert.deepEqual(
    [shown.id, shown.disabled_by, shown.break_glass, shown.roles],
    [account.id, ['scim:contoso'], false, [{ role: 'staff', by: 'administrator' }]],
  );
  const {
    connection,
    issuer,
    subject,
    tenant_id: tenant,
    object_id: object,
    app_roles: roles,
  } = shown.identities[0] ?? {};
  assert.deepEqual(
    [connection, issuer, subject, tenant, object, roles],
    ['contoso', key.issuer, objectId, tenantId, objectId, ['Staff']],
  );
  const words = (await consentry(['account', 'show', account.id])).out;
  for (const told of [
    /disabled \d.* by scim:contoso/,
    /staff \(by administrator\)/,
    /tenant_id +0a7b/,
    /name_there +Ana there/,
  ])
    assert.match(words, told);
  const owner = await consentry.json<Shown>(['account', 'show', 'olga@contoso.test']);
  assert.deepEqual(owner.roles, [{ role: 'owner', by: 'administrator' }]);
  // Its address is that of Ana, who signs in here: it leads to her, and with the connection before it to nobody.
  assert.equal((await consentry.json<Shown>(['account', 'show', 'ana@contoso.test'])).id, server.ana.id);
  assert.equal((await consentry(['account', 'show', 'contoso:ana@contoso.test'])).code, 1);
  assert.equal((await consentry(['account', 'enable', `contoso:${objectId}`])).code, 0);

  const other = { ...key, issuer: 'https://other.contoso.test' };
  const namesake = await accountStore.createWithIdentity(other, {}, new Date());
  const refused = await consentry(['account', 'disable', `contoso:${objectId}`]);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /Several people are/);
  await prisma.account.deleteMany({ where: { id: { in: [account.id, namesake.account.id] } } });
});

test('account reset-second-factor asks for the password alone again, on record, and ends recovery codes', async () => {
  const { consentry, server, prisma, recorded } = world;
  const { rooms, ana } = server;
  const begun = await rooms.secondFactor.begin(ana);
  assert.ok(begun);
  const codes = await rooms.secondFactor.confirm(ana.id, createApp(begun.secret, () => new Date()).code());
  assert.equal(codes?.length, 10);
  const signsIn = () =>
    rooms.accounts.signIn({ email: ana.email, password: PASSWORD, address: '127.0.0.1', binding: 'a page' });
  assert.equal((await signsIn()).ok, false);
  const { code, out } = await consentry(['account', 'reset-second-factor', 'ana@contoso.test']);
  assert.equal(code, 0);
  assert.match(out, /ana@contoso\.test is asked for no code any more/);
  assert.equal((await signsIn()).ok, true);
  assert.equal(await prisma.recoveryCode.count(), 0);
  const [event] = await recorded('second_factor.removed');
  assert.deepEqual([event?.accountId, event?.actor, event?.reason], [ana.id, 'cli', 'administrator']);
  assert.match((await consentry(['account', 'reset-second-factor', ana.id])).out, /no code already/);
});

test('account set-password gives a forgotten password anew, and ends what the old one opened', async () => {
  const { consentry, server, prisma, recorded } = world;
  const { client_id: clientId } = await registerClient(server.issuer);
  await authorize(server, clientId);
  const { id } = server.ana;
  const sessions = () => prisma.artifact.count({ where: { kind: 'Session', accountId: id } });
  assert.ok((await sessions()) > 0);
  const signsIn = async (password: string) =>
    (
      await server.rooms.accounts.signIn({
        email: 'ana@contoso.test',
        password,
        address: '127.0.0.1',
        binding: 'a page',
      })
    ).ok;
  const { code, out } = await consentry(['account', 'set-password', 'Ana@contoso.test']);
  assert.equal(code, 0);
  const generated = /Password {2}(\S+)/.exec(out)?.[1] ?? '';
  assert.equal(await sessions(), 0);
  assert.deepEqual([await signsIn(PASSWORD), await signsIn(generated)], [false, true]);
  const changed = await consentry.json(['account', 'set-password', id, '--password-stdin'], `${OWN_PASSWORD}\n`);
  assert.equal('password' in changed, false);
  assert.equal(await signsIn(OWN_PASSWORD), true);
  const weak = await consentry(['account', 'set-password', id, '--password-stdin'], 'short\n');
  assert.deepEqual([weak.code, await signsIn(OWN_PASSWORD)], [2, true]);
  const events = await recorded('password.changed');
  assert.deepEqual(
    events.map(({ accountId, actor, reason }) => [accountId, actor, reason]),
    [
      [id, 'cli', 'administrator'],
      [id, 'cli', 'administrator'],
    ],
  );
  assert.ok(!JSON.stringify(events, withoutBigInts).includes(generated));
});

async function counts() {
  const { prisma, recorded } = world;
  return [
    await prisma.account.count(),
    await prisma.account.count({ where: { disabledAt: null } }),
    (await recorded()).length,
  ];
}

function withoutBigInts(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

test('account break-glass makes an account for emergencies and ends that, each on record', async () => {
  const { consentry, prisma, recorded } = world;
  const added = await consentry.json(['account', 'add', 'glass@contoso.test', '--break-glass']);
  assert.equal(added.break_glass, true);
  const state = async () =>
    (await prisma.account.findUniqueOrThrow({ where: { signInName: 'glass@contoso.test' } })).breakGlass;
  const say = (on: string) => consentry(['account', 'break-glass', 'glass@contoso.test', on]);
  assert.match((await say('on')).out, /already/);
  assert.match((await say('off')).out, /is now no break-glass account/);
  assert.equal(await state(), false);
  assert.match((await say('on')).out, /is now a break-glass account/);
  assert.equal(await state(), true);
  const events = await recorded('account.break_glass_changed');
  assert.deepEqual(
    events.map(({ details }) => details),
    [
      { before: true, breakGlass: false },
      { before: false, breakGlass: true },
    ],
  );
  assert.match((await consentry(['account', 'list'])).out, /glass@contoso\.test .*active, break-glass/);
  assert.equal((await say('maybe')).code, 2);
  assert.equal((await consentry(['account', 'break-glass', 'nobody@contoso.test', 'on'])).code, 1);
});
