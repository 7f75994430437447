/**
 * The way to a provider and back, whatever it is for: only the browser that was sent brings the answer home, each answer
 * is redeemed once, and a provider that asks for more (`claims`) is answered once (RFC 9700 §4.7, RFC 9470 §4).
 */
import type { Context } from 'koa';
import type { Audit } from '../audit/store.ts';
import { AppError } from '../errors.ts';
import { type Connection, type Connections, callbackUrl, type UpstreamIdentity } from './connection.ts';
import type { Leg, LegTerms } from './leg.ts';
import type { LegCookie } from './leg-cookie.ts';
import type { Legs } from './legs.ts';
import { UpstreamFailed } from './upstream-failed.ts';

export type Trips = ReturnType<typeof createTrips>;

export interface TripsDeps {
  issuer: string;
  connections: Connections;
  legs: Legs;
  legCookie: LegCookie;
  audit: Pick<Audit, 'count'>;
}

export interface Arrival {
  connection: Connection;
  state: string;
  leg: Leg;
}

/** By the connection. */
export type VouchedFor = UpstreamIdentity & { connectionId: string };

/** By what a logout there is known to be of a session here. */
export function upstreamSession({ connectionId, issuer, subject, pairwiseSubject, sid }: VouchedFor) {
  return { connectionId, issuer, subject: pairwiseSubject ?? subject, sid };
}

export function createTrips({ issuer, connections, legs, legCookie, audit }: TripsDeps) {
  /** After the press, which the caller has checked. @throws UpstreamFailed */
  async function depart(
    ctx: Context,
    connection: Connection,
    terms: LegTerms,
    claimsChallenge?: string | undefined,
  ): Promise<void> {
    const { url, state, secret } = await legs.begin(terms, (outward) =>
      connection.authorizationUrl({
        ...outward,
        ...terms.wishes,
        claimsChallenge,
        callbackUrl: callbackUrl(issuer, connection.id),
      }),
    );
    legCookie.set(ctx, state, secret);
    ctx.status = 303;
    ctx.set('Cache-Control', 'no-store');
    ctx.redirect(url.href);
  }

  /**
   * The leg that this very browser began. What another browser brings is refused and changes nothing: nobody can spend
   * somebody else's leg.
   */
  async function arrive(ctx: Context, connectionId: string): Promise<Arrival> {
    const connection = await connections.find(connectionId);
    if (!connection) throw new AppError('not_found', 404, 'There is nothing at this address.');
    const { state } = ctx.query;
    const leg = typeof state === 'string' ? await legs.find(state) : undefined;
    if (typeof state !== 'string' || !leg || leg.connectionId !== connection.id) throw spent();
    if (!legs.isOwn(leg, legCookie.get(ctx, state))) {
      audit.count('sign_in.failed', 'other_browser');
      throw new AppError('other_browser', 403, 'The sign-in began in another browser.');
    }
    return { connection, state, leg };
  }

  /** For good, before the provider is asked: of two loads of the callback one redeems the code, and none redeems it twice. */
  async function claim(ctx: Context, { state }: Arrival): Promise<void> {
    if (!(await legs.claim(state))) throw spent();
    legCookie.clear(ctx, state);
  }

  /**
   * Before the first write of the request: no transaction waits for the provider.
   *
   * @returns undefined where the provider asked for more, and the browser is on its way there again
   * @throws UpstreamFailed
   */
  async function redeem(ctx: Context, arrival: Arrival): Promise<VouchedFor | undefined> {
    const { connection, state, leg } = arrival;
    const { nonce, codeVerifier, challenged } = leg;
    const url = new URL(callbackUrl(issuer, connection.id));
    url.search = ctx.search;
    try {
      const said = await connection.finish({ callbackUrl: url, state, nonce, codeVerifier, challenged });
      assertContext(leg, said);
      return { ...said, connectionId: connection.id };
    } catch (error) {
      const challenge = error instanceof UpstreamFailed ? error.claims : undefined;
      if (challenge !== undefined && !leg.challenged) {
        await depart(ctx, connection, { ...termsOf(leg), challenged: true }, challenge);
        return undefined;
      }
      audit.count('sign_in.failed', codeOf(error));
      throw error;
    }
  }

  return { depart, arrive, claim, redeem };
}

/** An authentication context that was asked for and not reached is no proof, however fresh the sign-in. */
function assertContext({ wishes }: Leg, { authContexts = [] }: UpstreamIdentity): void {
  const { authContext } = wishes;
  if (authContext === undefined || authContexts.includes(authContext)) return;
  const detail = `the authentication context ${authContext} was not reached`;
  throw new UpstreamFailed('failed', detail, undefined, { reason: 'context_not_reached' });
}

function termsOf({ nonce: _nonce, codeVerifier: _verifier, secretHash: _hash, ...terms }: Leg): LegTerms {
  return terms;
}

function codeOf(error: unknown): string {
  if (error instanceof UpstreamFailed) return `upstream_${error.reason ?? error.failure}`;
  return error instanceof AppError ? error.code : 'upstream_failed';
}

function spent(): AppError {
  return new AppError('link_spent', 400, 'This address has been used or has expired.');
}
