/** `consentry consent …`: what people agreed to. */
import type { Command } from 'commander';
import { tellEnded } from '../access-ended.ts';
import { revokeConsents } from '../consents/revocation.ts';
import type { ConsentEntry, ConsentFilter } from '../consents/store.ts';
import { AppError } from '../errors.ts';
import { canonicalResource } from '../resources/resource.ts';
import type { Rooms } from '../rooms.ts';
import { findAccount } from './account-finding.ts';
import { blockCommands } from './blocks.ts';
import { withRooms } from './open.ts';
import { END_OF_TOKENS, examples } from './options.ts';
import { count, moment, printJson, table } from './print.ts';
import type { Terminal } from './terminal.ts';

interface FilterOptions {
  account?: string;
  client?: string;
  for?: string;
  resource?: string;
}

interface ListOptions extends FilterOptions {
  all?: boolean;
  json?: boolean;
}

interface RevokeOptions extends FilterOptions {
  dryRun?: boolean;
}

const LIST_LIMIT = 500;

export function consentCommands(program: Command, terminal: Terminal): void {
  const consent = program.command('consent').description('what people agreed to');
  withFilters(consent.command('list'))
    .description(`list living consents, newest first (${LIST_LIMIT} at most)`)
    .option('--all', 'revoked ones too')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('consent list --account ana@example.com', 'consent list --all --json'))
    .action((options: ListOptions) => list(terminal, options));
  withFilters(consent.command('revoke'))
    .description('end consents with their tokens; the person is asked anew. Filters given together must all match')
    .argument('[consent-id...]', 'as consent list shows them')
    .option('--dry-run', 'only say what would end')
    .addHelpText('after', END_OF_TOKENS)
    .addHelpText(
      'after',
      examples(
        'consent revoke WkG3…',
        'consent revoke --account ana@example.com --dry-run',
        'consent revoke --client 5f2a9c… --resource https://mail.example.com/mcp',
      ),
    )
    .action((ids: string[], options: RevokeOptions) => revoke(terminal, ids, options));
  blockCommands(consent, terminal);
}

function withFilters(command: Command): Command {
  return command
    .option('--account <email>', 'of this person')
    .option('--client <client-id>', 'given to this client')
    .option('--for <client-id>', 'given to a proxy that acts for this client')
    .option('--resource <uri>', 'for this MCP server');
}

async function list(terminal: Terminal, options: ListOptions): Promise<void> {
  const { all = false, json } = options;
  const consents = await withRooms(terminal, async (rooms) =>
    rooms.consents.list(await parseFilter(rooms, options), { living: !all, limit: LIST_LIMIT }),
  );
  if (json) return printJson(terminal, consents.map(describe));
  terminal.out(consents.length === 0 ? 'No consent.' : showAll(consents));
}

async function revoke(terminal: Terminal, ids: readonly string[], options: RevokeOptions): Promise<void> {
  const filtered = [options.account, options.client, options.for, options.resource].some(
    (filter) => filter !== undefined,
  );
  if (ids.length > 0 === filtered) {
    throw new AppError(
      'bad_filter',
      400,
      'Name consents by their id, or by --account, --client, --for and --resource: one way or the other.',
    );
  }
  await withRooms(terminal, async (rooms) => {
    const filters = filtered ? [await parseFilter(rooms, options)] : await parseIds(rooms, ids);
    const living = await Promise.all(filters.map((filter) => rooms.consents.list(filter, { living: true })));
    const consents = options.dryRun ? living.flat() : await revokeConsents(rooms, filters);
    // After it: there may be many, and nothing of the revocation waits for their notices.
    if (!options.dryRun) await tellEnded(rooms, consents);
    if (consents.length === 0) return terminal.out('No living consent matches; nothing was revoked.');
    terminal.out(
      `${options.dryRun ? 'Would revoke' : 'Revoked'} ${count(consents.length, 'consent')} of ${whose(consents)}:\n`,
    );
    terminal.out(showAll(consents));
  });
}

/** Each must exist: a slip of the finger is not "nothing to do". */
async function parseIds({ consents }: Pick<Rooms, 'consents'>, ids: readonly string[]): Promise<ConsentFilter[]> {
  for (const id of ids) {
    if (await consents.findById(id)) continue;
    throw new AppError(
      'unknown_consent',
      404,
      `There is no consent ${id}; nothing was revoked. See: npx consentry consent list`,
    );
  }
  return [...new Set(ids)].map((id) => ({ id }));
}

async function parseFilter(
  rooms: Rooms,
  { account, client, for: downstream, resource }: FilterOptions,
): Promise<ConsentFilter> {
  const filter: ConsentFilter = {};
  if (account !== undefined) filter.accountId = (await findAccount(rooms, account)).id;
  if (client !== undefined) {
    const known = await rooms.clients.find(client);
    if (!known)
      throw new AppError('unknown_client', 404, `There is no client ${client}. See: npx consentry client list`);
    filter.clientId = known.id;
  }
  if (downstream !== undefined) filter.downstreamClientId = downstream;
  if (resource !== undefined) {
    const known = await rooms.resources.findByUri(canonicalResource(resource) ?? resource);
    if (!known)
      throw new AppError(
        'unknown_resource',
        404,
        `There is no MCP server ${resource}. See: npx consentry resource list`,
      );
    filter.resourceId = known.id;
  }
  return filter;
}

/** "ana@example.com (2), bo@example.com (1)" */
function whose(consents: readonly ConsentEntry[]): string {
  const byEmail = Map.groupBy(consents, ({ email }) => email);
  return [...byEmail].map(([email, theirs]) => `${email} (${theirs.length})`).join(', ');
}

function showAll(consents: readonly ConsentEntry[]): string {
  const rows = consents.map((consent) => [
    consent.id,
    consent.email,
    consent.downstream
      ? `${consent.downstream.clientId} through ${consent.clientName || consent.clientId}`
      : consent.clientName || consent.clientId,
    consent.resourceUri,
    consent.scopes.join(' ') || '-',
    moment(consent.approvedAt),
    status(consent),
  ]);
  return table(['CONSENT', 'ACCOUNT', 'CLIENT', 'MCP SERVER', 'SCOPES', 'APPROVED', 'STATUS'], rows);
}

function status({ revokedAt, suspendedAt, suspendedReason, expiresAt }: ConsentEntry): string {
  if (revokedAt) return `revoked ${moment(revokedAt)}`;
  return suspendedAt ? `suspended ${moment(suspendedAt)}: ${suspendedReason}` : `until ${moment(expiresAt)}`;
}

function describe(consent: ConsentEntry) {
  return {
    id: consent.id,
    account: consent.email,
    client_id: consent.clientId,
    client_name: consent.clientName,
    resource: consent.resourceUri,
    acting_for: consent.downstream?.clientId ?? null,
    redirect_uri: consent.redirectUri,
    scopes: consent.scopes,
    approved_at: consent.approvedAt,
    expires_at: consent.expiresAt,
    last_used_at: consent.lastUsedAt ?? null,
    revoked_at: consent.revokedAt ?? null,
    revoked_reason: consent.revokedReason ?? null,
    suspended_at: consent.suspendedAt ?? null,
    suspended_reason: consent.suspendedReason ?? null,
  };
}
