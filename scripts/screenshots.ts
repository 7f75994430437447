/**
 * Pictures of every page of the dashboard over demo data: `npm run screenshots [directory]`. English on a desk in light and
 * dark, Japanese on a phone; the four that the README shows go to docs/images with `--readme`.
 */
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BrowserContextOptions } from 'playwright-core';
import { launchBrowser } from '../test/browser/chromium.ts';
import { dashboardPaths, enterAs, startDemoWorld } from '../test/browser/demo-world.ts';
import { globalSetup, globalTeardown } from '../test/global-setup.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = process.argv.includes('--readme');
const only = process.argv.find((one) => one.startsWith('--only='))?.slice(7);
const [directory = join(root, 'test-output/screenshots')] = process.argv
  .slice(2)
  .filter((one) => !one.startsWith('--'));
const SIZES = { people: 600, clients: 300, consents: 2_500, tokens: 6_000 };
const SHOWN = ['overview', 'approvals-one', 'consents', 'servers-one'];

const looks: Record<string, BrowserContextOptions> = {
  desk: { viewport: { width: 1280, height: 860 }, locale: 'en-GB' },
  dark: { viewport: { width: 1280, height: 860 }, locale: 'en-GB', colorScheme: 'dark' },
  phone: { viewport: { width: 390, height: 844 }, locale: 'ja-JP' },
};

await globalSetup();
const world = await startDemoWorld(SIZES);
const browser = await launchBrowser();
try {
  await mkdir(directory, { recursive: true });
  for (const [look, options] of Object.entries(looks)) {
    const { context, page } = await enterAs(world, browser, 'owner', options);
    const paths = [
      ...(await dashboardPaths(page, world.consentry.issuer)),
      ...['', '/sessions', '/ways-in', '/security', '/language'].map((path) => ({
        name: `account${path.replace('/', '-')}`,
        path: `/account${path}`,
      })),
    ];
    for (const { name, path } of paths) {
      if (only && !name.includes(only)) continue;
      await page.goto(`${world.consentry.issuer}${path}`);
      const file = join(directory, `${name}.${look}.png`);
      await page.screenshot({ path: file, fullPage: look === 'phone' });
      console.log(file);
    }
    await context.close();
  }
  if (readme) {
    const images = join(root, 'docs/images');
    await mkdir(images, { recursive: true });
    for (const name of SHOWN) await copyFile(join(directory, `${name}.desk.png`), join(images, `${name}.png`));
  }
} finally {
  await browser.close();
  await world.consentry.close();
  await globalTeardown();
}
