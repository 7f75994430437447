/** `/admin/servers/add`: an MCP server by its URL; what it says of itself, then what somebody made of that. */
import { AppError } from '../../errors.ts';
import { allowEntry } from '../../resources/checks/outbound.ts';
import { page } from '../frame/page.ts';
import { type PageRoute, route } from '../frame/pages.ts';
import type { Refused, Visit } from '../frame/visit.ts';
import { watch } from '../frame/work-page.ts';
import { describedBy, fieldOfRows, readRows, rowsOf, type ScopeRow } from './form.ts';
import type { ServerOperations } from './operations.ts';
import type { InspectionView } from './shapes.ts';

interface DescribeModel {
  uri: string;
  name: string;
  consentDays: string;
  tokenSeconds: string;
  rows: readonly ScopeRow[];
  /** The reading of it: what was found stays on the page where the registration is refused. */
  work: string;
  /** Where it was looked at just now. */
  inspection?: InspectionView | undefined;
  /** Of `OUTBOUND_ALLOW`, in case it could not be reached. */
  entry?: string | undefined;
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
    route('GET', '/servers/add', operations.create, async (visit) =>
      visit.render(addPage, { url: visit.query('url') ?? '' }),
    ),
    route('POST', '/servers/add/look', operations.beginInspection, (visit) => look(visit, operations)),
    route('GET', '/servers/add/look/:work', operations.create, (visit) => describe(visit, operations)),
    route('POST', '/servers/add', operations.create, (visit) => create(visit, operations)),
  ];
}

async function look(visit: Visit, operations: ServerOperations): Promise<void> {
  const url = visit.field('url') ?? '';
  const outcome = await visit.attempt(operations.beginInspection, { url });
  if (!outcome.ok) return visit.render(addPage, { url, refused: outcome.refused }, outcome.status);
  watch(visit, outcome.value.work);
}

async function describe(visit: Visit, operations: ServerOperations): Promise<void> {
  const outcome = await visit.attempt(operations.inspection, visit.ctx.params);
  if (!outcome.ok) return visit.render(addPage, { url: '', refused: outcome.refused }, outcome.status);
  const inspection = outcome.value;
  const { uri, name, scopes } = inspection;
  visit.render(describePage, {
    ...{ uri, name, consentDays: '90', tokenSeconds: '600', inspection },
    work: (visit.ctx.params as { work: string }).work,
    entry: allowEntry(uri),
    rows: rowsOf(scopes, { known: false }),
    mayGoOn: mayGoOn(visit, inspection),
  });
}

function mayGoOn({ actor }: Visit, { ours }: InspectionView): boolean {
  return actor.authority.owner || actor.authority.admin || ours;
}

async function create(visit: Visit, operations: ServerOperations): Promise<void> {
  const typed = {
    uri: visit.field('uri') ?? '',
    name: visit.field('name') ?? '',
    consentDays: visit.field('consentDays') ?? '',
    tokenSeconds: visit.field('tokenSeconds') ?? '',
  };
  const rows = readRows(visit);
  const asked = { ...typed, scopes: describedBy(rows) };
  const outcome = await visit.attempt(operations.create, asked, fieldOfRows(rows));
  if (outcome.ok) return visit.render(createdPage, { ...outcome.value, isNew: true });
  const work = visit.field('work') ?? '';
  // It is kept for an hour; whoever takes longer does without.
  const read = await visit.perform(operations.inspection, { work }).catch(gone);
  const inspection = read?.uri === typed.uri ? read : undefined;
  const entry = allowEntry(typed.uri);
  const again = { ...typed, rows, work, inspection, entry, mayGoOn: true, refused: outcome.refused };
  visit.render(describePage, again, outcome.status);
}

function gone(error: unknown): undefined {
  if (!(error instanceof AppError) || error.status >= 500) throw error;
  return undefined;
}
