/** `/admin/people`: who there is, and everything about one person on one page. */
import type { PersonLine } from '../../accounts/people-listing-store.ts';
import { BUILT_IN } from '../../roles/changes.ts';
import type { Listed } from '../../web/cursor.ts';
import type { Phrase } from '../../web/messages.ts';
import { page } from '../frame/page.ts';
import { type PageRoute, route } from '../frame/pages.ts';
import type { Refused, Visit } from '../frame/visit.ts';
import { mayGive, type PeopleOperations } from './operations.ts';
import type { PersonView } from './person.ts';

interface ListModel extends Listed<PersonLine> {
  connectionNames: Readonly<Record<string, string>>;
  filters: Record<string, string>;
  query: readonly (readonly [string, string])[];
  first: boolean;
  roles: readonly string[];
}

interface ShowModel {
  person: PersonView;
  /** That whoever looks may give and take back. */
  roles: readonly string[];
  /** That was chosen. */
  role?: string | undefined;
  refused?: Refused | undefined;
}

interface AddModel {
  values: { email: string; name: string };
  refused?: Refused | undefined;
}

interface ConfirmModel {
  person: PersonView;
  act: ConfirmedAct;
  refused?: Refused | undefined;
}

const listPage = page<ListModel>('admin/people/list.njk');
const showPage = page<ShowModel>('admin/people/show.njk');
const addPage = page<AddModel>('admin/people/add.njk');
const confirmPage = page<ConfirmModel>('admin/people/confirm.njk');
const secretPage = page<{ email: string; password: string; isNew: boolean }>('admin/people/password.njk');

const HOME = '/admin/people';
/** Path of the act → operation, for acts that a page of their own asks about first. */
const confirmed = {
  disable: 'disable',
  'revoke-all': 'revokeAll',
  'reset-password': 'resetPassword',
  'reset-factors': 'resetFactors',
} as const;
type ConfirmedAct = keyof typeof confirmed;

export function peoplePages(operations: PeopleOperations): PageRoute[] {
  const acts = Object.keys(confirmed) as ConfirmedAct[];
  return [
    route('GET', '/people', operations.list, (visit) => list(visit, operations)),
    route('GET', '/people/add', operations.add, async (visit) =>
      visit.render(addPage, { values: { email: '', name: '' } }),
    ),
    route('POST', '/people/add', operations.add, (visit) => add(visit, operations)),
    route('GET', '/people/:id', operations.show, (visit) => show(visit, operations)),
    ...acts.flatMap((act) => [
      route('GET', `/people/:id/${act}`, operations[confirmed[act]] as PeopleOperations['disable'], (visit) =>
        confirm(visit, act, operations),
      ),
      route('POST', `/people/:id/${act}`, operations[confirmed[act]] as PeopleOperations['disable'], (visit) =>
        perform(visit, act, operations),
      ),
    ]),
    route('POST', '/people/:id/enable', operations.enable, (visit) => enable(visit, operations)),
    route('POST', '/people/:id/end-sessions', operations.endSessions, (visit) => endSessions(visit, operations)),
    route('POST', '/people/:id/break-glass', operations.breakGlass, (visit) => breakGlass(visit, operations)),
    route('POST', '/people/:id/roles/give', operations.giveRole, (visit) => giveRole(visit, operations)),
    route('POST', '/people/:id/roles/take', operations.takeRole, (visit) => takeRole(visit, operations)),
  ];
}

async function list(visit: Visit, operations: PeopleOperations): Promise<void> {
  const asked = visit.asked();
  const found = await visit.perform(operations.list, asked);
  const { cursor, ...filters } = asked;
  const roles = await roleNames(visit, operations);
  visit.render(listPage, { ...found, filters, query: Object.entries(filters), first: cursor === undefined, roles });
}

async function show(visit: Visit, operations: PeopleOperations): Promise<void> {
  const person = await visit.perform(operations.show, visit.asked());
  visit.render(showPage, { person, roles: await givenRoles(visit, operations) });
}

/** The dashboard has a word for each that it knows. */
function roleWords(role: string): string | Phrase {
  return BUILT_IN.includes(role) ? { key: `admin.role.${role}`, params: {} } : role;
}

async function roleNames(visit: Visit, { roles }: PeopleOperations): Promise<string[]> {
  return (await visit.perform(roles, {})).items.map(({ id }) => id);
}

