/** Builds every room over one database: what the server and the command line share. */

import type { JWTPayload } from 'jose';
import { createAccounts } from './accounts/account.ts';
import { createDevicesStore } from './accounts/devices-store.ts';
import { createGeneratedMarks } from './accounts/generated-marks.ts';
import { createPasskeyChallenges } from './accounts/passkey-challenges.ts';
import { createPasskeyStore } from './accounts/passkey-store.ts';
import { createPasskeys } from './accounts/passkeys.ts';
import type { PasswordCost } from './accounts/password-cost.ts';
import { createPasswords } from './accounts/passwords.ts';
import { createPeopleListing } from './accounts/people-listing-store.ts';
import { createSecondFactor } from './accounts/second-factor.ts';
import { createSecondFactorStore } from './accounts/second-factor-store.ts';
import { type AccountStore, createAccountStore } from './accounts/store.ts';
import { createThrottle } from './accounts/throttle.ts';
import { createThrottleStore } from './accounts/throttle-store.ts';
import { createWaysStore } from './accounts/ways-store.ts';
import { createAdmission } from './admission.ts';
import { createApprovals } from './approvals/approval.ts';
import { createApprovalListing } from './approvals/listing-store.ts';
import { createApprovalStore } from './approvals/store.ts';
import { createArrivals } from './arrivals.ts';
import { createAuditReading } from './audit/reading.ts';
import { createAuditReadingStore } from './audit/reading-store.ts';
import { createAudit } from './audit/store.ts';
import { createBreakGlassAlarm } from './break-glass.ts';
import { clientFingerprint, statedBy } from './clients/client.ts';
import { displayName } from './clients/display-name.ts';
import { createDocumentCopies } from './clients/document-copies.ts';
import { createClientListing } from './clients/listing-store.ts';
import { createNamesStore } from './clients/names-store.ts';
import { isProven, isSharedHost } from './clients/provenance.ts';
import { createReaping } from './clients/reaping.ts';
import { createReapingStore } from './clients/reaping-store.ts';
import { redirectKey } from './clients/redirect-uris.ts';
import { createResemblance } from './clients/resemblance.ts';
import { createClientStore } from './clients/store.ts';
import type { Config } from './config.ts';
import { type Asking, createAgreement } from './consents/agreement.ts';
import { createConnectedStore } from './consents/connected-store.ts';
import { createConsentListing } from './consents/listing-store.ts';
import { createNarrowingStore } from './consents/narrowing-store.ts';
import { createRefusalStore } from './consents/refusal-store.ts';
import { createRefusals } from './consents/refusals.ts';
import { revokeConsents } from './consents/revocation.ts';
import { createConsentStore } from './consents/store.ts';
import { createFactorChanges } from './factor-changes.ts';
import { createConnectionStore } from './federation/connection-store.ts';
import { createIdentityStore } from './federation/identity-store.ts';
import { createConnectionPeopleStore } from './federation/people-store.ts';
import { createUpstreamSessionStore } from './federation/upstream-session-store.ts';
import { signAccessToken } from './keys/access-token.ts';
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
import { createCheckStore } from './resources/check-store.ts';
import { createServerListing } from './resources/listing-store.ts';
import { createOwnerStore } from './resources/owner-store.ts';
import { scopeDigest } from './resources/scopes.ts';
import { createResourceStore } from './resources/store.ts';
import { createReviewRooms } from './review-rooms.ts';
import { createApproversStore } from './roles/approvers-store.ts';
import { createAuthorityStore } from './roles/authority-store.ts';
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
import { createRevokedTokens } from './storage/revoked-tokens.ts';
import { createDatabase } from './storage/transactions.ts';
import { suspendChanged } from './suspensions.ts';
import { createUpstreamLogouts } from './upstream-logouts.ts';
import { browserLabel } from './web/browser-label.ts';
import { currentRequest } from './web/request-context.ts';

export type Rooms = Awaited<ReturnType<typeof createRooms>>;

