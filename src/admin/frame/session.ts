/**
 * The dashboard's own cookie, `SameSite=Strict`, beside the browser session: it stands for a proof of presence, says
 * nothing by itself, and dies with the session, after half an hour without a request, or after eight hours.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Context } from 'koa';

export type AdminSession = ReturnType<typeof createAdminSession>;

export interface Holder {
  accountId: string;
  sessionUid: string;
}

const IDLE_SECONDS = 30 * 60;
const LONGEST_SECONDS = 8 * 3600;
/** Written anew no more often. */
const SEEN_EVERY_SECONDS = 60;

export function createAdminSession(deps: {
  https: boolean;
  hmac: (purpose: string, value: string) => string;
  now: () => Date;
}) {
  const { https, hmac, now } = deps;
  const name = https ? '__Host-consentry_admin' : 'consentry_admin';
  const options = { httpOnly: true, sameSite: 'strict', secure: https, signed: false, path: '/' } as const;
  const seconds = () => Math.floor(now().getTime() / 1000);

  function write(ctx: Context, { accountId, sessionUid }: Holder, begun: number): void {
    const seen = seconds();
    const proof = hmac('admin-session', JSON.stringify([sessionUid, accountId, begun, seen]));
    ctx.cookies.set(name, `${begun}.${seen}.${proof}`, options);
  }

  return {
    /** After a proof of presence. */
    begin: (ctx: Context, holder: Holder): void => write(ctx, holder, seconds()),
    /** Whether this browser began it with this session and it lives; then it lives on. */
    holds(ctx: Context, holder: Holder): boolean {
      const [begun = '', seen = '', proof = ''] = (ctx.cookies.get(name, options) ?? '').split('.');
      const { accountId, sessionUid } = holder;
      const made = hmac('admin-session', JSON.stringify([sessionUid, accountId, Number(begun), Number(seen)]));
      const [expected, actual] = [Buffer.from(made), Buffer.from(proof)];
      if (expected.length !== actual.length || !timingSafeEqual(expected, actual)) return false;
      const at = seconds();
      if (at - Number(seen) > IDLE_SECONDS || at - Number(begun) > LONGEST_SECONDS) return false;
      if (at - Number(seen) >= SEEN_EVERY_SECONDS) write(ctx, holder, Number(begun));
      return true;
    },
    /** Whether the browser sent one at all, good or not. */
    isPresent: (ctx: Context): boolean => ctx.cookies.get(name, options) !== undefined,
    end: (ctx: Context): void => {
      ctx.cookies.set(name, '', { ...options, expires: new Date(0) });
    },
  };
}
