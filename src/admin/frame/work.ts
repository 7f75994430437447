/**
 * Work too long for one request: it goes on by itself, a batch and a transaction at a time, and a page tells how far it
 * is. If the process dies, what was done stays done, and the page says that the rest was not.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import type { ArtifactStore } from '../../storage/artifacts.ts';
import type { Database } from '../../storage/transactions.ts';
import type { Log } from '../../web/log.ts';
import { currentRequest, inRequest } from '../../web/request-context.ts';

export interface Progress {
  accountId: string;
  /** Of the message `admin.work.<what>`. */
  what: string;
  done: number;
  total: number;
  state: 'running' | 'done' | 'failed';
  /** Where it was asked for. */
  back: string;
  /** Milliseconds since the epoch, of the last batch. */
  at: number;
}

export interface Asked {
  accountId: string;
  what: string;
  total: number;
  back: string;
  /** The next batch. @returns how many; 0 where nothing is left */
  step: () => Promise<number>;
}

export type Works = ReturnType<typeof createWorks>;

const KIND = 'AdminWork';
const TTL_SECONDS = 3600;
/** A batch takes a second or so: whoever has said nothing for a minute is dead. */
const SILENT_MS = 60_000;

export interface WorkDeps {
  artifacts: ArtifactStore;
  database: Database;
  now: () => Date;
  log: Log;
}

export function createWorks(deps: WorkDeps) {
  const { artifacts, database, now, log } = deps;
  const outside = AsyncLocalStorage.snapshot();

  function note(id: string, progress: Omit<Progress, 'at'>): Promise<void> {
    const payload = { ...progress, at: now().getTime() };
    return database.apart(() => artifacts.upsert(KIND, id, payload, TTL_SECONDS));
  }

  async function run(id: string, { step, ...asked }: Asked): Promise<void> {
    let done = 0;
    try {
      for (let count = await database.unit(step); count > 0; count = await database.unit(step)) {
        done += count;
        await note(id, { ...asked, done, state: 'running' });
      }
      await note(id, { ...asked, done, state: 'done' });
    } catch (error) {
      log.error({ err: error, what: asked.what, done }, 'long work failed');
      await note(id, { ...asked, done, state: 'failed' }).catch(() => undefined);
    }
  }

  return {
    /** Begins once the caller's unit has committed, as the same actor and request. @returns its id */
    async start(asked: Asked): Promise<string> {
      const id = randomBytes(16).toString('base64url');
      const { actor, requestId } = currentRequest();
      const { step: _, ...first } = asked;
      await artifacts.upsert(KIND, id, { ...first, done: 0, state: 'running', at: now().getTime() }, TTL_SECONDS);
      // Of what is rolled back nothing begins.
      database.afterCommit(async () => {
        void outside(() => inRequest(actor, () => run(id, asked), requestId));
      });
      return id;
    },
    /** Of who asked for it. */
    async find(id: string, accountId: string): Promise<Progress | undefined> {
      const found = (await artifacts.find(KIND, id))?.payload as unknown as Progress | undefined;
      if (found?.accountId !== accountId) return undefined;
      const silent = found.state === 'running' && now().getTime() - found.at > SILENT_MS;
      return silent ? { ...found, state: 'failed' } : found;
    },
  };
}
