/** Queries on what a person is at an MCP server: how far their roles go there, and by which connection they are known. */
import { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';
import { ADMINISTRATOR, OWNER } from './role.ts';

export type StandingStore = ReturnType<typeof createStandingStore>;

export interface Standing {
  /** The most that the person may grant; undefined where the MCP server has no ceiling. */
  ceiling: readonly string[] | undefined;
  /** Whether the person came by a connection that the MCP server accepts. */
  accepted: boolean;
  /** What those connections are called. */
  acceptedNames: readonly string[];
}

/** A living consent that goes further than the person's roles. */
export interface Exceeding {
  consentId: string;
  accountId: string;
  email: string;
  clientId: string;
  clientName: string;
  downstreamClientId: string | undefined;
  resourceId: string;
  resourceUri: string;
  /** What it has too much. */
  beyond: readonly string[];
  /** Scopes of the MCP server that stay. */
  left: readonly string[];
}

/** Who somebody is at their provider, as it said last. */
export interface KnownAs {
  connectionId: string;
  claims: Readonly<Record<string, unknown>>;
}

/** Of OpenID Connect: they tell who somebody is and open no server. */
const IDENTITY = ['openid', 'profile', 'email', 'offline_access'];

export function createStandingStore({ database, now }: { database: Database; now: () => Date }) {
  return {
    async standing(accountId: string, resourceId: string): Promise<Standing> {
      const [row] = await database.current().$queryRaw<StandingRow[]>`
        SELECT
          EXISTS (SELECT 1 FROM role_scopes WHERE resource_id = r.id) AS "hasCeiling",
          ARRAY(SELECT DISTINCT scope FROM role_scopes rs, unnest(rs.scopes) scope
            WHERE rs.resource_id = r.id AND ${isMember(Prisma.sql`rs.role_id`, Prisma.sql`${accountId}`)}
            ORDER BY scope) AS scopes,
          cardinality(r.connection_ids) = 0 OR EXISTS (SELECT 1 FROM identities i
            WHERE i.account_id = ${accountId} AND i.connection_id = ANY(r.connection_ids) AND ${IS_KNOWN}) AS accepted,
          ARRAY(SELECT c.name FROM connections c WHERE c.id = ANY(r.connection_ids) AND c.removed_at IS NULL
            ORDER BY c.created_at, c.id) AS "acceptedNames"
        FROM resources r WHERE r.id = ${resourceId}`;
      // Nobody is anything at a server that is not there.
      if (!row) return { ceiling: [], accepted: false, acceptedNames: [] };
      const { hasCeiling, scopes, accepted, acceptedNames } = row;
      return { ceiling: hasCeiling ? scopes : undefined, accepted, acceptedNames };
    },
    /** All roles of a person, by name; being an owner is one. */
    async rolesOf(accountId: string): Promise<string[]> {
      const rows = await database.current().$queryRaw<{ id: string }[]>`
        SELECT id FROM roles WHERE ${isMember(Prisma.sql`id`, Prisma.sql`${accountId}`)} ORDER BY id`;
      return rows.map(({ id }) => id);
    },
    /**
     * Who the person is by one of these connections: of several the one by which they came last.
     *
     * @param connectionIds empty: any
     */
    async knownAs(accountId: string, connectionIds: readonly string[]): Promise<KnownAs | undefined> {
      const ids = [...connectionIds];
      const [row] = await database.current().$queryRaw<KnownAs[]>`
        SELECT i.connection_id AS "connectionId", i.claims FROM identities i
        WHERE i.account_id = ${accountId} AND ${IS_KNOWN}
          AND (cardinality(${ids}::text[]) = 0 OR i.connection_id = ANY(${ids}::text[]))
        ORDER BY i.last_sign_in_at DESC, i.created_at DESC, i.connection_id LIMIT 1`;
      return row;
    },
    /** Consents that go too far, held until the unit of work ends. */
    async exceeding(of: { accountIds: readonly string[] } | { resourceIds: readonly string[] }): Promise<Exceeding[]> {
      const whose =
        'accountIds' in of
          ? Prisma.sql`c.account_id = ANY(${[...of.accountIds]})`
          : Prisma.sql`c.resource_id = ANY(${[...of.resourceIds]})`;
      return database.write(async (tx) => {
        const rows = await tx.$queryRaw<ExceedingRow[]>`
          SELECT c.id AS "consentId", c.account_id AS "accountId", a.email, c.client_id AS "clientId",
            coalesce(cl.metadata ->> 'client_name', '') AS "clientName",
            c.downstream_client_id AS "downstreamClientId", c.resource_id AS "resourceId", r.uri AS "resourceUri",
            c.scopes, ${ALLOWED} AS allowed
          FROM consents c
          JOIN accounts a ON a.id = c.account_id
          JOIN clients cl ON cl.id = c.client_id
          JOIN resources r ON r.id = c.resource_id
          WHERE ${whose} AND c.revoked_at IS NULL AND c.expires_at > ${now()}
            AND EXISTS (SELECT 1 FROM role_scopes WHERE resource_id = c.resource_id)
            AND NOT (c.scopes <@ (${ALLOWED} || ${IDENTITY}::text[]))
          ORDER BY c.id FOR UPDATE OF c`;
        return rows.map(toExceeding);
      });
    },
  };
}

interface StandingRow {
  hasCeiling: boolean;
  scopes: string[];
  accepted: boolean;
  acceptedNames: string[];
}

type ExceedingRow = Omit<Exceeding, 'beyond' | 'left' | 'downstreamClientId'> & {
  downstreamClientId: string | null;
  scopes: string[];
  allowed: string[];
};

function toExceeding({ scopes, allowed, downstreamClientId, ...row }: ExceedingRow): Exceeding {
  const own = scopes.filter((scope) => !IDENTITY.includes(scope));
  return {
    ...row,
    downstreamClientId: downstreamClientId ?? undefined,
    beyond: own.filter((scope) => !allowed.includes(scope)),
    left: own.filter((scope) => allowed.includes(scope)),
  };
}

/** An identity by which somebody came: not one that only a directory announced, or whose connection is gone. */
const IS_KNOWN = Prisma.sql`(i.last_sign_in_at IS NOT NULL AND i.orphaned_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM connections gone WHERE gone.id = i.connection_id AND gone.removed_at IS NOT NULL))`;

const ALLOWED = Prisma.sql`ARRAY(SELECT scope FROM role_scopes rs, unnest(rs.scopes) scope
  WHERE rs.resource_id = c.resource_id AND ${isMember(Prisma.sql`rs.role_id`, Prisma.sql`c.account_id`)})`;

/**
 * A word of a connection counts only as long as it maps anything to the role: also in the moment before everybody's
 * roles are gone over after a mapping or the connection itself went.
 */
function isMember(roleId: Prisma.Sql, accountId: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`(EXISTS (SELECT 1 FROM account_roles ar WHERE ar.role_id = ${roleId} AND ar.account_id = ${accountId}
      AND (ar.source = ${ADMINISTRATOR} OR EXISTS (SELECT 1 FROM role_mappings m
        JOIN connections mc ON mc.id = m.connection_id AND mc.removed_at IS NULL
        WHERE m.role_id = ar.role_id AND m.connection_id = ar.source)))
    OR ${roleId} = ${OWNER} AND EXISTS (SELECT 1 FROM accounts o WHERE o.id = ${accountId} AND o.role = 'owner'))`;
}
