/** What goes wrong under `/admin`, in words: a page for who looks, JSON for a program. Nothing of it was kept. */
import type { Context, Middleware } from 'koa';
import { AppError } from '../../errors.ts';
import type { Log } from '../../web/log.ts';
import { currentRequest } from '../../web/request-context.ts';
import type { Respond } from '../../web/respond.ts';
import { keptFrame } from './kept-frame.ts';
import { refusedBy } from './refused.ts';

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

function answer(ctx: Context, error: AppError, { respond }: StoppedDeps): void {
  const { code, status, message } = error;
  ctx.remove('Location');
  if (ctx.path.startsWith('/admin/api/') || !respond.wantsPage(ctx)) {
    respond.json(ctx, status, code, message);
    return;
  }
  const frame = keptFrame(ctx);
  const page = frame ? 'admin/stopped-within.njk' : 'admin/stopped.njk';
  const model = { refused: refusedBy(error), code, back: backFrom(ctx, code), requestId: currentRequest().requestId };
  respond.template(ctx, page, { ...model, frame }, status);
}

/** Where what did not work was begun; where an address asked for what a list has not, the list. */
function backFrom(ctx: Context, code: string): string {
  if (code === 'bad_input' && ctx.method === 'GET' && ctx.search) return ctx.path;
  const referer = URL.parse(ctx.get('referer'));
  // A path that begins with two slashes is another host (RFC 3986 §4.2).
  const own = referer?.host === ctx.host && referer.pathname !== ctx.path && !referer.pathname.startsWith('//');
  if (own) return referer.pathname + referer.search;
  return code === 'no_role' ? '/' : '/admin';
}