async function givenRoles(visit: Visit, operations: PeopleOperations): Promise<string[]> {
  return (await roleNames(visit, operations)).filter((role) => mayGive(role, visit.actor.authority));
}

async function add(visit: Visit, operations: PeopleOperations): Promise<void> {
  const values = { email: visit.field('email') ?? '', name: visit.field('name') ?? '' };
  const outcome = await visit.attempt(operations.add, values);
  if (!outcome.ok) return visit.render(addPage, { values, refused: outcome.refused }, outcome.status);
  visit.render(secretPage, { ...outcome.value, isNew: true });
}

async function confirm(visit: Visit, act: ConfirmedAct, operations: PeopleOperations): Promise<void> {
  visit.render(confirmPage, { act, person: await visit.perform(operations.show, visit.asked()) });
}

async function perform(visit: Visit, act: ConfirmedAct, operations: PeopleOperations): Promise<void> {
  const asked = { id: idOf(visit) };
  if (act === 'reset-password') {
    const outcome = await visit.attempt(operations.resetPassword, asked);
    if (outcome.ok) return visit.render(secretPage, { ...outcome.value, isNew: false });
    return refuse(visit, act, operations, outcome);
  }
  if (act === 'reset-factors') {
    const outcome = await visit.attempt(operations.resetFactors, asked);
    if (!outcome.ok) return refuse(visit, act, operations, outcome);
    const { passkeys, sessions } = outcome.value;
    return visit.done(personHref(visit), 'people.done.reset-factors', { count: passkeys, sessions });
  }
  const outcome = await (act === 'disable'
    ? visit.attempt(operations.disable, asked)
    : visit.attempt(operations.revokeAll, asked));
  if (!outcome.ok) return refuse(visit, act, operations, outcome);
  const ended = 'revoked' in outcome.value ? outcome.value.revoked : outcome.value.signIns;
  visit.done(personHref(visit), `people.done.${act}`, { count: ended, sessions: outcome.value.sessions });
}

async function refuse(
  visit: Visit,
  act: ConfirmedAct,
  operations: PeopleOperations,
  { refused, status }: { refused: Refused; status: number },
): Promise<void> {
  const person = await visit.perform(operations.show, { id: idOf(visit) });
  visit.render(confirmPage, { act, person, refused }, status);
}

async function enable(visit: Visit, { enable: operation }: PeopleOperations): Promise<void> {
  await visit.perform(operation, { id: idOf(visit) });
  visit.done(personHref(visit), 'people.done.enable');
}

async function endSessions(visit: Visit, { endSessions: operation }: PeopleOperations): Promise<void> {
  const { sessions } = await visit.perform(operation, { id: idOf(visit) });
  visit.done(personHref(visit), 'people.done.end-sessions', { count: sessions });
}

async function breakGlass(visit: Visit, operations: PeopleOperations): Promise<void> {
  const on = visit.field('on') === 'true';
  const outcome = await visit.attempt(operations.breakGlass, { id: idOf(visit), on });
  if (!outcome.ok) return showRefused(visit, operations, outcome);
  visit.done(personHref(visit), on ? 'people.done.break-glass-on' : 'people.done.break-glass-off');
}

async function giveRole(visit: Visit, operations: PeopleOperations): Promise<void> {
  const role = visit.field('role') ?? '';
  const outcome = await visit.attempt(operations.giveRole, { id: idOf(visit), role });
  if (!outcome.ok) return showRefused(visit, operations, outcome);
  visit.done(personHref(visit), 'people.done.give', { role: roleWords(role) });
}

async function takeRole(visit: Visit, operations: PeopleOperations): Promise<void> {
  const role = visit.field('role') ?? '';
  const outcome = await visit.attempt(operations.takeRole, { id: idOf(visit), role });
  if (!outcome.ok) return showRefused(visit, operations, outcome);
  visit.done(personHref(visit), 'people.done.take', { role: roleWords(role) });
}

async function showRefused(
  visit: Visit,
  operations: PeopleOperations,
  { refused, status }: { refused: Refused; status: number },
): Promise<void> {
  const person = await visit.perform(operations.show, { id: idOf(visit) });
  const [roles, role] = [await givenRoles(visit, operations), visit.field('role')];
  visit.render(showPage, { person, roles, role, refused }, status);
}

function idOf(visit: Visit): string {
  return visit.asked().id ?? '';
}

function personHref(visit: Visit): string {
  return `${HOME}/${encodeURIComponent(idOf(visit))}`;
}
