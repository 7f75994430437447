/** Lists of consents, a page at a time, quick however many there are: keyset pages over an index, names in three queries. */
import { Prisma } from '../storage/generated/client.ts';
import { clientHas, personHas } from '../storage/searching.ts';
import type { Database } from '../storage/transactions.ts';
import { cutPage, type Listed, PAGE_ROWS, readCursor, readMoment } from '../web/cursor.ts';

export type ConsentListing = ReturnType<typeof createConsentListing>;

export const consentStates = ['living', 'suspended', 'expired', 'revoked'] as const;
export type ConsentState = (typeof consentStates)[number];

export interface ConsentQuery {
  state?: ConsentState | undefined;
  accountId?: string | undefined;
  clientId?: string | undefined;
  resourceId?: string | undefined;
  scope?: string | undefined;
  /** Part of the person's e-mail or name, or of the client's name or id. */
  search?: string | undefined;
  /** These and no others. */
  ids?: readonly string[] | undefined;
  /** MCP servers to keep to; undefined: all. */
  reach?: readonly string[] | undefined;
}

/** One line of the list. */
export interface ConsentLine {
  id: string;
  accountId: string;
  /** E-mail, or name where there is none. */
  person: string;
  clientId: string;
  /** Client-stated; '' where it has none. */
  clientName: string;
  /** Whom a proxy acts for. */
  downstreamClientId: string | null;
  resourceId: string;
  resourceName: string;
  resourceUri: string;
  scopes: string[];
  approvedAt: Date;
  lastUsedAt: Date | null;
  expiresAt: Date;
  state: ConsentState;
  /** Code of why it is suspended or revoked. */
  reason: string | null;
}

/** One of them, with what its page counts. */
export interface ConsentDetail extends ConsentLine {
  /** When the person first agreed. */
  createdAt: Date;
  /** Under it, living: each has its own refresh token. */
  signIns: number;
}

/** How many, and how many people. */
export interface Affected {
  consents: number;
  people: number;
}

/** Over how many clients and MCP servers they are spread. */
export interface Spread {
  clients: number;
  servers: number;
}

export function createConsentListing({ database, now }: { database: Database; now: () => Date }) {
  return {
    /** Newest first. @throws AppError 400 `bad_cursor` */
    async page(query: ConsentQuery, cursor?: string): Promise<Listed<ConsentLine>> {
      const after = readCursor(cursor, 2);
      const beyond = after
        ? Prisma.sql`AND (c.approved_at, c.id) < (${readMoment(after[0])}, ${String(after[1])})`
        : Prisma.empty;
      const wanted = await matching(database, query, now());
      const rows = await database.current().$queryRaw<ConsentLine[]>`
        SELECT ${columns(now())} ${FROM} WHERE ${wanted} ${beyond}
        ORDER BY c.approved_at DESC, c.id DESC LIMIT ${PAGE_ROWS + 1}`;
      return cutPage(rows, PAGE_ROWS, ({ approvedAt, id }) => [approvedAt.toISOString(), id]);
    },
    async find(id: string): Promise<ConsentDetail | undefined> {
      const [row] = await database.current().$queryRaw<(ConsentLine & { createdAt: Date; signIns: bigint })[]>`
        SELECT ${columns(now())}, c.created_at AS "createdAt",
          (SELECT count(*) FROM grants g WHERE g.consent_id = c.id AND g.expires_at > ${now()}) AS "signIns"
        ${FROM} WHERE c.id = ${id}`;
      return row && { ...row, signIns: Number(row.signIns) };
    },
    /** Of those that are not revoked, by e-mail or name; the first of them. */
    async people(query: ConsentQuery, limit: number): Promise<string[]> {
      const wanted = await matching(database, query, now());
      const rows = await database.current().$queryRaw<{ person: string }[]>`
        SELECT ${PERSON} AS person FROM accounts a WHERE EXISTS (
          SELECT 1 FROM consents c JOIN clients k ON k.id = c.client_id
          WHERE c.account_id = a.id AND ${wanted} AND c.revoked_at IS NULL)
        ORDER BY person, a.id LIMIT ${limit}`;
      return rows.map(({ person }) => person);
    },
    /** Of those that are not revoked: what ending them all would end. */
    async affected(query: ConsentQuery): Promise<Affected> {
      const wanted = await matching(database, query, now());
      const [row] = await database.current().$queryRaw<{ consents: bigint; people: bigint }[]>`
        SELECT count(*) AS consents, count(DISTINCT c.account_id) AS people
        ${FROM} WHERE ${wanted} AND c.revoked_at IS NULL`;
      return { consents: Number(row?.consents ?? 0), people: Number(row?.people ?? 0) };
    },
    /** Of the same as `affected` counts. */
    async spread(query: ConsentQuery): Promise<Spread> {
      const wanted = await matching(database, query, now());
      const [row] = await database.current().$queryRaw<{ clients: bigint; servers: bigint }[]>`
        SELECT count(DISTINCT c.client_id) AS clients, count(DISTINCT c.resource_id) AS servers
        ${FROM} WHERE ${wanted} AND c.revoked_at IS NULL`;
      return { clients: Number(row?.clients ?? 0), servers: Number(row?.servers ?? 0) };
    },
    /** Ids of those that are not revoked, the next `limit` in order of id. */
    async idsOf(query: ConsentQuery, after: string, limit: number): Promise<string[]> {
      const wanted = await matching(database, query, now());
      const rows = await database.current().$queryRaw<{ id: string }[]>`
        SELECT c.id ${FROM} WHERE ${wanted} AND c.revoked_at IS NULL AND c.id > ${after}
        ORDER BY c.id LIMIT ${limit}`;
      return rows.map(({ id }) => id);
    },
    /** Those of them that are not revoked, and whatever else matches of the same people. */
    async withPeople(query: ConsentQuery, ids: readonly string[]): Promise<string[]> {
      const wanted = await matching(database, query, now());
      const rows = await database.current().$queryRaw<{ id: string }[]>`
        SELECT c.id ${FROM} WHERE ${wanted} AND c.revoked_at IS NULL AND c.account_id IN (
          SELECT o.account_id FROM consents o WHERE o.id = ANY (${[...ids]})) ORDER BY c.id`;
      return rows.map(({ id }) => id);
    },
  };
}

