/** `consentry role …`: what people may grant at most, and who has which role. */
import type { Command } from 'commander';
import { AppError } from '../errors.ts';
import { addRole, assertRole, removeRole } from '../roles/changes.ts';
import { OWNER, type RoleCeiling, type RoleMapping } from '../roles/role.ts';
import type { Rooms } from '../rooms.ts';
import { readableLine } from '../web/visible-text.ts';
import { withRooms } from './open.ts';
import { examples } from './options.ts';
import { fields, moment, printJson, table } from './print.ts';
import { roleCeilingCommands } from './role-ceilings.ts';
import { type ChangeOptions, changing, makeChange } from './role-effects.ts';
import { roleMemberCommands } from './role-members.ts';
import type { Terminal } from './terminal.ts';

const EXPLANATION = `
A role says the most that its members may grant at an MCP server. A server of which no role says anything is open to all of
them; as soon as one role says something, whoever has no such role may grant nothing there. Somebody with several roles has
all that these allow together.

Members are people whom you name, and people of whom a connection says something that you mapped: an app role, the object
id of a group, or a group that the directory sent by SCIM. That is looked at again at each sign-in, whenever the
provider is asked, and when the directory changes. What goes further than a role that became smaller is taken back.`;

export function roleCommands(program: Command, terminal: Terminal): void {
  const role = program.command('role').description('what people may grant at most').addHelpText('after', EXPLANATION);
  role
    .command('list')
    .description('list the roles')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('role list', 'role list --json'))
    .action((options: { json?: boolean }) => list(terminal, options));
  role
    .command('show')
    .description('show what a role allows, what gives it, and who has it')
    .argument('<role>', 'as role list shows it')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('role show staff'))
    .action((name: string, options: { json?: boolean }) => show(terminal, name, options));
  role
    .command('add')
    .description('add a role, which allows nothing yet')
    .argument('<role>', 'lower-case letters, digits, dot, hyphen, underscore')
    .option('--description <text>', 'for whoever reads the list')
    .addHelpText('after', examples('role add staff --description "Everybody who works here"'))
    .action((name: string, options: { description?: string }) => add(terminal, name, options));
  changing(role.command('remove'))
    .description('remove a role with what it allows and what gives it')
    .argument('<role>', 'as role list shows it')
    .option('--open', 'also where an MCP server would then be open to everybody')
    .addHelpText('after', examples('role remove staff --dry-run', 'role remove staff'))
    .action((name: string, options: ChangeOptions & { open?: boolean }) => remove(terminal, name, options));
  roleCeilingCommands(role, terminal);
  roleMemberCommands(role, terminal);
}

async function add(terminal: Terminal, name: string, options: { description?: string }): Promise<void> {
  const { description } = options;
  const line =
    description === undefined ? undefined : readableLine(description, { what: 'The description', maxCharacters: 200 });
  await withRooms(terminal, (rooms) => addRole(rooms, name, line));
  terminal.out(`Added the role ${name}. It allows nothing yet: npx consentry role allow ${name} <mcp-server> <scope>`);
}

function remove(terminal: Terminal, name: string, options: ChangeOptions & { open?: boolean }): Promise<void> {
  return makeChange(terminal, options, async (rooms) => ({
    effect: await removeRole(rooms, name, options.open ?? false),
    words: () => ({
      done: `Removed the role ${name}.`,
      would: `Would remove the role ${name}.`,
      json: { role: name },
    }),
  }));
}

interface Detail {
  id: string;
  description: string | undefined;
  createdAt: Date;
  ceilings: RoleCeiling[];
  mappings: RoleMapping[];
  people: { accountId: string; email: string; source: string }[];
}

async function list(terminal: Terminal, { json }: { json?: boolean }): Promise<void> {
  const details = await withRooms(terminal, async (rooms) => {
    const found: Detail[] = [];
    for (const { id } of await rooms.roleStore.list()) found.push(await detailOf(rooms, id));
    return found;
  });
  if (json) return printJson(terminal, details.map(describe));
  const rows = details.map(({ id, description, ceilings, mappings, people }) => [
    id,
    String(new Set(people.map(({ accountId }) => accountId)).size),
    ceilings.map(({ resourceUri, scopes }) => `${resourceUri}: ${scopes.join(' ') || 'nothing'}`).join(', ') || '-',
    mappings.map(mappingWords).join(', ') || '-',
    description ?? '',
  ]);
  terminal.out(table(['ROLE', 'PEOPLE', 'MAY GRANT AT MOST', 'COMES WITH', 'DESCRIPTION'], rows));
}

async function show(terminal: Terminal, name: string, { json }: { json?: boolean }): Promise<void> {
  const detail = await withRooms(terminal, async (rooms) => {
    await assertRole(rooms, name);
    return detailOf(rooms, name);
  });
  if (json) return printJson(terminal, describe(detail));
  const { description, createdAt, ceilings, mappings, people } = detail;
  terminal.out(`${name}\n`);
  terminal.out(fields({ description, added: moment(createdAt) }));
  const bounds = ceilings.map(({ resourceUri, scopes }) => [resourceUri, scopes.join(' ') || 'nothing']);
  if (bounds.length > 0) terminal.out(`\n${table(['MCP SERVER', 'MAY GRANT AT MOST'], bounds)}`);
  const sources = mappings.map((mapping) => [mapping.id, mapping.connectionId, mapping.source, mapping.value]);
  if (sources.length > 0) terminal.out(`\n${table(['MAPPING', 'CONNECTION', 'WHAT', 'VALUE'], sources)}`);
  const members = people.map(({ accountId, email, source }) => [email || '-', accountId, source]);
  if (members.length > 0) terminal.out(`\n${table(['E-MAIL', 'ACCOUNT', 'BY'], members)}`);
}

async function detailOf({ roleStore, accountStore }: Rooms, id: string): Promise<Detail> {
  const role = await roleStore.find(id);
  if (!role) throw new AppError('unknown_role', 404, `There is no role ${id}.`);
  const written = await roleStore.people(id);
  const owners = id === OWNER ? (await accountStore.list()).filter((account) => account.role === OWNER) : [];
  const administered = owners
    .filter((owner) => !written.some(({ accountId }) => accountId === owner.id))
    .map(({ id: accountId, email }) => ({ accountId, email, source: 'administrator' }));
  return {
    ...role,
    ceilings: await roleStore.ceilings({ roleId: id }),
    mappings: await roleStore.mappings({ roleId: id }),
    people: [...written, ...administered],
  };
}

function mappingWords({ connectionId, source, value }: RoleMapping): string {
  return `${source} ${value} at ${connectionId}`;
}

function describe({ id, description, createdAt, ceilings, mappings, people }: Detail) {
  return {
    role: id,
    description: description ?? null,
    created_at: createdAt,
    allows: ceilings.map(({ resourceUri, scopes }) => ({ resource: resourceUri, scopes })),
    mappings: mappings.map(({ id: mapping, connectionId, source, value }) => ({
      id: mapping,
      connection: connectionId,
      source,
      value,
    })),
    people: people.map(({ accountId, email, source }) => ({ account_id: accountId, email, by: source })),
  };
}
