/**
 * Work too long for one request: it goes on by itself, and a page tells how far it is. In batches, each a transaction,
 * of which what was done stays done if the process dies; or in steps, of which then nothing is kept.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import type { Database } from '../../storage/transactions.ts';
import { currentRequest, inRequest } from '../../web/request-context.ts';
import type { Actor } from './actor.ts';
import { createWorkRecords, type WorkRecord } from './work-record.ts';
import { createSteps, reaches, type StepDeps } from './work-steps.ts';
import { createWorkTurns } from './work-store.ts';

export interface Asked {
  accountId: string;
  what: string;
  total: number;
  back: string;
  /** The next batch. @returns how many; 0 where nothing is left */
  step: () => Promise<number>;
}

export type Works = ReturnType<typeof createWorks>;

export interface WorkDeps extends StepDeps {
  database: Database;
  now: () => Date;
}

export function createWorks(deps: WorkDeps) {
  const { database, log } = deps;
  const outside = AsyncLocalStorage.snapshot();
  const records = createWorkRecords(deps);
  const steps = createSteps(deps, { records, turns: createWorkTurns(deps), go });

  /** Once the caller's unit has committed, as the same actor and request: of what is rolled back nothing begins. */
  function go(work: () => Promise<void>): void {
    const { actor, requestId } = currentRequest();
    database.afterCommit(async () => {
      void outside(() => inRequest(actor, work, requestId));
    });
  }

  async function run(id: string, { step, ...asked }: Asked): Promise<void> {
    let done = 0;
    try {
      for (let count = await database.unit(step); count > 0; count = await database.unit(step)) {
        done += count;
        await records.note(id, { ...asked, done, state: 'running' });
      }
      await records.note(id, { ...asked, done, state: 'done' });
    } catch (error) {
      log.error({ err: error, what: asked.what, done }, 'long work failed');
      await records.note(id, { ...asked, done, state: 'failed' }).catch(() => undefined);
    }
  }

  return {
    ...steps,
    /** Begins once the caller's unit has committed, as the same actor and request. @returns its id */
    async start(asked: Asked): Promise<string> {
      const id = randomBytes(16).toString('base64url');
      const { step: _, ...first } = asked;
      await records.save(id, { ...first, done: 0, state: 'running' });
      go(() => run(id, asked));
      return id;
    },
    /** Of who asked for it. */
    find: records.find,
    /** Of who asked for it, and may still have it done. */
    async show(id: string, actor: Pick<Actor, 'accountId' | 'authority'>): Promise<WorkRecord | undefined> {
      const record = await records.find(id, actor.accountId);
      return record && (!record.needs || reaches(actor, record.needs)) ? record : undefined;
    },
    /** Work in steps, of who asked for it: the step that is under way is the last. @returns false where it has ended */
    async stop(id: string, { accountId }: Pick<Actor, 'accountId'>): Promise<boolean> {
      const record = await records.find(id, accountId);
      if (!record?.steps || record.state !== 'running') return false;
      await records.stop(id, accountId);
      return true;
    },
  };
}
