import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { authorizationUrl, registerClient, signIn } from '../flow.ts';
import { addPerson, sql, staticClient } from '../harness.ts';
import { isConsentPage } from '../interaction/kit.ts';
import { createPerson } from '../person.ts';
import { createCommand } from './command.ts';
import { startWithCommand } from './fixture.ts';

const SCOPES = 'mail:read mail:send';

let world: Awaited<ReturnType<typeof startWithCommand>>;
let clientId = '';
/** As it is kept. */
let name = '';

before(async () => {
  world = await startWithCommand();
  const { server } = world;
  await addPerson(server.rooms, 'olga@contoso.test');
  await sql(server, "UPDATE accounts SET role = 'owner' WHERE email = 'olga@contoso.test'");
  await sql(server, `UPDATE policy_rules SET match = '{"above": "medium"}' WHERE id = 'default'`);
  clientId = (await registerClient(server.issuer, { client_name: 'Desk \u001b[31m' })).client_id;
  name = String((await server.rooms.clients.find(clientId))?.metadata.client_name);
});
after(() => world.server.close());
beforeEach(async () => {
  await sql(world.server, 'DELETE FROM approval_requests');
  await sql(world.server, "DELETE FROM accounts WHERE email = 'otto@contoso.test'");
});

interface Listed {
  id: string;
  state: string;
  [member: string]: unknown;
}
const run = (...args: string[]) => world.consentry(['approvals', ...args]);
const list = (...args: string[]) => world.consentry.json<Listed[]>(['approvals', 'list', ...args]);

/** Ana asks on the page, as she would; her browser and what it shows. */
async function ask({ client = clientId, reason = 'for the report' } = {}) {
  const { server } = world;
  const person = createPerson(server.issuer);
  const begun = await person.open(authorizationUrl(server, client, { scope: SCOPES }).url);
  const waiting = await person.submit(await signIn(person, begun, server.ana), { decision: 'ask', reason });
  const [request] = await list();
  assert.ok(request, waiting.html);
  return { person, waiting, id: request.id };
}

async function addOwner(): Promise<void> {
  await addPerson(world.server.rooms, 'otto@contoso.test');
  await sql(world.server, "UPDATE accounts SET role = 'owner' WHERE email = 'otto@contoso.test'");
}

async function rename(to: string): Promise<void> {
  const set = "UPDATE clients SET metadata = jsonb_set(metadata, '{client_name}', to_jsonb($2::text)) WHERE id = $1";
  await sql(world.server, set, [clientId, to]);
}

test('approvals list has who waits for which client and server, and nothing of it moves the cursor', async () => {
  assert.match((await run('list')).out, /^Nobody is waiting\.$/);
  const { id } = await ask();
  const { out } = await run('list');
  assert.match(
    out,
    new RegExp(`^REQUEST.*\\n${id} +\\d{4}-.*ana@contoso.test +"Desk \\[31m" +http://.*mail:send +pending`),
  );
  assert.ok(!out.includes('\u001b'));
  const [request] = await list('--state', 'all');
  assert.deepEqual(
    [request?.account, request?.client_id, request?.scopes, request?.reason, request?.redirect_uri],
    ['ana@contoso.test', clientId, ['mail:send'], 'for the report', 'http://127.0.0.1:33418/callback'],
  );
  assert.deepEqual(await list('--state', 'denied'), []);
});

test('approvals show tells everything an approver needs', async () => {
  const { id } = await ask();
  const { code, out } = await run('show', id);
  assert.equal(code, 0);
  for (const expected of [
    /^ana@contoso.test asks for "Desk \[31m" to use Mail$/m,
    /Reason +for the report/,
    /Calls itself +"Desk \[31m"/,
    new RegExp(`Client ID +${clientId}`),
    /Known how +not at all: a program on the person's device/,
    /Returns to +http:\/\/127.0.0.1:33418\/callback$/m,
    /MCP server +Mail at http:\/\/127.0.0.1:9\/mail/,
    /mail:send +high +act +Send mail as you +send_mail/,
    /--seen [\da-f]{16}$/,
  ])
    assert.match(out, expected);
  assert.ok(!out.includes('\u001b'));
  assert.ok(!out.includes('Changed since'));
});

