/** Connections made, changed and ended by an owner. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { assertChangeable, assertFits, assertItself, findLiving, lockoutRisks } from '../../connection-checks.ts';
import {
  accessEnding,
  addConnection,
  type ConnectionRooms,
  changeConnection,
  confirmIdentities,
  markRemoved,
  removeConnection,
  unknownConnection,
} from '../../connections.ts';
import { AppError } from '../../errors.ts';
import {
  type Described,
  describeSettings,
  type Kind,
  type Problem,
  type Read,
  readDescription,
} from '../../federation/configuration/description.ts';
import { besideTheOld, onlyTheNewest } from '../../federation/configuration/overlap.ts';
import type { Credentials } from '../../federation/configuration/provider-credentials.ts';
import type { ConnectionChange, ConnectionRecord, NewConnection } from '../../federation/connection-store.ts';
import type { ConnectionSecrets } from '../../federation/settings.ts';
import { operation } from '../frame/operation.ts';
import type { Works } from '../frame/work.ts';
import { badInput, type Pasted, readPasted } from './credentials.ts';
import type { ConnectionReadingDeps } from './reading.ts';

export type ConnectionChangeDeps = ConnectionRooms &
  Pick<ConnectionReadingDeps, 'issuer' | 'toProviders' | 'accountStore'> & { works: Works };

const MAX_PEM = 20_000;
/** Whose access ends within the request. */
const AT_ONCE = 200;

const id = z.string().max(100);
const pasted = {
  clientSecret: z.string().min(1).max(1000).optional(),
  secretExpires: z.string().max(20).optional().describe('The day on which the secret ends: owners are warned in time.'),
  pem: z
    .string()
    .min(1)
    .max(MAX_PEM)
    .optional()
    .describe('Certificate with private key; a bare private key for `oidc`.'),
};
const common = {
  name: z.string().max(200).describe('What people read on the button.'),
  exclusive: z.boolean().describe('Passwords are off, but for break-glass accounts.'),
  provisioning: z
    .enum(['first_sign_in', 'scim'])
    .describe('Whom it lets in: whoever signs in there, or whom SCIM sent.'),
};
const added = { ...pasted, name: common.name };
const provisioning = common.provisioning.default('first_sign_in');
const made = z.object({
  id: z.string(),
  away: z.string().optional().describe('Why the provider cannot be asked now.'),
});

