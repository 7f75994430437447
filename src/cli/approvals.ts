/** `consentry approvals …`: what people ask an administrator for, and what becomes of it (consent.md §5). */
import { type Command, Option } from 'commander';
import { decideApprovals, findRequest, revokeApproval, withdrawFirstApproval } from '../approval-acts.ts';
import { readFacts } from '../approval-facts.ts';
import type { Outcome } from '../approvals/approval.ts';
import { DEFAULT_DAYS, MAX_DAYS } from '../approvals/deciding.ts';
import type { ApprovalRequest, ApprovalState } from '../approvals/request.ts';
import type { ApprovalEntry } from '../approvals/store.ts';
import { normaliseEmail } from '../credentials.ts';
import { AppError } from '../errors.ts';
import type { Rooms } from '../rooms.ts';
import { visibleText } from '../web/visible-text.ts';
import { describeRequest, inWords, quoted, statusOf, termsOf, whoAsks } from './approval-view.ts';
import { withRooms } from './open.ts';
import { examples } from './options.ts';
import { moment, printJson, table } from './print.ts';
import type { Terminal } from './terminal.ts';

const STATES = ['pending', 'approved', 'denied', 'withdrawn', 'expired', 'all'] as const;

interface ListOptions {
  state: (typeof STATES)[number];
  json?: boolean;
}

interface DecideOptions {
  as?: string;
  note?: string;
  everyone?: boolean;
  days?: number;
  seen?: string[];
}

export function approvalCommands(program: Command, terminal: Terminal): void {
  const approvals = program.command('approvals').description('what people ask an administrator for');
  approvals
    .command('list')
    .description('list requests: those that wait oldest first, others newest first (500 at most)')
    .addOption(new Option('--state <state>', 'those in this state').choices(STATES).default('pending'))
    .option('--json', 'print JSON')
    .addHelpText('after', examples('approvals list', 'approvals list --state all --json'))
    .action((options: ListOptions) => list(terminal, options));
  approvals
    .command('show')
    .description('show everything there is to know before deciding')
    .argument('<id>', 'as approvals list shows it')
    .addHelpText('after', examples('approvals show 8c1f…'))
    .action((id: string) => show(terminal, id));
  decideCommands(approvals, terminal);
  withApprover(approvals.command('revoke'))
    .description('take an approval back, or your own first one: whoever relied on it is asked to wait again')
    .argument('<id>', 'as approvals list shows it')
    .addHelpText(
      'after',
      '\nThe next token lacks what waits again; one that is out lives until it runs out (ten minutes at most).',
    )
    .addHelpText('after', examples('approvals revoke 8c1f… --as olga@example.com'))
    .action((id: string, options: DecideOptions) => revoke(terminal, id, options));
}

function decideCommands(approvals: Command, terminal: Terminal): void {
  withApprover(approvals.command('approve'))
    .description('allow exactly what was asked, as it reads now; the person still has to press Approve')
    .argument('<ids...>', 'as approvals list shows them; several are approved all or not at all')
    .option('--everyone', 'not only for who asked: for everybody with the same client')
    .option('--days <days>', `how long it holds: ${DEFAULT_DAYS} where left out, ${MAX_DAYS} at most`, Number)
    .option('--note <text>', 'a word to who asked')
    .option(
      '--seen <code>',
      'only what you saw: the code that approvals show printed; of several requests once for each, in their order',
      (code: string, before: string[] = []) => [...before, code],
    )
    .addHelpText(
      'after',
      examples('approvals approve 8c1f… --as olga@example.com', 'approvals approve 8c1f… --everyone --days 30'),
    )
    .action((ids: string[], options: DecideOptions) => decide(terminal, ids, 'approve', options));
  withApprover(approvals.command('deny'))
    .description('refuse what was asked')
    .argument('<ids...>', 'as approvals list shows them; several are denied all or not at all')
    .option('--note <text>', 'a word to who asked')
    .addHelpText('after', examples('approvals deny 8c1f… --note "Use the desktop app instead."'))
    .action((ids: string[], options: DecideOptions) => decide(terminal, ids, 'deny', options));
}

