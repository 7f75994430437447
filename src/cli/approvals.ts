/** `consentry approvals …`: what people ask an administrator for, and what becomes of it (consent.md §5). */
import { type Command, Option } from 'commander';
import { DEFAULT_DAYS, MAX_DAYS } from '../approvals/approval.ts';
import type { ApprovalRequest, ApprovalState, Approver } from '../approvals/request.ts';
import type { ApprovalEntry } from '../approvals/store.ts';
import { events } from '../audit/events.ts';
import { normaliseEmail } from '../credentials.ts';
import { AppError } from '../errors.ts';
import type { Resource } from '../resources/resource.ts';
import type { Rooms } from '../rooms.ts';
import { visibleText } from '../web/visible-text.ts';
import { readFacts } from './approval-facts.ts';
import { describeRequest, inWords, quoted, statusOf, whoAsks } from './approval-view.ts';
import { withRooms } from './open.ts';
import { examples } from './options.ts';
import { moment, printJson, table } from './print.ts';
import type { Terminal } from './terminal.ts';

const STATES = ['pending', 'approved', 'denied', 'withdrawn', 'all'] as const;

interface ListOptions {
  state: (typeof STATES)[number];
  json?: boolean;
}

interface DecideOptions {
  as?: string;
  note?: string;
  everyone?: boolean;
  days?: number;
  seen?: string;
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
    .description('take an approval back: whoever relied on it is asked to wait again')
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
    .argument('<id>', 'as approvals list shows it')
    .option('--everyone', 'not only for who asked: for everybody with the same client')
    .option('--days <days>', `how long it holds: ${DEFAULT_DAYS} where left out, ${MAX_DAYS} at most`, Number)
    .option('--note <text>', 'a word to who asked')
    .option('--seen <code>', 'only what you saw: the code that approvals show printed')
    .addHelpText(
      'after',
      examples('approvals approve 8c1f… --as olga@example.com', 'approvals approve 8c1f… --everyone --days 30'),
    )
    .action((id: string, options: DecideOptions) => decide(terminal, id, 'approve', options));
  withApprover(approvals.command('deny'))
    .description('refuse what was asked')
    .argument('<id>', 'as approvals list shows it')
    .option('--note <text>', 'a word to who asked')
    .addHelpText('after', examples('approvals deny 8c1f… --note "Use the desktop app instead."'))
    .action((id: string, options: DecideOptions) => decide(terminal, id, 'deny', options));
}

function withApprover(command: Command): Command {
  return command.option('--as <email>', 'who decides: an owner; may be left out while there is only one');
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
    const decidedBy = request.decidedBy && (await personOf(rooms, request.decidedBy));
    const email = await personOf(rooms, request.accountId);
    terminal.out(describeRequest(request, facts, { email, decidedBy, changed: differences, now: rooms.now() }));
  });
}

async function decide(
  terminal: Terminal,
  id: string,
  decision: 'approve' | 'deny',
  { as, note, everyone, days, seen }: DecideOptions,
): Promise<void> {
  await withRooms(terminal, async (rooms) => {
    const approver = await findApprover(rooms, as);
    const { current, resource } = await readFacts(rooms, await findRequest(rooms, id));
    const outcome = await rooms.database.unit(async () => {
      const made = await rooms.approvals.decide({
        ...{ id, decision, note, days, seen, current, approver: approver.id },
        audience: everyone ? 'everyone' : 'person',
      });
      if (made.outcome !== 'changed') await tell(rooms, made.request, resource);
      return made;
    });
    const { request } = outcome;
    if (outcome.outcome === 'changed') {
      terminal.out(`${whoAsks(request)} is no longer what was seen:\n${inWords(outcome.differences)}\n`);
      const message = `Nothing was approved. Look again: npx consentry approvals show ${id}`;
      throw new AppError('approval_changed', 409, message);
    }
    terminal.out(said(request, await personOf(rooms, request.accountId)));
  });
}