test('an approved person goes on to the consent page, and the record names both sides', async () => {
  const { id, person, waiting } = await ask();
  const { code, out } = await run('approve', id, '--days', '30', '--note', 'until the audit');
  assert.equal(code, 0, out);
  assert.match(
    out,
    /^Approved: ana@contoso.test may connect "Desk \[31m" with mail:send until \d{4}-.*\nThe press .*needed\.$/,
  );
  assert.ok(isConsentPage(await person.open(waiting.url)));
  const [request] = await list('--state', 'approved');
  const days = (Date.parse(String(request?.expires_at)) - Date.parse(String(request?.decided_at))) / 86_400_000;
  assert.deepEqual([request?.audience, request?.note, days], ['person', 'until the audit', 30]);
  const event = (await world.recorded('approval.decided')).at(-1);
  const details = event?.details as Record<string, string>;
  const olga = await world.server.rooms.accountStore.findByEmail('olga@contoso.test');
  assert.deepEqual(
    [
      event?.accountId,
      event?.clientId,
      event?.resource,
      event?.scopes,
      details.decision,
      details.approver,
      details.approval,
    ],
    [world.server.ana.id, clientId, world.server.mail.uri, ['mail:send'], 'approved', olga?.id, id],
  );
  assert.match((await run('show', id)).out, /Status +approved until .*\n +Decided by +olga@contoso.test/);
});

test('a denial reaches who asked, with the note', async () => {
  const { id, person, waiting } = await ask();
  assert.match((await run('deny', id, '--note', 'No.')).out, /^Denied: ana@contoso.test may not connect/);
  assert.match((await person.open(waiting.url)).html, /An administrator said no/);
  assert.equal((await list('--state', 'denied'))[0]?.note, 'No.');
});

test('a client that changed since it was looked at is not approved; after another look it is', async () => {
  const { id, person, waiting } = await ask();
  await run('show', id);
  await rename('Bank');
  try {
    const { code, out, err } = await run('approve', id);
    assert.equal(code, 1);
    assert.match(out, /The client calls itself "Bank" now; before "Desk \[31m"\./);
    assert.match(err, /Nothing was approved\. Look again/);
    assert.equal((await list())[0]?.state, 'pending');
    assert.match((await run('show', id)).out, /Calls itself +"Bank"/);
    assert.equal((await run('approve', id)).code, 0);
    assert.ok(isConsentPage(await person.open(waiting.url)));
  } finally {
    await rename(name);
  }
  assert.ok(!isConsentPage(await person.open(waiting.url)), 'it covers what it was called then, and nothing else');
});

test('show tells a change once and from then on means what it showed; --seen holds whoever saw the older to it', async () => {
  const { id } = await ask();
  const seen = /--seen (\w+)/.exec((await run('show', id)).out)?.[1] ?? '';
  await rename('Bank');
  try {
    assert.match(
      (await run('show', id)).out,
      /Changed since somebody last looked:\n +- The client calls itself "Bank"/,
    );
    assert.ok(!(await run('show', id)).out.includes('Changed since'));
    const late = await run('approve', id, '--seen', seen);
    assert.equal(late.code, 1);
    assert.match(late.out, /something newer than what you saw/);
    assert.equal((await run('approve', id)).code, 0);
  } finally {
    await rename(name);
  }
});

test('an approval for everyone serves everybody with the same client until it is taken back', async () => {
  const { server } = world;
  const { id } = await ask();
  assert.match((await run('approve', id, '--everyone')).out, /^Approved: Everybody may connect/);
  const bo = await addPerson(server.rooms, 'bo@contoso.test');
  const person = createPerson(server.issuer);
  const { url } = authorizationUrl(server, clientId, { scope: SCOPES });
  assert.ok(isConsentPage(await signIn(person, await person.open(url), bo)));
  assert.match((await run('revoke', id)).out, /^Took the approval of "Desk \[31m" back\.$/);
  assert.ok(!isConsentPage(await person.open(url)));
  assert.match((await run('show', id)).out, /Status +taken back/);
  assert.equal((await world.recorded('approval.revoked')).length, 1);
});

test('what is asked for by a client with a secret is approved at the first look too', async () => {
  const made = await staticClient(world.server.rooms, { kind: 'app', name: 'Static desk' });
  const { id, person, waiting } = await ask({ client: made.clientId });
  assert.match((await run('show', id)).out, /Known how +an administrator added it/);
  assert.equal((await run('approve', id)).code, 0);
  assert.ok(isConsentPage(await person.open(waiting.url)));
});

