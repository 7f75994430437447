/** The claims of a JWT access token (RFC 9068 §2.2 and §4), checked after its signature. */
import type { Outcome, Problem } from './problems.ts';
import { sameResource } from './resource-uri.ts';

/** What a verified token says; times in seconds since 1970. */
export type AccessTokenClaims = {
  iss: string;
  sub: string;
  client_id: string;
  jti: string;
  exp: number;
  scope: readonly string[];
  gid: string | undefined;
  auth_time: number | undefined;
  act: Readonly<Record<string, unknown>> | undefined;
  authorization_details: readonly unknown[] | undefined;
  ofPerson: PersonClaims;
};

/** What an administrator lets an MCP server know of a person; each absent where the token does not say it. */
export type PersonClaims = {
  /** Entra ID's object id and tenant id. */
  oid?: string;
  tid?: string;
  /** Proves nothing: for display. */
  email?: string;
  /** Names of the person's roles at the authorization server. */
  roles?: readonly string[];
};

export type ClaimsExpected = { resource: string; nowSeconds: number; clockSkewSeconds: number };

/** The issuer is not compared here: it chose the keys with which the signature was verified. */
export function checkClaims(
  claims: Readonly<Record<string, unknown>>,
  expected: ClaimsExpected,
): Outcome<AccessTokenClaims> {
  const { iss, sub, client_id, jti, exp, iat, nbf, aud } = claims;
  if (!isText(iss) || !isText(sub) || !isText(client_id) || !isText(jti)) return invalid('claim_missing');
  if (!isTime(exp) || !isTime(iat) || aud === undefined) return invalid('claim_missing');
  if (nbf !== undefined && !isTime(nbf)) return invalid('malformed');
  if (!isAudience(aud, expected.resource)) return invalid('wrong_audience');

  const { nowSeconds, clockSkewSeconds } = expected;
  if (exp <= nowSeconds - clockSkewSeconds) return invalid('expired');
  if (Math.max(iat, nbf ?? 0) > nowSeconds + clockSkewSeconds) return invalid('not_yet_valid');

  // RFC 7800 and RFC 9449 §6: such a token proves nothing without its key, and taking it as a bearer token would undo the binding.
  if (claims.cnf !== undefined) return invalid('bound_to_key');

  const optional = optionalClaims(claims);
  if (optional === undefined) return invalid('malformed');
  return { kind: 'valid', value: { iss, sub, client_id, jti, exp, ...optional } };
}

function optionalClaims(claims: Readonly<Record<string, unknown>>) {
  const { scope, gid, auth_time, act, authorization_details } = claims;
  if (scope !== undefined && typeof scope !== 'string') return undefined;
  if (gid !== undefined && !isText(gid)) return undefined;
  if (auth_time !== undefined && !isTime(auth_time)) return undefined;
  if (act !== undefined && !isObject(act)) return undefined;
  if (authorization_details !== undefined && !Array.isArray(authorization_details)) return undefined;
  const ofPerson = personClaims(claims);
  if (ofPerson === undefined) return undefined;
  return {
    ofPerson,
    scope: scope?.split(' ').filter((name) => name !== '') ?? [],
    gid,
    auth_time,
    act,
    authorization_details: authorization_details as readonly unknown[] | undefined,
  };
}

function personClaims({ oid, tid, email, roles }: Readonly<Record<string, unknown>>): PersonClaims | undefined {
  if (oid !== undefined && !isText(oid)) return undefined;
  if (tid !== undefined && !isText(tid)) return undefined;
  if (email !== undefined && !isText(email)) return undefined;
  if (roles !== undefined && !(Array.isArray(roles) && roles.every(isText))) return undefined;
  return {
    ...(oid === undefined ? {} : { oid }),
    ...(tid === undefined ? {} : { tid }),
    ...(email === undefined ? {} : { email }),
    ...(roles === undefined ? {} : { roles }),
  };
}

/** Exactly one audience, and it is us: a token also meant for another server could be replayed there (RFC 8707 §2). */
function isAudience(aud: unknown, resource: string): boolean {
  const only: unknown = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud;
  return typeof only === 'string' && sameResource(only, resource);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** JSON can spell numbers that become Infinity, and such a token would never expire. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(problem: Problem): Outcome<never> {
  return { kind: 'invalid', problem };
}
