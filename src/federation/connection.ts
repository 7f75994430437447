/** An upstream identity provider at which we hold one client ID for everybody: what the seam needs of it. */

export interface Connection {
  /** In the callback's path and in every identity: never changes, never reused. Lower-case letters, digits, hyphens. */
  id: string;
  kind: 'entra' | 'oidc';
  /** On the button "Continue with …". */
  name: string;
  /** Local passwords are off, but for break-glass accounts. */
  exclusive: boolean;
  /** `scim`: only people that the directory has sent may come in. */
  provisioning: 'first_sign_in' | 'scim';
  /** `check` is asked at most every so many minutes for one person; left out: 10. */
  checkMinutes?: number | undefined;
  /**
   * Where to send the browser. May ask the provider for its addresses first.
   * @throws UpstreamFailed
   */
  authorizationUrl(leg: OutwardLeg): Promise<URL>;
  /**
   * Redeems what the provider sent back and says who returned.
   * @throws UpstreamFailed
   */
  finish(leg: ReturnedLeg): Promise<UpstreamIdentity>;
  /**
   * Redeems the person's refresh token there, to see that they are still welcome. Resolves also where the provider does
   * not answer: only its own refusal is a refusal.
   */
  check(identity: CheckedIdentity): Promise<Liveness>;
  /** The authentication context (`acrs`) that proves presence for this scope, where the administrator named one. */
  authContextFor(resourceUri: string, scopes: readonly string[]): string | undefined;
  /** Logout that the provider tells of (OpenID Connect Back-Channel and Front-Channel Logout 1.0). */
  logout: UpstreamLogout;
}

export interface OutwardLeg {
  state: string;
  nonce: string;
  /** S256 (RFC 7636 §4.2), whatever the provider says it supports. */
  codeChallenge: string;
  callbackUrl: string;
  /** `login`: asks for credentials anew; `select_account`: lets the person choose. */
  prompt?: 'select_account' | 'login' | undefined;
  maxAgeSeconds?: number | undefined;
  /** An authentication context to reach (`acrs`), which proves presence. */
  authContext?: string | undefined;
  /** What the provider itself asked for in an error (`claims`): passed back once, as it came. */
  claimsChallenge?: string | undefined;
}

export interface ReturnedLeg {
  /** With the response parameters as they came. */
  callbackUrl: URL;
  state: string;
  nonce: string;
  codeVerifier: string;
  /** Whether the leg went out with a `claimsChallenge`: one more is a loop. */
  challenged?: boolean | undefined;
}

/** Who the provider says returned. Only the first two, with the connection's id, say who it is. */
export interface UpstreamIdentity {
  issuer: string;
  /** `sub`; for Entra ID `oid`, with the tenant's own issuer. */
  subject: string;
  /** For display; proves nothing. */
  email?: string | undefined;
  name?: string | undefined;
  /** Seconds since the epoch, when the person last proved who they are; absent where the provider does not say. */
  authTimeSeconds?: number | undefined;
  /** Authentication contexts that were reached (`acrs`). */
  authContexts?: readonly string[] | undefined;
  /** Entra's `tid` and `oid`. */
  tenantId?: string | undefined;
  objectId?: string | undefined;
  /** `sub` as in logout tokens, where it is not `subject`. */
  pairwiseSubject?: string | undefined;
  guest?: boolean | undefined;
  /** The provider's session, for logout. */
  sid?: string | undefined;
  /** App roles; undefined where the provider says nothing of roles (a connection that has none). */
  appRoles?: readonly string[] | undefined;
  /** Object ids of groups, nested ones included. undefined: not asked for. Never undefined for "could not be read". */
  groups?: readonly string[] | undefined;
  /** To see later that the person is still there; sealed before it is stored. */
  refreshToken?: string | undefined;
}

export interface CheckedIdentity {
  issuer: string;
  subject: string;
  refreshToken: string;
}

/**
 * - `alive`: with the rotated refresh token, and roles and groups where they could be read
 * - `ended`: the provider refused. `person`: disabled, unassigned or unknown there, and out of everything here;
 *   `token`: only this token is dead (password changed, sign-in frequency, revoked): our grants end, and a sign-in mends it
 * - `unreachable`: no answer, or one that says nothing of the person (throttling, our own secret ran out). `answered`: the
 *   provider is there, and only what it said of this person cannot be used; with the refresh token that it gave then
 */
export type Liveness =
  | {
      state: 'alive';
      refreshToken?: string | undefined;
      appRoles?: readonly string[] | undefined;
      groups?: readonly string[] | undefined;
    }
  | { state: 'ended'; what: 'person' | 'token'; code: string }
  /** `alarm`: a stable code, where an operator has to do something, such as `aadsts_7000222`. */
  | {
      state: 'unreachable';
      detail: string;
      alarm?: string | undefined;
      answered?: true | undefined;
      refreshToken?: string | undefined;
    };

export interface UpstreamLogout {
  /** Whether a front-channel request names this provider: its `iss`, where it is given. */
  isIssuer(issuer: string): boolean | Promise<boolean>;
  /**
   * Verifies a logout token (OpenID Connect Back-Channel Logout 1.0 §2.6).
   * @throws UpstreamFailed
   */
  verifyToken(token: string): Promise<LogoutToken>;
}

export interface LogoutToken {
  issuer: string;
  jti: string;
  expiresAtSeconds: number;
  sid?: string | undefined;
  /** `sub` as the provider writes it. */
  subject?: string | undefined;
}

/** Those that people may sign in by, in the order they were added. */
export interface Connections {
  list(): Promise<readonly Connection[]>;
  find(id: string): Promise<Connection | undefined>;
  /** Whether passwords are off: also by a connection that cannot be used just now, which is no reason to let them in. */
  isExclusive(): Promise<boolean>;
}

/** @throws Error where two connections share an id, or one could not stand in a path */
export function fixedConnections(connections: readonly Connection[]): Connections {
  const ids = connections.map(({ id }) => id);
  const bad = ids.find((id, index) => !/^[a-z0-9-]{1,64}$/.test(id) || ids.indexOf(id) !== index);
  if (bad !== undefined) throw new Error(`connection id ${JSON.stringify(bad)} is malformed or used twice`);
  return {
    list: async () => connections,
    find: async (id) => connections.find((one) => one.id === id),
    isExclusive: async () => connections.some(({ exclusive }) => exclusive),
  };
}

/** Whether people sign in with a password only where everything else fails: break-glass accounts. */
export function isExclusive(connections: Pick<Connections, 'isExclusive'>): Promise<boolean> {
  return connections.isExclusive();
}

/** Each connection has a callback of its own, so that one provider's answer cannot be passed off as another's. */
export function callbackUrl(issuer: string, connectionId: string): string {
  return `${issuer}/federation/${connectionId}/callback`;
}
