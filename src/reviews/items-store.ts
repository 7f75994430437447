/** Reads what is under review: in pages for reviewers, whole for the evidence. */
import { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';
import type { ReviewDecision, ReviewItem } from './campaign.ts';
import { decisionAt } from './store.ts';

export type ReviewItemsStore = ReturnType<typeof createReviewItemsStore>;

interface Row {
  id: string;
  consent_id: string;
  snapshot: {
    accountId: string;
    email: string;
    clientId: string;
    clientName: unknown;
    redirectUri: string;
    actingFor: string | null;
    resourceUri: string;
    resourceName: string;
    scopes: string[];
    approvedAt: string;
    lastUsedAt: string | null;
  };
  decision: ReviewDecision;
  decided_by: string | null;
  decided_by_email: string | null;
  person_name: string | null;
  decided_at: Date | null;
  note: string | null;
}

/** How names and addresses of others are shown. */
export interface Shown {
  displayName: (name: unknown) => string;
  /** '' for the device flow */
  hostOf: (redirectUri: string) => string;
}

export function createReviewItemsStore({ database, displayName, hostOf }: { database: Database } & Shown) {
  return {
    /** In the order of people's addresses. @param page.after the id of the last item of the page before */
    async list(page: {
      campaignId: string;
      decision?: ReviewDecision | undefined;
      after?: string | undefined;
      limit: number;
      at: Date;
    }): Promise<ReviewItem[]> {
      // Every item's id begins with that of its review.
      const { campaignId, decision, after = campaignId, limit, at } = page;
      const wanted = decision === undefined ? Prisma.sql`true` : Prisma.sql`${decisionAt(at)} = ${decision}`;
      const rows = await database.current().$queryRaw<Row[]>`
        ${selected(at)} WHERE i.campaign_id = ${campaignId} AND i.id > ${after} AND ${wanted} ORDER BY i.id LIMIT ${limit}`;
      return rows.map(toItem);
    },
  };

  function toItem(row: Row): ReviewItem {
    const { snapshot } = row;
    return {
      id: row.id,
      consentId: row.consent_id,
      accountId: snapshot.accountId,
      email: snapshot.email,
      personName: row.person_name ?? '',
      clientId: snapshot.clientId,
      clientName: displayName(snapshot.clientName),
      clientHost: hostOf(snapshot.redirectUri),
      actingFor: snapshot.actingFor ?? undefined,
      resourceUri: snapshot.resourceUri,
      resourceName: snapshot.resourceName,
      scopes: snapshot.scopes,
      since: new Date(snapshot.approvedAt),
      lastUsedAt: snapshot.lastUsedAt === null ? undefined : new Date(snapshot.lastUsedAt),
      decision: row.decision,
      decidedBy: row.decided_by ?? undefined,
      decidedByEmail: row.decided_by_email ?? undefined,
      decidedAt: row.decided_at ?? undefined,
      note: row.note ?? undefined,
    };
  }
}

function selected(at: Date): Prisma.Sql {
  return Prisma.sql`
    SELECT i.id, i.consent_id, i.snapshot, ${decisionAt(at)} AS decision, i.decided_by, i.decided_at, i.note,
      d.email AS decided_by_email, p.name AS person_name
    FROM review_items i JOIN consents c ON c.id = i.consent_id JOIN accounts p ON p.id = c.account_id
      LEFT JOIN accounts d ON d.id = i.decided_by`;
}
