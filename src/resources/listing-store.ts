/** Lists of MCP servers for who looks after them, a page at a time. */
import { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';
import { cutPage, type Listed, PAGE_ROWS, readCursor } from '../web/cursor.ts';
import { type CheckHealth, healthOf, parseLastCheck } from './checks/last-check.ts';

export type ServerListing = ReturnType<typeof createServerListing>;

export const serverStates = ['enabled', 'disabled', 'waiting'] as const;
export type ServerState = (typeof serverStates)[number];

export interface ServerQuery {
  /** `waiting`: something is proposed of it that nobody decided yet. */
  state?: ServerState | undefined;
  /** Part of its name or URL. */
  search?: string | undefined;
  /** Ids to keep to; undefined: all. */
  reach?: readonly string[] | undefined;
}

/** One line of the list. */
export interface ServerLine {
  id: string;
  uri: string;
  name: string;
  disabledAt: Date | null;
  scopes: number;
  /** Scopes of which something is proposed. */
  waiting: number;
  /** E-mail addresses of who looks after it; people without one by their id. */
  owners: string[];
  /** How the last look at it went; null where there was none. */
  health: CheckHealth | null;
  checkedAt: Date | null;
}

export function createServerListing(database: Database) {
  return {
    /** By name. Not the administration API of this very server. @throws AppError 400 `bad_cursor` */
    async page(query: ServerQuery, cursor?: string): Promise<Listed<ServerLine>> {
      const after = readCursor(cursor, 2);
      const beyond = after ? Prisma.sql`AND (r.name, r.id) > (${String(after[0])}, ${String(after[1])})` : Prisma.empty;
      const rows = await database.current().$queryRaw<
        (Omit<ServerLine, 'health' | 'checkedAt'> & { check: unknown })[]
      >`
        SELECT r.id, r.uri, r.name, r.disabled_at AS "disabledAt", r.last_check AS check,
          (SELECT count(*)::int FROM resource_scopes s WHERE s.resource_id = r.id) AS scopes,
          (SELECT count(*)::int FROM resource_scopes s WHERE s.resource_id = r.id AND s.proposed_at IS NOT NULL) AS waiting,
          ARRAY(SELECT COALESCE(NULLIF(a.email, ''), a.id) FROM resource_owners o JOIN accounts a ON a.id = o.account_id
            WHERE o.resource_id = r.id ORDER BY o.created_at, a.id) AS owners
        FROM resources r WHERE ${matching(query)} ${beyond} ORDER BY r.name, r.id LIMIT ${PAGE_ROWS + 1}`;
      const lines = rows.map(({ check, ...line }) => {
        const last = parseLastCheck(check ?? undefined);
        return { ...line, health: healthOf(last) ?? null, checkedAt: last ? new Date(last.at) : null };
      });
      return cutPage(lines, PAGE_ROWS, ({ name, id }) => [name, id]);
    },
  };
}

function matching({ state, search, reach }: ServerQuery): Prisma.Sql {
  const conditions = [
    Prisma.sql`NOT r.built_in`,
    ...(state ? [IN_STATE[state]] : []),
    ...(search ? [found(search)] : []),
    ...(reach ? [Prisma.sql`r.id = ANY (${[...reach]})`] : []),
  ];
  return Prisma.join(conditions, ' AND ');
}

const IN_STATE: Record<ServerState, Prisma.Sql> = {
  enabled: Prisma.sql`r.disabled_at IS NULL`,
  disabled: Prisma.sql`r.disabled_at IS NOT NULL`,
  waiting: Prisma.sql`EXISTS (SELECT 1 FROM resource_scopes s WHERE s.resource_id = r.id AND s.proposed_at IS NOT NULL)`,
};

function found(search: string): Prisma.Sql {
  const part = `%${search.replace(/[\\%_]/g, '\\$&')}%`;
  return Prisma.sql`(r.name ILIKE ${part} OR r.uri ILIKE ${part})`;
}
