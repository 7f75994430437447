/** What one person agreed to and may still take back: their connected apps, a page at a time. */
import type { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';
import { cutPage, type Listed, readCursor, readMoment } from '../web/cursor.ts';
import type { Consent } from './consent.ts';
import { type ConsentRow, toConsent } from './store.ts';

export type ConnectedStore = ReturnType<typeof createConnectedStore>;

/** A consent with what its page says of the parties. */
export interface Connected {
  consent: Consent;
  /** When the person first agreed. */
  createdAt: Date;
  lastUsedAt: Date | undefined;
  client: { origin: string; kind: string; metadata: Readonly<Record<string, unknown>> };
  resource: { id: string; uri: string; name: string; tokenSeconds: number };
}

const PER_PAGE = 20;

export function createConnectedStore({ database, now }: { database: Database; now: () => Date }) {
  const living = (accountId: string) => ({ accountId, revokedAt: null, expiresAt: { gt: now() } });

  return {
    /** Living and suspended ones, the newest press first. @throws AppError 400 `bad_cursor` */
    async page(accountId: string, cursor?: string): Promise<Listed<Connected>> {
      const after = readCursor(cursor, 2);
      const [at, id] = after ? [readMoment(after[0]), String(after[1])] : [];
      const beyond = at ? { OR: [{ approvedAt: { lt: at } }, { approvedAt: at, id: { lt: id ?? '' } }] } : {};
      const rows = await database.current().consent.findMany({
        where: { ...living(accountId), ...beyond },
        orderBy: [{ approvedAt: 'desc' }, { id: 'desc' }],
        take: PER_PAGE + 1,
      });
      const listed = cutPage(rows, PER_PAGE, (row) => [row.approvedAt.toISOString(), row.id]);
      return { ...listed, items: await withParties(database.current(), listed.items) };
    },
    /** Also one that is over: its receipt stays to be had. */
    async find(accountId: string, id: string): Promise<Connected | undefined> {
      const row = await database.current().consent.findFirst({ where: { id, accountId } });
      return row ? (await withParties(database.current(), [row]))[0] : undefined;
    },
    /** How many could be taken back, and how long the longest-lived token of theirs would be good. */
    async count(accountId: string): Promise<{ consents: number; tokenSeconds: number }> {
      const where = living(accountId);
      const rows = await database.current().consent.groupBy({ by: ['resourceId'], where, _count: true });
      const among = { id: { in: rows.map(({ resourceId }) => resourceId) } };
      const longest = await database.current().resource.aggregate({ where: among, _max: { tokenSeconds: true } });
      const consents = rows.reduce((sum, { _count }) => sum + _count, 0);
      return { consents, tokenSeconds: longest._max.tokenSeconds ?? 0 };
    },
  };
}

/** One query after the other: a transaction has only one connection. */
async function withParties(db: Prisma.TransactionClient, rows: readonly ConsentRow[]): Promise<Connected[]> {
  const among = (key: 'clientId' | 'resourceId') => ({ id: { in: [...new Set(rows.map((row) => row[key]))] } });
  const clients = await db.client.findMany({
    where: among('clientId'),
    select: { id: true, origin: true, kind: true, metadata: true },
  });
  const resources = await db.resource.findMany({
    where: among('resourceId'),
    select: { id: true, uri: true, name: true, tokenSeconds: true },
  });
  return rows.flatMap((row) => {
    const client = clients.find(({ id }) => id === row.clientId);
    const resource = resources.find(({ id }) => id === row.resourceId);
    if (!client || !resource) return [];
    const { origin, kind, metadata } = client;
    return [
      {
        consent: toConsent(row),
        createdAt: row.createdAt,
        lastUsedAt: row.lastUsedAt ?? undefined,
        client: { origin, kind, metadata: metadata as Record<string, unknown> },
        resource,
      },
    ];
  });
}
