/** What came of an access review, to keep: a table, and a statement that this server signs (RFC 7515). */
import { randomUUID } from 'node:crypto';
import { CompactSign, importJWK, type JWK } from 'jose';
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import type { Database } from '../storage/transactions.ts';
import { csvRecord } from '../web/csv.ts';
import {
  assertWithinReach,
  type CampaignEntry,
  MAX_ITEMS,
  type ReviewCounts,
  type Reviewer,
  type ReviewItem,
  stateOf,
} from './campaign.ts';
import type { ReviewItemsStore } from './items-store.ts';
import type { ReviewStore } from './store.ts';

export type Evidence = ReturnType<typeof createEvidence>;

/** Of its own, so that nobody can take the statement for a token. */
export const EVIDENCE_TYPE = 'consentry-review+jwt';
const ALG = 'ES256';

export interface EvidenceDeps {
  store: Pick<ReviewStore, 'find'>;
  items: Pick<ReviewItemsStore, 'list'>;
  database: Database;
  audit: Audit;
  /** The private key that signs at this moment; its public half is in the key set that this server publishes. */
  signingKey: () => Promise<JWK & { kid: string }>;
  issuer: string;
  now: () => Date;
}

export function createEvidence({ store, items, database, audit, signingKey, issuer, now }: EvidenceDeps) {
  /** The whole review in one look: counts and items are of the same moment. */
  async function collect(reviewer: Pick<Reviewer, 'reach'>, id: string, format: string) {
    const at = now();
    const campaign = await store.find(id, at);
    assertWithinReach(campaign, reviewer);
    const all = await items.list({ campaignId: id, limit: MAX_ITEMS, at });
    const counts = countOf(all, campaign.counts);
    const about = { review: id, name: campaign.name, format, state: stateOf(campaign, at), items: all.length };
    await audit.record(events.reviewExported({}, about));
    return { at, campaign: { ...campaign, counts }, all };
  }

  return {
    /** @throws AppError 404 `unknown_review` */
    csv(reviewer: Pick<Reviewer, 'reach'>, id: string): Promise<string> {
      return database.unit(async () => {
        const { campaign, all } = await collect(reviewer, id, 'csv');
        return [csvRecord(COLUMNS), ...all.map((item) => csvRecord(cellsOf(campaign, item)))].join('');
      });
    },
    /**
     * A JWS in compact form, of type {@link EVIDENCE_TYPE}; `state` says whether the review has ended.
     * @throws AppError 404 `unknown_review`
     */
    signed(reviewer: Pick<Reviewer, 'reach'>, id: string): Promise<string> {
      return database.unit(async () => {
        const { at, campaign, all } = await collect(reviewer, id, 'jws');
        const { kid, ...jwk } = await signingKey();
        const claims = {
          iss: issuer,
          iat: Math.floor(at.getTime() / 1000),
          jti: randomUUID(),
          review: describe(campaign, at),
          items: all.map(describeItem),
        };
        return new CompactSign(Buffer.from(JSON.stringify(claims)))
          .setProtectedHeader({ alg: ALG, kid, typ: EVIDENCE_TYPE })
          .sign(await importJWK(jwk, ALG));
      });
    },
  };
}

const COLUMNS = [
  ...['review', 'review_id', 'item', 'person', 'account_id', 'client', 'client_id', 'client_host', 'acting_for'],
  ...['server', 'server_name', 'scopes', 'since', 'last_used', 'decision', 'decided_by', 'decided_by_id', 'decided_at'],
  'note',
];

function cellsOf({ id, name }: CampaignEntry, item: ReviewItem): (string | undefined)[] {
  return [
    ...[name, id, item.id, item.email, item.accountId, item.clientName, item.clientId, item.clientHost],
    ...[item.actingFor, item.resourceUri, item.resourceName, item.scopes.join(' ')],
    ...[item.since.toISOString(), item.lastUsedAt?.toISOString(), item.decision, item.decidedByEmail],
    ...[item.decidedBy, item.decidedAt?.toISOString(), item.note],
  ];
}

function describe(campaign: CampaignEntry, at: Date) {
  const { id, name, subject, subjectAddress, subjectName, createdBy, createdByEmail, counts } = campaign;
  return {
    ...{ id, name, subject, of: subjectAddress, of_name: subjectName },
    state: stateOf(campaign, at),
    started_by: { id: createdBy, email: createdByEmail },
    started_at: campaign.createdAt.toISOString(),
    due_at: campaign.dueAt.toISOString(),
    closed_at: campaign.closedAt?.toISOString() ?? null,
    counts,
  };
}

function describeItem(item: ReviewItem) {
  const { decidedBy, decidedByEmail } = item;
  return {
    ...{ id: item.id, consent: item.consentId },
    person: { id: item.accountId, email: item.email },
    client: { id: item.clientId, name: item.clientName, host: item.clientHost, acting_for: item.actingFor ?? null },
    server: { uri: item.resourceUri, name: item.resourceName },
    scopes: item.scopes,
    since: item.since.toISOString(),
    last_used_at: item.lastUsedAt?.toISOString() ?? null,
    decision: item.decision,
    decided_by: decidedBy === undefined ? null : { id: decidedBy, email: decidedByEmail ?? '' },
    decided_at: item.decidedAt?.toISOString() ?? null,
    note: item.note ?? null,
  };
}

function countOf(items: readonly ReviewItem[], like: ReviewCounts): ReviewCounts {
  const counts = Object.fromEntries(Object.keys(like).map((decision) => [decision, 0])) as ReviewCounts;
  for (const { decision } of items) counts[decision] += 1;
  return counts;
}
