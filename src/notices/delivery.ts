/** Empties the outbox: at least once each, with patience, and never two processes at the same row. */
import { AppError } from '../errors.ts';
import { type Outcome, type Payload, SEAL_PURPOSE, type Sink, type SinkName, type Sinks } from './message.ts';
import type { ClaimedRow, OutboxStore } from './store.ts';

const BATCH = 10;
/** Longer than any sink takes. A process that dies leaves its rows to the others after that. */
const CLAIM_MS = 2 * 60_000;
const FIRST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 6 * 3_600_000;
const MAX_ATTEMPTS = 12;
const MAX_AGE_MS = 24 * 3_600_000;
const KEEP_MS = 30 * 24 * 3_600_000;
const CLOSE_MS = 5_000;

interface DeliveryLog {
  warn(fields: object, message: string): void;
}

/** @param random in [0, 1); spreads what failed together */
export function createDelivery(deps: {
  store: OutboxStore;
  sealing: { open(purpose: string, aad: string, sealed: Uint8Array): Buffer };
  sinks: Sinks;
  now: () => Date;
  log: DeliveryLog;
  random?: () => number;
}) {
  const { store, sealing, sinks, now, log, random = Math.random } = deps;
  let closed = false;
  const underWay = new Set<Promise<unknown>>();

  /** Whatever is due for one sink, batch after batch; a sink that takes nothing is left alone until the next time. */
  async function drain(name: SinkName, sink: Sink): Promise<number> {
    let total = 0;
    for (;;) {
      if (closed) return total;
      const from = now();
      const until = new Date(from.getTime() + CLAIM_MS);
      const rows = await store.claim({ sink: name, now: from, until, limit: BATCH });
      const results = await allDone(rows.map((row) => deliverOne(row, sink)));
      const delivered = results.filter(Boolean).length;
      total += delivered;
      if (rows.length < BATCH || delivered === 0) return total;
    }
  }

  async function deliverOne(row: ClaimedRow, sink: Sink): Promise<boolean> {
    const outcome = row.attempts > MAX_ATTEMPTS ? INTERRUPTED : await send(row, sink);
    if (outcome.ok) {
      await store.markDelivered(row, now());
      return true;
    }
    const { id, kind, attempts } = row;
    const fields = { outboxId: id, sink: row.sink, kind, attempts, reason: outcome.reason };
    const next = new Date(now().getTime() + pause(attempts, random()));
    const tooOld = next.getTime() > row.createdAt.getTime() + MAX_AGE_MS;
    if (outcome.final || attempts >= MAX_ATTEMPTS || tooOld) {
      log.warn(fields, 'a notice was given up');
      await store.giveUp(row, now(), outcome.reason);
    } else {
      log.warn(fields, 'a notice was not delivered and is tried again');
      await store.retryAt(row, next, outcome.reason);
    }
    return false;
  }

  async function send({ id, payload }: ClaimedRow, sink: Sink): Promise<Outcome> {
    try {
      const opened = JSON.parse(sealing.open(SEAL_PURPOSE, id, payload).toString('utf8')) as Payload;
      return await sink.send({ ...opened, id });
    } catch (error) {
      // Its message may quote what was sealed.
      return { ok: false, reason: error instanceof AppError ? error.code : 'unexpected', final: false };
    }
  }

  return {
    /** @returns how many were delivered. Safe to call anywhere at any time. */
    async deliver(): Promise<number> {
      if (closed) return 0;
      const drains = (Object.entries(sinks) as [SinkName, Sink][]).map(([name, sink]) => drain(name, sink));
      const work = allDone(drains);
      underWay.add(work);
      try {
        return (await work).reduce((total, one) => total + one, 0);
      } finally {
        underWay.delete(work);
      }
    },
    /** Removes what is older than 30 days, whatever became of it. @returns how many went */
    sweep(): Promise<number> {
      return store.removeOlderThan(new Date(now().getTime() - KEEP_MS));
    },
    /** Takes nothing more, waits a little for what is under way, then ends that too: it counts as an attempt. */
    async close(): Promise<void> {
      closed = true;
      const cut = setTimeout(() => closeAll(sinks), CLOSE_MS);
      await Promise.allSettled(underWay);
      clearTimeout(cut);
      closeAll(sinks);
    },
  };
}

/** Every attempt ended with the process that made it. */
const INTERRUPTED: Outcome = { ok: false, reason: 'interrupted', final: true };

/** 1, 2, 4 … minutes up to six hours, give or take a tenth. */
function pause(attempts: number, random: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** (attempts - 1), LONGEST_PAUSE_MS) * (0.9 + random / 5);
}

/** As `Promise.all`, but nothing is still running when it fails. */
async function allDone<T>(work: Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

function closeAll(sinks: Sinks): void {
  for (const sink of Object.values(sinks)) sink.close();
}
