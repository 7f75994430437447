/** Which redirect URIs a client may have, and when two of them are the same (RFC 8252 §7, OAuth 2.1 §2.3). */
import { isIP } from 'node:net';
import { isSpecialUse } from '../web/special-use-addresses.ts';

/** At the other end: a web server; a program listening on this computer; a program the operating system opens. */
export type RedirectKind = 'https' | 'loopback' | 'private-use';

export type RedirectFault =
  | 'malformed'
  | 'too_long'
  | 'fragment'
  | 'userinfo'
  | 'host'
  | 'path'
  | 'query'
  | 'scheme'
  | 'insecure'
  | 'own_origin';

export type ParsedRedirect = { ok: true; uri: string; kind: RedirectKind } | { ok: false; reason: RedirectFault };

export interface RedirectRules {
  /** Our own origin, to which no code is ever sent. */
  issuer: string;
  /** Private-use schemes without a dot that are allowed beside {@link privateUseSchemes}; lower-case. */
  moreSchemes?: readonly string[] | undefined;
  /** Whether https may name a special-use IP address: for clients that an administrator made. */
  specialUseHosts?: boolean | undefined;
}

/** Schemes of well-known MCP clients that contain no dot, although RFC 8252 §7.1 asks for one. */
export const privateUseSchemes: readonly string[] = [
  'cursor',
  'vscode',
  'vscode-insiders',
  'windsurf',
  'zed',
  'claude',
];

/** Of one client, however it came to us. */
export const MAX_REDIRECT_URIS = 20;
const MAX_LENGTH = 2_000;
const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** RFC 3986 and nothing else: no backslash, space, control character or raw Unicode that parsers read differently. */
export const URI_CHARACTERS = /^(?:[\w\-.~:/?#[\]@!$&'()*+,;=]|%[\da-f]{2})*$/i;
const URI_PARTS = /^(?<scheme>[a-z][a-z\d+.-]*):(?:\/\/(?<authority>[^/?]*))?(?<path>[^?]*)(?:\?(?<query>.*))?$/i;

/** What host names are made of (RFC 1123 §2.1), and the underscore: no `*` that looks like a pattern, no `(` to read past. */
const PLAIN_HOST = /^[a-z\d_-]+(?:\.[a-z\d_-]+)*$/;

/** An encoded dot, slash, backslash or control character, also where the percent sign is encoded once more. */
const ENCODED_TRICK = /%(?:25)*(?:2e|2f|5c|[01][\da-f]|7f)/i;
/** `.` and `..`, also before the path parameters some servers cut off. */
const DOT_SEGMENT = /^\.{1,2}(?:;.*)?$/;

/** What we add to a redirect ourselves (RFC 6749 §4.1.2, RFC 9207 §2). */
const RESPONSE_PARAMETERS: ReadonlySet<string> = new Set([
  'code',
  'state',
  'iss',
  'error',
  'error_description',
  'error_uri',
  'access_token',
  'id_token',
  'response',
]);

/** Reverse domain names (RFC 8252 §7.1) … */
const REVERSE_DOMAIN = /^[a-z][a-z\d+-]*(?:\.[a-z\d][a-z\d+-]*)+$/;
/** … but for those which operating systems handle themselves. */
const SYSTEM_SCHEME = /^(?:ms-|microsoft\.|windows\.|x-apple|com\.apple\.|android\.)/;

/**
 * @param value one redirect URI as a client states it; its string is kept, never rewritten
 */
export function parseRedirectUri(value: unknown, rules: RedirectRules): ParsedRedirect {
  if (typeof value !== 'string') return refused('malformed');
  if (value.length > MAX_LENGTH) return refused('too_long');
  if (value.includes('#')) return refused('fragment');
  const parts = URI_PARTS.exec(value)?.groups;
  const url = URL.parse(value);
  if (!parts || !url || !URI_CHARACTERS.test(value)) return refused('malformed');

  const { authority, path = '', query = '' } = parts;
  if (authority?.includes('@')) return refused('userinfo');
  const secured = url.protocol === 'https:' || url.protocol === 'http:';
  const fault = secured ? webFault(url, authority, rules) : privateUseFault(url, authority, path, rules);
  if (fault) return refused(fault);
  if (ENCODED_TRICK.test(path) || path.split('/').some((segment) => DOT_SEGMENT.test(segment))) return refused('path');
  if ([...new URLSearchParams(query).keys()].some((name) => RESPONSE_PARAMETERS.has(name))) return refused('query');
  return { ok: true, uri: value, kind: kindOf(url) };
}

function webFault(url: URL, authority: string | undefined, { issuer, specialUseHosts }: RedirectRules) {
  // Also what the parser repaired: `https:/host`, `0x7f.1`, `ex%61mple`, `host:`, `host:080`.
  const defaultPort = url.protocol === 'https:' ? '443' : '80';
  const stated = authority?.toLowerCase();
  if (stated !== url.host && stated !== `${url.hostname}:${defaultPort}`) return stated ? 'host' : 'malformed';
  if (isOwnOrigin(url, new URL(issuer))) return 'own_origin';
  if (LOOPBACK_HOSTS.has(url.hostname)) return undefined;
  if (url.protocol === 'http:') return 'insecure';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host)) return isSpecialUse(host) && !specialUseHosts ? 'host' : undefined;
  return PLAIN_HOST.test(host) && !host.endsWith('.localhost') ? undefined : 'host';
}

