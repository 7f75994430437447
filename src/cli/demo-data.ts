/** `consentry demo-data`: an installation to look around in, where nobody has an account yet. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config.ts';
import { makeDemoData } from '../demo-data/demo-data.ts';
import type { Leader } from '../demo-data/leaders.ts';
import { DEFAULT_SIZES, parseSize, type Sizes } from '../demo-data/sizes.ts';
import { AppError } from '../errors.ts';
import { withRooms } from './open.ts';
import { examples } from './options.ts';
import { fields, table } from './print.ts';
import { writeSecretFile } from './secret-file.ts';
import type { Terminal } from './terminal.ts';

const EXPLANATION = `
Only where nobody has an account: run it before the first npm start, after consentry migrate. Everything is made up:
people and programs are called after samples, every host ends in .example, and what proves anybody is a random secret.
It makes an owner, an administrator, an auditor, a resource owner and a person, each with a password of their own, which
is printed where a terminal shows it, and otherwise written to a file that only you can read.

To begin anew, begin with an empty database: the directory of the embedded one, or a new one of your own.`;

const SEED = 'consentry';
const PROGRESS_MS = 1_000;

export function demoDataCommand(program: Command, terminal: Terminal): void {
  const { people, clients, consents, tokens } = DEFAULT_SIZES;
  program
    .command('demo-data')
    .description('fill an empty installation with made-up people, clients, MCP servers and consents')
    .option('--people <number>', `how many (default: ${people})`, parseSize, people)
    .option('--clients <number>', `how many (default: ${clients})`, parseSize, clients)
    .option('--consents <number>', `how many (default: ${consents})`, parseSize, consents)
    .option('--tokens <number>', `how many tokens the record tells of (default: ${tokens})`, parseSize, tokens)
    .option('--seed <text>', 'another one makes other people', SEED)
    .addHelpText('after', EXPLANATION)
    .addHelpText('after', examples('demo-data', 'demo-data --people 200 --clients 100 --consents 500 --seed monday'))
    .action((options: Sizes & { seed: string }) => make(terminal, options));
}

async function make(terminal: Terminal, { seed, ...sizes }: Sizes & { seed: string }): Promise<void> {
  const { leaders, path } = await withRooms(terminal, async (rooms, config) => {
    const path = terminal.isTerminal ? undefined : join(config.dataDir, 'demo-data.txt');
    let leaders: readonly Leader[] = [];
    const made = await makeDemoData(rooms, {
      ...{ sizes, seed, progress: createProgress(terminal) },
      keep: async (those) => {
        leaders = those;
        if (path !== undefined) await writePasswords(config, path, those);
      },
    });
    if (made !== 'made') throw refusal(made);
    return { leaders, path };
  });
  terminal.out('\nMade up everything. Start the server, and look around as one of these:\n');
  terminal.out(path === undefined ? passwordTable(leaders) : fields({ Passwords: path }));
}

function passwordTable(leaders: readonly Leader[]): string {
  const rows = leaders.map(({ email, password, role }) => [role ?? 'no role', email, password]);
  return table(['ROLE', 'SIGN IN AS', 'PASSWORD (SHOWN ONLY NOW)'], rows);
}

async function writePasswords({ dataDir }: Config, path: string, leaders: readonly Leader[]): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const lines = leaders.map(({ email, password, role }) => `${email}  ${password}  (${role ?? 'no role'})`);
  await writeSecretFile(path, `${lines.join('\n')}\n\nDemo data. Delete this file when you have looked around.\n`);
}

/** A line for each thing, and one now and then while it takes long. */
function createProgress({ err }: Terminal): (what: string, made: number, whole: number) => void {
  let saidAt = Date.now();
  return (what, made, whole) => {
    if (made < whole && Date.now() - saidAt < PROGRESS_MS) return;
    saidAt = Date.now();
    const of = made < whole ? ` of ${whole.toLocaleString('en')}` : '';
    err(`  ${made.toLocaleString('en')}${of} ${what}`);
  };
}

function refusal(found: 'demo' | 'real'): AppError {
  if (found === 'demo') {
    const message = 'There is demo data already, and nothing was changed. To begin anew, begin with an empty database.';
    return new AppError('demo_data_exists', 409, message);
  }
  const message =
    'Somebody has an account here, and demo data would stand among what they live by: nothing was changed. Use an empty database.';
  return new AppError('accounts_exist', 409, message);
}
