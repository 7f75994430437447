/** The cookie by which a leg's browser is known at the callback; each leg has its own, so that several run at once. */
import type { Context } from 'koa';
import { dropOldest } from '../web/cookie-pile.ts';
import { LEG_TTL_SECONDS } from './legs.ts';

export type LegCookie = ReturnType<typeof createLegCookie>;

/** As many trips as one browser makes at once; of more the oldest give way. */
const MAX_LEGS = 8;

/** @param https whether the issuer is: then nobody beside this very host can set the cookie (RFC 6265bis §4.1.3.2) */
export function createLegCookie({ https, hmac }: { https: boolean; hmac: (purpose: string, value: string) => string }) {
  const prefix = `${https ? '__Host-' : ''}consentry_upstream_`;
  const options = { httpOnly: true, sameSite: 'lax', secure: https, signed: true, path: '/' } as const;
  const nameOf = (state: string) => `${prefix}${hmac('upstream-cookie', state).slice(0, 8)}`;

  return {
    set(ctx: Context, state: string, secret: string): void {
      dropOldest(ctx, prefix, MAX_LEGS - 1, options);
      ctx.cookies.set(nameOf(state), secret, { ...options, maxAge: LEG_TTL_SECONDS * 1000 });
    },
    get: (ctx: Context, state: string): string | undefined => ctx.cookies.get(nameOf(state), options),
    clear(ctx: Context, state: string): void {
      ctx.cookies.set(nameOf(state), null, options);
    },
  };
}
