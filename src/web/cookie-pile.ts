/** Keeps cookies that flows leave behind from piling up until a request no longer fits. */
import type { Context } from 'koa';

type CookieOptions = NonNullable<Parameters<Context['cookies']['set']>[2]>;

/**
 * Clears what the browser sent with this prefix beyond the newest `keep`: browsers send cookies of one path in the
 * order in which they were made (RFC 6265 §5.4).
 */
export function dropOldest(ctx: Context, prefix: string, keep: number, options: CookieOptions): void {
  const sent = ctx
    .get('cookie')
    .split(';')
    .map((pair) => pair.split('=', 1)[0]?.trim() ?? '')
    .filter((name) => name.startsWith(prefix) && !name.endsWith('.sig'));
  const names = [...new Set(sent)];
  for (const name of names.slice(0, Math.max(0, names.length - keep))) ctx.cookies.set(name, null, options);
}
