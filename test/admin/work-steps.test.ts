/** Long work shown step by step: the live check and the reading of an MCP server, as somebody without JavaScript has it. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createWorkRecords } from '../../src/admin/frame/work-record.ts';
import { createWorkTurns } from '../../src/admin/frame/work-store.ts';
import { introspect } from '../flow.ts';
import { type Consentry, type Registered, register, sql, startConsentry } from '../harness.ts';
import type { Step } from '../person.ts';
import { type Seen, startMcpServer } from '../resources/mcp-server-kit.ts';
import { createAdminKit } from './admin-kit.ts';
import { arrive, type Colleague, giveServer, recorded, watch } from './kit.ts';

type Kit = Awaited<ReturnType<typeof startMcpServer>>;

describe('long work in steps', () => {
  let consentry: Consentry;
  let notes: Kit;
  let registered: Registered;
  let id: string;
  let admin: Colleague;
  const others: Kit[] = [];

  before(async () => {
    consentry = await startConsentry({ OUTBOUND_ALLOW: '127.0.0.1' });
    notes = await startMcpServer(consentry.issuer);
    const read = { name: 'notes:read', description: 'Read notes', sensitivity: 'low', effect: 'read' } as const;
    const scopes = [{ ...read, tools: ['list_notes', 'delete_note'] }];
    registered = await register(consentry.rooms, { uri: notes.uri, name: 'Notes', scopes });
    id = (await consentry.rooms.resources.findRegistered(notes.uri))?.id ?? assert.fail();
    admin = await arrive(consentry, 'admin');
  });
  after(async () => {
    for (const kit of [notes, ...others]) await kit?.close();
    await consentry?.close();
  });
  beforeEach(() => notes.behave());

  const open = (who: Colleague, path: string) => who.browser.open(`${consentry.issuer}/admin${path}`);
  const check = async (who: Colleague) =>
    who.browser.submit(await open(who, `/servers/${id}`), {}, { action: `/admin/servers/${id}/check` });
  const look = async (who: Colleague, url: string) =>
    who.browser.submit(await open(who, '/servers/add'), { url }, { action: '/admin/servers/add/look' });
  const lastCheck = async () => (await sql(consentry, 'SELECT last_check FROM resources WHERE id = $1', [id]))[0];
  const workOf = ({ url }: Step) => new URL(url).pathname.replace('/admin/work/', '');

  /** Holds the answers that `which` means until they are let go. */
  function hold(kit: Kit, which: (seen: Seen) => boolean = () => true) {
    const { promise, resolve: letGo } = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<Seen>();
    kit.behave({
      gate(seen) {
        if (!which(seen)) return undefined;
        arrived.resolve(seen);
        return promise;
      },
    });
    return { letGo, arrived: arrived.promise };
  }

  it('the page tells each step with its outcome as it ends, loads itself again, and goes on to the result', async () => {
    const { letGo, arrived } = hold(notes, ({ token }) => token !== undefined);
    const started = await check(admin);
    assert.match(started.url, /\/admin\/work\/[\w-]+$/);
    await arrived;
    const page = await open(admin, `/work/${workOf(started)}`);
    assert.match(page.html, /<meta http-equiv="refresh" content="1">/);
    assert.match(page.html, /<progress max="8" value="2"/);
    assert.match(page.html, /Live check of Notes/);
    const steps = [...page.html.matchAll(/<span class="badge[^"]*">([^<]+)<\/span>/g)].map(([, text]) => text?.trim());
    assert.deepEqual(steps, ['Fine', 'Fine', 'Under way', ...Array(5).fill('Waits')]);
    assert.match(page.html, /aria-current="step"/);
    const japanese = await admin.browser.open(page.url, { headers: { 'accept-language': 'ja' } });
    assert.match(japanese.html, /8 段階のうち 3 段階目を実行中です/);
    assert.match(japanese.html, /正しいトークンで要求します/);
    letGo();
    const ended = await watch(admin, page);
    assert.match(ended.url, new RegExp(`/admin/servers/${id}`));
    assert.match(ended.html, /Checked: nothing is wrong/);
    const [event] = await recorded(consentry, 'resource.checked');
    assert.equal(event?.actor, `account:${admin.id}`);
  });

  it('two presses are one check, also at the same moment; somebody else is told to wait', async () => {
    const other = await arrive(consentry, 'owner');
    const form = await open(admin, `/servers/${id}`);
    const press = () => admin.browser.submit(form, {}, { action: `/admin/servers/${id}/check` });
    const { letGo, arrived } = hold(notes);
    const pages = await Promise.all([press(), press()]);
    await arrived;
    assert.equal(new Set(pages.map(workOf)).size, 1);
    assert.equal(notes.seen.length, 1);
    letGo();
    await watch(admin, pages[0] ?? assert.fail());
    notes.behave();
    // One that takes as long as this test does.
    const records = createWorkRecords(consentry.rooms);
    const record = {
      accountId: admin.id,
      what: 'server_check',
      about: 'x',
      back: '/admin',
      done: 0,
      total: 0,
      steps: [],
    };
    await records.note('long', { ...record, state: 'running' });
    const turn = { work: 'long', accountId: admin.id };
    await createWorkTurns(consentry.rooms).take(`server_check:${id}`, turn, ['long']);
    assert.equal(workOf(await press()), 'long');
    const refused = await check(other);
    assert.equal(refused.status, 409);
    assert.match(refused.html, /Somebody else has this under way/);
    assert.equal((await open(other, '/work/long')).status, 404, 'is hers alone');
    assert.deepEqual(notes.seen, []);
    await records.note('long', { ...record, state: 'failed' });
  });

  it('whoever loses the role meanwhile has it done no more: nothing is kept, no token lives on, nothing is shown', async () => {
    const leaver = await arrive(consentry, 'admin', 'leaver@contoso.test');
    const before = await lastCheck();
    const { letGo, arrived } = hold(notes, ({ token }) => token !== undefined);
    const started = await check(leaver);
    const { authorization = '' } = await arrived;
    await sql(consentry, 'DELETE FROM account_roles WHERE account_id = $1', [leaver.id]);
    assert.equal((await open(leaver, `/work/${workOf(started)}`)).status, 403);
    letGo();
    await sql(
      consentry,
      "INSERT INTO account_roles (account_id, role_id, source) VALUES ($1, 'auditor', 'administrator')",
      [leaver.id],
    );
    assert.equal((await open(leaver, `/work/${workOf(started)}`)).status, 404);
    await hasEnded(leaver, started);
    const token = authorization.replace('Bearer ', '');
    assert.deepEqual((await introspect(consentry, token, registered)).body, { active: false });
    assert.deepEqual(await lastCheck(), before);
    assert.ok(!notes.seen.some(({ rpc }) => rpc === 'tools/call'), 'no further step was taken');
  });

  it('a resource owner who loses the server sees its check no more', async () => {
    const keeper = await arrive(consentry, 'resource-owner');
    await giveServer(consentry, keeper, notes.uri);
    const before = await lastCheck();
    const { letGo, arrived } = hold(notes);
    const started = await check(keeper);
    await arrived;
    assert.equal((await open(keeper, `/work/${workOf(started)}`)).status, 200);
    await sql(consentry, 'DELETE FROM resource_owners WHERE account_id = $1', [keeper.id]);
    assert.equal((await open(keeper, `/work/${workOf(started)}`)).status, 404);
    letGo();
    await hasEnded(keeper, started);
    assert.deepEqual(await lastCheck(), before);
  });

  it('a session that ends meanwhile ends the check with it', async () => {
    const leaver = await arrive(consentry, 'admin', 'session@contoso.test');
    const before = await lastCheck();
    const { letGo, arrived } = hold(notes, ({ token }) => token !== undefined);
    const started = await check(leaver);
    const { authorization = '' } = await arrived;
    await consentry.rooms.sessions.endOf(leaver.id);
    letGo();
    await hasEnded(leaver, started);
    assert.deepEqual(await lastCheck(), before);
    const token = authorization.replace('Bearer ', '');
    assert.deepEqual((await introspect(consentry, token, registered)).body, { active: false });
    assert.match((await open(leaver, `/work/${workOf(started)}`)).html, /autocomplete="current-password"/);
  });

  it('is stopped at a press, keeps nothing, and can be tried again', async () => {
    const before = await lastCheck();
    const { letGo, arrived } = hold(notes, ({ token }) => token !== undefined);
    const started = await check(admin);
    await arrived;
    const page = await open(admin, `/work/${workOf(started)}`);
    const stopped = await admin.browser.submit(page, {}, { action: `/admin/work/${workOf(started)}/stop` });
    assert.match(stopped.html, /It was stopped. Nothing of it is kept/);
    assert.doesNotMatch(stopped.html, /http-equiv="refresh"/);
    assert.match(stopped.html, new RegExp(`href="/admin/servers/${id}#check"[^>]*>Try again`));
    letGo();
    await hasEnded(admin, started);
    assert.deepEqual(await lastCheck(), before);
    notes.behave();
    assert.match((await watch(admin, check(admin))).html, /Checked: nothing is wrong/);
  });

  it('work of a process that died says so, and the URL that was typed is there to try again', async () => {
    const { artifacts, database, now } = consentry.rooms;
    const earlier = () => new Date(now().getTime() - 45_000);
    const records = createWorkRecords({ artifacts, database, now: earlier });
    const steps = ['challenge', 'metadata'].map((step) => ({ step, result: null, findings: [] }));
    const url = 'https://notes.example/mcp?a=1&b="><script>';
    const back = `/admin/servers/add?${new URLSearchParams({ url })}`;
    const whole = { what: 'server_inspection', about: url, done: 0, total: 2, steps, back };
    await records.note('dead', { ...whole, accountId: admin.id, state: 'running' });
    const page = await open(admin, '/work/dead');
    assert.match(page.html, /It broke off before it was done/);
    assert.doesNotMatch(page.html, /http-equiv="refresh"|<script>/);
    const again = /href="(\/admin\/servers\/add\?[^"]+)"/.exec(page.html)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const form = await admin.browser.open(consentry.issuer + again);
    assert.match(form.html, /name="url" value="https:\/\/notes.example\/mcp\?a=1&amp;b=&quot;&gt;&lt;script&gt;"/);
  });

  it('each person has three under way at most, and the URL of the fourth stays typed', async () => {
    const busy = await arrive(consentry, 'admin', 'busy@contoso.test');
    const records = createWorkRecords(consentry.rooms);
    const turns = createWorkTurns(consentry.rooms);
    const works = ['first', 'second', 'third'];
    const record = {
      accountId: busy.id,
      what: 'server_check',
      about: 'x',
      back: '/admin',
      done: 0,
      total: 0,
      steps: [],
    };
    for (const work of works) {
      await records.note(work, { ...record, state: 'running' });
      await turns.take(work, { work, accountId: busy.id }, works);
    }
    const refused = await look(busy, notes.uri.replace('/mcp', '/other'));
    assert.equal(refused.status, 429);
    assert.match(refused.html, /You have enough of this under way/);
    assert.ok(refused.html.includes(`name="url" value="${notes.uri.replace('/mcp', '/other')}"`));
    assert.deepEqual(notes.seen, []);
    await records.note('second', { ...record, state: 'done' });
    assert.match((await look(busy, notes.uri.replace('/mcp', '/other'))).url, /\/admin\/work\//);
  });

  it('what was read is judged again for whoever opens it: an address taken meanwhile is not offered', async () => {
    const kit = await startMcpServer(consentry.issuer);
    others.push(kit);
    const keeper = await arrive(consentry, 'resource-owner', 'reader@contoso.test');
    const read = await watch(keeper, look(keeper, kit.uri));
    assert.match(read.html, /action="\/admin\/servers\/add"/);
    const { pathname } = new URL(read.url);
    assert.equal((await admin.browser.open(consentry.issuer + pathname)).status, 404, 'hers alone');
    const scope = { name: 'notes:read', description: 'Read notes', sensitivity: 'low', effect: 'read' } as const;
    await register(consentry.rooms, { uri: kit.uri, name: 'Theirs', scopes: [{ ...scope, tools: [] }] });
    const late = await keeper.browser.open(consentry.issuer + pathname);
    assert.equal(late.status, 403);
    assert.match(late.html, /belongs to a server that somebody else looks after/);
    assert.doesNotMatch(late.html, /name="scope.name"/);
  });

  it('the API begins the same work, tells its steps and hands out what it found', async () => {
    const kit = await startMcpServer(consentry.issuer);
    others.push(kit);
    const api = await createAdminKit(consentry);
    const { accessToken } = await api.token();
    const call = async (method: string, path: string, body?: object) => {
      const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' };
      const sent = body ? { body: JSON.stringify(body) } : {};
      return JSON.parse(await (await fetch(api.uri + path, { method, headers, ...sent })).text());
    };
    const { letGo, arrived } = hold(kit, ({ path }) => path.includes('well-known') || path.includes('documents'));
    const { work } = await call('POST', '/servers/inspections', { url: kit.uri });
    await arrived;
    const running = await call('GET', `/work/${work}`);
    assert.deepEqual([running.state, running.done, running.steps[0].result], ['running', 1, 'ok']);
    assert.equal(running.result, undefined);
    assert.equal((await call('GET', `/servers/inspections/${work}`)).error, 'not_found');
    letGo();
    while ((await call('GET', `/work/${work}`)).state === 'running');
    const found = await call('GET', `/servers/inspections/${work}`);
    assert.deepEqual([found.ours, found.scopes[0].name], [true, 'notes:read']);
    const { work: checking } = await call('POST', `/servers/${id}/checks`, {});
    while ((await call('GET', `/work/${checking}`)).state === 'running');
    assert.equal((await call('GET', `/work/${checking}`)).state, 'done');
  });

  it('a server in a private network that may not be asked: the page says which setting, which value, and why', async () => {
    for (const [language, words] of [
      ['en', ['OUTBOUND_ALLOW=10.20.30.40', 'asks no private address', 'start Consentry again']],
      ['ja', ['OUTBOUND_ALLOW=10.20.30.40', 'プライベートアドレスには接続しません', '再起動']],
    ] as const) {
      const started = await watch(admin, look(admin, 'https://10.20.30.40/mcp'));
      const page = await admin.browser.open(started.url, { headers: { 'accept-language': language } });
      const text = page.html.replace(/<\/?(?:bdi|strong)[^>]*>/g, '');
      for (const word of words) assert.ok(text.includes(word), `${language}: ${word}`);
    }
  });

  /** Whatever its owner may still see of it. */
  async function hasEnded({ id: accountId }: Colleague, page: Step): Promise<void> {
    const { artifacts } = consentry.rooms;
    const state = async () => (await artifacts.find('AdminWork', workOf(page)))?.payload;
    while ((await state())?.state === 'running');
    assert.deepEqual([(await state())?.accountId, (await state())?.state], [accountId, 'failed']);
  }
});