test('a client behind a proxy is shown before the proxy, and both are what an approval binds to', async () => {
  const { rooms, ana, mail } = world.server;
  const proxy = await staticClient(rooms, { kind: 'proxy', name: 'Gateway', redirectUris: ['https://gw.example/cb'] });
  const app = { clientId: 'https://app.example/client.json', redirectUri: 'https://app.example/callback' };
  const document = { client_id: app.clientId, client_name: 'Claude', redirect_uris: [app.redirectUri] };
  const at = new Date();
  const until = new Date(at.getTime() + 3_600_000);
  const publish = (name: string) =>
    rooms.documents.save({
      url: app.clientId,
      body: JSON.stringify({ ...document, client_name: name }),
      importedAt: null,
      ...{ fetchedAt: new Date(), freshUntil: until, staleUntil: until },
    });
  await publish('Claude');
  const resource = await rooms.resources.findByUri(mail.uri);
  assert.ok(resource);
  const { terms } = await rooms.agreement.askForPage(
    {
      ...{ accountId: ana.id, clientId: proxy.clientId, resource, scopes: ['mail:send'] },
      ...{ redirectUri: 'https://gw.example/cb', redirectRegistered: true },
      metadata: (await rooms.clients.find(proxy.clientId))?.metadata ?? {},
      downstream: { ...app, metadata: document, redirectRegistered: true },
    },
    {
      ...{ browserId: 'browser', proven: true, straight: false, device: false, namesNobody: false },
      ...{ accountSwitched: false, pageAskedFor: false, saidNoTwice: false, blocked: false },
    },
  );
  const { request } = await rooms.approvals.ask({ ...terms, browserId: 'browser' });
  const { out } = await run('show', request.id);
  assert.match(out, /^ana@contoso.test asks for "Claude" through "Gateway" to use Mail$/m);
  assert.match(out, /Calls itself +"Claude"\n +Client ID +https:\/\/app.example\/client.json\n/);
  assert.match(out, /Known how +app.example proved this address is its own/);
  assert.match(out, /Proxy: Returns to +https:\/\/gw.example\/cb$/m);
  assert.ok(!out.includes('Changed since'), out);
  await publish('Bank');
  assert.match(
    (await run('approve', request.id)).out,
    /client behind the proxy calls itself "Bank" now; before "Claude"/,
  );
  assert.equal((await run('approve', request.id)).code, 0);
  assert.deepEqual((await rooms.approvals.covering(terms)).scopes, [], 'not what it was called when asked for');
});

test('several are approved or denied at once, or none of them where one changed', async () => {
  const { server } = world;
  const first = await ask();
  const [row] = await sql<{ id: string }>(
    server,
    `INSERT INTO approval_requests (id, account_id, client_id, redirect_uri, resource_id, scopes, client_fingerprint, stated, scope_digests, browser_id, open_key)
     SELECT md5(id), account_id, client_id, redirect_uri, resource_id, '{mail:read}', client_fingerprint, stated, '{"mail:read":"before"}', browser_id, md5(id)
     FROM approval_requests WHERE id = $1 RETURNING id`,
    [first.id],
  );
  const second = row?.id ?? '';
  const states = async () => (await list('--state', 'all')).map(({ state }) => state);
  const late = await run('approve', first.id, second);
  assert.equal(late.code, 1);
  assert.match(late.out, new RegExp(`\\(${second}\\) is no longer what was seen:\\n  - mail:read: the wording`));
  assert.match(late.err, new RegExp(`Nothing was approved.*approvals show ${second}`));
  assert.deepEqual(await states(), ['pending', 'pending']);
  assert.match((await run('approve', first.id, second, '--seen', 'x')).err, /Write --seen once for each request/);
  const seen = async (id: string) => /--seen (\w+)/.exec((await run('show', id)).out)?.[1] ?? '';
  const codes = ['--seen', await seen(first.id), '--seen', await seen(second)];
  const done = await run('approve', first.id, second, ...codes);
  assert.equal(done.out.match(/^Approved: ana@contoso.test may connect/gm)?.length, 2, done.out + done.err);
  assert.deepEqual(await states(), ['approved', 'approved']);
});

test('with two owners --as says who decides, and nobody decides their own', async () => {
  await addOwner();
  const { id } = await ask();
  const silent = await run('approve', id);
  assert.equal(silent.code, 2);
  assert.match(silent.err, /Say with --as <email> who decides/);
  await sql(
    world.server,
    "UPDATE approval_requests SET account_id = (SELECT id FROM accounts WHERE email = 'otto@contoso.test')",
  );
  const own = await run('approve', id, '--as', 'otto@contoso.test');
  assert.equal(own.code, 1);
  assert.match(own.err, /Nobody decides their own request/);
  assert.equal((await run('approve', id, '--as', ' Olga@contoso.test')).code, 0);
});

