/** Who comes into the dashboard, how long they stay, and what a request must bring. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Consentry, startConsentry } from '../harness.ts';
import { createPerson } from '../person.ts';
import { addColleague, arrive, enter, recorded } from './kit.ts';

describe('entering the dashboard', () => {
  let consentry: Consentry;
  let clock = Date.now();
  before(async () => {
    consentry = await startConsentry({}, () => new Date(clock));
  });
  after(() => consentry?.close());
  const at = (path: string) => `${consentry.issuer}${path}`;

  it('an owner who signs in comes to the page they asked for', async () => {
    const owner = await addColleague(consentry, 'owner');
    const page = await enter(consentry, owner, '/admin/consents?state=living');
    assert.equal(page.status, 200);
    assert.equal(page.url, at('/admin/consents?state=living'));
    assert.match(page.html, /owner@contoso\.test/);
  });

  it('somebody without a role is told so, and sees nothing', async () => {
    const user = await addColleague(consentry, 'user');
    const page = await enter(consentry, user, '/admin/consents');
    assert.equal(page.status, 403);
    assert.match(page.html, /does not administer this server/);
    assert.doesNotMatch(page.html, /class="sections"/);
  });

  it('a session from the consent page is not enough: presence is proved anew', async () => {
    const auditor = await arrive(consentry, 'auditor');
    auditor.browser.jar.splice(
      auditor.browser.jar.findIndex(({ name }) => name === 'consentry_admin'),
      1,
    );
    clock += 400_000;
    const page = await auditor.browser.open(at('/admin/consents'));
    assert.match(page.url, /\/account\/prove/);
  });

  it('half an hour without a request ends it', async () => {
    const admin = await arrive(consentry, 'admin');
    clock += 29 * 60_000;
    assert.match((await admin.browser.open(at('/admin/consents'))).url, /\/admin\/consents$/);
    clock += 31 * 60_000;
    assert.match((await admin.browser.open(at('/admin/consents'))).url, /\/account\/prove/);
  });

  it('its cookie is SameSite=Strict and HttpOnly', async () => {
    const colleague = await addColleague(consentry, 'admin', 'strict@contoso.test');
    const lines: string[] = [];
    const { browser } = colleague;
    const send = browser.send;
    const page = await browser.open(at('/admin/consents'));
    await browser.submit(page, { email: colleague.email, password: colleague.password });
    const response = await send(at('/admin/sign-in?to=/admin/consents'));
    lines.push(...response.headers.getSetCookie());
    assert.match(lines.find((line) => line.startsWith('consentry_admin=')) ?? '', /samesite=strict; httponly/i);
  });

  it('a cookie of somebody else, or altered, opens nothing', async () => {
    const one = await arrive(consentry, 'admin', 'one@contoso.test');
    const other = await arrive(consentry, 'admin', 'other@contoso.test');
    const cookie = (whose: typeof one) => whose.browser.jar.find(({ name }) => name === 'consentry_admin');
    const mine = cookie(one);
    assert.ok(mine);
    mine.value = cookie(other)?.value ?? '';
    clock += 301_000;
    assert.match((await one.browser.open(at('/admin/consents'))).url, /\/account\/prove/);
  });

  it('a link from another site goes on by a hop of ours where the browser kept the cookie back', async () => {
    const stranger = createPerson(consentry.issuer);
    const response = await stranger.send(at('/admin/consents'), { headers: { 'sec-fetch-site': 'cross-site' } });
    assert.equal(response.status, 200);
    assert.match(await response.text(), /http-equiv="refresh" content="0; url=\/admin\/consents"/);
  });

  it('signing out ends the session itself', async () => {
    const owner = await arrive(consentry, 'owner', 'leaver@contoso.test');
    const copy = owner.browser.jar.map((cookie) => ({ ...cookie }));
    const page = await owner.browser.open(at('/admin/consents'));
    await owner.browser.submit(page, {}, { action: '/admin/sign-out' });
    owner.browser.jar.splice(0, owner.browser.jar.length, ...copy);
    assert.match((await owner.browser.open(at('/admin/consents'))).url, /\/account\/prove/);
    const [event] = await recorded(consentry, 'session.ended');
    assert.equal(event?.details.why, 'signed_out');
  });

  it('who loses the role is out at the next request', async () => {
    const admin = await arrive(consentry, 'admin', 'brief@contoso.test');
    await consentry.rooms.database.write((tx) => tx.accountRole.deleteMany({ where: { accountId: admin.id } }));
    assert.equal((await admin.browser.open(at('/admin/consents'))).status, 403);
  });

  it('a form without its token, or from another site, changes nothing', async () => {
    const owner = await arrive(consentry, 'owner', 'forms@contoso.test');
    const post = (headers: Record<string, string>) =>
      owner.browser.send(at('/admin/consents/revoke'), {
        method: 'POST',
        body: new URLSearchParams({ id: 'x', csrf: 'forged' }),
        headers,
      });
    assert.equal((await post({ origin: consentry.issuer })).status, 403);
    assert.equal((await post({ origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' })).status, 403);
  });

  it('a page takes no bearer token, the API no cookie', async () => {
    const owner = await arrive(consentry, 'owner', 'both@contoso.test');
    const page = await owner.browser.send(at('/admin/consents'), { headers: { authorization: 'Bearer x' } });
    assert.equal(page.status, 401);
    const api = await owner.browser.send(at('/admin/api/consents'), { headers: { accept: 'application/json' } });
    assert.equal(api.status, 403);
    assert.equal(((await api.json()) as { error: string }).error, 'cookies_refused');
    const bare = await fetch(at('/admin/api/consents'));
    assert.equal(bare.status, 401);
    assert.match(bare.headers.get('www-authenticate') ?? '', /^Bearer /);
  });

  it('an address of another site is never gone to after signing in', async () => {
    const owner = await arrive(consentry, 'owner', 'redirects@contoso.test');
    for (const to of ['//evil.example', 'https://evil.example', '/\\evil.example', '/account']) {
      const response = await owner.browser.send(at(`/admin/sign-in?to=${encodeURIComponent(to)}`));
      assert.match(await response.text(), /url=\/admin"/, to);
    }
  });
});
