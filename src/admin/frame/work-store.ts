/** Whose turn it is with work in steps: two presses of one button are one piece of work, and each person has a few at once. */
import type { ArtifactStore } from '../../storage/artifacts.ts';
import type { Database } from '../../storage/transactions.ts';

export interface Turn {
  work: string;
  accountId: string;
}

export type WorkTurns = ReturnType<typeof createWorkTurns>;

const LOCK = 'consentry/admin-work';
const KIND = 'AdminWorkTurn';
/** Longer than any such work. */
const TTL_SECONDS = 300;

export function createWorkTurns({ artifacts, database }: { artifacts: ArtifactStore; database: Database }) {
  return {
    /** Nobody else begins work until the unit ends: two presses at the same moment would not see each other. */
    async hold(): Promise<void> {
      await database.write((tx) => tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${LOCK}, 0))`);
    },
    /** Who had the last turn at this; whether that has ended is for the caller to find out. */
    async last(key: string): Promise<Turn | undefined> {
      const { work, accountId } = (await artifacts.find(KIND, `for:${key}`))?.payload ?? {};
      return typeof work === 'string' && typeof accountId === 'string' ? { work, accountId } : undefined;
    },
    /** The last pieces of work of a person. */
    async worksOf(accountId: string): Promise<string[]> {
      const { works } = (await artifacts.find(KIND, `of:${accountId}`))?.payload ?? {};
      return Array.isArray(works) ? works.map(String) : [];
    },
    /** @param works all that this person has under way, with the new one */
    async take(key: string, { work, accountId }: Turn, works: readonly string[]): Promise<void> {
      await artifacts.upsert(KIND, `for:${key}`, { work, accountId }, TTL_SECONDS);
      await artifacts.upsert(KIND, `of:${accountId}`, { works, accountId }, TTL_SECONDS);
    },
  };
}
