/** `consentry account set-password`: a new password for somebody who forgot theirs; and how commands read one. */
import type { Command } from 'commander';
import { AppError } from '../errors.ts';
import { resetPassword } from '../people.ts';
import { ACCOUNT_ARGUMENT, findAccount } from './account-finding.ts';
import { withRooms } from './open.ts';
import { examples } from './options.ts';
import { count, fields, printJson } from './print.ts';
import { readInput, type Terminal } from './terminal.ts';

interface PasswordOptions {
  passwordStdin?: boolean;
  json?: boolean;
}

const HELP = `
Only for people who sign in here with an e-mail address and a password; whoever comes by a connection has none. Browser
sessions end, as with a change by the person; clients stay connected.`;

export function passwordCommand(account: Command, terminal: Terminal): void {
  account
    .command('set-password')
    .description('give a person a new password; it is generated and shown once, unless you give one')
    .argument('<account>', ACCOUNT_ARGUMENT)
    .option('--password-stdin', 'read the password from standard input')
    .option('--json', 'print JSON')
    .addHelpText('after', HELP)
    .addHelpText(
      'after',
      examples(
        'account set-password ana@example.com',
        'account set-password ana@example.com --password-stdin < new.txt',
      ),
    )
    .action((who: string, options: PasswordOptions) => setPassword(terminal, who, options));
}

async function setPassword(terminal: Terminal, who: string, { passwordStdin, json }: PasswordOptions): Promise<void> {
  const given = passwordStdin ? await readPassword(terminal) : undefined;
  const { account, password, sessions } = await withRooms(terminal, async (rooms) => {
    const account = await findAccount(rooms, who);
    return { ...(await resetPassword(rooms, account, given)), account };
  });
  const { id, email, disabledAt } = account;
  if (json) return printJson(terminal, { id, email, sessions, ...(password === '' ? {} : { password }) });
  terminal.out(`Changed the password of ${email}: ${count(sessions, 'browser session')} ended.`);
  if (password !== '') terminal.out(fields({ Password: `${password}   (shown only now)` }));
  if (disabledAt) terminal.err(`note: the account is disabled all the same: npx consentry account enable ${email}`);
}

/** The line break that `echo` adds is no part of it. */
export async function readPassword(terminal: Terminal): Promise<string> {
  if (terminal.stdin.isTTY) {
    throw new AppError(
      'bad_input',
      400,
      'Nothing is piped in: --password-stdin reads a file or a pipe, such as --password-stdin < password.txt',
    );
  }
  return (await readInput(terminal)).replace(/\r?\n$/, '');
}
