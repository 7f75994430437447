/** Reads the record. Every question is asked of an index, also where it is about a few rows among millions. */
import { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';
import { outcomes } from './catalogue.ts';
import { type AuditEntry, type AuditFilter, actingAccount, actorOf, type PartyNames, type Story } from './entry.ts';

export type AuditReadingStore = ReturnType<typeof createAuditReadingStore>;

type Db = Prisma.TransactionClient;

/** Where to look: rows of any of the branches, if all else holds too. */
export interface Search {
  branches: readonly Prisma.Sql[];
  conditions: readonly Prisma.Sql[];
}

export interface Part {
  order: 'newest' | 'oldest';
  /** The `seq` of the last row that is known already. */
  after?: number | undefined;
  limit: number;
}

/** A row's time is taken before its number, by clocks that may differ. */
const SKEW_MS = 5 * 60_000;
/** Fewer than that are looked at one by one. */
const NEAR = 1_000;

/** @param database its `direct` client is used outside of requests: an export goes on after its request has committed */
export function createAuditReadingStore(database: Database) {
  /** The types in the record, by jumping from one to the next in their index. */
  async function typesIn(db: Db): Promise<string[]> {
    const rows = await db.$queryRaw<{ type: string }[]>`
      WITH RECURSIVE found AS (
        (SELECT type FROM audit_events ORDER BY type LIMIT 1)
        UNION ALL
        SELECT (SELECT e.type FROM audit_events e WHERE e.type > found.type ORDER BY e.type LIMIT 1)
        FROM found WHERE found.type IS NOT NULL)
      SELECT type FROM found WHERE type IS NOT NULL`;
    return rows.map(({ type }) => type);
  }

  /** A number near to which rows of that time are; rows in order of time but for {@link SKEW_MS}. */
  async function seqAround(db: Db, at: Date): Promise<[number, number]> {
    const [last] = await db.$queryRaw<{ seq: bigint }[]>`SELECT seq FROM audit_events ORDER BY seq DESC LIMIT 1`;
    let [low, high] = [0, Number(last?.seq ?? 0) + 1];
    while (high - low > NEAR) {
      const middle = Math.floor((low + high) / 2);
      const [row] = await db.$queryRaw<{ seq: bigint; at: Date }[]>`
        SELECT seq, at FROM audit_events WHERE seq >= ${middle} ORDER BY seq LIMIT 1`;
      if (row && row.at < at && Number(row.seq) < high) low = Number(row.seq);
      else high = middle;
    }
    return [low, high];
  }

  async function between({ from, to }: AuditFilter, db: Db): Promise<Prisma.Sql[]> {
    const found: Prisma.Sql[] = [];
    if (from) {
      const [low] = await seqAround(db, new Date(from.getTime() - SKEW_MS));
      found.push(Prisma.sql`e.seq >= ${low} AND e.at >= ${from}`);
    }
    if (to) {
      const [, high] = await seqAround(db, new Date(to.getTime() + SKEW_MS));
      found.push(Prisma.sql`e.seq <= ${high} AND e.at < ${to}`);
    }
    return found;
  }

  async function wantedTypes({ type, outcome }: AuditFilter, db: Db): Promise<string[] | undefined> {
    if (type === undefined && outcome === undefined) return undefined;
    const fits = (one: string) => type === undefined || (type.endsWith('.') ? one.startsWith(type) : one === type);
    return (await typesIn(db)).filter((one) => fits(one) && (!outcome || (outcomes.get(one) ?? outcome) === outcome));
  }

  return {
    async search(filter: AuditFilter, db: Db = database.current()): Promise<Search> {
      const types = await wantedTypes(filter, db);
      const conditions = [...equalities(filter), ...(await between(filter, db))];
      if (filter.outcome) conditions.push(Prisma.sql`e.outcome = ${filter.outcome}`);
      const people = filter.accountIds?.map((id) => Prisma.sql`e.account_id = ${id}`);
      // Of one person, sign-in or request there are few rows: they are read by that, and looked at for their type.
      if (people || filter.consentId || filter.grantId || filter.tokenId || filter.requestId) {
        if (types) conditions.push(Prisma.sql`e.type = ANY(${types})`);
        return { branches: people ?? [Prisma.sql`true`], conditions };
      }
      return { branches: types?.map((type) => Prisma.sql`e.type = ${type}`) ?? [Prisma.sql`true`], conditions };
    },
    async searchStory(story: Story, db: Db = database.current()): Promise<Search> {
      return { branches: await branchesOf(story, db, typesIn), conditions: [] };
    },
    async read({ branches, conditions }: Search, part: Part, db: Db = database.current()): Promise<AuditEntry[]> {
      const { order, after, limit } = part;
      if (branches.length === 0) return [];
      const direction = order === 'newest' ? Prisma.sql`DESC` : Prisma.sql`ASC`;
      const beyond = order === 'newest' ? Prisma.sql`<` : Prisma.sql`>`;
      const from = after === undefined ? Prisma.sql`true` : Prisma.sql`e.seq ${beyond} ${after}`;
      const among = branches.map((branch) => {
        const where = Prisma.join([branch, ...conditions, from], ' AND ');
        return Prisma.sql`(SELECT e.seq FROM audit_events e WHERE ${where} ORDER BY e.seq ${direction} LIMIT ${limit})`;
      });
      const rows = await db.$queryRaw<Row[]>`
        SELECT ${COLUMNS} FROM audit_events e WHERE e.seq IN (
          SELECT seq FROM (${Prisma.join(among, ' UNION ')}) found ORDER BY seq ${direction} LIMIT ${limit})
        ORDER BY e.seq ${direction}`;
      return rows.map((row) => ({ ...row, seq: Number(row.seq) }));
    },
    /** Up to here at this moment; 0 where nothing is recorded. */
    async lastSeq(): Promise<number> {
      const rows = await database.current().$queryRaw<{ seq: bigint }[]>`
        SELECT seq FROM audit_events ORDER BY seq DESC LIMIT 1`;
      return Number(rows[0]?.seq ?? 0);
    },
    /** Outside of any request. */
    direct: database.direct as Db,
    async peopleNamed(idOrEmail: string): Promise<string[]> {
      const rows = await database.current().$queryRaw<{ id: string }[]>`
        SELECT id FROM accounts WHERE id = ${idOrEmail} OR email = ${idOrEmail.trim().toLowerCase()} LIMIT ${MAX_PEOPLE}`;
      return rows.map(({ id }) => id);
    },
    names: (entries: readonly AuditEntry[]): Promise<PartyNames> => namesOf(database.current(), entries),
  };
}

/** Who share an e-mail address. */
const MAX_PEOPLE = 10;
/** Under one consent. */
const MAX_GRANTS = 500;

type Row = Omit<AuditEntry, 'seq'> & { seq: bigint };

const COLUMNS = Prisma.sql`e.seq, e.at, e.type, e.outcome, e.reason, e.account_id AS "accountId",
  e.client_id AS "clientId", e.resource, e.scopes, e.consent_id AS "consentId", e.grant_id AS "grantId",
  e.token_id AS "tokenId", e.request_id AS "requestId", e.actor, e.details`;

function equalities(filter: AuditFilter): Prisma.Sql[] {
  const { clientId, resource, actors, consentId, grantId, tokenId, requestId } = filter;
  return [
    ...(clientId ? [Prisma.sql`e.client_id = ${clientId}`] : []),
    ...(resource ? [Prisma.sql`e.resource = ${resource}`] : []),
    ...(actors ? [anyActor(actors)] : []),
    ...(consentId ? [Prisma.sql`e.consent_id = ${consentId}`] : []),
    ...(grantId ? [Prisma.sql`e.grant_id = ${grantId}`] : []),
    ...(tokenId ? [Prisma.sql`e.token_id = ${tokenId}`] : []),
    ...(requestId ? [Prisma.sql`e.request_id = ${requestId}`] : []),
  ];
}

function anyActor(actors: readonly string[]): Prisma.Sql {
  return actors.length === 1 ? Prisma.sql`e.actor = ${actors[0]}` : Prisma.sql`e.actor = ANY(${[...actors]})`;
}

async function branchesOf({ of, id }: Story, db: Db, typesIn: (db: Db) => Promise<string[]>): Promise<Prisma.Sql[]> {
  if (of === 'person') return [Prisma.sql`e.account_id = ${id}`, Prisma.sql`e.actor = ${actorOf(id)}`];
  if (of === 'consent') {
    const grants = await db.$queryRaw<{ id: string }[]>`
      SELECT DISTINCT grant_id AS id FROM audit_events WHERE consent_id = ${id} AND grant_id IS NOT NULL LIMIT ${MAX_GRANTS}`;
    return [Prisma.sql`e.consent_id = ${id}`, ...grants.map((grant) => Prisma.sql`e.grant_id = ${grant.id}`)];
  }
  const [token] = await db.$queryRaw<{ grantId: string | null; consentId: string | null; clientId: string | null }[]>`
    SELECT max(grant_id) AS "grantId", max(consent_id) AS "consentId", max(client_id) AS "clientId"
    FROM audit_events WHERE token_id = ${id}`;
  const { grantId, consentId, clientId } = token ?? {};
  const ofClients = (await typesIn(db)).filter((type) => type.startsWith('client.') || type === 'consent.suspended');
  return [
    Prisma.sql`e.token_id = ${id}`,
    ...(grantId ? [Prisma.sql`e.grant_id = ${grantId}`] : []),
    // Other sign-ins under the same consent are none of this one's.
    ...(consentId ? [Prisma.sql`e.consent_id = ${consentId} AND e.grant_id IS NULL`] : []),
    ...(clientId ? ofClients.map((type) => Prisma.sql`e.client_id = ${clientId} AND e.type = ${type}`) : []),
  ];
}

async function namesOf(db: Db, entries: readonly AuditEntry[]): Promise<PartyNames> {
  const only = (values: (string | null | undefined)[]) => [...new Set(values.filter((value) => value != null))];
  const accountIds = only(entries.flatMap(({ accountId, actor }) => [accountId, actingAccount(actor)]));
  const accounts = await db.$queryRaw<{ id: string; email: string }[]>`
    SELECT id, email FROM accounts WHERE id = ANY(${accountIds})`;
  const clients = await db.$queryRaw<{ id: string; name: string | null }[]>`
    SELECT id, metadata ->> 'client_name' AS name FROM clients WHERE id = ANY(${only(entries.map((e) => e.clientId))})`;
  const resources = await db.$queryRaw<{ uri: string; name: string }[]>`
    SELECT uri, name FROM resources WHERE uri = ANY(${only(entries.map(({ resource }) => resource))})`;
  const connections = await db.$queryRaw<{ id: string; name: string }[]>`
    SELECT id, name FROM connections WHERE id = ANY(${only(entries.flatMap(connectionsIn))})`;
  return {
    people: new Map(accounts.map(({ id, email }) => [id, email || id])),
    clients: new Map(clients.map(({ id, name }) => [id, name ?? ''])),
    resources: new Map(resources.map(({ uri, name }) => [uri, name])),
    connections: new Map(connections.map(({ id, name }) => [id, name])),
  };
}

/** Ids of connections that an event names: in its details, or as the directory that acted. */
function connectionsIn({ actor, details }: AuditEntry): string[] {
  const said = [details.connection, details.by, details.source, actor].filter((one) => typeof one === 'string');
  return said.map((one) => one.replace(/^(?:scim|upstream):/, ''));
}