const FROM = Prisma.sql`FROM consents c
  JOIN accounts a ON a.id = c.account_id JOIN clients k ON k.id = c.client_id JOIN resources r ON r.id = c.resource_id`;

const PERSON = Prisma.sql`COALESCE(NULLIF(a.email, ''), a.name, '')`;

function columns(at: Date): Prisma.Sql {
  return Prisma.sql`c.id, c.account_id AS "accountId", ${PERSON} AS person,
    c.client_id AS "clientId", COALESCE(k.metadata ->> 'client_name', '') AS "clientName",
    c.downstream_client_id AS "downstreamClientId",
    c.resource_id AS "resourceId", r.name AS "resourceName", r.uri AS "resourceUri", c.scopes,
    c.approved_at AS "approvedAt", c.last_used_at AS "lastUsedAt", c.expires_at AS "expiresAt",
    ${stateOf(at)} AS state, COALESCE(c.revoked_reason, c.suspended_reason) AS reason`;
}

function stateOf(at: Date): Prisma.Sql {
  return Prisma.sql`CASE WHEN c.revoked_at IS NOT NULL THEN 'revoked' WHEN c.suspended_at IS NOT NULL THEN 'suspended'
    WHEN c.expires_at <= ${at} THEN 'expired' ELSE 'living' END`;
}

async function matching(database: Database, query: ConsentQuery, at: Date): Promise<Prisma.Sql> {
  const { state, accountId, clientId, resourceId, scope, search, ids, reach } = query;
  const conditions = [
    ...(state ? [inState(state, at)] : []),
    ...(accountId ? [Prisma.sql`c.account_id = ${accountId}`] : []),
    ...(clientId ? [Prisma.sql`(c.client_id = ${clientId} OR c.downstream_client_id = ${clientId})`] : []),
    ...(resourceId ? [Prisma.sql`c.resource_id = ${resourceId}`] : []),
    ...(scope ? [Prisma.sql`${scope} = ANY (c.scopes)`] : []),
    ...(search ? [await searched(database, search)] : []),
    ...(ids ? [Prisma.sql`c.id = ANY (${[...ids]})`] : []),
    ...(reach ? [Prisma.sql`c.resource_id = ANY (${[...reach]})`] : []),
  ];
  return conditions.length > 0 ? Prisma.join(conditions, ' AND ') : Prisma.sql`true`;
}

function inState(state: ConsentState, at: Date): Prisma.Sql {
  if (state === 'revoked') return Prisma.sql`c.revoked_at IS NOT NULL`;
  if (state === 'suspended') return Prisma.sql`c.revoked_at IS NULL AND c.suspended_at IS NOT NULL`;
  const when = state === 'living' ? Prisma.sql`c.expires_at > ${at}` : Prisma.sql`c.expires_at <= ${at}`;
  return Prisma.sql`c.revoked_at IS NULL AND c.suspended_at IS NULL AND ${when}`;
}

/**
 * Of what hardly anybody is called, theirs; what many are called turns up soon on the way through all consents. Postgres
 * cannot know which it is, and takes a second with the wrong one.
 */
async function searched(database: Database, search: string): Promise<Prisma.Sql> {
  const db = database.current();
  const people = await db.$queryRaw<{ id: string }[]>`
    SELECT a.id FROM accounts a WHERE ${personHas(search)} LIMIT ${FEW + 1}`;
  const clients = await db.$queryRaw<{ id: string }[]>`
    SELECT k.id FROM clients k WHERE ${clientHas(search, 'k')} LIMIT ${FEW + 1}`;
  if (people.length > FEW || clients.length > FEW)
    return Prisma.sql`(${personHas(search)} OR ${clientHas(search, 'k')})`;
  const [accountIds, clientIds] = [people, clients].map((rows) => rows.map(({ id }) => id));
  return Prisma.sql`(c.account_id = ANY (${accountIds}) OR c.client_id = ANY (${clientIds}))`;
}

const FEW = 2_000;
