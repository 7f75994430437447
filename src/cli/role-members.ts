/** `consentry role map|unmap|give|take`: who has a role. */
import type { Command } from 'commander';
import { AppError } from '../errors.ts';
import type { ConnectionRecord } from '../federation/connection-store.ts';
import { giveRole, mapRole, takeRole, unmapRole } from '../roles/membership-changes.ts';
import type { MappingSource } from '../roles/role.ts';
import { ACCOUNT_ARGUMENT, findAccount } from './account-finding.ts';
import { examples } from './options.ts';
import { findConnection } from './resource-people.ts';
import { type ChangeOptions, changing, makeChange } from './role-effects.ts';
import type { Terminal } from './terminal.ts';

interface MapOptions extends ChangeOptions {
  connection: string;
  appRole?: string;
  group?: string;
  scimGroup?: string;
  makeOwners?: boolean;
}

const WORDS: Readonly<Record<MappingSource, string>> = {
  app_role: 'with the app role',
  group: 'in the group',
  scim_group: 'in the SCIM group',
};

export function roleMemberCommands(role: Command, terminal: Terminal): void {
  changing(role.command('map'))
    .description('make people members of whom a connection says this; names of groups prove nothing and are not taken')
    .argument('<role>', 'as role list shows it')
    .requiredOption('--connection <connection-id>', 'as connection list shows it: the word of this one alone')
    .option('--app-role <value>', "the app role's value, exactly as written there")
    .option('--group <object-id>', 'the object id of a group')
    .option('--scim-group <id>', 'the id here of a group that the directory sent')
    .option('--make-owners', 'for the role owner: whoever decides this upstream decides who administers this server')
    .addHelpText(
      'after',
      examples(
        'role map staff --connection contoso --app-role Consentry.Staff',
        'role map staff --connection contoso --group 7c1d7ea4-0c3c-4e1f-9d0b-3f8f6f4f8f10',
      ),
    )
    .action((name: string, options: MapOptions) => map(terminal, name, options));
  changing(role.command('unmap'))
    .description('take a mapping back')
    .argument('<mapping-id>', 'as role show shows it')
    .addHelpText('after', examples('role unmap 5f2a9c77c0d1 --dry-run'))
    .action((id: string, options: ChangeOptions) => unmap(terminal, id, options));
  changing(role.command('give'))
    .description('make one person a member, whatever connections say')
    .argument('<role>', 'as role list shows it')
    .argument('<account>', ACCOUNT_ARGUMENT)
    .addHelpText('after', examples('role give auditor ana@example.com'))
    .action((name: string, who: string, options: ChangeOptions) => give(terminal, name, who, options));
  changing(role.command('take'))
    .description('take back what role give gave')
    .argument('<role>', 'as role list shows it')
    .argument('<account>', ACCOUNT_ARGUMENT)
    .addHelpText('after', examples('role take auditor ana@example.com --dry-run'))
    .action((name: string, who: string, options: ChangeOptions) => take(terminal, name, who, options));
}

function map(terminal: Terminal, name: string, options: MapOptions): Promise<void> {
  const { source, value } = readSource(options);
  return makeChange(terminal, options, async (rooms) => {
    const connection = await findConnection(rooms, options.connection);
    const makeOwners = options.makeOwners ?? false;
    const effect = await mapRole(rooms, { roleId: name, source, value, connection }, { makeOwners });
    const unread = unreadBy(connection, source);
    if (unread)
      terminal.err(
        `note: ${connection.id} is not asked for that yet: npx consentry connection update ${connection.id} ${unread}`,
      );
    const { mapping } = effect;
    const who = `people of ${connection.id} ${WORDS[source]} ${mapping?.value ?? value}`;
    const id = options.dryRun ? null : (mapping?.id ?? null);
    return {
      effect,
      words: () => ({
        done: `Mapped as ${id}: ${who} have the role ${name}.`,
        would: `Would map: ${who} would have the role ${name}.`,
        json: { role: name, mapping: id, connection: connection.id, source, value: mapping?.value ?? value },
      }),
    };
  });
}

function unmap(terminal: Terminal, id: string, options: ChangeOptions): Promise<void> {
  return makeChange(terminal, options, async (rooms) => {
    const effect = await unmapRole(rooms, id);
    const { roleId, connectionId, source, value } = effect.mapping;
    const who = `people of ${connectionId} ${WORDS[source]} ${value}`;
    return {
      effect,
      words: () => ({
        done: `Took the mapping back: ${who} have the role ${roleId} no more for that.`,
        would: `Would take the mapping back: ${who} would have the role ${roleId} no more for that.`,
        json: { role: roleId, mapping: id, connection: connectionId, source, value },
      }),
    };
  });
}

function give(terminal: Terminal, name: string, who: string, options: ChangeOptions): Promise<void> {
  return makeChange(terminal, options, async (rooms) => {
    const account = await findAccount(rooms, who);
    const called = account.email || account.id;
    return {
      effect: await giveRole(rooms, name, account),
      words: () => ({
        done: `${called} has the role ${name}.`,
        would: `${called} would have the role ${name}.`,
        json: { role: name, account: called, account_id: account.id },
      }),
    };
  });
}

function take(terminal: Terminal, name: string, who: string, options: ChangeOptions): Promise<void> {
  return makeChange(terminal, options, async (rooms) => {
    const account = await findAccount(rooms, who);
    const called = account.email || account.id;
    return {
      effect: await takeRole(rooms, name, account),
      words: ({ changes }) => {
        const still = changes.some(({ lost }) => lost.length > 0) ? '' : ' A connection gives it all the same.';
        return {
          done: `Took the role ${name} from ${called}.${still}`,
          would: `Would take the role ${name} from ${called}.${still}`,
          json: { role: name, account: called, account_id: account.id },
        };
      },
    };
  });
}

/** @returns the option by which the connection would read what is mapped; undefined where it does */
function unreadBy(connection: ConnectionRecord, source: MappingSource): string | undefined {
  if (connection.kind === 'entra') {
    return source === 'group' && connection.settings.groups !== 'mapped' ? '--groups' : undefined;
  }
  if (source === 'app_role' && connection.settings.rolesClaim === undefined) return '--roles-claim <name>';
  return source === 'group' && connection.settings.groupsClaim === undefined ? '--groups-claim <name>' : undefined;
}

function readSource({ appRole, group, scimGroup }: MapOptions): { source: MappingSource; value: string } {
  const given = (
    [
      ['app_role', appRole],
      ['group', group],
      ['scim_group', scimGroup],
    ] as const
  ).filter(([, value]) => value !== undefined);
  const [first, ...others] = given;
  if (first?.[1] === undefined || others.length > 0) {
    throw new AppError('bad_input', 400, 'Say one of --app-role, --group and --scim-group.');
  }
  return { source: first[0], value: first[1] };
}
