/** What a person agreed to, and what breaks the agreement. Asked at every mint: resume, code, refresh, device. */

/** A consent as it stands: this client, returning to this address, may use this MCP server so far. */
export interface Consent {
  id: string;
  accountId: string;
  clientId: string;
  resourceId: string;
  redirectUri: string;
  scopes: readonly string[];
  clientFingerprint: string;
  /** scope → digest of its wording and tools when the person agreed */
  scopeDigests: Readonly<Record<string, string>>;
  version: number;
  approvedAt: Date;
  expiresAt: Date;
  revokedAt: Date | undefined;
  revokedReason: string | undefined;
}

/** What is asked for now. */
export interface Terms {
  accountId: string;
  clientId: string;
  resourceId: string;
  /** Canonical for comparison: a loopback port left out (RFC 8252 §7.3). */
  redirectKey: string;
  scopes: readonly string[];
  clientFingerprint: string;
  scopeDigests: Readonly<Record<string, string>>;
  /** Whether the client still claims this redirect URI as its own. */
  redirectRegistered: boolean;
}

export type Difference =
  | { kind: 'absent' }
  | { kind: 'revoked'; reason: string }
  | { kind: 'expired'; at: Date }
  | { kind: 'other_party'; what: 'account' | 'client' | 'resource' }
  | { kind: 'redirect'; before: string; after: string }
  | { kind: 'redirect_removed' }
  | { kind: 'scopes_added'; scopes: readonly string[] }
  | { kind: 'scope_changed'; scopes: readonly string[] }
  | { kind: 'client_renamed' }
  | { kind: 'client_proof_changed' };

export type Moment = 'authorize' | 'resume' | 'code' | 'refresh' | 'device';

/**
 * Whether the request is covered and by which page it is answered. At `authorize` the answer is always a page: no code
 * without a press. Everything after the press must be covered in full.
 */
export type Judgement = { covered: true } | { covered: false; page: 'full'; differences: readonly Difference[] };

/** Differences that a refresh survives: the person is shown them the next time they see a page. */
const SHOWN_LATER: ReadonlySet<Difference['kind']> = new Set(['client_renamed']);

/**
 * @param consent the consent in question, undefined where there is none: absent never means allowed
 * @param redirectKeyOf the redirect URI without a loopback port
 */
export function judge(
  consent: Consent | undefined,
  terms: Terms,
  { moment, now, redirectKeyOf }: { moment: Moment; now: Date; redirectKeyOf: (uri: string) => string },
): Judgement {
  const differences = differ(consent, terms, now, redirectKeyOf);
  const breaking = moment === 'refresh' ? differences.filter(({ kind }) => !SHOWN_LATER.has(kind)) : differences;
  if (moment === 'authorize') return { covered: false, page: 'full', differences };
  return breaking.length === 0 ? { covered: true } : { covered: false, page: 'full', differences: breaking };
}

function differ(
  consent: Consent | undefined,
  terms: Terms,
  now: Date,
  redirectKeyOf: (uri: string) => string,
): Difference[] {
  if (!consent) return [{ kind: 'absent' }];
  const found: Difference[] = [];
  if (consent.revokedAt) found.push({ kind: 'revoked', reason: consent.revokedReason ?? 'revoked' });
  if (consent.expiresAt <= now) found.push({ kind: 'expired', at: consent.expiresAt });
  if (consent.accountId !== terms.accountId) found.push({ kind: 'other_party', what: 'account' });
  if (consent.clientId !== terms.clientId) found.push({ kind: 'other_party', what: 'client' });
  if (consent.resourceId !== terms.resourceId) found.push({ kind: 'other_party', what: 'resource' });
  if (redirectKeyOf(consent.redirectUri) !== terms.redirectKey) {
    found.push({ kind: 'redirect', before: consent.redirectUri, after: terms.redirectKey });
  }
  if (!terms.redirectRegistered) found.push({ kind: 'redirect_removed' });
  const added = terms.scopes.filter((scope) => !consent.scopes.includes(scope));
  if (added.length > 0) found.push({ kind: 'scopes_added', scopes: added });
  const changed = terms.scopes.filter(
    (scope) => consent.scopes.includes(scope) && digestDiffers(consent, terms, scope),
  );
  if (changed.length > 0) found.push({ kind: 'scope_changed', scopes: changed });
  return [...found, ...clientDifferences(consent.clientFingerprint, terms.clientFingerprint)];
}

/** Both are `name.proof`: a client that proves itself in another way may be another client. */
function clientDifferences(before: string, after: string): Difference[] {
  const [name, proof] = before.split('.');
  const [nameNow, proofNow] = after.split('.');
  const found: Difference[] = [];
  if (proof !== proofNow) found.push({ kind: 'client_proof_changed' });
  if (name !== nameNow) found.push({ kind: 'client_renamed' });
  return found;
}

function digestDiffers(consent: Consent, terms: Terms, scope: string): boolean {
  return consent.scopeDigests[scope] !== terms.scopeDigests[scope];
}

/** The reason code for the record: the first difference, in the order in which they are found. */
export function reasonOf(differences: readonly Difference[]): string {
  return `consent_${differences[0]?.kind ?? 'unknown'}`;
}
