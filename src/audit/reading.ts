/** What people read of the record: the timeline, one thing's whole story, and a file of either to take along. */
import type { Database } from '../storage/transactions.ts';
import { csvRecord } from '../web/csv.ts';
import { badCursor, cutPage, type Listed, PAGE_ROWS, readCursor } from '../web/cursor.ts';
import type { AuditEntry, AuditFilter, PartyNames, Story } from './entry.ts';
import { events } from './events.ts';
import type { AuditReadingStore, Search } from './reading-store.ts';
import type { Audit } from './store.ts';

export type AuditReading = ReturnType<typeof createAuditReading>;

export type ExportFormat = 'ndjson' | 'csv';

/** What is looked at: part of the timeline, or a story. */
export type Wanted = { filter: AuditFilter } | { story: Story };

export interface AuditPage extends Listed<AuditEntry> {
  names: PartyNames;
}

/** Of rows in one file. */
export const MAX_EXPORTED = 100_000;
const BATCH = 1_000;

export function createAuditReading(deps: {
  store: AuditReadingStore;
  audit: Pick<Audit, 'record'>;
  database: Pick<Database, 'unit'>;
  /** Fewer where a test wants an end. */
  maxExported?: number;
}) {
  const { store, audit, database, maxExported = MAX_EXPORTED } = deps;

  const searchFor = (wanted: Wanted, db?: typeof store.direct): Promise<Search> =>
    'story' in wanted ? store.searchStory(wanted.story, db) : store.search(wanted.filter, db);

  /** Oldest first, of what was there when the export was asked for. `cut.off` says at the end whether there was more. */
  async function* batches(wanted: Wanted, upTo: number, cut: { off: boolean }): AsyncGenerator<AuditEntry[]> {
    const search = await searchFor(wanted, store.direct);
    let [after, left, more] = [0, maxExported, true];
    while (more) {
      const rows = await store.read(search, { order: 'oldest', after, limit: BATCH }, store.direct);
      const known = rows.filter(({ seq }) => seq <= upTo);
      cut.off = known.length > left;
      if (known.length > 0 && left > 0) yield known.slice(0, left);
      left -= known.length;
      after = rows.at(-1)?.seq ?? upTo;
      more = rows.length === BATCH && after < upTo && left >= 0;
    }
  }

  return {
    /** Newest first, 50 a page. @throws AppError 400 `bad_cursor` */
    async page(wanted: Wanted, cursor?: string): Promise<AuditPage> {
      const after = readCursor(cursor, 1)?.[0];
      if (after && !Number.isSafeInteger(after)) throw badCursor();
      const part = { order: 'newest', limit: PAGE_ROWS + 1, ...(after ? { after: Number(after) } : {}) } as const;
      const listed = cutPage(await store.read(await searchFor(wanted), part), PAGE_ROWS, ({ seq }) => [seq]);
      return { ...listed, names: await store.names(listed.items) };
    },
    /** Accounts of this id or e-mail address; several people of connections may share one. */
    peopleNamed: store.peopleNamed,
    /**
     * The same in a file, oldest first, {@link MAX_EXPORTED} rows at most. Its last line says that it is the last, how many
     * rows there are, and whether these are all: a file without it was cut off on its way.
     * That somebody took it is on record before the first line leaves.
     */
    exportAs(format: ExportFormat, wanted: Wanted): Promise<AsyncGenerator<string>> {
      return database.unit(async () => {
        const upTo = await store.lastSeq();
        await audit.record(events.auditExported({}, { format, upTo, atMost: maxExported, ...detailsOf(wanted) }));
        const cut = { off: false };
        return write(format, batches(wanted, upTo, cut), cut);
      });
    },
  };
}

async function* write(format: ExportFormat, batches: AsyncGenerator<AuditEntry[]>, cut: { off: boolean }) {
  let rows = 0;
  if (format === 'csv') yield csvRecord(COLUMNS);
  for await (const batch of batches) {
    rows += batch.length;
    yield batch.map(format === 'csv' ? toRecord : toLine).join('');
  }
  const complete = !cut.off;
  if (format === 'csv') {
    const end = ['end', '', complete ? 'complete' : 'cut_off', String(rows)];
    yield csvRecord([...end, ...COLUMNS.slice(end.length).map(() => '')]);
  } else yield `${JSON.stringify({ end: true, rows, complete })}\n`;
}

const COLUMNS = [
  ...['seq', 'at', 'type', 'outcome', 'reason', 'actor', 'account_id', 'client_id', 'resource', 'scopes'],
  ...['consent_id', 'grant_id', 'token_id', 'request_id', 'details'],
];

function toRecord(entry: AuditEntry): string {
  const { seq, at, type, outcome, reason, actor, accountId, clientId, resource, scopes } = entry;
  return csvRecord([
    ...[seq, at.toISOString(), type, outcome, reason, actor, accountId, clientId, resource, scopes.join(' ')],
    ...[entry.consentId, entry.grantId, entry.tokenId, entry.requestId, JSON.stringify(entry.details)],
  ]);
}

function toLine(entry: AuditEntry): string {
  const { seq, at, type, outcome, reason, actor, resource, scopes, details } = entry;
  const line = {
    ...{ seq, at: at.toISOString(), type, outcome, reason, actor, account_id: entry.accountId },
    ...{ client_id: entry.clientId, resource, scopes, consent_id: entry.consentId, grant_id: entry.grantId },
    ...{ token_id: entry.tokenId, request_id: entry.requestId, details },
  };
  return `${JSON.stringify(line)}\n`;
}

function detailsOf(wanted: Wanted): Record<string, string | readonly string[]> {
  if ('story' in wanted) return { story: wanted.story.of, of: wanted.story.id };
  const said = Object.entries(wanted.filter).filter(([, value]) => value !== undefined);
  return Object.fromEntries(said.map(([name, value]) => [name, value instanceof Date ? value.toISOString() : value]));
}
