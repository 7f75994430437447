/** Access reviews: who may start one, and what reviewers see of them. */
import { events } from '../audit/events.ts';
import { AppError } from '../errors.ts';
import type { Listed } from '../web/cursor.ts';
import { cutPage, PAGE_ROWS, readCursor, readMoment } from '../web/cursor.ts';
import {
  assertWithinReach,
  type Campaign,
  type CampaignEntry,
  dueAfter,
  isWithinReach,
  MAX_ITEMS,
  parseName,
  type ReviewDecision,
  type Reviewer,
  type ReviewItem,
} from './campaign.ts';
import { createDecisions, type DecisionsDeps } from './decisions.ts';
import { createEndings } from './endings.ts';
import type { ReviewItemsStore } from './items-store.ts';
import type { ReviewStore, Subject } from './store.ts';

export type Reviews = ReturnType<typeof createReviews>;

export interface ReviewsDeps extends DecisionsDeps {
  items: ReviewItemsStore;
}

const CAMPAIGNS = 20;

export function createReviews(deps: ReviewsDeps) {
  const { store, items, database, audit, now } = deps;

  async function find(id: string, reviewer: Pick<Reviewer, 'reach'>): Promise<CampaignEntry> {
    const campaign = await store.find(id, now());
    assertWithinReach(campaign, reviewer);
    return campaign;
  }

  return {
    find,
    /** Newest first. */
    async list(reviewer: Pick<Reviewer, 'reach'>, cursor?: string): Promise<Listed<CampaignEntry>> {
      const [createdAt, id] = readCursor(cursor, 2) ?? [];
      const after = createdAt ? { createdAt: readMoment(createdAt), id: String(id) } : undefined;
      const rows = await store.list({ reach: reviewer.reach, after, limit: CAMPAIGNS + 1, at: now() });
      return cutPage(rows, CAMPAIGNS, (row) => [row.createdAt.toISOString(), row.id]);
    },
    /** @throws AppError 404 `unknown_review` */
    async listItems(
      reviewer: Pick<Reviewer, 'reach'>,
      page: { campaignId: string; decision?: ReviewDecision | undefined; cursor?: string | undefined },
    ): Promise<Listed<ReviewItem>> {
      const { campaignId, decision, cursor } = page;
      assertWithinReach(await store.look(campaignId), reviewer);
      const after = readCursor(cursor, 1)?.[0];
      const rows = await items.list({
        ...{ campaignId, decision, limit: PAGE_ROWS + 1, at: now() },
        ...(after ? { after: String(after) } : {}),
      });
      return cutPage(rows, PAGE_ROWS, ({ id }) => [id]);
    },
    /** How many would be asked about, before a review begins. */
    countLiving: (subject: Subject): Promise<number> => store.countLiving(subject, now()),
    /**
     * One item for each living consent.
     * @param wanted.days 1 to 90, by when answers are due
     * @throws AppError 404 `unknown_subject`, 409 `review_open`, `nothing_to_review`, `too_many`, 400
     */
    async start(reviewer: Reviewer, wanted: Subject & { name: string; days: number }) {
      const { subject, subjectId } = wanted;
      const campaign = {
        ...{ subject, subjectId, name: parseName(wanted.name), createdBy: reviewer.accountId },
        ...{ createdAt: now(), dueAt: dueAfter(wanted.days, now()) },
      };
      return database.unit(async () => {
        await store.holdSubject(wanted);
        await assertStartable(store, reviewer, wanted, now());
        const started = await store.create(campaign);
        const about = { subject, of: subjectId, due: campaign.dueAt.toISOString(), items: started.items };
        await audit.record(events.reviewStarted({}, { review: started.id, name: campaign.name, ...about }));
        return started;
      });
    },
    ...createDecisions(deps),
    ...createEndings(deps),
  };
}

async function assertStartable(store: ReviewStore, reviewer: Reviewer, wanted: Subject, at: Date): Promise<void> {
  const { subject, subjectId } = wanted;
  const within = isWithinReach({ subject, subjectId } as Campaign, reviewer);
  if (!within || !(await store.isKnown(wanted))) {
    throw new AppError('unknown_subject', 404, 'There is no such MCP server or client.');
  }
  if (await store.findOpen(wanted)) {
    throw new AppError('review_open', 409, 'A review of the same is open already: finish that one first.');
  }
  const count = await store.countLiving(wanted, at);
  if (count === 0) throw new AppError('nothing_to_review', 409, 'Nobody has access: there is nothing to review.');
  if (count > MAX_ITEMS) {
    const smaller = 'Review an MCP server and a client of fewer people, or each client by itself.';
    throw new AppError('too_many', 409, `${count} consents are more than one review holds (${MAX_ITEMS}). ${smaller}`);
  }
}
