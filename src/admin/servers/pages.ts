/** `/admin/servers`: the MCP servers that tokens are for, and one with all there is to know and decide of it. */
import type { ServerLine } from '../../resources/listing-store.ts';
import type { Listed } from '../../web/cursor.ts';
import { page } from '../frame/page.ts';
import { type PageRoute, route } from '../frame/pages.ts';
import type { Visit } from '../frame/visit.ts';
import { watch } from '../frame/work-page.ts';
import { addServerPages } from './add-pages.ts';
import { changeServerPages } from './change-pages.ts';
import type { ServerOperations } from './operations.ts';
import { hrefOf, idOf, mayChange, showServer } from './show-page.ts';

interface ListModel extends Listed<ServerLine> {
  filters: Record<string, string>;
  /** The same, for addresses. */
  query: readonly (readonly [string, string])[];
  first: boolean;
  mayAdd: boolean;
}

const listPage = page<ListModel>('admin/servers/list.njk');

export function serverPages(operations: ServerOperations): PageRoute[] {
  return [
    route('GET', '/servers', operations.list, (visit) => list(visit, operations)),
    ...addServerPages(operations),
    route('GET', '/servers/:id', operations.show, async (visit) => showServer(visit, operations)),
    route('POST', '/servers/:id/check', operations.beginCheck, (visit) => check(visit, operations)),
    route('POST', '/servers/:id/accept', operations.accept, (visit) => decide(visit, operations, 'accept')),
    route('POST', '/servers/:id/reject', operations.reject, (visit) => decide(visit, operations, 'reject')),
    route('POST', '/servers/:id/tools', operations.placeTools, (visit) => placeTools(visit, operations)),
    route('POST', '/servers/:id/owners', operations.addOwner, (visit) => changeOwner(visit, operations, 'addOwner')),
    route('POST', '/servers/:id/owners/remove', operations.removeOwner, (visit) =>
      changeOwner(visit, operations, 'removeOwner'),
    ),
    ...changeServerPages(operations),
  ];
}

async function list(visit: Visit, { list: read }: ServerOperations): Promise<void> {
  const asked = visit.asked();
  const found = await visit.perform(read, asked);
  const { cursor, ...filters } = asked;
  const rest = { filters, query: Object.entries(filters), first: cursor === undefined };
  visit.render(listPage, { ...found, ...rest, mayAdd: mayChange(visit) });
}

async function check(visit: Visit, operations: ServerOperations): Promise<void> {
  const outcome = await visit.attempt(operations.beginCheck, { id: idOf(visit) });
  if (!outcome.ok) return showServer(visit, operations, outcome);
  watch(visit, outcome.value.work);
}

async function decide(visit: Visit, operations: ServerOperations, how: 'accept' | 'reject'): Promise<void> {
  const scopes = visit.fieldsOf('scope');
  const input = { id: idOf(visit), ...(scopes.length > 0 ? { scopes } : {}) };
  const outcome = await visit.attempt(operations[how], input);
  if (!outcome.ok) return showServer(visit, operations, outcome);
  visit.done(hrefOf(visit), `servers.${how}ed`, { count: outcome.value.scopes.length });
}

/** A tool and the scope chosen for it stand in the same place of their lists. */
async function placeTools(visit: Visit, operations: ServerOperations): Promise<void> {
  const scopes = visit.fieldsOf('scope');
  const place = visit.fieldsOf('tool').flatMap((tool, index) => {
    const scope = scopes[index] ?? '';
    return scope === '' ? [] : [{ tool, scope }];
  });
  const outcome = await visit.attempt(operations.placeTools, { id: idOf(visit), place, drop: visit.fieldsOf('drop') });
  if (!outcome.ok) return showServer(visit, operations, outcome);
  visit.done(hrefOf(visit, '#proposals'), 'servers.proposed');
}

async function changeOwner(visit: Visit, operations: ServerOperations, how: 'addOwner' | 'removeOwner'): Promise<void> {
  const person = visit.field('person')?.trim() ?? '';
  const outcome = await visit.attempt(operations[how], { id: idOf(visit), person });
  if (!outcome.ok) return showServer(visit, operations, outcome);
  visit.done(hrefOf(visit, '#owners'), how === 'addOwner' ? 'servers.ownerAdded' : 'servers.ownerRemoved');
}
