/** `/admin/people`: what an administrator sees of people, and takes back. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { addPerson, type Consentry, sql, startConsentry } from '../harness.ts';
import { addColleague, arrive, type Colleague, enter, recorded } from './kit.ts';

describe('people at the dashboard', () => {
  let consentry: Consentry;
  let owner: Colleague;
  let admin: Colleague;
  before(async () => {
    consentry = await startConsentry();
    owner = await arrive(consentry, 'owner');
    admin = await arrive(consentry, 'admin');
  });
  after(() => consentry?.close());
  const at = (path: string) => `${consentry.issuer}/admin/people${path}`;
  const page = (who: Colleague, path: string) => who.browser.open(at(path));

  /** Presses the button of the form with this action on a page. */
  const press = async (who: Colleague, path: string, action: string, fields: Record<string, string> = {}) =>
    who.browser.submit(await page(who, path), fields, { action: `/admin/people${action}` });

  it('the list is found by name and e-mail, and shows roles and ways in', async () => {
    const list = await page(admin, '?search=owner%40contoso');
    assert.equal(list.status, 200);
    assert.match(list.html, /owner@contoso\.test/);
    assert.doesNotMatch(list.html, /href="\/admin\/people\/[^"]+"><bdi>ana@contoso/);
    assert.match((await page(admin, '?search=nobody-here')).html, /Nobody matches/);
  });

  it('pages follow each other by a cursor and lose nobody', async () => {
    await sql(
      consentry,
      `INSERT INTO accounts (id, email, created_at) SELECT 'many' || n, 'many' || n || '@contoso.test',
        '2020-01-01'::timestamptz FROM generate_series(1, 120) n`,
    );
    const seen = new Set<string>();
    let next: string | undefined = `${consentry.issuer}/admin/people?search=many`;
    for (let pages = 0; next !== undefined && pages < 5; pages += 1) {
      const { html } = await admin.browser.open(next);
      for (const [, id = ''] of html.matchAll(/href="\/admin\/people\/(many\d+)"/g)) seen.add(id);
      const href: string | undefined = /rel="next" href="([^"]+)"/.exec(html)?.[1]?.replaceAll('&amp;', '&');
      next = href && `${consentry.issuer}${href}`;
    }
    assert.equal(seen.size, 120);
    assert.equal((await page(admin, '?cursor=broken')).status, 400);
  });

  it('disabling ends the person’s session, is recorded by whom, and can be undone', async () => {
    const bo = await arrive(consentry, 'auditor', 'bo@contoso.test');
    const done = await press(admin, `/${bo.id}/disable`, `/${bo.id}/disable`);
    assert.match(done.html, /Disabled: 0 sign-ins of apps and 1 browser sessions ended/);
    assert.match((await bo.browser.open(`${consentry.issuer}/admin/people`)).url, /\/account\/prove/);
    const [event] = await recorded(consentry, 'account.disabled');
    assert.equal(event?.actor, `account:${admin.id}`);
    assert.equal(event?.account_id, bo.id);
    await press(admin, `/${bo.id}`, `/${bo.id}/enable`);
    assert.equal((await enter(consentry, bo, '/admin/people')).status, 200);
  });

  it('the last owner is never disabled nor loses the role, whoever asks', async () => {
    const refused = await press(owner, `/${owner.id}/disable`, `/${owner.id}/disable`);
    assert.equal(refused.status, 409);
    assert.match(refused.html, /last owner/);
    const kept = await press(owner, `/${owner.id}`, `/${owner.id}/roles/take`, { role: 'owner' });
    assert.equal(kept.status, 409);
    assert.equal((await page(owner, '')).status, 200);
  });

  it('an administrator does nothing to an owner, and makes nobody powerful', async () => {
    const refused = await admin.browser.submit(
      { ...(await page(admin, `/${owner.id}/disable`)) },
      {},
      { action: `/admin/people/${owner.id}/disable` },
    );
    assert.equal(refused.status, 403);
    const user = await addColleague(consentry, 'user', 'climber@contoso.test');
    const offered = (html: string) =>
      [...(/<select id="field-role".*?<\/select>/s.exec(html)?.[0].matchAll(/value="([^"]*)"/g) ?? [])].map(
        ([, one]) => one,
      );
    const below = offered((await page(admin, `/${user.id}`)).html);
    assert.ok(below.includes('resource-owner') && !below.some((one) => /^(owner|admin|auditor)$/.test(one ?? '')));
    assert.equal(below[0], '', 'nothing is chosen beforehand');
    assert.ok(offered((await page(owner, `/${user.id}`)).html).includes('admin'));
    for (const role of ['owner', 'admin', 'auditor']) {
      const answer = await press(admin, `/${user.id}`, `/${user.id}/roles/give`, { role });
      assert.equal(answer.status, 403, role);
    }
    const given = await press(admin, `/${user.id}`, `/${user.id}/roles/give`, { role: 'resource-owner' });
    assert.match(given.html, /They have the role/);
    assert.equal((await enter(consentry, user, '/admin/consents')).status, 200);
  });

  it('an owner gives and takes the role of an administrator, which counts at once', async () => {
    const eve = await addColleague(consentry, 'user', 'eve@contoso.test');
    await press(owner, `/${eve.id}`, `/${eve.id}/roles/give`, { role: 'admin' });
    assert.equal((await enter(consentry, eve, '/admin/people')).status, 200);
    await press(owner, `/${eve.id}`, `/${eve.id}/roles/take`, { role: 'admin' });
    assert.equal((await eve.browser.open(at(''))).status, 403);
  });

  it('a person added here signs in with the password that is shown once', async () => {
    const form = await page(admin, '/add');
    const made = await admin.browser.submit(form, { email: 'new@contoso.test', name: 'New <b>One</b>' });
    const password = /<code data-copy[^>]*>([^<]+)<\/code>/.exec(made.html)?.[1] ?? '';
    assert.notEqual(password, '');
    const outcome = await consentry.rooms.accountStore.findByEmail('new@contoso.test');
    assert.equal(outcome?.name, 'New <b>One</b>');
    const shown = await page(admin, `/${outcome?.id}`);
    assert.doesNotMatch(shown.html, /<b>One/);
    const again = await admin.browser.submit(await page(admin, '/add'), { email: 'new@contoso.test', name: 'Typed' });
    assert.equal(again.status, 409);
    assert.match(again.html, /value="Typed"/);
    assert.match(again.html, /has an account with this address already/);
  });

  it('revoking everything ends consents and sessions', async () => {
    const { id } = await addPerson(consentry.rooms, 'gone@contoso.test');
    const done = await press(admin, `/${id}/revoke-all`, `/${id}/revoke-all`);
    assert.match(done.html, /Revoked: 0 consents and 0 browser sessions ended/);
    const [event] = await recorded(consentry, 'account.access_ended');
    assert.equal(event?.actor, `account:${admin.id}`);
  });

  it('passkeys and codes are removed for good, and whoever came by them is out', async () => {
    const kim = await arrive(consentry, 'auditor', 'kim@contoso.test');
    await sql(
      consentry,
      `INSERT INTO passkeys (id, account_id, public_key, name) VALUES ('stolen', $1, '\\x00', 'Somebody else')`,
      [kim.id],
    );
    const shown = await page(admin, `/${kim.id}`);
    assert.match(shown.html, /1 passkey</);
    const done = await press(admin, `/${kim.id}/reset-factors`, `/${kim.id}/reset-factors`);
    assert.match(done.html, /Removed: 1 passkeys and the codes; 1 browser sessions ended/);
    assert.deepEqual(await sql(consentry, 'SELECT id FROM passkeys WHERE account_id = $1', [kim.id]), []);
    assert.match((await kim.browser.open(at(''))).url, /\/account\/prove/);
    const [event] = await recorded(consentry, 'passkey.removed');
    assert.equal(event?.actor, `account:${admin.id}`);
  });

  it('the list and the page of a person say the same of the password and the apps, ended ones not among them', async () => {
    const zoe = await addPerson(consentry.rooms, 'zoe@contoso.test');
    await sql(consentry, 'UPDATE accounts SET password_hash = NULL WHERE id = $1', [zoe.id]);
    const list = await page(admin, '?search=zoe%40contoso');
    assert.match(list.html, /data-label="Signs in by">none<\/td>/);
    assert.match((await page(admin, `/${zoe.id}`)).html, /<dt>Password<\/dt><dd>none/);
    await sql(consentry, `INSERT INTO clients (id, kind, origin, metadata) VALUES ('old', 'app', 'static', '{}')`);
    for (const [id, until] of [
      ['ended', '2020-01-01'],
      ['living', '2999-01-01'],
    ])
      await sql(
        consentry,
        `INSERT INTO consents (id, account_id, client_id, resource_id, redirect_uri, living_key, scopes,
            client_fingerprint, stated, scope_digests, scope_words, version, browser_id, approved_at, full_page_at, expires_at)
          SELECT $1, $2, 'old', id, 'https://x.example/', $1, '{}', 'f', '{}', '{}', '{}', 1, 'b', now(), now(), $3
          FROM resources ORDER BY id LIMIT 1`,
        [id, zoe.id, until],
      );
    assert.match((await page(admin, '?search=zoe%40contoso')).html, /data-label="Connected apps" class="number">1</);
    const shown = await page(admin, `/${zoe.id}`);
    assert.match(shown.html, /href="\/admin\/consents\?account=[^"]+">1</);
    const consents = await admin.browser.open(`${consentry.issuer}/admin/consents?account=${zoe.id}`);
    assert.match(consents.html, /Only those of:[^\n]*zoe@contoso\.test/);
    const ending = await page(admin, `/${zoe.id}/revoke-all`);
    assert.match(ending.html, /2 consents of/, 'whatever is not revoked is');
  });

  it('what is said twice is on record once', async () => {
    const { id } = await addPerson(consentry.rooms, 'twice@contoso.test');
    for (let times = 0; times < 2; times += 1) await press(admin, `/${id}/disable`, `/${id}/disable`);
    const events = await recorded(consentry, 'account.disabled');
    assert.equal(events.filter((one) => one.account_id === id).length, 1);
  });

  it('an auditor reads and is offered nothing; a resource owner and a user do not get here', async () => {
    const auditor = await arrive(consentry, 'auditor');
    const list = await page(auditor, '');
    assert.equal(list.status, 200);
    assert.doesNotMatch(list.html, /\/admin\/people\/add/);
    const shown = await page(auditor, `/${admin.id}`);
    assert.doesNotMatch(shown.html, /<form method="post" action="\/admin\/people/);
    assert.equal((await page(auditor, '/add')).status, 403);
    const keeper = await arrive(consentry, 'resource-owner');
    assert.equal((await page(keeper, '')).status, 403);
    assert.equal((await page(keeper, `/${admin.id}`)).status, 403);
  });

  it('roles that the dashboard knows are shown by their words, others by their names; connections by their names', async () => {
    await sql(consentry, "INSERT INTO roles (id) VALUES ('support') ON CONFLICT DO NOTHING");
    await sql(
      consentry,
      `INSERT INTO connections (id, kind, name, settings, updated_at)
        VALUES ('c-4711', 'oidc', 'Fabrikam Login', '{}', now())`,
    );
    const cy = await arrive(consentry, 'auditor', 'cy@contoso.test');
    await sql(
      consentry,
      `UPDATE accounts SET disabled_at = now(), disabled_by = '{upstream:c-4711}' WHERE id = '${cy.id}'`,
    );
    for (const [language, auditor, keeper, by] of [
      ['ja', '監査担当', 'MCP サーバー担当', /接続 <bdi>Fabrikam Login<\/bdi> のプロバイダー/],
      ['en', 'Auditor', 'MCP server owner', /the provider of <bdi>Fabrikam Login<\/bdi>/],
    ] as const) {
      const headers = { 'accept-language': language };
      const one = await owner.browser.open(at(`/${cy.id}`), { headers });
      const list = await owner.browser.open(at('?search=cy%40contoso'), { headers });
      assert.match(one.html, new RegExp(`<th scope="row">${auditor}</th>`));
      assert.match(one.html, new RegExp(`<option value="resource-owner">${keeper}</option>`));
      assert.match(one.html, /<option value="support">support<\/option>/);
      assert.match(list.html, new RegExp(`<td[^>]* data-label="[^"]+">${auditor}</td>`));
      for (const { html } of [one, list]) {
        assert.match(html, by);
        assert.doesNotMatch(html, />auditor<|upstream:/);
      }
    }
  });

  it('both languages have every word of it', async () => {
    const { browser } = owner;
    for (const path of ['', '/add', `/${admin.id}`, `/${admin.id}/disable`, `/${admin.id}/revoke-all`]) {
      const response = await browser.send(at(path), { headers: { 'accept-language': 'ja' } });
      assert.equal(response.status, 200, path);
      assert.match(await response.text(), /lang="ja"/);
    }
  });
});
