/** `/admin/clients`: which programs there are, one of them on one page, and what an administrator does about it. */
import type { ClientLine, FamilyLine } from '../../clients/listing-store.ts';
import type { Listed } from '../../web/cursor.ts';
import { page } from '../frame/page.ts';
import { type PageRoute, route } from '../frame/pages.ts';
import type { Refused, Visit } from '../frame/visit.ts';
import { addPages } from './add-pages.ts';
import type { ClientOperations } from './operations.ts';
import type { ClientView } from './shapes.ts';

interface ListModel extends Listed<FamilyLine> {
  filters: Record<string, string>;
  /** The same, for addresses. */
  query: readonly (readonly [string, string])[];
  first: boolean;
}

interface FamilyModel extends Listed<ClientLine> {
  key: string;
  filters: Record<string, string>;
  query: readonly (readonly [string, string])[];
  first: boolean;
}

interface ConfirmModel {
  client: ClientView;
  act: Act;
  /** What the form sends along. */
  values: Record<string, string>;
  /** For how many days the old secret was to stay good. */
  overlap?: number | undefined;
  refused?: Refused | undefined;
}

const listPage = page<ListModel>('admin/clients/list.njk');
const familyPage = page<FamilyModel>('admin/clients/family.njk');
const showPage = page<{ client: ClientView }>('admin/clients/show.njk');
const confirmPage = page<ConfirmModel>('admin/clients/confirm.njk');
interface ConfirmFamilyModel {
  key: string;
  name: string;
  registrations: number;
  consents: number;
  people: number;
}
const confirmFamilyPage = page<ConfirmFamilyModel>('admin/clients/confirm-family.njk');
const secretPage = page<{ client: ClientView; secret: string; previousUntil: Date | null }>('admin/clients/secret.njk');

const HOME = '/admin/clients';
const hrefOf = (id: string) => `${HOME}/show?id=${encodeURIComponent(id)}`;

/** Path of the act → operation; each is asked about first on a page that says what it comes to. */
const acts = {
  block: 'block',
  unblock: 'unblock',
  'rotate-secret': 'rotateSecret',
  'end-previous-secret': 'endPreviousSecret',
  kind: 'setKind',
  'admin-api': 'markAdminApi',
  'drop-document': 'dropDocument',
} as const;
type Act = keyof typeof acts;
/** Of the address, to the form: never a secret. */
const CARRIED = ['kind', 'on'];

export function clientPages(operations: ClientOperations): PageRoute[] {
  return [
    route('GET', '/clients', operations.list, (visit) => list(visit, operations)),
    route('GET', '/clients/family', operations.family, (visit) => family(visit, operations)),
    route('GET', '/clients/show', operations.show, (visit) => show(visit, operations)),
    route('GET', '/clients/family/block', operations.blockFamily, (visit) => confirmFamily(visit, operations)),
    route('POST', '/clients/family/block', operations.blockFamily, (visit) => blockFamily(visit, operations)),
    ...(Object.keys(acts) as Act[]).flatMap((act) => [
      route('GET', `/clients/${act}`, operationOf(act, operations), (visit) => confirm(visit, act, operations)),
      route('POST', `/clients/${act}`, operationOf(act, operations), (visit) =>
        act === 'rotate-secret' ? rotate(visit, operations) : perform(visit, act, operations),
      ),
    ]),
    ...addPages(operations),
  ];
}

/** All of them take the client's `id`, and what the form carries beside it. */
function operationOf(act: Act, operations: ClientOperations): ClientOperations['unblock'] {
  return operations[acts[act]] as unknown as ClientOperations['unblock'];
}

async function list(visit: Visit, operations: ClientOperations): Promise<void> {
  const asked = visit.asked();
  const found = await visit.perform(operations.list, asked);
  const { cursor, ...filters } = asked;
  visit.render(listPage, { ...found, filters, query: Object.entries(filters), first: cursor === undefined });
}

async function family(visit: Visit, operations: ClientOperations): Promise<void> {
  const asked = visit.asked();
  const found = await visit.perform(operations.family, asked);
  const { cursor, key = '', ...filters } = asked;
  const query = [['key', key] as const, ...Object.entries(filters)];
  visit.render(familyPage, { ...found, key, filters, query, first: cursor === undefined });
}

async function show(visit: Visit, operations: ClientOperations): Promise<void> {
  visit.render(showPage, { client: await visit.perform(operations.show, visit.asked()) });
}

async function confirm(visit: Visit, act: Act, operations: ClientOperations): Promise<void> {
  const { id, ...asked } = visit.asked();
  const client = await visit.perform(operations.show, { id });
  visit.render(confirmPage, { client, act, values: carried(asked) });
}

async function perform(visit: Visit, act: Act, operations: ClientOperations): Promise<void> {
  const { csrf: _, ...fields } = visit.fields as Record<string, string>;
  const id = fields.id ?? '';
  const outcome = await visit.attempt(operationOf(act, operations), fields);
  if (outcome.ok) return visit.done(hrefOf(id), `clients.done.${act}`);
  const client = await visit.perform(operations.show, { id });
  visit.render(confirmPage, { client, act, values: carried(fields), refused: outcome.refused }, outcome.status);
}

/** The secret is on the answer itself: it is told this once, and stands in no address and no cookie. */
async function rotate(visit: Visit, operations: ClientOperations): Promise<void> {
  const { csrf: _, ...fields } = visit.fields as Record<string, string>;
  const outcome = await visit.attempt(operations.rotateSecret, fields);
  const client = await visit.perform(operations.show, { id: fields.id });
  if (outcome.ok) return visit.render(secretPage, { client, ...outcome.value });
  const again = { client, act: 'rotate-secret' as const, values: {}, overlap: Number(fields.overlapDays) };
  visit.render(confirmPage, { ...again, refused: outcome.refused }, outcome.status);
}

async function confirmFamily(visit: Visit, operations: ClientOperations): Promise<void> {
  const { key = '' } = visit.asked();
  const { items } = await visit.perform(operations.family, { key });
  const reach = await visit.perform(operations.familyReach, { key });
  visit.render(confirmFamilyPage, { key, name: items[0]?.name ?? '', ...reach });
}

async function blockFamily(visit: Visit, operations: ClientOperations): Promise<void> {
  const { work } = await visit.perform(operations.blockFamily, { key: visit.field('key') });
  visit.done(work ? `/admin/work/${work}` : HOME, 'clients.blocking');
}

function carried(from: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(from).filter(([name]) => CARRIED.includes(name)));
}
