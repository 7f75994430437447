/** Every page of the dashboard and of the account in a real browser: on a desk in English, on a phone in Japanese. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { sql } from '../harness.ts';
import { accessibilityProblems } from './accessibility.ts';
import { launchBrowser } from './chromium.ts';
import { type DemoWorld, dashboardPaths, enterAs, startDemoWorld } from './demo-world.ts';

const HOSTILE = `"'><img src=x onerror="window.hit=1"><script>window.hit=1</script>{{ 7 * 7 }}\u202e`;
/** Every column that a client, a person, a directory or an MCP server fills with words of its own. */
const WORDS = [
  'UPDATE accounts SET name = $1',
  "UPDATE clients SET metadata = metadata || jsonb_build_object('client_name', $1::text, 'client_uri', $1::text, 'contacts', ARRAY[$1::text])",
  'UPDATE resources SET name = $1',
  'UPDATE resource_scopes SET description = $1, description_ja = $1, tools = ARRAY[$1]',
  'UPDATE approval_requests SET reason = $1, note = $1',
  "UPDATE approval_requests SET stated = jsonb_set(stated, '{client,name}', to_jsonb($1::text))",
  "UPDATE consents SET stated = jsonb_set(stated, '{client,name}', to_jsonb($1::text)) WHERE stated ? 'client'",
  'UPDATE connections SET name = $1, last_failure = $1',
  "UPDATE identities SET claims = claims || jsonb_build_object('name', $1::text, 'email', $1::text), app_roles = ARRAY[$1]",
  'UPDATE review_campaigns SET name = $1',
  "UPDATE review_items SET note = $1, snapshot = snapshot || jsonb_build_object('email', $1::text, 'clientName', $1::text)",
  'UPDATE session_devices SET label = $1',
  'UPDATE policy_rules SET note = $1',
];

const ACCOUNT = ['', '/sessions', '/ways-in', '/security', '/language'].map((path) => `/account${path}`);

describe('every page of the dashboard', () => {
  let world: DemoWorld;
  let browser: Browser;
  before(async () => {
    [world, browser] = await Promise.all([
      startDemoWorld({ people: 120, clients: 80, consents: 400, tokens: 300 }),
      launchBrowser(),
    ]);
  });
  after(async () => {
    await browser?.close();
    await world?.consentry.close();
  });

  async function walk(options: BrowserContextOptions, lang: string): Promise<string[]> {
    const { page } = await enterAs(world, browser, 'owner', options);
    const problems: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(`${page.url()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => problems.push(`${page.url()}: ${error.message}`));
    const { issuer } = world.consentry;
    const paths = [...(await dashboardPaths(page, issuer)).map(({ path }) => path), ...ACCOUNT];
    for (const path of paths) problems.push(...(await look(page, `${issuer}${path}`, lang)));
    return problems;
  }

  async function look(page: Page, url: string, lang: string): Promise<string[]> {
    const response = await page.goto(url);
    const found: string[] = [];
    if (response?.status() !== 200) found.push(`${url}: ${response?.status()}`);
    if ((await page.getAttribute('html', 'lang')) !== lang) found.push(`${url}: not in ${lang}`);
    const wide = await page.evaluate('document.documentElement.scrollWidth > window.innerWidth + 1');
    if (wide) found.push(`${url}: wider than the window`);
    for (const problem of await accessibilityProblems(page)) found.push(`${url}: ${problem}`);
    return found;
  }

  it('is accessible, whole and free of errors on a desk, in English', async () => {
    assert.deepEqual(await walk({ viewport: { width: 1280, height: 860 }, locale: 'en-GB' }, 'en'), []);
  });

  it('is so on a phone in Japanese and in the dark', async () => {
    const phone = { viewport: { width: 390, height: 844 }, locale: 'ja-JP', colorScheme: 'dark' } as const;
    assert.deepEqual(await walk(phone, 'ja'), []);
  });

  it('works without JavaScript', async () => {
    const { page } = await enterAs(world, browser, 'owner', { javaScriptEnabled: false, locale: 'en-GB' });
    await page.goto(`${world.consentry.issuer}/admin/consents`);
    await page.fill('input[name="search"]', 'person-1');
    await page.selectOption('select[name="state"]', 'living');
    await page.locator('form.filters button[type="submit"]').click();
    await page.waitForURL(/search=person-1&state=living/);
    await page.locator('tbody input[type="checkbox"]').first().check();
    await page.getByRole('button', { name: 'End the ticked ones' }).click();
    await page.getByRole('button', { name: 'End them' }).click();
    await page.locator('main', { hasText: 'Ended 1 consent' }).waitFor();
  });

  it('keeps words of a hundred letters within the window, on a phone too', async () => {
    const { page } = await enterAs(world, browser, 'owner', { locale: 'en-GB' });
    const { issuer } = world.consentry;
    const paths = (await dashboardPaths(page, issuer)).map(({ path }) => path);
    const long = 'W'.repeat(100);
    for (const statement of WORDS) await sql(world.consentry, statement, [long]);
    const addresses = "UPDATE accounts SET email = $1 || id || '@people.example' WHERE email LIKE 'person-%'";
    await sql(world.consentry, addresses, [long.toLowerCase()]);
    const wide: string[] = [];
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 860 });
      for (const path of [...paths, ...ACCOUNT]) {
        await page.goto(`${issuer}${path}`);
        if (await page.evaluate('document.documentElement.scrollWidth > window.innerWidth + 1'))
          wide.push(`${width} ${path}`);
      }
    }
    assert.deepEqual(wide, []);
  });

  it('shows what clients and people call themselves as text, whatever it is', async () => {
    const { page } = await enterAs(world, browser, 'owner', { locale: 'en-GB' });
    const { issuer } = world.consentry;
    const paths = (await dashboardPaths(page, issuer)).map(({ path }) => path);
    for (const statement of WORDS) await sql(world.consentry, statement, [HOSTILE]);
    for (const path of [...paths, ...ACCOUNT]) {
      const response = await page.goto(`${issuer}${path}`);
      assert.equal(response?.status(), 200, path);
      const script = `['hit' in window, document.querySelectorAll('[src="x"], main script').length]`;
      const hit = await page.evaluate(script);
      assert.deepEqual(hit, [false, 0], path);
    }
  });
});
