/** Takes consents back: their grants, codes and tokens end with them, and each leaves its record. */
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import type { Database } from '../storage/transactions.ts';
import type { ConsentEntry, ConsentFilter, ConsentStore } from './store.ts';

export interface RevocationDeps {
  consents: Pick<ConsentStore, 'revoke'>;
  audit: Audit;
  database: Database;
}

/** Every way in which a consent ends before its date. */
export const revocationReasons = [
  'administrator',
  'stopped_by_person',
  'blocked_by_person',
  'client_revoked',
  'client_unused',
  'client_deleted',
  'admin_unmarked',
  'role_lost',
  'review_revoked',
  'review_unanswered',
] as const;
export type RevocationReason = (typeof revocationReasons)[number];

/** @returns the living consents that matched any of the filters, as they were */
export function revokeConsents(
  { consents, audit, database }: RevocationDeps,
  filters: readonly ConsentFilter[],
  reason: RevocationReason = 'administrator',
): Promise<ConsentEntry[]> {
  return database.unit(async () => {
    const revoked = await consents.revoke([...filters], reason);
    await audit.recordAll(
      revoked.map(({ id, accountId, clientId, downstream, resourceUri, scopes }) => {
        const subject = { accountId, clientId, resource: resourceUri, scopes, consentId: id };
        return events.consentRevoked(subject, downstream ? { actingFor: downstream.clientId } : {}, reason);
      }),
    );
    return revoked;
  });
}