export function changeOperations(deps: ConnectionChangeDeps) {
  const { connectionStore, connectionPeople, works, issuer, toProviders, now } = deps;
  const asking = { fetch: toProviders, now, issuer };

  async function add(kind: Kind, described: Described, proof: Pasted) {
    const problems: Problem[] = [];
    const credentials = readPasted(kind, proof, now(), problems);
    const read = readWhole(kind, described, credentials, problems);
    if (!credentials) throw badInput(problems);
    const { secrets, credentialEndsAt } = credentials;
    const connection = { ...read, id: randomUUID(), origin: 'cli', secrets, credentialEndsAt } as NewConnection;
    await assertFits(deps, issuer, connection);
    const away = await assertItself(connection, asking);
    await addConnection(deps, connection);
    return { id: connection.id, away: away?.what };
  }

  return {
    addEntra: operation({
      id: 'connections.addEntra',
      method: 'POST',
      path: '/connections/entra',
      summary: 'Let people sign in by Microsoft Entra ID.',
      access: 'own',
      fresh: true,
      input: z.object({
        ...added,
        provisioning,
        clientId: z.string().max(100),
        tenants: z.array(z.string().max(100)).min(1).max(50).describe('Directory (tenant) IDs.'),
        cloud: z.enum(['global', 'usgov', 'china']).default('global'),
        guests: z.boolean().default(false),
        groups: z.boolean().default(false),
      }),
      output: made,
      run: ({ clientSecret, secretExpires, pem, clientId, ...described }) =>
        add('entra', { ...described, client_id: clientId.trim() }, { clientSecret, secretExpires, pem }),
    }),
    addOidc: operation({
      id: 'connections.addOidc',
      method: 'POST',
      path: '/connections/oidc',
      summary: 'Let people sign in by any OpenID provider.',
      access: 'own',
      fresh: true,
      input: z.object({
        ...added,
        provisioning,
        issuer: z.string().max(2000).describe('Character by character as the provider writes it.'),
        clientId: z.string().max(500),
        clientAuth: z.enum(['client_secret_basic', 'client_secret_post']).optional(),
        offlineAccess: z.boolean().default(false),
        rolesClaim: z.string().max(200).optional(),
        groupsClaim: z.string().max(200).optional(),
      }),
      output: made,
      run: ({ clientSecret, secretExpires, pem, clientAuth, ...rest }) => {
        const { clientId, offlineAccess, rolesClaim, groupsClaim, ...described } = rest;
        const claims = { roles_claim: rolesClaim, groups_claim: groupsClaim, offline_access: offlineAccess };
        return add(
          'oidc',
          { ...described, ...claims, client_id: clientId.trim() },
          { clientSecret, secretExpires, pem, clientAuth },
        );
      },
    }),
    change: operation({
      id: 'connections.change',
      method: 'PATCH',
      path: '/connections/:id',
      summary: 'Change name, who may come, or what proves who we are; what is not named stays.',
      access: 'own',
      fresh: true,
      input: z.object({
        id,
        ...pasted,
        name: common.name.optional(),
        exclusive: common.exclusive.optional(),
        provisioning: common.provisioning.optional(),
        offlineAccess: z.boolean().optional().describe('Notice leavers by a refresh token: of `oidc` alone.'),
        despiteRisks: z
          .boolean()
          .default(false)
          .describe('Make it exclusive although people could be shut out: see `risks`.'),
        retireCertificate: z.boolean().optional().describe('Forget all certificates but the newest.'),
      }),
      output: z.object({ id: z.string() }),
      async run(wanted) {
        const before = await findLiving(deps, wanted.id);
        assertChangeable(before);
        const secrets = await connectionStore
          .findSecrets(before.id)
          .catch((): ConnectionSecrets => ({ certificates: [] }));
        const change = changeOf(before, secrets, wanted, now());
        await assertFits(deps, issuer, { ...before, ...change, secrets: change.secrets ?? secrets } as NewConnection);
        if (change.exclusive && !before.exclusive && !wanted.despiteRisks) await assertNoLockout(deps, before);
        await changeConnection(deps, before, change);
        return { id: before.id };
      },
    }),
    confirm: operation({
      id: 'connections.confirmIdentities',
      method: 'POST',
      path: '/connections/:id/confirm-identities',
      summary: 'Let people come again by a connection whose issuer, cloud or tenants were changed.',
      access: 'own',
      fresh: true,
      input: z.object({ id }),
      output: z.object({ confirmed: z.number().int() }),
      run: async (wanted) => ({ confirmed: await confirmIdentities(deps, await findLiving(deps, wanted.id)) }),
    }),
    remove: operation({
      id: 'connections.remove',
      method: 'DELETE',
      path: '/connections/:id',
      summary: 'End a connection for good, and what people have here who come by it.',
      access: 'own',
      fresh: true,
      input: z.object({ id, expected: z.coerce.number().int().min(0).describe('How many people come by it.') }),
      output: z.object({ ended: z.number().int(), work: z.string().optional() }),
      async run({ id: wanted, expected }, { actor }) {
        const stored = await connectionStore.look(wanted);
        if (!stored || stored.removedAt) throw unknownConnection(wanted);
        assertChangeable(stored);
        const people = await connectionPeople.countPeople(wanted);
        if (people !== expected)
          throw new AppError(
            'count_changed',
            409,
            `Meanwhile ${people} people come by it, not ${expected}. Nothing was ended: look again.`,
          );
        if (people <= AT_ONCE) return { ended: await removeConnection(deps, stored) };
        await markRemoved(deps, stored);
        const step = accessEnding(deps, wanted, 'connection_removed');
        const asked = { accountId: actor.accountId, what: 'connection_removed', total: people, step };
        return { ended: 0, work: await works.start({ ...asked, back: '/admin/connections' }) };
      },
    }),
  };
}

