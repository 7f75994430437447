/** Keys in the dashboard: everybody there sees them, an owner who is present changes them. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Consentry, startConsentry } from '../harness.ts';
import type { Step } from '../person.ts';
import { createAdminKit } from './admin-kit.ts';
import { arrive, type Colleague, recorded } from './kit.ts';

describe('the page of signing keys', () => {
  let consentry: Consentry;
  let owner: Colleague;
  let clock = Date.now();
  before(async () => {
    consentry = await startConsentry({}, () => new Date(clock));
    owner = await arrive(consentry, 'owner');
  });
  after(() => consentry?.close());
  const at = (path: string) => `${consentry.issuer}/admin/keys${path}`;
  const states = async () => (await consentry.rooms.keyset.list()).map(({ state }) => state);
  const kidOf = async (wanted: string) =>
    (await consentry.rooms.keyset.list()).find(({ state }) => state === wanted)?.kid ?? assert.fail(wanted);
  const published = async () => {
    const { keys } = (await (await fetch(`${consentry.issuer}/jwks`)).json()) as { keys: { kid: string }[] };
    return keys.map(({ kid }) => kid);
  };

  /** The form that is not on the page, with the token that is. */
  const forge = (page: Step, browser: Colleague['browser']) =>
    browser.send(at('/rotate'), {
      method: 'POST',
      headers: { origin: consentry.issuer, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ when: 'now', csrf: /name="csrf" value="([^"]+)"/.exec(page.html)?.[1] ?? '' }),
    });

  for (const role of ['admin', 'auditor'] as const) {
    it(`shows them to an ${role}, who can change none`, async () => {
      const { browser } = await arrive(consentry, role);
      const page = await browser.open(at(''));
      assert.equal(page.status, 200);
      assert.ok(page.html.includes(await kidOf('current')));
      assert.doesNotMatch(page.html, /keys\/rotate|\/retire/);
      for (const path of ['/rotate', `/${await kidOf('current')}/retire`]) {
        assert.equal((await browser.open(at(path))).status, 403);
      }
      const pressed = await forge(page, browser);
      assert.equal(pressed.status, 403);
      assert.deepEqual(await states(), ['current']);
    });
  }

  it('before the current one is retired the page says what signs then: a new key, and never one that signed before', async () => {
    const kid = await kidOf('current');
    const form = await owner.browser.open(at(`/${kid}/retire`));
    assert.match(form.html, /a new one, made at once/);
    assert.match(form.html, /never one that signed before/);
    const done = await owner.browser.submit(form, {}, { action: `/admin/keys/${kid}/retire` });
    assert.match(done.html, /The key is published no more/);
    assert.notEqual(await kidOf('current'), kid);
    assert.deepEqual(await published(), [await kidOf('current')]);
    const [made] = await recorded(consentry, 'key.created');
    const [event] = await recorded(consentry, 'key.retired');
    assert.deepEqual([made?.actor, event?.actor], [`account:${owner.id}`, `account:${owner.id}`]);
    assert.deepEqual(event?.details, { kid, was: 'current', signsNow: await kidOf('current') });
  });

  it('a planned rotation publishes the next key at once, in the record under the owner’s name', async () => {
    const form = await owner.browser.open(at('/rotate'));
    const done = await owner.browser.submit(form, { when: '86400' }, { action: '/admin/keys/rotate' });
    assert.equal(done.url, at(''));
    assert.match(done.html, /The next key is published/);
    assert.deepEqual((await states()).slice(0, 2), ['next', 'current']);
    assert.ok((await published()).includes(await kidOf('next')));
    const [event] = await recorded(consentry, 'key.created');
    assert.equal(event?.actor, `account:${owner.id}`);
    assert.equal(event?.details.activeFrom, new Date(clock + 86_400_000).toISOString());
  });

  it('a second plan comes to nothing, in words beside the form; at once it is the one that waits', async () => {
    const form = await owner.browser.open(at('/rotate'));
    const second = await owner.browser.submit(form, { when: '3600' }, { action: '/admin/keys/rotate' });
    assert.equal(second.status, 409);
    assert.match(second.html, /A next key is published already/);
    const waiting = await kidOf('next');
    clock += 1000;
    const done = await owner.browser.submit(second, { when: 'now' }, { action: '/admin/keys/rotate' });
    assert.match(done.html, /Another key signs from now on/);
    assert.equal(await kidOf('current'), waiting);
    assert.equal((await published())[0], waiting);
  });

  it('retiring ends a key in one press, and an old form ends nothing more', async () => {
    const kid = await kidOf('previous');
    const form = await owner.browser.open(at(`/${kid}/retire`));
    const done = await owner.browser.submit(form, {}, { action: `/admin/keys/${kid}/retire` });
    assert.match(done.html, /The key is published no more/);
    assert.ok(!(await published()).includes(kid));
    const [event] = await recorded(consentry, 'key.retired');
    assert.deepEqual([event?.actor, event?.details.kid], [`account:${owner.id}`, kid]);
    assert.equal((await owner.browser.submit(form, {}, { action: `/admin/keys/${kid}/retire` })).status, 404);
    assert.equal((await owner.browser.open(at('/nobody/retire'))).status, 404);
  });

  it('the API does the same for a token of the owner, and nothing for an auditor’s', async () => {
    const kit = await createAdminKit(consentry);
    const call = async (token: string, path: string, method = 'GET', body?: object) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
      const response = await fetch(`${consentry.issuer}/admin/api${path}`, init);
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    const { accessToken } = await kit.token();
    const listed = await call(accessToken, '/keys');
    assert.deepEqual(
      (listed.body.items as { kid: string }[]).map(({ kid }) => kid),
      (await consentry.rooms.keyset.list()).map(({ kid }) => kid),
    );
    assert.equal((await call(accessToken, '/keys/rotate', 'POST', { inSeconds: 0 })).status, 400);
    const { body } = await call(accessToken, '/keys/rotate', 'POST', { inSeconds: 900 });
    assert.equal(body.state, 'next');
    assert.equal((await call(accessToken, `/keys/${String(body.kid)}/retire`, 'POST')).status, 200);
    const auditor = await kit.addRole('api-auditor@contoso.test', 'auditor');
    const { accessToken: other } = await kit.token(auditor);
    assert.equal((await call(other, '/keys')).status, 200);
    const before = await states();
    assert.equal((await call(other, '/keys/rotate', 'POST', {})).status, 403);
    assert.equal((await call(other, `/keys/${await kidOf('current')}/retire`, 'POST')).status, 403);
    assert.deepEqual(await states(), before);
  });

  it('whoever proved to be there too long ago proves it again first', async () => {
    const before = await states();
    const form = await owner.browser.open(at('/rotate'));
    clock += 16 * 60_000;
    const late = await owner.browser.submit(form, { when: 'now' }, { action: '/admin/keys/rotate' });
    assert.match(late.url, /\/account\/prove/);
    assert.deepEqual(await states(), before);
    assert.match((await owner.browser.open(at('/rotate'))).url, /\/account\/prove/);
  });
});
