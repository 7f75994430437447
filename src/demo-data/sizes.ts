/** How much demo data there is to be. */
import { AppError } from '../errors.ts';

export interface Sizes {
  people: number;
  clients: number;
  consents: number;
  /** Tokens given out over the time that the record covers. */
  tokens: number;
}

export const DEFAULT_SIZES: Sizes = { people: 5_000, clients: 2_000, consents: 15_000, tokens: 60_000 };
const LEAST = 20;
const MOST = 2_000_000;

/** @throws AppError 400 `bad_size` */
export function parseSize(text: string): number {
  const size = Number(text);
  if (/^\d+$/.test(text) && size >= LEAST && size <= MOST) return size;
  throw new AppError('bad_size', 400, `${text} is no size: write a whole number from ${LEAST} to ${MOST}.`);
}
