/** `/admin/connections/add`: a form for each kind, and afterwards what to enter at the provider. */
import { page } from '../frame/page.ts';
import { type PageRoute, route } from '../frame/pages.ts';
import { type Refused, withFaults } from '../frame/refused.ts';
import type { Visit } from '../frame/visit.ts';
import type { ConnectionOperations } from './operations.ts';

type Kind = 'entra' | 'oidc';

interface AddModel {
  kind: Kind;
  /** As typed, without what is secret. */
  typed: Readonly<Record<string, string>>;
  refused?: Refused | undefined;
}

const choosePage = page<object>('admin/connections/add.njk');
const formPage = page<AddModel>('admin/connections/form.njk');

const SECRET = new Set(['clientSecret', 'pem', 'csrf']);

export function addPages(operations: ConnectionOperations): PageRoute[] {
  const { addEntra, addOidc } = operations;
  return [
    route('GET', '/connections/add', addEntra, async (visit) => visit.render(choosePage, {})),
    route('GET', '/connections/add/entra', addEntra, async (visit) =>
      visit.render(formPage, { kind: 'entra', typed: {} }),
    ),
    route('GET', '/connections/add/oidc', addOidc, async (visit) =>
      visit.render(formPage, { kind: 'oidc', typed: {} }),
    ),
    route('POST', '/connections/add/entra', addEntra, (visit) => add(visit, 'entra', operations)),
    route('POST', '/connections/add/oidc', addOidc, (visit) => add(visit, 'oidc', operations)),
  ];
}

async function add(visit: Visit, kind: Kind, { addEntra, addOidc }: ConnectionOperations): Promise<void> {
  const outcome =
    kind === 'entra'
      ? await visit.attempt(addEntra, entraFields(visit))
      : await visit.attempt(addOidc, oidcFields(visit));
  if (!outcome.ok) {
    const typed = Object.entries(visit.fields).filter(
      ([name, value]) => !SECRET.has(name) && typeof value === 'string',
    );
    const refused = askAgain(visit, outcome.refused);
    const model = { kind, typed: Object.fromEntries(typed) as Record<string, string>, refused };
    return visit.render(formPage, model, outcome.status);
  }
  const { id, away } = outcome.value;
  const told = { name: filled(visit, 'name') ?? '', away: { said: away ?? '' } };
  visit.done(`/admin/connections/${id}`, away === undefined ? 'connections.added' : 'connections.addedAway', told);
}

function sharedFields(visit: Visit) {
  return {
    name: filled(visit, 'name') ?? '',
    clientId: visit.field('clientId') ?? '',
    provisioning: visit.field('provisioning'),
    ...pastedFields(visit),
  };
}

function entraFields(visit: Visit) {
  return {
    ...sharedFields(visit),
    tenants: (visit.field('tenants') ?? '').split(/[\s,]+/).filter(Boolean),
    cloud: visit.field('cloud'),
    guests: visit.field('guests') !== undefined,
    groups: visit.field('groups') !== undefined,
  };
}

function oidcFields(visit: Visit) {
  const shared = sharedFields(visit);
  return {
    ...shared,
    issuer: (visit.field('issuer') ?? '').trim(),
    // A key has no other way to be shown.
    clientAuth: shared.clientSecret === undefined ? undefined : visit.field('clientAuth'),
    offlineAccess: visit.field('offlineAccess') !== undefined,
    rolesClaim: filled(visit, 'rolesClaim'),
    groupsClaim: filled(visit, 'groupsClaim'),
  };
}

/** What is secret is not shown again: who typed it is told that it has to be typed once more. */
export function askAgain(visit: Visit, refused: Refused): Refused {
  const typed = ['clientSecret', 'pem'].filter((field) => filled(visit, field) !== undefined);
  return withFaults(
    refused,
    typed.map((field) => ({
      ...{ code: 'bad_input', message: 'Type it again: it was not kept.', field, label: field },
      broken: { rule: field === 'pem' ? 'paste_again' : 'type_again' },
    })),
  );
}

/** What was left empty was not given. */
export function pastedFields(visit: Visit) {
  return {
    clientSecret: filled(visit, 'clientSecret'),
    secretExpires: filled(visit, 'secretExpires'),
    pem: filled(visit, 'pem'),
  };
}

export function filled(visit: Visit, name: string): string | undefined {
  const value = visit.field(name)?.trim();
  return value === '' ? undefined : value;
}
