/** What is kept of long work for an hour, for whoever asked for it: how far it is, and what came of it. */
import type { ArtifactStore } from '../../storage/artifacts.ts';
import type { Database } from '../../storage/transactions.ts';
import type { Access } from './actor.ts';

export interface Progress {
  accountId: string;
  /** In batches of the message `admin.work.<state>`; in steps of `admin.works.<what>`. */
  what: string;
  done: number;
  total: number;
  state: 'running' | 'done' | 'failed' | 'stopped';
  /** Where it was asked for. */
  back: string;
  /** Milliseconds since the epoch, of the last batch or step. */
  at: number;
  /** Of work in steps: the name of what it is about, or its URL. */
  about?: string | undefined;
  /** Of work in steps: all of them, in the order they are taken. */
  steps?: readonly WorkStep[] | undefined;
  /** Why work in steps came to nothing, where that can be said. */
  refused?: { code: string; message: string } | undefined;
  /** Where work in steps ends: a page of ours, and what it says then. */
  to?: string | undefined;
  news?: { key: string; params?: Record<string, string | number> | undefined } | undefined;
}

export interface WorkStep {
  step: string;
  /** Null until it has ended. */
  result: 'ok' | 'warning' | 'failed' | 'skipped' | null;
  findings: readonly { code: string; params: Readonly<Record<string, string | number>> }[];
}

/** What it takes to have such work done, and so to see how far it is. */
export interface Needs {
  access: Access;
  resourceOwners: boolean;
  /** Within whose reach; undefined where it is about no MCP server that is registered. */
  resourceId?: string | undefined;
}

export interface WorkRecord extends Progress {
  /** Of work in steps. */
  needs?: Needs | undefined;
  /** What came of it, for the page that it ends on. */
  result?: unknown;
}

export type WorkRecords = ReturnType<typeof createWorkRecords>;

const KIND = 'AdminWork';
/** A mark of its own: the work writes its record whole. */
const STOP = 'AdminWorkStop';
const TTL_SECONDS = 3600;
/** A batch takes a second or so: whoever has said nothing for a minute is dead. */
const SILENT_MS = 60_000;
/** One step of a look has a few requests of five seconds each. */
const SILENT_STEPS_MS = 40_000;

export function createWorkRecords({
  artifacts,
  database,
  now,
}: {
  artifacts: ArtifactStore;
  database: Database;
  now: () => Date;
}) {
  const save = (id: string, record: Omit<WorkRecord, 'at'>) =>
    artifacts.upsert(KIND, id, { ...record, at: now().getTime() }, TTL_SECONDS);

  async function isStopped(id: string): Promise<boolean> {
    return (await artifacts.find(STOP, id)) !== undefined;
  }

  async function stateOf(id: string, { state, at, steps }: WorkRecord): Promise<Progress['state']> {
    if (state !== 'running') return state;
    if (await isStopped(id)) return 'stopped';
    return now().getTime() - at > (steps ? SILENT_STEPS_MS : SILENT_MS) ? 'failed' : 'running';
  }

  return {
    isStopped,
    /** In the caller's unit. */
    save,
    /** At once, whatever becomes of the caller's unit. */
    note: (id: string, record: Omit<WorkRecord, 'at'>): Promise<void> => database.apart(() => save(id, record)),
    stop: (id: string, accountId: string): Promise<void> => artifacts.upsert(STOP, id, { accountId }, TTL_SECONDS),
    /** Of who asked for it. */
    async find(id: string, accountId: string): Promise<WorkRecord | undefined> {
      const found = (await artifacts.find(KIND, id))?.payload as unknown as WorkRecord | undefined;
      if (found?.accountId !== accountId) return undefined;
      return { ...found, state: await stateOf(id, found) };
    },
  };
}
