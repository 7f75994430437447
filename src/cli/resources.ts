/** `consentry resource …`: the MCP servers that accept our tokens. */
import type { Command } from 'commander';
import { events } from '../audit/events.ts';
import { AppError } from '../errors.ts';
import { addResource, type NewResource } from '../registrations.ts';
import { withRooms } from './open.ts';
import { collect, examples } from './options.ts';
import { fields, printJson, table } from './print.ts';
import { resourceChangeCommands } from './resource-changes.ts';
import { checkCommand } from './resource-check.ts';
import {
  parseScope,
  parseWhole,
  readDescription,
  SCOPE_FORM,
  SCOPE_HEADINGS,
  scopeCells,
  toJson,
} from './resource-description.ts';
import { assertConnections, type PeopleOptions, peopleOptions, readPeople } from './resource-people.ts';
import { resourceSecretCommand } from './secret-rotation.ts';
import type { Terminal } from './terminal.ts';

interface AddOptions extends PeopleOptions {
  name?: string;
  consentDays?: number;
  tokenSeconds?: number;
  scope?: string[];
  fromFile?: string;
  json?: boolean;
}

const EXPLANATION = `
A scope is written  ${SCOPE_FORM}
  low, medium, high   how much a person should think about it; a request that names no scope gets the low ones
  read, change, act   looks only; changes things that can be changed back; acts with consequences
  tools               names of the MCP tools behind it, shown to the person

A file holds the same as JSON, with Japanese wording where you have it (resource list --json prints this form):
  { "uri": "https://mail.example.com/mcp", "name": "Mail", "consent_days": 90, "token_seconds": 600, "scopes": [
    { "name": "mail:read", "description": "Read your mail", "description_ja": "メールを読む",
      "sensitivity": "low", "effect": "read", "tools": ["list_mail", "read_mail"] } ] }
`;

export function resourceCommands(program: Command, terminal: Terminal): void {
  const resource = program.command('resource').description('the MCP servers that tokens are for');
  peopleOptions(resource.command('add'))
    .description('register an MCP server; prints the credential with which it may introspect tokens, once')
    .argument('[uri]', 'its URL exactly as clients use it; https, or http on this machine')
    .option('--name <name>', 'what people will read')
    .option('--scope <scope>', 'what a client may be allowed to do; repeat for each', collect)
    .option('--consent-days <days>', 'how long people may agree at most: 1 to 365 (default: 90)', parseWhole)
    .option('--token-seconds <seconds>', 'how long its access tokens live: 60 to 3600 (default: 600)', parseWhole)
    .option('--from-file <path>', 'read all of it from a JSON file instead; - is standard input')
    .option('--json', 'print JSON')
    .addHelpText('after', EXPLANATION)
    .addHelpText(
      'after',
      examples(
        `resource add https://mail.example.com/mcp --name Mail \\
      --scope 'mail:read|Read your mail|low|read|list_mail,read_mail' \\
      --scope 'mail:send|Send mail as you|high|act|send_mail'`,
        'resource add --from-file mail.json',
      ),
    )
    .action((uri: string | undefined, options: AddOptions) => add(terminal, uri, options));
  resource
    .command('list')
    .description('list them with their scopes; marks those that are disabled or wait to be accepted')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('resource list', 'resource list --json'))
    .action((options: { json?: boolean }) => list(terminal, options));
  resourceSecretCommand(resource, terminal);
  resourceChangeCommands(resource, terminal);
  checkCommand(resource, terminal);
}

async function add(terminal: Terminal, uri: string | undefined, options: AddOptions): Promise<void> {
  const described = await readOptions(terminal, uri, options);
  const { added, issuer } = await withRooms(terminal, (rooms, config) =>
    rooms.database.unit(async () => {
      await assertConnections(rooms, described.people);
      const result = await addResource(rooms, described);
      const { resource, clientId } = result;
      const subject = { resource: resource.uri, scopes: resource.scopes.map(({ name }) => name) };
      await rooms.audit.record(events.resourceCreated({ ...subject, clientId }, { name: resource.name }));
      return { added: result, issuer: config.issuer };
    }),
  );
  const { resource, clientId, clientSecret } = added;
  if (options.json) return printJson(terminal, { ...toJson(resource), client_secret: clientSecret });
  terminal.out(`Registered ${resource.name} at ${resource.uri}\n`);
  terminal.out(fields({ client_id: clientId, client_secret: `${clientSecret}   (shown only now)` }));
  terminal.out(`\nWith them the MCP server asks ${issuer}/introspect whether a token is alive. A server that checks`);
  terminal.out('tokens with consentry/guard needs neither.');
}

async function readOptions(terminal: Terminal, uri: string | undefined, options: AddOptions): Promise<NewResource> {
  const { name, consentDays, tokenSeconds, scope = [], fromFile } = options;
  const people = readPeople(options);
  if (fromFile !== undefined) {
    const alone =
      [uri, name, consentDays, tokenSeconds, people].every((one) => one === undefined) && scope.length === 0;
    if (alone) return readDescription(terminal, fromFile);
    const message = '--from-file holds everything: leave out the URL and the options that describe it.';
    throw new AppError('bad_input', 400, message);
  }
  if (uri === undefined) throw new AppError('bad_input', 400, 'Name the URL of the MCP server, or give --from-file.');
  if (name === undefined) throw new AppError('bad_input', 400, 'Say with --name what people call this MCP server.');
  return { uri, name, consentDays, tokenSeconds, scopes: scope.map(parseScope), people };
}

async function list(terminal: Terminal, { json }: { json?: boolean }): Promise<void> {
  const resources = await withRooms(terminal, (rooms) => rooms.resources.listRegistered());
  if (json) return printJson(terminal, resources.map(toJson));
  if (resources.length === 0) return terminal.out('No MCP server yet. See: npx consentry resource add --help');
  const rows = resources.flatMap(({ uri, name, scopes, disabledAt }) =>
    scopes.map((scope, index) => [
      index === 0 ? uri : '',
      index === 0 ? name : '',
      ...scopeCells(scope),
      [disabledAt ? 'disabled' : '', scope.suspended ? 'suspended' : ''].filter(Boolean).join(', '),
    ]),
  );
  terminal.out(table(['URI', 'NAME', ...SCOPE_HEADINGS, 'STATUS'], rows));
}
