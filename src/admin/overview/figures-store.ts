/** Numbers from the record and from consents, by the day and by how clients came. */
import type { Database } from '../../storage/transactions.ts';
import type { Reach } from '../frame/actor.ts';

export type FiguresStore = ReturnType<typeof createFiguresStore>;

/** What is drawn → the events that it counts. */
export const SERIES = {
  authorizations: ['authorization.code_issued', 'device.approved'],
  consents: ['consent.approved'],
  denials: ['consent.denied', 'authorization.refused'],
  tokens: ['token.issued'],
} as const;
export type Series = keyof typeof SERIES;

export interface DayCount {
  /** `2026-11-28`, UTC. */
  day: string;
  type: string;
  count: number;
}

export function createFiguresStore(database: Database) {
  const db = () => database.current();
  const within = (reach: Reach) => ({ all: reach === undefined, ids: [...(reach ?? [])] });

  return {
    /** By the index of type and time alone, where nothing else is asked. */
    async daily({ from, to }: { from: Date; to: Date }, reach: Reach): Promise<DayCount[]> {
      const types: string[] = Object.values(SERIES).flat();
      if (reach === undefined) {
        return db().$queryRaw<DayCount[]>`
          SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, type, count(*)::int AS count
          FROM audit_events WHERE type = ANY(${types}) AND at >= ${from} AND at < ${to} GROUP BY 1, 2`;
      }
      return db().$queryRaw<DayCount[]>`
        SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, type, count(*)::int AS count
        FROM audit_events
        WHERE type = ANY(${types}) AND at >= ${from} AND at < ${to}
          AND resource IN (SELECT uri FROM resources WHERE id = ANY(${[...reach]}))
        GROUP BY 1, 2`;
    },
    /** Who and what was used since then, of what is counted below as being there. */
    async active(since: Date, reach: Reach) {
      const { all, ids } = within(reach);
      const [row] = await db().$queryRaw<{ people: number; clients: number; servers: number }[]>`
        SELECT count(DISTINCT c.account_id) FILTER (WHERE a.disabled_at IS NULL)::int AS people,
          count(DISTINCT c.client_id) FILTER (WHERE k.revoked_at IS NULL)::int AS clients,
          count(DISTINCT c.resource_id) FILTER (WHERE r.disabled_at IS NULL AND NOT r.built_in)::int AS servers
        FROM consents c JOIN accounts a ON a.id = c.account_id JOIN clients k ON k.id = c.client_id
          JOIN resources r ON r.id = c.resource_id
        WHERE c.last_used_at >= ${since} AND (${all} OR c.resource_id = ANY(${ids}))`;
      return row ?? { people: 0, clients: 0, servers: 0 };
    },
    async known() {
      const people = await db().account.count({ where: { disabledAt: null } });
      const clients = await db().client.count({ where: { revokedAt: null, origin: { not: 'resource' } } });
      return { people, clients };
    },
    async servers(reach: Reach): Promise<number> {
      const where = { disabledAt: null, builtIn: false, ...(reach ? { id: { in: [...reach] } } : {}) };
      return db().resource.count({ where });
    },
    /** Living consents, and the clients they are given to, by how these came here. */
    async origins(at: Date, reach: Reach) {
      const { all, ids } = within(reach);
      return db().$queryRaw<{ origin: string; clients: number; consents: number }[]>`
        SELECT k.origin, count(*)::int AS clients, sum(c.consents)::int AS consents
        FROM (SELECT client_id, count(*) AS consents FROM consents
            WHERE revoked_at IS NULL AND expires_at > ${at} AND (${all} OR resource_id = ANY(${ids}))
            GROUP BY client_id) c JOIN clients k ON k.id = c.client_id
        GROUP BY 1 ORDER BY 1`;
    },
  };
}
