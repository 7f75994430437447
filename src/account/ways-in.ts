/** `/account/ways-in`: a person sees by what they sign in, adds a connection, and takes one away. */
import type Router from '@koa/router';
import { events } from '../audit/events.ts';
import type { ConsentStore } from '../consents/store.ts';
import { AppError } from '../errors.ts';
import type { AccountLeg } from '../federation/leg.ts';
import type { UpstreamSessionStore } from '../federation/upstream-session-store.ts';
import type { Sessions } from '../sessions.ts';
import type { WaysInModel } from '../web/sign-in-pages.ts';
import { leave, type Own, type OwnDeps, ownRoutes } from './own-page.ts';
import { WAYS_IN } from './paths.ts';
import type { ProofDeps } from './proof.ts';
import { type Overview, overviewOf, type WaysDeps } from './ways.ts';

export interface WaysInDeps extends OwnDeps, WaysDeps, Pick<ProofDeps, 'sendAway'> {
  upstreamSessions: Pick<UpstreamSessionStore, 'othersOf'>;
  sessions: Pick<Sessions, 'endThese'>;
  consents: Pick<ConsentStore, 'endGrants'>;
}

export function waysInRoutes(deps: WaysInDeps): Router {
  const { router, get, post } = ownRoutes('ways-in', WAYS_IN, deps);
  get(WAYS_IN, (own) => show(own, deps), { fresh: true });
  const expired = async (own: Own) =>
    render(own, await overviewOf(own.visitor.account, deps), deps, { kind: 'expired' });
  post(WAYS_IN, (own) => submit(own, deps), expired, { fresh: true });
  return router;
}

async function show(own: Own, deps: WaysInDeps): Promise<void> {
  const { added } = own.ctx.query;
  const overview = await overviewOf(own.visitor.account, deps);
  const name = typeof added === 'string' ? overview.justAdded(added) : undefined;
  render(own, overview, deps, name === undefined ? undefined : { kind: 'linked', name });
}

async function submit(own: Own, deps: WaysInDeps): Promise<void> {
  const overview = await overviewOf(own.visitor.account, deps);
  const [add, remove] = [own.field('add'), own.field('remove')];
  if (add !== undefined) return addWay(own, add, overview, deps);
  if (remove !== undefined) return removeWay(own, remove, overview, deps);
  leave(own.ctx, WAYS_IN);
}

/** Sends the person there; what comes back is bound to this browser, this session and this account. */
async function addWay({ ctx, visitor }: Own, id: string, overview: Overview, deps: WaysInDeps): Promise<void> {
  const connection = overview.addable.find((one) => one.id === id);
  if (!connection) throw new AppError('invalid_request', 400, 'There is no such way to sign in.');
  const terms = {
    connectionId: connection.id,
    purpose: 'link',
    sessionUid: visitor.sessionUid,
    expectedAccountId: visitor.account.id,
    to: WAYS_IN,
    wishes: { prompt: 'login' },
  } satisfies Partial<AccountLeg>;
  await deps.sendAway(ctx, connection, terms);
}

async function removeWay(own: Own, id: string, overview: Overview, deps: WaysInDeps): Promise<void> {
  const { visitor } = own;
  const { account } = visitor;
  const way = overview.ways.find((one) => one.view.id === id);
  if (!way) throw new AppError('invalid_request', 400, 'There is no such way to sign in.');
  const { name } = way.view;
  if (way.view.state === 'kept') return render(own, overview, deps, { kind: 'kept', name }, 403);
  const { connectionIds, password } = overview;
  const outcome = await deps.ways.unlink(account.id, way.key, { connectionIds, password });
  if (outcome === 'last') return render(own, overview, deps, { kind: 'last', name }, 409);
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
  render(own, await overviewOf(account, deps), deps, { kind: 'unlinked', name });
}

function render(
  { ctx, frame }: Own,
  overview: Overview,
  deps: WaysInDeps,
  news: WaysInModel['news'],
  status = 200,
): void {
  const model: WaysInModel = {
    ...frame,
    action: WAYS_IN,
    password: overview.password,
    ways: overview.ways.map(({ view }) => view),
    connections: overview.addable.map(({ id, name: called }) => ({ id, name: called })),
    news,
  };
  deps.respond.page(ctx, 'ways-in', model, { status });
}
