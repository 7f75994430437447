/** How a request differs from what a person agreed to: every reason has a name. */
import type { Consent, ScopeTimes, Stated, Terms } from './consent.ts';

export type Difference =
  | { kind: 'absent' }
  | { kind: 'revoked'; reason: string }
  | { kind: 'suspended'; reason: string }
  | { kind: 'expired'; at: Date; shownAt: Date }
  | { kind: 'other_party'; what: 'account' | 'client' | 'downstream' | 'resource' }
  /** It comes back to another address than the person agreed to. */
  | { kind: 'redirect'; before: string; after: string }
  /** The address that the person agreed to is no longer one of the client's. */
  | { kind: 'redirect_removed'; before: string }
  | { kind: 'scopes_added'; scopes: readonly string[] }
  /** Wording or tools of the scope are no longer what the person read. */
  | { kind: 'scope_changed'; scopes: readonly string[] }
  | { kind: 'client_renamed'; before: string; after: string }
  | { kind: 'client_resembles'; before: string; after: string }
  | { kind: 'client_proof_weaker'; before: string; after: string }
  | { kind: 'client_keys_moved'; before: string; after: string }
  /** Something else that the fingerprint is made of, such as a stronger authentication. */
  | { kind: 'client_changed' }
  | { kind: 'policy_denied'; scopes: readonly string[] }
  /** More than the person's roles allow at this MCP server. */
  | { kind: 'role_denied'; scopes: readonly string[] }
  /** The MCP server accepts only people of these connections. */
  | { kind: 'sign_in_elsewhere'; connections: readonly string[] }
  | { kind: 'approval_needed'; scopes: readonly string[] }
  // Why a covered request gets the full page all the same (before the press only).
  | { kind: 'long_ago'; at: Date }
  | { kind: 'once' }
  | { kind: 'other_browser' }
  | { kind: 'not_straight' }
  | { kind: 'names_nobody' }
  | { kind: 'device' }
  | { kind: 'administers' }
  | { kind: 'account_switched' }
  | { kind: 'asked_for' }
  | { kind: 'said_no_twice' }
  | { kind: 'blocked' };

/**
 * What is not a difference here (logo, links, added redirect URIs, keys behind an unchanged `jwks_uri`) is ignored.
 *
 * - `shown`: the next page tells of it; refresh goes on
 * - `withheld`: refresh goes on without the scopes in question
 * - `suspends`: refresh ends until a full page is pressed
 */
export type Grade = 'shown' | 'withheld' | 'suspends';

export function gradeOf({ kind }: Difference): Grade {
  switch (kind) {
    case 'client_renamed':
    case 'client_changed':
    case 'long_ago':
    case 'once':
    case 'other_browser':
    case 'not_straight':
    case 'names_nobody':
    case 'device':
    case 'administers':
    case 'account_switched':
    case 'asked_for':
    case 'said_no_twice':
      return 'shown';
    case 'scope_changed':
    case 'policy_denied':
    case 'role_denied':
    case 'approval_needed':
      return 'withheld';
    case 'absent':
    case 'revoked':
    case 'suspended':
    case 'expired':
    case 'other_party':
    case 'redirect':
    case 'redirect_removed':
    case 'scopes_added':
    case 'client_resembles':
    case 'client_proof_weaker':
    case 'client_keys_moved':
    case 'sign_in_elsewhere':
    case 'blocked':
      return 'suspends';
  }
}

/** @param redirectKeyOf the redirect URI without a loopback port */
export function differ(
  consent: Consent | undefined,
  terms: Terms,
  { now, redirectKeyOf }: { now: Date; redirectKeyOf: (uri: string) => string },
): Difference[] {
  if (!consent) return [{ kind: 'absent' }, ...admissionDifferences(terms)];
  const found: Difference[] = [];
  if (consent.revokedAt) found.push({ kind: 'revoked', reason: consent.revokedReason ?? 'revoked' });
  if (consent.suspendedAt) found.push({ kind: 'suspended', reason: consent.suspendedReason ?? 'suspended' });
  if (consent.expiresAt <= now) found.push({ kind: 'expired', at: consent.expiresAt, shownAt: consent.fullPageAt });
  found.push(...partyDifferences(consent, terms, redirectKeyOf));
  if (redirectKeyOf(consent.redirectUri) !== terms.redirectKey) {
    found.push({ kind: 'redirect', before: consent.redirectUri, after: terms.redirectUri });
  }
  if (!terms.redirectRegistered) found.push({ kind: 'redirect_removed', before: consent.redirectUri });
  const holds = (scope: string) => consent.scopes.includes(scope) && timesOf(consent, scope).until > now;
  const added = terms.scopes.filter((scope) => !holds(scope));
  if (added.length > 0) found.push({ kind: 'scopes_added', scopes: added });
  const changed = terms.scopes.filter(
    (scope) => holds(scope) && consent.scopeDigests[scope] !== terms.scopeDigests[scope],
  );
  if (changed.length > 0) found.push({ kind: 'scope_changed', scopes: changed });
  return [...found, ...clientDifferences(consent, terms), ...admissionDifferences(terms)];
}

