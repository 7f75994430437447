/** Page G after a trip upstream that came to nothing: what happened there, what to do, and the way on. */
import type { Context } from 'koa';
import type { Audit } from '../audit/store.ts';
import type { Connection } from '../federation/connection.ts';
import type { UpstreamFailed } from '../federation/upstream-failed.ts';
import { currentRequest } from '../web/request-context.ts';
import type { Respond } from '../web/respond.ts';
import { type UpstreamRefusal, upstreamRefusals } from '../web/sign-in-pages.ts';
import type { Interaction } from './describe.ts';
import { carry } from './session.ts';

export interface RefusedDeps {
  issuer: string;
  respond: Respond;
  audit: Pick<Audit, 'count'>;
}

export interface Failure {
  purpose: 'sign-in' | 'presence';
  connection: Pick<Connection, 'name'>;
  error: UpstreamFailed;
}

/** Where the same press may well succeed the next time; after the others only somebody else, or another way, helps. */
const PASSING: ReadonlySet<UpstreamRefusal> = new Set([
  'denied',
  'failed',
  'unavailable',
  'throttled',
  'interaction',
  'not_fresh',
  'context_not_reached',
]);

export async function answerFailure(
  ctx: Context,
  interaction: Interaction,
  { purpose, connection, error }: Failure,
  deps: RefusedDeps,
): Promise<void> {
  const { failure, reason = failure } = error;
  if (reason === 'denied' && purpose === 'sign-in') {
    // Said no, there: page A is where to say what else.
    await carry(interaction, { refusedBy: connection.name });
    ctx.status = 303;
    ctx.redirect(`/interaction/${interaction.uid}`);
    return;
  }
  refuse(ctx, interaction, { reason: refusalOf(reason, failure), connection, status: error.status }, deps);
}

export function refuse(
  ctx: Context,
  { uid, params, deviceCode }: Interaction,
  { reason, connection, status }: { reason: UpstreamRefusal; connection: Pick<Connection, 'name'>; status: number },
  { issuer, respond }: RefusedDeps,
): void {
  const model = {
    code: reason,
    connection: connection.name,
    again: { href: `/interaction/${uid}`, sameWay: PASSING.has(reason) },
    returnLink: deviceCode === undefined ? linkBack(params, reason, issuer) : undefined,
    requestId: currentRequest().requestId,
  };
  respond.page(ctx, 'upstream-refused', model, { status, uiLocales: params.ui_locales });
}

/** What a reason is called on the page; one that has no words of its own is told as what it comes to. */
function refusalOf(reason: string, failure: UpstreamFailed['failure']): UpstreamRefusal {
  return upstreamRefusals.find((known) => known === reason) ?? failure;
}

/** With the error that tells the client it got nothing (RFC 6749 §4.1.2.1); followed by nothing but a press. */
function linkBack(params: Record<string, unknown>, reason: UpstreamRefusal, issuer: string) {
  const url = URL.parse(String(params.redirect_uri));
  if (!url) return undefined;
  const passing = reason === 'unavailable' || reason === 'throttled';
  url.searchParams.set('error', passing ? 'temporarily_unavailable' : 'access_denied');
  if (typeof params.state === 'string') url.searchParams.set('state', params.state);
  url.searchParams.set('iss', issuer);
  return { href: url.href, host: url.host || url.protocol };
}
