/** `consentry resource show|update|accept|reject|disable|enable`: an MCP server that changes after people agreed to it. */
import type { Command } from 'commander';
import { AppError } from '../errors.ts';
import {
  acceptScopes,
  isEmptyPlan,
  planUpdate,
  rejectScopes,
  setResourceDisabled,
  updateResource,
} from '../resources/changes.ts';
import { pendingChanges } from '../resources/proposals.ts';
import { canonicalResource, type Resource } from '../resources/resource.ts';
import type { Rooms } from '../rooms.ts';
import { withRooms } from './open.ts';
import { collect, END_OF_TOKENS, examples } from './options.ts';
import { fields, moment, printJson, table } from './print.ts';
import { parseWhole, SCOPE_HEADINGS, scopeCells, scopeToJson, toJson } from './resource-description.ts';
import { changeInWords, holdersOf, planInWords } from './resource-differences.ts';
import { readNews, type UpdateOptions } from './resource-news.ts';
import { assertConnections, peopleFields, peopleOptions } from './resource-people.ts';
import type { Terminal } from './terminal.ts';

const EXPLANATION = `
What people agreed to is what they read. A scope that is to read differently, or has another tool behind it, is
suspended: no new token carries it until you accept the change, and whoever agreed to the former words reads the new ones
before their clients get it again. A new scope waits likewise. A scope that is removed is gone at once.

--scope is written as for resource add and describes that scope alone; its Japanese wording stays where the English does.
A file describes all of them: what is not in it is removed.`;

export function resourceChangeCommands(resource: Command, terminal: Terminal): void {
  resource
    .command('show')
    .description('show one with its scopes and what waits to be accepted')
    .argument('<uri>')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('resource show https://mail.example.com/mcp'))
    .action((uri: string, options: { json?: boolean }) => show(terminal, uri, options));
  updateCommand(resource, terminal);
  for (const how of ['accept', 'reject'] as const) decideCommand(resource, terminal, how);
  resource
    .command('disable')
    .description('give out no token for it until it is enabled again; what people agreed to stays')
    .argument('<uri>')
    .addHelpText('after', END_OF_TOKENS)
    .addHelpText('after', examples('resource disable https://mail.example.com/mcp'))
    .action((uri: string) => setDisabled(terminal, uri, true));
  resource
    .command('enable')
    .description('give out tokens for it again')
    .argument('<uri>')
    .addHelpText('after', examples('resource enable https://mail.example.com/mcp'))
    .action((uri: string) => setDisabled(terminal, uri, false));
}

function updateCommand(resource: Command, terminal: Terminal): void {
  peopleOptions(resource.command('update'))
    .description('change how one is described; says what differs and whom that touches')
    .argument('<uri>')
    .option('--name <name>', 'what people will read')
    .option('--consent-days <days>', 'how long people may agree at most, from now on: 1 to 365', parseWhole)
    .option('--token-seconds <seconds>', 'how long its access tokens live, from now on: 60 to 3600', parseWhole)
    .option('--scope <scope>', 'a scope as it is to read; repeat for each', collect)
    .option('--remove-scope <name>', 'a scope that is no more; repeat for each', collect)
    .option('--from-file <path>', 'read all of it from a JSON file instead; - is standard input')
    .option('--accept', 'accept the change of scopes as well: nothing waits')
    .option('--dry-run', 'only say what would change')
    .addHelpText('after', EXPLANATION)
    .addHelpText(
      'after',
      examples(
        `resource update https://mail.example.com/mcp \\
      --scope 'mail:send|Send mail as you|high|act|send_mail,send_later' --dry-run`,
        'resource update https://mail.example.com/mcp --from-file mail.json --accept',
        'resource update https://mail.example.com/mcp --consent-days 30 --token-seconds 300',
        'resource update https://mail.example.com/mcp --token-claims oid,roles --connection contoso',
      ),
    )
    .action((uri: string, options: UpdateOptions) => update(terminal, uri, options));
}

function decideCommand(resource: Command, terminal: Terminal, how: 'accept' | 'reject'): void {
  const accept = how === 'accept';
  resource
    .command(how)
    .description(
      accept
        ? 'let scopes read as proposed; whoever agreed to the former words reads the new ones first'
        : 'drop what is proposed: the scopes are again what they were',
    )
    .argument('<uri>')
    .option('--scope <name...>', 'only these scopes (default: all that wait)')
    .addHelpText(
      'after',
      examples(
        `resource ${how} https://mail.example.com/mcp`,
        `resource ${how} https://mail.example.com/mcp --scope mail:send`,
      ),
    )
    .action((uri: string, { scope }: { scope?: string[] }) => decide(terminal, uri, how, scope));
}

