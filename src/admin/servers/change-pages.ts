/** Below `/admin/servers/:id`: the forms by which an MCP server is changed, each on a page of its own. */
import { TOKEN_CLAIMS } from '../../resources/resource.ts';
import { page } from '../frame/page.ts';
import { type PageRoute, route } from '../frame/pages.ts';
import { outermost } from '../frame/refused.ts';
import type { Refused, Visit } from '../frame/visit.ts';
import { describedBy, fieldOfRows, readRows, removedBy, rowsOf, type ScopeRow } from './form.ts';
import type { ServerOperations } from './operations.ts';
import type { ServerView } from './shapes.ts';
import { hrefOf, idOf, type ServerModel, showServer } from './show-page.ts';

interface EditModel {
  server: ServerView;
  /** As typed. */
  values: {
    name: string;
    consentDays: string;
    tokenSeconds: string;
    stalenessMinutes: string;
    connections: string;
    claims: readonly string[];
  };
  claims: readonly string[];
  refused?: Refused | undefined;
}

interface ScopesModel {
  server: ServerView;
  rows: readonly ScopeRow[];
  accept: boolean;
  refused?: Refused | undefined;
}

type DisableModel = Omit<ServerModel, 'mayChange' | 'entry'> & { consents: number; people: number };

const editPage = page<EditModel>('admin/servers/edit.njk');
const scopesPage = page<ScopesModel>('admin/servers/scopes.njk');
const disablePage = page<DisableModel>('admin/servers/disable.njk');
const rotatePage = page<{ server: ServerView; overlapDays: string; refused?: Refused | undefined }>(
  'admin/servers/rotate.njk',
);
const secretPage = page<{ id: string; name: string; clientId: string; clientSecret: string; isNew: boolean }>(
  'admin/servers/secret.njk',
);

export function changeServerPages(operations: ServerOperations): PageRoute[] {
  return [
    route('GET', '/servers/:id/edit', operations.update, (visit) => edit(visit, operations)),
    route('POST', '/servers/:id/edit', operations.update, (visit) => update(visit, operations)),
    route('POST', '/servers/:id/people', operations.people, (visit) => changePeople(visit, operations)),
    route('GET', '/servers/:id/scopes', operations.describe, (visit) => describe(visit, operations)),
    route('POST', '/servers/:id/scopes', operations.describe, (visit) => changeScopes(visit, operations)),
    route('GET', '/servers/:id/disable', operations.disable, (visit) => askDisable(visit, operations)),
    route('POST', '/servers/:id/disable', operations.disable, (visit) => setDisabled(visit, operations, 'disable')),
    route('POST', '/servers/:id/enable', operations.enable, (visit) => setDisabled(visit, operations, 'enable')),
    route('GET', '/servers/:id/rotate-secret', operations.rotateSecret, async (visit) =>
      visit.render(rotatePage, { server: await read(visit, operations), overlapDays: '7' }),
    ),
    route('POST', '/servers/:id/rotate-secret', operations.rotateSecret, (visit) => rotateSecret(visit, operations)),
  ];
}

function read(visit: Visit, { show }: ServerOperations): Promise<ServerView> {
  return visit.perform(show, { id: idOf(visit) });
}

async function edit(visit: Visit, operations: ServerOperations, refused?: Refused, status?: number): Promise<void> {
  const server = await read(visit, operations);
  const typed = (name: 'name' | 'consentDays' | 'tokenSeconds' | 'stalenessMinutes') =>
    visit.field(name) ?? String(server[name]);
  const connections = visit.field('connections');
  const values = {
    ...{ name: typed('name'), consentDays: typed('consentDays'), tokenSeconds: typed('tokenSeconds') },
    stalenessMinutes: typed('stalenessMinutes'),
    connections: connections ?? server.connectionIds.join(' '),
    // Boxes without a tick are not sent: it was this form where its other fields were.
    claims: connections === undefined ? server.tokenClaims : visit.fieldsOf('claim'),
  };
  visit.render(editPage, { server, values, claims: TOKEN_CLAIMS, refused }, status);
}

async function update(visit: Visit, operations: ServerOperations): Promise<void> {
  const { name, consentDays, tokenSeconds } = visit.fields;
  const outcome = await visit.attempt(operations.update, { id: idOf(visit), name, consentDays, tokenSeconds });
  if (!outcome.ok) return edit(visit, operations, outcome.refused, outcome.status);
  visit.done(hrefOf(visit), outcome.value.changed ? 'servers.saved' : 'servers.same');
}

async function changePeople(visit: Visit, operations: ServerOperations): Promise<void> {
  const asked = {
    id: idOf(visit),
    tokenClaims: visit.fieldsOf('claim'),
    stalenessMinutes: visit.field('stalenessMinutes'),
    connectionIds: (visit.field('connections') ?? '').split(/[\s,]+/).filter(Boolean),
  };
  const outcome = await visit.attempt(operations.people, asked, fieldOfPeople);
  if (!outcome.ok) return edit(visit, operations, outcome.refused, outcome.status);
  visit.done(hrefOf(visit), outcome.value.changed ? 'servers.saved' : 'servers.same');
}

function fieldOfPeople(member: string): string {
  const names: Readonly<Record<string, string>> = { tokenClaims: 'claim', connectionIds: 'connections' };
  return names[outermost(member)] ?? outermost(member);
}

/** What is proposed is what was written last. */
async function describe(visit: Visit, operations: ServerOperations): Promise<void> {
  const server = await read(visit, operations);
  const words = server.scopes.map((scope) => ({ name: scope.name, ...(scope.proposal?.words ?? scope) }));
  visit.render(scopesPage, { server, rows: rowsOf(words, { known: true }), accept: false });
}

async function changeScopes(visit: Visit, operations: ServerOperations): Promise<void> {
  const rows = readRows(visit);
  const accept = visit.field('accept') === 'true';
  const news = { described: describedBy(rows), removed: removedBy(rows), accept };
  const outcome = await visit.attempt(operations.describe, { id: idOf(visit), ...news }, fieldOfRows(rows));
  if (outcome.ok) return visit.done(hrefOf(visit), accept ? 'servers.saved' : 'servers.described');
  const server = await read(visit, operations);
  visit.render(scopesPage, { server, rows, accept, refused: outcome.refused }, outcome.status);
}

async function askDisable(visit: Visit, operations: ServerOperations): Promise<void> {
  const affected = await visit.perform(operations.affected, { id: idOf(visit) });
  visit.render(disablePage, { server: await read(visit, operations), ...affected });
}

async function setDisabled(visit: Visit, operations: ServerOperations, how: 'disable' | 'enable'): Promise<void> {
  const outcome = await visit.attempt(operations[how], { id: idOf(visit) });
  if (!outcome.ok) return showServer(visit, operations, outcome);
  visit.done(hrefOf(visit), `servers.${how}d`);
}

async function rotateSecret(visit: Visit, operations: ServerOperations): Promise<void> {
  const input = { id: idOf(visit), overlapDays: visit.field('overlapDays') };
  const outcome = await visit.attempt(operations.rotateSecret, input);
  const server = await read(visit, operations);
  if (!outcome.ok) {
    const again = { server, overlapDays: input.overlapDays ?? '', refused: outcome.refused };
    return visit.render(rotatePage, again, outcome.status);
  }
  const { id, name } = server;
  visit.render(secretPage, { id, name, ...outcome.value, isNew: false });
}
