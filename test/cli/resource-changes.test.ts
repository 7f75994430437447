import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { authorize, redeem, refresh, registerClient } from '../flow.ts';
import { addPerson, CALENDAR, register, sql, staticClient } from '../harness.ts';
import { scopesOf } from '../interop/kit.ts';
import { startWithCommand } from './fixture.ts';

let world: Awaited<ReturnType<typeof startWithCommand>>;
let clientId = '';
let refreshToken: string | undefined = '';
let uri = '';

/** Ana lets a client read and label her mail, Bo lets it read his; a service may label. */
before(async () => {
  world = await startWithCommand();
  const { server } = world;
  uri = server.mail.uri;
  clientId = (await registerClient(server.issuer, { client_name: 'Desk' })).client_id;
  const bo = await addPerson(server.rooms, 'bo@contoso.test');
  await authorize({ ...server, ana: bo }, clientId, { params: { scope: 'mail:read' } });
  const begun = await authorize(server, clientId, { params: { scope: 'mail:read mail:label' } });
  refreshToken = (await redeem(server, clientId, begun)).body.refresh_token;
  await staticClient(server.rooms, { kind: 'service', redirectUris: [], access: { [uri]: ['mail:label'] } });
});
after(() => world.server.close());

const LABEL = 'mail:label|Change labels|medium|change|add_label, delete_label';

const state = () =>
  sql(
    world.server,
    `SELECT r.name, consent_days, disabled_at, to_jsonb(s) AS scope FROM resources r
     JOIN resource_scopes s ON s.resource_id = r.id ORDER BY r.uri, s.name`,
  );
const changes = async () => (await world.recorded()).filter(({ type }) => type.startsWith('resource.'));
async function run(...args: string[]): Promise<string> {
  const { code, out, err } = await world.consentry(['resource', ...args]);
  assert.equal(code, 0, err);
  return out;
}
async function carried(): Promise<string[]> {
  const tokens = await refresh(world.server, clientId, refreshToken);
  refreshToken = tokens.body.refresh_token;
  return scopesOf(tokens);
}

test('resource update --dry-run says in words what differs and whom it touches, and writes nothing', async () => {
  const before = await state();
  const out = await run(
    ...['update', uri, '--name', 'Post', '--consent-days', '30', '--remove-scope', 'mail:send', '--dry-run'],
    ...['--scope', LABEL, '--scope', 'mail:purge|Delete mail for good|high|act|purge'],
  );
  assert.equal(
    out,
    `The name is "Post" instead of "Mail".
Consents live 30 days at most instead of 90: those from now on.

mail:label reads differently; it is in 1 living consent and the access of 1 service:
  tools  + delete_label

mail:purge is new:
  description  "Delete mail for good"
  weight       high
  effect       act
  tools        purge

mail:send is removed, at once; it is in 0 living consents.

Nothing was written.`,
  );
  assert.deepEqual(await state(), before);
  assert.deepEqual(await changes(), []);
});

test('resource update suspends a changed scope, and keeps the Japanese of words that stay', async () => {
  const out = await run('update', uri, '--scope', LABEL);
  assert.match(
    out,
    /^mail:label reads differently; .*\n {2}tools {2}\+ delete_label\n\nNo new token carries these until/,
  );
  assert.ok(out.includes(`npx consentry resource accept ${uri}\n`));
  assert.deepEqual(await carried(), ['mail:read']);
  const [event, ...more] = await changes();
  assert.deepEqual(more, []);
  assert.deepEqual([event?.type, event?.resource, event?.scopes], ['resource.scope_proposed', uri, ['mail:label']]);
  assert.match(await run('update', uri, '--scope', LABEL), /\(proposed already\)/);
  assert.equal((await changes()).length, 1);
});

test('resource show and resource list show what waits', async () => {
  const shown = await run('show', uri);
  assert.match(shown, /^Mail at http.*\n\n {2}client_id +rs_\w+\n {2}consents +90 days at most\n/);
  assert.match(shown, /mail:label +medium +change +Change labels +add_label +suspended\n/);
  assert.match(
    shown,
    /mail:label reads differently; it is in 1 living .*\n {2}tools {2}\+ delete_label\n\nNo new token/,
  );
  assert.match(await run('list'), /mail:label .* suspended$/m);
  const json = await world.consentry.json<{ suspended: string[]; proposals: Record<string, unknown>[] }>([
    'resource',
    'show',
    uri,
  ]);
  assert.deepEqual(json.suspended, ['mail:label']);
  const [{ proposed_at: at, ...proposal } = {}] = json.proposals;
  assert.ok(at);
  assert.deepEqual(proposal, {
    name: 'mail:label',
    description: 'Change labels',
    description_ja: 'ラベルを変更する',
    sensitivity: 'medium',
    effect: 'change',
    tools: ['add_label', 'delete_label'],
    added: false,
  });
});

test('resource reject leaves the scope as it was; there is nothing to reject twice', async () => {
  const out = await run('reject', uri, '--scope', 'mail:label');
  assert.match(out, /^mail:label reads differently; [\s\S]*\nRejected/);
  assert.deepEqual(await carried(), ['mail:label', 'mail:read']);
  const { code, err } = await world.consentry(['resource', 'reject', uri]);
  assert.equal(code, 2);
  assert.match(err, /Nothing of Mail is proposed/);
});

test('resource accept lets the scope read as proposed, one scope at a time', async () => {
  await run('update', uri, '--scope', LABEL, '--scope', 'mail:send|Send mail|high|act|send_mail');
  assert.match(await run('accept', uri, '--scope', 'mail:label'), /\nAccepted\. Whoever agreed to former words/);
  const { code, err } = await world.consentry(['resource', 'accept', uri, '--scope', 'mail:label', 'mail:send']);
  assert.equal(code, 2);
  assert.match(err, /Nothing is proposed for mail:label/);
  const shown = await run('show', uri);
  assert.match(shown, /mail:label +medium +change +Change labels +add_label, delete_label\n/);
  assert.match(shown, /mail:send .* suspended/);
  assert.match(shown, /Japanese {5}"あなたとしてメールを送る" → none/);
  await run('reject', uri);
});

