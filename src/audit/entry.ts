/** The record as it is read: what was written, what to look for, and what its parties are called. */
import type { AuditEvent } from './events.ts';

export interface AuditEntry {
  /** Ascending in the order of writing. */
  seq: number;
  at: Date;
  type: string;
  outcome: AuditEvent['outcome'];
  reason: string | null;
  accountId: string | null;
  clientId: string | null;
  resource: string | null;
  scopes: string[];
  consentId: string | null;
  grantId: string | null;
  tokenId: string | null;
  requestId: string;
  /** `account:<id>`, `cli`, `system`, `scim:<connection>`, or `client`: whoever sent the request. */
  actor: string;
  details: Record<string, string | number | boolean | null | string[]>;
}

/** All of it must hold. */
export interface AuditFilter {
  /** A whole type, or with a dot at its end all that begin so: `consent.` */
  type?: string | undefined;
  outcome?: AuditEvent['outcome'] | undefined;
  /** Whom it is about: any of these accounts. */
  accountIds?: readonly string[] | undefined;
  clientId?: string | undefined;
  /** Canonical URI. */
  resource?: string | undefined;
  /** Who acted: any of these. */
  actors?: readonly string[] | undefined;
  consentId?: string | undefined;
  grantId?: string | undefined;
  tokenId?: string | undefined;
  requestId?: string | undefined;
  /** At or after. */
  from?: Date | undefined;
  /** Before. */
  to?: Date | undefined;
}

/**
 * All that is known of one thing:
 * - `person`: where they are who it is about, or who acted
 * - `token`: by its `jti`: itself, all of its sign-in, the consent above it, and what became of its client
 * - `consent`: itself and all sign-ins under it
 */
export interface Story {
  of: 'person' | 'token' | 'consent';
  id: string;
}

export interface PartyNames {
  /** Account id → e-mail address, or the id where there is none. */
  people: ReadonlyMap<string, string>;
  /** Client id → as it calls itself, not made harmless. */
  clients: ReadonlyMap<string, string>;
  /** URI → name. */
  resources: ReadonlyMap<string, string>;
  /** Id → name, also of removed ones. */
  connections: ReadonlyMap<string, string>;
}

const ACCOUNT = 'account:';

/** The account that acted, where the record says so. */
export function actingAccount(actor: string): string | undefined {
  return actor.startsWith(ACCOUNT) ? actor.slice(ACCOUNT.length) : undefined;
}

export function actorOf(accountId: string): string {
  return ACCOUNT + accountId;
}
