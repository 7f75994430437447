/** Clients over what they say of themselves: their documents, what they look like, and what ends when they change or are gone. */
import type { Audit } from './audit/store.ts';
import { statedBy } from './clients/client.ts';
import { displayName } from './clients/display-name.ts';
import { createDocumentCopies } from './clients/document-copies.ts';
import { createClientListing } from './clients/listing-store.ts';
import { createNamesStore } from './clients/names-store.ts';
import { isProven } from './clients/provenance.ts';
import { createReaping } from './clients/reaping.ts';
import { createReapingStore } from './clients/reaping-store.ts';
import { createResemblance } from './clients/resemblance.ts';
import { createClientStore } from './clients/store.ts';
import type { Asking } from './consents/agreement.ts';
import { revokeConsents } from './consents/revocation.ts';
import type { ConsentStore } from './consents/store.ts';
import type { ResourceStore } from './resources/store.ts';
import type { Database } from './storage/transactions.ts';
import { suspendChanged } from './suspensions.ts';

export function createClientRooms(deps: {
  consents: ConsentStore;
  resources: ResourceStore;
  /** Of the identity providers, which no client may pass for. */
  connectionNames: () => Promise<string[]>;
  brandName: string;
  issuer: string;
  audit: Audit;
  database: Database;
  now: () => Date;
}) {
  const { audit, database, now } = deps;
  const clients = createClientStore({ database, now });
  const stated = createStated({ ...deps, clients });
  const onChange = async (clientId: string, metadata: Record<string, unknown>) => {
    await suspendChanged({ ...deps, stated }, clientId, metadata);
  };
  return {
    clients,
    clientListing: createClientListing({ database, now }),
    stated,
    familyOf: async (clientId: string) => (await clients.find(clientId))?.familyKey,
    documents: createDocumentCopies({
      database,
      audit,
      clients,
      rules: { issuer: deps.issuer },
      onChange: (url, _before, after) => onChange(url, after),
    }),
    reaping: createReaping({
      store: createReapingStore(database),
      database,
      audit,
      endConsents: (clientId) => revokeConsents(deps, [{ clientId }], 'client_unused'),
      now,
    }),
    suspendChanged: onChange,
  };
}

function createStated(deps: {
  clients: ReturnType<typeof createClientStore>;
  resources: ResourceStore;
  connectionNames: () => Promise<string[]>;
  brandName: string;
  database: Database;
  now: () => Date;
}) {
  const { clients, resources, connectionNames, brandName, database, now } = deps;
  const resemblance = createResemblance({
    brandNames: [brandName],
    resources,
    connections: connectionNames,
    clients: createNamesStore({ database, now }),
    now,
  });
  return async ({ clientId, metadata, redirectUri }: Asking) => {
    const origin = (await clients.find(clientId))?.origin ?? 'document';
    const authMethod = String(metadata.token_endpoint_auth_method ?? 'none');
    const proven = isProven({ clientId, origin, redirectUri, authMethod });
    const name = displayName(metadata.client_name);
    return statedBy(metadata, { resembles: await resemblance.resembles({ clientId, origin, name, proven }) });
  };
}
