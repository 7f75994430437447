import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { barChart, shareChart } from '../../src/admin/overview/chart.ts';
import { createFiguresStore } from '../../src/admin/overview/figures-store.ts';
import { CALENDAR, type Consentry, register, sql, startConsentry } from '../harness.ts';
import { arrive, type Colleague, giveServer } from './kit.ts';

let server: Consentry;
let owner: Colleague;
let auditor: Colleague;
let steward: Colleague;
let now = new Date();

before(async () => {
  server = await startConsentry({}, () => now);
  await register(server.rooms, CALENDAR);
  owner = await arrive(server, 'owner');
  auditor = await arrive(server, 'auditor');
  steward = await arrive(server, 'resource-owner');
  await giveServer(server, steward, CALENDAR.uri);
});
after(() => server?.close());

const open = async ({ browser }: Colleague, path = '/admin') => (await browser.open(`${server.issuer}${path}`)).html;
/** What was counted that long ago is counted again before anybody sees it. */
const later = () => {
  now = new Date(now.getTime() + 601_000);
};

async function addConsent(resourceUri: string, values: Record<string, unknown> = {}, name = 'Parrot <b>Code</b>') {
  const id = `c${Math.random().toString(36).slice(2)}`;
  const metadata = JSON.stringify({ client_id: id, client_name: name, redirect_uris: [] });
  await sql(server, "INSERT INTO clients (id, origin, kind, metadata) VALUES ($1, 'dynamic', 'app', $2)", [
    id,
    metadata,
  ]);
  const row = {
    ...{ id, account_id: server.ana.id, client_id: id, redirect_uri: 'x', scopes: [], client_fingerprint: 'f' },
    ...{ scope_digests: '{}', browser_id: 'b', browsers: [], approved_at: now, living_key: id },
    ...{ expires_at: new Date(now.getTime() + 86_400_000), last_used_at: now, ...values },
  };
  const names = Object.keys(row);
  const places = names.map((_name, index) => `$${index + 2}`).join(', ');
  await sql(
    server,
    `INSERT INTO consents (resource_id, ${names.join(', ')}) SELECT id, ${places} FROM resources WHERE uri = $1`,
    [resourceUri, ...Object.values(row)],
  );
  return id;
}

const addEvent = (type: string, at: Date, resource: string, more: Record<string, unknown> = {}) =>
  sql(
    server,
    `INSERT INTO audit_events (at, type, outcome, reason, account_id, resource, scopes, request_id, actor, details)
      VALUES ($1, $2, 'recorded', $3, $4, $5, '{}', 'r', 'client', $6)`,
    [at, type, more.reason ?? null, more.accountId ?? null, resource, JSON.stringify(more.details ?? {})],
  );

const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000);

test('an installation where nothing waits says so, and still draws its pictures', async () => {
  const html = await open(owner);
  assert.match(html, /Nothing needs you\./);
  assert.equal(html.match(/<svg viewBox="0 0 360 140" role="img"/g)?.length, 4);
});

test('a fresh installation names the first steps to who can take them, until they are taken', async () => {
  const { generated } = server.rooms;
  assert.doesNotMatch(await open(owner), /First steps/);
  await generated.mark(owner.id);
  const html = await open(owner);
  assert.match(html, /First steps/);
  assert.match(html, /href="\/account\/password"/);
  assert.match(html, /href="\/admin\/connections\/add"/);
  assert.ok(!html.includes('Register an MCP server') && !html.includes('Nothing needs you'));
  assert.doesNotMatch(await open(auditor), /First steps/);
  await generated.clear(owner.id);
  assert.doesNotMatch(await open(owner), /First steps/);
});

