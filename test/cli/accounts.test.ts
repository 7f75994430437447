import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { authorize, introspect, redeem, refresh, registerClient } from '../flow.ts';
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
  const signIn = { email: 'bo@contoso.test', password, address: '127.0.0.1' };
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
  const signIn = { email: 'olga@contoso.test', password: OWN_PASSWORD, address: '127.0.0.1' };
  assert.equal((await server.rooms.accounts.signIn(signIn)).ok, true);
});

const refused: [string, string[], string, number, RegExp][] = [
  ['what is no e-mail address', ['account', 'add', 'ana'], '', 2, /ana is not an e-mail address/],
  ['an address that is taken', ['account', 'add', 'ANA@contoso.test'], '', 1, /has an account already/],
  ['a weak password', ['account', 'add', 'c@x.test', '--password-stdin'], 'short\n', 2, /at least 12 characters/],
  ['an unknown role', ['account', 'add', 'c@x.test', '--role', 'king'], '', 2, /Allowed choices are owner, user/],
  ['a name of blanks', ['account', 'add', 'c@x.test', '--name', '\u3000'], '', 2, /The name is empty/],
  [
    'to disable a stranger',
    ['account', 'disable', 'nobody@x.test'],
    '',
    1,
    /Nobody here has the address nobody@x.test/,
  ],
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
  assert.match(out, /^E-MAIL +NAME +ROLE +STATUS +ADDED\nana@contoso.test +- +user +active +\d{4}-/);
  assert.doesNotMatch(out + JSON.stringify(people), /argon2/);
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