/** Whoever turns passwords off by a password is out at once. @throws AppError 409 `lockout_risk` */
async function assertNoLockout(deps: ConnectionChangeDeps, connection: ConnectionRecord): Promise<void> {
  const risks = await lockoutRisks(deps, connection);
  if (risks.length === 0) return;
  const words = {
    nobody_yet: 'nobody has signed in by this connection yet',
    no_break_glass: 'no owner could sign in while the provider is away',
  };
  const message = `Nothing was changed: without passwords people could be shut out, for ${risks.map((risk) => words[risk]).join(', and ')}.`;
  throw new AppError('lockout_risk', 409, message);
}

/** @throws AppError 400 */
function readWhole(kind: Kind, described: Described, credentials: Credentials | undefined, problems: Problem[]): Read {
  const { authentication } = credentials ?? {
    authentication: kind === 'entra' ? 'client_secret' : 'client_secret_basic',
  };
  const written = Object.fromEntries(Object.entries(described).filter(([, value]) => value !== undefined));
  const read = readDescription(
    kind,
    written,
    { authentication: authentication as Credentials['authentication'] },
    problems,
  );
  if (!read || problems.length > 0) throw badInput(problems);
  return read;
}

type Wanted = Pasted & { retireCertificate?: boolean | undefined } & Partial<
    Record<'name' | 'exclusive' | 'provisioning' | 'offlineAccess', unknown>
  >;

/** @throws AppError 400 */
function changeOf(before: ConnectionRecord, secrets: ConnectionSecrets, wanted: Wanted, now: Date): ConnectionChange {
  const { name = before.name, exclusive = before.exclusive, provisioning = before.provisioning } = wanted;
  const problems: Problem[] = [];
  const credentials = credentialsOf(before, secrets, wanted, { now, problems });
  const { authentication, federatedTokenFile: file } = {
    federatedTokenFile: undefined,
    ...before.settings,
    ...credentials,
  };
  const how = file === undefined ? { authentication } : { authentication, federatedTokenFile: file };
  const { offlineAccess } = wanted;
  // What a form leaves unticked is not said of a kind that has no such thing.
  const leavers =
    offlineAccess === undefined || (!offlineAccess && before.kind === 'entra') ? {} : { offline_access: offlineAccess };
  const stays = { ...describeSettings(before), ...leavers };
  const read = readDescription(before.kind, { ...stays, name, exclusive, provisioning }, how, problems);
  if (!read || problems.length > 0) throw badInput(problems);
  const { secrets: changed, credentialEndsAt = null } = credentials ?? {};
  return {
    ...{ name: read.name, exclusive: read.exclusive, provisioning: read.provisioning, settings: read.settings },
    ...(changed ? { secrets: changed, credentialEndsAt } : {}),
  };
}

/** @returns undefined where they stay */
function credentialsOf(
  { kind, settings }: ConnectionRecord,
  before: ConnectionSecrets,
  wanted: Wanted,
  { now, problems }: { now: Date; problems: Problem[] },
): Credentials | undefined {
  const { authentication } = settings;
  if (wanted.retireCertificate) return onlyTheNewest(before, { authentication });
  const { clientSecret, secretExpires, pem } = wanted;
  if (clientSecret === undefined && pem === undefined && secretExpires === undefined) return undefined;
  // The day alone may be told of the secret that is there.
  const secret = clientSecret ?? (pem === undefined ? before.clientSecret : undefined);
  const clientAuth = secret !== undefined && authentication === 'client_secret_post' ? authentication : undefined;
  const read = readPasted(kind, { clientSecret: secret, secretExpires, pem, clientAuth }, now, problems);
  return read && besideTheOld(read, before);
}