function isOwnOrigin(url: URL, own: URL): boolean {
  if (url.origin === own.origin) return true;
  return url.port === own.port && LOOPBACK_HOSTS.has(url.hostname) && LOOPBACK_HOSTS.has(own.hostname);
}

function privateUseFault(url: URL, authority: string | undefined, path: string, { moreSchemes = [] }: RedirectRules) {
  const scheme = url.protocol.slice(0, -1);
  const listed = privateUseSchemes.includes(scheme) || moreSchemes.includes(scheme);
  if (!listed && (!REVERSE_DOMAIN.test(scheme) || SYSTEM_SCHEME.test(scheme))) return 'scheme';
  if (authority === undefined && !path.startsWith('/')) return 'malformed';
  return authority && ENCODED_TRICK.test(authority) ? 'host' : undefined;
}

function kindOf(url: URL): RedirectKind {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'private-use';
  return LOOPBACK_HOSTS.has(url.hostname) ? 'loopback' : 'https';
}

/**
 * The same string without the port of an http loopback address, which the client takes when it starts (RFC 8252 §7.3).
 * The three names of loopback stay distinct from each other.
 */
export function redirectKey(uri: string): string {
  const url = URL.parse(uri);
  if (url?.protocol !== 'http:' || !LOOPBACK_HOSTS.has(url.hostname)) return uri;
  return uri.replace(/^(http:\/\/(?:\[[^\]]*\]|[^/?#:]*)):\d*(?=[/?#]|$)/i, '$1');
}

/** Whether two redirect URIs are the same but for a loopback port. */
export function sameRedirect(a: string, b: string): boolean {
  return redirectKey(a) === redirectKey(b);
}

/**
 * Where a redirect returns a person, to be shown in bold. `host` is ASCII (an international name in punycode, which
 * cannot be mistaken for another) with a port that is not the default one; for a loopback redirect the loopback name
 * alone; for a private-use scheme the scheme with `://`, so that `claude.ai:/` is not taken for a host.
 *
 * @param uri one that {@link parseRedirectUri} accepted
 */
export function redirectHost(uri: string): { kind: RedirectKind; host: string } {
  const url = new URL(uri);
  const kind = kindOf(url);
  switch (kind) {
    case 'https':
      return { kind, host: url.host };
    case 'loopback':
      return { kind, host: url.hostname };
    case 'private-use':
      return { kind, host: `${url.protocol}//` };
  }
}

function refused(reason: RedirectFault): ParsedRedirect {
  return { ok: false, reason };
}

/** What is wrong, to be read after the redirect URI or its place. */
export function faultText(fault: RedirectFault): string {
  switch (fault) {
    case 'malformed':
      return 'is not a valid URI';
    case 'too_long':
      return 'is too long';
    case 'fragment':
      return 'must not have a fragment';
    case 'userinfo':
      return 'must not have credentials';
    case 'host':
      return 'must name a public host, written plainly';
    case 'path':
      return 'must not have dot segments or encoded dots, slashes or control characters in its path';
    case 'query':
      return 'must not have parameters of an authorization response in its query';
    case 'scheme':
      return 'must be https, http on 127.0.0.1, [::1] or localhost, or a private-use scheme such as com.example.app';
    case 'insecure':
      return 'must be https, because only loopback addresses may be http';
    case 'own_origin':
      return 'must not point at this authorization server';
  }
}
