/**
 * Page B: to an upstream provider and back. The browser is sent there only by a press on a page of ours that names the
 * client, and only that browser brings the answer home (threats: unbound callbacks, confused deputies; RFC 9700 §4.7).
 */
import Router from '@koa/router';
import type { Context } from 'koa';
import { AppError } from '../errors.ts';
import type { Connection, Connections } from '../federation/connection.ts';
import { PRESENCE_SECONDS } from '../federation/fresh.ts';
import { type AccountLeg, isOfRequest, type RequestLeg, type Wishes } from '../federation/leg.ts';
import type { Arrival, Trips } from '../federation/trips.ts';
import { UpstreamFailed } from '../federation/upstream-failed.ts';
import type { UpstreamSessionStore } from '../federation/upstream-session-store.ts';
import { type DescribeDeps, describe, type Interaction, type Subject } from './describe.ts';
import { namedBy, startOver } from './session.ts';
import { answerFailure } from './upstream-refused.ts';
import { maxAgeOf, provePresence, type ReturnDeps, signIn } from './upstream-return.ts';

export interface UpstreamDeps extends DescribeDeps, ReturnDeps {
  connections: Connections;
  trips: Trips;
  /** What a person's own page sent away comes back by the same address. */
  returnToAccount: (ctx: Context, arrival: Arrival & { leg: AccountLeg }) => Promise<void>;
  upstreamSessions: Pick<UpstreamSessionStore, 'connectionOf'>;
}

export interface UpstreamTrip {
  connection: Connection;
  /** The signed-in account that has to prove to be here, instead of a sign-in. */
  presenceOf?: string | undefined;
  /** What the provider is to prove it by, where it is more than a fresh sign-in. */
  authContext?: string | undefined;
  /** "Not you?" was pressed: lets the person choose whom to come back as. */
  chooseAccount?: boolean | undefined;
}

/** After the press, which the caller has checked: sends the browser upstream, or says why not. */
export async function beginUpstream(
  ctx: Context,
  interaction: Interaction,
  subject: Subject,
  trip: UpstreamTrip,
  deps: UpstreamDeps,
): Promise<void> {
  const { connection, presenceOf } = trip;
  const purpose = presenceOf === undefined ? 'sign-in' : 'presence';
  try {
    await deps.trips.depart(ctx, connection, {
      connectionId: connection.id,
      interactionUid: interaction.uid,
      clientId: subject.client.clientId,
      named: namedBy(subject),
      purpose,
      expectedAccountId: presenceOf,
      wishes: wishesOf(interaction, trip),
    });
  } catch (error) {
    if (!(error instanceof UpstreamFailed)) throw error;
    await answerFailure(ctx, interaction, { purpose, connection, error }, deps);
  }
}

export function upstreamRoutes(deps: UpstreamDeps): Router {
  const router = new Router({ prefix: '/federation' });
  router.get('/:connectionId/callback', async (ctx) => {
    ctx.set('Cache-Control', 'no-store');
    const arrival = await deps.trips.arrive(ctx, String(ctx.params.connectionId));
    const { leg } = arrival;
    if (isOfRequest(leg)) await callback(ctx, { ...arrival, leg }, deps);
    else await deps.returnToAccount(ctx, { ...arrival, leg });
  });
  return router;
}

async function callback(ctx: Context, arrival: Arrival & { leg: RequestLeg }, deps: UpstreamDeps): Promise<void> {
  const { connection, leg } = arrival;
  const interaction = await findInteraction(leg, deps);
  deps.assertSameBrowser(ctx, interaction.uid);
  const subject = await describe(interaction, deps);
  await deps.trips.claim(ctx, arrival);
  if (leg.named !== namedBy(subject)) {
    // What the person pressed for is no longer what they would get.
    ctx.redirect(await startOver(interaction));
    return;
  }
  const askedAt = deps.now();
  try {
    const identity = await deps.trips.redeem(ctx, arrival);
    if (!identity) return;
    // Read anew: meanwhile the request may have been answered in another tab.
    const current = await findInteraction(leg, deps);
    const returned = { connection, identity, askedAt };
    if (leg.purpose === 'presence') await provePresence(ctx, current, leg, returned, deps);
    else await signIn(ctx, current, subject, returned, deps);
  } catch (error) {
    if (!(error instanceof UpstreamFailed)) throw error;
    await answerFailure(ctx, interaction, { purpose: leg.purpose, connection, error }, deps);
  }
}

async function findInteraction(leg: RequestLeg, { provider }: UpstreamDeps): Promise<Interaction> {
  const interaction = await provider.Interaction.find(leg.interactionUid);
  if (!interaction) throw new AppError('interaction_expired', 400, 'The request has expired.');
  return interaction;
}

/**
 * In words of our own; nothing that the client wrote goes upstream. A fresh sign-in that the client or a device asked for
 * would be none if the provider let the person through unseen.
 */
function wishesOf(interaction: Interaction, { presenceOf, authContext, chooseAccount }: UpstreamTrip): Wishes {
  if (authContext !== undefined) return { authContext };
  const asked = String(interaction.params.prompt ?? '').split(' ');
  const fresh = maxAgeOf(interaction) !== undefined;
  // With a `max_age` the provider has to say when the person signed in (OpenID Connect Core 1.0 §2, auth_time).
  if (fresh || presenceOf !== undefined) return { prompt: 'login', maxAgeSeconds: PRESENCE_SECONDS };
  return chooseAccount || asked.includes('select_account') ? { prompt: 'select_account' } : {};
}
