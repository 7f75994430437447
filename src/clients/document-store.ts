/** Queries on the last good copies of metadata documents. */
import type { PrismaClient } from '../storage/generated/client.ts';

export interface DocumentCopy {
  url: string;
  /** JSON as it is answered to oidc-provider. */
  body: string;
  fetchedAt: Date;
  freshUntil: Date;
  staleUntil: Date;
  /** Set where an operator brought it from a file; then `fetchedAt` is the same moment. */
  importedAt: Date | null;
}

const LOCK_TIMEOUT = '3s';

/**
 * @param db the plain client for reading, not a request's transaction: a copy is true whatever becomes of the request,
 *   and a fetch in between must not hold a transaction open. A transaction of its own for a change.
 */
export function createDocumentStore(db: Pick<PrismaClient, 'metadataDocument' | '$executeRaw'>) {
  async function find(url: string): Promise<DocumentCopy | undefined> {
    return (await db.metadataDocument.findUnique({ where: { url } })) ?? undefined;
  }

  return {
    find,
    /** The copy as it stands, nobody else's to change until the transaction ends; also where there is none yet. */
    async hold(url: string): Promise<DocumentCopy | undefined> {
      await db.$executeRaw`SELECT set_config('lock_timeout', ${LOCK_TIMEOUT}, true)`;
      await db.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`metadata document ${url}`}, 0))`;
      return find(url);
    },
    async save(copy: DocumentCopy): Promise<void> {
      const { url, ...content } = copy;
      await db.metadataDocument.upsert({ where: { url }, create: copy, update: content });
    },
    /** Answers from the copy until then, because its host has just failed. */
    async postpone(url: string, freshUntil: Date): Promise<void> {
      await db.metadataDocument.updateMany({ where: { url }, data: { freshUntil } });
    },
    /** Answers from the copy no more. It stays, so that what its host says next is seen to differ. */
    async retire(url: string, at: Date): Promise<boolean> {
      const data = { freshUntil: at, staleUntil: at, importedAt: null };
      const { count } = await db.metadataDocument.updateMany({ where: { url }, data });
      return count === 1;
    },
  };
}
