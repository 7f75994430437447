/** The copies of metadata documents that all processes share, and what follows when a document says something else. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { isDeepStrictEqual } from 'node:util';
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import type { Database } from '../storage/transactions.ts';
import { currentRequest, inRequest } from '../web/request-context.ts';
import { createDocumentStore, type DocumentCopy } from './document-store.ts';
import type { Metadata } from './metadata-members.ts';
import { applyPolicy } from './metadata-policy.ts';
import type { ClientStore } from './store.ts';

/** What else has to happen, in the same transaction, before anybody is answered from the new document. */
export type OnDocumentChange = (url: string, before: Metadata, after: Metadata) => Promise<void>;

export interface DocumentCopiesDeps {
  database: Database;
  audit: Audit;
  clients: Pick<ClientStore, 'changeDocument'>;
  /** What client metadata is held to. */
  rules: Parameters<typeof applyPolicy>[2];
  onChange: OnDocumentChange;
}

export type DocumentCopies = ReturnType<typeof createDocumentCopies>;

/**
 * To be created outside of every request. A change of a document that somebody here relies on is recorded, handed to
 * `onChange` and stored as one, in a transaction apart from the request's that came upon it: whatever becomes of that
 * request, the change was seen. If any of it fails the earlier copy stays, and the next look comes upon the change anew.
 */
export function createDocumentCopies({ database, audit, clients, rules, onChange }: DocumentCopiesDeps) {
  const copies = createDocumentStore(database.direct);
  const outside = AsyncLocalStorage.snapshot();

  /** The request's unit, which a nested one would join, is left behind; for the record it is still this request. */
  function apart<T>(work: () => Promise<T>): Promise<T> {
    const { actor, requestId } = currentRequest();
    return outside(() => inRequest(actor, () => database.unit(work), requestId));
  }

  async function keep(copy: DocumentCopy): Promise<readonly string[]> {
    const { url } = copy;
    const before = await database.write((tx) => createDocumentStore(tx).hold(url));
    // Two processes fetched at once, and the later answer is here already.
    if (before && !copy.importedAt && before.fetchedAt > copy.fetchedAt) return [];
    const members = before ? await follow(url, parse(before), parse(copy)) : [];
    await database.write((tx) => createDocumentStore(tx).save(copy));
    return members;
  }

  async function follow(url: string, before: Metadata, after: Metadata): Promise<readonly string[]> {
    const members = differing(before, after);
    if (members.length === 0) return [];
    if (!(await clients.changeDocument(url, changedMembers(kept(before), kept(after))))) return [];
    await audit.record(events.clientDocumentChanged({ clientId: url }, { members }));
    await onChange(url, before, after);
    return members;
  }

  /** In the form in which a client's metadata is kept. What today's policy would not let in says nothing. */
  function kept(document: Metadata): Metadata {
    const metadata = structuredClone(document);
    try {
      applyPolicy(metadata, 'document', rules);
      return metadata;
    } catch {
      return {};
    }
  }

  return {
    find: copies.find,
    postpone: copies.postpone,
    retire: copies.retire,
    /**
     * Stores what was read from a client's host, in a transaction of its own.
     * @throws whatever `onChange` throws
     */
    async save(copy: DocumentCopy): Promise<void> {
      await apart(() => keep(copy));
    },
    /**
     * The same within the caller's unit.
     * @returns names of the members that somebody here relied on and that differ now
     */
    keep,
    /**
     * Answers from an imported copy no more, within the caller's unit.
     * @returns whether there was one
     */
    async dropImport(url: string, at: Date): Promise<boolean> {
      return database.write(async (tx) => {
        const held = createDocumentStore(tx);
        return (await held.hold(url))?.importedAt ? held.retire(url, at) : false;
      });
    },
  };
}

function parse({ body }: DocumentCopy): Metadata {
  return JSON.parse(body) as Metadata;
}

/** Members that are not the same in both, in whatever order they are written. */
function differing(before: Metadata, after: Metadata): string[] {
  const members = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...members].filter((member) => !isDeepStrictEqual(before[member], after[member])).sort();
}

function changedMembers(before: Metadata, after: Metadata): Record<string, unknown> {
  return Object.fromEntries(differing(before, after).map((member) => [member, after[member]]));
}
