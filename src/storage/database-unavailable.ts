/** Tells "the database is away" (answer 503, try again) from every other fault, through all the shapes Prisma 7 gives it. */
import { AppError } from '../errors.ts';

/** Prisma's codes, https://www.prisma.io/docs/orm/reference/error-reference: P1xxx connection, P2024 pool, P2028 transaction, P2034 deadlock, P2037 too many. */
const PRISMA_CODES = /^P(1000|1001|1002|1003|1008|1010|1011|1017|2024|2028|2034|2037)$/;
/** Kinds of @prisma/driver-adapter-utils. */
const ADAPTER_KINDS =
  /^(DatabaseNotReachable|ConnectionClosed|SocketTimeout|TlsConnectionError|TooManyConnections|AuthenticationFailed|DatabaseAccessDenied|DatabaseDoesNotExist)$/;
/** SQLSTATE: connection, deadlock, insufficient resources, operator intervention, system error; a standby that takes no writes; access. */
const SQL_STATES = /^(08...|40001|40P01|53...|57P0[1-5]|58...|25006|28000|28P01|3D000)$/;
const SOCKET_CODES =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ENOENT|EACCES|EAGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENOTFOUND|EAI_AGAIN)$/;
const SOCKET_CALLS = /^(connect|read|write|getaddrinfo)$/;
/** pg gives these no code. */
const PG_MESSAGES =
  /^(Connection terminated|Client has encountered a connection error|Client was closed and is not queryable|timeout exceeded when trying to connect|timeout expired|Query read timeout|Cannot use a pool after calling end on the pool)/;
const MAX_DEPTH = 6;

/**
 * Whether an error of a query, of opening a transaction, from inside one or of its commit means that Postgres
 * cannot be reached or used now. Looks into `AppError` and Prisma's errors, but not into a stranger's `cause`:
 * a failed outbound fetch is no failed database.
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  return look(error, 0);
}

function look(error: unknown, depth: number): boolean {
  if (typeof error !== 'object' || error === null || depth > MAX_DEPTH) return false;
  const { name, code, kind, originalCode, message, meta, cause, syscall } = error as Record<string, unknown>;
  const prisma = typeof name === 'string' && /^(PrismaClient|DriverAdapterError)/.test(name);
  if (matches(PRISMA_CODES, code) || matches(ADAPTER_KINDS, kind)) return true;
  if (matches(SQL_STATES, originalCode) || matches(SQL_STATES, code)) return true;
  // Prisma drops `syscall`; an AggregateError (both addresses of localhost refused) has none either.
  const connecting = prisma || error instanceof AggregateError || matches(SOCKET_CALLS, syscall);
  if (connecting && matches(SOCKET_CODES, code)) return true;
  if (matches(PG_MESSAGES, message)) return true;
  if (prisma)
    return look((meta as Record<string, unknown> | undefined)?.driverAdapterError, depth + 1) || look(cause, depth + 1);
  return error instanceof AppError && look(cause, depth + 1);
}

function matches(pattern: RegExp, value: unknown): boolean {
  return typeof value === 'string' && pattern.test(value);
}
