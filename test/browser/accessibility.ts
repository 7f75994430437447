/** axe-core on a page as it stands, under its own CSP. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const axeFile = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

type Violation = { id: string; impact: string; help: string; nodes: { target: string[]; failureSummary: string }[] };

/** What axe-core finds serious or critical (all of WCAG 2.2 AA and best practices), one line each. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  // Evaluated through the debugger, which no CSP concerns: the page itself stays as it is.
  await page.evaluate(readFileSync(axeFile, 'utf8'));
  const violations = (await page.evaluate('axe.run().then(({ violations }) => violations)')) as Violation[];
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help} (${node.target}) ${node.failureSummary}`));
}
