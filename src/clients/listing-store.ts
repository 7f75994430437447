/** Lists of clients, a page at a time and quick however many there are: registrations of one program are one line. */
import { Prisma } from '../storage/generated/client.ts';
import { clientHas } from '../storage/searching.ts';
import type { Database } from '../storage/transactions.ts';
import { cutPage, type Listed, PAGE_ROWS, readCursor, readMoment } from '../web/cursor.ts';
import { UNUSED } from './reaping-store.ts';

export type ClientListing = ReturnType<typeof createClientListing>;

export const listedOrigins = ['static', 'dynamic', 'document'] as const;
export const listedKinds = ['app', 'proxy', 'service'] as const;
export const clientStates = ['living', 'blocked', 'removed'] as const;

export interface ClientQuery {
  origin?: (typeof listedOrigins)[number] | undefined;
  /** A proxy also where nobody declared what it is. */
  kind?: (typeof listedKinds)[number] | undefined;
  state?: (typeof clientStates)[number] | undefined;
  /** Part of its name or its identifier. */
  search?: string | undefined;
}

/** One client as a line of a list. */
export interface ClientLine {
  id: string;
  origin: string;
  kind: string;
  /** Client-stated; '' where it has none. */
  name: string;
  authMethod: string;
  adminApi: boolean;
  createdAt: Date;
  lastUsedAt: Date | null;
  revokedAt: Date | null;
  /** Housekeeping ended it, as nobody used it: nobody blocked it. */
  removed: boolean;
}

/** What matches of a family: one line of the list of clients. */
export interface FamilyLine extends ClientLine {
  /** For `rows`; null for a client that is no registration. */
  familyKey: string | null;
  registrations: number;
  /** Of these, how many may ask people. */
  living: number;
  /** Of these, how many somebody blocked. */
  blocked: number;
  firstSeenAt: Date;
}

/** Who is concerned where something is done about clients. */
export interface ClientReach {
  consents: number;
  people: number;
}

/** Where a family stands in the list: at the newest registration of it that matches. */
interface Place {
  key: string;
  id: string;
  createdAt: Date;
}

/** Rows looked at together on the way to the next families. */
const STRIDE = 500;

