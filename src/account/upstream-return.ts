/** Who came back from a connection to their own page: they show to be here, or from now on sign in by it too. */
import type { Context } from 'koa';
import type { Arrivals } from '../arrivals.ts';
import { events } from '../audit/events.ts';
import { AppError } from '../errors.ts';
import type { Connection } from '../federation/connection.ts';
import { freshTime } from '../federation/fresh.ts';
import type { IdentityStore } from '../federation/identity-store.ts';
import type { AccountLeg, LegTerms } from '../federation/leg.ts';
import { type Arrival, type Trips, upstreamSession, type VouchedFor } from '../federation/trips.ts';
import { UpstreamFailed } from '../federation/upstream-failed.ts';
import { currentRequest } from '../web/request-context.ts';
import type { Respond } from '../web/respond.ts';
import { type UpstreamRefusal, upstreamRefusals } from '../web/sign-in-pages.ts';
import { hop } from './hop.ts';
import { APPS, parseOwnPath, WAYS_IN } from './paths.ts';
import { enter, type Visitor, type VisitorDeps, visitorOf } from './visitor.ts';
import type { WaysDeps } from './ways.ts';

export interface ReturnDeps extends VisitorDeps, WaysDeps {
  accountStore: VisitorDeps['accountStore'] & {
    findByIdentity(key: VouchedFor): Promise<{ id: string } | undefined>;
  };
  arrivals: Arrivals;
  identityStore: Pick<IdentityStore, 'noteSignIn'>;
  trips: Trips;
  respond: Respond;
}

/** Sends the browser to a connection, or says in words why that cannot be. */
export function sendingAway({ trips, respond }: Pick<ReturnDeps, 'trips' | 'respond'>) {
  return async (ctx: Context, connection: Connection, terms: LegTerms): Promise<void> => {
    try {
      await trips.depart(ctx, connection, terms);
    } catch (error) {
      answerFailure(ctx, connection, error, destinationOf(terms), respond);
    }
  };
}

function destinationOf(terms: LegTerms): string {
  return ('to' in terms ? parseOwnPath(terms.to) : undefined) ?? APPS;
}

export function returningToAccount(deps: ReturnDeps) {
  return async (ctx: Context, arrival: Arrival & { leg: AccountLeg }): Promise<void> => {
    const { connection, leg } = arrival;
    const to = destinationOf(leg);
    const visitor = await assertSame(ctx, leg, deps);
    await deps.trips.claim(ctx, arrival);
    const askedAt = deps.now();
    try {
      const identity = await deps.trips.redeem(ctx, arrival);
      if (!identity) return;
      // Asked anew: meanwhile somebody else may have signed in in another tab.
      await assertSame(ctx, leg, deps);
      if (leg.purpose === 'link') await link(ctx, visitor, connection, identity, deps);
      else await come(ctx, visitor, { connection, identity, askedAt, to }, deps);
    } catch (error) {
      answerFailure(ctx, connection, error, to, deps.respond);
    }
  };
}

/**
 * The session and the account that the trip began with, or nobody as before (threat 82).
 * @throws AppError 403 `account_changed`
 */
async function assertSame(ctx: Context, leg: AccountLeg, deps: ReturnDeps): Promise<Visitor | undefined> {
  const visitor = await visitorOf(ctx, deps, { proving: leg.purpose === 'account' });
  if (visitor?.sessionUid === leg.sessionUid && visitor?.account.id === leg.expectedAccountId) return visitor;
  deps.audit.count('sign_in.failed', `${leg.purpose}_of_another_session`);
  throw new AppError('account_changed', 403, 'Somebody else is signed in now.');
}

/** A sign-in, or the proof that the person who is signed in is here. */
async function come(
  ctx: Context,
  visitor: Visitor | undefined,
  { connection, identity, askedAt, to }: { connection: Connection; identity: VouchedFor; askedAt: Date; to: string },
  deps: ReturnDeps,
): Promise<void> {
  const at = freshTime(identity, deps.now());
  const how = { at, amr: ['fed'], upstream: upstreamSession(identity) };
  if (visitor) {
    const account = await deps.accountStore.findByIdentity(identity);
    if (account?.id !== visitor.account.id) return refuse(ctx, connection, 'another_person', 403, to, deps.respond);
    await enter(ctx, visitor.account.id, how, deps);
  } else {
    const outcome = await deps.arrivals.welcome(identity, connection, { askedAt });
    if (!outcome.ok) return refuse(ctx, connection, outcome.reason, 403, to, deps.respond);
    const details = { method: 'upstream', connection: connection.id, page: 'account' };
    await deps.audit.record(events.signInSucceeded({ accountId: outcome.account.id }, details));
    await enter(ctx, outcome.account.id, how, deps);
  }
  hop(ctx, to, deps.respond);
}

async function link(
  ctx: Context,
  visitor: Visitor | undefined,
  connection: Connection,
  identity: VouchedFor,
  deps: ReturnDeps,
): Promise<void> {
  if (!visitor) throw new AppError('account_changed', 403, 'Nobody is signed in now.');
  const accountId = visitor.account.id;
  const how = { connection: connection.id, issuer: identity.issuer };
  if (connection.provisioning === 'scim') {
    await deps.audit.record(events.identityLinkRefused({ accountId }, 'not_provisioned', how));
    return refuse(ctx, connection, 'not_provisioned', 403, WAYS_IN, deps.respond);
  }
  const outcome = await deps.ways.link(accountId, identity, deps.now());
  if (outcome === 'taken' || outcome === 'another') {
    await deps.audit.record(events.identityLinkRefused({ accountId }, outcome, how));
    return refuse(ctx, connection, outcome === 'taken' ? 'taken' : 'another_person', 409, WAYS_IN, deps.respond);
  }
  if (outcome === 'linked') {
    await deps.audit.record(events.identityLinked({ accountId }, { method: 'link', ...how }));
    await deps.identityStore.noteSignIn(identity, identity);
    await deps.roles.recompute(accountId);
    const notice = { accountId, connectionId: connection.id, connectionName: connection.name, at: deps.now() };
    await deps.notices.identityChanged({ ...notice, change: 'linked' });
  }
  hop(ctx, `${WAYS_IN}?added=${connection.id}`, deps.respond);
}

function answerFailure(ctx: Context, connection: Connection, error: unknown, to: string, respond: Respond): void {
  if (!(error instanceof UpstreamFailed)) throw error;
  const { failure, reason = failure, status } = error;
  const known = upstreamRefusals.find((one) => one === reason) ?? failure;
  refuse(ctx, connection, known, status, to, respond);
}

/** @param to where the person wanted to go: that page asks once more who they are */
function refuse(
  ctx: Context,
  connection: Connection,
  reason: UpstreamRefusal,
  status: number,
  to: string,
  respond: Respond,
): void {
  const { requestId } = currentRequest();
  const model = { code: reason, connection: connection.name, again: { href: to, sameWay: true }, requestId };
  respond.page(ctx, 'upstream-refused', model, { status });
}
