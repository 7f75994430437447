/** Signing keys that take turns: made and published ahead of time, followed by others, retired. */
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import { AppError } from '../errors.ts';
import type { Database } from '../storage/transactions.ts';
import { type KeyState, livingInOrder, publishedUntil, stateOf } from './schedule.ts';
import type { KeyRow, KeyStore, SealedKey } from './store.ts';

/** A key as people see it. */
export interface KeyView {
  /** RFC 7638 thumbprint. */
  kid: string;
  alg: string;
  state: KeyState;
  createdAt: Date;
  activeFrom: Date;
  /** Undefined while no other key is known that takes its place. Of a retired key, when it was retired. */
  publishedUntil: Date | undefined;
}

/** `now` begins at once, a pending key or a new one: whoever caches our keys has to fetch them again. */
export type Rotate = { inSeconds?: number | undefined; now?: boolean | undefined };

/** Caches of our JWKS have had time by then, also those of verifiers that are not ours. */
export const ROTATION_SECONDS = 3600;
/** As long as the guard trusts keys that it fetched. */
export const MIN_ROTATION_SECONDS = 900;
export const MAX_ROTATION_SECONDS = 30 * 86_400;

const STATES: readonly KeyState[] = ['next', 'current', 'previous', 'retired'];

export function createRotation(deps: {
  store: KeyStore;
  generate(activeFrom: Date): Promise<SealedKey>;
  audit: Pick<Audit, 'record'>;
  database: Pick<Database, 'unit' | 'afterCommit'>;
  now: () => Date;
}) {
  const { store, generate, audit, database, now } = deps;
  const listeners = new Set<() => Promise<void>>();

  /** One change at a time among all processes; this one acts by it before its answer leaves. */
  function change<T>(work: () => Promise<T>): Promise<T> {
    return database.unit(async () => {
      await store.lock();
      const result = await work();
      database.afterCommit(async () => {
        for (const listener of listeners) await listener();
      });
      return result;
    });
  }

  async function list(): Promise<KeyView[]> {
    const keys = await store.list();
    const views = keys.map((key) => view(key, keys, now()));
    return views.sort(
      (a, b) =>
        STATES.indexOf(a.state) - STATES.indexOf(b.state) ||
        (b.publishedUntil ?? b.activeFrom).getTime() - (a.publishedUntil ?? a.activeFrom).getTime(),
    );
  }

  async function look(kid: string): Promise<KeyView> {
    const keys = await store.list();
    const key = keys.find((one) => one.kid === kid) ?? (await store.find(kid));
    if (!key) throw new AppError('unknown_key', 404, 'There is no key of this id.');
    return view(key, keys, now());
  }

  /** @returns the key that signs next, or now */
  function rotate({ inSeconds = ROTATION_SECONDS, now: atOnce = false }: Rotate = {}): Promise<KeyView> {
    if (!atOnce) assertDelay(inSeconds);
    return change(async () => {
      const keys = await store.list();
      if (atOnce) return begin(keys);
      const pending = pendingOf(keys);
      if (pending) throw alreadyPending(pending);
      return create(new Date(now().getTime() + inSeconds * 1000));
    });
  }

  /**
   * A next key that waits, else a new one: never one that signed before.
   *
   * @param leaving of the key in whose place it comes: it need not be younger than that
   */
  async function begin(keys: readonly KeyRow[], leaving?: string): Promise<KeyView> {
    const others = keys.filter(({ kid }) => kid !== leaving);
    const activeFrom = afterAllOf(others, now());
    const pending = pendingOf(keys);
    if (!pending) return create(activeFrom);
    await store.activate(pending.kid, activeFrom);
    await audit.record(events.keyActivated({}, { kid: pending.kid, ...beforeAndAfter(pending, activeFrom) }));
    return look(pending.kid);
  }

  async function create(activeFrom: Date): Promise<KeyView> {
    const key = await generate(activeFrom);
    await store.insert(key);
    await audit.record(events.keyCreated({}, { kid: key.kid, alg: key.alg, activeFrom: activeFrom.toISOString() }));
    return look(key.kid);
  }

  function pendingOf(keys: readonly KeyRow[]): KeyRow | undefined {
    return keys.find((key) => stateOf(key, keys, now()) === 'next');
  }

  /**
   * Publishes a key no more, at once: all that it signed is invalid from now on. Where it is the one that signs, another
   * begins, and none that was rotated out already: whoever got this one may have got those before it.
   *
   * @returns the key that signs from now on
   * @throws AppError `unknown_key`, `key_retired`
   */
  function retire(kid: string): Promise<KeyView> {
    return change(async () => {
      const { state } = await look(kid);
      if (state === 'retired') throw new AppError('key_retired', 409, 'This key was retired already.');
      if (state === 'current') await begin(await store.list(), kid);
      await store.retire(kid, now());
      const living = livingInOrder(await store.list(), now());
      const signs = await look(living[0]?.kid ?? '');
      await audit.record(events.keyRetired({}, { kid, was: state, signsNow: signs.kid }, 'administrator'));
      return signs;
    });
  }

  /** Retires what has been followed for so long that nothing it signed is valid any more. @returns their ids */
  async function retireDue(): Promise<string[]> {
    if ((await due()).length === 0) return [];
    return change(async () => {
      const ended = await due();
      for (const { kid, publishedUntil: until } of ended) {
        await store.retire(kid, now());
        const details = { kid, was: 'previous', publishedUntil: until?.toISOString() ?? null };
        await audit.record(events.keyRetired({}, details, 'overlap_over'));
      }
      return ended.map(({ kid }) => kid);
    });
  }

  async function due(): Promise<KeyView[]> {
    return (await list()).filter(
      ({ state, publishedUntil: until }) => state === 'previous' && until !== undefined && until <= now(),
    );
  }

  /** Whether it was a key of ours, and is none any more. */
  async function isRetired(kid: string): Promise<boolean> {
    return Boolean((await store.find(kid))?.retiredAt);
  }

  /** @param listener runs in this process after each change that was made here; it must not throw */
  function onChange(listener: () => Promise<void>): void {
    listeners.add(listener);
  }

  return { list, rotate, retire, retireDue, isRetired, onChange };
}

function view(key: KeyRow, keys: readonly KeyRow[], now: Date): KeyView {
  const { kid, alg, createdAt, activeFrom } = key;
  return { kid, alg, state: stateOf(key, keys, now), createdAt, activeFrom, publishedUntil: publishedUntil(key, keys) };
}

/** Two of one instant, by one process or by clocks that differ a little: the later one signs. */
function afterAllOf(keys: readonly KeyRow[], now: Date): Date {
  const begun = keys.map(({ activeFrom }) => activeFrom.getTime()).filter((at) => at <= now.getTime());
  return new Date(Math.max(now.getTime(), ...begun.map((at) => at + 1)));
}

function beforeAndAfter({ activeFrom: before }: KeyRow, after: Date) {
  return { before: before.toISOString(), after: after.toISOString() };
}

function assertDelay(seconds: number): void {
  if (Number.isInteger(seconds) && seconds >= MIN_ROTATION_SECONDS && seconds <= MAX_ROTATION_SECONDS) return;
  const message = `A key is published for ${MIN_ROTATION_SECONDS} seconds to 30 days before it signs, so that everybody has it by then. In an emergency let it begin at once.`;
  throw new AppError('bad_input', 400, message);
}

function alreadyPending({ activeFrom }: KeyRow): AppError {
  const message = `A next key is published already and signs from ${activeFrom.toISOString()} on. Wait for it, retire it, or let it begin at once.`;
  return new AppError('key_pending', 409, message);
}
