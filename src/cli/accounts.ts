/** `consentry account …`: the people who can sign in here. */
import { Argument, type Command, Option } from 'commander';
import type { AddResult } from '../accounts/account.ts';
import type { Role } from '../accounts/store.ts';
import { events } from '../audit/events.ts';
import { passwordRule } from '../credentials.ts';
import { AppError } from '../errors.ts';
import { disableAccount, enableAccount } from '../revocations.ts';
import { readableLine } from '../web/visible-text.ts';
import { ACCOUNT_ARGUMENT, called, findAccount } from './account-finding.ts';
import { accountListCommands, describeAccount } from './account-list.ts';
import { passwordCommand, readPassword } from './account-password.ts';
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
  const { role, json, breakGlass = false } = options;
  const name =
    options.name === undefined ? undefined : readableLine(options.name, { what: 'The name', maxCharacters: 60 });
  const given = options.passwordStdin ? await readPassword(terminal) : undefined;
  const { account, password, owners } = await withRooms(
    terminal,
    async ({ accounts, accountStore, audit, database }) => {
      const added = await database.unit(async () => {
        const result = accepted(await accounts.add({ email, name, role, password: given, breakGlass }), email);
        await audit.record(events.accountCreated({ accountId: result.account.id }, { role, breakGlass }));
        return result;
      });
      return { ...added, owners: await accountStore.countOwners() };
    },
  );
  // A server makes the first owner only while it has no account at all.
  if (owners === 0)
    terminal.err('note: there is no owner yet, and somebody should be: account add <email> --role owner');
  if (json)
    return printJson(terminal, { ...describeAccount(account), ...(password === undefined ? {} : { password }) });
  terminal.out(`Added ${account.email} (${role}).`);
  if (password !== undefined) terminal.out(fields({ Password: `${password}   (shown only now)` }));
}

function accepted(result: AddResult, email: string): Extract<AddResult, { ok: true }> {
  if (result.ok) return result;
  switch (result.reason) {
    case 'bad_email':
      throw new AppError('bad_email', 400, `${email} is not an e-mail address.`);
    case 'exists':
      throw new AppError('account_exists', 409, `${email} has an account already.`);
    default:
      throw new AppError('bad_password', 400, `The password is not accepted: ${passwordRule(result.reason)}.`);
  }
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
    const { accountStore, connectionStore, audit, database } = rooms;
    const account = await findAccount(rooms, email);
    const state = on ? 'a break-glass account' : 'no break-glass account';
    if (account.breakGlass === on) return terminal.out(`${called(account)} was ${state} already.`);
    if (on && !(await rooms.ways.hasPassword(account.id)))
      throw new AppError(
        'no_password',
        409,
        `${called(account)} has no password here to sign in with in an emergency.`,
      );
    await database.unit(async () => {
      await accountStore.setBreakGlass(account.id, on);
      await audit.record(events.breakGlassChanged({ accountId: account.id }, { breakGlass: on }));
    });
    terminal.out(`${called(account)} is now ${state}.`);
    const exclusive = (await connectionStore.list()).some((connection) => connection.exclusive);
    const left = (await accountStore.list()).some((one) => one.breakGlass && !one.disabledAt);
    if (exclusive && !left)
      terminal.err(
        'note: a connection is exclusive, and nobody could sign in if it failed: keep one break-glass account',
      );
  });
}