test('more is never in use than there is', async () => {
  const figures = createFiguresStore(server.rooms.database);
  const used = await addConsent(server.mail.uri);
  const before = await figures.active(daysAgo(30), undefined);
  const gone = await addConsent(server.mail.uri);
  await sql(server, 'UPDATE clients SET revoked_at = now() WHERE id = $1', [gone]);
  assert.ok(before.clients > 0);
  assert.deepEqual(await figures.active(daysAgo(30), undefined), before);
  await sql(server, 'DELETE FROM consents WHERE client_id = ANY($1)', [[used, gone]]);
});

test('each thing that waits is counted, named, and leads to where it is dealt with', async (t) => {
  await sql(
    server,
    `INSERT INTO connections (id, kind, name, settings, credential_ends_at, updated_at, last_failure_at, last_failure)
      VALUES ('corp', 'oidc', 'Corp', '{}', $1, now(), now(), 'invalid_client: <i>no</i>')`,
    [daysAgo(-9)],
  );
  const suspended = await addConsent(CALENDAR.uri, {
    suspended_at: now,
    suspended_reason: 'client_keys_moved redirect_removed',
  });
  await sql(
    server,
    `INSERT INTO approval_requests (id, account_id, client_id, redirect_uri, resource_id, scopes, client_fingerprint, stated, scope_digests, browser_id, open_key)
      SELECT 'a1', $1, $2, 'x', id, '{}', 'f', '{}', '{}', 'b', 'k' FROM resources WHERE uri = $3`,
    [server.ana.id, suspended, server.mail.uri],
  );
  await sql(server, `UPDATE resource_scopes SET proposed = '{}', proposed_at = now() WHERE name = 'mail:send'`);
  await sql(
    server,
    `INSERT INTO outbox_messages (id, sink, kind, payload, next_attempt_at, failed_at, last_error, attempts)
      VALUES ('o', 'smtp', 'approval.requested', '', now(), now(), '<u>refused</u>', 9)`,
  );
  await addEvent('account.leaver_kept', daysAgo(1), '', { accountId: server.ana.id, reason: 'break_glass' });
  await addEvent('connection.alarm', daysAgo(1), '', { reason: 'scim_silent', details: { connection: 'corp' } });
  await sql(
    server,
    `INSERT INTO review_campaigns (id, name, subject, subject_id, created_by, due_at)
      SELECT 'rev1', 'Who may <send>?', 'resource', id, $1, $2 FROM resources WHERE uri = $3`,
    [owner.id, daysAgo(-3), server.mail.uri],
  );
  await sql(server, `INSERT INTO review_items (id, campaign_id, consent_id, snapshot) VALUES ('i', 'rev1', $1, '{}')`, [
    suspended,
  ]);

  const html = await open(owner);
  const expected: [string, RegExp][] = [
    ['approvals', /1 person waits for an approval[\s\S]*href="\/admin\/approvals"/],
    [
      'suspended consents with what differs',
      /1 consent is suspended[\s\S]*its keys are at another host now[\s\S]*no longer returns to the address/,
    ],
    ['the changed client', new RegExp(`href="/admin/consents\\?state=suspended&(?:amp;)?client=${suspended}"`)],
    ['proposals', /1 MCP server describes itself differently[\s\S]*href="\/admin\/servers\/[\w-]+"[\s\S]*mail:send/],
    ['credentials', /href="\/admin\/connections\/corp"[^>]*>Secret or certificate of[\s\S]*ends <time/],
    ['failing connections', /The last trip to the provider failed\..*“invalid_client: &#60;i&#62;no&#60;\/i&#62;”/],
    ['alarms', /the directory fell silent/],
    ['leavers', new RegExp(`href="/admin/people/${server.ana.id}"[\\s\\S]*emergency account is never shut out`)],
    ['undelivered notices', /1 notice was not delivered[\s\S]*href="\/admin\/notices"/],
    ['reviews', /href="\/admin\/reviews\/rev1"[\s\S]*Who may &lt;send&gt;\?/],
  ];
  for (const [what, pattern] of expected) await t.test(what, () => assert.match(html, pattern));
  assert.ok(!html.includes('<b>Code') && !html.includes('Nothing needs you'));
  await t.test('which notices were not delivered, and why', async () => {
    assert.match(await open(auditor, '/admin/notices'), /Somebody asks for an approval[\s\S]*&lt;u&gt;refused/);
  });
});

test('numbers of each day stand in the picture and in its table, and what is older does not', async () => {
  later();
  for (const days of [0, 0, 2]) await addEvent('token.issued', daysAgo(days), server.mail.uri);
  await addEvent('token.issued', daysAgo(31), server.mail.uri);
  await addEvent('consent.denied', daysAgo(1), CALENDAR.uri);
  const html = await open(auditor);
  const tokens = html.slice(html.indexOf('chart-tokens-title'));
  assert.match(tokens, /3 in all, most on [^:]+: 2/);
  const day = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeZone: 'UTC' }).format(now);
  assert.match(tokens.slice(0, tokens.indexOf('</figure>')), new RegExp(`${day}</time></th><td class="number">2</td>`));
});

