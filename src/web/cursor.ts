/** Where the next page of a list begins: the sort values of the last row shown, opaque to whoever carries them. */
import { AppError } from '../errors.ts';

/** One page of a list. */
export interface Listed<Item> {
  items: readonly Item[];
  /** For the next page; left out on the last. */
  next?: string | undefined;
}

export const PAGE_ROWS = 50;

/** @param values ISO dates, numbers and ids, in the order they are sorted by */
function writeCursor(values: readonly (string | number | null)[]): string {
  return Buffer.from(JSON.stringify(values)).toString('base64url');
}

/**
 * @param count how many values the list sorts by
 * @throws AppError 400 `bad_cursor`
 */
export function readCursor(cursor: string | undefined, count: number): (string | number | null)[] | undefined {
  if (cursor === undefined || cursor === '') return undefined;
  try {
    const values: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (Array.isArray(values) && values.length === count && values.every(isSortValue)) return values;
  } catch {
    // Said below.
  }
  throw badCursor();
}

/**
 * What a list sorts by where that is a moment.
 * @throws AppError 400 `bad_cursor`
 */
export function readMoment(value: string | number | null | undefined): Date {
  const at = new Date(typeof value === 'string' ? value : Number.NaN);
  const year = at.getUTCFullYear();
  // What the database can hold: anything else was not written by us.
  if (year >= 1 && year <= 9999) return at;
  throw badCursor();
}

/**
 * @param rows one more than fits on the page, where there are more
 * @param valuesOf what the list sorts by
 */
export function cutPage<Row>(
  rows: readonly Row[],
  limit: number,
  valuesOf: (row: Row) => readonly (string | number | null)[],
): Listed<Row> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return rows.length > limit && last !== undefined ? { items, next: writeCursor(valuesOf(last)) } : { items };
}

/** For a cursor that none of our pages carries. */
export function badCursor(): AppError {
  return new AppError('bad_cursor', 400, 'This page of the list does not exist: begin at the first page.');
}

function isSortValue(value: unknown): value is string | number | null {
  if (typeof value === 'string') return value.length <= 500 && !value.includes('\0');
  return value === null || (typeof value === 'number' && Number.isFinite(value));
}
