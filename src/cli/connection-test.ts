/** `consentry connection test`: what a sign-in would meet, told step by step. */
import type { Command } from 'commander';
import { tryConnection } from '../connection-checks.ts';
import { AppError } from '../errors.ts';
import type { ToldStep } from '../federation/diagnosis/step.ts';
import { createEgress } from '../web/egress.ts';
import { visibleText } from '../web/visible-text.ts';
import { withRooms } from './open.ts';
import { examples } from './options.ts';
import { printJson } from './print.ts';
import type { Terminal } from './terminal.ts';

const HELP = `
Asks the provider as a sign-in would: its document and keys, whether it knows us (by redeeming a code that cannot exist)
and our callback URL (by a sign-in that shows nothing). Nobody is signed in, nothing is changed. Exit code 1 where a step
failed.`;

export function testCommand(connection: Command, terminal: Terminal): void {
  connection
    .command('test')
    .description('try a connection step by step, and say in words what is wrong')
    .argument('<id>', 'as connection list shows it')
    .option('--json', 'print JSON')
    .addHelpText('after', HELP)
    .addHelpText('after', examples('connection test 5f2a9c…'))
    .action((id: string, options: { json?: boolean }) => test(terminal, id, options));
}

async function test(terminal: Terminal, id: string, { json }: { json?: boolean }): Promise<void> {
  const { name, steps } = await withRooms(terminal, async (rooms, config) => {
    const egress = createEgress(config);
    try {
      return await tryConnection(rooms, id, { fetch: egress.fetch, now: rooms.now, issuer: config.issuer });
    } finally {
      egress.close();
    }
  });
  if (json) printJson(terminal, { connection: id, ok: !steps.some(isFailed), steps: steps.map(plainly) });
  else terminal.out(steps.map(lineOf).join('\n'));
  const failed = steps.filter(isFailed).length;
  if (failed === 0) return;
  throw new AppError('connection_failed', 409, `${name} does not work: ${failed} of ${steps.length} steps failed.`);
}

/** As JSON has it: sentences, without the codes of the pages. */
function plainly({ step, result, what, todo }: ToldStep) {
  return { step, result, what, todo };
}

function isFailed({ result }: ToldStep): boolean {
  return result === 'failed';
}

function lineOf({ step, result, what, todo }: ToldStep): string {
  const line = `${result.padEnd(7)}  ${step.padEnd(10)}  ${visibleText(what, 'NFC')}`;
  return todo === undefined ? line : `${line}\n${' '.repeat(21)}→ ${visibleText(todo, 'NFC')}`;
}
