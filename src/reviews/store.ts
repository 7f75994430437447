/** Queries on access reviews; those that change something run in the caller's unit. */
import { randomBytes } from 'node:crypto';
import { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';
import {
  type Campaign,
  type CampaignEntry,
  DECISIONS,
  type ReviewCounts,
  type ReviewDecision,
  type Reviewer,
  type ReviewSubject,
} from './campaign.ts';

export type ReviewStore = ReturnType<typeof createReviewStore>;

export type NewCampaign = Omit<Campaign, 'id' | 'closedAt'>;

/** What a review is over. */
export interface Subject {
  subject: ReviewSubject;
  subjectId: string;
}

/** An item as it is while it is held for a decision. */
export interface HeldItem {
  id: string;
  consentId: string;
  accountId: string;
  clientId: string;
  resourceUri: string;
  scopes: string[];
  decision: ReviewDecision;
  /** Whether the consent still gives access. */
  living: boolean;
}

export interface Decided {
  decision: ReviewDecision;
  decidedBy: string | null;
  decidedAt: Date | null;
  note: string | null;
}

type Row = Prisma.ReviewCampaignGetPayload<object>;

export function createReviewStore(database: Database) {
  async function toEntries(rows: Row[], at: Date): Promise<CampaignEntry[]> {
    const db = database.current();
    const counts = await countsOf(
      db,
      rows.map(({ id }) => id),
      at,
    );
    const names = await namesOf(db, rows);
    return rows.map((row) => ({
      ...toCampaign(row),
      subjectName: names.subjects.get(row.subjectId)?.name ?? '',
      subjectAddress: names.subjects.get(row.subjectId)?.address ?? row.subjectId,
      createdByEmail: names.emails.get(row.createdBy) ?? '',
      counts: counts.get(row.id) ?? noCounts(),
    }));
  }

  return {
    /** One review over the same at a time; of two who start one, the second waits here for the first. */
    async holdSubject({ subject, subjectId }: Subject): Promise<void> {
      const lock = `consentry/review ${subject} ${subjectId}`;
      await database.write((tx) => tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${lock}, 0))`);
    },
    async findOpen({ subject, subjectId }: Subject): Promise<Campaign | undefined> {
      const where = { subject, subjectId, closedAt: null };
      const row = await database.current().reviewCampaign.findFirst({ where });
      return row ? toCampaign(row) : undefined;
    },
    /** Whether there is such an MCP server or client. */
    async isKnown({ subject, subjectId: id }: Subject): Promise<boolean> {
      const db = database.current();
      return subject === 'resource'
        ? (await db.resource.count({ where: { id } })) > 0
        : (await db.client.count({ where: { id } })) > 0;
    },
    /** How many living consents a review would hold. */
    async countLiving(of: Subject, at: Date): Promise<number> {
      const [row] = await database.current().$queryRaw<{ count: number }[]>`
        SELECT count(*)::int AS count FROM consents c WHERE ${ofSubject(of)} AND ${living(at)}`;
      return row?.count ?? 0;
    },
    /** With an item for every living consent, numbered in the order of people's addresses; the consents are held in their own. */
    async create(campaign: NewCampaign): Promise<Campaign & { items: number }> {
      const id = randomBytes(8).toString('hex');
      return database.write(async (tx) => {
        const row = await tx.reviewCampaign.create({ data: { id, ...campaign } });
        const items = await tx.$executeRaw`
          INSERT INTO review_items (id, campaign_id, consent_id, snapshot)
          SELECT ${id} || '.' || lpad((row_number() OVER (ORDER BY a.email, k.id, c.id))::text, 6, '0'), ${id}, c.id,
            jsonb_build_object('accountId', a.id, 'email', a.email, 'clientId', k.id,
              'clientName', k.metadata -> 'client_name', 'redirectUri', c.redirect_uri,
              'actingFor', c.downstream_client_id, 'resourceUri', r.uri, 'resourceName', r.name, 'scopes', c.scopes,
              'approvedAt', c.approved_at, 'lastUsedAt', c.last_used_at)
          FROM consents c JOIN accounts a ON a.id = c.account_id JOIN clients k ON k.id = c.client_id
            JOIN resources r ON r.id = c.resource_id
          WHERE ${ofSubject(campaign)} AND ${living(campaign.createdAt)} ORDER BY c.id`;
        return { ...toCampaign(row), items };
      });
    },
    /** Without how far it is. */
    async look(id: string): Promise<Campaign | undefined> {
      const row = await database.current().reviewCampaign.findUnique({ where: { id } });
      return row ? toCampaign(row) : undefined;
    },
    async find(id: string, at: Date): Promise<CampaignEntry | undefined> {
      const row = await database.current().reviewCampaign.findUnique({ where: { id } });
      return row ? (await toEntries([row], at))[0] : undefined;
    },
    /** Newest first. @param after the last of the page before */
    async list(page: {
      reach: Reviewer['reach'];
      after: { createdAt: Date; id: string } | undefined;
      limit: number;
      at: Date;
    }): Promise<CampaignEntry[]> {
      const { reach, after, limit, at } = page;
      const rows = await database.current().reviewCampaign.findMany({
        where: {
          ...(reach ? { subject: 'resource', subjectId: { in: [...reach] } } : {}),
          ...(after
            ? { OR: [{ createdAt: { lt: after.createdAt } }, { createdAt: after.createdAt, id: { lt: after.id } }] }
            : {}),
        },
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take: limit,
      });
      return toEntries(rows, at);
    },
    /** Until the unit ends nobody closes it (`share`), or nobody decides either (`whole`). */
    async hold(id: string, how: 'share' | 'whole'): Promise<Campaign | undefined> {
      const lock = how === 'share' ? Prisma.sql`FOR SHARE` : Prisma.sql`FOR UPDATE`;
      return database.write(async (tx) => {
        await tx.$queryRaw`SELECT id FROM review_campaigns WHERE id = ${id} ${lock}`;
        const row = await tx.reviewCampaign.findUnique({ where: { id } });
        return row ? toCampaign(row) : undefined;
      });
    },
    /** The review that is past its date for longest and that no other process is ending at this moment; held. */
    async holdDue(at: Date): Promise<Campaign | undefined> {
      return database.write(async (tx) => {
        const [held] = await tx.$queryRaw<{ id: string }[]>`
          SELECT id FROM review_campaigns WHERE closed_at IS NULL AND due_at <= ${at}
          ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED`;
        const row = held && (await tx.reviewCampaign.findUnique({ where: { id: held.id } }));
        return row ? toCampaign(row) : undefined;
      });
    },
    async setDue(id: string, dueAt: Date): Promise<void> {
      await database.write((tx) => tx.reviewCampaign.update({ where: { id }, data: { dueAt } }));
    },
    async setClosed(id: string, closedAt: Date): Promise<void> {
      await database.write((tx) => tx.reviewCampaign.update({ where: { id }, data: { closedAt } }));
    },
    ...decisionQueries(database),
  };
}

function decisionQueries(database: Database) {
  return {
    /** Those of the items that there are, held until the unit ends. */
    async holdItems(campaignId: string, ids: readonly string[], at: Date): Promise<HeldItem[]> {
      return database.write(async (tx) => {
        const where = Prisma.sql`i.id = ANY(${[...ids]})`;
        return tx.$queryRaw<HeldItem[]>(heldItems(campaignId, where, ids.length, at));
      });
    },
    async holdPending(campaignId: string, limit: number, at: Date): Promise<HeldItem[]> {
      return database.write(async (tx) => {
        const where = Prisma.sql`i.decision = 'pending'`;
        return tx.$queryRaw<HeldItem[]>(heldItems(campaignId, where, limit, at));
      });
    },
    async decide(ids: readonly string[], decided: Decided): Promise<void> {
      if (ids.length === 0) return;
      await database.write((tx) => tx.reviewItem.updateMany({ where: { id: { in: [...ids] } }, data: { ...decided } }));
    },
    /** Whether anybody else may decide in this review. */
    async hasOtherReviewer({ subject, subjectId }: Subject, accountId: string): Promise<boolean> {
      const ownsIt =
        subject === 'resource'
          ? Prisma.sql`(m.role_id = 'resource-owner' AND EXISTS (SELECT 1 FROM resource_owners o
              WHERE o.account_id = a.id AND o.resource_id = ${subjectId}))`
          : Prisma.sql`false`;
      const rows = await database.current().$queryRaw<unknown[]>`
        SELECT 1 FROM accounts a WHERE a.id <> ${accountId} AND a.disabled_at IS NULL
          AND (a.role = 'owner' OR EXISTS (SELECT 1 FROM account_roles m
            WHERE m.account_id = a.id AND (m.role_id = 'admin' OR ${ownsIt}))) LIMIT 1`;
      return rows.length > 0;
    },
  };
}

/** A consent through a proxy is also one with the client that the proxy acts for. */
function ofSubject({ subject, subjectId }: Subject): Prisma.Sql {
  return subject === 'resource'
    ? Prisma.sql`c.resource_id = ${subjectId}`
    : Prisma.sql`(c.client_id = ${subjectId} OR c.downstream_client_id = ${subjectId})`;
}

function living(at: Date): Prisma.Sql {
  return Prisma.sql`c.revoked_at IS NULL AND c.expires_at > ${at}`;
}

/** In one order for everybody, so that no two wait for each other. */
function heldItems(campaignId: string, which: Prisma.Sql, limit: number, at: Date): Prisma.Sql {
  return Prisma.sql`
    SELECT i.id, i.consent_id AS "consentId", c.account_id AS "accountId", c.client_id AS "clientId",
      i.snapshot ->> 'resourceUri' AS "resourceUri", c.scopes, i.decision, (${living(at)}) AS living
    FROM review_items i JOIN consents c ON c.id = i.consent_id
    WHERE i.campaign_id = ${campaignId} AND ${which} ORDER BY i.id LIMIT ${limit} FOR UPDATE OF i`;
}

async function countsOf(
  db: Prisma.TransactionClient,
  ids: readonly string[],
  at: Date,
): Promise<Map<string, ReviewCounts>> {
  const rows = await db.$queryRaw<{ campaignId: string; decision: ReviewDecision; count: number }[]>`
    SELECT i.campaign_id AS "campaignId", ${decisionAt(at)} AS decision, count(*)::int AS count
    FROM review_items i LEFT JOIN consents c ON i.decision = 'pending' AND c.id = i.consent_id
    WHERE i.campaign_id = ANY(${[...ids]}) GROUP BY 1, 2`;
  const found = new Map(ids.map((id) => [id, noCounts()]));
  for (const { campaignId, decision, count } of rows) (found.get(campaignId) ?? noCounts())[decision] = count;
  return found;
}

/** What ended by itself is `gone` before anybody has written so. */
export function decisionAt(at: Date): Prisma.Sql {
  return Prisma.sql`
    CASE WHEN i.decision = 'pending' AND (c.revoked_at IS NOT NULL OR c.expires_at <= ${at}) THEN 'gone' ELSE i.decision END`;
}

async function namesOf(db: Prisma.TransactionClient, rows: Row[]) {
  const idsOf = (kind: ReviewSubject) => rows.filter(({ subject }) => subject === kind).map((row) => row.subjectId);
  const resources = await db.resource.findMany({ where: { id: { in: idsOf('resource') } } });
  const clients = await db.client.findMany({ where: { id: { in: idsOf('client') } } });
  const accounts = await db.account.findMany({
    where: { id: { in: rows.map(({ createdBy }) => createdBy) } },
    select: { id: true, email: true },
  });
  return {
    subjects: new Map([
      ...resources.map(({ id, name, uri }) => [id, { name, address: uri }] as const),
      ...clients.map(({ id, metadata }) => [id, { name: nameIn(metadata), address: id }] as const),
    ]),
    emails: new Map(accounts.map(({ id, email }) => [id, email])),
  };
}

function nameIn(metadata: unknown): string {
  const name = (metadata as { client_name?: unknown } | null)?.client_name;
  return typeof name === 'string' ? name : '';
}

function toCampaign({ closedAt, subject, ...row }: Row): Campaign {
  return { ...row, subject: subject as ReviewSubject, closedAt: closedAt ?? undefined };
}

function noCounts(): ReviewCounts {
  return Object.fromEntries(DECISIONS.map((decision) => [decision, 0])) as ReviewCounts;
}
