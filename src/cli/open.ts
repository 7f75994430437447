/** Opens the database for one command: the one of a running Consentry where there is one. */
import { type Config, readConfig } from '../config.ts';
import { AppError } from '../errors.ts';
import { createRooms, type Rooms } from '../rooms.ts';
import { type OpenDatabase, openDatabase } from '../storage/database.ts';
import { pendingMigrations } from '../storage/migrate.ts';
import { createLog } from '../web/log.ts';
import { inRequest } from '../web/request-context.ts';
import type { Terminal } from './terminal.ts';

/** Runs `work` in the name of the command line and closes whatever becomes of it. */
export async function withDatabase<T>(
  { env, root, signal }: Terminal,
  work: (database: OpenDatabase, config: Config) => Promise<T>,
): Promise<T> {
  const config = readConfig(env, { root });
  // What a server tells its operator in passing would only stand between a person and the answer.
  const log = createLog({ level: config.logLevel === 'info' ? 'error' : config.logLevel });
  const database = await openDatabase({ ...config, databaseUrl: config.databaseUrl, log, mode: 'attach' });
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= database.close();
    return closed;
  };
  // Rolls back what is under way; the work then fails.
  signal.addEventListener('abort', close);
  try {
    signal.throwIfAborted();
    return await inRequest('cli', () => work(database, config));
  } finally {
    await close();
  }
}

/** @throws AppError `not_migrated` */
export function withRooms<T>(terminal: Terminal, work: (rooms: Rooms, config: Config) => Promise<T>): Promise<T> {
  return withDatabase(terminal, async ({ prisma, connection }, config) => {
    const pending = await pendingMigrations(connection);
    if (pending.length > 0) throw notMigrated(pending);
    return work(await createRooms({ config, prisma }), config);
  });
}

/** @param pending names of migrations */
export function notMigrated(pending: readonly string[]): AppError {
  const message = 'The database is not ready for this release. Run: npx consentry migrate';
  return new AppError('not_migrated', 503, message, { detail: `not applied: ${pending.join(', ')}` });
}
