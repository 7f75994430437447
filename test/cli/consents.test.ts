import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { authorize, introspect, redeem, refresh, registerClient } from '../flow.ts';
import { addPerson, CALENDAR, register } from '../harness.ts';
import { startWithCommand } from './fixture.ts';

let world: Awaited<ReturnType<typeof startWithCommand>>;
let desk = '';
let hub = '';
let tokens: Record<string, string>;

/** Ana lets Desk and Hub at her mail and Hub at her calendar; Bo lets Desk at his mail. */
before(async () => {
  world = await startWithCommand();
  const { server } = world;
  const { uri } = await register(server.rooms, CALENDAR);
  desk = (await registerClient(server.issuer, { client_name: 'Desk \u001b[31m' })).client_id;
  hub = (await registerClient(server.issuer, { client_name: 'Hub' })).client_id;
  const bo = await addPerson(server.rooms, 'bo@contoso.test');
  await authorize({ ...server, ana: bo }, desk);
  tokens = (await redeem(server, desk, await authorize(server, desk))).body;
  const { person } = await authorize(server, hub);
  await authorize(server, hub, { person, params: { resource: uri } });
});
after(() => world.server.close());

type Listed = Record<string, string>[];
const list = (...args: string[]) => world.consentry.json<Listed>(['consent', 'list', ...args]);

test('consent list tells who lets which client at what, and narrows it down', async () => {
  const all = await list();
  assert.deepEqual(all.map(({ account, client_name: name, resource }) => [account, name, resource]).sort(), [
    ['ana@contoso.test', 'Desk [31m', world.server.mail.uri],
    ['ana@contoso.test', 'Hub', CALENDAR.uri],
    ['ana@contoso.test', 'Hub', world.server.mail.uri],
    ['bo@contoso.test', 'Desk [31m', world.server.mail.uri],
  ]);
  assert.equal((await list('--account', 'Ana@contoso.test')).length, 3);
  assert.equal((await list('--client', hub, '--resource', world.server.mail.uri)).length, 1);
  const { out } = await world.consentry(['consent', 'list', '--account', 'bo@contoso.test']);
  assert.match(out, /bo@contoso.test +Desk \[31m +http:\/\/127.0.0.1:9\/mail +mail:read +\d{4}-.* until \d{4}-/);
  assert.ok(!out.includes('\u001b'));
});

test('consent revoke --dry-run says how many and whose, and changes nothing', async () => {
  const { code, out } = await world.consentry(['consent', 'revoke', '--client', desk, '--dry-run']);
  assert.equal(code, 0);
  assert.match(out, /^Would revoke 2 consents of (ana@contoso.test \(1\), bo@contoso.test \(1\)|bo.*ana.*):\n/);
  assert.equal((await list()).length, 4);
  assert.equal((await world.recorded()).length, 0);
});

test('consent revoke by id ends its tokens, and no other', async () => {
  const { server, consentry, recorded } = world;
  const [consent] = await list('--account', 'ana@contoso.test', '--client', desk);
  const { code, out } = await consentry(['consent', 'revoke', consent?.id ?? '']);
  assert.equal(code, 0);
  assert.match(out, /^Revoked 1 consent of ana@contoso.test \(1\):/);
  assert.equal((await introspect(server, tokens.access_token)).body.active, false);
  assert.equal((await refresh(server, desk, tokens.refresh_token)).body.error, 'invalid_grant');
  assert.equal((await list()).length, 3);
  const [event, ...more] = await recorded();
  assert.equal(more.length, 0);
  assert.deepEqual(
    [event?.type, event?.reason, event?.consentId, event?.clientId, event?.resource, event?.scopes],
    ['consent.revoked', 'administrator', consent?.id, desk, server.mail.uri, ['mail:read']],
  );
  assert.match((await consentry(['consent', 'revoke', consent?.id ?? ''])).out, /nothing was revoked/);
  const all = await list('--all');
  assert.equal(all.find(({ id }) => id === consent?.id)?.revoked_reason, 'administrator');
});

test('consent revoke takes all of a person, whose filters must all match', async () => {
  const { consentry, server } = world;
  const narrow = ['consent', 'revoke', '--account', 'ana@contoso.test', '--resource', CALENDAR.uri];
  assert.match((await consentry(narrow)).out, /Revoked 1 consent of ana/);
  assert.match(
    (await consentry(['consent', 'revoke', '--account', 'ana@contoso.test'])).out,
    /Revoked 1 consent of ana/,
  );
  const left = await list();
  assert.deepEqual(
    left.map(({ account }) => account),
    ['bo@contoso.test'],
  );
  await authorize(server, desk);
});

const refused: [string, string[], number, RegExp][] = [
  ['nothing named', [], 2, /one way or the other/],
  ['ids and filters together', ['x', '--account', 'ana@contoso.test'], 2, /one way or the other/],
  ['an unknown consent', ['x'], 1, /There is no consent x; nothing was revoked/],
  ['an unknown person', ['--account', 'eve@contoso.test'], 1, /Nobody here/],
  ['an unknown client', ['--client', 'x'], 1, /There is no client x/],
  ['an unknown MCP server', ['--resource', 'https://x.example'], 1, /There is no MCP server/],
];
for (const [what, args, expected, message] of refused) {
  test(`consent revoke refuses ${what}`, async () => {
    const { code, err } = await world.consentry(['consent', 'revoke', ...args]);
    assert.equal(code, expected, err);
    assert.match(err, message);
  });
}
