/** When things happen: on weekdays, by day, and a little more every week. */
import type { Dice } from './dice.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** From Sunday. */
const WEEK = [0.14, 0.95, 1, 0.98, 0.96, 0.8, 0.18];
/** From midnight, UTC. */
const HOURS = [
  0.03, 0.02, 0.02, 0.02, 0.03, 0.06, 0.15, 0.4, 0.75, 1, 0.95, 0.85, 0.5, 0.7, 0.95, 0.9, 0.8, 0.6, 0.35, 0.2, 0.15,
  0.1, 0.08, 0.05,
];

export interface Span {
  from: Date;
  to: Date;
}

export function daysBefore(date: Date, days: number): Date {
  return new Date(date.getTime() - days * DAY_MS);
}

export function daysAfter(date: Date, days: number): Date {
  return daysBefore(date, -days);
}

/** @returns `to` where nothing lies between */
export function momentIn({ from, to }: Span, dice: Dice): Date {
  const length = to.getTime() - from.getTime();
  if (length <= 0) return to;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const at = from.getTime() + dice.next() * length;
    const growth = 0.6 + (0.4 * (at - from.getTime())) / length;
    if (dice.chance(likelihood(at) * growth)) return new Date(Math.floor(at));
  }
  return new Date(Math.floor(from.getTime() + dice.next() * length));
}

function likelihood(at: number): number {
  const date = new Date(at);
  return (WEEK[date.getUTCDay()] ?? 0) * (HOURS[date.getUTCHours()] ?? 0);
}

const MAX_ATTEMPTS = 40;

/** The start of its hour. */
export function hourOf(at: Date): Date {
  return new Date(Math.floor(at.getTime() / HOUR_MS) * HOUR_MS);
}