test('who looks after some MCP servers sees what is theirs, and nothing of others', async () => {
  later();
  await addConsent(server.mail.uri, { suspended_at: now, suspended_reason: 'redirect_removed' }, 'Not yours');
  const html = await open(steward);
  assert.match(html, /1 consent is suspended/);
  for (const foreign of [
    'waits for an approval',
    'mail:send',
    'Corp',
    'not delivered',
    'rev1',
    'Not yours',
    server.ana.email,
  ])
    assert.ok(!html.includes(foreign), foreign);
  const tokens = html.slice(
    html.indexOf('chart-tokens-title'),
    html.indexOf('</figure>', html.indexOf('chart-tokens-title')),
  );
  assert.match(tokens, /0 in all/);
  assert.match(html.slice(html.indexOf('chart-denials-title')), /^[\s\S]{0,300}1 in all/);
  assert.equal((await steward.browser.open(`${server.issuer}/admin/notices`)).status, 403);
});

test('who asks after a minute sees the numbers of before, with their time, and makes the next ones', async () => {
  later();
  const reader = await arrive(server, 'admin');
  const counted = async () => /Counted\s*<time datetime="([^"]+)"/.exec(await open(reader))?.[1];
  const first = await counted();
  assert.equal(first, now.toISOString());
  now = new Date(now.getTime() + 61_000);
  assert.equal(await counted(), first);
  let next = await counted();
  for (let tries = 0; next === first && tries < 50; tries += 1) next = await counted();
  assert.equal(next, now.toISOString());
});

test('no attribute of a picture is a style, so that the policy of the page lets it be drawn', async () => {
  const html = await open(await arrive(server, 'admin', 'another@contoso.test'));
  assert.match(html, /<svg/);
  assert.doesNotMatch(html, /\sstyle=/);
  assert.doesNotMatch(html, /<style/);
});

test('a bar is as high as its number, one is more than none, and the line above is never lower than the highest', () => {
  const at = new Date();
  const { bars, grid } = barChart([0, 1, 700, 1400].map((value) => ({ at, value })));
  const heights = bars.map(({ height }) => height);
  assert.equal(heights[0], 0);
  assert.ok((heights[1] ?? 0) > 0);
  assert.ok(Math.abs((heights[3] ?? 0) - 2 * (heights[2] ?? 0)) < 0.1);
  assert.equal(grid.at(-1)?.value, 2000);
  assert.ok(bars.every(({ y, height }) => y >= 0 && y + height <= 140));
});

test('parts of a whole fill it exactly, and nothing is no part', () => {
  const { parts } = shareChart([
    { key: 'a', value: 30 },
    { key: 'b', value: 0 },
    { key: 'c', value: 90 },
  ]);
  assert.deepEqual(
    parts.map(({ key, percent, x, width }) => [key, percent, x, width]),
    [
      ['a', 25, 0, 90],
      ['c', 75, 90, 270],
    ],
  );
});
