/** `consentry account …`: the people who can sign in here. */
import { Argument, type Command, Option } from 'commander';
import type { Role } from '../accounts/store.ts';
import { addPerson, changeBreakGlass } from '../people.ts';
import { disableAccount, enableAccount } from '../revocations.ts';
import { ACCOUNT_ARGUMENT, called, findAccount } from './account-finding.ts';
import { accountListCommands, describeAccount } from './account-list.ts';
import { passwordCommand, readPassword } from './account-password.ts';
import { secondFactorCommand } from './account-second-factor.ts';
import { withRooms } from './open.ts';
import { END_OF_TOKENS, examples } from './options.ts';
import { count, fields, printJson } from './print.ts';
import type { Terminal } from './terminal.ts';

interface AddOptions {
  name?: string;
  role: Role;
  passwordStdin?: boolean;
  breakGlass?: boolean;
  json?: boolean;
}

export function accountCommands(program: Command, terminal: Terminal): void {
  const account = program.command('account').description('the people who can sign in here');
  account
    .command('add')
    .description('add a person; the password is generated and shown once, unless you give one')
    .argument('<email>', 'what the person types to sign in')
    .option('--name <name>', 'what the person is called')
    .addOption(new Option('--role <role>', 'owner may administer').choices(['owner', 'user']).default('user'))
    .option('--password-stdin', 'read the password from standard input')
    .option('--break-glass', 'may sign in with the password even while a connection is exclusive')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'account add ana@example.com --name "Ana Lima"',
        'account add bo@example.com --role owner --password-stdin < password.txt',
      ),
    )
    .action((email: string, options: AddOptions) => add(terminal, email, options));
  accountListCommands(account, terminal);
  passwordCommand(account, terminal);
  secondFactorCommand(account, terminal);
  account
    .command('disable')
    .description('end all access of a person: sign-in, browser sessions, and the tokens of every client')
    .argument('<account>', ACCOUNT_ARGUMENT)
    .addHelpText('after', END_OF_TOKENS)
    .addHelpText('after', examples('account disable ana@example.com'))
    .action((email: string) => disable(terminal, email));
  account
    .command('enable')
    .description('let a disabled person sign in again; clients have to be connected again')
    .argument('<account>', ACCOUNT_ARGUMENT)
    .addHelpText('after', examples('account enable ana@example.com'))
    .action((email: string) => enable(terminal, email));
  account
    .command('break-glass')
    .description(
      'an account for emergencies: its password works even while a connection is exclusive, and every owner is told',
    )
    .argument('<account>', ACCOUNT_ARGUMENT)
    .addArgument(new Argument('<state>').choices(['on', 'off']))
    .addHelpText('after', examples('account break-glass root@example.com on'))
    .action((email: string, state: string) => breakGlass(terminal, email, state === 'on'));
}

async function add(terminal: Terminal, email: string, options: AddOptions): Promise<void> {
  const { name, role, json, breakGlass } = options;
  const given = options.passwordStdin ? await readPassword(terminal) : undefined;
  const { account, password, owners } = await withRooms(terminal, async (rooms) => ({
    ...(await addPerson(rooms, { email, name, role, password: given, breakGlass })),
    owners: await rooms.accountStore.countOwners(),
  }));
  // A server makes the first owner only while it has no account at all.
  if (owners === 0)
    terminal.err('note: there is no owner yet, and somebody should be: account add <email> --role owner');
  if (json) return printJson(terminal, { ...describeAccount(account), ...(password === '' ? {} : { password }) });
  terminal.out(`Added ${account.email} (${role}).`);
  if (password !== '') terminal.out(fields({ Password: `${password}   (shown only now)` }));
}

async function disable(terminal: Terminal, email: string): Promise<void> {
  await withRooms(terminal, async (rooms) => {
    const account = await findAccount(rooms, email);
    if (account.disabledBy.includes('administrator')) return terminal.out(`${called(account)} was disabled already.`);
    const { sessions, signIns } = await disableAccount(rooms, account);
    const ended = `${count(sessions, 'browser session')} and ${count(signIns, 'connection')} of clients ended`;
    terminal.out(`Disabled ${called(account)}: ${ended}.`);
  });
}

async function enable(terminal: Terminal, email: string): Promise<void> {
  await withRooms(terminal, async (rooms) => {
    const account = await findAccount(rooms, email);
    if (!account.disabledAt) return terminal.out(`${called(account)} is not disabled.`);
    await enableAccount(rooms, account);
    terminal.out(`Enabled ${called(account)}.`);
    const others = account.disabledBy.filter((one) => one !== 'administrator');
    if (others.length > 0) terminal.err(`note: that also overrules ${others.join(', ')}, until it says so again`);
  });
}

async function breakGlass(terminal: Terminal, email: string, on: boolean): Promise<void> {
  await withRooms(terminal, async (rooms) => {
    const { accountStore, connectionStore } = rooms;
    const account = await findAccount(rooms, email);
    const state = on ? 'a break-glass account' : 'no break-glass account';
    if (account.breakGlass === on) return terminal.out(`${called(account)} was ${state} already.`);
    await changeBreakGlass(rooms, account, on);
    terminal.out(`${called(account)} is now ${state}.`);
    const exclusive = (await connectionStore.list()).some((connection) => connection.exclusive);
    const left = (await accountStore.list()).some((one) => one.breakGlass && !one.disabledAt);
    if (exclusive && !left)
      terminal.err(
        'note: a connection is exclusive, and nobody could sign in if it failed: keep one break-glass account',
      );
  });
}
