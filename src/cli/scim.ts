/** `consentry scim …`: the tokens by which a directory provisions people, and the groups that it sent. */
import type { Command } from 'commander';
import { AppError } from '../errors.ts';
import type { Rooms } from '../rooms.ts';
import { createScimToken, MAX_TOKEN_DAYS, revokeScimToken, statusOf } from '../scim-tokens.ts';
import { withRooms } from './open.ts';
import { examples } from './options.ts';
import { fields, moment, printJson, table } from './print.ts';
import type { Terminal } from './terminal.ts';

const MAX_GROUPS = 1000;
const BEFORE = `
The address for the directory is <issuer>/scim/v2. Two tokens of a connection are valid at most: make the second, give it to
the directory, revoke the first.`;

export function scimCommands(program: Command, terminal: Terminal): void {
  const scim = program.command('scim').description('directories that send people and groups');
  scim
    .command('groups')
    .description('list the groups that a directory sent; roles are mapped by their ids')
    .argument('<connection>', 'id of the connection')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('scim groups contoso'))
    .action((id: string, options: { json?: boolean }) => listGroups(terminal, id, options));
  const token = scim.command('token').description('bearer tokens of directories');
  token
    .command('create')
    .description("make a token for a connection's directory; it is shown once")
    .argument('<connection>', 'id of the connection')
    .option('--expires-days <days>', 'ends after so many days; without it only by revoking')
    .option('--json', 'print JSON')
    .addHelpText('after', BEFORE)
    .addHelpText('after', examples('scim token create contoso --expires-days 365'))
    .action((id: string, options: { expiresDays?: string; json?: boolean }) => create(terminal, id, options));
  token
    .command('list')
    .description('list tokens, and when each was used last: silence of a directory means that nobody is taken out')
    .argument('[connection]', 'id of the connection; all where it is left out')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('scim token list contoso'))
    .action((id: string | undefined, options: { json?: boolean }) => list(terminal, id, options));
  token
    .command('revoke')
    .description('end a token at once')
    .argument('<token-id>', 'as scim token list shows it')
    .addHelpText('after', examples('scim token revoke 6f1d0c2b9e3a4f58'))
    .action((id: string) => revoke(terminal, id));
}

async function create(
  terminal: Terminal,
  connectionId: string,
  options: { expiresDays?: string; json?: boolean },
): Promise<void> {
  const days = options.expiresDays === undefined ? undefined : parseDays(options.expiresDays);
  const { token, record, issuer } = await withRooms(terminal, async (rooms, config) => ({
    ...(await createScimToken(rooms, connectionId, days)),
    issuer: config.issuer,
  }));
  const url = `${issuer}/scim/v2`;
  if (options.json) return printJson(terminal, { ...describe(record), token, url });
  terminal.out(`Made a token for ${connectionId}.`);
  terminal.out(
    fields({
      'Tenant URL': url,
      'Secret token': `${token}   (shown only now)`,
      Id: record.id,
      Ends: record.expiresAt ? moment(record.expiresAt) : 'when it is revoked',
    }),
  );
}

function parseDays(text: string): number {
  const days = Number(text);
  if (/^\d+$/.test(text) && days >= 1 && days <= MAX_TOKEN_DAYS) return days;
  throw new AppError('bad_input', 400, `--expires-days is a whole number from 1 to ${MAX_TOKEN_DAYS}.`);
}

async function list(terminal: Terminal, connectionId: string | undefined, { json }: { json?: boolean }): Promise<void> {
  const { tokens, now } = await withRooms(terminal, async ({ scimTokens }) => ({
    tokens: await scimTokens.list(connectionId),
    now: new Date(),
  }));
  if (json) return printJson(terminal, tokens.map(describe));
  if (tokens.length === 0) return terminal.out('No tokens yet. See: npx consentry scim token create --help');
  const rows = tokens.map((one) => [
    one.id,
    one.connectionId,
    statusOf(one, now),
    moment(one.createdAt),
    moment(one.expiresAt),
    moment(one.lastUsedAt),
  ]);
  terminal.out(table(['TOKEN', 'CONNECTION', 'STATUS', 'MADE', 'ENDS', 'LAST USED'], rows));
}

async function listGroups(terminal: Terminal, connectionId: string, { json }: { json?: boolean }): Promise<void> {
  const { groups, total } = await withRooms(terminal, ({ scimGroups }) =>
    scimGroups.overview(connectionId, MAX_GROUPS),
  );
  if (json) {
    const entries = groups.map(({ id, displayName, members }) => ({ id, display_name: displayName, members }));
    return printJson(terminal, entries);
  }
  if (groups.length === 0) return terminal.out('No groups yet. See: npx consentry scim token create --help');
  terminal.out(
    table(
      ['GROUP', 'NAME', 'MEMBERS'],
      groups.map(({ id, displayName, members }) => [id, displayName, String(members)]),
    ),
  );
  if (total > groups.length) terminal.out(`… and ${total - groups.length} more`);
}

type Token = Awaited<ReturnType<Rooms['scimTokens']['list']>>[number];

async function revoke(terminal: Terminal, id: string): Promise<void> {
  const { token, revoked } = await withRooms(terminal, (rooms) => revokeScimToken(rooms, id));
  if (!revoked) return terminal.out(`Token ${id} was revoked already.`);
  terminal.out(`Token ${id} of ${token.connectionId} ended.`);
}

function describe({ id, connectionId, createdAt, expiresAt, revokedAt, lastUsedAt }: Token) {
  return {
    id,
    connection: connectionId,
    created_at: createdAt,
    expires_at: expiresAt,
    revoked_at: revokedAt,
    last_used_at: lastUsedAt,
  };
}
