/** The pipeline that every request runs through, ours and oidc-provider's alike. */
import Koa, { type Context, type Middleware } from 'koa';
import { AppError } from '../errors.ts';
import type { Database } from '../storage/transactions.ts';
import type { Log } from './log.ts';
import { type StoppedCode, stoppedCodes } from './pages.ts';
import { currentRequest, inRequest, newRequestId } from './request-context.ts';
import type { Respond } from './respond.ts';

export interface AppDeps {
  database: Database;
  log: Log;
  respond: Respond;
  cookieKeys: string[];
  isDatabaseUnavailable: (error: unknown) => boolean;
  /** In order; the first ones run outside the transaction. */
  before: readonly Middleware[];
  routes: readonly Middleware[];
}

const RETRY_AFTER_SECONDS = 5;

export function createApp(deps: AppDeps): Koa {
  const app = new Koa();
  app.keys = deps.cookieKeys;
  // Host and scheme are pinned to the issuer's; the address comes from our own reading of trusted proxies.
  app.proxy = true;
  app.silent = true;
  app.use(withRequest(deps));
  for (const middleware of deps.before) app.use(middleware);
  app.use(inTransaction(deps));
  for (const middleware of deps.routes) app.use(middleware);
  app.use(notFound(deps));
  return app;
}

function withRequest({ log }: AppDeps): Middleware {
  return (ctx, next) => {
    const requestId = newRequestId();
    ctx.set('X-Request-Id', requestId);
    const started = performance.now();
    return inRequest(
      'client',
      async () => {
        currentRequest().userAgent = ctx.get('user-agent');
        await next();
        const ms = Math.round(performance.now() - started);
        log.debug({ method: ctx.method, path: ctx.path, status: ctx.status, ms }, 'answered');
      },
      requestId,
    );
  };
}

/**
 * One transaction a request: committed before the answer leaves, also for a refusal (which must keep its revocations),
 * rolled back for a failure, whose answer then says that nothing happened.
 */
function inTransaction(deps: AppDeps): Middleware {
  return async (ctx, next) => {
    try {
      await deps.database.unit(
        async () => {
          try {
            await next();
          } catch (error) {
            if (!(error instanceof AppError) || error.status >= 500) throw error;
            refuse(ctx, error, deps);
          }
          const failure = ctx.state.failure ?? currentRequest().failure;
          if (failure) throw failure;
        },
        () => ctx.status < 500,
      );
    } catch (error) {
      fail(ctx, error, deps);
    }
  };
}

function refuse(ctx: Context, error: AppError, { respond, log }: AppDeps): void {
  log.info({ reason: error.code, detail: error.detail }, error.message);
  ctx.remove('Location');
  if (respond.wantsPage(ctx)) respond.stopped(ctx, { code: stopped(error.code) }, { status: error.status });
  else respond.json(ctx, error.status, error.code, error.message);
}

function fail(ctx: Context, error: unknown, deps: AppDeps): void {
  const { log, respond } = deps;
  const unavailable = deps.isDatabaseUnavailable(error) || (error instanceof AppError && error.status === 503);
  log.error({ err: error, method: ctx.method, path: ctx.path }, unavailable ? 'unavailable' : 'failed');
  for (const header of ['Set-Cookie', 'Location', 'ETag']) ctx.remove(header);
  ctx.set('Retry-After', String(RETRY_AFTER_SECONDS));
  if (respond.wantsPage(ctx)) {
    const known = stoppedCodes.find((code) => error instanceof AppError && error.code === code);
    const code = known ?? (unavailable ? 'unavailable' : 'server_error');
    respond.stopped(ctx, { code }, { status: unavailable ? 503 : 500 });
    return;
  }
  if (unavailable) respond.json(ctx, 503, 'temporarily_unavailable', 'Nothing was changed. Try again in a moment.');
  else respond.json(ctx, 500, 'server_error', 'Something went wrong here. Nothing was changed.');
}

function notFound({ respond }: AppDeps): Middleware {
  return (ctx) => {
    if (ctx.status !== 404 || ctx.body) return;
    if (respond.wantsPage(ctx)) respond.stopped(ctx, { code: 'not_found' }, { status: 404 });
    else respond.json(ctx, 404, 'not_found', 'There is nothing at this address.');
  };
}

function stopped(code: string): StoppedCode {
  return stoppedCodes.find((known) => known === code) ?? 'invalid_request';
}
