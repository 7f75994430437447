/** The outbox in Postgres: written in the transaction of what it tells of, emptied by any number of processes. */
import type { Database } from '../storage/transactions.ts';
import type { NoticeType, SinkName } from './message.ts';

export type OutboxStore = ReturnType<typeof createOutboxStore>;

export interface NewRow {
  id: string;
  sink: SinkName;
  kind: NoticeType;
  /** Sealed. */
  payload: Uint8Array<ArrayBuffer>;
  createdAt: Date;
}

/** A row that nobody else takes before `claimedUntil`. */
export interface ClaimedRow {
  id: string;
  sink: SinkName;
  kind: string;
  payload: Uint8Array;
  createdAt: Date;
  /** This one included. */
  attempts: number;
  claimedUntil: Date;
}

const SWEEP_BATCH = 1_000;
const MAX_SWEEP_BATCHES = 50;

export function createOutboxStore(database: Database) {
  const { direct } = database;

  /** In the caller's transaction, and gone with it. Due at once. */
  async function add(rows: readonly NewRow[]): Promise<void> {
    const data = rows.map((row) => ({ ...row, nextAttemptAt: row.createdAt }));
    await database.write((tx) => tx.outboxMessage.createMany({ data }));
  }

  /**
   * Takes rows that are due, the longest due first, and counts the attempt: a process that dies with it has used it up.
   * One statement, so nothing is held while they are sent.
   */
  async function claim(from: { sink: SinkName; now: Date; until: Date; limit: number }): Promise<ClaimedRow[]> {
    const { sink, now, until, limit } = from;
    const rows = await direct.$queryRaw<Omit<ClaimedRow, 'sink' | 'claimedUntil'>[]>`
      WITH due AS MATERIALIZED (
        SELECT id FROM outbox_messages
        WHERE delivered_at IS NULL AND failed_at IS NULL AND next_attempt_at <= ${now}::timestamptz AND sink = ${sink}
        ORDER BY next_attempt_at, id LIMIT ${limit}::int FOR UPDATE SKIP LOCKED)
      UPDATE outbox_messages o SET attempts = o.attempts + 1, next_attempt_at = ${until}::timestamptz
      FROM due WHERE o.id = due.id
      RETURNING o.id, o.kind, o.payload, o.created_at AS "createdAt", o.attempts`;
    return rows.map((row) => ({ ...row, sink, claimedUntil: until }));
  }

  /** What was said is nobody's any more. */
  async function markDelivered({ id }: ClaimedRow, at: Date): Promise<void> {
    const delivered = { deliveredAt: at, failedAt: null, lastError: null, payload: new Uint8Array() };
    await direct.outboxMessage.updateMany({ where: { id, deliveredAt: null }, data: delivered });
  }

  /** Left alone where the claim ran out and somebody else has taken the row since. */
  async function retryAt({ id, claimedUntil }: ClaimedRow, nextAttemptAt: Date, lastError: string): Promise<void> {
    await direct.outboxMessage.updateMany({
      where: { id, nextAttemptAt: claimedUntil, deliveredAt: null },
      data: { nextAttemptAt, lastError },
    });
  }

  /** As {@link retryAt}, for good. */
  async function giveUp({ id, claimedUntil }: ClaimedRow, at: Date, lastError: string): Promise<void> {
    await direct.outboxMessage.updateMany({
      where: { id, nextAttemptAt: claimedUntil, deliveredAt: null },
      data: { failedAt: at, lastError },
    });
  }

  /** Delivered, given up or never fetched because their sink is gone. @returns how many went */
  async function removeOlderThan(date: Date): Promise<number> {
    let total = 0;
    for (let batch = 0; batch < MAX_SWEEP_BATCHES; batch += 1) {
      const removed = await direct.$executeRaw`
        DELETE FROM outbox_messages WHERE id IN
          (SELECT id FROM outbox_messages WHERE created_at < ${date}::timestamptz
           LIMIT ${SWEEP_BATCH} FOR UPDATE SKIP LOCKED)`;
      total += removed;
      if (removed < SWEEP_BATCH) break;
    }
    return total;
  }

  return { add, claim, markDelivered, retryAt, giveUp, removeOlderThan };
}
