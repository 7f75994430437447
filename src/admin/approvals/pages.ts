/** `/admin/approvals`: the queue, one request with all that is known, and what becomes of it. */
import { DEFAULT_DAYS, MAX_CHARACTERS, MAX_DAYS } from '../../approvals/deciding.ts';
import type { ApprovalLine } from '../../approvals/listing-store.ts';
import type { Listed } from '../../web/cursor.ts';
import { page } from '../frame/page.ts';
import { type PageRoute, route } from '../frame/pages.ts';
import type { Refused, Visit } from '../frame/visit.ts';
import type { ApprovalOperations } from './operations.ts';
import type { CardView, RuleTrialView } from './shapes.ts';

interface ListModel extends Listed<ApprovalLine> {
  filters: Record<string, string>;
  /** The same, for addresses. */
  query: readonly (readonly [string, string])[];
  first: boolean;
  state: string;
}

interface CardModel {
  card: CardView;
  /** What stands in the forms. */
  typed: { audience: string; days: string; note: string; reason: string };
  limits: { days: number; characters: number };
  refused?: Refused | undefined;
  /** Of the form that is shown again. */
  pressed?: 'approve' | 'deny' | undefined;
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

export function approvalPages(operations: ApprovalOperations): PageRoute[] {
  const { show, approve, deny, withdrawFirst, revoke, makeRule } = operations;
  return [
    route('GET', '/approvals', operations.list, (visit) => list(visit, operations)),
    route('GET', '/approvals/:id', show, (visit) => shown(visit, operations)),
    route('POST', '/approvals/:id/approve', approve, (visit) => approved(visit, operations)),
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

async function shown(visit: Visit, operations: ApprovalOperations, more: Partial<CardModel> = {}, status = 200) {
  const card = await visit.perform(operations.show, { id: idOf(visit) });
  const first = card.may.confirm ? card.first : null;
  const terms = { audience: first?.audience ?? 'person', days: String(first?.days ?? DEFAULT_DAYS) };
  const typed = { ...terms, note: '', reason: '', ...more.typed };
  visit.render(cardPage, { card, limits: { days: MAX_DAYS, characters: MAX_CHARACTERS }, ...more, typed }, status);
}

async function approved(visit: Visit, operations: ApprovalOperations): Promise<void> {
  const id = idOf(visit);
  const { audience = 'person', days = '', note = '', seen = '' } = visit.fields as Record<string, string>;
  const typed = { audience, days, note, reason: '' };
  const made = await visit.attempt(operations.approve, { id, audience, days, note, seen });
  if (!made.ok) {
    const { refused, status } = made;
    return shown(visit, operations, { typed, refused, pressed: 'approve' }, status);
  }
  const { outcome, replaced, differences = [] } = made.value;
  if (outcome !== 'changed') return visit.done(`${HOME}/${id}`, `approvals.done.${replaced ? 'replaced' : outcome}`);
  const refused = { code: 'approval_changed', message: 'Nothing was approved: look again.' };
  const card = await visit.perform(operations.show, { id });
  const again = { ...card, differences };
  visit.render(cardPage, { card: again, typed, refused, limits: { days: MAX_DAYS, characters: MAX_CHARACTERS } }, 409);
}

async function denied(visit: Visit, operations: ApprovalOperations): Promise<void> {
  const id = idOf(visit);
  const note = visit.field('note') ?? '';
  const made = await visit.attempt(operations.deny, { id, note });
  if (made.ok) return visit.done(`${HOME}/${id}`, 'approvals.done.denied');
  const typed = { audience: 'person', days: String(DEFAULT_DAYS), note: '', reason: note };
  await shown(visit, operations, { typed, refused: made.refused, pressed: 'deny' }, made.status);
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
