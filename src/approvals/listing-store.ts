/** Lists of requests to administrators, a page at a time, quick however many there are, and what else is known around one. */
import { Prisma } from '../storage/generated/client.ts';
import { clientHas, personHas } from '../storage/searching.ts';
import type { Database } from '../storage/transactions.ts';
import { cutPage, type Listed, PAGE_ROWS, readCursor, readMoment } from '../web/cursor.ts';
import type { ApprovalState, Audience } from './request.ts';

/** `decided`: whatever waits no more. */
export const approvalViews = ['pending', 'approved', 'denied', 'withdrawn', 'expired', 'decided'] as const;
export type ApprovalView = (typeof approvalViews)[number];

export interface ApprovalQuery {
  state: ApprovalView;
  accountId?: string | undefined;
  clientId?: string | undefined;
  resourceId?: string | undefined;
  /** Part of the person's e-mail or name, of what a client of theirs calls itself now, or of its id. */
  search?: string | undefined;
  /** MCP servers to keep to; undefined: all. */
  reach?: readonly string[] | undefined;
}

/** One line of the list. */
export interface ApprovalLine {
  id: string;
  state: ApprovalState;
  accountId: string;
  /** E-mail, or name where there is none. */
  person: string;
  /** Whom the request is about: the client, or the one that a proxy named. */
  clientId: string;
  /** Client-stated; '' where it has none. */
  clientName: string;
  /** The proxy's name or id. */
  through: string | null;
  resourceId: string;
  resourceName: string;
  scopes: string[];
  reason: string | null;
  audience: Audience | null;
  createdAt: Date;
  decidedAt: Date | null;
  /** E-mail, or id where it is nobody's here. */
  decidedBy: string | null;
  note: string | null;
  expiresAt: Date | null;
  /** Somebody approved it, and another has to. */
  approvedOnce: boolean;
}

export interface ElsewhereQuery {
  clientId: string;
  downstreamClientId?: string | undefined;
  /** As it was last looked at. */
  clientFingerprint: string;
  /** The MCP server that is left out. */
  resourceId: string;
  reach?: readonly string[] | undefined;
  limit: number;
}

/** How a client is used here besides. */
export interface ClientUse {
  /** With a living consent, as far as one may see. */
  people: number;
  servers: number;
}

export function createApprovalListing(database: Database) {
  return {
    /** What waits oldest first, what is decided newest first. @throws AppError 400 `bad_cursor` */
    async page(query: ApprovalQuery, cursor?: string, limit = PAGE_ROWS): Promise<Listed<ApprovalLine>> {
      const waits = query.state === 'pending';
      const after = readCursor(cursor, 2);
      const rows = await database.current().$queryRaw<ApprovalLine[]>`
        ${SELECT} WHERE ${matching(query)} ${after ? beyond(waits, after) : Prisma.empty}
        ORDER BY ${waits ? Prisma.sql`q.created_at, q.id` : Prisma.sql`q.decided_at DESC, q.id DESC`}
        LIMIT ${limit + 1}`;
      return cutPage(rows, limit, ({ id, createdAt, decidedAt }) => [
        (waits ? createdAt : (decidedAt ?? createdAt)).toISOString(),
        id,
      ]);
    },
    /** How many wait; counts no further than 1,000. */
    async waiting({ reach, clientId }: Pick<ApprovalQuery, 'reach' | 'clientId'>): Promise<number> {
      const [row] = await database.current().$queryRaw<{ count: bigint }[]>`
        SELECT count(*) FROM (
          SELECT 1 FROM approval_requests q WHERE ${matching({ state: 'pending', reach, clientId })} LIMIT 1000) waiting`;
      return Number(row?.count ?? 0);
    },
    /** Of requests that wait for the same client, and the same behind a proxy, at other MCP servers; by server and age. */
    async waitingElsewhere(of: ElsewhereQuery): Promise<string[]> {
      const { clientId, downstreamClientId = null, clientFingerprint, resourceId, reach, limit } = of;
      const rows = await database.current().$queryRaw<{ id: string }[]>`
        SELECT q.id FROM approval_requests q JOIN resources r ON r.id = q.resource_id
        WHERE ${matching({ state: 'pending', reach })} AND q.client_id = ${clientId}
          AND q.downstream_client_id IS NOT DISTINCT FROM ${downstreamClientId}
          AND q.client_fingerprint = ${clientFingerprint} AND q.resource_id <> ${resourceId}
        ORDER BY r.name, q.created_at, q.id LIMIT ${limit}`;
      return rows.map(({ id }) => id);
    },
    /** Of requests that wait for a client whose metadata document is on this host. @param host lower-case ASCII */
    async waitingFromHost(host: string, resourceId?: string): Promise<number> {
      const below = `https://${host.replace(/[\\%_]/g, '\\$&')}`;
      const [row] = await database.current().$queryRaw<{ count: bigint }[]>`
        SELECT count(*) FROM approval_requests q
        WHERE ${matching({ state: 'pending', resourceId })} AND q.downstream_client_id IS NULL
          AND (q.client_id LIKE ${`${below}/%`} OR q.client_id LIKE ${`${below}:%`})`;
      return Number(row?.count ?? 0);
    },
    /** Who uses this client, or any registration of its family, as far as `reach` goes. */
    async use(of: {
      clientId: string;
      familyKey?: string | undefined;
      reach?: readonly string[] | undefined;
      at: Date;
    }) {
      const { clientId, familyKey, reach, at } = of;
      const family = familyKey
        ? Prisma.sql`c.client_id IN (SELECT id FROM clients WHERE family_key = ${familyKey})`
        : Prisma.sql`(c.client_id = ${clientId} OR c.downstream_client_id = ${clientId})`;
      const within = reach ? Prisma.sql`AND c.resource_id = ANY (${[...reach]})` : Prisma.empty;
      const [row] = await database.current().$queryRaw<{ people: bigint; servers: bigint }[]>`
        SELECT count(DISTINCT c.account_id) AS people, count(DISTINCT c.resource_id) AS servers
        FROM consents c WHERE ${family} AND c.revoked_at IS NULL AND c.expires_at > ${at} ${within}`;
      return { people: Number(row?.people ?? 0), servers: Number(row?.servers ?? 0) } satisfies ClientUse;
    },
    /** How many registrations of a family there are. */
    async registrations(familyKey: string): Promise<number> {
      return database.current().client.count({ where: { familyKey } });
    },
    /** People whose living consents for this client at this MCP server hold one of these scopes. */
    async relying(of: {
      clientId: string;
      resourceId: string;
      accountId?: string | undefined;
      scopes: string[];
      at: Date;
    }) {
      const { clientId, resourceId, accountId, scopes, at } = of;
      const where = { clientId, resourceId, ...(accountId === undefined ? {} : { accountId }) };
      const rows = await database.current().consent.groupBy({
        by: ['accountId'],
        where: { ...where, scopes: { hasSome: scopes }, revokedAt: null, expiresAt: { gt: at } },
      });
      return rows.length;
    },
  };
}

