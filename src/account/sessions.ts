/** `/account/sessions`: in which browsers a person is signed in, and how they end it there; and the way out of this one. */
import type Router from '@koa/router';
import type { Device, DevicesStore } from '../accounts/devices-store.ts';
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import type { Sessions } from '../sessions.ts';
import type { ArtifactStore } from '../storage/artifacts.ts';
import type { DeviceView, SessionsModel } from '../web/account-pages.ts';
import { partsOfLabel } from '../web/browser-label.ts';
import { type Own, type OwnDeps, ownRoutes } from './own-page.ts';
import { SESSIONS, SIGN_OUT } from './paths.ts';

export interface SessionsDeps extends OwnDeps {
  devices: DevicesStore;
  sessions: Pick<Sessions, 'endThese'>;
  artifacts: Pick<ArtifactStore, 'destroyByAccount'>;
  audit: Pick<Audit, 'record'>;
}

export function sessionsRoutes(deps: SessionsDeps): Router {
  const { router, get, post } = ownRoutes('sessions', SESSIONS, deps);
  const expired = (own: Own) => show(own, deps, { kind: 'expired', count: 1 });
  get(SESSIONS, (own) => show(own, deps));
  post(SESSIONS, (own) => end(own, deps), expired);
  post(SIGN_OUT, (own) => signOut(own, deps), expired);
  return router;
}

async function show(own: Own, deps: SessionsDeps, news?: SessionsModel['news']): Promise<void> {
  const { ctx, visitor, frame } = own;
  const here = deps.devices.keyOf(visitor.sessionUid);
  const devices = await deps.devices.list(visitor.account.id);
  const views = devices.map((device) => viewOf(device, here));
  views.sort((one, other) => Number(other.here) - Number(one.here));
  deps.respond.page(ctx, 'sessions', { ...frame, action: SESSIONS, devices: views, news });
}

function viewOf({ key, label, amr, since, lastSeenAt }: Device, here: string): DeviceView {
  const by = (['webauthn', 'fed', 'pwd'] as const).find((one) => amr.includes(one));
  return { id: key, ...partsOfLabel(label), by, since, lastSeenAt, here: key === here };
}

/** One, or all but the one in which it is pressed. */
async function end(own: Own, deps: SessionsDeps): Promise<void> {
  const accountId = own.visitor.account.id;
  const here = deps.devices.keyOf(own.visitor.sessionUid);
  const others = (await deps.devices.list(accountId)).map(({ key }) => key).filter((key) => key !== here);
  const all = own.field('all') !== undefined;
  const chosen = all ? others : others.filter((key) => key === own.field('session'));
  // With the sessions also the sign-ins that have not become one yet.
  if (all) await deps.artifacts.destroyByAccount('Interaction', accountId);
  const { length: count } = await deps.sessions.endThese(chosen);
  if (count > 0)
    await deps.audit.record(events.sessionEnded({ accountId }, { why: 'ended_by_person', sessions: count }));
  await show(own, deps, { kind: count > 0 ? 'ended' : 'gone', count: Math.max(count, 1) });
}

async function signOut({ ctx, visitor }: Own, deps: SessionsDeps): Promise<void> {
  const accountId = visitor.account.id;
  await deps.sessions.endThese([deps.devices.keyOf(visitor.sessionUid)]);
  await deps.audit.record(events.sessionEnded({ accountId }, { why: 'signed_out' }));
  deps.respond.page(ctx, 'logged-out', {});
}
