/** The end of a review: what nobody answered for ends with it, in short units, by one process at a time. */
import { events } from '../audit/events.ts';
import { assertOpen, assertWithinReach, type Campaign, type Reviewer } from './campaign.ts';
import type { DecisionsDeps } from './decisions.ts';
import { createTelling } from './telling.ts';

/** Of items in one unit of work. */
const BATCH = 200;

export function createEndings(deps: DecisionsDeps) {
  const { store, database, audit, revoke, now } = deps;
  const tellPeople = createTelling(deps);

  /** One batch of what nobody answered for; after the last one the review is closed. Holds the whole review. */
  async function expireBatch(campaign: Campaign): Promise<boolean> {
    const pending = await store.holdPending(campaign.id, BATCH, now());
    const alive = pending.filter(({ living }) => living).map(({ consentId }) => consentId);
    const ended = alive.length === 0 ? [] : await revoke(alive, 'review_unanswered');
    const expired = new Set(idsOf(ended));
    const decided = { decidedBy: null, decidedAt: now(), note: null };
    const [ours, others] = partition(pending, ({ consentId }) => expired.has(consentId));
    await store.decide(idsOf(ours), { decision: 'expired', ...decided });
    await store.decide(idsOf(others), { decision: 'gone', ...decided });
    if (pending.length === BATCH) {
      await tellPeople(campaign, [...new Set(pending.map(({ accountId }) => accountId))]);
      return false;
    }
    await tellPeople(campaign);
    await store.setClosed(campaign.id, now());
    const counts = (await store.find(campaign.id, now()))?.counts;
    await audit.record(events.reviewClosed({}, { review: campaign.id, name: campaign.name, ...counts }));
    return true;
  }

  return {
    /**
     * Ends a review before its date: from now on nobody decides, and what nobody answered for ends as it would have then.
     * Many of those may still be ending when this returns.
     * @returns how many had no answer, and whether all is done
     * @throws AppError 404 `unknown_review`, 409 `review_closed`
     */
    close(reviewer: Reviewer, id: string): Promise<{ undecided: number; closed: boolean }> {
      return database.unit(async () => {
        const campaign = await store.hold(id, 'whole');
        assertWithinReach(campaign, reviewer);
        assertOpen(campaign, now());
        const undecided = (await store.find(id, now()))?.counts.pending ?? 0;
        await store.setDue(id, now());
        const due = campaign.dueAt.toISOString();
        await audit.record(events.reviewEndedEarly({}, { review: id, name: campaign.name, due, undecided }));
        return { undecided, closed: await expireBatch(campaign) };
      });
    },
    /** Ends what is past its date, in units of a few hundred. Any number of processes may do so at once. */
    async expire(): Promise<void> {
      for (;;) {
        const found = await database.unit(async () => {
          const campaign = await store.holdDue(now());
          if (campaign) await expireBatch(campaign);
          return campaign !== undefined;
        });
        if (!found) return;
      }
    },
  };
}

function idsOf(rows: readonly { id: string }[]): string[] {
  return rows.map(({ id }) => id);
}

function partition<Item>(all: readonly Item[], is: (item: Item) => boolean): [Item[], Item[]] {
  return [all.filter(is), all.filter((item) => !is(item))];
}