export function createClientListing({ database, now }: { database: Database; now: () => Date }) {
  return {
    /** Families, the one with the newest registration first. @throws AppError 400 `bad_cursor` */
    async page(query: ClientQuery, cursor?: string): Promise<Listed<FamilyLine>> {
      const from = readCursor(cursor, 2);
      const places = await nextPlaces(query, from && { createdAt: readMoment(from[0]), id: String(from[1]) });
      const { items, next } = cutPage(places, PAGE_ROWS, ({ createdAt, id }) => [createdAt.toISOString(), id]);
      return { items: await describe(items, query), ...(next ? { next } : {}) };
    },
    /** Registrations of one program, newest first. @throws AppError 400 `bad_cursor` */
    async rows(familyKey: string, query: ClientQuery, cursor?: string): Promise<Listed<ClientLine>> {
      const after = readCursor(cursor, 2);
      const beyond = after
        ? Prisma.sql`AND ${isAfter({ createdAt: readMoment(after[0]), id: String(after[1]) })}`
        : Prisma.empty;
      const rows = await database.current().$queryRaw<ClientLine[]>`
        SELECT ${LINE} FROM clients c WHERE c.family_key = ${familyKey} AND ${matching(query)} ${beyond}
        ORDER BY c.created_at DESC, c.id DESC LIMIT ${PAGE_ROWS + 1}`;
      return cutPage(rows, PAGE_ROWS, ({ createdAt, id }) => [createdAt.toISOString(), id]);
    },
    /** Living consents with a client, also where a proxy acted for it; of a family with any of its registrations. */
    async reach(of: { id: string } | { familyKey: string }): Promise<ClientReach> {
      const whose =
        'id' in of
          ? Prisma.sql`(c.client_id = ${of.id} OR c.downstream_client_id = ${of.id})`
          : Prisma.sql`c.client_id IN (SELECT id FROM clients WHERE family_key = ${of.familyKey})`;
      const [row] = await database.current().$queryRaw<{ consents: number; people: number }[]>`
        SELECT count(*)::int AS consents, count(DISTINCT c.account_id)::int AS people
        FROM consents c WHERE ${whose} AND c.revoked_at IS NULL AND c.expires_at > ${now()}`;
      return row ?? { consents: 0, people: 0 };
    },
    /** How many registrations a program has, and how many of these may ask people. */
    async familySize(familyKey: string): Promise<{ registrations: number; living: number; firstSeenAt: Date | null }> {
      const [row] = await database.current().$queryRaw<
        { registrations: number; living: number; firstSeenAt: Date | null }[]
      >`
        SELECT count(*)::int AS registrations, (count(*) FILTER (WHERE revoked_at IS NULL))::int AS living,
          min(created_at) AS "firstSeenAt" FROM clients WHERE family_key = ${familyKey}`;
      return row ?? { registrations: 0, living: 0, firstSeenAt: null };
    },
  };

  /**
   * Walks from the newest row on, over an index, past families that are there already: how many registrations a family
   * has costs next to nothing, and nothing is put together that is not on the page.
   */
  async function nextPlaces(query: ClientQuery, from: Omit<Place, 'key'> | undefined): Promise<Place[]> {
    const places: Place[] = [];
    const passed: string[] = [];
    let at = from;
    for (;;) {
      const rows = await database.current().$queryRaw<Place[]>`
        SELECT ${KEY} AS key, c.id, c.created_at AS "createdAt" FROM clients c
        WHERE ${matching(query)} AND ${KEY} <> ALL (${passed}) ${at ? Prisma.sql`AND ${isAfter(at)}` : Prisma.empty}
        ORDER BY c.created_at DESC, c.id DESC LIMIT ${STRIDE}`;
      const fresh = newestOfEach(rows);
      const earlier = from ? await onEarlierPages(fresh, query, from) : new Set<string>();
      places.push(...fresh.filter(({ key }) => !earlier.has(key)));
      passed.push(...fresh.map(({ key }) => key));
      at = rows.at(-1);
      if (places.length > PAGE_ROWS || rows.length < STRIDE) return places.slice(0, PAGE_ROWS + 1);
      if (query.search) return foundPlaces(query, from);
    }
  }

  /**
   * What is found lies anywhere among all rows, and a walk would pass by all of them: where its first step was not enough,
   * those that match are fewer.
   */
  async function foundPlaces(query: ClientQuery, from: Omit<Place, 'key'> | undefined): Promise<Place[]> {
    const after = from ? Prisma.sql`WHERE ${isAfter(from)}` : Prisma.empty;
    return database.current().$queryRaw<Place[]>`
      SELECT c.key, c.id, c.created_at AS "createdAt" FROM (
        SELECT DISTINCT ON (${KEY}) ${KEY} AS key, c.id, c.created_at FROM clients c WHERE ${matching(query)}
        ORDER BY ${KEY}, c.created_at DESC, c.id DESC) c
      ${after} ORDER BY c.created_at DESC, c.id DESC LIMIT ${PAGE_ROWS + 1}`;
  }

  /** Of these families, those whose newest registration stands before this page. */
  async function onEarlierPages(
    families: readonly Place[],
    query: ClientQuery,
    from: Omit<Place, 'key'>,
  ): Promise<ReadonlySet<string>> {
    const keys = families.map(({ key }) => key);
    const rows = await database.current().$queryRaw<{ key: string }[]>`
      SELECT key FROM unnest(${keys}::text[]) key
      WHERE EXISTS (SELECT 1 FROM clients c WHERE c.family_key = key AND ${matching(query)} AND NOT ${isAfter(from)})`;
    return new Set(rows.map(({ key }) => key));
  }

  async function describe(places: readonly Place[], query: ClientQuery): Promise<FamilyLine[]> {
    if (places.length === 0) return [];
    const db = database.current();
    const rows = await db.$queryRaw<(ClientLine & { familyKey: string | null })[]>`
      SELECT c.family_key AS "familyKey", ${LINE} FROM clients c WHERE c.id = ANY (${places.map(({ id }) => id)})`;
    const keys = rows.flatMap(({ familyKey }) => familyKey ?? []);
    const sums = await db.$queryRaw<Sum[]>`
      SELECT c.family_key AS key, count(*)::int AS registrations, min(c.created_at) AS "firstSeenAt",
        (count(*) FILTER (WHERE c.revoked_at IS NULL))::int AS living,
        (count(*) FILTER (WHERE ${BLOCKED}))::int AS blocked, max(c.last_used_at) AS "lastUsedAt"
      FROM clients c WHERE c.family_key = ANY (${keys}) AND ${matching(query)} GROUP BY c.family_key`;
    const lines = new Map(rows.map((row) => [row.id, row]));
    const byKey = new Map(sums.map((sum) => [sum.key, sum]));
    return places.flatMap(({ id, key }) => {
      const line = lines.get(id);
      return line ? [{ ...line, ...(byKey.get(key) ?? alone(line)), familyKey: line.familyKey }] : [];
    });
  }
}

