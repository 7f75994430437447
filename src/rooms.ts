/** Builds every room over one database: what the server and the command line share. */

import { createAccounts } from './accounts/account.ts';
import type { PasswordCost } from './accounts/password-cost.ts';
import { createPasswords } from './accounts/passwords.ts';
import { type AccountStore, createAccountStore } from './accounts/store.ts';
import { createThrottle } from './accounts/throttle.ts';
import { createThrottleStore } from './accounts/throttle-store.ts';
import { createWaysStore } from './accounts/ways-store.ts';
import { createAdmission } from './admission.ts';
import { createApprovals } from './approvals/approval.ts';
import { createApprovalStore } from './approvals/store.ts';
import { createArrivals } from './arrivals.ts';
import { createAudit } from './audit/store.ts';
import { clientFingerprint, statedBy } from './clients/client.ts';
import { displayName } from './clients/display-name.ts';
import { createDocumentCopies } from './clients/document-copies.ts';
import { createNamesStore } from './clients/names-store.ts';
import { isProven, isSharedHost } from './clients/provenance.ts';
import { createReaping } from './clients/reaping.ts';
import { createReapingStore } from './clients/reaping-store.ts';
import { redirectKey } from './clients/redirect-uris.ts';
import { createResemblance } from './clients/resemblance.ts';
import { createClientStore } from './clients/store.ts';
import type { Config } from './config.ts';
import { type Asking, createAgreement } from './consents/agreement.ts';
import { createNarrowingStore } from './consents/narrowing-store.ts';
import { createRefusalStore } from './consents/refusal-store.ts';
import { createRefusals } from './consents/refusals.ts';
import { revokeConsents } from './consents/revocation.ts';
import { createConsentStore } from './consents/store.ts';
import { createConnectionStore } from './federation/connection-store.ts';
import { createIdentityStore } from './federation/identity-store.ts';
import { createConnectionPeopleStore } from './federation/people-store.ts';
import { createUpstreamSessionStore } from './federation/upstream-session-store.ts';
import { createKeyset } from './keys/keyset.ts';
import { loadMasterKey } from './keys/master-key.ts';
import { createSealing } from './keys/sealing.ts';
import { createKeyStore } from './keys/store.ts';
import { createLeavers } from './leavers.ts';
import { createNotices } from './notices/notices.ts';
import { sinkNames } from './notices/sinks.ts';
import { createOutboxStore } from './notices/store.ts';
import { createPolicy } from './policy/policy.ts';
import { createPolicyStore } from './policy/store.ts';
import { scopeDigest } from './resources/scopes.ts';
import { createResourceStore } from './resources/store.ts';
import { createMembershipStore } from './roles/membership-store.ts';
import { createRoles } from './roles/roles.ts';
import { createStandingStore } from './roles/standing-store.ts';
import { createRoleStore } from './roles/store.ts';
import { createScimGroupStore } from './scim/group-store.ts';
import { createScimTokenStore } from './scim/token-store.ts';
import { createScimUserStore } from './scim/user-store.ts';
import { createSessions } from './sessions.ts';
import { createArtifactStore } from './storage/artifacts.ts';
import type { PrismaClient } from './storage/generated/client.ts';
import { createGrantStore } from './storage/grants.ts';
import { createDatabase } from './storage/transactions.ts';
import { suspendChanged } from './suspensions.ts';
import { createUpstreamLogouts } from './upstream-logouts.ts';

export type Rooms = Awaited<ReturnType<typeof createRooms>>;

