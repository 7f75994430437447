/** How a connection does, by what its last trips came to and by when its credential ends. */
import type { ConnectionRecord } from './connection-store.ts';

/** `ended` and `ending` are about the credential. */
export type Health = 'ended' | 'failing' | 'ending' | 'working' | 'unused';

type Seen = Pick<ConnectionRecord, 'lastSuccessAt' | 'lastFailureAt' | 'credentialEndsAt'>;

const DAY_MS = 86_400_000;
/** Of which owners are told by mail, too. */
const ENDING_DAYS = 30;

export function healthOf({ lastSuccessAt, lastFailureAt, credentialEndsAt }: Seen, now: Date): Health {
  const days = daysUntil(credentialEndsAt, now);
  if (days !== undefined && days <= 0) return 'ended';
  if (lastFailureAt && (!lastSuccessAt || lastFailureAt > lastSuccessAt)) return 'failing';
  if (days !== undefined && days <= ENDING_DAYS) return 'ending';
  return lastSuccessAt ? 'working' : 'unused';
}

/** Whole days, counted up; 0 where it is over. */
export function daysUntil(date: Date | undefined, now: Date): number | undefined {
  return date && Math.max(0, Math.ceil((date.getTime() - now.getTime()) / DAY_MS));
}

/** The number of the AADSTS code in what Entra ID answered; undefined where there is none. */
export function entraCodeIn(words: string | undefined): number | undefined {
  const [, code] = /\bAADSTS(\d{4,8})\b/.exec(words ?? '') ?? [];
  return code === undefined ? undefined : Number(code);
}

/** What was noted of a failure, taken apart: what kind of failure we made of it, and what the provider (or the way there) said. */
export function readFailure(noted: string): { kind: string | undefined; words: string } {
  const [, kind, words] = /^([a-z_]+): (.+)$/s.exec(noted) ?? [];
  return kind === undefined || words === undefined ? { kind: undefined, words: noted } : { kind, words };
}