export async function createRooms(deps: {
  config: Pick<Config, 'masterKey' | 'dataDir' | 'issuer' | 'brandName' | 'webhook' | 'mail' | 'twoPersonApprovals'>;
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
  const approvers = createApproversStore(database);
  const policyStore = createPolicyStore({ database, approvers, now });
  const onFailure = () => audit.count('policy.judged', 'rule_failed');
  const policy = createPolicy({ store: policyStore, isSharedHost, onFailure });
  const approvals = createApprovals({
    store: createApprovalStore({ database, holdApprovers: approvers.hold }),
    redirectKey,
    twoPersons: config.twoPersonApprovals,
    now,
  });
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
  const authority = createAuthorityStore(database);
  const admit = createAdmission({ policy, approvals, clients, approvers, roles, authority });
  const onChange = async (clientId: string, metadata: Record<string, unknown>) => {
    await suspendChanged({ consents, stated, audit }, clientId, metadata);
  };
  const described = { clientFingerprint, scopeDigest, redirectKey, stated };
  const artifacts = createArtifactStore({ database, sealing, now });
  const outbox = createOutboxStore(database);
  const sessions = createSessions({ artifacts, clients, outbox, sealing, database, now });
  const upstreamSessions = createUpstreamSessionStore({ database, artifacts, now });
  const identityStore = createIdentityStore({ database, sealing, now });
  const generated = createGeneratedMarks({ artifacts });
  const factorStore = createSecondFactorStore(database);
  const secondFactor = createSecondFactor({ store: factorStore, sealing, brand: config.brandName, now });
  const accounts = createAccounts({ store: accountStore, passwords, throttle, secondFactor, generated, now });
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
    people: { ...accountStore, approversOf: approvers.of },
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
  const keyset = createKeyset({ store: createKeyStore(database), sealing, audit, database, now });
  const signingKey = async () => firstOf((await keyset.load()).jwks.keys);
  return {
    now,
    issuer: config.issuer,
    database,
    sealing,
    audit,
    auditReading: createAuditReading({ store: createAuditReadingStore(database), audit, database }),
    keyset,
    signAccessToken: async (claims: JWTPayload) => signAccessToken(await signingKey(), claims),
    revokedTokens: createRevokedTokens({ database, sealing }),
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
    ownerStore: createOwnerStore(database),
    checkStore: createCheckStore(database),
    serverListing: createServerListing(database),
    consents,
    consentListing: createConsentListing({ database, now }),
    clientListing: createClientListing({ database, now }),
    peopleListing: createPeopleListing({ database, now }),
    connected: createConnectedStore({ database, now }),
    refusals: createRefusals({ store: createRefusalStore(database), now }),
    policy,
    policyStore,
    approvals,
    approvers,
    approvalListing: createApprovalListing(database),
    agreement: createAgreement({ ...described, consents, admit, familyOf, now }),
    notices,
    factorChanges: createFactorChanges({ audit, notices, secondFactor, now }),
    soundBreakGlass: createBreakGlassAlarm({ audit, notices, now }),
    connectionStore,
    connectionNamesOf,
    scimTokens: createScimTokenStore({ database, now }),
    scimUsers,
    scimGroups: createScimGroupStore({ database, now }),
    connectionPeople: createConnectionPeopleStore({ database, now }),
    identityStore,
    sessions,
    upstreamSessions,
    devices: createDevicesStore({
      database,
      artifacts,
      label: () => browserLabel(currentRequest().userAgent ?? ''),
      now,
    }),
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
    ...createReviewRooms({ consents, audit, database, signingKey, issuer: config.issuer, now }),
    ways: createWaysStore(database),
    roles,
    authority,
    roleStore: createRoleStore(database),
    memberships,
    accountStore,
    passwords,
    generated,
    secondFactor,
    passkeys: createPasskeys({
      store: createPasskeyStore(database),
      challenges: createPasskeyChallenges({ artifacts, sealing, now }),
      issuer: config.issuer,
      brand: config.brandName,
      now,
    }),
    accounts,
  };
}

/** The first key signs; there always is one. */
function firstOf<Key>([key]: readonly Key[]): Key {
  if (key === undefined) throw new Error('no signing key');
  return key;
}
