/** Ends registrations that nobody uses (RFC 7591): clients in the wild register anew whenever they like. */
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import type { Database } from '../storage/transactions.ts';
import type { ReapingStore } from './reaping-store.ts';

const HOUR_MS = 3_600_000;
const NEVER_USED_MS = 24 * HOUR_MS;
const UNUSED_MS = 30 * 24 * HOUR_MS;
const BATCH = 500;
/** Each of these may have consents to revoke. */
const UNUSED_BATCH = 100;
const MAX_BATCHES = 20;

export interface ReapingDeps {
  store: ReapingStore;
  database: Database;
  audit: Audit;
  /** Leaves every living consent given to this client as a tombstone, and records each. */
  endConsents: (clientId: string) => Promise<unknown>;
  now: () => Date;
}

export function createReaping({ store, database, audit, endConsents, now }: ReapingDeps) {
  function cutoff(ageMs: number) {
    const at = now();
    return { now: at, before: new Date(at.getTime() - ageMs) };
  }

  /** One batch, recorded with it. */
  function reap(work: () => Promise<{ neverUsed: number; unused: number }>): Promise<number> {
    return database.unit(async () => {
      const { neverUsed, unused } = await work();
      if (neverUsed + unused > 0) await audit.record(events.clientsReaped({}, { neverUsed, unused }));
      return neverUsed + unused;
    });
  }

  async function neverUsed() {
    return { neverUsed: await store.deleteNeverUsed(cutoff(NEVER_USED_MS), BATCH), unused: 0 };
  }

  async function unused() {
    const { deleted, revoked } = await store.endUnused(cutoff(UNUSED_MS), UNUSED_BATCH);
    for (const id of revoked) await endConsents(id);
    return { neverUsed: 0, unused: deleted + revoked.length };
  }

  return {
    /**
     * A registration goes after 24 hours where nobody connected with it, and after 30 days without use; never one under
     * which a grant is living. Any number of processes may do so at once.
     *
     * @returns how many went
     */
    async run(): Promise<{ neverUsed: number; unused: number }> {
      return {
        neverUsed: await inBatches(BATCH, () => reap(neverUsed)),
        unused: await inBatches(UNUSED_BATCH, () => reap(unused)),
      };
    },
  };
}

async function inBatches(size: number, reapBatch: () => Promise<number>): Promise<number> {
  let total = 0;
  for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
    const reaped = await reapBatch();
    total += reaped;
    if (reaped < size) break;
  }
  return total;
}