interface Sum {
  key: string;
  registrations: number;
  living: number;
  blocked: number;
  firstSeenAt: Date;
  lastUsedAt: Date | null;
}

/** @param rows newest first */
function newestOfEach(rows: readonly Place[]): Place[] {
  const seen = new Set<string>();
  return rows.filter(({ key }) => !seen.has(key) && seen.add(key));
}

function alone({ createdAt, lastUsedAt, revokedAt, removed }: ClientLine): Omit<Sum, 'key'> {
  const blocked = revokedAt && !removed ? 1 : 0;
  return { registrations: 1, living: revokedAt ? 0 : 1, blocked, firstSeenAt: createdAt, lastUsedAt };
}

/** Later in the list, whose first is the newest. */
function isAfter({ createdAt, id }: Omit<Place, 'key'>): Prisma.Sql {
  return Prisma.sql`(c.created_at, c.id) < (${createdAt}, ${id})`;
}

const KEY = Prisma.sql`COALESCE(c.family_key, c.id)`;

const LINE = Prisma.sql`c.id, c.origin, c.kind, COALESCE(c.metadata ->> 'client_name', '') AS name,
  COALESCE(c.metadata ->> 'token_endpoint_auth_method', 'none') AS "authMethod", c.admin_api AS "adminApi",
  c.created_at AS "createdAt", c.last_used_at AS "lastUsedAt", c.revoked_at AS "revokedAt",
  c.revoked_reason IS NOT DISTINCT FROM ${UNUSED} AS removed`;

const BLOCKED = Prisma.sql`(c.revoked_at IS NOT NULL AND c.revoked_reason IS DISTINCT FROM ${UNUSED})`;

/** Credentials of MCP servers are no clients that anybody looks for here. */
function matching({ origin, kind, state, search }: ClientQuery): Prisma.Sql {
  const conditions = [
    origin ? Prisma.sql`c.origin = ${origin}` : Prisma.sql`c.origin <> 'resource'`,
    ...(kind ? [Prisma.sql`c.kind = ANY (${kind === 'proxy' ? ['proxy', 'undeclared'] : [kind]})`] : []),
    ...(state === 'blocked' ? [BLOCKED] : []),
    ...(state === 'removed' ? [Prisma.sql`c.revoked_reason = ${UNUSED}`] : []),
    ...(state === 'living' ? [Prisma.sql`c.revoked_at IS NULL`] : []),
    ...(search ? [clientHas(search, 'c')] : []),
  ];
  return Prisma.join(conditions, ' AND ');
}
