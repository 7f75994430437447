/** `/admin/servers/add`: an MCP server by its URL; what it says of itself, then what somebody made of that. */
import { page } from '../frame/page.ts';
import { type PageRoute, route } from '../frame/pages.ts';
import type { Refused, Visit } from '../frame/visit.ts';
import { describedBy, readRows, rowsOf, type ScopeRow } from './form.ts';
import type { ServerOperations } from './operations.ts';
import type { InspectionView } from './shapes.ts';

interface DescribeModel {
  uri: string;
  name: string;
  consentDays: string;
  tokenSeconds: string;
  rows: readonly ScopeRow[];
  /** Where it was looked at just now. */
  inspection?: InspectionView | undefined;
  /** It may be registered as things stand. */
  mayGoOn: boolean;
  refused?: Refused | undefined;
}

const addPage = page<{ url: string; refused?: Refused | undefined }>('admin/servers/add.njk');
const describePage = page<DescribeModel>('admin/servers/describe.njk');
const createdPage = page<{ id: string; name: string; clientId: string; clientSecret: string; isNew: boolean }>(
  'admin/servers/secret.njk',
);

export function addServerPages(operations: ServerOperations): PageRoute[] {
  return [
    // Fresh proof comes first: what is typed afterwards would be lost over it.
    route('GET', '/servers/add', operations.create, async (visit) => visit.render(addPage, { url: '' })),
    route('POST', '/servers/add/look', operations.inspect, (visit) => look(visit, operations)),
    route('POST', '/servers/add', operations.create, (visit) => create(visit, operations)),
  ];
}

async function look(visit: Visit, operations: ServerOperations): Promise<void> {
  const url = visit.field('url') ?? '';
  const outcome = await visit.attempt(operations.inspect, { url });
  if (!outcome.ok) return visit.render(addPage, { url, refused: outcome.refused }, outcome.status);
  const inspection = outcome.value;
  const { uri, name, scopes } = inspection;
  const { owner, admin } = visit.actor.authority;
  visit.render(describePage, {
    ...{ uri, name, consentDays: '90', tokenSeconds: '600', inspection },
    rows: rowsOf(scopes, { known: false }),
    mayGoOn: owner || admin || inspection.ours,
  });
}

async function create(visit: Visit, operations: ServerOperations): Promise<void> {
  const typed = {
    uri: visit.field('uri') ?? '',
    name: visit.field('name') ?? '',
    consentDays: visit.field('consentDays') ?? '',
    tokenSeconds: visit.field('tokenSeconds') ?? '',
  };
  const rows = readRows(visit);
  const outcome = await visit.attempt(operations.create, { ...typed, scopes: describedBy(rows) });
  if (outcome.ok) return visit.render(createdPage, { ...outcome.value, isNew: true });
  const again = { ...typed, rows, mayGoOn: true, refused: outcome.refused };
  visit.render(describePage, again, outcome.status);
}
