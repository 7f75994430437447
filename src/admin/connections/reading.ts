/** Connections to read: how each does, all that is known of one, and a trial of it. */
import { z } from 'zod';
import type { Audit } from '../../audit/store.ts';
import { lockoutRisks, siftStored } from '../../connection-checks.ts';
import { providerAddresses } from '../../federation/addresses.ts';
import { type Because, tellWhy } from '../../federation/because.ts';
import { certificateDates, publicJwk, thumbprints } from '../../federation/configuration/certificates.ts';
import type { BrokenConnection, ConnectionRecord, ConnectionStore } from '../../federation/connection-store.ts';
import type { DiagnosisDeps } from '../../federation/diagnosis/step.ts';
import { daysUntil, healthOf } from '../../federation/health.ts';
import type { ConnectionSecrets } from '../../federation/settings.ts';
import { type ScimTokens, statusOf } from '../../scim-tokens.ts';
import { notFound, operation } from '../frame/operation.ts';
import { type ConnectionLine, type ConnectionView, connectionLine, connectionView } from './shapes.ts';

export interface ConnectionReadingDeps {
  connectionStore: ConnectionStore;
  connectionPeople: {
    countPeople(connectionId: string): Promise<number>;
    countOrphans(connectionId: string): Promise<number>;
    hasLetIn(connectionId: string): Promise<boolean>;
  };
  accountStore: { hasOwnerBehindGlass(): Promise<boolean> };
  scimTokens: Pick<ScimTokens, 'list'>;
  roleStore: {
    mappings(where: { connectionId: string }): Promise<{ id: string; source: string; value: string; roleId: string }[]>;
  };
  audit: Audit;
  issuer: string;
  now: () => Date;
  /** Asks providers, under their own egress. */
  toProviders: DiagnosisDeps['fetch'];
}

type Stored = ConnectionRecord | BrokenConnection;

export function readingOperations(deps: ConnectionReadingDeps) {
  const { connectionStore, connectionPeople, issuer, now } = deps;

  /** What of the living ones nobody can come by, with why. */
  async function unusable(): Promise<Map<string, Because>> {
    const { broken } = await siftStored(deps, issuer);
    return new Map(broken.map(({ id, because }) => [id, because]));
  }

  async function line(stored: Stored, reasons: ReadonlyMap<string, Because>): Promise<ConnectionLine> {
    const { id, kind, name, origin, exclusive } = stored;
    const people = await connectionPeople.countPeople(id);
    const why = reasons.get(id) ?? ('because' in stored ? stored.because : undefined);
    const reason = why && { unusable: tellWhy(why), unusableBecause: why };
    const common = { id, kind, name, origin, exclusive, people, ...reason };
    if ('why' in stored) return { ...common, health: 'unusable' };
    const { credentialEndsAt, lastSuccessAt, lastFailureAt } = stored;
    const health = why === undefined ? healthOf(stored, now()) : 'unusable';
    const credentialDays = daysUntil(credentialEndsAt, now());
    const times = { credentialEndsAt, credentialDays, lastSuccessAt, lastFailureAt };
    return { ...common, health, place: placeOf(stored), ...times };
  }

  async function view(id: string): Promise<ConnectionView> {
    const stored = await connectionStore.look(id);
    if (!stored || stored.removedAt) throw notFound('There is no such connection.');
    const secrets = await connectionStore.findSecrets(id).catch((): ConnectionSecrets => ({ certificates: [] }));
    const { callbackUrl, frontChannelLogoutUrl, backChannelLogoutUrl } = providerAddresses(issuer, stored);
    return {
      ...(await line(stored, await unusable())),
      ...('why' in stored ? {} : known(stored)),
      addresses: { callbackUrl, frontChannelLogoutUrl, backChannelLogoutUrl },
      scimUrl: `${issuer}/scim/v2`,
      certificates: certificatesIn(secrets),
      publicJwk: await bareKeyOf(stored, secrets),
      unconfirmed: await connectionPeople.countOrphans(id),
      mappings: (await deps.roleStore.mappings({ connectionId: id })).map(({ roleId: role, ...one }) => ({
        ...one,
        role,
      })),
      tokens: (await deps.scimTokens.list(id)).map((token) => ({ ...token, status: statusOf(token, now()) })),
      risks: stored.exclusive ? await lockoutRisks(deps, { id }) : [],
    };
  }

  return {
    list: operation({
      id: 'connections.list',
      method: 'GET',
      path: '/connections',
      summary: 'List the identity providers by which people may sign in, and how each does.',
      access: 'read',
      input: z.object({}),
      output: z.object({ items: z.array(connectionLine) }),
      async run() {
        const { records, broken } = await connectionStore.survey();
        const reasons = await unusable();
        const items: ConnectionLine[] = [];
        for (const stored of [...records, ...broken]) items.push(await line(stored, reasons));
        return { items };
      },
    }),
    read: operation({
      id: 'connections.read',
      method: 'GET',
      path: '/connections/:id',
      summary: 'All that is known of a connection, but no secret.',
      access: 'read',
      input: z.object({ id: z.string().max(100) }),
      output: connectionView,
      run: ({ id }) => view(id),
    }),
  };
}

function known({ provisioning, settings, createdAt, lastFailure }: ConnectionRecord) {
  const { clientId, authentication, authContexts, checkMinutes } = settings;
  const shared = { clientId, authentication, authContexts, checkMinutes, provisioning };
  if (!('tenants' in settings)) {
    const { issuer, offlineAccess, rolesClaim, groupsClaim } = settings;
    return { settings: { ...shared, issuer, offlineAccess, rolesClaim, groupsClaim }, createdAt, lastFailure };
  }
  const { tenants, cloud, guests, groups } = settings;
  const own = { tenants: [tenants].flat(), cloud, guests, groups: groups === 'mapped' };
  return { settings: { ...shared, ...own }, createdAt, lastFailure };
}

function placeOf({ settings }: ConnectionRecord): string {
  return 'tenants' in settings ? [settings.tenants].flat().join(' ') : settings.issuer;
}

/** The newest first; bare keys have no dates. */
function certificatesIn({ certificates }: ConnectionSecrets) {
  return certificates
    .filter(({ certificate }) => certificate !== '')
    .map(({ certificate }) => ({ thumbprint: thumbprints(certificate).sha1, ...certificateDates(certificate) }));
}

async function bareKeyOf(stored: Stored, { certificates }: ConnectionSecrets) {
  if ('why' in stored || stored.settings.authentication !== 'private_key_jwt') return undefined;
  const [key] = certificates;
  return key && (await publicJwk(key.privateKey));
}
