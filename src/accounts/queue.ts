/** Runs expensive work a few at a time and turns callers away instead of letting them pile up. */
import { AppError } from '../errors.ts';

/** @returns runs `work` when its turn comes; AppError `busy` (503) at once when too many wait already */
export function createQueue(bounds: { maxParallel: number; maxWaiting: number }) {
  const waiting: (() => void)[] = [];
  let running = 0;

  return async function run<T>(work: () => Promise<T>): Promise<T> {
    if (running >= bounds.maxParallel) {
      if (waiting.length >= bounds.maxWaiting) throw busy(waiting.length);
      // Whoever finishes hands the place on, so `running` does not change.
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running += 1;
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}

/** As {@link createQueue}, one at a time for each key; different keys do not wait for each other. */
export function createLine(maxWaiting: number) {
  const lines = new Map<string, { queue: ReturnType<typeof createQueue>; users: number }>();

  return async function inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const line = lines.get(key) ?? { queue: createQueue({ maxParallel: 1, maxWaiting }), users: 0 };
    lines.set(key, line);
    line.users += 1;
    try {
      return await line.queue(work);
    } finally {
      line.users -= 1;
      if (line.users === 0) lines.delete(key);
    }
  };
}

function busy(count: number): AppError {
  const message = 'Too many people are signing in right now. Please try again in a moment.';
  return new AppError('busy', 503, message, { detail: `${count} sign-ins wait already` });
}
