/** One transaction per unit of work, opened at its first write and shared by adapter, stores and the record. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Prisma, PrismaClient } from './generated/client.ts';

type Tx = Prisma.TransactionClient;

interface Unit {
  tx?: Promise<Tx>;
  opened?: Tx;
  /** The last write: a connection runs one query at a time. */
  lastWrite: Promise<unknown>;
  /** Settles when Postgres has committed or rolled back. */
  ended?: Promise<void>;
  finish?: (how: 'commit' | 'rollback') => void;
  beforeCommit: ((tx: Tx) => Promise<void>)[];
  afterCommit: (() => Promise<void>)[];
}

export interface Database {
  /** The open transaction of this unit of work, or the plain client: for reads. */
  current(): Tx;
  /** Runs a write inside this unit's transaction, opening it if this is the first; outside a unit, in one of its own. */
  write<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Whether the caller runs inside a unit of work. */
  inUnit(): boolean;
  /** Whether this unit's transaction is open: nothing may be waited for that is not the database. */
  isOpen(): boolean;
  /** Runs `work` in the transaction just before it commits; its failure rolls everything back. */
  beforeCommit(work: (tx: Tx) => Promise<void>): void;
  /** Runs `work` outside the unit once it has committed, before its caller goes on; `work` must not throw. */
  afterCommit(work: () => Promise<void>): void;
  /**
   * One unit of work: commits when `work` resolves and `keep(result)` holds, rolls back otherwise.
   * A nested call joins the outer unit.
   */
  unit<T>(work: () => Promise<T>, keep?: (result: T) => boolean): Promise<T>;
  /**
   * A unit of its own, whatever the caller's becomes: for what must hold although the request fails. Not while the
   * caller's transaction is open, for which it could wait for ever.
   */
  apart<T>(work: () => Promise<T>): Promise<T>;
  /** Outside every unit: what must outlive a rollback (throttles, counters) or must not be held open (caches). */
  direct: PrismaClient;
}

class Rollback extends Error {}

const MAX_WAIT_MS = 5_000;
const TIMEOUT_MS = 15_000;

/** @param prisma the client every unit draws its transaction from */
export function createDatabase(prisma: PrismaClient): Database {
  const units = new AsyncLocalStorage<Unit>();
  const writing = new AsyncLocalStorage<Unit>();

  async function runUnit<T>(work: () => Promise<T>, keep: (result: T) => boolean): Promise<T> {
    const unit: Unit = { beforeCommit: [], afterCommit: [], lastWrite: Promise.resolve() };
    return units.run(unit, async () => {
      try {
        const result = await work();
        if (!keep(result)) {
          await end(unit, 'rollback');
          return result;
        }
        await runBeforeCommit(unit);
        await end(unit, 'commit');
        for (const after of unit.afterCommit) await units.exit(after);
        return result;
      } catch (error) {
        await end(unit, 'rollback');
        throw error;
      }
    });
  }

  async function runBeforeCommit(unit: Unit): Promise<void> {
    if (unit.beforeCommit.length === 0) return;
    const tx = await open(unit);
    for (const work of unit.beforeCommit) await work(tx);
  }

  /** oidc-provider writes several things at once; each waits for the one before. */
  function inTurn<T>(unit: Unit, work: (tx: Tx) => Promise<T>): Promise<T> {
    const turn = unit.lastWrite.then(async () => {
      const tx = await open(unit);
      return writing.run(unit, () => work(tx));
    });
    unit.lastWrite = turn.catch(() => {});
    return turn;
  }

  function open(unit: Unit): Promise<Tx> {
    unit.tx ??= new Promise<Tx>((resolve, reject) => {
      unit.ended = prisma
        .$transaction(
          (tx) =>
            new Promise<void>((commit, abort) => {
              unit.finish = (how) => (how === 'commit' ? commit() : abort(new Rollback()));
              unit.opened = tx;
              resolve(tx);
            }),
          { maxWait: MAX_WAIT_MS, timeout: TIMEOUT_MS },
        )
        .catch((error: unknown) => {
          if (error instanceof Rollback) return;
          reject(error);
          throw error;
        });
      // Awaited by `end`; a failure to open is reported through `tx`.
      unit.ended.catch(() => {});
    });
    return unit.tx;
  }

  async function end(unit: Unit, how: 'commit' | 'rollback'): Promise<void> {
    if (!unit.tx) return;
    if (how === 'commit') {
      await unit.tx;
      unit.finish?.('commit');
      await unit.ended;
      return;
    }
    await unit.tx.catch(() => {});
    unit.finish?.('rollback');
    await unit.ended?.catch(() => {});
  }

  return {
    direct: prisma,
    current() {
      return units.getStore()?.opened ?? prisma;
    },
    async write(work) {
      const unit = units.getStore();
      if (!unit) return prisma.$transaction((tx) => work(tx));
      return writing.getStore() === unit ? work(await open(unit)) : inTurn(unit, work);
    },
    inUnit() {
      return units.getStore() !== undefined;
    },
    isOpen() {
      return units.getStore()?.tx !== undefined;
    },
    beforeCommit(work) {
      const unit = units.getStore();
      if (!unit) throw new Error('beforeCommit outside a unit of work');
      unit.beforeCommit.push(work);
    },
    afterCommit(work) {
      const unit = units.getStore();
      if (!unit) throw new Error('afterCommit outside a unit of work');
      unit.afterCommit.push(work);
    },
    unit(work, keep = () => true) {
      return units.getStore() ? work() : runUnit(work, keep);
    },
    async apart(work) {
      if (units.getStore()?.tx) throw new Error('apart inside an open transaction');
      return runUnit(work, () => true);
    },
  };
}
