/** `consentry consent blocks` and `unblock`: apps that people said they want to hear no more of. */
import type { Command } from 'commander';
import { events } from '../audit/events.ts';
import { AppError } from '../errors.ts';
import { findAccount } from './account-finding.ts';
import { withRooms } from './open.ts';
import { examples } from './options.ts';
import { moment, printJson, table } from './print.ts';
import type { Terminal } from './terminal.ts';

export function blockCommands(consent: Command, terminal: Terminal): void {
  consent
    .command('blocks')
    .description('list apps that people blocked after saying no twice')
    .option('--account <email>', 'of this person')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('consent blocks --account ana@example.com'))
    .action((options: { account?: string; json?: boolean }) => list(terminal, options));
  consent
    .command('unblock')
    .description('let an app ask a person again')
    .argument('<block-id>', 'as consent blocks shows it')
    .addHelpText('after', examples('consent unblock 3fR8…'))
    .action((id: string) => unblock(terminal, id));
}

async function list(terminal: Terminal, { account, json }: { account?: string; json?: boolean }): Promise<void> {
  const entries = await withRooms(terminal, async (rooms) => {
    const accountId = account === undefined ? undefined : (await findAccount(rooms, account)).id;
    const blocks = await rooms.refusals.listBlocks(accountId);
    return Promise.all(
      blocks.map(async (block) => ({
        id: block.id,
        account: (await rooms.accountStore.findById(block.accountId))?.email ?? '',
        client_id: block.clientId,
        client_name: block.clientName,
        resource: (await rooms.resources.findById(block.resourceId))?.uri ?? '',
        blocked_at: block.createdAt,
      })),
    );
  });
  if (json) return printJson(terminal, entries);
  if (entries.length === 0) return terminal.out('Nobody blocks an app.');
  const rows = entries.map((one) => [one.id, one.account, one.client_name, one.resource, moment(one.blocked_at)]);
  terminal.out(table(['BLOCK', 'ACCOUNT', 'CLIENT', 'MCP SERVER', 'SINCE'], rows));
}

async function unblock(terminal: Terminal, id: string): Promise<void> {
  await withRooms(terminal, (rooms) =>
    rooms.database.unit(async () => {
      const block = await rooms.refusals.unblock(id);
      if (!block)
        throw new AppError('unknown_block', 404, `There is no block ${id}. See: npx consentry consent blocks`);
      const { accountId, clientId, clientName } = block;
      await rooms.audit.record(events.clientUnblocked({ accountId, clientId }, {}, 'administrator'));
      terminal.out(`"${clientName}" may ask again.`);
    }),
  );
}
