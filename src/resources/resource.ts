/** An MCP server that accepts our tokens, named by its canonical URI (RFC 8707 §2, MCP authorization "Canonical Server URI"). */

export type Sensitivity = 'low' | 'medium' | 'high';
export type Effect = 'read' | 'change' | 'act';

/** What an administrator says of a scope: what people read, and what stands behind it. */
export interface ScopeDescription {
  name: string;
  description: string;
  descriptionJa?: string | undefined;
  sensitivity: Sensitivity;
  effect: Effect;
  /** Names of the tools behind the scope. */
  tools: readonly string[];
}

/** A scope as it was accepted. */
export interface ResourceScope extends ScopeDescription {
  /** It is to read differently and nobody has accepted that yet: until then no token carries it. */
  suspended: boolean;
  /** Set exactly while it is suspended. */
  proposal?: ScopeProposal | undefined;
}

export interface ScopeProposal {
  words: ScopeDescription;
  at: Date;
  /** Nobody ever accepted the scope itself; rejected, it is gone. */
  added: boolean;
}

export interface Resource {
  id: string;
  /** Canonical URI: the only `aud` of a token for this server. */
  uri: string;
  name: string;
  /** The client as which this server introspects. */
  clientId: string;
  /** How long a consent for it lives at most: 1 to 365. */
  consentDays: number;
  scopes: readonly ResourceScope[];
  /** What its tokens say of a person beside who they are here. */
  tokenClaims: readonly TokenClaim[];
  /** How long a client may refresh while the identity provider does not answer: 0 to 1440. */
  stalenessMinutes: number;
  /** Connections whose people may use it; empty: everybody. */
  connectionIds: readonly string[];
  /** How long an access token for it lives: 60 to 3600. */
  tokenSeconds: number;
  /** The administration API of this very server: no MCP server, and hidden among these. */
  builtIn: boolean;
  /** Set: nobody gets a token for it. */
  disabledAt: Date | undefined;
}

/** `oid` and `tid` as Entra ID has them, `email` as the provider says, and the names of the person's roles here. */
export const TOKEN_CLAIMS = ['oid', 'tid', 'email', 'roles'] as const;
export type TokenClaim = (typeof TOKEN_CLAIMS)[number];

/** What an MCP server asks of the people who come from a connection. */
export type PeopleSettings = Pick<Resource, 'tokenClaims' | 'stalenessMinutes' | 'connectionIds'>;

export const DEFAULT_CONSENT_DAYS = 90;
export const DEFAULT_TOKEN_SECONDS = 600;
export const DEFAULT_PEOPLE: PeopleSettings = { tokenClaims: [], stalenessMinutes: 60, connectionIds: [] };

/**
 * The one form in which a resource is compared and issued: scheme and host in lower case, no default port, and no
 * slash where the path is only that slash. `/mcp` and `/mcp/` stay two resources.
 *
 * @returns undefined where the value is no http(s) URL, or has a fragment or credentials
 */
export function canonicalResource(value: string): string | undefined {
  // The parser would drop or turn these, and a URI has none of them (RFC 3986 §2).
  if (/[\0-\x20\x7f\\]/.test(value)) return undefined;
  const url = URL.parse(value);
  if (!url || !['https:', 'http:'].includes(url.protocol)) return undefined;
  if (value.includes('#') || url.username || url.password) return undefined;
  return url.pathname === '/' && !url.search ? url.href.slice(0, -1) : url.href;
}

/** The scopes that a token may carry: all but those that are being changed. */
export function livingScopes<Scope extends { suspended: boolean }>({ scopes }: { scopes: readonly Scope[] }): Scope[] {
  return scopes.filter((scope) => !scope.suspended);
}
