/** One page of what a filter finds: the ids in order, and how many there are in all (RFC 7644 §3.4.2.4). */
import type { Database } from '../storage/transactions.ts';
import type { Filter } from './filter.ts';
import { compile, type Source } from './where.ts';

export interface Query {
  connectionId: string;
  filter: Filter | undefined;
  /** From 0. */
  offset: number;
  count: number;
}

export interface Page {
  ids: string[];
  total: number;
}

/** @param table `scim_users` or `scim_groups`; the sources call it `t` */
export async function findPage(
  db: Pick<Database, 'current'>,
  table: string,
  source: Source,
  query: Query,
): Promise<Page> {
  const { connectionId, filter, offset, count } = query;
  const where = compile(source, filter, 2);
  const from = `FROM ${table} AS t WHERE t.connection_id = $1 AND ${where.sql}`;
  const values = [connectionId, ...where.values];
  if (count > 0) {
    const rows = await db
      .current()
      .$queryRawUnsafe<{ id: string; total: bigint }[]>(
        `SELECT t.id, count(*) OVER () AS total ${from} ORDER BY t.created_at, t.id LIMIT ${count} OFFSET ${offset}`,
        ...values,
      );
    const [first] = rows;
    if (first) return { ids: rows.map(({ id }) => id), total: Number(first.total) };
    if (offset === 0) return { ids: [], total: 0 };
  }
  const [counted] = await db
    .current()
    .$queryRawUnsafe<{ total: bigint }[]>(`SELECT count(*) AS total ${from}`, ...values);
  return { ids: [], total: Number(counted?.total ?? 0) };
}

/** Names are compared without case. */
export const nameKey = (name: string) => name.normalize('NFC').toLowerCase();
