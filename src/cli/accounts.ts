/** `consentry account …`: the people who can sign in here. */
import { type Command, Option } from 'commander';
import type { AddResult } from '../accounts/account.ts';
import type { Account, Role } from '../accounts/store.ts';
import { events } from '../audit/events.ts';
import { passwordRule } from '../credentials.ts';
import { AppError } from '../errors.ts';
import { disableAccount } from '../revocations.ts';
import type { Rooms } from '../rooms.ts';
import { readableLine } from '../web/visible-text.ts';
import { withRooms } from './open.ts';
import { END_OF_TOKENS, examples } from './options.ts';
import { count, fields, moment, printJson, table } from './print.ts';
import { readInput, type Terminal } from './terminal.ts';

interface AddOptions {
  name?: string;
  role: Role;
  passwordStdin?: boolean;
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
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'account add ana@example.com --name "Ana Lima"',
        'account add bo@example.com --role owner --password-stdin < password.txt',
      ),
    )
    .action((email: string, options: AddOptions) => add(terminal, email, options));
  account
    .command('list')
    .description('list everybody')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('account list', 'account list --json'))
    .action((options: { json?: boolean }) => list(terminal, options));
  account
    .command('disable')
    .description('end all access of a person: sign-in, browser sessions, and the tokens of every client')
    .argument('<email>')
    .addHelpText('after', END_OF_TOKENS)
    .addHelpText('after', examples('account disable ana@example.com'))
    .action((email: string) => disable(terminal, email));
  account
    .command('enable')
    .description('let a disabled person sign in again; clients have to be connected again')
    .argument('<email>')
    .addHelpText('after', examples('account enable ana@example.com'))
    .action((email: string) => enable(terminal, email));
}

async function add(terminal: Terminal, email: string, options: AddOptions): Promise<void> {
  const { role, json } = options;
  const name =
    options.name === undefined ? undefined : readableLine(options.name, { what: 'The name', maxCharacters: 60 });
  const given = options.passwordStdin ? await readPassword(terminal) : undefined;
  const { account, password, owners } = await withRooms(
    terminal,
    async ({ accounts, accountStore, audit, database }) => {
      const added = await database.unit(async () => {
        const result = accepted(await accounts.add({ email, name, role, password: given }), email);
        await audit.record(events.accountCreated({ accountId: result.account.id }, { role }));
        return result;
      });
      return { ...added, owners: await accountStore.countOwners() };
    },
  );
  // A server makes the first owner only while it has no account at all.
  if (owners === 0)
    terminal.err('note: there is no owner yet, and somebody should be: account add <email> --role owner');
  if (json) return printJson(terminal, { ...describe(account), ...(password === undefined ? {} : { password }) });
  terminal.out(`Added ${account.email} (${role}).`);
  if (password !== undefined) terminal.out(fields({ Password: `${password}   (shown only now)` }));
}

/** The line break that `echo` adds is no part of it. */
async function readPassword(terminal: Terminal): Promise<string> {
  if (terminal.stdin.isTTY) {
    throw new AppError(
      'bad_input',
      400,
      'Nothing is piped in: --password-stdin reads a file or a pipe, such as --password-stdin < password.txt',
    );
  }
  return (await readInput(terminal)).replace(/\r?\n$/, '');
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

async function list(terminal: Terminal, { json }: { json?: boolean }): Promise<void> {
  const accounts = await withRooms(terminal, ({ accountStore }) => accountStore.list());
  if (json) return printJson(terminal, accounts.map(describe));
  if (accounts.length === 0) return terminal.out('Nobody yet. See: npx consentry account add --help');
  const rows = accounts.map(({ email, name, role, createdAt, disabledAt }) => [
    email,
    name ?? '-',
    role,
    disabledAt ? `disabled ${moment(disabledAt)}` : 'active',
    moment(createdAt),
  ]);
  terminal.out(table(['E-MAIL', 'NAME', 'ROLE', 'STATUS', 'ADDED'], rows));
}

async function disable(terminal: Terminal, email: string): Promise<void> {
  await withRooms(terminal, async (rooms) => {
    const account = await findAccount(rooms, email);
    if (account.disabledAt) return terminal.out(`${account.email} was disabled already.`);
    const { sessions, signIns } = await disableAccount(rooms, account);
    const ended = `${count(sessions, 'browser session')} and ${count(signIns, 'connection')} of clients ended`;
    terminal.out(`Disabled ${account.email}: ${ended}.`);
  });
}

async function enable(terminal: Terminal, email: string): Promise<void> {
  await withRooms(terminal, async (rooms) => {
    const account = await findAccount(rooms, email);
    if (!account.disabledAt) return terminal.out(`${account.email} is not disabled.`);
    await rooms.database.unit(async () => {
      await rooms.accountStore.enable(account.id);
      await rooms.audit.record(events.accountEnabled({ accountId: account.id }));
    });
    terminal.out(`Enabled ${account.email}.`);
  });
}

/** @throws AppError 404 `unknown_account` */
export async function findAccount({ accountStore }: Pick<Rooms, 'accountStore'>, email: string): Promise<Account> {
  const account = await accountStore.findByEmail(email);
  if (account) return account;
  throw new AppError('unknown_account', 404, `Nobody here has the address ${email}. See: npx consentry account list`);
}

function describe({ id, email, name, role, createdAt, disabledAt }: Account) {
  return { id, email, name, role, created_at: createdAt, disabled_at: disabledAt };
}
