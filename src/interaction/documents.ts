/** The rows that consents and requests point at: what metadata documents say while the person presses. */
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import type { ClientStore } from '../clients/store.ts';
import type { Subject } from './describe.ts';

export async function recordDocuments(
  { origin, asking, downstream }: Subject,
  { clients, audit }: { clients: Pick<ClientStore, 'find' | 'recordDocument'>; audit: Audit },
): Promise<void> {
  const documents = [
    ...(origin === 'document' ? [asking] : []),
    // Read as it is published, not as oidc-provider completes it: by turns the two would look like changes. A row that is
    // there follows the document by itself (`clients/document-copies.ts`).
    ...(downstream?.origin === 'document' && !(await clients.find(downstream.clientId)) ? [downstream] : []),
  ];
  for (const { clientId, metadata } of documents) {
    const { created, changed } = await clients.recordDocument(clientId, { ...metadata, client_id: clientId });
    if (created || changed) await audit.record(events.clientDocumentRecorded({ clientId }, { changed }));
  }
}
