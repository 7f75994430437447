/** What a test file may leave in its process, where the next one would meet it: handles, fakes, variables, listeners. */
import { mock } from 'node:test';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

export interface Traces {
  /** Names what is not as it was; waits a while for what is closing. Ends the fakes of `mock`. */
  left(): Promise<string[]>;
}

/** As long as it may take until idle connections are dropped. */
const CLOSING_MS = 5_000;

export function observeProcess(): Traces {
  // They are handles from when they are first looked at.
  void [process.stdin, process.stdout, process.stderr];
  const handles = countHandles();
  const before = look();
  return {
    async left() {
      const open = await leftHandles(handles);
      const after = look();
      const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
        (name) => !isDeepStrictEqual(before.get(name), after.get(name)),
      );
      mock.reset();
      return [...open, ...changed];
    },
  };
}

const GLOBALS = ['Date', 'fetch', 'setTimeout', 'setInterval', 'setImmediate'] as const;

function look(): Map<string, unknown> {
  const seen = new Map<string, unknown>(GLOBALS.map((name) => [name, globalThis[name]]));
  for (const [name, value] of Object.entries(process.env)) seen.set(`environment: ${name}`, value);
  for (const name of process.eventNames()) seen.set(`listeners: ${String(name)}`, process.listenerCount(name));
  seen.set('random numbers', Math.random);
  seen.set('working directory', process.cwd());
  // By which the test runner tells of an error outside of every test.
  seen.set('exit code', process.exitCode);
  return seen;
}

/** Those that keep a process from ending, by kind. */
function countHandles(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

async function leftHandles(before: Map<string, number>): Promise<string[]> {
  const started = performance.now();
  // What was asked for in the last moment is no handle before the next.
  await turn();
  for (;;) {
    const more = [...countHandles()].filter(([kind, count]) => count > (before.get(kind) ?? 0)).map(([kind]) => kind);
    if (more.length === 0 || performance.now() - started > CLOSING_MS) return more;
    await delay(10);
  }
}
