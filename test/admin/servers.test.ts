/** `/admin/servers`: MCP servers registered by their URL, looked at, and looked after by whom they belong to. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, describe, it } from 'node:test';
import { findingCodes } from '../../src/resources/checks/finding.ts';
import { authorize, introspect, redeem, registerClient } from '../flow.ts';
import { CALENDAR, type Consentry, MAIL, register, sql, startConsentry } from '../harness.ts';
import type { Step } from '../person.ts';
import { NOTES, startMcpServer } from '../resources/mcp-server-kit.ts';
import { arrive, type Colleague, giveServer, recorded, watch } from './kit.ts';

const BASE = '/admin/servers';

describe('MCP servers at the dashboard', () => {
  let consentry: Consentry;
  let kit: Awaited<ReturnType<typeof startMcpServer>>;
  let admin: Colleague;
  let auditor: Colleague;
  let keeper: Colleague;
  let mailId: string;
  let calendarId: string;

  before(async () => {
    consentry = await startConsentry({ OUTBOUND_ALLOW: '127.0.0.1' });
    kit = await startMcpServer(consentry.issuer);
    await register(consentry.rooms, CALENDAR);
    admin = await arrive(consentry, 'admin');
    auditor = await arrive(consentry, 'auditor');
    keeper = await arrive(consentry, 'resource-owner');
    await giveServer(consentry, keeper, CALENDAR.uri);
    mailId = await idOf(MAIL.uri);
    calendarId = await idOf(CALENDAR.uri);
  });
  after(async () => {
    await kit?.close();
    await consentry?.close();
  });
  beforeEach(() => kit.behave());

  const idOf = async (uri: string) =>
    (await consentry.rooms.resources.findRegistered(uri))?.id ?? assert.fail(`${uri} is not registered`);
  const open = (who: Colleague, path = '') => who.browser.open(consentry.issuer + BASE + path);
  const press = async (who: Colleague, path: string, action: string, fields: Record<string, string | string[]> = {}) =>
    who.browser.submit(await open(who, path), fields, { action: BASE + action });
  const rows = (...list: { name: string; description: string; tools: string; effect?: string; known?: boolean }[]) => ({
    'scope.known': list.map(({ known = false }) => String(known)),
    'scope.name': list.map(({ name }) => name),
    'scope.description': list.map(({ description }) => description),
    'scope.descriptionJa': list.map(() => ''),
    'scope.sensitivity': list.map(() => 'low'),
    'scope.effect': list.map(({ effect = 'read' }) => effect),
    'scope.tools': list.map(({ tools }) => tools),
  });
  const READ = { name: 'notes:read', description: 'Read your notes', tools: 'list_notes' };
  const DELETE = { name: 'notes:delete', description: 'Delete notes', tools: 'delete_note', effect: 'act' };

  async function lookAt(who: Colleague, url = kit.uri): Promise<Step> {
    return watch(who, press(who, '/add', '/add/look', { url }));
  }

  async function registerNotes(who: Colleague): Promise<{ id: string; page: Step }> {
    const page = await who.browser.submit(
      await lookAt(who),
      { name: 'Notes', tokenSeconds: '120', ...rows(READ, DELETE) },
      { action: `${BASE}/add` },
    );
    assert.equal(page.status, 200, page.html);
    return { id: await idOf(kit.uri), page };
  }

  const forget = () => sql(consentry, 'DELETE FROM resources WHERE uri = $1', [kit.uri]);

  it('the list is found by name and URL; a resource owner sees their own alone', async () => {
    const all = await open(admin);
    assert.ok(all.html.includes(MAIL.uri) && all.html.includes(CALENDAR.uri));
    assert.ok(!(await open(admin, '?search=calen')).html.includes(MAIL.uri));
    const own = await open(keeper);
    assert.ok(own.html.includes(CALENDAR.uri) && !own.html.includes(MAIL.uri));
    assert.match((await open(admin, '?search=%25')).html, /No MCP server matches/);
  });

  it('pages follow each other by a cursor and lose none', async () => {
    await sql(
      consentry,
      "INSERT INTO clients (id, origin, kind, metadata) SELECT 'many' || n, 'resource', 'resource', '{}' FROM generate_series(1, 110) n",
    );
    await sql(
      consentry,
      "INSERT INTO resources (id, uri, name, client_id) SELECT 'many' || n, 'https://many.example/' || n, 'Many', 'many' || n FROM generate_series(1, 110) n",
    );
    const seen = new Set<string>();
    let path: string | undefined = '?search=many';
    for (let pages = 0; path !== undefined && pages < 5; pages += 1) {
      const { html } = await open(admin, path);
      for (const [, id = ''] of html.matchAll(/href="\/admin\/servers\/(many\d+)"/g)) seen.add(id);
      path = /rel="next" href="\/admin\/servers([^"]+)"/.exec(html)?.[1]?.replaceAll('&amp;', '&');
    }
    assert.equal(seen.size, 110);
    await sql(consentry, "DELETE FROM resources WHERE id LIKE 'many%'");
  });

  it('another’s server is not there for a resource owner, on every page and in every act', async () => {
    const form = await open(keeper, `/${calendarId}`);
    for (const path of ['', '/edit', '/scopes', '/disable', '/rotate-secret']) {
      assert.equal((await open(keeper, `/${mailId}${path}`)).status, 404, path);
      assert.equal((await open(keeper, `/${calendarId}${path}`)).status, 200, path);
    }
    for (const act of ['edit', 'scopes', 'disable', 'enable', 'check', 'accept', 'reject', 'tools', 'rotate-secret']) {
      const there = { ...form, html: form.html.replaceAll(`${BASE}/${calendarId}/check`, `${BASE}/${mailId}/${act}`) };
      const answer = await keeper.browser.submit(there, { name: 'Mine' }, { action: `${BASE}/${mailId}/${act}` });
      assert.equal(answer.status, 404, act);
    }
    const [mail] = await sql(consentry, 'SELECT name, disabled_at, last_check FROM resources WHERE id = $1', [mailId]);
    assert.deepEqual(mail, { name: MAIL.name, disabled_at: null, last_check: null });
  });

  it('a resource owner decides neither whose people come, nor what tokens say of them, nor who looks after it', async () => {
    const form = await open(keeper, `/${calendarId}`);
    for (const act of ['people', 'owners', 'owners/remove']) {
      const there = { ...form, html: form.html.replaceAll(`/${calendarId}/check`, `/${calendarId}/${act}`) };
      const answer = await keeper.browser.submit(
        there,
        { person: admin.id, claim: 'email' },
        { action: `${BASE}/${calendarId}/${act}` },
      );
      assert.equal(answer.status, 403, act);
    }
  });

  it('an auditor reads everything and is offered nothing', async () => {
    const page = await open(auditor, `/${mailId}`);
    assert.equal(page.status, 200);
    assert.doesNotMatch(page.html, /action="\/admin\/servers/);
    assert.doesNotMatch((await open(auditor)).html, /servers\/add/);
    for (const path of ['/add', `/${mailId}/edit`, `/${mailId}/scopes`, `/${mailId}/rotate-secret`])
      assert.equal((await open(auditor, path)).status, 403, path);
    const checking = { ...page, html: page.html.replaceAll('/admin/sign-out', `${BASE}/${mailId}/check`) };
    assert.equal((await auditor.browser.submit(checking, {}, { action: `${BASE}/${mailId}/check` })).status, 403);
  });

  it('is added by its URL: what it says is the beginning, what was typed is registered, the secret is told once', async () => {
    kit.behave({ document: { resource_name: 'Team notes', scopes_supported: ['notes:read', 'notes:delete'] } });
    const look = await lookAt(admin);
    assert.match(look.html, /name="name" value="Team notes"/);
    assert.match(look.html, /name="scope.name" value="notes:read"/);
    assert.match(look.html, />list_notes<\/textarea>/);
    assert.match(look.html, />delete_note<\/textarea>/);
    const { id, page } = await registerNotes(admin);
    const secret = /data-copy[^>]*>([\w-]{64})</.exec(page.html)?.[1] ?? assert.fail('no secret');
    const clientId = /<code>(rs_\w+)<\/code>/.exec(page.html)?.[1] ?? assert.fail();
    assert.equal((await introspect(consentry, 'x', { clientId, clientSecret: secret })).status, 200);
    assert.doesNotMatch((await open(admin, `/${id}`)).html, new RegExp(secret));
    const [event] = await recorded(consentry, 'resource.created');
    assert.equal(event?.actor, `account:${admin.id}`);
    const taken = await lookAt(admin);
    assert.equal(taken.status, 409);
    assert.match(taken.html, /registered already/);
    await forget();
  });

  it('says beside the form what does not fit, and keeps what was typed', async () => {
    const fields = { name: 'Notes', tokenSeconds: '5', ...rows({ ...READ, description: 'Read <b>notes</b>' }) };
    const again = await admin.browser.submit(await lookAt(admin), fields, { action: `${BASE}/add` });
    assert.equal(again.status, 400);
    assert.match(again.html, /An access token lives 60 to 3600 seconds/);
    assert.match(again.html, /value="Read &lt;b&gt;notes&lt;\/b&gt;"/);
  });

  it('shows a resource owner what to mend, and registers nothing that does not name us (threat 106)', async () => {
    kit.behave({ document: { authorization_servers: [`${consentry.issuer}/`] } });
    const look = await lookAt(keeper);
    assert.match(look.html, /with a slash at the end/);
    assert.doesNotMatch(look.html, /action="\/admin\/servers\/add"/);
    const forged = { ...look, html: look.html.replace('/admin/sign-out', `${BASE}/add`) };
    const fields = { uri: kit.uri, name: 'Notes', consentDays: '90', tokenSeconds: '600', ...rows(READ) };
    const refused = await keeper.browser.submit(forged, fields, { action: `${BASE}/add` });
    assert.equal(refused.status, 403);
    assert.deepEqual(await sql(consentry, 'SELECT 1 FROM resources WHERE uri = $1', [kit.uri]), []);
    kit.behave();
    const { id } = await registerNotes(keeper);
    assert.equal((await open(keeper, `/${id}`)).status, 200);
    const other = await arrive(consentry, 'resource-owner', 'other@contoso.test');
    assert.match((await lookAt(other, `${kit.uri}/mine`)).html, /belongs to a server that somebody else looks after/);
    await forget();
  });

  it('tells nobody what is behind an address: one answer for every place where nothing may be read (threat 104)', async () => {
    const answers = new Set<string>();
    for (const url of [
      'https://10.0.0.1/mcp',
      'https://169.254.169.254/latest/meta-data',
      'https://name.invalid/mcp',
      'https://[::1]:1/mcp',
    ]) {
      const { html } = await lookAt(keeper, url);
      const { href, hostname } = new URL(url);
      const typed = [href, hostname.replace(/^\[|\]$/g, '')];
      answers.add(
        typed.reduce((page, part) => page.replaceAll(part, ''), html.replace(/name="csrf" value="[^"]*"/g, '')),
      );
    }
    assert.equal(answers.size, 1);
    assert.match([...answers][0] ?? '', /No usable answer came/);
  });

  it('checks the server at a press, says in words what is wrong in either language, and keeps it', async () => {
    const { id } = await registerNotes(admin);
    kit.behave({ challenge: null, ignoreAudience: true });
    const checked = await watch(admin, press(admin, `/${id}`, `/${id}/check`));
    assert.match(checked.html, /Checked: 2 findings/);
    assert.match(checked.html, /Its 401 has no WWW-Authenticate header/);
    assert.match(checked.html, /takes tokens that are for another server/);
    const japanese = await admin.browser.open(`${consentry.issuer}${BASE}/${id}`, {
      headers: { 'accept-language': 'ja' },
    });
    assert.match(japanese.html, /別のサーバー向けのトークンを受け付けます/);
    assert.match((await open(admin)).html, /Something is wrong/);
    const [event] = await recorded(consentry, 'resource.checked');
    assert.equal(event?.actor, `account:${admin.id}`);
    kit.behave();
    assert.match((await watch(admin, press(admin, `/${id}`, `/${id}/check`))).html, /Checked: nothing is wrong/);
    await forget();
  });

  it('calls no step fine that had no usable answer: not tried, in words and in the list, in either language', async () => {
    const { id } = await registerNotes(admin);
    kit.behave({ unusableAfter: 'tools/list', ignoreAudience: true, ignoreExpiry: true, ignoreSignature: true });
    const { html } = await watch(admin, press(admin, `/${id}`, `/${id}/check`));
    assert.match(html, /nothing wrong was found, but 4 steps were not tried/);
    for (const step of ['Without the scope', 'With a token for another server', 'With a forged token'])
      assert.match(
        html,
        new RegExp(`Not tried</span> <strong>${step}[\\s\\S]{0,200}no usable answer came in time`),
        step,
      );
    assert.match((await open(admin)).html, /Not all tried/);
    const japanese = { headers: { 'accept-language': 'ja' } };
    const page = await admin.browser.open(`${consentry.issuer}${BASE}/${id}`, japanese);
    assert.match(page.html, /未実施<\/span> <strong>偽造したトークン[\s\S]{0,200}時間内に有効な応答がありませんでした/);
    await forget();
  });

  it('has words and a way out for every finding, in both languages', () => {
    for (const locale of ['en', 'ja']) {
      const { servers } = JSON.parse(readFileSync(`views/messages/admin/servers/${locale}.json`, 'utf8'));
      for (const code of findingCodes) {
        assert.ok(servers.findings[code]?.what && servers.findings[code]?.todo, `${locale} ${code}`);
      }
      assert.deepEqual(Object.keys(servers.findings).sort(), [...findingCodes].sort());
    }
  });

  it('turns other tools into a proposal with its difference, which is accepted or rejected', async () => {
    const { id } = await registerNotes(admin);
    kit.behave({ tools: [...NOTES, { name: 'share_note' }] });
    const checked = await watch(admin, press(admin, `/${id}`, `/${id}/check`));
    assert.match(checked.html, /share_note/);
    const proposed = await admin.browser.submit(checked, { scope: 'notes:delete' }, { action: `${BASE}/${id}/tools` });
    assert.match(proposed.html, /<ins><code>share_note<\/code><\/ins>/);
    assert.doesNotMatch(proposed.html, /action="\/admin\/servers\/[^"]+\/tools"/);
    assert.match((await open(admin, '?state=waiting')).html, /1 proposal/);
    const rejected = await admin.browser.submit(proposed, {}, { action: `${BASE}/${id}/reject` });
    assert.match(rejected.html, /Rejected 1 change/);
    const again = await admin.browser.submit(rejected, { scope: 'notes:delete' }, { action: `${BASE}/${id}/tools` });
    await admin.browser.submit(again, {}, { action: `${BASE}/${id}/accept` });
    const scope = (await consentry.rooms.resources.findById(id))?.scopes[1];
    assert.deepEqual([scope?.suspended, scope?.tools], [false, ['delete_note', 'share_note']]);
    await forget();
  });

  it('lets the words of scopes be changed, as a proposal or at once, and scopes be added and removed', async () => {
    const { id } = await registerNotes(admin);
    const changed = {
      ...rows({ ...READ, description: 'Look at notes', known: true }, { ...DELETE, known: true }),
      'scope.remove': '1',
    };
    const waiting = await press(admin, `/${id}/scopes`, `/${id}/scopes`, changed);
    assert.match(waiting.html, /<del>Read your notes<\/del> → <ins>Look at notes<\/ins>/);
    assert.doesNotMatch(waiting.html, /notes:delete/);
    const more = rows(
      { ...READ, description: 'Look at notes', known: true },
      { ...DELETE, name: 'notes:share', tools: 'a, b' },
    );
    await press(admin, `/${id}/scopes`, `/${id}/scopes`, { ...more, accept: 'true' });
    const { scopes } = (await consentry.rooms.resources.findById(id)) ?? assert.fail();
    assert.deepEqual(
      scopes.map(({ name, suspended, tools }) => [name, suspended, tools.join()]),
      [
        ['notes:read', false, 'list_notes'],
        ['notes:share', false, 'a,b'],
      ],
    );
    const refused = await press(
      admin,
      `/${id}/scopes`,
      `/${id}/scopes`,
      rows({ ...READ, description: 'See https://x.example' }),
    );
    assert.equal(refused.status, 400);
    assert.match(refused.html, /contains a link/);
    await forget();
  });

  it('says how long tokens live, and the next token lives that long', async () => {
    const form = { name: MAIL.name, consentDays: '90', tokenSeconds: '240' };
    assert.match((await press(admin, `/${mailId}/edit`, `/${mailId}/edit`, form)).html, /Saved/);
    const { client_id: clientId } = await registerClient(consentry.issuer);
    const { body } = await redeem(consentry, clientId, await authorize(consentry, clientId));
    assert.equal(body.expires_in, 240);
    const [event] = await recorded(consentry, 'resource.updated');
    assert.deepEqual(event?.details, { tokenSecondsBefore: 600, tokenSeconds: 240 });
    const refused = await press(admin, `/${mailId}/edit`, `/${mailId}/edit`, { ...form, tokenSeconds: '7200' });
    assert.equal(refused.status, 400);
    assert.match(refused.html, /name="tokenSeconds" value="7200"/);
  });

  it('counts whom it touches before it is disabled, and gives no token until it is enabled', async () => {
    const { client_id: clientId } = await registerClient(consentry.issuer);
    const code = await authorize(consentry, clientId);
    const ask = await open(admin, `/${mailId}/disable`);
    assert.match(ask.html, /<strong>\d<\/strong> consents? of <strong>1<\/strong> people stops? working/);
    await admin.browser.submit(ask, {}, { action: `${BASE}/${mailId}/disable` });
    assert.equal((await redeem(consentry, clientId, code)).status, 400);
    assert.match((await open(admin, '?state=disabled')).html, /Mail/);
    assert.match((await press(admin, `/${mailId}`, `/${mailId}/enable`)).html, /enabled again/);
  });

  it('gets a new secret, and the one before stays good for as long as was said', async () => {
    const page = await press(keeper, `/${calendarId}/rotate-secret`, `/${calendarId}/rotate-secret`, {
      overlapDays: '1',
    });
    assert.equal(page.status, 200, page.html);
    assert.match(page.html, /data-copy[^>]*>[\w-]{64}</);
    assert.match((await open(keeper, `/${calendarId}`)).html, /The secret before is good until/);
    const [event] = await recorded(consentry, 'client.secret_rotated');
    assert.equal(event?.actor, `account:${keeper.id}`);
  });

  it('is given to people who look after it, and taken from them', async () => {
    const added = await press(admin, `/${mailId}`, `/${mailId}/owners`, { person: consentry.ana.email });
    assert.match(added.html, /look after this server from now on/);
    assert.equal((await consentry.rooms.authority.of(consentry.ana.id)).resourceOwner, true);
    const unknown = await press(admin, `/${mailId}`, `/${mailId}/owners`, { person: 'nobody@contoso.test' });
    assert.equal(unknown.status, 404);
    assert.match(unknown.html, /There is no such person/);
    await admin.browser.submit(added, {}, { action: `${BASE}/${mailId}/owners/remove` });
    assert.deepEqual(await consentry.rooms.ownerStore.list(mailId), []);
  });

  it('what a server says of itself is text wherever it is shown', async () => {
    const evil = '<img src=x onerror=alert(1)>';
    kit.behave({
      document: { resource_name: evil, scopes_supported: ['a<script>'] },
      tools: [{ name: 'list_notes', title: evil, securitySchemes: [{ type: 'oauth2', scopes: ['a<script>'] }] }],
    });
    const look = await lookAt(admin);
    assert.doesNotMatch(look.html, /<img src=x|a<script>/);
    assert.match(look.html, /&lt;img src=x/);
  });
});
