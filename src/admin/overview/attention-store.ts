/** What waits for somebody, counted and named: the latest or the most of each, never all of it. */
import type { Database } from '../../storage/transactions.ts';
import type { Reach } from '../frame/actor.ts';

/** Enough to see what it is about; the list behind the link has the rest. */
const SHOWN = 5;
const DAY_MS = 86_400_000;
const CREDENTIAL_DAYS = 30;
const ALARM_DAYS = 7;
const LEAVER_DAYS = 30;
const REVIEW_DAYS = 7;

export function createAttentionStore({ database, now }: { database: Database; now: () => Date }) {
  const db = () => database.current();
  const inDays = (days: number) => new Date(now().getTime() + days * DAY_MS);
  /** Postgres takes no list that is left out. */
  const within = (reach: Reach) => ({ all: reach === undefined, ids: [...(reach ?? [])] });

  return {
    /** Whether anything was set up here at all: an MCP server, a connection. */
    async beginnings() {
      const servers = await db().resource.count({ where: { builtIn: false } });
      const connections = await db().connection.count({ where: { removedAt: null } });
      return { servers: servers > 0, connections: connections > 0 };
    },
    async approvals(reach: Reach) {
      const where = { state: 'pending', ...(reach ? { resourceId: { in: [...reach] } } : {}) };
      const { _count, _min } = await db().approvalRequest.aggregate({
        where,
        _count: true,
        _min: { createdAt: true },
      });
      return { waiting: _count, oldest: _min.createdAt };
    },
    /** By what changed: the client with the most consents first. */
    async suspended(reach: Reach) {
      const { all, ids } = within(reach);
      const rows = await db().$queryRaw<
        { clientId: string; clientName: string | null; reason: string | null; consents: number; total: number }[]
      >`
        SELECT c.client_id AS "clientId", k.metadata ->> 'client_name' AS "clientName", c.suspended_reason AS reason,
          count(*)::int AS consents, (sum(count(*)) OVER ())::int AS total
        FROM consents c JOIN clients k ON k.id = c.client_id
        WHERE c.suspended_at IS NOT NULL AND c.revoked_at IS NULL AND c.expires_at > ${now()}
          AND (${all} OR c.resource_id = ANY(${ids}))
        GROUP BY 1, 2, 3 ORDER BY consents DESC, 1 LIMIT ${SHOWN}`;
      const clients = rows.map(({ total: _total, reason, clientName, ...row }) => ({
        ...row,
        clientName: clientName ?? '',
        reasons: (reason ?? '').split(' ').filter(Boolean),
      }));
      return { consents: rows[0]?.total ?? 0, clients };
    },
    /** MCP servers with scopes that are to read differently. */
    async proposals(reach: Reach) {
      const { all, ids } = within(reach);
      return db().$queryRaw<{ resourceId: string; resourceName: string; scopes: string[]; since: Date }[]>`
        SELECT r.id AS "resourceId", r.name AS "resourceName", array_agg(s.name ORDER BY s.position) AS scopes,
          min(s.proposed_at) AS since
        FROM resource_scopes s JOIN resources r ON r.id = s.resource_id
        WHERE s.proposed_at IS NOT NULL AND NOT r.built_in AND (${all} OR r.id = ANY(${ids}))
        GROUP BY r.id ORDER BY since, r.id`;
    },
    /** Secrets and certificates of connections, and tokens of their directories, that end soon or have ended. */
    async credentials() {
      const connections = await db().connection.findMany({
        where: { removedAt: null, credentialEndsAt: { lt: inDays(CREDENTIAL_DAYS) } },
        select: { id: true, name: true, credentialEndsAt: true },
        orderBy: { credentialEndsAt: 'asc' },
      });
      const tokens = await db().$queryRaw<{ connectionId: string; name: string; endsAt: Date }[]>`
        SELECT t.connection_id AS "connectionId", c.name, max(t.expires_at) AS "endsAt"
        FROM scim_tokens t JOIN connections c ON c.id = t.connection_id
        WHERE t.revoked_at IS NULL AND c.removed_at IS NULL
        GROUP BY 1, 2
        HAVING bool_and(t.expires_at IS NOT NULL) AND max(t.expires_at) BETWEEN ${inDays(-CREDENTIAL_DAYS)} AND ${inDays(CREDENTIAL_DAYS)}
        ORDER BY 3`;
      return [
        ...connections.flatMap(({ id, name, credentialEndsAt: endsAt }) =>
          endsAt ? [{ kind: 'connection' as const, connectionId: id, name, endsAt }] : [],
        ),
        ...tokens.map((token) => ({ kind: 'scim' as const, ...token })),
      ];
    },
    /** Connections whose last trip to the provider failed. */
    async failing() {
      const rows = await db().connection.findMany({
        where: { removedAt: null, lastFailureAt: { not: null } },
        select: { id: true, name: true, lastFailure: true, lastFailureAt: true, lastSuccessAt: true },
        orderBy: { lastFailureAt: 'desc' },
      });
      return rows.flatMap(({ id, name, lastFailure, lastFailureAt: at, lastSuccessAt }) =>
        at && !(lastSuccessAt && lastSuccessAt >= at)
          ? [{ connectionId: id, name, failure: lastFailure ?? '', at }]
          : [],
      );
    },
    /** Of the last days, each once; those about credentials are above. */
    async alarms() {
      return db().$queryRaw<{ connectionId: string; name: string; reason: string; at: Date }[]>`
        SELECT e.details ->> 'connection' AS "connectionId", c.name, e.reason, max(e.at) AS at
        FROM audit_events e JOIN connections c ON c.id = e.details ->> 'connection' AND c.removed_at IS NULL
        WHERE e.type = 'connection.alarm' AND e.at > ${inDays(-ALARM_DAYS)}
          AND e.reason NOT IN ('credential_ends', 'credential_ended')
        GROUP BY 1, 2, 3 ORDER BY at DESC LIMIT ${SHOWN}`;
    },
    /** Who is said to have left and can still sign in. */
    async leavers() {
      return db().$queryRaw<{ accountId: string; person: string; why: string; at: Date }[]>`
        SELECT a.id AS "accountId", coalesce(nullif(a.email, ''), nullif(a.name, ''), a.id) AS person, e.reason AS why,
          max(e.at) AS at
        FROM audit_events e JOIN accounts a ON a.id = e.account_id AND a.disabled_at IS NULL
        WHERE e.type = 'account.leaver_kept' AND e.at > ${inDays(-LEAVER_DAYS)}
        GROUP BY 1, 2, 3 ORDER BY at DESC LIMIT ${SHOWN}`;
    },
    async undelivered(): Promise<number> {
      return db().outboxMessage.count({ where: { failedAt: { not: null }, deliveredAt: null } });
    },
    /** Newest first. What they say is sealed, and stays so. */
    async listUndelivered(limit: number) {
      return db().outboxMessage.findMany({
        where: { failedAt: { not: null }, deliveredAt: null },
        select: { id: true, sink: true, kind: true, createdAt: true, attempts: true, lastError: true },
        orderBy: [{ createdAt: 'desc' }, { id: 'asc' }],
        take: limit,
      });
    },
    /** Open reviews that end soon and have unanswered access in them. */
    async reviews(reach: Reach) {
      const { all, ids } = within(reach);
      return db().$queryRaw<{ id: string; name: string; dueAt: Date; pending: number }[]>`
        SELECT r.id, r.name, r.due_at AS "dueAt", count(i.id)::int AS pending
        FROM review_campaigns r JOIN review_items i ON i.campaign_id = r.id AND i.decision = 'pending'
        WHERE r.closed_at IS NULL AND r.due_at < ${inDays(REVIEW_DAYS)}
          AND (${all} OR (r.subject = 'resource' AND r.subject_id = ANY(${ids})))
        GROUP BY r.id ORDER BY r.due_at, r.id LIMIT ${SHOWN}`;
    },
  };
}
