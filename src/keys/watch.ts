/** The signing keys as one process holds them, followed while others change them. */
import type { Keyset } from './keyset.ts';

/** @throws AppError `master_key_differs` */
export async function watchKeys(deps: { keyset: { load(known?: Keyset): Promise<Keyset> } }) {
  let present = await deps.keyset.load();
  let last: Promise<void> = Promise.resolve();
  const followers: ((keys: Keyset) => void)[] = [];

  async function look(): Promise<void> {
    const keys = await deps.keyset.load(present);
    if (keys === present) return;
    // What cannot be followed is tried again: nobody goes by keys that not everybody here has.
    for (const follow of followers) follow(keys);
    present = keys;
  }

  return {
    current: (): Keyset => present,
    /** Looks for changes. In turn: what was read earlier never replaces what was read later. */
    look(): Promise<void> {
      last = last.catch(() => {}).then(look);
      return last;
    },
    onChange(follow: (keys: Keyset) => void): void {
      followers.push(follow);
    },
  };
}
