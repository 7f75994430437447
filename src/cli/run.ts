/** The commands put together, and what becomes of their errors: 0 done, 1 failed, 2 written wrongly. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { AppError } from '../errors.ts';
import { isDatabaseUnavailable } from '../storage/database.ts';
import { accountCommands } from './accounts.ts';
import { applyCommand } from './apply.ts';
import { approvalCommands } from './approvals.ts';
import { clientCommands } from './clients.ts';
import { connectionCommands } from './connections.ts';
import { consentCommands } from './consents.ts';
import { demoDataCommand } from './demo-data.ts';
import { keyCommands } from './keys.ts';
import { migrateCommand } from './migrations.ts';
import { policyCommands } from './policy.ts';
import { resourceCommands } from './resources.ts';
import { roleCommands } from './roles.ts';
import { scimCommands } from './scim.ts';
import type { Terminal } from './terminal.ts';

const INTRODUCTION = `
Works on the database that the configuration names (.env and environment variables, as for npm start), whether or not
a server is running. Each command explains itself: consentry client add --help`;

/** @param args without the interpreter and the script */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  let current = 'consentry';
  const program = createProgram(terminal);
  program.hook('preAction', (_program, action) => {
    current = pathOf(action);
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (terminal.signal.aborted) return 1;
    // Commander has said what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    terminal.err(`error: ${explain(error, terminal)}`);
    if (!(error instanceof AppError && error.status === 400)) return 1;
    terminal.err(`(${current} --help shows how it is written)`);
    return 2;
  }
}

function createProgram(terminal: Terminal): Command {
  const { version } = JSON.parse(readFileSync(join(terminal.root, 'package.json'), 'utf8')) as { version: string };
  const program = new Command('consentry')
    .description('Administers Consentry.')
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
    })
    .addHelpText('after', INTRODUCTION);
  accountCommands(program, terminal);
  connectionCommands(program, terminal);
  resourceCommands(program, terminal);
  clientCommands(program, terminal);
  consentCommands(program, terminal);
  approvalCommands(program, terminal);
  policyCommands(program, terminal);
  roleCommands(program, terminal);
  scimCommands(program, terminal);
  keyCommands(program, terminal);
  applyCommand(program, terminal);
  migrateCommand(program, terminal);
  demoDataCommand(program, terminal);
  hint(program);
  return program;
}

/** The whole command, so that it can be typed as it stands. */
function hint(command: Command): void {
  command.showHelpAfterError(`(${pathOf(command)} --help shows how it is written)`);
  for (const child of command.commands) hint(child);
}

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

/** An error of ours says what to do; of any other a person needs no more than that it is none of theirs. */
function explain(error: unknown, { env }: Terminal): string {
  if (error instanceof AppError) return error.detail ? `${error.message}\n(${error.detail})` : error.message;
  if (isDatabaseUnavailable(error)) return 'The database went away. Nothing was changed; try again.';
  const known = error instanceof Error ? error : new Error(String(error));
  if (env.LOG_LEVEL === 'debug' || env.LOG_LEVEL === 'trace') return known.stack ?? known.message;
  return `Unexpected: ${known.message.trim().replace(/\s*\n\s*/g, ' ')}\n(LOG_LEVEL=debug shows where)`;
}
