/** The canonical URI of an MCP server, and when two spellings of it are the same (RFC 8707 §2, RFC 3986 §6.2.3). */

/**
 * Reads the URI of this server as its operator wrote it.
 * Throws a TypeError unless it is the canonical spelling (lower-case host, no default port, no fragment, no user), because
 * audiences are compared letter by letter.
 */
export function parseResourceUri(value: string): URL {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new TypeError(`resource must be the http(s) URL of this MCP server, not "${value}"`);
  }
  if (url.hash !== '' || url.username !== '' || url.password !== '') {
    throw new TypeError(`resource must carry neither a fragment nor a user: "${value}"`);
  }
  if (!sameResource(url.href, value)) {
    throw new TypeError(`resource must be written in its canonical form "${url.href}", not "${value}"`);
  }
  return url;
}

/** Equal as strings, but that `https://host` and `https://host/` are one; `/mcp` and `/mcp/` are two. */
export function sameResource(one: string, other: string): boolean {
  return withoutRootSlash(one) === withoutRootSlash(other);
}

/** True for https, and for http on this machine (RFC 8414 §2 asks for https). */
export function isSecureUrl(value: string): boolean {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol === 'https:') return true;
  return url?.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
}

function withoutRootSlash(uri: string): string {
  return /^https?:\/\/[^/?#]+\/$/.test(uri) ? uri.slice(0, -1) : uri;
}
