/** What an owner does at the dashboard, pressed in a real browser with JavaScript: each act says what it did, and only once asked. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { sql } from '../harness.ts';
import { launchBrowser } from './chromium.ts';
import { type DemoWorld, enterAs, startDemoWorld } from './demo-world.ts';

describe('acts at the dashboard', () => {
  let world: DemoWorld;
  let browser: Browser;
  let page: Page;
  let person: string;
  before(async () => {
    [world, browser] = await Promise.all([
      startDemoWorld({ people: 120, clients: 80, consents: 400, tokens: 60 }),
      launchBrowser(),
    ]);
    ({ page } = await enterAs(world, browser, 'owner', { locale: 'en-GB' }));
    person = await one("SELECT id FROM accounts WHERE email LIKE 'person@%'");
  });
  after(async () => {
    await browser?.close();
    await world?.consentry.close();
  });

  const one = async (text: string, ...values: unknown[]) =>
    String((await sql<{ id: string }>(world.consentry, text, values))[0]?.id);
  const open = (path: string) => page.goto(`${world.consentry.issuer}/admin${path}`);
  const main = async () => (await page.textContent('main')) ?? '';

  /** Presses the button of the form that goes there, and waits for the page after it. */
  async function press(action: string): Promise<string> {
    const button = page.locator(`main form[action="/admin${action}"] button[type="submit"]:not([hidden])`).last();
    await Promise.all([page.waitForNavigation(), button.click()]);
    return main();
  }

  async function confirm(path: string): Promise<string> {
    await open(path);
    return press(path.split('?')[0] ?? path);
  }

  it('a role that is chosen is given by the button, and no other', async () => {
    const roles = () => sql(world.consentry, 'SELECT role_id FROM account_roles WHERE account_id = $1', [person]);
    await open(`/people/${person}`);
    await page.selectOption('select[name="role"]', 'resource-owner');
    await page.keyboard.press('Tab');
    assert.deepEqual(await roles(), []);
    assert.match(await press(`/people/${person}/roles/give`), /They have the role/);
    assert.deepEqual(await roles(), [{ role_id: 'resource-owner' }]);
    assert.match(await press(`/people/${person}/roles/take`), /They have the role .* no more/);
    assert.deepEqual(await roles(), []);
  });

  it('a person: sessions ended, everything revoked, a new password, disabled and enabled', async () => {
    await open(`/people/${person}`);
    assert.match(await press(`/people/${person}/end-sessions`), /browser sessions ended/);
    assert.match(await confirm(`/people/${person}/revoke-all`), /Revoked:/);
    const shown = await confirm(`/people/${person}/reset-password`);
    assert.match(shown, /has a new password/);
    assert.match(await confirm(`/people/${person}/disable`), /Disabled:/);
    assert.match(await press(`/people/${person}/enable`), /Enabled/);
  });

  it('a person added', async () => {
    await open('/people/add');
    await page.fill('[name="email"]', 'added@demo.example');
    assert.match(await press('/people/add'), /added@demo\.example was added/);
  });

  it('a rule: tried, made, removed', async () => {
    await open('/policy/add');
    await page.check('[name="effect"][value="deny"]');
    await page.fill('[name="redirectHost"]', '*.blocked.example');
    assert.match(await press('/policy/add'), /Nobody would lose access/);
    assert.match(await press('/policy/add'), /The rule was added/);
    const rule = await one("SELECT id FROM policy_rules WHERE match ->> 'redirectHost' = '*.blocked.example'");
    await press(`/policy/rules/${rule}/remove`);
    assert.match(await press(`/policy/rules/${rule}/remove`), /The rule was removed/);
  });

  it('a client: made, its secret rotated and the old one ended, marked, blocked and unblocked', async () => {
    await open('/clients/add');
    await page.fill('[name="name"]', 'Browser made');
    await page.fill('[name="redirectUris"]', 'https://made.example/callback');
    assert.match(await press('/clients/add'), /shown only this once/);
    const id = await one("SELECT id FROM clients WHERE metadata ->> 'client_name' = 'Browser made'");
    assert.match(await confirm(`/clients/rotate-secret?id=${id}`), /shown only this once/);
    assert.match(await confirm(`/clients/end-previous-secret?id=${id}`), /Only the newest secret is good now/);
    assert.match(await confirm(`/clients/admin-api?id=${id}&on=true`), /Changed/);
    assert.match(await confirm(`/clients/block?id=${id}`), /The client is blocked/);
    assert.match(await confirm(`/clients/unblock?id=${id}`), /may ask people again/);
    assert.match(await confirm(`/clients/kind?id=${id}&kind=proxy`), /The kind was changed/);
  });

  it('an MCP server: its token lifetime, disabled and enabled, a new secret', async () => {
    const id = await one('SELECT id FROM resources WHERE NOT built_in ORDER BY name LIMIT 1');
    await open(`/servers/${id}/edit`);
    await page.fill('[name="tokenSeconds"]', '300');
    await press(`/servers/${id}/edit`);
    assert.deepEqual(await sql(world.consentry, 'SELECT token_seconds FROM resources WHERE id = $1', [id]), [
      { token_seconds: 300 },
    ]);
    await confirm(`/servers/${id}/disable`);
    assert.match(await main(), /Disabled/);
    await press(`/servers/${id}/enable`);
    assert.match(await main(), /Enabled/);
    assert.match(await confirm(`/servers/${id}/rotate-secret`), /shown only this once/);
  });

  it('a review: started, and closed with what nobody answered', async () => {
    const server = await one(
      `SELECT resource_id AS id FROM consents WHERE revoked_at IS NULL AND expires_at > now()
        AND resource_id NOT IN (SELECT subject_id FROM review_campaigns WHERE closed_at IS NULL) LIMIT 1`,
    );
    await open(`/reviews/start?server=${server}`);
    await page.fill('[name="name"]', 'By hand');
    await press('/reviews/start');
    const id = await one("SELECT id FROM review_campaigns WHERE name = 'By hand'");
    assert.match(await main(), /By hand/);
    await confirm(`/reviews/${id}/close`);
    const left = "SELECT id FROM review_items WHERE campaign_id = $1 AND decision = 'pending'";
    assert.deepEqual(await sql(world.consentry, left, [id]), []);
  });

  it('keys: the next one is published', async () => {
    await open('/keys/rotate');
    await press('/keys/rotate');
    assert.equal((await sql(world.consentry, 'SELECT kid FROM signing_keys WHERE retired_at IS NULL')).length, 2);
  });

  it('consents: those that match end, with their number said before', async () => {
    const client = await one('SELECT client_id AS id FROM consents WHERE revoked_at IS NULL LIMIT 1');
    await open(`/consents/revoke-matching?client=${encodeURIComponent(client)}`);
    assert.match(await main(), /consents? of/);
    assert.match(await press('/consents/revoke-matching'), /Ended \d+ consent/);
  });
});