function withApprover(command: Command): Command {
  return command.option(
    '--as <email>',
    'who decides: an owner, an administrator or an owner of the MCP server; may be left out while there is only one',
  );
}

async function list(terminal: Terminal, { state, json }: ListOptions): Promise<void> {
  const { requests, people, now } = await withRooms(terminal, async (rooms) => {
    const found = await rooms.approvals.list(state === 'all' ? {} : { state: state as ApprovalState });
    const called = new Map<string, string>();
    for (const { accountId } of found)
      called.set(accountId, called.get(accountId) ?? (await personOf(rooms, accountId)));
    return { requests: found, people: called, now: rooms.now() };
  });
  if (json) return printJson(terminal, requests.map(toJson));
  if (requests.length === 0) return terminal.out(state === 'pending' ? 'Nobody is waiting.' : 'No such request.');
  const rows = requests.map((request) => [
    request.id,
    moment(request.createdAt),
    people.get(request.accountId) ?? request.email,
    whoAsks(request),
    request.resourceUri,
    request.scopes.join(' '),
    statusOf(request, now),
  ]);
  terminal.out(table(['REQUEST', 'ASKED', 'WHO ASKS', 'CLIENT', 'MCP SERVER', 'SCOPES', 'STATUS'], rows));
}

async function show(terminal: Terminal, id: string): Promise<void> {
  await withRooms(terminal, async (rooms) => {
    const facts = await readFacts(rooms, await findRequest(rooms, id));
    // From here on the request holds what is shown: it is what approve compares with.
    const { request, differences } = await rooms.approvals.look(id, facts.current);
    const { decidedBy: decider, firstApproval: first } = request;
    const decidedBy = decider && (await personOf(rooms, decider));
    const firstBy = first && (await personOf(rooms, first.by));
    const email = await personOf(rooms, request.accountId);
    terminal.out(
      describeRequest(request, facts, { email, decidedBy, firstBy, changed: differences, now: rooms.now() }),
    );
  });
}

async function decide(
  terminal: Terminal,
  named: readonly string[],
  decision: 'approve' | 'deny',
  { as, note, everyone, days, seen = [] }: DecideOptions,
): Promise<void> {
  const ids = [...new Set(named)];
  if (seen.length > 0 && seen.length !== ids.length) {
    throw new AppError('bad_input', 400, 'Write --seen once for each request, in the same order, or not at all.');
  }
  await withRooms(terminal, async (rooms) => {
    const approver = await findOneApprover(rooms, ids, as);
    const terms = { decision, note, days, approver, audience: everyone ? 'everyone' : 'person' } as const;
    const outcomes = await decideApprovals(
      rooms,
      ids.map((id, index) => ({ ...terms, id, seen: seen[index] })),
    );
    assertUnchanged(terminal, outcomes);
    for (const { outcome, request, ...more } of outcomes) {
      const replaced = 'replaced' in more && more.replaced !== undefined;
      if (outcome === 'first') terminal.out(saidFirst(request, replaced));
      else terminal.out(said(request, await personOf(rooms, request.accountId)));
    }
  });
}

/** @throws AppError 409 `approval_changed`, having said which */
function assertUnchanged(terminal: Terminal, outcomes: readonly Outcome[]): void {
  const changed = outcomes.filter((one) => one.outcome === 'changed');
  for (const { request, differences } of changed) {
    const which = outcomes.length > 1 ? ` (${request.id})` : '';
    terminal.out(`${whoAsks(request)}${which} is no longer what was seen:\n${inWords(differences)}\n`);
  }
  const [first] = changed;
  if (!first) return;
  const message = `Nothing was approved. Look again: npx consentry approvals show ${first.request.id}`;
  throw new AppError('approval_changed', 409, message);
}

