/** When a signing key signs, and until when it is published: by its date, and by the dates of the others. */

/** A key as the schedule sees it. */
export interface Dated {
  /** RFC 7638 thumbprint. */
  kid: string;
  createdAt: Date;
  /** Signs from then on, until a younger one does. */
  activeFrom: Date;
  retiredAt: Date | null;
}

/** `next` is published and does not sign yet; `previous` signs no more, and what it signed is still valid. */
export type KeyState = 'next' | 'current' | 'previous' | 'retired';

/** The longest that any token of ours lives (RFC 9068 access tokens, by the MCP server that sets the most). */
const LONGEST_TOKEN_SECONDS = 3600;
/** Clocks that differ, and processes that hear a little late who signs now. */
const SKEW_SECONDS = 300;

/** What is not retired, in the order in which it is handed to oidc-provider: the first one signs. */
export function livingInOrder<Key extends Dated>(keys: readonly Key[], now: Date): Key[] {
  const living = byAge(keys);
  const current = currentOf(living, now);
  return current === undefined ? [] : [current, ...living.filter((key) => key !== current)];
}

export function stateOf(key: Dated, keys: readonly Dated[], now: Date): KeyState {
  if (key.retiredAt) return 'retired';
  const current = currentOf(byAge(keys), now);
  if (current?.kid === key.kid) return 'current';
  return key.activeFrom > now ? 'next' : 'previous';
}

/** Undefined while no other key is known that takes its place. */
export function publishedUntil(key: Dated, keys: readonly Dated[]): Date | undefined {
  if (key.retiredAt) return key.retiredAt;
  const living = byAge(keys);
  const successor = living[living.findIndex(({ kid }) => kid === key.kid) - 1];
  if (!successor) return undefined;
  return new Date(successor.activeFrom.getTime() + (LONGEST_TOKEN_SECONDS + SKEW_SECONDS) * 1000);
}

/** The youngest that has begun. Something always signs: where none has begun, by clocks that differ, the oldest does. */
function currentOf<Key extends Dated>(living: readonly Key[], now: Date): Key | undefined {
  return living.find(({ activeFrom }) => activeFrom <= now) ?? living.at(-1);
}

/** The youngest first. */
function byAge<Key extends Dated>(keys: readonly Key[]): Key[] {
  return keys
    .filter(({ retiredAt }) => retiredAt === null)
    .sort(
      (a, b) =>
        b.activeFrom.getTime() - a.activeFrom.getTime() ||
        b.createdAt.getTime() - a.createdAt.getTime() ||
        (a.kid < b.kid ? -1 : 1),
    );
}
