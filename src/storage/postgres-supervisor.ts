/** Keeps the embedded Postgres ours and running: the lock that says "in use", restarts, and the stop. */
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { Cluster } from './postgres-cluster.ts';
import { findPostmaster, type Postmaster, signalPostmaster, stopPostmaster } from './postgres-process.ts';
import type { StorageLog } from './storage-log.ts';

/** A session advisory lock in the database `postgres`: it lives exactly as long as our process and its connection. */
export interface Ownership {
  client: pg.Client;
  release(): Promise<void>;
}

export interface Supervised {
  cluster: Cluster;
  postmaster: Postmaster;
  ownership: Ownership;
  /** Starts it again, unless another process did. */
  restart: () => Promise<Postmaster | undefined>;
  /** Takes the lock again after its connection was lost. */
  reown: () => Promise<Ownership | undefined>;
  log: StorageLog | undefined;
}

const OWNER_LOCK = 'hashtext($$consentry owns this database$$)';
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;

/** Undefined, and the connection closed, when another living process holds the lock. */
export async function takeOwnership(client: pg.Client): Promise<Ownership | undefined> {
  const { rows } = await client.query<{ taken: boolean }>(`SELECT pg_try_advisory_lock(${OWNER_LOCK}) AS taken`);
  if (rows[0]?.taken) return { client, release: () => client.end().catch(() => {}) };
  await client.end();
  return undefined;
}

/** Watches until the returned `stop` is called. A process that exits without stopping still signals its Postgres. */
export function supervise({ cluster, postmaster, ownership, restart, reown, log }: Supervised): () => Promise<void> {
  const stopping = new AbortController();
  let current: { postmaster: Postmaster | undefined; ownership: Ownership | undefined } = { postmaster, ownership };
  const atExit = () => current.postmaster && signalPostmaster(current.postmaster, 'SIGINT');
  process.once('exit', atExit);

  const recover = async (): Promise<void> => {
    for (let pauseMs = FIRST_PAUSE_MS; !stopping.signal.aborted; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
      await delay(pauseMs, undefined, { signal: stopping.signal }).catch(() => {});
      if (stopping.signal.aborted) return;
      try {
        if (!(await findPostmaster(cluster))) {
          current = { postmaster: undefined, ownership: undefined };
          log?.error({}, 'the embedded database ended unexpectedly; starting it again');
          current.postmaster = await restart();
        }
        current.ownership = await reown();
        if (current.ownership) return;
        log?.error({}, 'the embedded database is in use by another Consentry');
      } catch (err) {
        log?.error({ err }, 'the embedded database did not come back yet');
      }
    }
  };
  const watch = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      if (current.ownership) await connectionEnd(current.ownership.client);
      if (!stopping.signal.aborted) await recover();
    }
  };
  const watching = watch();

  return async () => {
    if (stopping.signal.aborted) return watching;
    stopping.abort();
    process.removeListener('exit', atExit);
    await current.ownership?.release();
    await watching;
    if (current.postmaster) await stopPostmaster(cluster, current.postmaster);
  };
}

/** Lost with its backend, or with the whole Postgres. */
function connectionEnd(client: pg.Client): Promise<void> {
  return new Promise((resolve) => {
    client.once('end', () => resolve());
  });
}
