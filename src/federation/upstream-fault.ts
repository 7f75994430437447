/** What openid-client throws, told as what became of the sign-in. */
import * as client from 'openid-client';
import { FetchFailed, type FetchFailure } from '../web/fetch-failed.ts';
import { visibleText } from '../web/visible-text.ts';
import { UpstreamFailed } from './upstream-failed.ts';

/** Authorization errors by which the person, or a rule there, says no (OpenID Connect Core 1.0 §3.1.2.6). */
const DENIED = new Set([
  'access_denied',
  'account_selection_required',
  'consent_required',
  'interaction_required',
  'login_required',
]);
/** OpenID Connect Core Unmet Authentication Requirements 1.0 §2. */
const CONTEXT_NOT_REACHED = 'unmet_authentication_requirements';
const PASSING = new Set(['temporarily_unavailable', 'server_error']);
const NO_ANSWER: ReadonlySet<FetchFailure> = new Set(['connection', 'timeout', 'unresolved', 'busy']);

/**
 * Causes of openid-client's errors hold whole responses, tokens included: they go no further.
 * @returns what to throw; an error that is none of openid-client's as it is
 */
export function upstreamFault(error: unknown): unknown {
  const own = inChain(error, UpstreamFailed);
  if (own) return own;
  const fetchFailed = inChain(error, FetchFailed);
  if (fetchFailed) {
    const failure = NO_ANSWER.has(fetchFailed.reason) ? 'unavailable' : 'failed';
    return new UpstreamFailed(failure, String(fetchFailed.detail), fetchFailed);
  }
  if (error instanceof client.AuthorizationResponseError) {
    const { error: code, error_description: description } = error;
    const failure = DENIED.has(code) ? 'denied' : PASSING.has(code) ? 'unavailable' : 'failed';
    const reason = code === CONTEXT_NOT_REACHED ? 'context_not_reached' : undefined;
    return new UpstreamFailed(failure, said('authorization', code, description), undefined, { reason });
  }
  if (error instanceof client.ResponseBodyError) {
    const { error: code, error_description: description, status } = error;
    const failure = status >= 500 || status === 429 || PASSING.has(code) ? 'unavailable' : 'failed';
    return new UpstreamFailed(failure, said('token', code, description));
  }
  // What a provider answers whose client secret has changed or run out.
  if (error instanceof client.WWWAuthenticateChallengeError) {
    const [challenge] = error.cause;
    return new UpstreamFailed(
      'failed',
      said('challenge', String(challenge?.parameters.error ?? challenge?.scheme), undefined),
    );
  }
  if (error instanceof client.ClientError) {
    const status = error.cause instanceof Response ? error.cause.status : 0;
    const failure = status >= 500 || status === 429 ? 'unavailable' : 'failed';
    return new UpstreamFailed(failure, `${error.code ?? 'client'}: ${error.message}${status ? ` (${status})` : ''}`);
  }
  // Its arguments come from the provider as well as from us.
  if (error instanceof TypeError && 'code' in error) return new UpstreamFailed('failed', error.message);
  return error;
}

/** openid-client wraps what our own fetch and client authentication throw. */
function inChain<T extends Error>(error: unknown, kind: abstract new (...args: never[]) => T): T | undefined {
  let at = error;
  for (let depth = 0; depth < 4 && at instanceof Error; depth += 1) {
    if (at instanceof kind) return at;
    at = at.cause;
  }
  return undefined;
}

/** What a provider writes is a stranger's text, and goes into our log. */
function said(where: string, code: string, description: string | undefined): string {
  return visibleText(`${where}: ${code}${description ? `: ${description}` : ''}`.slice(0, 400), 'NFC');
}
