/** Forms by which a client comes here that did not come by itself: made by hand, or its document brought from a file. */
import { page } from '../frame/page.ts';
import { type PageRoute, route } from '../frame/pages.ts';
import type { Refused, Visit } from '../frame/visit.ts';
import type { ClientOperations } from './operations.ts';

interface AddModel {
  /** As they were typed. */
  values: Record<string, string>;
  refused?: Refused | undefined;
}

const addPage = page<AddModel>('admin/clients/add.njk');
const addedPage = page<{ id: string; name: string; secret: string }>('admin/clients/added.njk');
const importPage = page<AddModel>('admin/clients/import.njk');

const HOME = '/admin/clients';

export function addPages(operations: ClientOperations): PageRoute[] {
  return [
    route('GET', '/clients/add', operations.add, async (visit) => visit.render(addPage, { values: {} })),
    route('POST', '/clients/add', operations.add, (visit) => add(visit, operations)),
    route('GET', '/clients/import', operations.importDocument, async (visit) => {
      const { id = '' } = visit.asked();
      visit.render(importPage, { values: { url: id } });
    }),
    route('POST', '/clients/import', operations.importDocument, (visit) => importDocument(visit, operations)),
  ];
}

async function add(visit: Visit, operations: ClientOperations): Promise<void> {
  const values = valuesOf(visit);
  const outcome = await visit.attempt(operations.add, typed(values));
  if (!outcome.ok) return visit.render(addPage, { values, refused: outcome.refused }, outcome.status);
  const { id, secret } = outcome.value;
  const name = values.name ?? '';
  if (secret === undefined) return visit.done(`${HOME}/show?id=${encodeURIComponent(id)}`, 'clients.added', { name });
  visit.render(addedPage, { id, name, secret });
}

async function importDocument(visit: Visit, operations: ClientOperations): Promise<void> {
  const values = valuesOf(visit);
  const outcome = await visit.attempt(operations.importDocument, values);
  if (!outcome.ok) return visit.render(importPage, { values, refused: outcome.refused }, outcome.status);
  visit.done(`${HOME}/show?id=${encodeURIComponent(values.url ?? '')}`, 'clients.importDone');
}

/** What was typed; a field that came twice was not typed here. */
function valuesOf({ fields: { csrf: _, ...rest } }: Visit): Record<string, string> {
  return Object.fromEntries(Object.entries(rest).filter((one): one is [string, string] => typeof one[1] === 'string'));
}

/** The form has one address a line, and of a service's access `<MCP server> <scope> <scope>`. */
function typed(values: Record<string, string>): Record<string, unknown> {
  const { redirectUris, postLogoutRedirectUris, access, deviceFlow, unnamedRefresh, ...rest } = values;
  const filled = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== ''));
  return {
    ...filled,
    redirectUris: lines(redirectUris),
    postLogoutRedirectUris: lines(postLogoutRedirectUris),
    deviceFlow: deviceFlow === 'on',
    unnamedRefresh: unnamedRefresh === 'on',
    access: Object.fromEntries(lines(access).map(toAccess)),
  };
}

function toAccess(line: string): [string, string[]] {
  const [uri = '', ...scopes] = line.split(/\s+/);
  return [uri, scopes];
}

function lines(text: string | undefined): string[] {
  return (text ?? '')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter(Boolean);
}
