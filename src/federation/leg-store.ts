/** Where legs are kept: by an HMAC of their state, sealed, for as long as they are good. */
import { type ArtifactStore, createArtifactStore, type Seal } from '../storage/artifacts.ts';
import type { Database } from '../storage/transactions.ts';
import type { Leg } from './leg.ts';

const KIND = 'UpstreamLeg';

/**
 * Outside the request's transaction: a leg is claimed for good before the provider is asked, and no transaction may be
 * open while it is.
 */
export function createLegStore({ database, sealing, now }: { database: Database; sealing: Seal; now: () => Date }) {
  const { direct } = database;
  const alone: Database = {
    ...database,
    current: () => direct,
    write: (work) => direct.$transaction((tx) => work(tx)),
  };
  const artifacts: ArtifactStore = createArtifactStore({ database: alone, sealing, now });

  return {
    /** False where the state is taken. */
    insert: (state: string, leg: Leg, ttlSeconds: number): Promise<boolean> =>
      artifacts.insert(KIND, state, { ...leg }, ttlSeconds),
    /** Undefined where there is none, or it was claimed or has expired. */
    async find(state: string): Promise<Leg | undefined> {
      const stored = await artifacts.find(KIND, state);
      return stored && !stored.consumedAt ? (stored.payload as unknown as Leg) : undefined;
    },
    /** Once: false where somebody else was quicker. */
    claim: (state: string): Promise<boolean> => artifacts.consume(KIND, state),
  };
}
