/** Every page about clients in a real browser, at two widths and in both languages: axe-core clean, and no wider than the screen. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { rotateClientSecret } from '../../src/clients/secrets.ts';
import { addColleague, type Colleague, PASSWORD } from '../admin/kit.ts';
import { registerClient } from '../flow.ts';
import { staticClient } from '../harness.ts';
import { CLAUDE, connect, type Proxies, startProxies } from '../proxies/kit.ts';
import { accessibilityProblems } from './accessibility.ts';
import { launchBrowser } from './chromium.ts';

const SIGHTS: Record<string, BrowserContextOptions> = {
  'on a desk, in English': { viewport: { width: 1280, height: 800 }, locale: 'en' },
  'on a phone, in Japanese and in the dark': {
    viewport: { width: 390, height: 844 },
    locale: 'ja',
    colorScheme: 'dark',
  },
};
/** Without a place where it could break. */
const LONG = `https://${'long.'.repeat(20)}example/${'x'.repeat(300)}`;

describe('the pages about clients', () => {
  let proxies: Proxies;
  let browser: Browser;
  let owner: Colleague;
  let paths: string[];
  let madeId: string;

  before(async () => {
    [proxies, browser] = await Promise.all([startProxies(), launchBrowser()]);
    const { consentry, gateway } = proxies;
    owner = await addColleague(consentry, 'owner');
    await connect(consentry, gateway, CLAUDE);
    for (let time = 0; time < 2; time += 1) await registerClient(consentry.issuer, { redirect_uris: [LONG] });
    const made = await staticClient(consentry.rooms, { kind: 'app', name: 'Terraform' });
    madeId = made.clientId;
    await rotateClientSecret(consentry.rooms, madeId);
    const page = await consentry.rooms.clientListing.page({ origin: 'dynamic' });
    const [family] = page.items;
    const id = (one: string) => `id=${encodeURIComponent(one)}`;
    paths = [
      '',
      '?search=nobody',
      `/family?key=${family?.familyKey}`,
      `/family/block?key=${family?.familyKey}`,
      `/show?${id(CLAUDE.clientId)}`,
      `/show?${id(madeId)}`,
      `/show?${id(family?.id ?? '')}`,
      '/add',
      '/import',
      `/block?${id(CLAUDE.clientId)}`,
      `/kind?${id(CLAUDE.clientId)}&kind=proxy`,
      `/admin-api?${id(madeId)}&on=true`,
    ];
  });
  after(async () => {
    await browser?.close();
    await proxies?.close();
  });

  async function signIn(options: BrowserContextOptions): Promise<Page> {
    const page = await (await browser.newContext(options)).newPage();
    await page.goto(`${proxies.consentry.issuer}/admin/clients`);
    await page.fill('[name=email]', owner.email);
    await page.fill('[name=password]', PASSWORD);
    await Promise.all([page.waitForURL('**/admin/clients'), page.press('[name=password]', 'Enter')]);
    return page;
  }

  async function assertSound(page: Page, name: string): Promise<void> {
    assert.deepEqual(await accessibilityProblems(page), [], name);
    const width = page.viewportSize()?.width ?? 0;
    const wide = Number(await page.evaluate('document.documentElement.scrollWidth'));
    assert.ok(wide <= width, `${name} is ${wide} wide`);
  }

  for (const [sight, options] of Object.entries(SIGHTS)) {
    it(`are sound ${sight}`, async () => {
      const page = await signIn(options);
      for (const path of paths) {
        const answer = await page.goto(`${proxies.consentry.issuer}/admin/clients${path}`);
        assert.equal(answer?.status(), 200, path);
        await assertSound(page, path);
      }
      await page.context().close();
    });
  }

  it('tell a new secret once, to be copied, by keyboard alone', async () => {
    const page = await signIn({ viewport: { width: 1280, height: 800 }, locale: 'en' });
    await page.goto(`${proxies.consentry.issuer}/admin/clients/rotate-secret?id=${madeId}`);
    await page.focus('#field-overlapDays');
    await page.keyboard.press('Tab');
    await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
    assert.match((await page.textContent('.secret code')) ?? '', /^[\w-]{64}$/);
    await assertSound(page, 'the new secret');
    await page.goto(`${proxies.consentry.issuer}/admin/clients/show?id=${madeId}`);
    assert.equal(await page.locator('.secret').count(), 0);
  });
});
