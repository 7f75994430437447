/** Queries on the last good copies of metadata documents. */
import type { PrismaClient } from '../storage/generated/client.ts';

export interface DocumentCopy {
  url: string;
  /** JSON as it is answered to oidc-provider. */
  body: string;
  fetchedAt: Date;
  freshUntil: Date;
  staleUntil: Date;
}

export type DocumentStore = ReturnType<typeof createDocumentStore>;

/**
 * @param prisma the plain client, not a request's transaction: a copy is true whatever becomes of the request, and a
 *   fetch in between must not hold a transaction open
 */
export function createDocumentStore(prisma: Pick<PrismaClient, 'metadataDocument'>) {
  return {
    async find(url: string): Promise<DocumentCopy | undefined> {
      return (await prisma.metadataDocument.findUnique({ where: { url } })) ?? undefined;
    },
    async save(copy: DocumentCopy): Promise<void> {
      const { url, ...content } = copy;
      await prisma.metadataDocument.upsert({ where: { url }, create: copy, update: content });
    },
    /** Answers from the copy until then, because its host has just failed. */
    async postpone(url: string, freshUntil: Date): Promise<void> {
      await prisma.metadataDocument.updateMany({ where: { url }, data: { freshUntil } });
    },
  };
}
