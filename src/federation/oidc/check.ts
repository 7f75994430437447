/** Whether a person is still welcome at their provider: their refresh token is redeemed there (OpenID Connect Core 1.0 §12). */
import * as client from 'openid-client';
import type { CheckedIdentity, Liveness } from '../connection.ts';
import type { OidcConnectionSettings } from '../settings.ts';
import { UpstreamFailed } from '../upstream-failed.ts';
import { upstreamFault } from '../upstream-fault.ts';
import { resourceOf, rolesOf } from './claims.ts';

/** What a provider answers at its token endpoint that is about the person, and what it means. */
const ENDED: Readonly<Record<string, 'person' | 'token'>> = {
  access_denied: 'person',
  invalid_grant: 'token',
  // It wants to see the person: without them the token is worth nothing.
  interaction_required: 'token',
  login_required: 'token',
  consent_required: 'token',
};

/** What it answers there that concerns everybody: our client is not known or not let, or it is to be asked later. */
const OF_EVERYBODY: ReadonlySet<string> = new Set([
  'invalid_client',
  'unauthorized_client',
  'unsupported_grant_type',
  'server_error',
  'temporarily_unavailable',
]);

export function createOidcCheck(deps: {
  configured: () => Promise<client.Configuration>;
  settings: OidcConnectionSettings;
}): (identity: CheckedIdentity) => Promise<Liveness> {
  return async ({ subject, refreshToken }) => {
    try {
      const tokens = await client.refreshTokenGrant(await deps.configured(), refreshToken, resourceOf(deps.settings));
      return alive(tokens, subject, refreshToken, deps.settings);
    } catch (error) {
      return (
        ended(error) ?? { state: 'unreachable', detail: detailOf(error), ...(isOfOne(error) ? { answered: true } : {}) }
      );
    }
  };
}

function alive(
  tokens: client.TokenEndpointResponse & client.TokenEndpointResponseHelpers,
  subject: string,
  before: string,
  settings: OidcConnectionSettings,
): Liveness {
  const { refresh_token: refreshToken } = tokens;
  const claims = tokens.claims();
  if (claims && claims.sub !== subject) throw new UpstreamFailed('failed', 'refresh: it is about somebody else');
  return {
    state: 'alive',
    ...(refreshToken === undefined || refreshToken === before ? {} : { refreshToken }),
    // A refresh need not bring an ID token; then it says nothing of roles.
    ...(claims ? rolesOf(claims, settings) : {}),
  };
}

/** Only what the provider says of this token and this person: openid-client reads an error out of 4xx alone. */
function ended(error: unknown): Liveness | undefined {
  if (!(error instanceof client.ResponseBodyError) || error.status === 429) return undefined;
  const what = Object.hasOwn(ENDED, error.error) ? ENDED[error.error] : undefined;
  return what && { state: 'ended', what, code: error.error };
}

/** An answer about one person, though not one that we know. */
function isOfOne(error: unknown): boolean {
  if (!(error instanceof client.ResponseBodyError)) return false;
  return error.status < 500 && error.status !== 429 && !OF_EVERYBODY.has(error.error);
}

/** A check answers, whatever happens: nobody is signed out because we failed. */
function detailOf(error: unknown): string {
  const fault = upstreamFault(error);
  if (fault instanceof UpstreamFailed) return fault.detail ?? fault.message;
  throw fault;
}
