/** What the tests of the pages look at: a page's words, and what an attempt left in the database. */
import type { Consentry } from '../harness.ts';
import { sql } from '../harness.ts';
import { type Step, words } from '../person.ts';

export { words };

export function heading({ html }: Pick<Step, 'html'>): string {
  return words({ html: /<h1\b[^>]*>([\s\S]*?)<\/h1>/.exec(html)?.[1] ?? '' });
}

export const isConnectPage = (page: Step) =>
  page.status === 200 && page.html.includes('autocomplete="current-password"');
export const isConsentPage = (page: Step) => page.status === 200 && page.html.includes('value="approve"');

/** Rows that would let somebody in: codes, grants and consents. */
export async function given(consentry: Consentry): Promise<{ codes: number; grants: number; consents: number }> {
  const [row] = await sql<{ codes: number; grants: number; consents: number }>(
    consentry,
    `SELECT (SELECT count(*)::int FROM artifacts WHERE kind = 'AuthorizationCode') AS codes,
            (SELECT count(*)::int FROM grants) AS grants,
            (SELECT count(*)::int FROM consents) AS consents`,
  );
  if (!row) throw new Error('no row');
  return row;
}
