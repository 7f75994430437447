/** `/account/ways-in`: a person sees by what they sign in, adds a connection, and takes one away. */
import Router from '@koa/router';
import type { Context } from 'koa';
import { events } from '../audit/events.ts';
import type { ConsentStore } from '../consents/store.ts';
import { AppError } from '../errors.ts';
import type { AccountLeg } from '../federation/leg.ts';
import type { UpstreamSessionStore } from '../federation/upstream-session-store.ts';
import type { Sessions } from '../sessions.ts';
import type { Csrf } from '../web/csrf.ts';
import { readForm, single } from '../web/request-body.ts';
import type { WaysInModel } from '../web/sign-in-pages.ts';
import { WAYS_IN } from './paths.ts';
import { type ProofDeps, showProof, submitProof } from './proof.ts';
import { type Visitor, visitorOf } from './visitor.ts';
import { type Overview, overviewOf, type WaysDeps } from './ways.ts';

export interface WaysInDeps extends ProofDeps, WaysDeps {
  csrf: Csrf;
  upstreamSessions: Pick<UpstreamSessionStore, 'othersOf'>;
  sessions: Pick<Sessions, 'endThese'>;
  consents: Pick<ConsentStore, 'endGrants'>;
}

export function waysInRoutes(deps: WaysInDeps): Router {
  const router = new Router();
  router.get(WAYS_IN, (ctx) => show(ctx, deps));
  router.post(WAYS_IN, (ctx) => submit(ctx, deps));
  return router;
}

async function show(ctx: Context, deps: WaysInDeps): Promise<void> {
  const visitor = await visitorOf(ctx, deps);
  const csrf = deps.csrf.token(bound(ctx, visitor, deps));
  if (!visitor?.fresh) return showProof(ctx, visitor, csrf, deps, {});
  const { added } = ctx.query;
  const overview = await overviewOf(visitor.account, deps);
  const name = typeof added === 'string' ? overview.justAdded(added) : undefined;
  render(ctx, visitor, overview, deps, name === undefined ? undefined : { kind: 'linked', name });
}

async function submit(ctx: Context, deps: WaysInDeps): Promise<void> {
  const fields = (await readForm(ctx)) ?? {};
  const visitor = await visitorOf(ctx, deps);
  const own = bound(ctx, visitor, deps);
  const genuine = deps.csrf.sameOrigin(ctx) && deps.csrf.verify(single(fields, 'csrf'), own);
  if (!visitor?.fresh) {
    const csrf = deps.csrf.token(own);
    if (!genuine) return showProof(ctx, visitor, csrf, deps, { error: 'expired', status: 403 });
    return submitProof(ctx, visitor, fields, csrf, deps);
  }
  const overview = await overviewOf(visitor.account, deps);
  if (!genuine) return render(ctx, visitor, overview, deps, { kind: 'expired' }, 403);
  const [add, remove] = [single(fields, 'add'), single(fields, 'remove')];
  if (add !== undefined) return addWay(ctx, visitor, add, overview, deps);
  if (remove !== undefined) return removeWay(ctx, visitor, remove, overview, deps);
  // Another tab proved meanwhile what this form was to prove.
  ctx.status = 303;
  ctx.redirect(WAYS_IN);
}

/** Sends the person there; what comes back is bound to this browser, this session and this account. */
async function addWay(ctx: Context, visitor: Visitor, id: string, overview: Overview, deps: WaysInDeps): Promise<void> {
  const connection = overview.addable.find((one) => one.id === id);
  if (!connection) throw new AppError('invalid_request', 400, 'There is no such way to sign in.');
  const terms = {
    connectionId: connection.id,
    purpose: 'link',
    sessionUid: visitor.sessionUid,
    expectedAccountId: visitor.account.id,
    wishes: { prompt: 'login' },
  } satisfies Partial<AccountLeg>;
  await deps.sendAway(ctx, connection, terms);
}

async function removeWay(ctx: Context, visitor: Visitor, id: string, overview: Overview, deps: WaysInDeps) {
  const { account } = visitor;
  const way = overview.ways.find((one) => one.view.id === id);
  if (!way) throw new AppError('invalid_request', 400, 'There is no such way to sign in.');
  const { name } = way.view;
  if (way.view.state === 'kept') return render(ctx, visitor, overview, deps, { kind: 'kept', name }, 403);
  const { connectionIds, password } = overview;
  const outcome = await deps.ways.unlink(account.id, way.key, { connectionIds, password });
  if (outcome === 'last') return render(ctx, visitor, overview, deps, { kind: 'last', name }, 409);
  if (outcome === 'unlinked') {
    const { connectionId, issuer } = way.key;
    await deps.audit.record(events.identityUnlinked({ accountId: account.id }, { connection: connectionId, issuer }));
    // Whoever came by it elsewhere, perhaps not the person at all, is out.
    await deps.sessions.endThese(await deps.upstreamSessions.othersOf(account.id, connectionId, visitor.sessionUid));
    await deps.roles.recompute(account.id);
    // So is whatever client they connected: nothing says by which way, and nobody would be asked after them any more.
    const signIns = await deps.consents.endGrants({ accountId: account.id });
    if (signIns > 0)
      await deps.audit.record(events.accessEnded({ accountId: account.id }, { signIns }, 'identity_unlinked'));
    const notice = { accountId: account.id, connectionId, connectionName: name, at: deps.now() };
    await deps.notices.identityChanged({ ...notice, change: 'unlinked' });
  }
  render(ctx, visitor, await overviewOf(account, deps), deps, { kind: 'unlinked', name });
}

function render(
  ctx: Context,
  visitor: Visitor,
  overview: Overview,
  deps: WaysInDeps,
  news: WaysInModel['news'],
  status = 200,
): void {
  const { email, name } = visitor.account;
  const model: WaysInModel = {
    action: WAYS_IN,
    csrf: deps.csrf.token(bound(ctx, visitor, deps)),
    account: { email: email || (name ?? '') },
    password: overview.password,
    ways: overview.ways.map(({ view }) => view),
    connections: overview.addable.map(({ id, name: called }) => ({ id, name: called })),
    news,
  };
  deps.respond.page(ctx, 'ways-in', model, { status });
}

/** A form dies with the session and the account that it was made for. */
function bound(ctx: Context, visitor: Visitor | undefined, { browsers }: WaysInDeps): string[] {
  const whose = visitor ? [visitor.sessionUid, visitor.account.id] : [];
  return ['ways-in', browsers.identify(ctx), ...whose];
}
