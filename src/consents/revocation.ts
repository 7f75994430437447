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

/** @returns the living consents that matched any of the filters, as they were */
export function revokeConsents(
  { consents, audit, database }: RevocationDeps,
  filters: readonly ConsentFilter[],
  reason = 'administrator',
): Promise<ConsentEntry[]> {
  return database.unit(async () => {
    const revoked: ConsentEntry[] = [];
    for (const filter of filters) revoked.push(...(await consents.revoke(filter, reason)));
    for (const { id, accountId, clientId, downstream, resourceUri, scopes } of revoked) {
      const subject = { accountId, clientId, resource: resourceUri, scopes, consentId: id };
      const details = downstream ? { actingFor: downstream.clientId } : {};
      await audit.record(events.consentRevoked(subject, details, reason));
    }
    return revoked;
  });
}