const SELECT = Prisma.sql`
  SELECT q.id, q.state, q.account_id AS "accountId", COALESCE(NULLIF(a.email, ''), a.name, '') AS person,
    COALESCE(q.downstream_client_id, q.client_id) AS "clientId",
    COALESCE(q.stated -> 'downstream' ->> 'name', q.stated -> 'client' ->> 'name', '') AS "clientName",
    CASE WHEN q.downstream_client_id IS NOT NULL
      THEN COALESCE(NULLIF(q.stated -> 'client' ->> 'name', ''), q.client_id) END AS through,
    q.resource_id AS "resourceId", r.name AS "resourceName", q.scopes, q.reason, q.audience,
    q.created_at AS "createdAt", q.decided_at AS "decidedAt", COALESCE(NULLIF(d.email, ''), d.name, q.decided_by) AS "decidedBy",
    q.note, q.expires_at AS "expiresAt", q.first_approval IS NOT NULL AND q.state = 'pending' AS "approvedOnce"
  FROM approval_requests q JOIN accounts a ON a.id = q.account_id JOIN resources r ON r.id = q.resource_id
  LEFT JOIN accounts d ON d.id = q.decided_by`;

function beyond(waits: boolean, [at = null, id]: readonly (string | number | null)[]): Prisma.Sql {
  const place = Prisma.sql`(${readMoment(at)}, ${String(id)})`;
  return waits ? Prisma.sql`AND (q.created_at, q.id) > ${place}` : Prisma.sql`AND (q.decided_at, q.id) < ${place}`;
}

function matching({ state, accountId, clientId, resourceId, search, reach }: ApprovalQuery): Prisma.Sql {
  const conditions = [
    // Whatever is decided has its date, and the index of dates is what makes its list quick.
    ...(state === 'pending' ? [] : [Prisma.sql`q.decided_at IS NOT NULL`]),
    ...(state === 'decided' ? [] : [Prisma.sql`q.state = ${state}`]),
    ...(accountId ? [Prisma.sql`q.account_id = ${accountId}`] : []),
    ...(clientId ? [Prisma.sql`(q.client_id = ${clientId} OR q.downstream_client_id = ${clientId})`] : []),
    ...(resourceId ? [Prisma.sql`q.resource_id = ${resourceId}`] : []),
    ...(search ? [found(search)] : []),
    ...(reach ? [Prisma.sql`q.resource_id = ANY (${[...reach]})`] : []),
  ];
  return Prisma.join(conditions, ' AND ');
}

function found(search: string): Prisma.Sql {
  // Each set is made once, however many requests there are.
  const clients = Prisma.sql`(SELECT k.id FROM clients k WHERE ${clientHas(search, 'k')})`;
  return Prisma.sql`(q.account_id IN (SELECT a.id FROM accounts a WHERE ${personHas(search)})
    OR q.client_id IN ${clients} OR q.downstream_client_id IN ${clients})`;
}
