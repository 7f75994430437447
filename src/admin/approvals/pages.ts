/** `/admin/approvals`: the queue, one request with all that is known, and what becomes of it. */
import { DEFAULT_DAYS, MAX_CHARACTERS, MAX_DAYS, parseWords } from '../../approvals/deciding.ts';
import type { ApprovalLine } from '../../approvals/listing-store.ts';
import { AppError } from '../../errors.ts';
import type { Listed } from '../../web/cursor.ts';
import { page } from '../frame/page.ts';
import { leave, type PageRoute, route } from '../frame/pages.ts';
import { outermost, withFaults } from '../frame/refused.ts';
import type { Refused, Visit } from '../frame/visit.ts';
import { parseTick } from './also.ts';
import type { Drafts, Typed } from './drafts.ts';
import type { ApprovalOperations } from './operations.ts';
import type { CardView, Decided, RuleTrialView } from './shapes.ts';

interface ListModel extends Listed<ApprovalLine> {
  filters: Record<string, string>;
  /** The same, for addresses. */
  query: readonly (readonly [string, string])[];
  first: boolean;
  state: string;
}

interface CardModel {
  card: CardView;
  typed: Typed;
  limits: { days: number; characters: number };
  refused?: Refused | undefined;
  /** Which of several were no longer what was seen. */
  changed?: Decided['changed'];
  /** Back from showing that it is them: with what was typed, or without where that is gone. */
  proved?: 'kept' | 'gone' | undefined;
}

/** More than the page shows by itself. */
interface More extends Omit<Partial<CardModel>, 'typed' | 'limits'> {
  typed?: Partial<Typed> | undefined;
}

interface RevokeModel {
  card: CardView;
  people: number;
  refused?: Refused | undefined;
}

interface RuleModel {
  id: string;
  where: 'server' | 'all';
  trial: RuleTrialView;
  refused?: Refused | undefined;
}

const listPage = page<ListModel>('admin/approvals/list.njk');
const cardPage = page<CardModel>('admin/approvals/card.njk');
const revokePage = page<RevokeModel>('admin/approvals/revoke.njk');
const rulePage = page<RuleModel>('admin/approvals/rule.njk');

const HOME = '/admin/approvals';
const FORM = '#decide';

export function approvalPages(operations: ApprovalOperations, drafts: Drafts): PageRoute[] {
  const { show, approve, deny, withdrawFirst, revoke, makeRule } = operations;
  return [
    route('GET', '/approvals', operations.list, (visit) => list(visit, operations)),
    route('GET', '/approvals/:id', show, (visit) => shown(visit, operations)),
    // The card again, after its approver showed that it is them.
    route('GET', '/approvals/:id/approve', { ...approve, fresh: true }, (visit) => again(visit, operations, drafts)),
    route('POST', '/approvals/:id/approve', approve, (visit) => approved(visit, operations, drafts)),
    route('POST', '/approvals/:id/deny', deny, (visit) => denied(visit, operations)),
    route('POST', '/approvals/:id/withdraw-first', withdrawFirst, (visit) => withdrawn(visit, operations)),
    route('GET', '/approvals/:id/revoke', revoke, (visit) => confirmRevoke(visit, operations)),
    route('POST', '/approvals/:id/revoke', revoke, (visit) => revoked(visit, operations)),
    route('GET', '/approvals/:id/rule', makeRule, (visit) => tried(visit, operations)),
    route('POST', '/approvals/:id/rule', makeRule, (visit) => made(visit, operations)),
  ];
}

async function list(visit: Visit, { list: read }: ApprovalOperations): Promise<void> {
  const asked = visit.asked();
  const found = await visit.perform(read, asked);
  const { cursor, ...filters } = asked;
  const query = Object.entries(filters);
  const state = filters.state ?? 'pending';
  visit.render(listPage, { ...found, filters, query, first: cursor === undefined, state });
}

async function shown(visit: Visit, operations: ApprovalOperations, more: More = {}, status = 200): Promise<void> {
  const card = more.card ?? (await visit.perform(operations.show, { id: idOf(visit) }));
  const first = card.may.confirm ? card.first : null;
  const terms = { audience: first?.audience ?? 'person', days: String(first?.days ?? DEFAULT_DAYS) };
  const typed = { ...terms, note: '', reason: '', also: [], denyAlso: [], ...more.typed };
  const limits = { days: MAX_DAYS, characters: MAX_CHARACTERS };
  visit.render(cardPage, { ...more, card, limits, typed }, status);
}

/**
 * What was typed and ticked, as long as the draft of it lives. The form is far down its page: the browser is sent to it
 * from here, because no fragment outlives the way through the proof.
 */
async function again(visit: Visit, operations: ApprovalOperations, drafts: Drafts): Promise<void> {
  const id = idOf(visit);
  const draft = visit.query('draft');
  if (draft && visit.query('proved') === undefined) {
    return leave(visit.ctx, `${HOME}/${id}/approve?draft=${encodeURIComponent(draft)}&proved=1${FORM}`);
  }
  const typed = await drafts.find(draft ?? '', { accountId: visit.actor.accountId, requestId: id });
  await shown(visit, operations, { typed, proved: typed ? 'kept' : 'gone' });
}

