/** `consentry client unblock|set-kind|admin-api`: what an operator decides of a client that is here. */
import { Argument, type Command } from 'commander';
import { markAdminClient } from '../admin-api.ts';
import { setClientKind, unblockClient } from '../client-standing.ts';
import { withRooms } from './open.ts';
import { END_OF_TOKENS, examples } from './options.ts';
import { count } from './print.ts';
import type { Terminal } from './terminal.ts';

const ID = 'as client list shows it, or the https URL of a metadata document';

const KIND_EXPLANATION = `
Behind a proxy stand other programs. One that was not made here cannot vouch for whom it acts: every authorization then
takes a full page, and nothing outlives the access token. What the client has of people ends either way.`;

const ADMIN_EXPLANATION = `
Only an app that was made here, and only for people who administer this server: each token takes a full page and a proof
of presence, lives ten minutes and is never refreshed.`;

export function clientStandingCommands(client: Command, terminal: Terminal): void {
  client
    .command('unblock')
    .description('let a revoked client, or a blocked metadata document, ask people again')
    .argument('<client-id>', ID)
    .addHelpText('after', examples('client unblock https://app.example.com/client.json'))
    .action((id: string) => unblock(terminal, id));
  client
    .command('set-kind')
    .description('say that one program, or many, stand behind a client')
    .argument('<client-id>', ID)
    .addArgument(new Argument('<kind>').choices(['app', 'proxy']))
    .addHelpText('after', KIND_EXPLANATION)
    .addHelpText('after', END_OF_TOKENS)
    .addHelpText('after', examples('client set-kind 5f2a9c… proxy'))
    .action((id: string, kind: 'app' | 'proxy') => setKind(terminal, id, kind));
  client
    .command('admin-api')
    .description('let an app that was made here ask for the administration API, or no longer')
    .argument('<client-id>', 'as client list shows it')
    .option('--off', 'no longer: what it has of that ends')
    .addHelpText('after', ADMIN_EXPLANATION)
    .addHelpText('after', examples('client admin-api 5f2a9c…', 'client admin-api 5f2a9c… --off'))
    .action((id: string, { off = false }: { off?: boolean }) => mark(terminal, id, !off));
}

async function unblock(terminal: Terminal, id: string): Promise<void> {
  await withRooms(terminal, (rooms) => unblockClient(rooms, id));
  terminal.out(`${id} may ask people again; what it had has ended.`);
}

async function setKind(terminal: Terminal, id: string, kind: 'app' | 'proxy'): Promise<void> {
  const signIns = await withRooms(terminal, (rooms) => setClientKind(rooms, id, kind));
  terminal.out(`${id} is treated as ${kind === 'app' ? 'an app' : 'a proxy'}; ${count(signIns, 'sign-in')} ended.`);
}

async function mark(terminal: Terminal, id: string, on: boolean): Promise<void> {
  await withRooms(terminal, (rooms) => markAdminClient(rooms, id, on));
  terminal.out(`${id} may ${on ? 'ask' : 'no longer ask'} for the administration API.`);
}
