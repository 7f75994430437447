/** What reviewers say of single items: each decision holds the review open and its items still. */
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import { AppError } from '../errors.ts';
import type { Database } from '../storage/transactions.ts';
import { assertOpen, assertWithinReach, type Campaign, parseNote, type Reviewer } from './campaign.ts';
import type { Decided, HeldItem, ReviewStore } from './store.ts';
import { createTelling, type TellingDeps } from './telling.ts';

/** What came of a decision on several items. */
export interface Outcome {
  changed: number;
  /** The reviewer's own access, which somebody else has to attest. */
  own: number;
  /** Ended meanwhile, by itself. */
  gone: number;
  /** Answered before, by whomever. */
  answered: number;
}

/** Ends living consents with their tokens. @returns those that it ended */
export type Revoke = (
  consentIds: readonly string[],
  reason: 'review_revoked' | 'review_unanswered',
) => Promise<readonly { id: string }[]>;

export interface DecisionsDeps extends TellingDeps {
  store: ReviewStore;
  database: Database;
  audit: Audit;
  revoke: Revoke;
}

/** Of items in one decision. */
export const MAX_SELECTED = 200;

interface Selection {
  campaignId: string;
  ids: readonly string[];
}

export function createDecisions(deps: DecisionsDeps) {
  const { store, database, audit, now } = deps;
  const tellPeople = createTelling(deps);

  /** Holds the review open and the items still; `rule` says which of them change. */
  async function decide(
    reviewer: Reviewer,
    wanted: Selection,
    rule: (held: HeldItem[], campaign: Campaign) => Promise<Outcome>,
  ): Promise<Outcome> {
    const ids = [...new Set(wanted.ids)];
    if (ids.length === 0 || ids.length > MAX_SELECTED) {
      throw new AppError('bad_selection', 400, `Choose between 1 and ${MAX_SELECTED} at a time.`);
    }
    return database.unit(async () => {
      const campaign = await store.hold(wanted.campaignId, 'share');
      assertWithinReach(campaign, reviewer);
      assertOpen(campaign, now());
      const held = await store.holdItems(campaign.id, ids, now());
      if (held.length < ids.length) throw new AppError('unknown_review_item', 404, 'This is not part of the review.');
      const ended = held.filter(({ decision, living }) => decision === 'pending' && !living);
      await store.decide(idsOf(ended), gone());
      const rest = held.filter((item) => !ended.includes(item));
      const outcome = await rule(rest, campaign);
      await tellPeople(campaign, [...new Set(held.map(({ accountId }) => accountId))]);
      return { ...outcome, gone: outcome.gone + ended.length };
    });
  }

  /** What somebody said of items, and the record of it. */
  async function write(
    campaign: Campaign,
    items: readonly HeldItem[],
    decided: Decided,
    reason: string,
  ): Promise<void> {
    await store.decide(idsOf(items), decided);
    await audit.recordAll(
      items.map(({ id, consentId, accountId, clientId, resourceUri, scopes, decision }) =>
        events.reviewAnswered(
          { accountId, clientId, resource: resourceUri, scopes, consentId },
          { review: campaign.id, item: id, before: decision, after: decided.decision, note: decided.note },
          reason,
        ),
      ),
    );
  }

  return {
    /**
     * Attests that the access is still right. Nobody attests their own while another reviewer exists.
     * @throws AppError 403 `own_access` where nothing else was chosen, 404 `unknown_review`, `unknown_review_item`,
     *   409 `review_closed`, 400
     */
    async keep(reviewer: Reviewer, wanted: Selection & { note?: string | undefined }): Promise<Outcome> {
      const note = parseNote(wanted.note) ?? null;
      return decide(reviewer, wanted, async (held, campaign) => {
        const pending = held.filter(({ decision }) => decision === 'pending');
        const mine = pending.filter(({ accountId }) => accountId === reviewer.accountId);
        const own = mine.length > 0 && (await store.hasOtherReviewer(campaign, reviewer.accountId)) ? mine : [];
        if (own.length > 0 && own.length === held.length) {
          throw new AppError('own_access', 403, 'Nobody attests their own access: another reviewer has to.');
        }
        const kept = pending.filter((item) => !own.includes(item));
        await write(campaign, kept, { decision: 'kept', ...by(reviewer), note }, 'kept');
        return { changed: kept.length, own: own.length, gone: 0, answered: held.length - pending.length };
      });
    },
    /** Ends the access with its tokens, also one that was kept before; one's own too. */
    async revoke(reviewer: Reviewer, wanted: Selection & { note?: string | undefined }): Promise<Outcome> {
      const note = parseNote(wanted.note) ?? null;
      return decide(reviewer, wanted, async (held, campaign) => {
        const alive = held.filter(({ decision }) => decision === 'pending' || decision === 'kept');
        const ended = new Set(
          idsOf(
            await deps.revoke(
              alive.map(({ consentId }) => consentId),
              'review_revoked',
            ),
          ),
        );
        const revoked = alive.filter(({ consentId }) => ended.has(consentId));
        const lost = alive.filter(({ decision, consentId }) => decision === 'pending' && !ended.has(consentId));
        await store.decide(idsOf(lost), gone());
        await write(campaign, revoked, { decision: 'revoked', ...by(reviewer), note }, 'revoked');
        const changed = revoked.length;
        return { changed, own: 0, gone: alive.length - changed, answered: held.length - alive.length };
      });
    },
    /** Takes back that something was kept. What was revoked stays so: the person is asked anew. */
    undo(reviewer: Reviewer, wanted: Selection): Promise<Outcome> {
      return decide(reviewer, wanted, async (held, campaign) => {
        const kept = held.filter(({ decision }) => decision === 'kept');
        const open: Decided = { decision: 'pending', decidedBy: null, decidedAt: null, note: null };
        await write(campaign, kept, open, 'undone');
        return { changed: kept.length, own: 0, gone: 0, answered: held.length - kept.length };
      });
    },
  };

  function by({ accountId }: Reviewer) {
    return { decidedBy: accountId, decidedAt: now() };
  }

  function gone(): Decided {
    return { decision: 'gone', decidedBy: null, decidedAt: now(), note: null };
  }
}

function idsOf(rows: readonly { id: string }[]): string[] {
  return rows.map(({ id }) => id);
}
