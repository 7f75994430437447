/** Registers an MCP server by its URL: what it says of itself first, then what whoever registers it made of that (threat 106). */
import { events } from './audit/events.ts';
import { AppError } from './errors.ts';
import { addResource, type NewResource } from './registrations.ts';
import { assertFreeFor, neighboursOf } from './resources/addresses.ts';
import type { Checks } from './resources/checks/checks.ts';
import type { Inspection } from './resources/checks/inspection.ts';
import type { Told } from './resources/checks/look.ts';
import { parseDescription, parseUri } from './resources/description.ts';
import type { Rooms } from './rooms.ts';

export interface Registrant {
  accountId: string;
  /** Otherwise a resource owner, who registers only what is theirs by its own word, and looks after it. */
  administrator: boolean;
}

export interface RegistrationDeps
  extends Pick<Rooms, 'clients' | 'resources' | 'ownerStore' | 'audit' | 'database' | 'issuer' | 'now'> {
  checks: Pick<Checks, 'inspect' | 'isOurs'>;
}

/** `not_ours`: its documents do not name us for it. `around`: others are above or below it, which an administrator may know. */
export type RegistrationWarning = 'not_ours' | 'around';

/**
 * Whether they may look at it as something to register.
 *
 * @param url as somebody typed it
 * @returns the canonical URI, and what an administrator should know of it
 * @throws AppError 400 `invalid_resource`, 403 `address_taken`, 409 `resource_exists`
 */
export async function assertLookable(
  deps: RegistrationDeps,
  url: string,
  registrant: Registrant,
): Promise<{ uri: string; around: 'around'[] }> {
  const uri = parseForeignUri(deps, url);
  return { uri, around: await assertRegistrable(deps, uri, registrant) };
}

/**
 * @param url as somebody typed it
 * @throws AppError as `assertLookable`; 409 `check_running`, 429 `busy`, `busy_yourself`; and what `told` throws
 */
export async function inspectForRegistration(
  deps: RegistrationDeps,
  url: string,
  registrant: Registrant,
  told?: Told,
): Promise<{ inspection: Inspection; warnings: RegistrationWarning[] }> {
  const { uri, around } = await assertLookable(deps, url, registrant);
  const inspection = await deps.checks.inspect(uri, told);
  const findings = inspection.steps.flatMap((step) => step.findings.map(({ code }) => code));
  await deps.audit.record(events.resourceInspected({ resource: uri }, { ours: inspection.ours, findings }));
  return { inspection, warnings: warningsOf(inspection, around) };
}

export function warningsOf({ ours }: Pick<Inspection, 'ours'>, around: 'around'[]): RegistrationWarning[] {
  return [...(ours ? [] : (['not_ours'] as const)), ...around];
}

/**
 * Registers it. Of a resource owner the server's own word is asked for once more: nobody has to have looked before.
 *
 * @returns the credential, told this once
 * @throws AppError as `inspectForRegistration` and `addResource`; 403 `not_ours`
 */
export async function registerInspected(deps: RegistrationDeps, described: NewResource, registrant: Registrant) {
  const { uri } = parseDescription(described);
  parseForeignUri(deps, uri);
  await assertRegistrable(deps, uri, registrant);
  if (!registrant.administrator && !(await deps.checks.isOurs(uri))) throw notOurs(deps);
  const { ownerStore, audit, database, now } = deps;
  return database.unit(async () => {
    await ownerStore.holdAddresses();
    await assertRegistrable(deps, uri, registrant);
    const added = await addResource(deps, { ...described, uri });
    const { resource, clientId } = added;
    if (!registrant.administrator) await ownerStore.add(resource.id, registrant.accountId, now());
    const subject = { resource: uri, clientId, scopes: resource.scopes.map(({ name }) => name) };
    await audit.record(events.resourceCreated(subject, { name: resource.name, byUrl: true }));
    return added;
  });
}

async function assertRegistrable(
  { ownerStore }: RegistrationDeps,
  uri: string,
  { accountId, administrator }: Registrant,
): Promise<'around'[]> {
  const taken = await ownerStore.addressesAt(new URL(uri).host);
  if (!administrator) assertFreeFor(accountId, uri, taken);
  const { same, around } = neighboursOf(uri, taken);
  if (same) throw new AppError('resource_exists', 409, `${uri} is registered already.`);
  return around.length > 0 ? ['around'] : [];
}

/** Our own pages are no MCP server: a look at them would send them tokens of theirs. */
function parseForeignUri({ issuer }: RegistrationDeps, url: string): string {
  const uri = parseUri(url.trim());
  if (new URL(uri).host !== new URL(issuer).host) return uri;
  throw new AppError(
    'invalid_resource',
    400,
    `${uri} is this authorization server: an MCP server has another address.`,
    { broken: { rule: 'ourselves', member: 'url' } },
  );
}

function notOurs({ issuer }: RegistrationDeps): AppError {
  const message = `The server does not say that its tokens come from here. Its protected resource metadata has to name ${issuer} among authorization_servers, and this very URL as resource.`;
  return new AppError('not_ours', 403, message);
}