async function show(terminal: Terminal, uri: string, { json }: { json?: boolean }): Promise<void> {
  await withRooms(terminal, async (rooms) => {
    const resource = await findRegistered(rooms, uri);
    if (json) return printJson(terminal, { ...toJson(resource), proposals: proposalsToJson(resource) });
    const { name, clientId, consentDays, tokenSeconds, scopes, disabledAt } = resource;
    const status = disabledAt ? `disabled ${moment(disabledAt)}` : undefined;
    terminal.out(`${name} at ${resource.uri}\n`);
    const consents = `${consentDays} days at most`;
    const tokens = `${tokenSeconds} seconds`;
    terminal.out(fields({ client_id: clientId, consents, tokens, ...peopleFields(resource), status }));
    const rows = scopes.map((scope) => [...scopeCells(scope), scope.suspended ? 'suspended' : '']);
    terminal.out(`\n${table([...SCOPE_HEADINGS, 'STATUS'], rows)}`);
    const holders = await holdersOf(rooms, resource);
    for (const change of pendingChanges(resource)) terminal.out(`\n${changeInWords(change, holders)}`);
    if (pendingChanges(resource).length > 0) terminal.out(`\n${whatNow(resource)}`);
  });
}

async function update(terminal: Terminal, uri: string, options: UpdateOptions): Promise<void> {
  const { accept = false, dryRun = false } = options;
  await withRooms(terminal, async (rooms) => {
    const resource = await findRegistered(rooms, uri);
    const news = await readNews(terminal, resource, options);
    await assertConnections(rooms, news.people);
    const holders = await holdersOf(rooms, resource);
    const plan = dryRun ? planUpdate(resource, news) : await updateResource(rooms, resource.id, news, { accept });
    terminal.out(planInWords(plan, holders) || 'Nothing differs.');
    if (isEmptyPlan(plan, { accept })) return;
    if (dryRun) return terminal.out('\nNothing was written.');
    const waits = plan.scopes.some(({ kind }) => kind === 'changed' || kind === 'added');
    if (waits) terminal.out(`\n${accept ? ACCEPTED : whatNow(resource)}`);
  });
}

async function decide(
  terminal: Terminal,
  uri: string,
  how: 'accept' | 'reject',
  scopes: readonly string[] | undefined,
): Promise<void> {
  await withRooms(terminal, async (rooms) => {
    const resource = await findRegistered(rooms, uri);
    const holders = await holdersOf(rooms, resource);
    const decided = await (how === 'accept' ? acceptScopes : rejectScopes)(rooms, resource.id, scopes);
    for (const change of decided) terminal.out(`${changeInWords(change, holders)}\n`);
    terminal.out(how === 'accept' ? ACCEPTED : 'Rejected: nothing of this holds, and nothing is suspended for it.');
  });
}

async function setDisabled(terminal: Terminal, uri: string, disabled: boolean): Promise<void> {
  await withRooms(terminal, async (rooms) => {
    const resource = await findRegistered(rooms, uri);
    const what = disabled ? 'disabled' : 'enabled';
    const changed = await setResourceDisabled(rooms, resource.id, disabled);
    terminal.out(`${resource.name} ${changed ? 'is' : 'was'} ${what}${changed ? '' : ' already'}.`);
  });
}

const ACCEPTED = 'Accepted. Whoever agreed to former words reads these before their clients get the scope again.';

function whatNow({ uri }: Pick<Resource, 'uri'>): string {
  return `No new token carries these until you accept them:
  npx consentry resource accept ${uri}
or leave everything as it was:
  npx consentry resource reject ${uri}`;
}

function proposalsToJson({ scopes }: Resource) {
  return scopes.flatMap(({ proposal }) =>
    proposal ? [{ ...scopeToJson(proposal.words), added: proposal.added, proposed_at: proposal.at }] : [],
  );
}

/** @throws AppError 404 `unknown_resource` */
export async function findRegistered({ resources }: Pick<Rooms, 'resources'>, uri: string): Promise<Resource> {
  const resource = await resources.findRegistered(canonicalResource(uri) ?? uri);
  if (resource) return resource;
  throw new AppError('unknown_resource', 404, `There is no MCP server ${uri}. See: npx consentry resource list`);
}
