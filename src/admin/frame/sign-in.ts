/** Into the dashboard and out of it: a fresh proof of presence becomes its cookie, always on a same-site hop (threat 102). */
import Router from '@koa/router';
import type { Context } from 'koa';
import { events } from '../../audit/events.ts';
import type { Audit } from '../../audit/store.ts';
import { AppError } from '../../errors.ts';
import type { Database } from '../../storage/transactions.ts';
import { readForm, single } from '../../web/request-body.ts';
import { actorOf, type GateDeps, leave, SIGN_IN } from './pages.ts';

export interface SignInDeps extends GateDeps {
  /** Ends the browser session, here and at the clients that want to know. */
  endSession: (sessionUid: string) => Promise<unknown>;
  audit: Pick<Audit, 'record'>;
  database: Pick<Database, 'unit'>;
  /** Undefined for what is no path of ours. */
  parseOwnPath: (value: unknown) => string | undefined;
}

const PROVEN_SECONDS = 300;

export function signInRoutes(deps: SignInDeps): Router {
  const router = new Router({ sensitive: true });
  router.get(SIGN_IN, (ctx) => enter(ctx, deps));
  router.post('/admin/sign-out', (ctx) => signOut(ctx, deps));
  return router;
}

async function enter(ctx: Context, deps: SignInDeps): Promise<void> {
  const asked = deps.parseOwnPath(ctx.query.to);
  const to = asked?.startsWith('/admin') ? asked : '/admin';
  const visitor = await deps.visitorOf(ctx);
  if (!visitor || visitor.provenSecondsAgo > PROVEN_SECONDS) {
    return leave(ctx, deps.proveAt(`${SIGN_IN}?to=${encodeURIComponent(to)}`));
  }
  await actorOf(visitor, 'GET', deps);
  deps.session.begin(ctx, { accountId: visitor.account.id, sessionUid: visitor.sessionUid });
  deps.hop(ctx, to);
}

async function signOut(ctx: Context, deps: SignInDeps): Promise<void> {
  const fields = (await readForm(ctx)) ?? {};
  const visitor = await deps.visitorOf(ctx);
  if (visitor) {
    const bound = ['admin', visitor.sessionUid, visitor.account.id];
    const genuine = deps.csrf.sameOrigin(ctx) && deps.csrf.verify(single(fields, 'csrf'), bound);
    if (!genuine) throw new AppError('expired_form', 403, 'This form is no longer good: load the page again.');
    await deps.database.unit(async () => {
      await deps.endSession(visitor.sessionUid);
      await deps.audit.record(events.sessionEnded({ accountId: visitor.account.id }, { why: 'signed_out' }));
    });
  }
  deps.session.end(ctx);
  leave(ctx, '/');
}