export async function createRooms(deps: {
  config: Pick<Config, 'masterKey' | 'dataDir' | 'issuer' | 'brandName' | 'webhook' | 'mail'>;
  prisma: PrismaClient;
  now?: () => Date;
  /** Calibrated to the machine where it is left out. */
  passwordCost?: PasswordCost;
}) {
  const { config, prisma, now = () => new Date(), passwordCost } = deps;
  const database = createDatabase(prisma);
  const sealing = createSealing(await loadMasterKey(config));
  const clients = createClientStore({ database, now });
  const resources = createResourceStore(database);
  const consents = createConsentStore({ database, now });
  const accountStore: AccountStore = createAccountStore(database);
  const passwords = createPasswords(passwordCost ? { cost: passwordCost } : {});
  const throttle = createThrottle({ store: createThrottleStore(database), hmac: sealing.hmac, now });
  const audit = createAudit({ database, now });
  const connectionStore = createConnectionStore({ database, sealing, now });
  const resemblance = createResemblance({
    brandNames: [config.brandName],
    resources,
    connections: () => connectionStore.names(),
    clients: createNamesStore({ database, now }),
    now,
  });
  async function stated({ clientId, metadata, redirectUri }: Asking) {
    const origin = (await clients.find(clientId))?.origin ?? 'document';
    const authMethod = String(metadata.token_endpoint_auth_method ?? 'none');
    const proven = isProven({ clientId, origin, redirectUri, authMethod });
    const name = displayName(metadata.client_name);
    return statedBy(metadata, { resembles: await resemblance.resembles({ clientId, origin, name, proven }) });
  }
  const policyStore = createPolicyStore({ database, now });
  const onFailure = () => audit.count('policy.judged', 'rule_failed');
  const policy = createPolicy({ store: policyStore, isSharedHost, onFailure });
  const approvals = createApprovals({ store: createApprovalStore(database), redirectKey, now });
  const familyOf = async (clientId: string) => (await clients.find(clientId))?.familyKey;
  const grants = createGrantStore({ database, sealing, now });
  const memberships = createMembershipStore(database);
  const roles = createRoles({
    memberships,
    standings: createStandingStore({ database, now }),
    narrowing: createNarrowingStore({ database, grants }),
    consents,
    audit,
    database,
    now,
  });
  const admit = createAdmission({ policy, approvals, clients, accounts: accountStore, roles });
  const onChange = async (clientId: string, metadata: Record<string, unknown>) => {
    await suspendChanged({ consents, stated, audit }, clientId, metadata);
  };
  const described = { clientFingerprint, scopeDigest, redirectKey, stated };
  const artifacts = createArtifactStore({ database, sealing, now });
  const outbox = createOutboxStore(database);
  const sessions = createSessions({ artifacts, clients, outbox, sealing, database, now });
  const upstreamSessions = createUpstreamSessionStore({ database, artifacts, now });
  const identityStore = createIdentityStore({ database, sealing, now });
  const accounts = createAccounts({ store: accountStore, passwords, throttle, now });
  const connectionNamesOf = async (accountId: string): Promise<string[]> => {
    const identities = await accountStore.listIdentities(accountId);
    const ids = [...new Set(identities.map(({ connectionId }) => connectionId))];
    const names: string[] = [];
    for (const id of ids) names.push((await connectionStore.look(id))?.name ?? id);
    return names;
  };
  const notices = createNotices({
    store: outbox,
    sinks: sinkNames(config),
    sealing,
    people: accountStore,
    connectionNamesOf,
    brandName: config.brandName,
    issuer: config.issuer,
    now,
  });
  const leavers = createLeavers({
    accountStore,
    artifacts,
    sessions,
    consents,
    audit,
    database,
    now,
    warn: notices.leaverKept,
  });
  const scimUsers = createScimUserStore({ database, now });
  return {
    now,
    database,
    sealing,
    audit,
    keyset: createKeyset({ store: createKeyStore(database), sealing, now }),
    artifacts,
    grants,
    clients,
    documents: createDocumentCopies({
      database,
      audit,
      clients,
      rules: { issuer: config.issuer },
      onChange: (url, _before, after) => onChange(url, after),
    }),
    reaping: createReaping({
      store: createReapingStore(database),
      database,
      audit,
      endConsents: (clientId) => revokeConsents({ consents, audit, database }, [{ clientId }], 'client_unused'),
      now,
    }),
    suspendChanged: onChange,
    stated,
    familyOf,
    resources,
    consents,
    refusals: createRefusals({ store: createRefusalStore(database), now }),
    policy,
    policyStore,
    approvals,
    agreement: createAgreement({ ...described, consents, admit, familyOf, now }),
    notices,
    connectionStore,
    connectionNamesOf,
    scimTokens: createScimTokenStore({ database, now }),
    scimUsers,
    scimGroups: createScimGroupStore({ database, now }),
    connectionPeople: createConnectionPeopleStore({ database, now }),
    identityStore,
    sessions,
    upstreamSessions,
    upstreamLogouts: createUpstreamLogouts({ upstreamSessions, sessions, artifacts, audit, database }),
    leavers,
    arrivals: createArrivals({
      accounts,
      leavers,
      identityStore,
      roles,
      isProvisioned: scimUsers.isProvisioned,
      audit,
      database,
    }),
    ways: createWaysStore(database),
    roles,
    roleStore: createRoleStore(database),
    memberships,
    accountStore,
    passwords,
    accounts,
  };
}
