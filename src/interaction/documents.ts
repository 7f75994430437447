/** The rows that consents and requests point at: what metadata documents say while the person presses. */
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import type { ClientStore } from '../clients/store.ts';
import type { Subject } from './describe.ts';

export async function recordDocuments(
  { origin, asking, downstream }: Subject,
  { clients, audit }: { clients: Pick<ClientStore, 'recordDocument'>; audit: Audit },
): Promise<void> {
  const documents = [
    ...(origin === 'document' ? [asking] : []),
    ...(downstream?.origin === 'document' ? [downstream] : []),
  ];
  for (const { clientId, metadata } of documents) {
    const { created, changed } = await clients.recordDocument(clientId, { ...metadata, client_id: clientId });
    if (created || changed) await audit.record(events.clientDocumentRecorded({ clientId }, { changed }));
  }
}
