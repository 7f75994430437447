/** Access reviews in the dashboard: started, answered, ended and taken along, each by whom it is for. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { compactVerify, createRemoteJWKSet } from 'jose';
import { type Consentry, sql, startConsentry } from '../harness.ts';
import type { Step } from '../person.ts';
import { connect, mailId, plant, recorded } from '../reviews/kit.ts';
import { createAdminKit } from './admin-kit.ts';
import { arrive, type Colleague, giveServer } from './kit.ts';

describe('the pages of access reviews', () => {
  let consentry: Consentry;
  let admin: Colleague;
  let auditor: Colleague;
  let owner: Colleague;
  let server: string;
  before(async () => {
    consentry = await startConsentry();
    owner = await arrive(consentry, 'owner');
    admin = await arrive(consentry, 'admin');
    auditor = await arrive(consentry, 'auditor');
    server = await mailId(consentry);
  });
  after(() => consentry?.close());

  const at = (path: string) => `${consentry.issuer}/admin/reviews${path}`;
  const text = ({ html }: Step) => html.replaceAll(/<[^>]+>/g, ' ').replaceAll(/\s+/g, ' ');
  const csrfOf = ({ html }: Step) => /name="csrf" value="([^"]+)"/.exec(html)?.[1] ?? '';
  const itemsOf = ({ html }: Step) => [...html.matchAll(/<tr id="i-([^"]+)"/g)].map(([, id = '']) => id);

  /** A press of the button that goes there. */
  function press({ browser }: Colleague, page: Step, path: string, fields: Record<string, string | string[]> = {}) {
    const body = new URLSearchParams({ csrf: csrfOf(page) });
    for (const [name, value] of Object.entries(fields)) for (const one of [value].flat()) body.append(name, one);
    const headers = { origin: consentry.issuer, 'content-type': 'application/x-www-form-urlencoded' };
    return browser.open(at(path), { method: 'POST', headers, body });
  }

  async function start(clientId: string, who = admin): Promise<{ id: string; page: Step }> {
    const form = await who.browser.open(at(`/start?client=${encodeURIComponent(clientId)}`));
    const page = await who.browser.submit(
      form,
      { name: 'Spring', subject: 'client', days: '7' },
      { action: '/admin/reviews/start' },
    );
    const id = new URL(page.url).pathname.split('/').at(-1) ?? '';
    return { id, page };
  }

  it('an administrator starts one over a client, sees who has access, and keeps and revokes by plain buttons', async () => {
    const access = await connect(consentry);
    const form = await admin.browser.open(at(`/start?client=${access.clientId}`));
    assert.match(text(form), /1 consent would be reviewed/);
    const { id, page } = await start(access.clientId);
    assert.match(page.url, /decision=pending$/);
    assert.match(text(page), /Started: 1 consent to answer for/);
    assert.match(text(page), /0 of 1 done/);
    assert.match(text(page), /ana@contoso\.test “Claude” 127\.0\.0\.1 Mail mail:read/);
    const [item = ''] = itemsOf(page);
    const kept = await press(admin, page, `/${id}/keep`, { one: item, note: 'needed <b>', decision: '' });
    assert.match(text(kept), /Kept 1\./);
    assert.match(text(kept), /1 of 1 done\. Kept: 1\./);
    assert.match(kept.html, /needed &lt;b&gt;/);
    assert.ok(await access.works());
    const undone = await press(admin, kept, `/${id}/undo`, { one: item });
    assert.match(text(undone), /Taken back: 1 waits/);
    const revoked = await press(admin, undone, `/${id}/revoke`, { id: [item], decision: 'pending' });
    assert.match(text(revoked), /Revoked 1: its client is signed out/);
    assert.match(text(revoked), /Nothing waits for an answer/);
    assert.equal(await access.works(), false);
    const answers = (await recorded(consentry, 'review.answered')).filter(({ details }) => details.review === id);
    assert.deepEqual(
      answers.map(({ reason, actor }) => [reason, actor]),
      ['kept', 'undone', 'revoked'].map((reason) => [reason, `account:${admin.id}`]),
    );
    assert.match(text(await admin.browser.open(at(''))), /Spring “Claude” 1 of 1 done/);
  });

  it('many are answered at once by their boxes, and none without a tick', async () => {
    const { id, page } = await start(await plant(consentry, 60));
    const items = itemsOf(page);
    assert.equal(items.length, 50);
    const none = await press(admin, page, `/${id}/keep`, { decision: 'pending' });
    assert.match(text(none), /Tick what you want to answer for first/);
    const kept = await press(admin, page, `/${id}/keep`, { id: items, decision: 'pending' });
    assert.match(text(kept), /Kept 50\./);
    assert.match(text(kept), /50 of 60 done/);
    assert.equal(itemsOf(kept).length, 10);
    const next = /href="([^"]+cursor=[^"]+)"/.exec((await admin.browser.open(at(`/${id}`))).html)?.[1] ?? '';
    assert.equal(itemsOf(await admin.browser.open(new URL(next.replaceAll('&amp;', '&'), at('/')).href)).length, 10);
  });

  it('what cannot be done is said beside the form, with what was typed', async () => {
    const form = await admin.browser.open(at('/start'));
    const fields = { name: 'Typed', subject: 'client', client: 'nobody', days: '7' };
    const failed = await admin.browser.submit(form, fields, { action: '/admin/reviews/start' });
    assert.equal(failed.status, 404);
    assert.match(text(failed), /There is no such MCP server or client/);
    assert.match(failed.html, /value="Typed"/);
    const own = await connect(consentry);
    await sql(consentry, 'UPDATE consents SET account_id = $1 WHERE id = $2', [admin.id, own.consentId]);
    const { id, page } = await start(own.clientId);
    const refused = await press(admin, page, `/${id}/keep`, { one: itemsOf(page)[0] ?? '' });
    assert.equal(refused.status, 403);
    assert.match(text(refused), /Nobody attests their own access/);
  });

  it('is ended before its date only after it said how many have no answer, by who is present', async () => {
    const access = await connect(consentry);
    const { id } = await start(access.clientId, owner);
    const form = await owner.browser.open(at(`/${id}/close`));
    assert.match(text(form), /1 consent has no answer and ends now/);
    const done = await owner.browser.submit(form, {}, { action: `/admin/reviews/${id}/close` });
    assert.match(text(done), /The review is closed/);
    assert.equal(await access.works(), false);
    assert.doesNotMatch(done.html, /formaction|\/keep"? data|name="one"/);
    const again = await press(owner, await owner.browser.open(at(`/start`)), `/${id}/close`);
    assert.equal(again.status, 409);
    assert.match(text(again), /The review has ended/);
  });

  it('of many goes on ending after the answer, and the page tells how far it is', async () => {
    const { id } = await start(await plant(consentry, 450), owner);
    const form = await owner.browser.open(at(`/${id}/close`));
    const done = await owner.browser.submit(form, {}, { action: `/admin/reviews/${id}/close` });
    assert.match(text(done), /What nobody answered for is ending now/);
    // The server itself goes on with it every few seconds.
    assert.match(
      text(done),
      /(200|400) of 450 done.* (250|50) consents without an answer are ending now|450 of 450 done/,
    );
    assert.equal(done.html.includes('data-look-again'), !/450 of 450 done/.test(text(done)));
    // Whichever of the two has it in hands, the other lets be.
    for (let tries = 0; tries < 300; tries += 1) {
      await consentry.rooms.reviews.expire();
      if ((await consentry.rooms.reviews.find(id, { reach: undefined })).counts.pending === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const after = await owner.browser.open(at(`/${id}`));
    assert.match(text(after), /450 of 450 done.* Closed on/);
    assert.doesNotMatch(after.html, /data-look-again/);
  });

  it('an auditor reads and takes the evidence, and decides nothing', async () => {
    const { id } = await start(await plant(consentry, 2));
    const page = await auditor.browser.open(at(`/${id}?decision=pending`));
    const [item = ''] = itemsOf(page);
    assert.ok(item);
    assert.doesNotMatch(page.html, /name="one"|\/close"|data-keys-legend/);
    for (const path of ['/start', `/${id}/close`])
      assert.equal((await auditor.browser.open(at(path))).status, 403, path);
    for (const path of ['/start', `/${id}/keep`, `/${id}/revoke`, `/${id}/undo`, `/${id}/close`]) {
      assert.equal((await press(auditor, page, path, { one: item })).status, 403, path);
    }
    assert.equal((await consentry.rooms.reviews.find(id, { reach: undefined })).counts.pending, 2);
    const jws = await auditor.browser.send(at(`/${id}/evidence.jws`));
    assert.match(jws.headers.get('content-disposition') ?? '', /attachment; filename="access-review-[^"]+\.jws"/);
    assert.equal(jws.headers.get('content-type'), 'application/jose');
    const keys = createRemoteJWKSet(new URL(`${consentry.issuer}/jwks`));
    const { payload } = await compactVerify(await jws.text(), keys);
    assert.equal(JSON.parse(Buffer.from(payload).toString()).items.length, 2);
    const csv = await auditor.browser.send(at(`/${id}/evidence.csv`));
    assert.equal((await csv.text()).split('\r\n').length, 4);
    const taken = (await recorded(consentry, 'review.exported')).filter(({ details }) => details.review === id);
    assert.deepEqual(
      taken.map(({ actor }) => actor),
      [`account:${auditor.id}`, `account:${auditor.id}`],
    );
  });

  it('a resource owner reviews their own MCP server and learns of no other review', async () => {
    const rita = await arrive(consentry, 'resource-owner', 'rita@contoso.test');
    const { id: foreign } = await start(await plant(consentry, 1));
    assert.doesNotMatch((await rita.browser.open(at(''))).html, /Spring/);
    for (const path of ['', '/evidence.csv', '/evidence.jws', '/close']) {
      assert.equal((await rita.browser.open(at(`/${foreign}${path}`))).status, 404, path);
    }
    const empty = await rita.browser.open(at('/start'));
    assert.doesNotMatch(empty.html, /value="client"/);
    assert.doesNotMatch(empty.html, new RegExp(server));
    await giveServer(consentry, rita, consentry.mail.uri);
    const form = await rita.browser.open(at('/start'));
    const page = await rita.browser.submit(
      form,
      { name: 'Mine', server, days: '3' },
      { action: '/admin/reviews/start' },
    );
    assert.match(text(page), /Started/);
    const id = new URL(page.url).pathname.split('/').at(-1) ?? '';
    const revoked = await press(rita, page, `/${id}/revoke`, { one: itemsOf(page)[0] ?? '' });
    assert.match(text(revoked), /Revoked 1/);
    const sneaked = await press(rita, page, `/${foreign}/revoke`, { one: `${foreign}.000001` });
    assert.equal(sneaked.status, 404);
  });

  it('shows the names of clients and people as text, whatever they are', async () => {
    const clientId = await plant(consentry, 1);
    const evil = '<script>alert(1)</script>"onmouseover=x';
    await sql(consentry, `UPDATE clients SET metadata = jsonb_build_object('client_name', $2::text) WHERE id = $1`, [
      clientId,
      evil,
    ]);
    await sql(consentry, 'UPDATE accounts SET email = $2 WHERE id = $1', [`${clientId}1`, evil]);
    const { page } = await start(clientId);
    assert.ok(!page.html.includes('<script>alert') && !page.html.includes('"onmouseover'));
    assert.match(page.html, /&(lt|#60);script/);
    const list = await admin.browser.open(at(''));
    assert.ok(!list.html.includes('<script>alert'));
  });

  it('is the same through the API, for tokens alone', async () => {
    const access = await connect(consentry);
    const kit = await createAdminKit(consentry);
    const { accessToken } = await kit.token();
    const call = async (path: string, body?: object) => {
      const response = await fetch(`${consentry.issuer}/admin/api${path}`, {
        method: body ? 'POST' : 'GET',
        headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      assert.equal(response.status, 200, path);
      return response;
    };
    const wanted = { subject: 'client', subjectId: access.clientId, name: 'By API', days: 7 };
    const { id } = (await (await call('/reviews', wanted)).json()) as { id: string };
    const { items } = (await (await call(`/reviews/${id}/items?decision=pending`)).json()) as {
      items: { id: string }[];
    };
    const answered = await (await call(`/reviews/${id}/revoke`, { ids: items.map((item) => item.id) })).json();
    assert.deepEqual(answered, { changed: 1, own: 0, gone: 0, answered: 0 });
    assert.equal(await access.works(), false);
    const shown = (await (await call(`/reviews/${id}`)).json()) as { state: string; counts: { revoked: number } };
    assert.deepEqual([shown.state, shown.counts.revoked], ['open', 1]);
    assert.equal((await (await call(`/reviews/${id}/evidence.jws`)).text()).split('.').length, 3);
    const told = (await (await call(`/audit?type=review.&actor=${kit.owner.id}`)).json()) as { items: object[] };
    assert.equal(told.items.length, 3);
    const story = (await (await call(`/audit/consent/${access.consentId}`)).json()) as { items: { person: string }[] };
    assert.ok(story.items.length >= 4 && story.items.every(({ person }) => person === 'ana@contoso.test'));
    assert.match(await (await call('/audit/export?type=review.&format=csv')).text(), /end,,complete,/);
    await call('/reviews');
    await call(`/reviews/subjects?subject=client&subjectId=${access.clientId}`);
    await call('/audit/servers');
  });

  it('is in Japanese for who reads Japanese', async () => {
    const { id } = await start(await plant(consentry, 1));
    const page = await admin.browser.open(at(`/${id}?decision=pending`), { headers: { 'accept-language': 'ja' } });
    assert.match(text(page), /1 件中 0 件が完了しました/);
  });
});