/** Both sides are told: the record, and who asked. */
async function tell(rooms: Rooms, request: ApprovalRequest, resource: Resource | undefined): Promise<void> {
  const { accountId, clientId, stated, scopes, audience, expiresAt } = request;
  const decision = request.state === 'approved' ? 'approved' : 'denied';
  const details = {
    ...{ approval: request.id, decision, approver: request.decidedBy ?? '' },
    ...(audience ? { audience } : {}),
    ...(expiresAt ? { until: expiresAt.toISOString() } : {}),
  };
  await rooms.audit.record(events.approvalDecided({ accountId, clientId, resource: resource?.uri, scopes }, details));
  await rooms.notices.approvalDecided({
    ...{ requestId: request.id, accountId, decision, note: request.note },
    clientName: (stated.downstream ?? stated.client).name,
    ...(stated.downstream ? { through: stated.client.name } : {}),
    resourceName: resource?.name ?? '',
  });
}

function said(request: ApprovalRequest, email: string): string {
  const client = whoAsks(request);
  if (request.state === 'denied') return `Denied: ${email} may not connect ${client}.`;
  const whom = request.audience === 'everyone' ? 'Everybody' : email;
  const what = `${request.scopes.join(' ')} until ${moment(request.expiresAt)}`;
  return `Approved: ${whom} may connect ${client} with ${what}.\nThe press on the consent page is still needed.`;
}

async function revoke(terminal: Terminal, id: string, { as }: DecideOptions): Promise<void> {
  await withRooms(terminal, async (rooms) => {
    const approver = await findApprover(rooms, as);
    const found = await findRequest(rooms, id);
    const resource = (await rooms.resources.findById(found.resourceId))?.uri;
    const { accountId, clientId, scopes, stated } = found;
    await rooms.database.unit(async () => {
      await rooms.approvals.revoke({ id, approver: approver.id });
      const details = { approval: id, approver: approver.id };
      await rooms.audit.record(events.approvalRevoked({ accountId, clientId, resource, scopes }, details));
    });
    terminal.out(`Took the approval of ${quoted(stated.client.name, clientId)} back.`);
  });
}

/** @throws AppError 404 `unknown_approval` */
async function findRequest(rooms: Rooms, id: string): Promise<ApprovalRequest> {
  const request = await rooms.approvals.find(id);
  if (request) return request;
  throw new AppError(
    'unknown_approval',
    404,
    `There is no request ${id}. See: npx consentry approvals list --state all`,
  );
}

/** A provider may call its people whatever it likes, also by somebody else's address: it is named with them. */
async function personOf({ accountStore, connectionNamesOf }: Rooms, id: string): Promise<string> {
  const account = await accountStore.findById(id);
  const called = visibleText(account?.email || account?.name || id, 'NFC');
  const names = await connectionNamesOf(id);
  return names.length === 0 ? called : `${called} (by ${visibleText(names.join(', '), 'NFC')})`;
}

/** The one owner, or the owner of this address. */
async function findApprover(rooms: Rooms, email: string | undefined): Promise<Approver> {
  const approvers = await rooms.accountStore.listApprovers();
  const named =
    email === undefined ? approvers : approvers.filter((one) => normaliseEmail(one.email) === normaliseEmail(email));
  const [first, second] = named;
  if (first && !second) return first;
  if (email === undefined && second) {
    throw new AppError('bad_input', 400, 'Say with --as <email> who decides: there is more than one owner.');
  }
  const who = email === undefined ? 'Nobody here is' : second ? `More than one owner is ${email};` : `${email} is not`;
  throw new AppError('not_approver', 403, `${who} an owner who may decide. See: npx consentry account list`);
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
    decided_at: request.decidedAt ?? null,
    decided_by: request.decidedBy ?? null,
    note: request.note ?? null,
    expires_at: request.expiresAt ?? null,
  };
}
