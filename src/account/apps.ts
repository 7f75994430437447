/** `/account`: what a person let use what, and how they take it back. */
import type Router from '@koa/router';
import type { GeneratedMarks } from '../accounts/generated-marks.ts';
import { events } from '../audit/events.ts';
import type { Connected, ConnectedStore } from '../consents/connected-store.ts';
import type { Block } from '../consents/refusal.ts';
import type { Refusals } from '../consents/refusals.ts';
import { type RevocationDeps, revokeConsents } from '../consents/revocation.ts';
import type { ConsentFilter } from '../consents/store.ts';
import { AppError } from '../errors.ts';
import type { Resource } from '../resources/resource.ts';
import type { ResourceStore } from '../resources/store.ts';
import type { AppsModel, BlockView } from '../web/account-pages.ts';
import { appView } from './app-view.ts';
import { type Own, type OwnDeps, ownRoutes } from './own-page.ts';
import { APPS, PASSWORD } from './paths.ts';
import { type RequestsDeps, requestViews } from './requests.ts';

export interface AppsDeps extends OwnDeps, RequestsDeps, Omit<RevocationDeps, 'audit'> {
  audit: RevocationDeps['audit'];
  connected: ConnectedStore;
  generated: Pick<GeneratedMarks, 'has'>;
  refusals: Pick<Refusals, 'listBlocks' | 'unblock'>;
  resources: Pick<ResourceStore, 'findById' | 'findByUri'>;
}

const STOP_ALL = `${APPS}/apps/stop-all`;
const UNBLOCK = `${APPS}/apps/unblock`;
/** What a person reads of it at once; the rest is on the command line's list. */
const BLOCKS_SHOWN = 50;

export function appsRoutes(deps: AppsDeps): Router {
  const { router, get, post } = ownRoutes('apps', APPS, deps);
  const expired = (own: Own) => show(own, deps, { kind: 'expired', count: 1 });
  get(APPS, (own) => show(own, deps));
  get(STOP_ALL, (own) => confirmAll(own, deps));
  post(STOP_ALL, (own) => stop(own, {}, deps), expired);
  post(UNBLOCK, (own) => unblock(own, deps), expired);
  get(`${APPS}/apps/:id/stop`, (own) => confirm(own, deps));
  post(`${APPS}/apps/:id/stop`, (own) => stop(own, { id: own.param('id') }, deps), expired);
  return router;
}

async function show(own: Own, deps: AppsDeps, news?: AppsModel['news']): Promise<void> {
  const { ctx, visitor, frame } = own;
  const accountId = visitor.account.id;
  const after = typeof ctx.query.after === 'string' ? ctx.query.after : undefined;
  const { items, next } = await deps.connected.page(accountId, after);
  const apps = [];
  for (const one of items) apps.push(await viewOf(own, one, deps));
  const blocks = await deps.refusals.listBlocks(accountId);
  const model: AppsModel = {
    ...frame,
    apps,
    nextHref: next === undefined ? undefined : `${APPS}?after=${next}`,
    firstHref: after === undefined ? undefined : APPS,
    stopAllHref: apps.length > 1 || after !== undefined ? STOP_ALL : undefined,
    blocks: await blockViews(blocks.slice(0, BLOCKS_SHOWN), deps),
    unblockAction: UNBLOCK,
    requests: await requestViews(accountId, deps),
    changePasswordHref: (await deps.generated.has(accountId)) ? PASSWORD : undefined,
    news,
  };
  deps.respond.page(ctx, 'apps', model);
}

async function viewOf({ ctx }: Own, one: Connected, deps: AppsDeps) {
  const resource = await deps.resources.findByUri(one.resource.uri);
  const scopes: Resource['scopes'] = resource?.scopes ?? [];
  const locale = deps.respond.localeOf(ctx);
  return appView(one, { resource: { scopes }, locale, browserId: deps.browsers.identify(ctx), now: deps.now() });
}

/** One that is kept under several names, its own and its looks, is one to the person. */
async function blockViews(blocks: readonly Block[], { resources }: AppsDeps): Promise<BlockView[]> {
  const views = new Map<string, BlockView>();
  for (const { id, clientId, clientName, resourceId, createdAt } of blocks) {
    const key = JSON.stringify([clientId, resourceId]);
    if (views.has(key)) continue;
    const resource = await resources.findById(resourceId);
    const name = clientName || clientId;
    views.set(key, { id, name, resource: resource?.name ?? resourceId, since: createdAt });
  }
  return [...views.values()];
}

async function unblock(own: Own, deps: AppsDeps): Promise<void> {
  const accountId = own.visitor.account.id;
  const all = await deps.refusals.listBlocks(accountId);
  const chosen = all.find(({ id }) => id === own.field('block'));
  if (!chosen) return show(own, deps, { kind: 'gone', count: 1 });
  const { clientId, resourceId } = chosen;
  for (const { id } of all.filter((one) => one.clientId === clientId && one.resourceId === resourceId))
    await deps.refusals.unblock(id);
  const resource = (await deps.resources.findById(resourceId))?.uri;
  await deps.audit.record(events.clientUnblocked({ accountId, clientId, resource }, { page: 'account' }));
  await show(own, deps, { kind: 'unblocked', count: 1 });
}

async function confirm(own: Own, deps: AppsDeps): Promise<void> {
  const one = await deps.connected.find(own.visitor.account.id, own.param('id'));
  if (!one) throw new AppError('not_found', 404, 'There is nothing at this address.');
  if (one.consent.revokedAt) return show(own, deps, { kind: 'gone', count: 1 });
  const app = await viewOf(own, one, deps);
  const tokenMinutes = Math.ceil(one.resource.tokenSeconds / 60);
  const model = { ...own.frame, action: app.stopHref, backHref: APPS, count: 1, app, tokenMinutes };
  deps.respond.page(own.ctx, 'stop-apps', model);
}

async function confirmAll(own: Own, deps: AppsDeps): Promise<void> {
  const { consents, tokenSeconds } = await deps.connected.count(own.visitor.account.id);
  if (consents === 0) return show(own, deps, { kind: 'gone', count: 1 });
  const tokenMinutes = Math.ceil(tokenSeconds / 60);
  const model = { ...own.frame, action: STOP_ALL, backHref: APPS, count: consents, tokenMinutes };
  deps.respond.page(own.ctx, 'stop-apps', model);
}

async function stop(own: Own, which: Pick<ConsentFilter, 'id'>, deps: AppsDeps): Promise<void> {
  const filter = { ...which, accountId: own.visitor.account.id };
  const { length: count } = await revokeConsents(deps, [filter], 'stopped_by_person');
  await show(own, deps, { kind: count === 0 ? 'gone' : 'stopped', count: Math.max(count, 1) });
}
