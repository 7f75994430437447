/** Word to people of what a review ended of theirs: once, when nothing of theirs waits for an answer in it any more. */
import type { Campaign } from './campaign.ts';
import type { EndedItem, TellingStore } from './telling-store.ts';

/** One notice for each person among them. */
export type TellEnded = (reviewId: string, ended: readonly EndedItem[]) => Promise<void>;

export interface TellingDeps {
  tellingStore: TellingStore;
  tell: TellEnded;
  now: () => Date;
}

export function createTelling({ tellingStore, tell, now }: TellingDeps) {
  /** In the caller's unit. @param accountIds whose answers changed; everybody's where it is left out */
  return async function tellPeople({ id }: Pick<Campaign, 'id'>, accountIds?: readonly string[]): Promise<void> {
    if (accountIds?.length === 0) return;
    const ended = await tellingStore.holdUntold(id, accountIds, now());
    if (ended.length === 0) return;
    await tellingStore.setTold(
      ended.map((item) => item.id),
      now(),
    );
    await tell(id, ended);
  };
}
