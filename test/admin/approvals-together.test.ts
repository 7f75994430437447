/** One press at several MCP servers, and the proof that an approval for everyone takes (threats 115, 116). */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { addResource } from '../../src/registrations.ts';
import { type Consentry, MAIL, sql, startConsentry } from '../harness.ts';
import type { Step } from '../person.ts';
import { createAdminKit } from './admin-kit.ts';
import { ask, publish, type Request, register, rename, stateOf } from './approval-kit.ts';
import { arrive, type Colleague, giveServer, recorded } from './kit.ts';

const HOME = '/admin/approvals';
const FILES = 'http://127.0.0.1:9/files';
const WIKI = 'http://127.0.0.1:9/wiki';
const EVIL = '<img src=x onerror=alert(1)>';

describe('a client that waits at several MCP servers', () => {
  let consentry: Consentry;
  let owner: Colleague;
  let admin: Colleague;
  let keeper: Colleague;
  let accessToken: string;
  let clock = Date.now();

  before(async () => {
    // Nothing listens there: what is told stays in the outbox.
    const notices = {
      WEBHOOK_URL: 'http://127.0.0.1:9/hook',
      WEBHOOK_SECRET: `whsec_${randomBytes(32).toString('base64')}`,
    };
    consentry = await startConsentry({ TWO_PERSON_APPROVALS: 'off', ...notices }, () => new Date(clock));
    await sql(consentry, `UPDATE policy_rules SET match = '{"above": "low"}' WHERE id = 'default'`);
    await addResource(consentry.rooms, { ...MAIL, uri: FILES, name: 'Files' });
    await addResource(consentry.rooms, { ...MAIL, uri: WIKI, name: `Wiki ${EVIL}` });
    owner = await arrive(consentry, 'owner');
    admin = await arrive(consentry, 'admin');
    keeper = await arrive(consentry, 'resource-owner');
    await giveServer(consentry, keeper, consentry.mail.uri);
    await giveServer(consentry, keeper, FILES);
    const kit = await createAdminKit(consentry);
    ({ accessToken } = await kit.token());
  });
  after(() => consentry?.close());
  beforeEach(async () => {
    await sql(consentry, 'DELETE FROM approval_requests');
    await sql(consentry, 'DELETE FROM outbox_messages');
  });

  const open = (who: Colleague, path: string, headers: Record<string, string> = {}) =>
    who.browser.open(`${consentry.issuer}${path}`, { headers });
  const card = (who: Colleague, { id }: Request) => open(who, `${HOME}/${id}`);
  const press = (who: Colleague, page: Step, act: string, fields: Record<string, string | string[]> = {}) =>
    who.browser.submit(page, fields, {
      action: `${new URL(page.url).pathname.split('/').slice(0, 4).join('/')}/${act}`,
    });
  const words = ({ html }: Step) =>
    html
      .replace(/<[^>]+>/g, ' ')
      .replace(/&quot;/g, '"')
      .replace(/&#39;/g, "'")
      .replace(/\s+/g, ' ');
  /** The boxes of one form, with whether they are ticked. */
  const ticks = ({ html }: Step, act: 'approve' | 'deny') => {
    const form = new RegExp(`action="[^"]*/${act}"[\\s\\S]*?</form>`).exec(html)?.[0] ?? '';
    return [...form.matchAll(/name="also" value="([^"]+)"( checked)?/g)].map(([, value = '', on]) => ({
      value,
      on: on !== undefined,
    }));
  };
  const tickOf = (page: Step, { id }: Request) =>
    ticks(page, 'approve').find(({ value }) => value.startsWith(id))?.value ?? '';
  const states = async (...requests: Request[]) => {
    const found: (string | undefined)[] = [];
    for (const request of requests) found.push(await stateOf(consentry, request));
    return found;
  };
  const told = async () =>
    (await sql<{ kind: string }>(consentry, 'SELECT kind FROM outbox_messages')).map(({ kind }) => kind);

  /** The same client at three MCP servers, asked by three people, and another client at one of them. */
  async function waiting(host: string) {
    const client = await publish(consentry, host, `Desk ${host}`);
    return {
      client,
      mail: await ask(consentry, client),
      files: await ask(consentry, client, { resourceUri: FILES, reason: EVIL }),
      wiki: await ask(consentry, client, { resourceUri: WIKI }),
      other: await ask(consentry, await register(consentry, `Other ${host}`), { resourceUri: FILES }),
    };
  }

  it('is shown there with person and scopes in words, unticked; what is ticked is approved with it, the rest is not', async () => {
    const { mail, files, wiki, other } = await waiting('one.example');
    const page = await card(admin, mail);
    const boxes = ticks(page, 'approve');
    assert.deepEqual(
      boxes.map(({ value, on }) => [value.split('.')[0], on]),
      [
        [files.id, false],
        [wiki.id, false],
      ],
      'neither itself nor another client',
    );
    assert.match(
      words(page),
      new RegExp(`Files , for ${files.person.email}.*Their reason: .*Send mail as you sensitive`),
    );
    assert.ok(!page.html.includes(EVIL) && page.html.includes('&#60;img'));
    assert.ok(!(await open(admin, `${HOME}/${mail.id}`, { 'accept-language': 'ja' })).html.includes(EVIL));
    const done = await press(admin, page, 'approve', { also: tickOf(page, files), days: '30', note: 'for the audit' });
    assert.match(words(done), /Approved: 2 requests/);
    assert.deepEqual(await states(mail, files, wiki, other), ['approved', 'approved', 'pending', 'pending']);
    const both = await consentry.rooms.approvals.find(files.id);
    assert.deepEqual([both?.note, both?.audience, both?.decidedBy], ['for the audit', 'person', admin.id]);
    const events = (await recorded(consentry, 'approval.decided')).slice(0, 2);
    assert.deepEqual(
      new Set(events.map(({ actor, details }) => `${actor} ${details.approval}`)),
      new Set([`account:${admin.id} ${mail.id}`, `account:${admin.id} ${files.id}`]),
    );
    assert.deepEqual(await told(), ['approval.decided', 'approval.decided']);
  });

  it('changed at one of them since it was seen: nothing at all is decided, the page says which, and keeps what was typed', async () => {
    const { mail, files, wiki } = await waiting('two.example');
    const page = await card(admin, mail);
    await sql(
      consentry,
      "UPDATE resource_scopes SET description = 'Send anything' WHERE name = 'mail:send' AND resource_id = (SELECT id FROM resources WHERE uri = $1)",
      [FILES],
    );
    const also = [tickOf(page, files), tickOf(page, wiki)];
    const late = await press(admin, page, 'approve', { also, days: '17', note: 'as agreed' });
    assert.equal(late.status, 409);
    assert.match(words(late), /Nothing was decided: one of them is no longer what you saw/);
    assert.match(
      words(late),
      new RegExp(`Files , for ${files.person.email} mail:send : the wording or the tools changed`),
    );
    assert.match(late.html, /value="17"/);
    assert.match(late.html, />as agreed</);
    assert.deepEqual(await states(mail, files, wiki), ['pending', 'pending', 'pending']);
    assert.deepEqual(await told(), []);
    assert.deepEqual(
      ticks(late, 'approve').map(({ value, on }) => [value.split('.')[0], on]),
      [
        [files.id, false],
        [wiki.id, true],
      ],
      'what changed is no longer ticked',
    );
    assert.match(words(late), /Send anything/);
    const done = await press(admin, late, 'approve', { also: [tickOf(late, files), tickOf(late, wiki)] });
    assert.match(words(done), /Approved: 3 requests/, 'what is seen now is approved');
  });

  it('decided at one of them meanwhile, or renamed: nothing at all is decided', async () => {
    const { client, mail, files, wiki } = await waiting('three.example');
    const page = await card(admin, mail);
    await press(owner, await card(owner, files), 'deny', { note: 'No.' });
    const also = [tickOf(page, files), tickOf(page, wiki)];
    const late = await press(admin, page, 'approve', { also });
    assert.equal(late.status, 409);
    assert.match(words(late), new RegExp(`Files , for ${files.person.email} It was decided or withdrawn meanwhile`));
    const denied = await press(admin, page, 'deny', { also: files.id, note: 'No.' });
    assert.equal(denied.status, 409);
    assert.deepEqual(await states(mail, files, wiki), ['pending', 'denied', 'pending']);
    await rename(consentry, client, 'Bank');
    const renamed = await press(admin, page, 'approve', { also: tickOf(page, wiki) });
    assert.equal(renamed.status, 409);
    assert.match(words(renamed), /calls itself “Bank” now/);
    assert.deepEqual(await states(mail, wiki), ['pending', 'pending']);
  });

  it('is denied at all that are ticked, for one reason that each person reads', async () => {
    const { mail, files, wiki } = await waiting('four.example');
    const page = await card(admin, mail);
    assert.deepEqual(
      ticks(page, 'deny').map(({ value }) => value),
      [files.id, wiki.id],
    );
    const done = await press(admin, page, 'deny', { also: [files.id, wiki.id], note: 'Use the other one.' });
    assert.match(
      words(done),
      /Denied: 3 requests\. Each person reads your reason on the page where they wait, on their account page, and when they connect again\./,
    );
    for (const request of [mail, files, wiki]) {
      const { state, note } = (await consentry.rooms.approvals.find(request.id)) ?? {};
      assert.deepEqual([state, note], ['denied', 'Use the other one.']);
    }
    assert.deepEqual(await told(), Array(3).fill('approval.decided'));
  });

  it('is offered to a resource owner at their own servers alone, and what they make up besides is refused whole', async () => {
    const { mail, files, wiki } = await waiting('five.example');
    const page = await card(keeper, mail);
    assert.deepEqual(
      ticks(page, 'approve').map(({ value }) => value.split('.')[0]),
      [files.id],
    );
    assert.ok(!page.html.includes(wiki.id));
    const beyond = tickOf(await card(admin, mail), wiki);
    assert.ok(beyond);
    assert.equal((await press(keeper, page, 'approve', { also: beyond })).status, 404);
    assert.equal((await press(keeper, page, 'deny', { also: wiki.id, note: 'No.' })).status, 404);
    assert.equal((await press(keeper, page, 'approve', { also: 'x' })).status, 400);
    assert.deepEqual(await states(mail, files, wiki), ['pending', 'pending', 'pending']);
    await press(keeper, page, 'approve', { also: tickOf(page, files) });
    assert.deepEqual(await states(mail, files, wiki), ['approved', 'approved', 'pending']);
  });

  it('one’s own request is not among them', async () => {
    const { client, mail } = await waiting('six.example');
    const own = await ask(consentry, client, { accountId: admin.id, resourceUri: FILES });
    const page = await card(admin, mail);
    assert.equal(tickOf(page, own), '');
    const forged = await press(admin, page, 'deny', { also: own.id, note: 'No.' });
    assert.equal(forged.status, 403);
    assert.deepEqual(await states(mail, own), ['pending', 'pending']);
    assert.notEqual(tickOf(await card(owner, mail), own), '');
  });

  it('through the API it is listed with what names each, and decided by a list of them', async () => {
    const { mail, files, wiki } = await waiting('seven.example');
    const call = async (method: 'GET' | 'POST', path: string, sent?: object) => {
      const response = await fetch(`${consentry.issuer}/admin/api${path}`, {
        method,
        headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
        ...(sent ? { body: JSON.stringify(sent) } : {}),
      });
      return { status: response.status, body: (await response.json()) as Record<string, never> };
    };
    const { body } = await call('GET', `/approvals/${mail.id}`);
    const also = body.also as unknown as { id: string; seen: string }[];
    assert.deepEqual(
      also.map(({ id }) => id),
      [files.id, wiki.id],
    );
    const path = `/approvals/${mail.id}/approve`;
    const stale = also.map(({ id, seen }) => ({ id, seen: id === wiki.id ? '0'.repeat(16) : seen }));
    const late = (await call('POST', path, { seen: body.seen, also: stale })).body;
    assert.deepEqual(
      [late.outcome, (late.changed as unknown as { id: string }[]).map(({ id }) => id)],
      ['changed', [wiki.id]],
    );
    assert.deepEqual(await states(mail, files, wiki), ['pending', 'pending', 'pending']);
    const done = (await call('POST', path, { seen: body.seen, also: also.map(({ id, seen }) => ({ id, seen })) })).body;
    assert.deepEqual(done, {
      outcome: 'approved',
      also: [files, wiki].map(({ id }) => ({ id, outcome: 'approved' })),
    });
    const more = await waiting('eight.example');
    await call('POST', `/approvals/${more.mail.id}/deny`, { also: [more.files.id] });
    assert.deepEqual(await states(more.mail, more.files, more.wiki), ['denied', 'denied', 'pending']);
  });

  it('for one person it takes one press; for everyone a proof of the last five minutes, and everything typed comes back', async () => {
    const { mail, files, wiki } = await waiting('nine.example');
    const early = await card(admin, wiki);
    clock += 301_000;
    const single = await press(admin, early, 'approve');
    assert.match(words(single), /Approved\. The person still has to press/);
    const page = await card(admin, mail);
    const typed = { audience: 'everyone', days: '77', note: '秋の監査のため “A&B”', also: tickOf(page, files) };
    const asked = await press(admin, page, 'approve', typed);
    assert.match(asked.url, /\/account\/prove/);
    const { search } = new URL(asked.url);
    const to = new URLSearchParams(search).get('to') ?? '';
    assert.match(to, new RegExp(`^${HOME}/${mail.id}/approve\\?draft=[\\w-]{22}$`), 'nothing typed is in an address');
    assert.deepEqual(await states(mail, files), ['pending', 'pending']);
    const back = await admin.browser.submit(asked, { password: admin.password });
    assert.match(new URL(back.url).pathname, new RegExp(`${mail.id}/approve$`));
    assert.equal(new URL(back.url).hash, '#decide', 'at the form, which is far down');
    assert.match(back.html, /<section class="box" id="decide" tabindex="-1"/);
    const notice = /You have shown that it is you\. Nothing is approved yet: now press Approve ?\./g;
    assert.equal(words(back).match(notice)?.length, 2, 'at the top and at the form');
    assert.doesNotMatch(page.html, /You have shown/);
    assert.match(back.html, /value="everyone" checked/);
    assert.match(back.html, /name="days"[^>]* value="77"/);
    assert.match(back.html, /秋の監査のため “A&amp;B”/);
    assert.deepEqual(
      ticks(back, 'approve').map(({ on }) => on),
      [true],
    );
    const fields = { audience: 'everyone', note: typed.note };
    const done = await press(admin, back, 'approve', fields);
    assert.match(words(done), /Approved: 2 requests/);
    assert.doesNotMatch(words(done), /You have shown/);
    const { audience, note } = (await consentry.rooms.approvals.find(files.id)) ?? {};
    assert.deepEqual([audience, note], ['everyone', typed.note]);
  });

  it('what was typed is shown to who typed it, at that request, and to nobody else', async () => {
    const { mail, files } = await waiting('ten.example');
    clock += 301_000;
    const asked = await press(admin, await card(admin, mail), 'approve', { audience: 'everyone', note: 'between us' });
    const back = await admin.browser.submit(asked, { password: admin.password });
    const { pathname, search } = new URL(back.url);
    assert.match(back.html, />between us</);
    assert.doesNotMatch((await open(admin, `${HOME}/${files.id}/approve${search}`)).html, /between us/);
    const proved = await open(owner, `${pathname}${search}`);
    const other = await owner.browser.submit(proved, { password: owner.password });
    assert.match(words(other), /The request/);
    assert.match(words(other), /What you had chosen is no longer kept: choose again/);
    assert.doesNotMatch(other.html, /between us/);
  });
});
