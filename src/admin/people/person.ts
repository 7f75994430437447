/** Everything about one person that an administrator sees on one page. */
import { z } from 'zod';
import type { Account } from '../../accounts/store.ts';
import type { ConsentListing, ConsentState } from '../../consents/listing-store.ts';
import { ADMINISTRATOR, OWNER } from '../../roles/role.ts';
import type { Rooms } from '../../rooms.ts';
import { when } from '../frame/shapes.ts';

export type PersonDeps = Pick<
  Rooms,
  'authority' | 'connectionStore' | 'devices' | 'passkeys' | 'resources' | 'roleStore' | 'secondFactor' | 'ways'
> & { consentListing: ConsentListing };

export const connectionNames = z.record(z.string(), z.string()).describe('Of the connections that are named here.');

export const person = z.object({
  id: z.string(),
  email: z.string(),
  name: z.string().nullable(),
  createdAt: when,
  disabledAt: when.nullable(),
  disabledBy: z.array(z.string()).readonly(),
  breakGlass: z.boolean(),
  password: z.boolean(),
  passkeys: z.number().int(),
  codes: z.boolean().describe('Asked for a code after the password.'),
  roles: z.array(z.object({ role: z.string(), by: z.string().describe('`administrator`, or a connection.') })),
  servers: z.array(z.object({ id: z.string(), uri: z.string(), name: z.string() })).describe('MCP servers of theirs.'),
  identities: z.array(
    z.object({
      connectionId: z.string(),
      connectionName: z.string(),
      issuer: z.string(),
      subject: z.string(),
      email: z.string().optional(),
      name: z.string().optional(),
      tenantId: z.string().optional(),
      objectId: z.string().optional(),
      guest: z.boolean().optional(),
      appRoles: z.array(z.string()).readonly(),
      groups: z.array(z.string()).readonly(),
      since: when,
      lastSignInAt: when.optional(),
      vouchedAt: when.optional(),
      orphaned: z.boolean(),
    }),
  ),
  sessions: z.array(
    z.object({ label: z.string(), amr: z.array(z.string()).readonly(), since: when, lastSeenAt: when }),
  ),
  apps: z.number().int().describe('Living consents.'),
  consents: z.number().int().describe('Not revoked: those that ended by themselves among them.'),
  connectionNames,
});
export type PersonView = z.infer<typeof person>;

export async function viewPerson(account: Account, deps: PersonDeps): Promise<PersonView> {
  const { id: accountId, email, name, createdAt, disabledAt, disabledBy, breakGlass, role } = account;
  const ways = (await deps.ways.survey(accountId)).get(accountId);
  const written = await deps.roleStore.listOf(accountId);
  const own = role === OWNER && !written.some((one) => one.role === OWNER);
  const { resourceIds } = await deps.authority.of(accountId);
  const servers: PersonView['servers'] = [];
  for (const resourceId of resourceIds) {
    const found = await deps.resources.findById(resourceId);
    if (found) servers.push({ id: found.id, uri: found.uri, name: found.name });
  }
  const found = ways?.identities ?? [];
  const sources = [...found.map(({ connectionId }) => connectionId), ...written.map(({ by }) => by), ...disabledBy];
  const names = await nameConnections(deps, sources);
  const identities = found.map((one) => ({ ...one, connectionName: names[one.connectionId] ?? one.connectionId }));
  const count = async (state?: ConsentState) => (await deps.consentListing.affected({ accountId, state })).consents;
  const consents = await count();
  const apps = (await count('living')) + (await count('suspended'));
  return {
    ...{ id: accountId, email, name, createdAt, disabledAt, disabledBy, breakGlass, servers, identities },
    password: ways?.password ?? false,
    passkeys: (await deps.passkeys.list(accountId)).length,
    codes: await deps.secondFactor.isOn(accountId),
    roles: [...(own ? [{ role: OWNER, by: ADMINISTRATOR }] : []), ...written],
    sessions: [...(await deps.devices.list(accountId))],
    ...{ apps, consents },
    connectionNames: names,
  };
}

/** @param sources ids, or with a word and a colon before them: `upstream:contoso` */
export async function nameConnections(
  { connectionStore }: Pick<PersonDeps, 'connectionStore'>,
  sources: readonly string[],
): Promise<Record<string, string>> {
  const names: Record<string, string> = {};
  for (const id of new Set(sources.map((source) => source.slice(source.indexOf(':') + 1)))) {
    const found = await connectionStore.look(id);
    if (found) names[id] = found.name;
  }
  return names;
}
