/** Whether a rule speaks of a request: what somebody merely says of himself may close a door, and never opens one. */
import type { ClientOrigin } from '../clients/client.ts';
import type { Sensitivity } from '../resources/resource.ts';
import { type HostPattern, type Located, matchesPattern } from './host-pattern.ts';
import { isLoopbackHost, type MatchRule } from './rule.ts';

export interface PolicyClient {
  id: string;
  origin: ClientOrigin;
  /** In this request (consent.md §1). */
  proven: boolean;
  /** As it claims (RFC 7591 §2). */
  softwareId?: string | undefined;
}

export interface PolicyQuestion {
  client: PolicyClient;
  redirectUri: string;
  /** Canonical. */
  resourceUri: string;
  scopes: readonly { name: string; sensitivity: Sensitivity }[];
}

/** @param hostname lower-case ASCII */
export type IsSharedHost = (hostname: string) => boolean;

/**
 * Whether all that the rule states holds for a scope of this sensitivity. A rule that allows is stricter than one that
 * asks or denies:
 *
 * - `clientHost` allows only a client whose ID is a metadata document on that host: its owner published it there. Asking
 *   and denying take any client ID that is a URL of the host.
 * - `redirectHost` allows only https redirects to that host, never loopback or a private-use scheme, behind which any
 *   program can be. Asking and denying take http too.
 * - `softwareId` allows only clients that an administrator made, or proven ones of a `clientHost` that the same rule
 *   names: proving one's own host does not prove the name of somebody else's software. Asking and denying believe it.
 * - A host that many people share, or one of them below a `*.`, allows nothing; only a whole address does. Asking and
 *   denying may name it.
 */
export function ruleMatches(
  { effect, match }: Pick<MatchRule, 'effect' | 'match'>,
  question: Omit<PolicyQuestion, 'scopes'>,
  sensitivity: Sensitivity,
  isSharedHost: IsSharedHost,
): boolean {
  const { client, redirectUri, resourceUri } = question;
  if (match.sensitivity && !match.sensitivity.includes(sensitivity)) return false;
  if (match.resource !== undefined && match.resource !== resourceUri) return false;
  if (effect === 'allow') {
    if (match.softwareId !== undefined && !opensBySoftware(match, client)) return false;
    if (match.clientHost && !(client.origin === 'document' && opens(match.clientHost, client.id, isSharedHost)))
      return false;
    return !match.redirectHost || (!isLoopback(redirectUri) && opens(match.redirectHost, redirectUri, isSharedHost));
  }
  if (match.softwareId !== undefined && match.softwareId !== client.softwareId) return false;
  if (match.clientHost && !matchesPattern(match.clientHost, claimed(client.id))) return false;
  return !match.redirectHost || matchesPattern(match.redirectHost, claimed(redirectUri));
}

function opensBySoftware({ softwareId, clientHost }: MatchRule['match'], client: PolicyClient): boolean {
  if (softwareId !== client.softwareId) return false;
  return client.origin === 'static' || (client.proven && clientHost !== undefined);
}

function opens(pattern: HostPattern, uri: string, isSharedHost: IsSharedHost): boolean {
  const url = URL.parse(uri);
  if (url?.protocol !== 'https:') return false;
  if (pattern.kind !== 'address' && isSharedHost(url.hostname)) return false;
  return matchesPattern(pattern, { uri, host: url.hostname });
}

function isLoopback(uri: string): boolean {
  const host = URL.parse(uri)?.hostname;
  return host !== undefined && isLoopbackHost(host);
}

/** A trailing dot names the same host, so it is no way around a rule that closes. */
function claimed(uri: string): Located {
  const url = URL.parse(uri);
  const web = url?.protocol === 'https:' || url?.protocol === 'http:';
  return { uri, host: web ? url.hostname.replace(/\.$/, '') : undefined };
}
