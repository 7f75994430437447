/** Two connections to providers that do not exist: rows to look at, by which nobody can come. */
import { addConnection, type ConnectionRooms } from '../connections.ts';
import type { NewConnection } from '../federation/connection-store.ts';
import { clouds, issuerOf } from '../federation/entra/clouds.ts';
import { entraSettings, oidcSettings } from '../federation/settings.ts';
import type { DemoStore } from './demo-store.ts';
import type { Dice } from './dice.ts';
import { type DemoConnection, MAPPED_ROLES } from './people.ts';
import { daysAfter, daysBefore } from './rhythm.ts';

const TENANT = '00000000-0000-4000-8000-00000000de30';
const SOON_DAYS = 9;

/** One whose secret is about to end, and one that was refused lately. */
export async function makeConnections(
  rooms: ConnectionRooms,
  store: DemoStore,
  dice: Dice,
  now: Date,
): Promise<DemoConnection[]> {
  const [entra, oidc] = [entraConnection(dice, now), oidcConnection(dice)];
  await addConnection(rooms, entra);
  await addConnection(rooms, oidc);
  await store.noteHealth(entra.id, { success: daysBefore(now, 0.02) });
  const failure = { at: daysBefore(now, 0.1), words: 'invalid_client: the client secret was refused (demo)' };
  await store.noteHealth(oidc.id, { success: daysBefore(now, 2), failure });
  return [
    { id: entra.id, issuer: issuerOf(clouds.global, TENANT), tenantId: TENANT },
    { id: oidc.id, issuer: oidc.kind === 'oidc' ? oidc.settings.issuer : '' },
  ];
}

function entraConnection(dice: Dice, now: Date): NewConnection {
  return {
    ...{ id: 'demo-nimbus', kind: 'entra', name: 'Nimbus Works (demo)', origin: 'cli' },
    ...{ exclusive: false, provisioning: 'first_sign_in' },
    settings: entraSettings.parse({
      tenants: [TENANT],
      clientId: '00000000-0000-4000-8000-00000000c11e',
      authentication: 'client_secret',
    }),
    secrets: { clientSecret: `demo-${dice.hex(24)}`, certificates: [] },
    credentialEndsAt: daysAfter(now, SOON_DAYS),
  };
}

function oidcConnection(dice: Dice): NewConnection {
  return {
    ...{ id: 'demo-lagoon', kind: 'oidc', name: 'Lagoon Partners (demo)', origin: 'cli' },
    ...{ exclusive: false, provisioning: 'first_sign_in' },
    settings: oidcSettings.parse({
      issuer: 'https://login.lagoon.example',
      clientId: 'consentry-demo',
      authentication: 'client_secret_basic',
      rolesClaim: 'roles',
    }),
    secrets: { clientSecret: `demo-${dice.hex(24)}`, certificates: [] },
  };
}

/** What the app roles of both make of people. */
export function roleRows(now: Date) {
  return MAPPED_ROLES.map((id) => ({ id, description: `Demo: everybody in ${id}`, created_at: daysBefore(now, 300) }));
}

export function mappingRows(connections: readonly DemoConnection[], dice: Dice, now: Date) {
  return connections.flatMap(({ id }) =>
    MAPPED_ROLES.map((role) => ({
      ...{ id: dice.hex(16), connection_id: id, source: 'app_role', value: role, role_id: role },
      created_at: daysBefore(now, 300),
    })),
  );
}
