/** Whose password this server made: it was printed or written somewhere, and is asked to be changed (threat 109). */
import type { ArtifactStore } from '../storage/artifacts.ts';

export type GeneratedMarks = ReturnType<typeof createGeneratedMarks>;

const KIND = 'GeneratedPassword';

export function createGeneratedMarks({ artifacts }: { artifacts: Pick<ArtifactStore, 'upsert' | 'find' | 'destroy'> }) {
  return {
    mark: (accountId: string): Promise<void> => artifacts.upsert(KIND, accountId, { accountId }, undefined),
    has: async (accountId: string): Promise<boolean> => (await artifacts.find(KIND, accountId)) !== undefined,
    async clear(accountId: string): Promise<void> {
      await artifacts.destroy(KIND, accountId);
    },
  };
}
