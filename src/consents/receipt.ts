/**
 * The receipt of a consent: what a person keeps, or an administrator exports, to show later what was agreed to. Its parts
 * follow the consent record of ISO/IEC TS 27560:2023 (header, parties, what for, event) and the Kantara Consent Receipt 1.1.
 */
import type { Consent, Stated } from './consent.ts';
import { timesOf } from './differences.ts';

/** Members as on the wire. */
export interface Receipt {
  format: 'urn:consentry:consent-receipt:1';
  /** The consent's id with its version: each press makes a new one. */
  receipt_id: string;
  /** When this copy was made; ISO 8601, as all times here. */
  issued_at: string;
  issuer: string;
  /** Who runs the authorization server, and answers for it. */
  operator: { name: string; contact: string | null };
  person: { id: string; email: string | null };
  /** Who may act, as it called itself when the person agreed. */
  client: ReceiptClient & { returns_to: string };
  /** Whom the client, a proxy, said it acts for. */
  acting_for: (ReceiptClient & { returns_to: string }) | null;
  /** Digest of what the client, and the one it acts for, said of themselves: `name.proof`. */
  client_fingerprint: string;
  resource: { uri: string; name: string };
  /** What for, each in the words that the person read. */
  scopes: ReceiptScope[];
  consent: {
    id: string;
    version: number;
    status: 'living' | 'suspended' | 'expired' | 'revoked';
    reason: string | null;
    first_given_at: string | null;
    given_at: string;
    /** The browser of that press in Consentry's words, such as "Chrome on Windows"; null where it is not known. */
    given_from: string | null;
    shown_in_full_at: string;
    until: string;
    suspended_at: string | null;
    revoked_at: string | null;
  };
  withdrawal: { where: string; how: string };
}

export interface ReceiptClient {
  id: string;
  /** '' where it gave none. */
  name: string;
  /** `token_endpoint_auth_method`; null in consents older than these words. */
  authentication: string | null;
}

export interface ReceiptScope {
  name: string;
  /** In English; '' for the scopes of OpenID Connect, whose words are Consentry's own. */
  description: string;
  /** In Japanese; null where it had none, and in consents older than these words. */
  description_ja: string | null;
  tools: string[];
  /** Of the wording and the tools, base64url SHA-256. */
  digest: string | null;
  shown_at: string;
  until: string;
}

export interface ReceiptFacts {
  consent: Consent;
  /** When the person first agreed. */
  createdAt?: Date | undefined;
  person: { id: string; email: string };
  resource: { uri: string; name: string };
  issuer: string;
  operator: { name: string; contact?: string | undefined };
  now: Date;
}

/** Pure: the same facts give the same receipt. */
export function receiptOf({ consent, createdAt, person, resource, issuer, operator, now }: ReceiptFacts): Receipt {
  const { id, version, clientId, downstream, redirectUri, stated } = consent;
  return {
    format: 'urn:consentry:consent-receipt:1',
    receipt_id: `${id}.${version}`,
    issued_at: now.toISOString(),
    issuer,
    operator: { name: operator.name, contact: operator.contact ?? null },
    person: { id: person.id, email: person.email || null },
    client: { ...clientOf(clientId, stated?.client), returns_to: redirectUri },
    acting_for: downstream
      ? { ...clientOf(downstream.clientId, stated?.downstream), returns_to: downstream.redirectUri }
      : null,
    client_fingerprint: consent.clientFingerprint,
    resource: { uri: resource.uri, name: resource.name },
    scopes: consent.scopes.map((name) => scopeOf(consent, name)),
    consent: {
      id,
      version,
      ...standingOf(consent, now),
      first_given_at: createdAt?.toISOString() ?? null,
      given_at: consent.approvedAt.toISOString(),
      given_from: consent.browserLabel ?? null,
      shown_in_full_at: consent.fullPageAt.toISOString(),
      until: consent.expiresAt.toISOString(),
      suspended_at: consent.suspendedAt?.toISOString() ?? null,
      revoked_at: consent.revokedAt?.toISOString() ?? null,
    },
    withdrawal: {
      where: `${issuer}/account`,
      how: 'Sign in there, find the app among your connected apps, and stop it. Its sign-ins end at once.',
    },
  };
}

function clientOf(id: string, stated: Stated | undefined): ReceiptClient {
  return { id, name: stated?.name ?? '', authentication: stated?.authMethod ?? null };
}

function scopeOf(consent: Consent, name: string): ReceiptScope {
  const { description = '', descriptionJa, tools = [] } = consent.scopeWords[name] ?? {};
  const { shownAt, until } = timesOf(consent, name);
  return {
    name,
    description,
    description_ja: descriptionJa ?? null,
    tools: [...tools],
    digest: consent.scopeDigests[name] || null,
    shown_at: shownAt.toISOString(),
    until: until.toISOString(),
  };
}

function standingOf(
  { revokedAt, revokedReason, suspendedAt, suspendedReason, expiresAt }: Consent,
  now: Date,
): Pick<Receipt['consent'], 'status' | 'reason'> {
  if (revokedAt) return { status: 'revoked', reason: revokedReason ?? null };
  if (suspendedAt) return { status: 'suspended', reason: suspendedReason ?? null };
  return { status: expiresAt <= now ? 'expired' : 'living', reason: null };
}
