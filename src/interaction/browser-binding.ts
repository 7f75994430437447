/**
 * Binds an interaction to the browser in which it began, by a cookie that nobody beside this very host can set:
 * oidc-provider's own have a path and cannot be `__Host-` (RFC 6265bis §4.1.3.2).
 */
import { timingSafeEqual } from 'node:crypto';
import type { Context, Middleware } from 'koa';
import { AppError } from '../errors.ts';
import { dropOldest } from '../web/cookie-pile.ts';

export interface BrowserBindingDeps {
  https: boolean;
  hmac: (purpose: string, value: string) => string;
  /** Name of oidc-provider's cookie by which it knows what to resume. */
  resumeCookie: string;
}

/** As long as an interaction lives. */
const MAX_AGE_MS = 1_800_000;
/** As many requests as one browser answers at once; of more the oldest give way. */
const MAX_AT_ONCE = 12;

/** oidc-provider also answers to other spellings of its paths. */
const PROVIDER = /^\/(?:authorize|device)(?:\/([^/]*)\/?)?$/i;
const INTERACTION = /^\/interaction\/([\w-]+)$/;

export function createBrowserBinding({ https, hmac, resumeCookie }: BrowserBindingDeps) {
  const prefix = `${https ? '__Host-' : ''}consentry_at_`;
  // The value is a MAC already.
  const options = { httpOnly: true, sameSite: 'lax', secure: https, signed: false, path: '/' } as const;
  const nameOf = (uid: string) => `${prefix}${hmac('interaction-cookie', uid).slice(0, 8)}`;
  const macOf = (uid: string) => hmac('interaction-browser', uid);

  /** @throws AppError 403 `other_browser` unless the interaction began in this browser */
  function assertSameBrowser(ctx: Context, uid: string): void {
    const expected = Buffer.from(macOf(uid));
    const actual = Buffer.from(ctx.cookies.get(nameOf(uid), options) ?? '');
    if (expected.length === actual.length && timingSafeEqual(expected, actual)) return;
    throw otherBrowser();
  }

  /** What oidc-provider is about to resume: it goes by its cookie alone, whatever the path says. */
  function resuming(ctx: Context, named: string | undefined): string | undefined {
    const uid = named === undefined ? undefined : ctx.cookies.get(resumeCookie, { signed: true });
    if (uid === undefined) return undefined;
    if (uid !== named) throw otherBrowser();
    assertSameBrowser(ctx, uid);
    return uid;
  }

  /** Around oidc-provider: names the browser in the very answer that begins an interaction, and asks for it at the resume. */
  const bindInteractions: Middleware = async (ctx, next) => {
    const path = PROVIDER.exec(ctx.path);
    if (!path) return next();
    const resumed = resuming(ctx as Context, path[1]);
    await next();
    if (resumed !== undefined && hasEnded(ctx as Context)) ctx.cookies.set(nameOf(resumed), null, options);
    const begun = INTERACTION.exec(ctx.response.get('location'))?.[1];
    if (begun === undefined) return;
    dropOldest(ctx as Context, prefix, MAX_AT_ONCE - 1, options);
    ctx.cookies.set(nameOf(begun), macOf(begun), { ...options, maxAge: MAX_AGE_MS });
  };

  /** oidc-provider clears its own cookie where the interaction is over, and only there. */
  function hasEnded(ctx: Context): boolean {
    const lines = [ctx.response.headers['set-cookie'] ?? []].flat();
    return lines.some((line) => line.startsWith(`${resumeCookie}=;`));
  }

  return { bindInteractions, assertSameBrowser };
}

function otherBrowser(): AppError {
  return new AppError('other_browser', 403, 'The request began in another browser.');
}
