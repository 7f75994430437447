/** Form tokens bound to what the form was rendered for, and the checks that a POST came from a page of ours. */
import { timingSafeEqual } from 'node:crypto';
import type { Context } from 'koa';

export type Csrf = ReturnType<typeof createCsrf>;

/**
 * @param hmac keyed; `bound` is whatever the form must not outlive: interaction, account, browser, what was shown
 */
export function createCsrf({ issuer, hmac }: { issuer: string; hmac: (purpose: string, value: string) => string }) {
  const token = (bound: readonly string[]) => hmac('csrf', JSON.stringify(bound));

  return {
    token,
    /** Whether the token is the one for `bound`. */
    verify(presented: string | undefined, bound: readonly string[]): boolean {
      const expected = Buffer.from(token(bound));
      const actual = Buffer.from(presented ?? '');
      return expected.length === actual.length && timingSafeEqual(expected, actual);
    },
    /** Whether a browser says that the POST comes from us; programs say nothing and hold the token anyway. */
    sameOrigin(ctx: Context): boolean {
      const origin = ctx.get('origin');
      const site = ctx.get('sec-fetch-site');
      return (origin === '' || origin === issuer) && (site === '' || site === 'same-origin');
    },
  };
}
