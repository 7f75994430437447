/** Below `/admin/connections/:id`: what an owner changes of a connection, each on a form of its own. */
import { page } from '../frame/page.ts';
import { type PageRoute, route } from '../frame/pages.ts';
import type { Refused, Visit } from '../frame/visit.ts';
import { askAgain, filled, pastedFields } from './add-pages.ts';
import type { ConnectionOperations } from './operations.ts';
import type { ConnectionView } from './shapes.ts';

interface ChangeModel {
  connection: ConnectionView;
  refused?: Refused | undefined;
}

/** As it is, or as it was typed where that was refused; nothing of it is secret. */
interface FormModel extends ChangeModel {
  typed: { name: string; provisioning: string; exclusive: boolean; offlineAccess: boolean; secretExpires: string };
}

const changePage = page<FormModel>('admin/connections/change.njk');
const removePage = page<ChangeModel>('admin/connections/remove.njk');
const tokenPage = page<ChangeModel & { token: string | undefined; days: string }>('admin/connections/token.njk');
const endTokenPage = page<ChangeModel & { tokenId: string }>('admin/connections/end-token.njk');

type Shown = (visit: Visit, operations: ConnectionOperations, refused?: Refused, status?: number) => Promise<void>;

export function changePages(operations: ConnectionOperations): PageRoute[] {
  const { change, remove, confirm, createToken, revokeToken } = operations;
  return [
    route('GET', '/connections/:id/change', change, (visit) => showChange(visit, operations)),
    route('POST', '/connections/:id/change', change, (visit) => submitChange(visit, operations)),
    route('GET', '/connections/:id/remove', remove, (visit) => showRemoval(visit, operations)),
    route('POST', '/connections/:id/remove', remove, (visit) => submitRemoval(visit, operations)),
    route('POST', '/connections/:id/confirm', confirm, (visit) => submitConfirmation(visit, operations)),
    route('GET', '/connections/:id/tokens', createToken, (visit) => showToken(visit, operations)),
    route('POST', '/connections/:id/tokens', createToken, (visit) => submitToken(visit, operations)),
    route('GET', '/connections/:id/tokens/:token', revokeToken, (visit) => showTokenEnd(visit, operations)),
    route('POST', '/connections/:id/tokens/:token', revokeToken, (visit) => submitTokenEnd(visit, operations)),
  ];
}

const idOf = (visit: Visit) => (visit.ctx.params as { id: string }).id;
const homeOf = (visit: Visit) => `/admin/connections/${idOf(visit)}`;
const read = (visit: Visit, operations: ConnectionOperations) => visit.perform(operations.read, { id: idOf(visit) });

const showChange: Shown = async (visit, operations, refused, status = 200) => {
  const connection = await read(visit, operations);
  const { name, exclusive, settings } = connection;
  const provisioning = settings?.provisioning ?? 'first_sign_in';
  const secretExpires = visit.field('secretExpires') ?? '';
  const own = refused && visit.field('what') === undefined ? ownFields(visit) : {};
  const offlineAccess = settings?.offlineAccess ?? false;
  const typed = { name, exclusive, offlineAccess, provisioning, secretExpires, ...own };
  visit.render(changePage, { connection, typed, refused: refused && askAgain(visit, refused) }, status);
};

function ownFields(visit: Visit) {
  const { name = '', provisioning } = { name: filled(visit, 'name'), provisioning: visit.field('provisioning') };
  const ticked = (field: string) => visit.field(field) !== undefined;
  const ticks = { exclusive: ticked('exclusive'), offlineAccess: ticked('offlineAccess') };
  return { name, ...ticks, ...(provisioning ? { provisioning } : {}) };
}

async function submitChange(visit: Visit, operations: ConnectionOperations): Promise<void> {
  const despiteRisks = visit.field('despiteRisks') !== undefined;
  const wanted =
    visit.field('what') === 'retire'
      ? { retireCertificate: true }
      : { ...ownFields(visit), ...pastedFields(visit), despiteRisks };
  const outcome = await visit.attempt(operations.change, { id: idOf(visit), ...wanted });
  if (!outcome.ok) return showChange(visit, operations, outcome.refused, outcome.status);
  visit.done(homeOf(visit), 'connections.changed');
}

const showRemoval: Shown = async (visit, operations, refused, status = 200) =>
  visit.render(removePage, { connection: await read(visit, operations), refused }, status);

async function submitRemoval(visit: Visit, operations: ConnectionOperations): Promise<void> {
  const outcome = await visit.attempt(operations.remove, { id: idOf(visit), expected: visit.field('expected') });
  if (!outcome.ok) return showRemoval(visit, operations, outcome.refused, outcome.status);
  const { ended, work } = outcome.value;
  if (work) return visit.done(`/admin/work/${work}`, 'connections.removing');
  visit.done('/admin/connections', 'connections.removed', { count: ended });
}

async function submitConfirmation(visit: Visit, operations: ConnectionOperations): Promise<void> {
  const { confirmed } = await visit.perform(operations.confirm, { id: idOf(visit) });
  visit.done(homeOf(visit), 'connections.confirmed', { count: confirmed });
}

const showToken: Shown = async (visit, operations, refused, status = 200) =>
  visit.render(
    tokenPage,
    { connection: await read(visit, operations), token: undefined, days: visit.field('days') ?? '365', refused },
    status,
  );

/** Shown in the answer itself: no address leads to it again. */
async function submitToken(visit: Visit, operations: ConnectionOperations): Promise<void> {
  const outcome = await visit.attempt(operations.createToken, { id: idOf(visit), days: filled(visit, 'days') });
  if (!outcome.ok) return showToken(visit, operations, outcome.refused, outcome.status);
  visit.render(tokenPage, { connection: await read(visit, operations), token: outcome.value.token, days: '' });
}

async function showTokenEnd(visit: Visit, operations: ConnectionOperations): Promise<void> {
  const { token } = visit.ctx.params as { token: string };
  visit.render(endTokenPage, { connection: await read(visit, operations), tokenId: token });
}

async function submitTokenEnd(visit: Visit, operations: ConnectionOperations): Promise<void> {
  await visit.perform(operations.revokeToken, visit.ctx.params);
  visit.done(homeOf(visit), 'connections.tokenRevoked');
}
