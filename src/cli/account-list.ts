/** `consentry account list|show`: who there is, and by which ways each comes in. */
import type { Command } from 'commander';
import type { Account } from '../accounts/store.ts';
import type { KnownIdentity, WaysIn } from '../accounts/ways-store.ts';
import { unknownConnection } from '../connections.ts';
import { ADMINISTRATOR, OWNER } from '../roles/role.ts';
import { visibleText } from '../web/visible-text.ts';
import { ACCOUNT_ARGUMENT, findAccount } from './account-finding.ts';
import { withRooms } from './open.ts';
import { examples } from './options.ts';
import { fields, moment, printJson, table } from './print.ts';
import type { Terminal } from './terminal.ts';

interface ListOptions {
  connection?: string;
  json?: boolean;
}

type Membership = { role: string; by: string };

const NO_WAY: WaysIn = { password: false, identities: [] };

export function accountListCommands(account: Command, terminal: Terminal): void {
  account
    .command('list')
    .description('list everybody, and by which ways they come in')
    .option('--connection <id>', 'only people who come by this connection')
    .option('--json', 'print JSON, with who people are at their connections')
    .addHelpText('after', examples('account list', 'account list --connection contoso --json'))
    .action((options: ListOptions) => list(terminal, options));
  account
    .command('show')
    .description('tell who a person is at which connection, which roles they have, and who took access away')
    .argument('<account>', ACCOUNT_ARGUMENT)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('account show ana@example.com', 'account show contoso:7c1d7ea4-0c3c-…'))
    .action((who: string, options: { json?: boolean }) => show(terminal, who, options));
}

async function list(terminal: Terminal, { connection, json }: ListOptions): Promise<void> {
  const people = await withRooms(terminal, async ({ accountStore, connectionStore, ways }) => {
    if (connection !== undefined && !(await connectionStore.look(connection))) throw unknownConnection(connection);
    const known = await ways.survey();
    const all = (await accountStore.list()).map((account) => ({ account, ways: known.get(account.id) ?? NO_WAY }));
    if (connection === undefined) return all;
    return all.filter(({ ways }) => ways.identities.some(({ connectionId }) => connectionId === connection));
  });
  if (json) return printJson(terminal, people.map(describe));
  if (people.length === 0 && connection !== undefined) return terminal.out('Nobody comes by it yet.');
  if (people.length === 0) return terminal.out('Nobody yet. See: npx consentry account add --help');
  const rows = people.map(({ account, ways }) => [
    account.email || '-',
    account.name ?? '-',
    account.role,
    statusOf(account),
    wayWords(ways),
    moment(account.createdAt),
    account.id,
  ]);
  terminal.out(table(['E-MAIL', 'NAME', 'ROLE', 'STATUS', 'WAYS IN', 'ADDED', 'ID'], rows));
}

async function show(terminal: Terminal, who: string, { json }: { json?: boolean }): Promise<void> {
  const { account, ways, roles } = await withRooms(terminal, async (rooms) => {
    const account = await findAccount(rooms, who);
    const ways = (await rooms.ways.survey(account.id)).get(account.id) ?? NO_WAY;
    return { account, ways, roles: rolesOf(account, await rooms.roleStore.listOf(account.id)) };
  });
  if (json) return printJson(terminal, { ...describe({ account, ways }), roles });
  const { id, email, name, role, breakGlass, createdAt } = account;
  const own = {
    ...{ id, e_mail: email || undefined, name: name ?? undefined, role, status: statusOf(account) },
    break_glass: breakGlass ? 'yes' : 'no',
    password: ways.password ? 'yes' : 'no',
    roles: roles.map((one) => `${one.role} (by ${one.by})`).join(', ') || undefined,
    added: moment(createdAt),
  };
  terminal.out(fields(visible(own)));
  for (const identity of ways.identities) {
    const { connection, ...facts } = describeIdentity(identity);
    const words = Object.fromEntries(Object.entries(facts).map(([key, value]) => [key, wordsOf(value)]));
    terminal.out(`\nBy the connection ${connection}:\n${fields(visible(words))}`);
  }
}

/** An owner of whom no mapping says so is one by an administrator. */
function rolesOf({ role }: Account, written: readonly Membership[]): Membership[] {
  const administered = role === OWNER && !written.some((one) => one.role === OWNER);
  return [...(administered ? [{ role: OWNER, by: ADMINISTRATOR }] : []), ...written];
}

function statusOf({ disabledAt, disabledBy, breakGlass }: Account): string {
  if (!disabledAt) return breakGlass ? 'active, break-glass' : 'active';
  return `disabled ${moment(disabledAt)} by ${disabledBy.join(', ')}`;
}

function wayWords({ password, identities }: WaysIn): string {
  const connections = identities.map(({ connectionId, orphaned }) => connectionId + (orphaned ? ' (unconfirmed)' : ''));
  return [...(password ? ['password'] : []), ...connections].join(', ') || '-';
}

function wordsOf(value: unknown): string | undefined {
  if (value === null || value === '') return undefined;
  if (value instanceof Date) return moment(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return (Array.isArray(value) ? value.join(', ') : String(value)) || undefined;
}

/** What a directory says cannot move the cursor. */
function visible(facts: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(facts).map(([key, value]) => [key, value && visibleText(value, 'NFC')]));
}

function describe({ account, ways }: { account: Account; ways: WaysIn }) {
  return {
    ...describeAccount(account),
    password_set: ways.password,
    identities: ways.identities.map(describeIdentity),
  };
}

export function describeAccount({ id, email, name, role, createdAt, disabledAt, disabledBy, breakGlass }: Account) {
  return {
    id,
    email,
    name,
    role,
    created_at: createdAt,
    disabled_at: disabledAt,
    disabled_by: disabledBy,
    break_glass: breakGlass,
  };
}

/** The address is what the directory says, and proves nothing. */
function describeIdentity(identity: KnownIdentity) {
  const { connectionId, issuer, subject, tenantId, objectId, email, name, guest } = identity;
  return {
    connection: connectionId,
    issuer,
    subject,
    tenant_id: tenantId ?? null,
    object_id: objectId ?? null,
    email_there: email ?? null,
    name_there: name ?? null,
    guest: guest ?? null,
    app_roles: identity.appRoles,
    groups: identity.groups,
    since: identity.since,
    last_sign_in_at: identity.lastSignInAt ?? null,
    vouched_at: identity.vouchedAt ?? null,
    unconfirmed: identity.orphaned,
  };
}
