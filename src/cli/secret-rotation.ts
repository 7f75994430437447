/** `consentry client rotate-secret` and `resource rotate-secret`: a new secret while the old one is good for some days more. */
import { type Command, InvalidArgumentError } from 'commander';
import { DEFAULT_OVERLAP_DAYS, endPreviousSecret, MAX_OVERLAP_DAYS, rotateClientSecret } from '../clients/secrets.ts';
import { AppError } from '../errors.ts';
import { canonicalResource } from '../resources/resource.ts';
import type { Rooms } from '../rooms.ts';
import { unknownClient } from './client-list.ts';
import { withRooms } from './open.ts';
import { examples } from './options.ts';
import { fields, moment, printJson } from './print.ts';
import type { Terminal } from './terminal.ts';

interface RotateOptions {
  overlapDays?: number;
  endPrevious?: boolean;
  json?: boolean;
}

const EXPLANATION = `
Both secrets are good until the old one ends, so that there is time to bring the new one to where it is used. Rotating
again ends the older of two at once.`;

type Find = (rooms: Rooms, name: string) => Promise<string>;

export function clientSecretCommand(client: Command, terminal: Terminal): void {
  const command = client
    .command('rotate-secret')
    .description('give a client made here a new secret, printed once; the old one is good for some days more')
    .argument('<client-id>', 'as client list shows it');
  rotating(command, 'client rotate-secret 5f2a9c…', terminal, findClient);
}

export function resourceSecretCommand(resource: Command, terminal: Terminal): void {
  const command = resource
    .command('rotate-secret')
    .description(
      'give an MCP server a new secret for introspection, printed once; the old one is good for some days more',
    )
    .argument('<uri>');
  rotating(command, 'resource rotate-secret https://mail.example.com/mcp', terminal, findCredential);
}

function rotating(command: Command, example: string, terminal: Terminal, find: Find): void {
  command
    .option('--overlap-days <days>', `how long the old one stays good: 0 to ${MAX_OVERLAP_DAYS}`, parseOverlap)
    .option('--end-previous', 'make no new one: end the old one now')
    .option('--json', 'print JSON')
    .addHelpText('after', EXPLANATION)
    .addHelpText('after', examples(example, `${example} --overlap-days 0`, `${example} --end-previous`))
    .action((name: string, options: RotateOptions) => rotate(terminal, name, options, find));
}

async function rotate(terminal: Terminal, name: string, options: RotateOptions, find: Find): Promise<void> {
  const { overlapDays = DEFAULT_OVERLAP_DAYS, endPrevious, json } = options;
  if (endPrevious && options.overlapDays !== undefined)
    throw new AppError('bad_input', 400, 'Say --overlap-days or --end-previous, not both.');
  await withRooms(terminal, async (rooms) => {
    const clientId = await find(rooms, name);
    if (endPrevious) {
      await endPreviousSecret(rooms, clientId);
      return terminal.out('Only the newest secret is good from now on.');
    }
    const { clientSecret, previousUntil } = await rotateClientSecret(rooms, clientId, { overlapDays });
    if (json) {
      const until = { previous_secret_until: previousUntil ?? null };
      return printJson(terminal, { client_id: clientId, client_secret: clientSecret, ...until });
    }
    terminal.out(fields({ client_id: clientId, client_secret: `${clientSecret}   (shown only now)` }));
    terminal.out(
      previousUntil ? `\nThe old secret is good until ${moment(previousUntil)}.` : '\nThe old secret ended.',
    );
  });
}

/** @throws AppError 404 `unknown_client`, 409 `resource_credential` */
async function findClient({ clients }: Rooms, id: string): Promise<string> {
  const client = await clients.find(id);
  if (!client) throw unknownClient(id);
  if (client.origin !== 'resource') return id;
  const message = `${id} is the credential of an MCP server. Rotate it with: npx consentry resource rotate-secret <uri>`;
  throw new AppError('resource_credential', 409, message);
}

/** @throws AppError 404 `unknown_resource` */
async function findCredential({ resources }: Rooms, uri: string): Promise<string> {
  const resource = await resources.findRegistered(canonicalResource(uri) ?? uri);
  if (resource) return resource.clientId;
  throw new AppError('unknown_resource', 404, `There is no MCP server ${uri}. See: npx consentry resource list`);
}

function parseOverlap(value: string): number {
  if (/^\d{1,3}$/.test(value) && Number(value) <= MAX_OVERLAP_DAYS) return Number(value);
  throw new InvalidArgumentError(`Give 0 to ${MAX_OVERLAP_DAYS} days.`);
}
