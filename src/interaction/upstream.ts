/**
 * Page B: to an upstream provider and back. The browser is sent there only by a press on a page of ours that names the
 * client, and only that browser brings the answer home (threats: unbound callbacks, confused deputies; RFC 9700 §4.7).
 */
import Router from '@koa/router';
import type { Context } from 'koa';
import { AppError } from '../errors.ts';
import { type Connection, callbackUrl, type OutwardLeg } from '../federation/connection.ts';
import type { LegCookie } from '../federation/leg-cookie.ts';
import type { Leg, Legs } from '../federation/legs.ts';
import { type DescribeDeps, describe, type Interaction, type Subject } from './describe.ts';
import { namedBy, startOver } from './session.ts';
import { maxAgeOf, PRESENCE_SECONDS, provePresence, type ReturnDeps, signIn } from './upstream-return.ts';

export interface UpstreamDeps extends DescribeDeps, ReturnDeps {
  issuer: string;
  connections: readonly Connection[];
  legs: Legs;
  legCookie: LegCookie;
}

export interface UpstreamTrip {
  connectionId: string;
  /** The signed-in account that has to prove to be here, instead of a sign-in. */
  presenceOf?: string | undefined;
  /** "Not you?" was pressed: lets the person choose whom to come back as. */
  chooseAccount?: boolean | undefined;
}

/**
 * After the press, which the caller has checked: sends the browser upstream.
 * @throws UpstreamFailed, AppError 400 `invalid_request` for a connection that there is not
 */
export async function beginUpstream(
  ctx: Context,
  interaction: Interaction,
  subject: Subject,
  trip: UpstreamTrip,
  deps: UpstreamDeps,
): Promise<void> {
  const connection = deps.connections.find(({ id }) => id === trip.connectionId);
  if (!connection) throw new AppError('invalid_request', 400, 'There is no such way to sign in.');
  const terms = {
    connectionId: connection.id,
    interactionUid: interaction.uid,
    clientId: subject.client.clientId,
    named: namedBy(subject),
    purpose: trip.presenceOf === undefined ? ('sign-in' as const) : ('presence' as const),
    expectedAccountId: trip.presenceOf,
  };
  const wishes = wishesOf(interaction, trip);
  const { url, state, secret } = await deps.legs.begin(terms, (outward) =>
    connection.authorizationUrl({ ...outward, ...wishes, callbackUrl: callbackUrl(deps.issuer, connection.id) }),
  );
  deps.legCookie.set(ctx, state, secret);
  ctx.status = 303;
  ctx.set('Cache-Control', 'no-store');
  ctx.redirect(url.href);
}

export function upstreamRoutes(deps: UpstreamDeps): Router {
  const router = new Router({ prefix: '/federation' });
  router.get('/:connectionId/callback', async (ctx) => {
    ctx.set('Cache-Control', 'no-store');
    await callback(ctx, String(ctx.params.connectionId), deps);
  });
  return router;
}

async function callback(ctx: Context, connectionId: string, deps: UpstreamDeps): Promise<void> {
  const connection = deps.connections.find(({ id }) => id === connectionId);
  if (!connection) throw new AppError('not_found', 404, 'There is nothing at this address.');
  const { state, leg } = await openLeg(ctx, connection, deps);
  const interaction = await findInteraction(leg, deps);
  deps.assertSameBrowser(ctx, interaction.uid);
  const subject = await describe(interaction, deps);
  // For good, before the provider is asked: of two loads of this page one redeems the code, and none redeems it twice.
  if (!(await deps.legs.claim(state))) throw spent();
  deps.legCookie.clear(ctx, state);
  if (leg.named !== namedBy(subject)) {
    // What the person pressed for is no longer what they would get.
    ctx.redirect(await startOver(interaction));
    return;
  }
  // Also before the first write: no transaction waits for it.
  const identity = { ...(await redeem(ctx, connection, state, leg, deps)), connectionId };
  // Read anew: meanwhile the request may have been answered in another tab.
  const current = await findInteraction(leg, deps);
  if (leg.purpose === 'presence') await provePresence(ctx, current, leg, identity, deps);
  else await signIn(ctx, current, subject, identity, deps);
}

/**
 * The leg that this very browser began. What another browser brings is refused and changes nothing: nobody can spend
 * somebody else's leg.
 */
async function openLeg(ctx: Context, connection: Connection, deps: UpstreamDeps): Promise<{ state: string; leg: Leg }> {
  const { state } = ctx.query;
  const leg = typeof state === 'string' ? await deps.legs.find(state) : undefined;
  if (typeof state !== 'string' || !leg || leg.connectionId !== connection.id) throw spent();
  if (!deps.legs.isOwn(leg, deps.legCookie.get(ctx, state))) {
    deps.audit.count('sign_in.failed', 'other_browser');
    throw new AppError('other_browser', 403, 'The sign-in began in another browser.');
  }
  return { state, leg };
}

async function redeem(ctx: Context, connection: Connection, state: string, leg: Leg, deps: UpstreamDeps) {
  const { nonce, codeVerifier } = leg;
  const url = new URL(callbackUrl(deps.issuer, connection.id));
  url.search = ctx.search;
  try {
    return await connection.finish({ callbackUrl: url, state, nonce, codeVerifier });
  } catch (error) {
    deps.audit.count('sign_in.failed', error instanceof AppError ? error.code : 'upstream_failed');
    throw error;
  }
}

async function findInteraction(leg: Leg, { provider }: UpstreamDeps): Promise<Interaction> {
  const interaction = await provider.Interaction.find(leg.interactionUid);
  if (!interaction) throw new AppError('interaction_expired', 400, 'The request has expired.');
  return interaction;
}

/**
 * In two words of our own; nothing that the client wrote goes upstream. A fresh sign-in that the client or a device
 * asked for would be none if the provider let the person through unseen.
 */
function wishesOf(interaction: Interaction, trip: UpstreamTrip): Pick<OutwardLeg, 'prompt' | 'maxAgeSeconds'> {
  const asked = String(interaction.params.prompt ?? '').split(' ');
  const fresh = maxAgeOf(interaction) !== undefined;
  // With a `max_age` the provider has to say when the person signed in (OpenID Connect Core 1.0 §2, auth_time).
  if (fresh || trip.presenceOf !== undefined) return { prompt: 'login', maxAgeSeconds: PRESENCE_SECONDS };
  return trip.chooseAccount || asked.includes('select_account') ? { prompt: 'select_account' } : {};
}

function spent(): AppError {
  return new AppError('link_spent', 400, 'This address has been used or has expired.');
}
