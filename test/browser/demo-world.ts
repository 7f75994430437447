/** A Consentry full of demo data, and its owner in a real browser: for screenshots and for the walk through all pages. */
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { makeDemoData } from '../../src/demo-data/demo-data.ts';
import type { Leader } from '../../src/demo-data/leaders.ts';
import type { Sizes } from '../../src/demo-data/sizes.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';

export interface DemoWorld {
  consentry: Consentry;
  leaders: readonly Leader[];
}

/** Whatever the harness made beforehand goes: demo data refuses where somebody has an account. */
export async function startDemoWorld(sizes: Sizes): Promise<DemoWorld> {
  const consentry = await startConsentry();
  await sql(consentry, 'DELETE FROM accounts');
  let leaders: readonly Leader[] = [];
  const made = await makeDemoData(consentry.rooms, {
    sizes,
    seed: 'consentry',
    keep: async (those) => {
      leaders = those;
    },
    progress: () => undefined,
  });
  if (made !== 'made') throw new Error(`demo data: ${made}`);
  return { consentry, leaders };
}

/** Signs this leader in at the dashboard. */
export async function enterAs(
  { consentry, leaders }: DemoWorld,
  browser: Browser,
  who: string,
  options: BrowserContextOptions = {},
): Promise<{ context: BrowserContext; page: Page }> {
  const leader = leaders.find(({ email }) => email.startsWith(who));
  if (!leader) throw new Error(`nobody is ${who}`);
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await page.goto(`${consentry.issuer}/admin`);
  await page.fill('input[name="email"]', leader.email);
  await page.fill('input[name="password"]', leader.password);
  await page.locator('form:has(input[name="password"]) button[type="submit"]:visible').first().click();
  await page.waitForURL((url) => url.pathname.startsWith('/admin') && url.pathname !== '/admin/sign-in');
  return { context, page };
}

/** First pages of every section, and one thing of each kind. */
export async function dashboardPaths(page: Page, issuer: string): Promise<{ name: string; path: string }[]> {
  const found: { name: string; path: string }[] = [];
  for (const section of SECTIONS) {
    const path = section === 'overview' ? '/admin' : `/admin/${section}`;
    found.push({ name: section, path });
    if (section === 'overview') continue;
    await page.goto(`${issuer}${path}`);
    const links = await page
      .locator(`main a[href^="${path}/"]`)
      .evaluateAll((all) => all.map((one) => one.getAttribute('href') ?? ''));
    const one = links.find((href) => !/\/(add|new|revoke|export|start)\b/.test(href) && !href.includes('?'));
    if (one) found.push({ name: `${section}-one`, path: one });
  }
  return found;
}

const SECTIONS = [
  'overview',
  'approvals',
  'consents',
  'clients',
  'servers',
  'people',
  'reviews',
  'audit',
  'policy',
  'connections',
  'keys',
] as const;
