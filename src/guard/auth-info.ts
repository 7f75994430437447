/** What a tool may know about the caller: the `AuthInfo` of the MCP SDKs (v1 and v2), filled from a verified token. */
import type { AccessTokenClaims, PersonClaims } from './claims.ts';

/** `scopes` include what the granted ones imply; `expiresAt` is in seconds since 1970. */
export type AuthInfo = {
  token: string;
  clientId: string;
  scopes: string[];
  expiresAt: number;
  resource: URL;
  resourceMetadataUrl: string;
  extra: AuthExtra;
};

/**
 * `person` is the subject when the token speaks for a person, and undefined when a service speaks for itself.
 * `oid`, `tid`, `email` and `roles` are there where an administrator lets this server know them.
 * A subject is unique only together with its `issuer`. `grantId` names the one authorization that the token comes from, `act` who acts for them (RFC 8693 §4.1).
 */
export type AuthExtra = PersonClaims & {
  issuer: string;
  sub: string;
  person: string | undefined;
  jti: string;
  grantId: string | undefined;
  authTime: number | undefined;
  act: Readonly<Record<string, unknown>> | undefined;
  authorizationDetails: readonly unknown[] | undefined;
};

export type AuthInfoContext = {
  token: string;
  resource: URL;
  resourceMetadataUrl: string;
  expand: (granted: readonly string[]) => string[];
};

export function toAuthInfo(claims: AccessTokenClaims, context: AuthInfoContext): AuthInfo {
  return {
    token: context.token,
    clientId: claims.client_id,
    scopes: context.expand(claims.scope),
    expiresAt: claims.exp,
    resource: context.resource,
    resourceMetadataUrl: context.resourceMetadataUrl,
    extra: {
      issuer: claims.iss,
      sub: claims.sub,
      // RFC 9068 §2.2 and §5: in client credentials the client is its own subject, and must not pass for a person of that name.
      person: claims.sub === claims.client_id ? undefined : claims.sub,
      jti: claims.jti,
      grantId: claims.gid,
      authTime: claims.auth_time,
      act: claims.act,
      authorizationDetails: claims.authorization_details,
      ...claims.ofPerson,
    },
  };
}

/** The person behind a request, from the `authInfo` that an SDK hands to a tool; undefined for a service. */
export function personOf(authInfo: { extra?: Readonly<Record<string, unknown>> } | undefined): string | undefined {
  const person = authInfo?.extra?.person;
  return typeof person === 'string' ? person : undefined;
}
