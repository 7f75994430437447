/** The numbers of the overview; those of a while ago will do, and say of when they are. */
import type { Reach } from '../frame/actor.ts';
import { type DayCount, type FiguresStore, SERIES, type Series } from './figures-store.ts';

export interface Figures {
  countedAt: Date;
  /** The oldest first. */
  days: Day[];
  /** Used in that time. */
  active: Used;
  /** In all; null where that is no matter of who asks. */
  known: { people: number | null; clients: number | null; servers: number };
  /** Living consents by how their clients came here. */
  origins: { origin: string; clients: number; consents: number }[];
}

type Used = { people: number; clients: number; servers: number };

export interface Day {
  /** `2026-11-28`, UTC. */
  day: string;
  authorizations: number;
  consents: number;
  denials: number;
  tokens: number;
}

export const DAYS = 30;
const DAY_MS = 86_400_000;
const FRESH_MS = 60_000;
/** Numbers older than that nobody gets. */
const STALE_MS = 600_000;
/** Owners of MCP servers see numbers of their own. */
const MAX_KEPT = 200;

/**
 * Of several who ask at once one counts. Who asks after a minute gets the numbers of before and makes the next ones: nobody
 * but the first waits, and each answer says of when it is.
 */
export function createFigures({ store, now }: { store: FiguresStore; now: () => Date }) {
  const kept = new Map<string, { at: number; figures: Promise<Figures> }>();
  const counting = new Set<string>();

  function begin(key: string, reach: Reach): Promise<Figures> {
    const at = now().getTime();
    const figures = count({ store, now }, reach);
    counting.add(key);
    const keep = () => {
      if (kept.size >= MAX_KEPT) kept.clear();
      kept.set(key, { at, figures });
    };
    // A failure is told to who waits for it, and remembered by nobody.
    figures.then(keep, () => {}).finally(() => counting.delete(key));
    return figures;
  }

  return function figures(reach: Reach): Promise<Figures> {
    const key = reach ? [...reach].sort().join(' ') : 'all';
    const at = now().getTime();
    const known = kept.get(key);
    const age = known ? at - known.at : Number.POSITIVE_INFINITY;
    if (!known || age < 0 || age > STALE_MS) return begin(key, reach);
    if (age >= FRESH_MS && !counting.has(key)) void begin(key, reach);
    return known.figures;
  };
}

async function count({ store, now }: { store: FiguresStore; now: () => Date }, reach: Reach): Promise<Figures> {
  const countedAt = now();
  const today = Math.floor(countedAt.getTime() / DAY_MS) * DAY_MS;
  const from = new Date(today - (DAYS - 1) * DAY_MS);
  const counts = await store.daily({ from, to: new Date(today + DAY_MS) }, reach);
  const days = Array.from({ length: DAYS }, (_none, place) => dayOf(from.getTime() + place * DAY_MS, counts));
  const active = await store.active(new Date(countedAt.getTime() - DAYS * DAY_MS), reach);
  const servers = await store.servers(reach);
  // How many there are in all is no matter of an owner of some servers.
  const known = reach ? { people: null, clients: null, servers } : { ...(await store.known()), servers };
  return { countedAt, days, active, known, origins: await store.origins(countedAt, reach) };
}

function dayOf(at: number, counts: readonly DayCount[]): Day {
  const day = new Date(at).toISOString().slice(0, 10);
  const own = counts.filter((one) => one.day === day);
  const sum = (series: Series) =>
    own.filter(({ type }) => SERIES[series].some((one) => one === type)).reduce((total, one) => total + one.count, 0);
  return {
    day,
    authorizations: sum('authorizations'),
    consents: sum('consents'),
    denials: sum('denials'),
    tokens: sum('tokens'),
  };
}
