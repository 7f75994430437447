/** Deletes what has expired, in batches, so that tables do not grow and no lock is held for long. */
import type { Database } from './transactions.ts';

const BATCH = 1_000;
const MAX_BATCHES = 50;
/** They count for ten minutes. */
const DENIALS_KEPT_MS = 3_600_000;

/** @returns how many rows went, by table */
export async function sweep({ direct }: Pick<Database, 'direct'>, now: Date): Promise<Record<string, number>> {
  return {
    artifacts: await inBatches(
      () => direct.$executeRaw`
        DELETE FROM artifacts WHERE (kind, id) IN
          (SELECT kind, id FROM artifacts WHERE expires_at < ${now} LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`,
    ),
    grants: await inBatches(
      () => direct.$executeRaw`
        DELETE FROM grants WHERE id IN
          (SELECT id FROM grants WHERE expires_at < ${now} LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`,
    ),
    revoked_tokens: await inBatches(
      () => direct.$executeRaw`
        DELETE FROM revoked_tokens WHERE id IN (SELECT id FROM revoked_tokens WHERE expires_at < ${now} LIMIT ${BATCH})`,
    ),
    upstream_sessions: await inBatches(
      () => direct.$executeRaw`
        DELETE FROM upstream_sessions WHERE id IN
          (SELECT id FROM upstream_sessions WHERE expires_at < ${now} LIMIT ${BATCH})`,
    ),
    session_devices: await inBatches(
      () => direct.$executeRaw`
        DELETE FROM session_devices WHERE session_uid IN
          (SELECT session_uid FROM session_devices WHERE expires_at < ${now} LIMIT ${BATCH})`,
    ),
    sign_in_throttles: await inBatches(
      () => direct.$executeRaw`
        DELETE FROM sign_in_throttles WHERE key IN
          (SELECT key FROM sign_in_throttles WHERE expires_at < ${now} LIMIT ${BATCH})`,
    ),
    // What a known client said last is kept for comparison, and what an operator brought until it is removed.
    denials: await inBatches(
      () => direct.$executeRaw`
        DELETE FROM denials WHERE id IN
          (SELECT id FROM denials WHERE at < ${new Date(now.getTime() - DENIALS_KEPT_MS)} LIMIT ${BATCH})`,
    ),
    metadata_documents: await inBatches(
      () => direct.$executeRaw`
        DELETE FROM metadata_documents WHERE url IN
          (SELECT d.url FROM metadata_documents d
           WHERE d.stale_until < ${now} AND d.imported_at IS NULL
             AND NOT EXISTS (SELECT 1 FROM clients c WHERE c.id = d.url)
             AND NOT EXISTS (SELECT 1 FROM consents s WHERE s.downstream_client_id = d.url AND s.revoked_at IS NULL)
           LIMIT ${BATCH})`,
    ),
  };
}

async function inBatches(deleteBatch: () => Promise<number>): Promise<number> {
  let total = 0;
  for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
    const deleted = await deleteBatch();
    total += deleted;
    if (deleted < BATCH) break;
  }
  return total;
}