test('an administrator and who looks after the MCP server decide too, the latter for one person only', async () => {
  const { server } = world;
  const kim = await addPerson(server.rooms, `kim${Date.now()}@contoso.test`);
  const give = "INSERT INTO account_roles (account_id, role_id, source) VALUES ($1, $2, 'administrator')";
  await sql(server, give, [kim.id, 'resource-owner']);
  const { id } = await ask();
  assert.match((await run('approve', id, '--as', kim.email)).err, /is not an owner, an administrator/);
  await sql(
    server,
    'INSERT INTO resource_owners (resource_id, account_id) SELECT id, $2 FROM resources WHERE uri = $1',
    [server.mail.uri, kim.id],
  );
  assert.match((await run('approve', id)).err, /Say with --as <email> who decides/);
  assert.match((await run('approve', id, '--everyone', '--as', kim.email)).err, /not for everyone/);
  assert.equal((await run('approve', id, '--as', kim.email)).code, 0);
  await sql(server, 'DELETE FROM account_roles WHERE account_id = $1', [kim.id]);
  const adam = await addPerson(server.rooms, `adam${Date.now()}@contoso.test`);
  await sql(server, give, [adam.id, 'admin']);
  assert.equal((await run('revoke', id, '--as', adam.email)).code, 0);
  await sql(server, 'DELETE FROM account_roles WHERE account_id = $1', [adam.id]);
});

test('where two have to approve, the first says so, the second confirms what show printed', async () => {
  await addOwner();
  const command = createCommand({ ...world.env, TWO_PERSON_APPROVALS: 'always' });
  const two = (...args: string[]) => command(['approvals', ...args]);
  const { id } = await ask();
  const seen = async () => /--seen (\w+)/.exec((await two('show', id)).out)?.[1] ?? '';
  assert.match((await two('approve', id, '--as', 'olga@contoso.test')).err, /say what you saw/);
  const first = await two('approve', id, '--as', 'olga@contoso.test', '--days', '30', '--seen', await seen());
  assert.match(first.out, /Nothing is approved until a second approver confirms/);
  assert.match((await two('show', id)).out, /Approved first by +olga@contoso\.test, for who asked, 30 days/);
  const taken = await two('revoke', id, '--as', 'olga@contoso.test');
  assert.match(taken.out, /Took the first approval of "Desk \[31m" back/);
  const otto = ['--as', 'otto@contoso.test', '--days', '30', '--seen', await seen()];
  assert.equal((await two('approve', id, ...otto)).code, 0);
  assert.match((await two('approve', id, ...otto)).err, /now another approver has to/);
  const other = await two('approve', id, '--as', 'olga@contoso.test', '--days', '60', '--seen', await seen());
  assert.match(other.out, /Somebody else had approved something else first/);
  assert.equal((await list())[0]?.state, 'pending');
  assert.match(
    (await two('approve', id, '--as', 'otto@contoso.test', '--days', '60', '--seen', await seen())).out,
    /^Approved: ana/,
  );
});

const refused: [string, (id: string) => string[], number, RegExp][] = [
  ['an unknown request', () => ['approve', 'x'], 1, /There is no request x\. See/],
  ['to show an unknown request', () => ['show', '0'.repeat(32)], 1, /There is no request 0/],
  [
    'somebody who has no role',
    (id) => ['deny', id, '--as', 'ana@contoso.test'],
    1,
    /ana@contoso.test is not an owner, an administrator/,
  ],
  ['somebody unknown', (id) => ['approve', id, '--as', 'eve@contoso.test'], 1, /eve@contoso.test is not an owner/],
  ['no days', (id) => ['approve', id, '--days', 'ten'], 2, /between 1 and 365 days/],
  ['too many days', (id) => ['approve', id, '--days', '366'], 2, /between 1 and 365 days/],
  ['a note without end', (id) => ['deny', id, '--note', 'x'.repeat(501)], 2, /too long: use at most 500/],
  ['to take back what was never approved', (id) => ['revoke', id], 1, /nothing to take back: the request is pending/],
  ['a state there is not', () => ['list', '--state', 'lost'], 2, /Allowed choices are/],
];
for (const [what, args, expected, message] of refused) {
  test(`approvals refuses ${what}, and nothing changes`, async () => {
    const { id } = await ask();
    const { code, err } = await run(...args(id));
    assert.equal(code, expected, err);
    assert.match(err, message);
    assert.equal((await list())[0]?.state, 'pending');
  });
}

test('a request is decided once', async () => {
  const { id } = await ask();
  assert.equal((await run('deny', id)).code, 0);
  const again = await run('approve', id);
  assert.equal(again.code, 1);
  assert.match(again.err, /decided already: it is denied/);
});
