/** Logout tokens of an OpenID provider, verified as OpenID Connect Back-Channel Logout 1.0 §2.6 says. */
import { createRemoteJWKSet, customFetch, errors, type JWTPayload, jwtVerify } from 'jose';
import type { Configuration, CustomFetch } from 'openid-client';
import { FetchFailed } from '../../web/fetch-failed.ts';
import { isStorable } from '../../web/storable-text.ts';
import type { LogoutToken, UpstreamLogout } from '../connection.ts';
import { UpstreamFailed } from '../upstream-failed.ts';
import { upstreamFault } from '../upstream-fault.ts';

/** jose's code for an answer that is no success, or no JSON. */
const NO_KEYS = 'ERR_JOSE_GENERIC';
const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** Asymmetric: a token that anybody who knows the client secret could make is none. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** §2.4 recommends the first; providers from before say the second, or nothing. Types of other tokens are refused. */
const TYPES = new Set(['logout+jwt', 'application/logout+jwt', 'jwt', 'application/jwt', undefined]);
const MAX_AGE_SECONDS = 600;
const CLOCK_TOLERANCE_SECONDS = 30;
const MAX_CHARACTERS = 16 * 1024;
const MAX_ID_CHARACTERS = 255;

export function createLogoutTokens(deps: {
  configured: () => Promise<Configuration>;
  outbound: CustomFetch;
  issuer: string;
  now: () => Date;
}): UpstreamLogout {
  const { configured, outbound, now } = deps;
  const issuer = URL.parse(deps.issuer)?.href;
  let keys: { uri: string; set: ReturnType<typeof createRemoteJWKSet> } | undefined;

  function keysAt(uri: string) {
    if (keys?.uri !== uri) {
      const fetch = ((url: string, init: Parameters<CustomFetch>[1]) =>
        outbound(url, { ...init, headers: Object.fromEntries(new Headers(init.headers)) })) as never;
      keys = { uri, set: createRemoteJWKSet(new URL(uri), { [customFetch]: fetch }) };
    }
    return keys.set;
  }

  async function verified(token: string): Promise<JWTPayload> {
    const configuration = await configured();
    const { issuer: stated, jwks_uri: uri = '' } = configuration.serverMetadata();
    const { payload, protectedHeader } = await jwtVerify(token, keysAt(uri), {
      issuer: stated,
      audience: configuration.clientMetadata().client_id,
      algorithms: ALGORITHMS,
      requiredClaims: ['iat', 'exp', 'jti'],
      maxTokenAge: MAX_AGE_SECONDS,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: now(),
    });
    if (!TYPES.has(protectedHeader.typ?.toLowerCase())) throw refused('typ is that of another token');
    return payload;
  }

  return {
    // As written, and as a browser would write it.
    isIssuer: (named) => named === deps.issuer || (issuer !== undefined && URL.parse(named)?.href === issuer),
    async verifyToken(token) {
      if (token.length > MAX_CHARACTERS) throw refused('too long');
      try {
        return read(await verified(token));
      } catch (error) {
        throw faultOf(error);
      }
    },
  };
}

function read(payload: JWTPayload): LogoutToken {
  const { iss: issuer = '', sub, sid, jti = '', iat = 0, exp = 0, events, nonce } = payload;
  // A nonce makes it an ID token, which is no order to sign out.
  if (nonce !== undefined) throw refused('nonce');
  const event = typeof events === 'object' && events !== null ? (events as Record<string, unknown>)[EVENT] : undefined;
  if (typeof event !== 'object' || event === null || Array.isArray(event)) throw refused('events');
  if (!isId(jti)) throw refused('jti');
  if ((sub !== undefined && !isId(sub)) || (sid !== undefined && !isId(sid))) throw refused('sub or sid');
  if (sub === undefined && sid === undefined) throw refused('neither sub nor sid');
  // Whatever it says of itself: later it is too old.
  const expiresAtSeconds = Math.min(exp, iat + MAX_AGE_SECONDS) + CLOCK_TOLERANCE_SECONDS;
  return { issuer, jti, expiresAtSeconds, subject: sub, sid: sid as string | undefined };
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_ID_CHARACTERS && isStorable(value);
}

function refused(what: string): UpstreamFailed {
  return new UpstreamFailed('failed', `logout_token: ${what}`);
}

function faultOf(error: unknown): unknown {
  if (error instanceof UpstreamFailed) return error;
  if (error instanceof FetchFailed) return upstreamFault(error);
  // The key set could not be had: nothing is known of the token.
  if (error instanceof errors.JWKSTimeout || (error instanceof errors.JOSEError && error.code === NO_KEYS))
    return new UpstreamFailed('unavailable', 'logout_token: no keys', error);
  if (error instanceof errors.JOSEError) return new UpstreamFailed('failed', `logout_token: ${error.code}`, error);
  return upstreamFault(error);
}
