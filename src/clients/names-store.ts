/** Which names are taken: queries on clients that proved here who they are. */
import type { Database } from '../storage/transactions.ts';
import { type ClientMetadata, type ClientOrigin, clientFingerprint } from './client.ts';
import { isSharedHost } from './provenance.ts';

/** A client whose name is its own. */
export interface ProvenName {
  clientId: string;
  /** As stated; '' where it states none. */
  name: string;
  /** An administrator made the client, or approved it for everyone. */
  vouched: boolean;
}

interface Row {
  id: string;
  origin: ClientOrigin;
  metadata: ClientMetadata;
  fingerprints: string[];
}

const MAX_NAMES = 2_000;

export function createNamesStore({ database, now }: { database: Database; now: () => Date }) {
  return {
    /**
     * Clients with a credential that an administrator gave them, and documents on a host of their own with which
     * somebody once agreed that it returns there (also where that consent has ended: the name is still known here).
     * 2,000 at most, the administrator's and the oldest first. Joins the caller's transaction, for which no other
     * connection may be asked.
     */
    async provenNames(): Promise<ProvenName[]> {
      const rows = await database.current().$queryRaw<Row[]>`
        SELECT c.id, c.origin, c.metadata,
          ARRAY(SELECT a.client_fingerprint FROM approval_requests a
            WHERE a.client_id = c.id AND a.downstream_client_id IS NULL AND a.state = 'approved'
              AND a.audience = 'everyone' AND a.expires_at > ${now()}
              AND starts_with(lower(a.redirect_uri), own.origin || '/')) AS fingerprints
        FROM clients c CROSS JOIN LATERAL (SELECT substring(c.id FROM '^https://[^/?#]+') AS origin) own
        WHERE c.revoked_at IS NULL AND (
          (c.origin = 'static' AND c.metadata->>'token_endpoint_auth_method' IS DISTINCT FROM 'none')
          OR (c.origin = 'document' AND (
            EXISTS (SELECT FROM consents k
              WHERE k.client_id = c.id AND starts_with(lower(k.redirect_uri), own.origin || '/'))
            OR EXISTS (SELECT FROM approval_requests a
              WHERE a.client_id = c.id AND a.downstream_client_id IS NULL AND a.state = 'approved'
                AND a.audience = 'everyone' AND a.expires_at > ${now()}
                AND starts_with(lower(a.redirect_uri), own.origin || '/')))))
        ORDER BY c.origin = 'static' DESC, c.created_at, c.id
        LIMIT ${MAX_NAMES}`;
      return rows.filter(isOnHostOfItsOwn).map(toProvenName);
    },
  };
}

function isOnHostOfItsOwn({ id, origin }: Row): boolean {
  return origin === 'static' || !isSharedHost(new URL(id).hostname);
}

/** An approval is about the name that the administrator read. */
function toProvenName({ id, origin, metadata, fingerprints }: Row): ProvenName {
  const { client_name: name } = metadata;
  const vouched = origin === 'static' || fingerprints.includes(clientFingerprint(metadata));
  return { clientId: id, name: typeof name === 'string' ? name : '', vouched };
}