test('resource update takes what resource list prints, and makes it whole: accepted at once with --accept', async () => {
  const listed = await world.consentry.json<Record<string, unknown>[]>(['resource', 'list']);
  const mail = listed.find((one) => one.uri === uri) ?? assert.fail('mail is listed');
  const file = (changed: object) => JSON.stringify({ ...mail, ...changed });
  const same = await world.consentry(['resource', 'update', uri, '--from-file', '-'], file({}));
  assert.deepEqual([same.code, same.out], [0, 'Nothing differs.']);
  const scopes = (mail.scopes as { name: string }[]).filter(({ name }) => name !== 'mail:send');
  const purge = { name: 'mail:purge', description: 'Delete for good', sensitivity: 'high', effect: 'act', tools: [] };
  const text = file({ name: 'Post', consent_days: 30, scopes: [...scopes, purge] });
  const before = (await changes()).length;
  const { code, out, err } = await world.consentry(['resource', 'update', uri, '--from-file', '-', '--accept'], text);
  assert.equal(code, 0, err);
  assert.match(out, /mail:send is removed[\s\S]*\nAccepted/);
  const [now] = (await world.consentry.json<Record<string, unknown>[]>(['resource', 'list'])).filter(
    (one) => one.uri === uri,
  );
  assert.deepEqual(now, {
    ...mail,
    name: 'Post',
    consent_days: 30,
    scopes: [...scopes, { ...purge, description_ja: null }],
  });
  const written = (await changes()).slice(before).map(({ type, details }) => [type, details]);
  assert.deepEqual(
    written.map(([type]) => type),
    ['resource.updated', 'resource.scope_proposed', 'resource.scope_accepted'],
  );
  assert.deepEqual(written[0]?.[1], {
    ...{ nameBefore: 'Mail', name: 'Post', consentDaysBefore: 90, consentDays: 30 },
    removed: ['mail:send'],
  });
});

test('resource disable ends every token until resource enable', async () => {
  assert.equal(await run('disable', uri), 'Post is disabled.');
  assert.equal(await run('disable', uri), 'Post was disabled already.');
  assert.match(await run('list'), /disabled/);
  assert.equal((await refresh(world.server, clientId, refreshToken)).body.error, 'invalid_grant');
  assert.match((await world.consentry(['resource', 'add', uri, '--name', 'x', '--scope', LABEL])).err, /registered/);
  assert.equal(await run('enable', uri), 'Post is enabled.');
  assert.ok((await carried()).includes('mail:read'));
  const types = (await changes()).map(({ type }) => type).slice(-2);
  assert.deepEqual(types, ['resource.disabled', 'resource.enabled']);
});

const refused: [string, string[], string, number, RegExp][] = [
  ['nothing', ['update', 'URI'], '', 2, /Say what is new/],
  ['a server that is not there', ['update', 'https://a.example/mcp', '--name', 'x'], '', 1, /There is no MCP server/],
  ['a link', ['update', 'URI', '--scope', 'a|See https://evil.example|low|read'], '', 2, /contains a link/],
  ['a tool with markup', ['update', 'URI', '--scope', 'a|Read|low|read|<b>'], '', 2, /is not the name of a tool/],
  ['a name that nobody sees', ['update', 'URI', '--name', '\u202e'], '', 2, /is empty/],
  ['more days than a year', ['update', 'URI', '--consent-days', '400'], '', 2, /1 to 365 days/],
  ['a scope that is not there', ['update', 'URI', '--remove-scope', 'x'], '', 2, /x cannot be removed/],
  ['a file beside options', ['update', 'URI', '--name', 'x', '--from-file', '-'], '{}', 2, /leave out/],
  [
    'a file of another server',
    ['update', 'URI', '--from-file', '-'],
    JSON.stringify({ ...CALENDAR, scopes: [] }),
    2,
    /is of http.*calendar/,
  ],
  ['a scope that nobody proposed', ['accept', 'URI', '--scope', 'mail:read'], '', 2, /Nothing is proposed/],
];
for (const [what, args, input, expected, message] of refused) {
  test(`resource ${args[0]} refuses ${what} and writes nothing`, async () => {
    const before = await state();
    const real = ['resource', ...args.map((one) => (one === 'URI' ? uri : one))];
    const { code, out, err } = await world.consentry(real, input);
    assert.deepEqual([code, out], [expected, ''], err);
    assert.match(err, message);
    assert.deepEqual(await state(), before);
  });
}

test('resource update --token-seconds holds for the next token, within the bounds of the dashboard', async () => {
  const said = await run('update', uri, '--token-seconds', '120');
  assert.match(said, /Access tokens live 120 seconds instead of 600: those from now on\./);
  const { body } = await refresh(world.server, clientId, refreshToken);
  refreshToken = body.refresh_token;
  assert.equal(body.expires_in, 120);
  for (const seconds of ['59', '3601', 'many', '1.5']) {
    const { code, err } = await world.consentry(['resource', 'update', uri, '--token-seconds', seconds]);
    assert.equal(code, 2, seconds);
    assert.match(err, /60 to 3600 seconds/);
  }
});

test('the last scope of a server stays', async () => {
  await register(world.server.rooms, CALENDAR);
  const args = ['resource', 'update', CALENDAR.uri, '--remove-scope', 'calendar:read'];
  assert.match((await world.consentry(args)).err, /keeps at least one scope/);
});
