/** `consentry client …`: OAuth clients, however they came to us. */
import { type Command, Option } from 'commander';
import { events } from '../audit/events.ts';
import type { ClientOrigin, ClientRecord } from '../clients/client.ts';
import { displayName } from '../clients/display-name.ts';
import { readConfig } from '../config.ts';
import { AppError } from '../errors.ts';
import { addClient } from '../registrations.ts';
import { revokeClient } from '../revocations.ts';
import type { Rooms } from '../rooms.ts';
import { type ClientOptions, KIND_HELP, parseAccess, parseClientOptions } from './client-options.ts';
import { withRooms } from './open.ts';
import { collect, END_OF_TOKENS, examples } from './options.ts';
import { count, fields, moment, printJson, table } from './print.ts';
import type { Terminal } from './terminal.ts';

const ORIGINS = ['static', 'dynamic', 'document'] as const satisfies ClientOrigin[];

interface ListOptions {
  origin?: (typeof ORIGINS)[number];
  all?: boolean;
  json?: boolean;
}

export function clientCommands(program: Command, terminal: Terminal): void {
  const client = program.command('client').description('the programs that may ask people for access');
  addCommand(client, terminal);
  client
    .command('list')
    .description('list clients, newest first (500 at most)')
    .addOption(
      new Option('--origin <origin>', 'made here, registered by itself, or a metadata document').choices(ORIGINS),
    )
    .option('--all', 'revoked ones too')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('client list', 'client list --origin dynamic --json'))
    .action((options: ListOptions) => list(terminal, options));
  client
    .command('revoke')
    .description('end a client for good: its consents, and all its tokens; a metadata document is blocked')
    .argument('<client-id>', 'as client list shows it, or the https URL of a metadata document')
    .addHelpText('after', END_OF_TOKENS)
    .addHelpText('after', examples('client revoke 5f2a9c…', 'client revoke https://app.example.com/client.json'))
    .action((id: string) => revoke(terminal, id));
}

function addCommand(client: Command, terminal: Terminal): void {
  client
    .command('add')
    .description('make a client; prints its client_id, and its secret once')
    .option('--kind <kind>', 'app, proxy or service (no default)')
    .option('--name <name>', 'what people will read on the consent page')
    .option('--redirect-uri <uri>', 'where people return to; repeat for each', collect)
    .option(
      '--auth <method>',
      'none, client_secret_basic, client_secret_post or private_key_jwt (default: none for an app, else client_secret_basic)',
    )
    .option('--jwks-uri <url>', 'where the public keys of the client are')
    .option('--device-flow', 'may sign people in by a code typed on another device')
    .option('--access <uri=scopes>', 'what a service may do; repeat for each MCP server', collect)
    .option('--post-logout-redirect-uri <uri>', 'where people return to after signing out; repeat for each', collect)
    .option('--json', 'print JSON')
    .addHelpText('after', `\nKinds:\n${KIND_HELP}\n`)
    .addHelpText(
      'after',
      examples(
        'client add --kind app --name "Mail desk" --redirect-uri http://127.0.0.1/callback',
        'client add --kind proxy --name "Tool hub" --redirect-uri https://hub.example.com/callback',
        'client add --kind service --name "Nightly report" --access \'https://mail.example.com/mcp=mail:read mail:label\'',
      ),
    )
    .action((options: ClientOptions & { json?: boolean }) => add(terminal, options));
}

async function add(terminal: Terminal, options: ClientOptions & { json?: boolean }): Promise<void> {
  const { issuer } = readConfig(terminal.env, { root: terminal.root });
  const parsed = parseClientOptions(options, issuer);
  const { clientId, clientSecret } = await withRooms(terminal, async (rooms) => {
    const client = { ...parsed, access: parseAccess(options.access ?? [], await rooms.resources.list()) };
    return rooms.database.unit(async () => {
      const added = await addClient(rooms, client);
      const { name, kind, authMethod, redirectUris } = client;
      await rooms.audit.record(
        events.clientCreated({ clientId: added.clientId }, { name, kind, authMethod, redirectUris }),
      );
      return added;
    });
  });
  const secret = clientSecret === undefined ? {} : { client_secret: clientSecret };
  if (options.json) return printJson(terminal, { client_id: clientId, ...secret });
  terminal.out(`Made the ${parsed.kind} ${parsed.name}\n`);
  terminal.out(fields({ client_id: clientId, client_secret: clientSecret && `${clientSecret}   (shown only now)` }));
}

async function list(terminal: Terminal, { origin, all, json }: ListOptions): Promise<void> {
  const filter = { origins: origin ? [origin] : ORIGINS, living: !all };
  const clients = await withRooms(terminal, (rooms) => rooms.clients.list(filter));
  if (json) return printJson(terminal, clients.map(describe));
  if (clients.length === 0)
    return terminal.out('No client yet. Most register themselves; see: npx consentry client add --help');
  const rows = clients.map((client) => [
    client.id,
    client.origin,
    client.kind,
    nameOf(client) || '-',
    client.revokedAt ? `revoked ${moment(client.revokedAt)}` : moment(client.lastUsedAt),
  ]);
  terminal.out(table(['CLIENT', 'ORIGIN', 'KIND', 'NAME', 'LAST USED'], rows));
}

async function revoke(terminal: Terminal, id: string): Promise<void> {
  await withRooms(terminal, async (rooms) => {
    const known = await findRevocable(rooms, id);
    if (known?.revokedAt) return terminal.out(`${id} was revoked already.`);
    const consents = await revokeClient(rooms, id, known);
    if (!known) return terminal.out(`Blocked ${id}, which nobody has used here yet.`);
    const people = new Set(consents.map(({ email }) => email)).size;
    const ended =
      consents.length > 0 ? `${count(consents.length, 'consent')} of ${count(people, 'account')}` : 'no consent';
    terminal.out(`Revoked ${nameOf(known) || id}, and with it ${ended}.`);
  });
}

/** @returns undefined for a metadata document that nobody has met here */
async function findRevocable({ clients }: Pick<Rooms, 'clients'>, id: string): Promise<ClientRecord | undefined> {
  const known = await clients.find(id);
  if (known?.origin === 'resource') {
    throw new AppError('resource_credential', 409, `${id} is the credential of an MCP server, not a client.`);
  }
  if (known || isDocumentUrl(id)) return known;
  throw new AppError('unknown_client', 404, `There is no client ${id}. See: npx consentry client list`);
}

function isDocumentUrl(id: string): boolean {
  const url = URL.parse(id);
  return url?.protocol === 'https:' && !/[\s#\\@]/.test(id) && id.length <= 2_000;
}

/** '' where it has none that anybody could see. */
function nameOf({ metadata }: ClientRecord): string {
  return displayName(metadata.client_name);
}

function describe(client: ClientRecord) {
  const { id, origin, kind, metadata, createdAt, lastUsedAt, revokedAt } = client;
  return {
    client_id: id,
    origin,
    kind,
    client_name: nameOf(client),
    token_endpoint_auth_method: metadata.token_endpoint_auth_method ?? null,
    redirect_uris: metadata.redirect_uris ?? [],
    created_at: createdAt,
    last_used_at: lastUsedAt ?? null,
    revoked_at: revokedAt ?? null,
  };
}
