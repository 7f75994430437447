/** Everything about one person that an administrator sees on one page. */
import { z } from 'zod';
import type { Account } from '../../accounts/store.ts';
import type { ConsentListing } from '../../consents/listing-store.ts';
import { ADMINISTRATOR, OWNER } from '../../roles/role.ts';
import type { Rooms } from '../../rooms.ts';
import { when } from '../frame/shapes.ts';

export type PersonDeps = Pick<
  Rooms,
  'authority' | 'connectionStore' | 'devices' | 'passkeys' | 'resources' | 'roleStore' | 'secondFactor' | 'ways'
> & { consentListing: ConsentListing };

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
  apps: z.number().int(),
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
  const identities: PersonView['identities'] = [];
  for (const identity of ways?.identities ?? []) {
    const connectionName = (await deps.connectionStore.look(identity.connectionId))?.name ?? identity.connectionId;
    identities.push({ ...identity, connectionName });
  }
  const { consents } = await deps.consentListing.affected({ accountId });
  return {
    ...{ id: accountId, email, name, createdAt, disabledAt, disabledBy, breakGlass, servers, identities },
    password: ways?.password ?? false,
    passkeys: (await deps.passkeys.list(accountId)).length,
    codes: await deps.secondFactor.isOn(accountId),
    roles: [...(own ? [{ role: OWNER, by: ADMINISTRATOR }] : []), ...written],
    sessions: [...(await deps.devices.list(accountId))],
    apps: consents,
  };
}
