/** An MCP server that accepts our tokens, named by its canonical URI (RFC 8707 §2, MCP authorization "Canonical Server URI"). */

export type Sensitivity = 'low' | 'medium' | 'high';
export type Effect = 'read' | 'change' | 'act';

export interface ResourceScope {
  name: string;
  description: string;
  descriptionJa?: string | undefined;
  sensitivity: Sensitivity;
  effect: Effect;
  /** Names of the tools behind the scope. */
  tools: readonly string[];
}

export interface Resource {
  id: string;
  /** Canonical URI: the only `aud` of a token for this server. */
  uri: string;
  name: string;
  /** The client as which this server introspects. */
  clientId: string;
  scopes: readonly ResourceScope[];
}

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

/** What a request without `scope` gets (RFC 6749 §3.3): the scopes a person may give without a second thought. */
export function defaultScopes(resource: Resource): string[] {
  return resource.scopes.filter((scope) => scope.sensitivity === 'low').map((scope) => scope.name);
}
