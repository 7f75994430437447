/** How a client differs from what an approver last saw of it: every reason has a name. */
import type { Stated } from '../consents/consent.ts';
import type { Said } from './request.ts';

export type Party = 'client' | 'downstream';

export type Difference =
  | { kind: 'renamed' | 'resembles'; party: Party; before: string; after: string }
  /** How it proves itself (`token_endpoint_auth_method`). */
  | { kind: 'authentication'; party: Party; before: string; after: string }
  /** Host of its keys. */
  | { kind: 'keys_moved'; party: Party; before: string; after: string }
  /** Something that its words do not show, such as characters that nobody sees. */
  | { kind: 'client' }
  | { kind: 'scope_changed'; scopes: readonly string[] }
  /** The MCP server no longer has it; such a request can only be denied. */
  | { kind: 'scope_removed'; scopes: readonly string[] }
  /** Somebody else was shown a newer state meanwhile. */
  | { kind: 'seen_older' }
  /** One of several to be decided together waits no more. */
  | { kind: 'waits_no_more' };

/** @param scopes those that the request is about */
export function differences(seen: Said, now: Said, scopes: readonly string[]): Difference[] {
  const found = [
    ...statedDifferences('client', seen.stated.client, now.stated.client),
    ...statedDifferences('downstream', seen.stated.downstream, now.stated.downstream),
  ];
  if (found.length === 0 && seen.clientFingerprint !== now.clientFingerprint) found.push({ kind: 'client' });
  const removed = scopes.filter((scope) => now.scopeDigests[scope] === undefined);
  if (removed.length > 0) found.push({ kind: 'scope_removed', scopes: removed });
  const changed = scopes.filter(
    (scope) => !removed.includes(scope) && seen.scopeDigests[scope] !== now.scopeDigests[scope],
  );
  if (changed.length > 0) found.push({ kind: 'scope_changed', scopes: changed });
  return found;
}

function statedDifferences(party: Party, before: Stated | undefined, after: Stated | undefined): Difference[] {
  if (!before || !after) return before === after ? [] : [{ kind: 'client' }];
  const found: Difference[] = [];
  if (after.resembles && !before.resembles) {
    found.push({ kind: 'resembles', party, before: before.name, after: after.name });
  } else if (before.name !== after.name) {
    found.push({ kind: 'renamed', party, before: before.name, after: after.name });
  }
  if (before.authMethod !== after.authMethod) {
    found.push({ kind: 'authentication', party, before: before.authMethod, after: after.authMethod });
  }
  if (before.keysHost !== after.keysHost) {
    found.push({ kind: 'keys_moved', party, before: before.keysHost, after: after.keysHost });
  }
  return found;
}
