/** What parallel requests do to each other, as Postgres and Prisma tell it. */
import { ScimFault } from './fault.ts';

/** PostgreSQL's SQLSTATE or Prisma's code, through the shapes Prisma 7 gives an error. */
function codesOf(error: unknown, depth = 0): string[] {
  if (typeof error !== 'object' || error === null || depth > 5) return [];
  const { code, originalCode, meta, driverAdapterError, cause } = error as Record<string, unknown>;
  const own = [code, originalCode].filter((one) => typeof one === 'string');
  return [...own, ...[meta, driverAdapterError, cause].flatMap((inner) => codesOf(inner, depth + 1))];
}

/** Another request was in the way: the same again will do. Deadlocks, and a row that went while it was referred to. */
export function isPassing(error: unknown): boolean {
  return codesOf(error).some((code) => ['P2034', 'P2003', '40P01', '40001', '23503'].includes(code));
}

/** A name that somebody else took meanwhile. */
export function asConflict(error: unknown): ScimFault | undefined {
  const taken = codesOf(error).some((code) => code === 'P2002' || code === '23505');
  return taken ? new ScimFault(409, 'uniqueness', 'Another resource has this name or externalId.') : undefined;
}
