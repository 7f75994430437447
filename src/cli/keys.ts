/** `consentry key …`: the keys that sign tokens. */
import type { Command } from 'commander';
import { AppError } from '../errors.ts';
import type { KeyView } from '../keys/rotation.ts';
import { withRooms } from './open.ts';
import { examples } from './options.ts';
import { moment, printJson, table } from './print.ts';
import type { Terminal } from './terminal.ts';

const ROTATE = `
The next key is published at once and signs an hour later, when whoever caches our keys has it. The one before stays
published until nothing it signed is valid any more, then retires by itself. No server has to be started again.
A key that somebody else may have: consentry key retire <kid>.`;

const RETIRE = `
All that the key signed is refused from now on: at once by introspection, elsewhere when keys are fetched again (the guard:
within 15 minutes). People stay signed in, and their apps refresh. Where it is the one that signs, another signs from the
same moment on: a next key that is published already, else a new one, and never one that signed before.`;

export function keyCommands(program: Command, terminal: Terminal): void {
  const key = program.command('key').description('the keys that sign tokens');
  key
    .command('list')
    .description('list them: what signs now, what signs next, what is still published')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('key list'))
    .action((options: { json?: boolean }) => list(terminal, options));
  key
    .command('rotate')
    .description('make the key that signs next')
    .option('--in-seconds <n>', 'publish it for so long before it signs: 900 to 2592000 (default: 3600)')
    .option('--now', 'it signs at once: a next key that is published already, else a new one')
    .option('--json', 'print JSON')
    .addHelpText('after', ROTATE)
    .addHelpText('after', examples('key rotate', 'key rotate --in-seconds 86400', 'key rotate --now'))
    .action((options: RotateOptions) => rotate(terminal, options));
  key
    .command('retire')
    .description('publish a key no more, at once')
    .argument('<kid>', 'as key list shows it')
    .option('--json', 'print JSON')
    .addHelpText('after', RETIRE)
    .addHelpText('after', examples('key retire 9f2Qh0c3mXcVvG1b8yqkq2l0mE7ZsXo1t5u0b1R7a4M'))
    .action((kid: string, options: { json?: boolean }) => retire(terminal, kid, options));
}

interface RotateOptions {
  inSeconds?: string;
  now?: boolean;
  json?: boolean;
}

async function list(terminal: Terminal, { json }: { json?: boolean }): Promise<void> {
  const keys = await withRooms(terminal, ({ keyset }) => keyset.list());
  if (json) return printJson(terminal, keys.map(describe));
  if (keys.length === 0) return terminal.out('No keys yet: the first is made when the server starts.');
  const rows = keys.map((one) => [
    one.kid,
    one.alg,
    one.state,
    moment(one.createdAt),
    moment(one.activeFrom),
    moment(one.publishedUntil),
  ]);
  terminal.out(table(['KEY', 'ALG', 'STATE', 'MADE', 'SIGNS FROM', 'PUBLISHED UNTIL'], rows));
}

async function rotate(terminal: Terminal, { inSeconds, now, json }: RotateOptions): Promise<void> {
  if (inSeconds !== undefined && now)
    throw new AppError('bad_input', 400, 'Either --in-seconds or --now: a key cannot begin both later and at once.');
  if (inSeconds !== undefined && !/^\d{1,9}$/.test(inSeconds))
    throw new AppError('bad_input', 400, '--in-seconds is a whole number of seconds.');
  const seconds = inSeconds === undefined ? undefined : Number(inSeconds);
  const key = await withRooms(terminal, ({ keyset }) => keyset.rotate({ inSeconds: seconds, now }));
  if (json) return printJson(terminal, describe(key));
  if (now) terminal.out(`${key.kid} signs from now on. The one before stays published: see npx consentry key list`);
  else terminal.out(`${key.kid} is published, and signs from ${moment(key.activeFrom)} on.`);
}

async function retire(terminal: Terminal, kid: string, { json }: { json?: boolean }): Promise<void> {
  const signs = await withRooms(terminal, ({ keyset }) => keyset.retire(kid));
  if (json) return printJson(terminal, { retired: kid, signs_now: signs.kid });
  terminal.out(`${kid} is published no more; what it signed is refused. ${signs.kid} signs.`);
}

function describe({ kid, alg, state, createdAt, activeFrom, publishedUntil }: KeyView) {
  return {
    kid,
    alg,
    state,
    created_at: createdAt,
    active_from: activeFrom,
    published_until: publishedUntil ?? null,
  };
}
