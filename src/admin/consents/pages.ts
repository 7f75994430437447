/** `/admin/consents`: who let which client use which MCP server, and how to end it. */
import type { ConsentLine } from '../../consents/listing-store.ts';
import type { Receipt } from '../../consents/receipt.ts';
import type { BrowserView } from '../../web/account-pages.ts';
import { partsOfLabel } from '../../web/browser-label.ts';
import type { Listed } from '../../web/cursor.ts';
import { page } from '../frame/page.ts';
import { type PageRoute, route } from '../frame/pages.ts';
import type { Refused, Visit } from '../frame/visit.ts';
import { addressOf, type ConsentFilters, filtersIn } from './address.ts';
import type { ConsentOperations } from './operations.ts';
import type { AffectedView, ConsentView } from './shapes.ts';

interface ListModel extends Listed<ConsentLine> {
  filters: Record<string, string>;
  /** The same, for addresses. */
  query: readonly (readonly [string, string])[];
  first: boolean;
}

interface ConfirmModel extends AffectedView {
  /** Selected ones; empty where a filter chose. */
  ids: readonly string[];
  /** What chose, or stood in the list where they were ticked. */
  filters: ConsentFilters;
  /** The list they were chosen in. */
  back: string;
  /** One that the filter chose: what it is filtered by has its name from there. */
  example?: ConsentLine | undefined;
  refused?: Refused | undefined;
}

const listPage = page<ListModel>('admin/consents/list.njk');
const confirmPage = page<ConfirmModel>('admin/consents/confirm.njk');

/** In which browser it was given last. */
type From = { from: BrowserView | undefined };

const showPage = page<{ consent: ConsentView } & From>('admin/consents/show.njk');
const receiptPage = page<{ consentId: string; receipt: Receipt } & From>('admin/consents/receipt.njk');

export function consentPages(operations: ConsentOperations): PageRoute[] {
  return [
    route('GET', '/consents', operations.list, (visit) => list(visit, operations)),
    route('GET', '/consents/revoke', operations.revoke, (visit) => confirm(visit, operations)),
    route('POST', '/consents/revoke', operations.revoke, (visit) => revoke(visit, operations)),
    route('GET', '/consents/revoke-matching', operations.revokeMatching, (visit) => confirmAll(visit, operations)),
    route('POST', '/consents/revoke-matching', operations.revokeMatching, (visit) => revokeAll(visit, operations)),
    route('GET', '/consents/:id', operations.show, (visit) => show(visit, operations)),
    route('GET', '/consents/:id/receipt', operations.receipt, (visit) => printReceipt(visit, operations)),
    route('GET', '/consents/:id/receipt.json', operations.receipt, async (visit) =>
      visit.send(await visit.perform(operations.receipt, { id: idOf(visit) })),
    ),
  ];
}

async function list(visit: Visit, { list: read }: ConsentOperations): Promise<void> {
  const asked = visit.asked();
  const found = await visit.perform(read, asked);
  const { cursor, ...filters } = asked;
  visit.render(listPage, { ...found, filters, query: Object.entries(filters), first: cursor === undefined });
}

async function show(visit: Visit, operations: ConsentOperations): Promise<void> {
  const consent = await visit.perform(operations.show, { id: idOf(visit) });
  visit.render(showPage, { consent, from: called(consent.browserLabel) });
}

/** The same as the file, in words. */
async function printReceipt(visit: Visit, operations: ConsentOperations): Promise<void> {
  const { body } = await visit.perform(operations.receipt, { id: idOf(visit) });
  const receipt = JSON.parse(String(body)) as Receipt;
  visit.render(receiptPage, { consentId: idOf(visit), receipt, from: called(receipt.consent.given_from) });
}

function called(label: string | null): BrowserView | undefined {
  return label === null ? undefined : partsOfLabel(label);
}

/** Of what was ticked, or of one: how many people it is about, and who. */
async function confirm(visit: Visit, operations: ConsentOperations): Promise<void> {
  const ids = [visit.ctx.query.id ?? []].flat();
  const filters = filtersIn(visit.asked());
  const back = addressOf(filters);
  if (ids.length === 0) return visit.done(back, 'consents.nothingTicked');
  const affected = await visit.perform(operations.affected, { ids });
  visit.render(confirmPage, { ids, ...affected, filters, back });
}

async function revoke(visit: Visit, operations: ConsentOperations): Promise<void> {
  const { revoked } = await visit.perform(operations.revoke, { ids: visit.fieldsOf('id') });
  visit.done(addressOf(visit.fields), 'consents.revoked', { count: revoked });
}

async function confirmAll(visit: Visit, operations: ConsentOperations): Promise<void> {
  await showAll(visit, filtersIn(visit.asked()), operations);
}

async function showAll(
  visit: Visit,
  filters: ConsentFilters,
  operations: ConsentOperations,
  failed?: { refused: Refused; status: number },
): Promise<void> {
  const affected = await visit.perform(operations.affected, filters);
  const { items } = await visit.perform(operations.list, filters);
  const model = { ids: [], filters, back: addressOf(filters), example: items[0], ...affected };
  visit.render(confirmPage, { ...model, refused: failed?.refused }, failed?.status);
}

async function revokeAll(visit: Visit, operations: ConsentOperations): Promise<void> {
  const filters = filtersIn(visit.fields);
  const outcome = await visit.attempt(operations.revokeMatching, { ...filters, expected: visit.field('expected') });
  if (!outcome.ok) return showAll(visit, filters, operations, outcome);
  const { revoked, work } = outcome.value;
  if (work) return visit.done(`/admin/work/${work}`, 'consents.revoking');
  visit.done(addressOf(filters), 'consents.revoked', { count: revoked });
}

function idOf({ ctx }: Visit): string {
  return String(ctx.params.id);
}