function saidFirst(request: ApprovalRequest, replaced: boolean): string {
  const before = replaced ? 'Somebody else had approved something else first: that no longer counts.\n' : '';
  return `${before}Noted: ${termsOf(request)}. Nothing is approved until a second approver confirms the same.`;
}

function said(request: ApprovalRequest, email: string): string {
  const client = whoAsks(request);
  if (request.state === 'denied') return `Denied: ${email} may not connect ${client}.`;
  const whom = request.audience === 'everyone' ? 'Everybody' : email;
  const what = `${request.scopes.join(' ')} until ${moment(request.expiresAt)}`;
  return `Approved: ${whom} may connect ${client} with ${what}.\nThe press on the consent page is still needed.`;
}

/** An approval, or a first one that nobody has confirmed. */
async function revoke(terminal: Terminal, id: string, { as }: DecideOptions): Promise<void> {
  await withRooms(terminal, async (rooms) => {
    const found = await findRequest(rooms, id);
    const approver = (await findApprover(rooms, found, as)).id;
    const first = found.state === 'pending' && found.firstApproval;
    const { stated } = first
      ? await withdrawFirstApproval(rooms, { id, approver })
      : await revokeApproval(rooms, { id, approver });
    terminal.out(`Took the ${first ? 'first ' : ''}approval of ${quoted(stated.client.name, found.clientId)} back.`);
  });
}

/** A provider may call its people whatever it likes, also by somebody else's address: it is named with them. */
async function personOf({ accountStore, connectionNamesOf }: Rooms, id: string): Promise<string> {
  const account = await accountStore.findById(id);
  const called = visibleText(account?.email || account?.name || id, 'NFC');
  const names = await connectionNamesOf(id);
  return names.length === 0 ? called : `${called} (by ${visibleText(names.join(', '), 'NFC')})`;
}

/** The one who may decide at the request's MCP server, or the one of this address. */
async function findApprover(rooms: Rooms, { resourceId }: ApprovalRequest, email: string | undefined) {
  const approvers = await rooms.approvers.of(resourceId);
  const named =
    email === undefined ? approvers : approvers.filter((one) => normaliseEmail(one.email) === normaliseEmail(email));
  const [first, second] = named;
  if (first && !second) return first;
  if (email === undefined && second) {
    throw new AppError('bad_input', 400, 'Say with --as <email> who decides: there is more than one who may.');
  }
  const who = email === undefined ? 'Nobody here is' : second ? `More than one person is ${email};` : `${email} is not`;
  const whom = 'an owner, an administrator or the owner of the MCP server, and so may not decide';
  throw new AppError('not_approver', 403, `${who} ${whom}. See: npx consentry account list`);
}

/** One person for all of them. @returns their account */
async function findOneApprover(rooms: Rooms, ids: readonly string[], email: string | undefined): Promise<string> {
  const found = new Set<string>();
  for (const id of ids) found.add((await findApprover(rooms, await findRequest(rooms, id), email)).id);
  const [first, second] = found;
  if (first && !second) return first;
  throw new AppError('bad_input', 400, 'Say with --as <email> who decides: these have different people who may.');
}

function toJson(request: ApprovalEntry) {
  const { id, accountId, email, clientId, stated, downstream, redirectUri, resourceUri, scopes, reason, state } =
    request;
  return {
    id,
    state,
    account: email,
    account_id: accountId,
    client_id: clientId,
    client_name: stated.client.name,
    acting_for: downstream?.clientId ?? null,
    acting_for_name: stated.downstream?.name ?? null,
    redirect_uri: redirectUri,
    resource: resourceUri,
    scopes,
    reason: reason ?? null,
    asked_at: request.createdAt,
    audience: request.audience ?? null,
    first_approval: request.firstApproval ?? null,
    decided_at: request.decidedAt ?? null,
    decided_by: request.decidedBy ?? null,
    note: request.note ?? null,
    expires_at: request.expiresAt ?? null,
  };
}
