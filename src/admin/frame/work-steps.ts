/**
 * Work that waits for somebody else's server, in steps that can be watched: begun once, bounded for each person, and
 * ended as soon as whoever asked for it may no longer have it done.
 */
import { randomBytes } from 'node:crypto';
import { AppError } from '../../errors.ts';
import type { Authority } from '../../roles/authority.ts';
import type { ArtifactStore } from '../../storage/artifacts.ts';
import type { Log } from '../../web/log.ts';
import { type Actor, isWithin, reachOf } from './actor.ts';
import type { Needs, Progress, WorkRecord, WorkRecords, WorkStep } from './work-record.ts';
import type { WorkTurns } from './work-store.ts';

export interface AskedSteps {
  actor: Actor;
  what: string;
  about: string;
  steps: readonly string[];
  /** Two of the same are one. */
  key: string;
  /** Where it was asked for, to ask again. */
  back: string;
  needs: Needs;
  /** Takes the steps, outside of every unit; `told` throws where there is no going on. */
  run: (told: Told, id: string) => Promise<Ending>;
}

/** Of each step as it ends. */
export type Told = (ended: WorkStep) => Promise<void>;

export interface Ending extends Pick<Progress, 'news'> {
  to: string;
  /** JSON, for the page `to`. */
  result?: unknown;
}

export interface StepDeps {
  artifacts: ArtifactStore;
  authorityOf: (accountId: string) => Promise<Authority>;
  log: Log;
}

/** Of each person. */
const MOST_AT_ONCE = 3;

/** @param go runs it once the caller's unit has committed */
export function createSteps(
  deps: StepDeps,
  { records, turns, go }: { records: WorkRecords; turns: WorkTurns; go: (work: () => Promise<void>) => void },
) {
  async function underWay({ work, accountId }: { work: string; accountId: string }): Promise<boolean> {
    return (await records.find(work, accountId))?.state === 'running';
  }

  async function worksUnderWay(accountId: string): Promise<string[]> {
    const running: string[] = [];
    for (const work of await turns.worksOf(accountId)) if (await underWay({ work, accountId })) running.push(work);
    return running;
  }

  async function run(id: string, asked: AskedSteps, first: Omit<WorkRecord, 'at'>): Promise<void> {
    let record = first;
    const told: Told = async (ended) => {
      await assertGoesOn(deps, records, id, asked);
      record = withStep(record, ended);
      await records.note(id, record);
    };
    try {
      await assertGoesOn(deps, records, id, asked);
      const ending = await asked.run(told, id);
      await records.note(id, { ...record, ...ending, state: 'done' });
    } catch (error) {
      const known = error instanceof AppError && error.status < 500;
      if (!known) deps.log.error({ err: error, what: asked.what }, 'long work failed');
      const refused = known ? { code: error.code, message: error.message } : undefined;
      await records.note(id, { ...record, state: 'failed', refused }).catch(() => undefined);
    }
  }

  return {
    /**
     * Begins once the caller's unit has committed, as the same actor and request; where the same person has it under
     * way already, that is it.
     * @returns its id
     * @throws AppError 409 `work_running` while somebody else has it done, 429 `busy_yourself`
     */
    async begin(asked: AskedSteps): Promise<string> {
      const { accountId } = asked.actor;
      await turns.hold();
      const last = await turns.last(asked.key);
      if (last && (await underWay(last))) {
        if (last.accountId === accountId) return last.work;
        throw new AppError('work_running', 409, 'Somebody else has this under way. Wait a moment.');
      }
      const works = await worksUnderWay(accountId);
      if (works.length >= MOST_AT_ONCE)
        throw new AppError(
          'busy_yourself',
          429,
          'You have enough of this under way. Wait until one of them has ended.',
        );
      const id = randomBytes(16).toString('base64url');
      const first = firstRecord(asked);
      await records.save(id, first);
      await turns.take(asked.key, { work: id, accountId }, [...works, id]);
      go(() => run(id, asked, first));
      return id;
    },
  };
}

function firstRecord({ actor: { accountId }, what, about, steps, back, needs }: AskedSteps): Omit<WorkRecord, 'at'> {
  const waiting = steps.map((step) => ({ step, result: null, findings: [] }));
  return { accountId, what, about, back, needs, done: 0, total: steps.length, state: 'running', steps: waiting };
}

function withStep(record: Omit<WorkRecord, 'at'>, ended: WorkStep): Omit<WorkRecord, 'at'> {
  const steps = (record.steps ?? []).map((one) => (one.step === ended.step ? ended : one));
  return { ...record, steps, done: steps.filter(({ result }) => result !== null).length };
}

/** @throws AppError 409 `work_stopped`, 403 `forbidden`, 401 `signed_out` */
async function assertGoesOn(
  { authorityOf, artifacts }: StepDeps,
  records: WorkRecords,
  id: string,
  { actor: { accountId, sessionUid }, needs }: AskedSteps,
): Promise<void> {
  if (await records.isStopped(id)) throw new AppError('work_stopped', 409, 'It was stopped. Nothing of it is kept.');
  const authority = await authorityOf(accountId);
  if (!reaches({ authority }, needs)) throw new AppError('forbidden', 403, 'Your role does not allow this.');
  if (sessionUid === undefined) return;
  const session = await artifacts.findByUid('Session', sessionUid);
  if (session?.payload.accountId === accountId) return;
  throw new AppError('signed_out', 401, 'You were signed out meanwhile. Nothing was changed.');
}

/** Whether somebody may have such work done, or see what comes of it. */
export function reaches(actor: Pick<Actor, 'authority'>, needs: Needs): boolean {
  const found = reachOf(actor, needs);
  return found !== false && (needs.resourceId === undefined || isWithin(found.reach, needs.resourceId));
}
