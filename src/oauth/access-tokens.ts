/**
 * JWT access tokens (RFC 9068) at the introspection and revocation endpoints (RFC 7662, RFC 7009): oidc-provider keeps
 * none of them, so the request that carries one brings its verified claims along.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import type { AdapterPayload } from 'oidc-provider';
import type { Seal } from '../storage/artifacts.ts';
import { createRevokedTokens } from '../storage/revoked-tokens.ts';
import type { Database } from '../storage/transactions.ts';

export type AccessTokens = ReturnType<typeof createAccessTokens>;

type Kind = 'AccessToken' | 'ClientCredentials';

/** What stands in for the JWT inside oidc-provider. */
const HANDLE = 'jwt.';

export function createAccessTokens(deps: {
  database: Database;
  sealing: Seal;
  issuer: string;
  /** Public keys only. */
  jwks: () => JSONWebKeySet;
}) {
  const { database, sealing, issuer, jwks } = deps;
  const presented = new AsyncLocalStorage<JWTPayload>();
  const revokedTokens = createRevokedTokens({ database, sealing });

  return {
    /**
     * Runs `work` with the token's claims at hand.
     *
     * @param work gets the handle by which `find` knows the token, or undefined where this is no valid token of ours
     */
    async present<T>(token: string, work: (handle: string | undefined) => Promise<T>): Promise<T> {
      const claims = await verify(token, issuer, jwks());
      return claims?.jti ? presented.run(claims, () => work(`${HANDLE}${claims.jti}`)) : work(undefined);
    },
    /** @returns its claims, where it is a valid access token of ours that nobody revoked (RFC 9068 §4) */
    async read(token: string): Promise<JWTPayload | undefined> {
      const claims = await verify(token, issuer, jwks());
      if (!claims?.jti) return undefined;
      return (await revokedTokens.isRevoked(claims.jti)) ? undefined : claims;
    },
    /** The payload that oidc-provider would have kept, unless the token was revoked. */
    async find(kind: Kind, handle: string): Promise<AdapterPayload | undefined> {
      const claims = presented.getStore();
      if (!claims?.jti || handle !== `${HANDLE}${claims.jti}`) return undefined;
      if ((claims.gid === undefined ? 'ClientCredentials' : 'AccessToken') !== kind) return undefined;
      return (await revokedTokens.isRevoked(claims.jti)) ? undefined : toPayload(kind, claims);
    },
    /** @param jti as in the token */
    async revoke(jti: string): Promise<void> {
      const claims = presented.getStore();
      const expiresAt = new Date(claims?.jti === jti && claims.exp ? claims.exp * 1000 : Date.now() + 3_600_000);
      await revokedTokens.revoke([{ jti, expiresAt }]);
    },
  };
}

async function verify(token: string, issuer: string, jwks: JSONWebKeySet): Promise<JWTPayload | undefined> {
  try {
    const options = { issuer, typ: 'at+jwt', algorithms: ['ES256'], requiredClaims: ['jti', 'exp', 'client_id'] };
    return (await jwtVerify(token, createLocalJWKSet(jwks), options)).payload;
  } catch {
    return undefined;
  }
}

function toPayload(kind: Kind, claims: JWTPayload): AdapterPayload {
  const { jti, iat, exp, sub, aud, gid, act, client_id: clientId, scope, cnf, auth_time: authTime } = claims;
  const { oid, tid, email, roles } = claims;
  const details = claims.authorization_details;
  const jkt = (cnf as { jkt?: string } | undefined)?.jkt;
  return {
    kind,
    jti,
    iat,
    exp,
    clientId,
    aud,
    scope,
    ...(jkt ? { jkt } : {}),
    ...(details === undefined ? {} : { rar: details }),
    ...(kind === 'AccessToken'
      ? { accountId: sub, grantId: gid, extra: { gid, act, auth_time: authTime, oid, tid, email, roles } }
      : {}),
  } as unknown as AdapterPayload;
}
