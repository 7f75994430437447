/** An upstream identity provider at which we hold one client ID for everybody: what the seam needs of it. */

export interface Connection {
  /** In the callback's path and in every identity: never changes, never reused. Lower-case letters, digits, hyphens. */
  id: string;
  /** On the button "Continue with …". */
  name: string;
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
}

export interface ReturnedLeg {
  /** With the response parameters as they came. */
  callbackUrl: URL;
  state: string;
  nonce: string;
  codeVerifier: string;
}

/** Who the provider says returned. Only the first two, with the connection's id, say who it is. */
export interface UpstreamIdentity {
  issuer: string;
  subject: string;
  /** For display; proves nothing. */
  email?: string | undefined;
  name?: string | undefined;
  /** Seconds since the epoch, when the person last proved who they are; absent where the provider does not say. */
  authTimeSeconds?: number | undefined;
}

/** @throws Error where two connections share an id, or one could not stand in a path */
export function assertConnections(connections: readonly Pick<Connection, 'id'>[]): void {
  const ids = connections.map(({ id }) => id);
  const bad = ids.find((id, index) => !/^[a-z0-9-]{1,64}$/.test(id) || ids.indexOf(id) !== index);
  if (bad !== undefined) throw new Error(`connection id ${JSON.stringify(bad)} is malformed or used twice`);
}

/** Each connection has a callback of its own, so that one provider's answer cannot be passed off as another's. */
export function callbackUrl(issuer: string, connectionId: string): string {
  return `${issuer}/federation/${connectionId}/callback`;
}
