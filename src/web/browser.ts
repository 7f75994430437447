/** Which browser this is: a random name in a cookie, stored only as an HMAC. */
import { randomBytes } from 'node:crypto';
import type { Context } from 'koa';

const MAX_AGE_MS = 400 * 86_400_000;

export type Browsers = ReturnType<typeof createBrowsers>;

export function createBrowsers({ https, hmac }: { https: boolean; hmac: (purpose: string, value: string) => string }) {
  const name = https ? '__Host-consentry_browser' : 'consentry_browser';
  const options = { httpOnly: true, sameSite: 'lax', secure: https, signed: true, path: '/' } as const;

  return {
    /** The HMAC of this browser's name, which it is given on its first page. */
    identify(ctx: Context): string {
      // Asked more than once for one page, it is one name.
      const known: string | undefined = ctx.state.browserName ?? ctx.cookies.get(name, options);
      const value = known ?? randomBytes(32).toString('base64url');
      if (!known) ctx.cookies.set(name, value, { ...options, maxAge: MAX_AGE_MS });
      ctx.state.browserName = value;
      return hmac('browser', value);
    },
  };
}