/** A scope may have been given for a shorter time than others of the same consent. */
export function timesOf({ scopeTimes, expiresAt, fullPageAt }: Consent, scope: string): ScopeTimes {
  return scopeTimes[scope] ?? { until: expiresAt, shownAt: fullPageAt };
}

function partyDifferences(consent: Consent, terms: Terms, redirectKeyOf: (uri: string) => string): Difference[] {
  const found: Difference[] = [];
  if (consent.accountId !== terms.accountId) found.push({ kind: 'other_party', what: 'account' });
  if (consent.clientId !== terms.clientId) found.push({ kind: 'other_party', what: 'client' });
  if (consent.resourceId !== terms.resourceId) found.push({ kind: 'other_party', what: 'resource' });
  const { downstream: before } = consent;
  const { downstream: after } = terms;
  const sameRedirect = !before || !after || redirectKeyOf(before.redirectUri) === redirectKeyOf(after.redirectUri);
  if (before?.clientId !== after?.clientId || !sameRedirect) found.push({ kind: 'other_party', what: 'downstream' });
  return found;
}

function admissionDifferences({ admission }: Terms): Difference[] {
  const found: Difference[] = [];
  const { denied, beyondRole = [], signInBy } = admission;
  if (signInBy) return [{ kind: 'sign_in_elsewhere', connections: signInBy }];
  const byRules = denied.filter((scope) => !beyondRole.includes(scope));
  const byRole = denied.filter((scope) => beyondRole.includes(scope));
  if (byRules.length > 0) found.push({ kind: 'policy_denied', scopes: byRules });
  if (byRole.length > 0) found.push({ kind: 'role_denied', scopes: byRole });
  if (admission.waiting.length > 0) found.push({ kind: 'approval_needed', scopes: admission.waiting });
  return found;
}

/** What the client, or the client that a proxy acts for, says of itself differently now. */
function clientDifferences(consent: Consent, terms: Terms): Difference[] {
  if (consent.clientFingerprint === terms.clientFingerprint) return [];
  if (!consent.stated) return changedWithoutWords(consent.clientFingerprint, terms);
  const { client, downstream } = consent.stated;
  const found = [
    ...statedDifferences(client, terms.stated.client),
    ...(downstream && terms.stated.downstream ? statedDifferences(downstream, terms.stated.downstream) : []),
  ];
  return found.length > 0 ? found : [{ kind: 'client_changed' }];
}

/** What one client says of itself differently now. */
export function statedDifferences(before: Stated, after: Stated): Difference[] {
  const found: Difference[] = [];
  if (strength(after) < strength(before)) {
    found.push({ kind: 'client_proof_weaker', before: before.authMethod, after: after.authMethod });
  }
  if (before.keysHost !== after.keysHost && before.keysHost !== '') {
    found.push({ kind: 'client_keys_moved', before: before.keysHost, after: after.keysHost });
  }
  if (before.name === after.name) return found;
  // Somebody else who takes the same name afterwards changes nothing that this client did.
  const kind = after.resembles && !before.resembles ? 'client_resembles' : 'client_renamed';
  return [...found, { kind, before: before.name, after: after.name }];
}

/** How hard it is to pass for the client. A method that is not listed is weaker than all. */
const STRENGTH: Readonly<Record<string, number>> = {
  none: 0,
  client_secret_basic: 1,
  client_secret_post: 1,
  private_key_jwt: 2,
};

function strength({ authMethod }: Stated): number {
  return STRENGTH[authMethod] ?? -1;
}

/** A consent older than the words it was given under: only digests tell. */
function changedWithoutWords(before: string, { clientFingerprint: after, stated }: Terms): Difference[] {
  const [name, proof] = before.split('.');
  const [nameNow, proofNow] = after.split('.');
  const found: Difference[] = [];
  if (proof !== proofNow) found.push({ kind: 'client_proof_weaker', before: '', after: stated.client.authMethod });
  if (name !== nameNow) found.push({ kind: 'client_renamed', before: '', after: stated.client.name });
  return found.length > 0 ? found : [{ kind: 'client_changed' }];
}

/** What the consent does not hold, or not any more. */
export function addedScopes(differences: readonly Difference[]): readonly string[] {
  return differences.flatMap((one) => (one.kind === 'scopes_added' ? one.scopes : []));
}

/** The reason code for the record: the first difference, in the order in which they are found. */
export function reasonOf(differences: readonly Difference[]): string {
  return `consent_${differences[0]?.kind ?? 'unknown'}`;
}
