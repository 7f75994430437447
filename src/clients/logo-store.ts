/** Queries on the logos of clients that an administrator made or approved for everyone. */
import { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';
import { type ClientMetadata, type ClientOrigin, clientFingerprint } from './client.ts';
import type { PictureType } from './picture.ts';

export type LogoStore = ReturnType<typeof createLogoStore>;

/** What a client states, and what we have of it. */
export interface StatedLogo {
  clientId: string;
  /** `logo_uri` as it is stated now; https. */
  uri: string;
  /** Where what we have came from, and when it was asked for. */
  sourceUri: string | undefined;
  fetchedAt: Date | undefined;
  /** Undefined where it was refused. */
  digest: string | undefined;
}

export interface StoredLogo {
  clientId: string;
  sourceUri: string;
  digest: string;
  mediaType: PictureType;
  content: Buffer;
}

interface Row {
  id: string;
  origin: ClientOrigin;
  metadata: ClientMetadata;
  fingerprints: string[];
  source_uri: string | null;
  fetched_at: Date | null;
  digest: string | null;
}

const MAX_LISTED = 1_000;

export function createLogoStore({ database, now }: { database: Database; now: () => Date }) {
  /** An approval is of what the administrator saw, so its fingerprint has to be the client's still. */
  async function list(where: Prisma.Sql): Promise<StatedLogo[]> {
    const rows = await database.current().$queryRaw<Row[]>`
      SELECT c.id, c.origin, c.metadata, l.source_uri, l.fetched_at, l.digest,
        ARRAY(SELECT a.client_fingerprint FROM approval_requests a
          WHERE a.client_id = c.id AND a.downstream_client_id IS NULL AND a.state = 'approved'
            AND a.audience = 'everyone' AND a.expires_at > ${now()}) AS fingerprints
      FROM clients c LEFT JOIN client_logos l ON l.client_id = c.id
      WHERE c.revoked_at IS NULL AND starts_with(c.metadata->>'logo_uri', 'https://') AND ${where}
      ORDER BY l.fetched_at NULLS FIRST, c.id
      LIMIT ${MAX_LISTED}`;
    return rows.filter(isApproved).map(toStatedLogo);
  }

  return {
    /** At most 1,000, those never asked for first. */
    listApproved: () =>
      list(Prisma.sql`(c.origin = 'static' OR EXISTS (SELECT FROM approval_requests a
      WHERE a.client_id = c.id AND a.state = 'approved' AND a.audience = 'everyone'))`),
    /** @returns undefined unless the client is approved and states a logo */
    async find(clientId: string): Promise<StatedLogo | undefined> {
      if (clientId.includes('\0')) return undefined;
      const [found] = await list(Prisma.sql`c.id = ${clientId}`);
      return found;
    },
    /** @returns the picture and whose it is; whether it may be shown is another question */
    async findContent(digest: string): Promise<Omit<StoredLogo, 'digest'> | undefined> {
      const row = await database.current().clientLogo.findUnique({ where: { digest } });
      if (!row?.content || !row.mediaType) return undefined;
      const { clientId, sourceUri, mediaType, content } = row;
      return { clientId, sourceUri, mediaType: mediaType as PictureType, content: Buffer.from(content) };
    },
    /**
     * Writes a refusal down before the picture is asked for, so that of several processes one asks, once.
     * @returns whether it is the caller who asks
     */
    async claim({ clientId, uri, fetchedAt }: StatedLogo): Promise<boolean> {
      const count = await database.write(
        (tx) => tx.$executeRaw`
          INSERT INTO client_logos AS l (client_id, source_uri, fetched_at)
          SELECT c.id, ${uri}, ${now()} FROM clients c WHERE c.id = ${clientId}
          ON CONFLICT (client_id) DO UPDATE
            SET source_uri = EXCLUDED.source_uri, fetched_at = EXCLUDED.fetched_at,
              digest = NULL, media_type = NULL, content = NULL
            WHERE l.fetched_at IS NOT DISTINCT FROM ${fetchedAt ?? null}::timestamptz`,
      );
      return count === 1;
    },
    /** Fills in what was claimed. */
    async keep({ clientId, sourceUri, content, ...said }: StoredLogo): Promise<void> {
      const data = { ...said, content: Uint8Array.from(content) };
      await database.write((tx) => tx.clientLogo.updateMany({ where: { clientId, sourceUri }, data }));
    },
  };
}

function isApproved({ origin, metadata, fingerprints }: Row): boolean {
  return origin === 'static' || fingerprints.includes(clientFingerprint(metadata));
}

function toStatedLogo({ id, metadata, source_uri, fetched_at, digest }: Row): StatedLogo {
  return {
    clientId: id,
    uri: String(metadata.logo_uri),
    sourceUri: source_uri ?? undefined,
    fetchedAt: fetched_at ?? undefined,
    digest: digest ?? undefined,
  };
}
