/** `/admin/consents`: who let which client use which MCP server, and how to end it. */
import type { ConsentLine } from '../../consents/listing-store.ts';
import type { Receipt } from '../../consents/receipt.ts';
import type { Listed } from '../../web/cursor.ts';
import { page } from '../frame/page.ts';
import { type PageRoute, route } from '../frame/pages.ts';
import type { Refused, Visit } from '../frame/visit.ts';
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
  filters: Record<string, string>;
  refused?: Refused | undefined;
}

const listPage = page<ListModel>('admin/consents/list.njk');
const confirmPage = page<ConfirmModel>('admin/consents/confirm.njk');

const showPage = page<{ consent: ConsentView }>('admin/consents/show.njk');
const receiptPage = page<{ consentId: string; receipt: Receipt }>('admin/consents/receipt.njk');

const HOME = '/admin/consents';

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
  visit.render(showPage, { consent: await visit.perform(operations.show, { id: idOf(visit) }) });
}

/** The same as the file, in words. */
async function printReceipt(visit: Visit, operations: ConsentOperations): Promise<void> {
  const { body } = await visit.perform(operations.receipt, { id: idOf(visit) });
  visit.render(receiptPage, { consentId: idOf(visit), receipt: JSON.parse(String(body)) as Receipt });
}

/** Of what was ticked, or of one: how many people it is about, and who. */
async function confirm(visit: Visit, operations: ConsentOperations): Promise<void> {
  const ids = [visit.ctx.query.id ?? []].flat();
  if (ids.length === 0) return visit.done(HOME, 'consents.nothingTicked');
  const affected = await visit.perform(operations.affected, { ids });
  visit.render(confirmPage, { ids, ...affected, filters: {} });
}

async function revoke(visit: Visit, operations: ConsentOperations): Promise<void> {
  const { revoked } = await visit.perform(operations.revoke, { ids: visit.fieldsOf('id') });
  visit.done(HOME, 'consents.revoked', { count: revoked });
}

async function confirmAll(visit: Visit, operations: ConsentOperations): Promise<void> {
  const filters = visit.asked();
  const affected = await visit.perform(operations.affected, filters);
  visit.render(confirmPage, { ids: [], filters, ...affected });
}

async function revokeAll(visit: Visit, operations: ConsentOperations): Promise<void> {
  const { csrf: _, expected, ...filters } = visit.fields as Record<string, string>;
  const outcome = await visit.attempt(operations.revokeMatching, { ...filters, expected });
  if (!outcome.ok) {
    const affected = await visit.perform(operations.affected, filters);
    return visit.render(confirmPage, { ids: [], filters, ...affected, refused: outcome.refused }, outcome.status);
  }
  const { revoked, work } = outcome.value;
  if (work) return visit.done(`/admin/work/${work}`, 'consents.revoking');
  visit.done(HOME, 'consents.revoked', { count: revoked });
}

function idOf({ ctx }: Visit): string {
  return String(ctx.params.id);
}
