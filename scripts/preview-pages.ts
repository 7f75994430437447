/**
 * Photographs every page in both languages, on a phone and a desktop, light and dark, and runs axe-core on each.
 * Pictures go to `test-output/pages/`; exits 1 on anything serious. Arguments: parts of page names, to limit it to.
 */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { type Locale, locales } from '../src/web/locale.ts';
import { accessibilityProblems } from '../test/browser/accessibility.ts';
import { launchBrowser } from '../test/browser/chromium.ts';
import { serveSamples } from '../test/browser/sample-server.ts';
import { samples } from '../test/web/sample-pages.ts';

type Look = { locale: Locale; width: number; scheme: 'light' | 'dark' };

const output = fileURLToPath(new URL('../test-output/pages/', import.meta.url));
const looks: Look[] = locales.flatMap((locale) =>
  [360, 1280].flatMap((width) => (['light', 'dark'] as const).map((scheme) => ({ locale, width, scheme }))),
);
const parts = process.argv.slice(2);
const names = Object.keys(samples).filter((name) => !parts.length || parts.some((part) => name.includes(part)));

mkdirSync(output, { recursive: true });
const server = await serveSamples();
const browser = await launchBrowser();
try {
  for (const look of looks) await photograph(browser, look);
} finally {
  await browser.close();
  server.close();
}

async function photograph(browser: Browser, { locale, width, scheme }: Look): Promise<void> {
  const viewport = { width, height: width < 500 ? 740 : 800 };
  const context = await browser.newContext({ viewport, colorScheme: scheme, deviceScaleFactor: 1.5 });
  const page = await context.newPage();
  page.on('console', (message) => message.type() === 'error' && report(message.text()));
  for (const name of names) {
    const label = `${name}-${locale}-${width}-${scheme}`;
    await page.goto(`${server.url}/${locale}/${name}`);
    const excess = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
    if (excess !== 0) report(`${label}: ${excess} px too wide`);
    for (const problem of await accessibilityProblems(page)) report(`${label}: ${problem}`);
    await page.screenshot({ path: `${output}${label}.png`, fullPage: true });
  }
  await context.close();
}

function report(problem: string): void {
  process.exitCode = 1;
  console.error(problem);
}
