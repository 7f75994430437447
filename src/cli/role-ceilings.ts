/** `consentry role allow|disallow`: the most that members of a role may grant at an MCP server. */
import type { Command } from 'commander';
import { AppError } from '../errors.ts';
import { canonicalResource, type Resource } from '../resources/resource.ts';
import { allow, disallow, forget } from '../roles/changes.ts';
import type { Rooms } from '../rooms.ts';
import { examples } from './options.ts';
import { type ChangeOptions, changing, makeChange } from './role-effects.ts';
import type { Terminal } from './terminal.ts';

type DisallowOptions = ChangeOptions & { all?: boolean; open?: boolean };

export function roleCeilingCommands(role: Command, terminal: Terminal): void {
  changing(role.command('allow'))
    .description(
      'let members of a role grant these scopes; the first role that says anything of an MCP server closes it to others',
    )
    .argument('<role>', 'as role list shows it')
    .argument('<mcp-server>', 'its URL')
    .argument('<scopes...>', 'as resource show lists them')
    .addHelpText('after', examples('role allow staff https://mail.example.com/mcp mail:read --dry-run'))
    .action((name: string, uri: string, scopes: string[], options: ChangeOptions) =>
      makeChange(terminal, options, async (rooms) => {
        const resource = await findResource(rooms, uri);
        const what = `${scopes.join(', ')} at ${resource.uri}`;
        return {
          effect: await allow(rooms, name, resource, scopes),
          words: () => ({
            done: `Members of ${name} may grant ${what}.`,
            would: `Members of ${name} could grant ${what}.`,
            json: { role: name, resource: resource.uri, allowed: scopes },
          }),
        };
      }),
    );
  changing(role.command('disallow'))
    .description('let members of a role grant these scopes no more, or say nothing more of an MCP server')
    .argument('<role>', 'as role list shows it')
    .argument('<mcp-server>', 'its URL')
    .argument('[scopes...]', 'where none is left, members may grant nothing there')
    .option('--all', 'the role says nothing of the MCP server any more')
    .option('--open', 'with --all: also where everybody could then grant everything there')
    .addHelpText(
      'after',
      examples(
        'role disallow staff https://mail.example.com/mcp mail:send --dry-run',
        'role disallow staff https://mail.example.com/mcp --all',
      ),
    )
    .action((name: string, uri: string, scopes: string[], options: DisallowOptions) =>
      takeAway(terminal, name, uri, scopes, options),
    );
}

function takeAway(
  terminal: Terminal,
  name: string,
  uri: string,
  scopes: readonly string[],
  options: DisallowOptions,
): Promise<void> {
  const { all = false, open = false } = options;
  if (all === scopes.length > 0) {
    throw new AppError('bad_input', 400, 'Name the scopes to take away, or say --all.');
  }
  return makeChange(terminal, options, async (rooms) => {
    const resource = await findResource(rooms, uri);
    const effect = all ? forget(rooms, name, resource, open) : disallow(rooms, name, resource, scopes);
    const what = all ? `about ${resource.uri}` : `to ${scopes.join(', ')} at ${resource.uri}`;
    return {
      effect: await effect,
      words: () => ({
        done: all ? `The role ${name} says nothing more ${what}.` : `The role ${name} says no ${what}.`,
        would: all ? `The role ${name} would say nothing more ${what}.` : `The role ${name} would say no ${what}.`,
        json: { role: name, resource: resource.uri, disallowed: all ? null : scopes },
      }),
    };
  });
}

/** Disabled or not. @throws AppError 404 `unknown_resource` */
async function findResource({ resources }: Pick<Rooms, 'resources'>, uri: string): Promise<Resource> {
  const resource = await resources.findRegistered(canonicalResource(uri) ?? uri);
  if (resource) return resource;
  throw new AppError('unknown_resource', 404, `There is no MCP server ${uri}. See: npx consentry resource list`);
}
