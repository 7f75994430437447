/** Metadata documents that an operator brings from a file, for hosts that cannot be reached from here. */
import { errors } from 'oidc-provider';
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import { AppError } from '../errors.ts';
import type { Database } from '../storage/transactions.ts';
import { isDocumentUrl, readContent } from './document-content.ts';
import type { DocumentCopies } from './document-copies.ts';
import type { Metadata } from './metadata-members.ts';
import type { MetadataPolicy } from './metadata-policy.ts';

export interface DocumentImportDeps {
  copies: Pick<DocumentCopies, 'keep' | 'dropImport'>;
  policy: Pick<MetadataPolicy, 'assertDocument'>;
  database: Database;
  audit: Audit;
  now: () => Date;
}

/** Answered until its host answers properly, or somebody removes it. */
const FOREVER = new Date('9999-12-31T00:00:00Z');

export function createDocumentImport({ copies, policy, database, audit, now }: DocumentImportDeps) {
  return {
    /**
     * Takes a document as if its host had answered with it. The host is asked all the same, with the next request and
     * then once a minute at most, and what it answers takes the place of the import.
     *
     * @param url the client's identifier
     * @returns the document, and which members differ from what people here relied on
     * @throws AppError 400 `bad_document_url`, 422 `bad_document`
     */
    async add(url: string, content: Buffer): Promise<{ document: Metadata; changed: readonly string[] }> {
      assertUrl(url);
      const document = readImport(url, content, policy);
      const at = now();
      const copy = {
        url,
        body: JSON.stringify(document),
        fetchedAt: at,
        freshUntil: at,
        staleUntil: FOREVER,
        importedAt: at,
      };
      return database.unit(async () => {
        const changed = await copies.keep(copy);
        await audit.record(events.clientDocumentImported({ clientId: url }, { removed: false, changed }));
        return { document, changed };
      });
    },
    /**
     * From now on only the host's own answer counts.
     * @throws AppError 404 `not_imported`
     */
    async remove(url: string): Promise<void> {
      await database.unit(async () => {
        if (!(await copies.dropImport(url, now()))) {
          throw new AppError('not_imported', 404, `No document was imported for ${url}.`);
        }
        await audit.record(events.clientDocumentImported({ clientId: url }, { removed: true }));
      });
    },
  };
}

function assertUrl(url: string): void {
  if (isDocumentUrl(url)) return;
  const message = `${url} is not the address of a metadata document: write the https URL exactly as the client does.`;
  throw new AppError('bad_document_url', 400, message);
}

function readImport(url: string, content: Buffer, policy: DocumentImportDeps['policy']): Metadata {
  const read = readContent(url, content);
  if (!read.ok) throw refused(read.fault, read.cause);
  try {
    policy.assertDocument(read.document);
  } catch (error) {
    if (!(error instanceof errors.OIDCProviderError)) throw error;
    throw refused(error.error_description ?? error.message, error);
  }
  return read.document;
}

function refused(fault: string, cause: unknown): AppError {
  return new AppError('bad_document', 422, `The document was not imported: ${fault}.`, { cause });
}
