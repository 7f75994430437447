/** Keeps what was last fetched, so that a provider that fails is not asked by everybody and costs nobody else. */

export interface LastGoodTimes {
  /** Answered from memory without asking. */
  freshMs: number;
  /** Answered from memory where asking fails. */
  staleMs: number;
  /** After a failure nobody asks again for so long. */
  holdMs: number;
}

/** @returns a function that resolves to the value, asking at most once at a time; it throws what `load` threw */
export function createLastGood<T>(load: () => Promise<T>, times: LastGoodTimes, now: () => Date): () => Promise<T> {
  let good: { value: T; at: number } | undefined;
  let failed: { error: unknown; at: number } | undefined;
  let pending: Promise<T> | undefined;

  function fallBack(error: unknown): T {
    if (good && now().getTime() - good.at < times.staleMs) return good.value;
    throw error;
  }

  async function ask(): Promise<T> {
    try {
      const value = await load();
      good = { value, at: now().getTime() };
      failed = undefined;
      return value;
    } catch (error) {
      failed = { error, at: now().getTime() };
      return fallBack(error);
    } finally {
      pending = undefined;
    }
  }

  return async () => {
    const at = now().getTime();
    if (good && at - good.at < times.freshMs) return good.value;
    if (failed && at - failed.at < times.holdMs) return fallBack(failed.error);
    pending ??= ask();
    return pending;
  };
}
