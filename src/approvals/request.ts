/** A request to an administrator and what came of it (consent.md §5), and the terms that an approval covers. */
import { createHash } from 'node:crypto';
import type { Downstream, StatedParties } from '../consents/consent.ts';

/**
 * `withdrawn`: by who asked, or an approval that was taken back (`decidedBy` is then who took it); `expired`: nobody
 * decided in time.
 */
export type ApprovalState = 'pending' | 'approved' | 'denied' | 'withdrawn' | 'expired';
export type Audience = 'person' | 'everyone';

/** What an approver looks at and an approval binds to. */
export interface Said {
  /** `name.proof`, and for a downstream client `name.proof.name.proof` */
  clientFingerprint: string;
  /** The same in words. */
  stated: StatedParties;
  /** scope → digest of its wording and tools; a scope that is gone has none. */
  scopeDigests: Readonly<Record<string, string>>;
}

export interface ApprovalTerms extends Said {
  accountId: string;
  clientId: string;
  /** The client that a proxy named. */
  downstream?: Downstream | undefined;
  redirectUri: string;
  resourceId: string;
  scopes: readonly string[];
}

export interface ApprovalRequest extends ApprovalTerms {
  id: string;
  /** The person's own words. */
  reason: string | undefined;
  /** HMAC of the browser that asked. */
  browserId: string;
  state: ApprovalState;
  /** Whom an approval serves: who asked, or everyone with the same client. */
  audience: Audience | undefined;
  createdAt: Date;
  decidedAt: Date | undefined;
  /** The account that decided. */
  decidedBy: string | undefined;
  /** The approver's words to who asked. */
  note: string | undefined;
  /** An approval ends then. */
  expiresAt: Date | undefined;
  /** Where two have to approve, what the first of them said. */
  firstApproval: FirstApproval | undefined;
}

/** A second approver has to say the same of the same. */
export interface FirstApproval {
  /** The account. */
  by: string;
  at: Date;
  audience: Audience;
  days: number;
  /** `sightOf` what was before their eyes. */
  sight: string;
  /** For who asked, where the second leaves it out. */
  note?: string | undefined;
}

/** Somebody who may decide. */
export interface Approver {
  id: string;
  email: string;
  /** An owner or administrator; otherwise one who looks after the MCP server in question, and decides for one person. */
  everywhere: boolean;
}

/** Which approvals take two people: none, those for everyone, or all. */
export type TwoPersons = 'off' | 'everyone' | 'always';

/** Two requests with the same key are one as long as nobody has decided. */
export function openKey(terms: ApprovalTerms, redirectKey: (uri: string) => string): string {
  const { accountId, clientId, downstream, redirectUri, resourceId, scopes } = terms;
  const through = downstream ? [downstream.clientId, redirectKey(downstream.redirectUri)] : [];
  const parts = [accountId, clientId, redirectKey(redirectUri), resourceId, [...new Set(scopes)].sort(), ...through];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

/** Names what an approver has before their eyes: what they decide on is that or nothing. 16 characters. */
export function sightOf({ clientFingerprint, stated, scopeDigests, scopes }: Said & { scopes: readonly string[] }) {
  const parties = [stated.client, stated.downstream].map((one) => one && [one.name, one.resembles]);
  const digests = [...scopes].sort().map((scope) => [scope, scopeDigests[scope] ?? null]);
  const seen = JSON.stringify([clientFingerprint, parties, digests]);
  return createHash('sha256').update(seen).digest('hex').slice(0, 16);
}
