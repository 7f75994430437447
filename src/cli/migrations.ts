/** `consentry migrate`: brings the database to this release. */
import type { Command } from 'commander';
import { events } from '../audit/events.ts';
import { createAudit } from '../audit/store.ts';
import { migrate, pendingMigrations } from '../storage/migrate.ts';
import { createDatabase } from '../storage/transactions.ts';
import { notMigrated, withDatabase } from './open.ts';
import { examples } from './options.ts';
import { count, printJson } from './print.ts';
import type { Terminal } from './terminal.ts';

interface MigrateOptions {
  status?: boolean;
  json?: boolean;
}

export function migrateCommand(program: Command, terminal: Terminal): void {
  program
    .command('migrate')
    .description('bring the database to this release; a starting server does the same')
    .option('--status', 'change nothing; fail where something is missing')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('migrate', 'migrate --status'))
    .action((options: MigrateOptions) => (options.status ? showStatus(terminal, options) : apply(terminal, options)));
}

async function apply(terminal: Terminal, { json }: MigrateOptions): Promise<void> {
  const applied = await withDatabase(terminal, async ({ connection, prisma }) => {
    const done = await migrate(connection);
    const audit = createAudit({ database: createDatabase(prisma), now: () => new Date() });
    if (done.length > 0) await audit.record(events.migrated({}, { migrations: done }));
    return done;
  });
  if (json) return printJson(terminal, { applied });
  if (applied.length === 0) return terminal.out('The database was up to date.');
  terminal.out(`Applied ${count(applied.length, 'migration')}:`);
  for (const name of applied) terminal.out(`  ${name}`);
}

async function showStatus(terminal: Terminal, { json }: MigrateOptions): Promise<void> {
  const pending = await withDatabase(terminal, ({ connection }) => pendingMigrations(connection));
  if (json) printJson(terminal, { pending });
  if (pending.length > 0) throw notMigrated(pending);
  if (!json) terminal.out('The database is up to date.');
}
