/** What goes wrong under `/admin`, in words: a page for who looks, JSON for a program. Nothing of it was kept. */
import type { Context, Middleware } from 'koa';
import { AppError } from '../../errors.ts';
import type { Log } from '../../web/log.ts';
import { currentRequest } from '../../web/request-context.ts';
import type { Respond } from '../../web/respond.ts';

export interface StoppedDeps {
  respond: Respond;
  isDatabaseUnavailable: (error: unknown) => boolean;
  log: Log;
}

const RETRY_AFTER_SECONDS = 5;

/** Around everything below `/admin`. */
export function stopping(deps: StoppedDeps): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== '/admin' && !ctx.path.startsWith('/admin/')) return next();
    try {
      await next();
    } catch (error) {
      answer(ctx, known(ctx, error, deps), deps);
    }
  };
}

function known(ctx: Context, error: unknown, { isDatabaseUnavailable, log }: StoppedDeps): AppError {
  if (error instanceof AppError && error.status < 500) {
    log.info({ reason: error.code, detail: error.detail, path: ctx.path }, error.message);
    return error;
  }
  const away = isDatabaseUnavailable(error) || (error instanceof AppError && error.status === 503);
  log.error({ err: error, method: ctx.method, path: ctx.path }, away ? 'unavailable' : 'failed');
  for (const header of ['Set-Cookie', 'Location']) ctx.remove(header);
  if (away) ctx.set('Retry-After', String(RETRY_AFTER_SECONDS));
  return away
    ? new AppError('unavailable', 503, 'Nothing was changed. Try again in a moment.')
    : new AppError('server_error', 500, 'Something went wrong here. Nothing was changed.');
}

function answer(ctx: Context, { code, status, message }: AppError, { respond }: StoppedDeps): void {
  ctx.remove('Location');
  if (ctx.path.startsWith('/admin/api/') || !respond.wantsPage(ctx)) {
    respond.json(ctx, status, code, message);
    return;
  }
  const referer = URL.parse(ctx.get('referer'));
  // A path that begins with two slashes is another host (RFC 3986 §4.2).
  const own = referer?.host === ctx.host && referer.pathname !== ctx.path && !referer.pathname.startsWith('//');
  const back = own ? referer.pathname + referer.search : code === 'no_role' ? '/' : '/admin';
  respond.template(ctx, 'admin/stopped.njk', { code, message, back, requestId: currentRequest().requestId }, status);
}