async function approved(visit: Visit, operations: ApprovalOperations, drafts: Drafts): Promise<void> {
  const id = idOf(visit);
  const [audience, days, note] = [visit.field('audience') ?? 'person', visit.field('days'), visit.field('note') ?? ''];
  const ticks = visit.fieldsOf('also');
  const typed = { audience, days: days ?? '', note, also: ticks };
  const asked = { id, audience, days, note, seen: visit.field('seen') ?? '', also: ticks.map(parseTick) };
  try {
    await concluded(visit, operations, await visit.attempt(operations.approve, asked), typed);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'fresh_proof_required') throw error;
    const kept = { ...typed, reason: '', denyAlso: [] };
    const draft = await drafts.keep({ accountId: visit.actor.accountId, requestId: id }, kept);
    leave(visit.ctx, `${HOME}/${id}/approve?draft=${draft}`);
  }
}

async function denied(visit: Visit, operations: ApprovalOperations): Promise<void> {
  const id = idOf(visit);
  const note = visit.field('note') ?? '';
  const also = visit.fieldsOf('also');
  const typed = { reason: note, denyAlso: also };
  const words = parseWords(note);
  if (words.ok && words.text === undefined) {
    const card = await visit.perform(operations.show, { id });
    if (card.may.decide) return shown(visit, operations, { card, typed, refused: NO_REASON }, 400);
  }
  const made = await visit.attempt(operations.deny, { id, note, also }, (member) =>
    member === 'note' ? 'reason' : outermost(member),
  );
  await concluded(visit, operations, made, typed);
}

/** A person who is refused reads why; a program that denies knows by itself whether there is anything to say. */
const NO_REASON = withFaults({ code: 'reason_required', message: 'Say why: the person reads it.' }, [
  { code: 'reason_required', message: 'Say why: the person reads it.', field: 'reason', label: 'reason' },
]);

/** Says what it came to, or shows the card again with what was typed and what was wrong. */
async function concluded(
  visit: Visit,
  operations: ApprovalOperations,
  made: Awaited<ReturnType<typeof visit.attempt<unknown, Decided>>>,
  typed: Partial<Typed>,
): Promise<void> {
  const id = idOf(visit);
  if (!made.ok) return shown(visit, operations, { typed, refused: made.refused }, made.status);
  const { outcome, replaced, differences = [], also = [], changed = [] } = made.value;
  if (outcome !== 'changed') {
    const key = replaced || also.some((one) => one.replaced) ? 'replaced' : outcome;
    // Where two have to approve, one may be confirmed and another only noted.
    const mixed = also.some((one) => one.outcome !== outcome);
    const several = also.length > 0 ? `several.${mixed ? 'mixed' : key}` : key;
    return visit.done(`${HOME}/${id}`, `approvals.done.${several}${wayOf(made.value, typed)}`, {
      count: also.length + 1,
    });
  }
  const others = changed.filter((one) => one.id !== id);
  const code = others.length > 0 ? 'several_changed' : 'approval_changed';
  const refused = { code, message: 'Nothing was decided: look again.' };
  const card = await visit.perform(operations.show, { id });
  const more = { card: { ...card, differences }, changed: others, typed, refused };
  await shown(visit, operations, more, 409);
}

/** For everyone is not for the person alone; who is denied hears of it by mail, or where they wait and ask again. */
function wayOf({ outcome, mailed, also = [] }: Decided, { audience }: Partial<Typed>): string {
  if (outcome === 'denied') return mailed && also.every((one) => one.mailed) ? 'Mailed' : '';
  return outcome === 'approved' && audience === 'everyone' && also.length === 0 ? 'Everyone' : '';
}

async function withdrawn(visit: Visit, operations: ApprovalOperations): Promise<void> {
  const id = idOf(visit);
  const made = await visit.attempt(operations.withdrawFirst, { id });
  if (made.ok) return visit.done(`${HOME}/${id}`, 'approvals.done.withdrawn');
  await shown(visit, operations, { refused: made.refused }, made.status);
}

async function confirmRevoke(visit: Visit, operations: ApprovalOperations, refused?: Refused, status = 200) {
  const id = idOf(visit);
  const card = await visit.perform(operations.show, { id });
  const { people } = await visit.perform(operations.reliance, { id });
  visit.render(revokePage, { card, people, refused }, status);
}

async function revoked(visit: Visit, operations: ApprovalOperations): Promise<void> {
  const id = idOf(visit);
  const made = await visit.attempt(operations.revoke, { id });
  if (made.ok) return visit.done(`${HOME}/${id}`, 'approvals.done.revoked');
  await confirmRevoke(visit, operations, made.refused, made.status);
}

async function tried(visit: Visit, operations: ApprovalOperations, refused?: Refused, status = 200): Promise<void> {
  const id = idOf(visit);
  const where = (visit.field('where') ?? visit.query('where')) === 'all' ? 'all' : 'server';
  const trial = await visit.perform(operations.tryRule, { id, where });
  visit.render(rulePage, { id, where, trial, refused }, status);
}

async function made(visit: Visit, operations: ApprovalOperations): Promise<void> {
  const id = idOf(visit);
  const outcome = await visit.attempt(operations.makeRule, {
    id,
    where: visit.field('where'),
    plan: visit.field('plan'),
  });
  if (outcome.ok) return visit.done(`${HOME}/${id}`, 'approvals.done.rule', { rule: outcome.value.rule });
  await tried(visit, operations, outcome.refused, outcome.status);
}

function idOf({ ctx }: Visit): string {
  return String(ctx.params.id);
}
