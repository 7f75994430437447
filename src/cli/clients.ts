/** `consentry client …`: OAuth clients, however they came to us. */
import { type Command, Option } from 'commander';
import { events } from '../audit/events.ts';
import { readConfig } from '../config.ts';
import { addClient } from '../registrations.ts';
import { documentCommands } from './client-documents.ts';
import { LIST_HELP, LISTED_ORIGINS, type ListOptions, list, show } from './client-list.ts';
import { type ClientOptions, KIND_HELP, parseAccess, parseClientOptions } from './client-options.ts';
import { FAMILY_HELP, revoke } from './client-revoke.ts';
import { clientStandingCommands } from './client-standing.ts';
import { withRooms } from './open.ts';
import { collect, END_OF_TOKENS, examples } from './options.ts';
import { fields, printJson } from './print.ts';
import { clientSecretCommand } from './secret-rotation.ts';
import type { Terminal } from './terminal.ts';

export function clientCommands(program: Command, terminal: Terminal): void {
  const client = program.command('client').description('the programs that may ask people for access');
  addCommand(client, terminal);
  client
    .command('list')
    .description('list clients, newest first (500 lines at most)')
    .addOption(
      new Option('--origin <origin>', 'made here, registered by itself, or a metadata document').choices(
        LISTED_ORIGINS,
      ),
    )
    .option('--each', 'every registration on a line of its own')
    .option('--all', 'revoked ones too')
    .option('--json', 'print JSON')
    .addHelpText('after', LIST_HELP)
    .addHelpText('after', examples('client list', 'client list --origin dynamic --each --json'))
    .action((options: ListOptions) => list(terminal, options));
  client
    .command('show')
    .description('tell all that is known of a client')
    .argument('<client-id>', 'as client list shows it, or the https URL of a metadata document')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('client show 5f2a9c…', 'client show https://app.example.com/client.json'))
    .action((id: string, options: { json?: boolean }) => show(terminal, id, options));
  client
    .command('revoke')
    .description('end a client for good: its consents, and all its tokens; a metadata document is blocked')
    .argument('<client-id>', 'as client list shows it, or the https URL of a metadata document')
    .option('--family', 'end every registration of the same program with it')
    .addHelpText('after', END_OF_TOKENS)
    .addHelpText('after', FAMILY_HELP)
    .addHelpText(
      'after',
      examples(
        'client revoke 5f2a9c…',
        'client revoke 5f2a9c… --family',
        'client revoke https://app.example.com/client.json',
      ),
    )
    .action((id: string, options: { family?: boolean }) => revoke(terminal, id, options));
  clientSecretCommand(client, terminal);
  clientStandingCommands(client, terminal);
  documentCommands(client, terminal);
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
    .option(
      '--unnamed-refresh',
      'a proxy stays connected also where it names nobody: whoever is behind it then uses what one person approved',
    )
    .option('--access <uri=scopes>', 'what a service may do; repeat for each MCP server', collect)
    .option('--post-logout-redirect-uri <uri>', 'where people return to after signing out; repeat for each', collect)
    .option('--backchannel-logout-uri <url>', 'where the client hears that a session ended')
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
      const { name, kind, authMethod, redirectUris, unnamedRefresh } = client;
      await rooms.audit.record(
        events.clientCreated(
          { clientId: added.clientId },
          { name, kind, authMethod, redirectUris, ...(unnamedRefresh ? { unnamedRefresh } : {}) },
        ),
      );
      return added;
    });
  });
  const secret = clientSecret === undefined ? {} : { client_secret: clientSecret };
  if (options.json) return printJson(terminal, { client_id: clientId, ...secret });
  terminal.out(`Made the ${parsed.kind} ${parsed.name}\n`);
  terminal.out(fields({ client_id: clientId, client_secret: clientSecret && `${clientSecret}   (shown only now)` }));
}
