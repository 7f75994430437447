/** Builds every room over one database: what the server and the command line share. */

import type { JWTPayload } from 'jose';
import type { PasswordCost } from './accounts/password-cost.ts';
import { type AccountStore, createAccountStore } from './accounts/store.ts';
import { createAgreementRooms } from './agreement-rooms.ts';
import { createAuditReading } from './audit/reading.ts';
import { createAuditReadingStore } from './audit/reading-store.ts';
import { createAudit } from './audit/store.ts';
import { createClientRooms } from './client-rooms.ts';
import type { Config } from './config.ts';
import { createConsentStore } from './consents/store.ts';
import { createDirectoryRooms } from './directory-rooms.ts';
import { type ConnectionStore, createConnectionStore } from './federation/connection-store.ts';
import { signAccessToken } from './keys/access-token.ts';
import { createKeyset } from './keys/keyset.ts';
import { loadMasterKey } from './keys/master-key.ts';
import { createSealing } from './keys/sealing.ts';
import { createKeyStore } from './keys/store.ts';
import { createNotices } from './notices/notices.ts';
import { sinkNames } from './notices/sinks.ts';
import { createOutboxStore } from './notices/store.ts';
import { createPeopleRooms } from './people-rooms.ts';
import { createCheckStore } from './resources/check-store.ts';
import { createServerListing } from './resources/listing-store.ts';
import { createOwnerStore } from './resources/owner-store.ts';
import { createResourceStore } from './resources/store.ts';
import { createReviewRooms } from './review-rooms.ts';
import { createSessions } from './sessions.ts';
import { createArtifactStore } from './storage/artifacts.ts';
import type { PrismaClient } from './storage/generated/client.ts';
import { createGrantStore } from './storage/grants.ts';
import { createRevokedTokens } from './storage/revoked-tokens.ts';
import { createDatabase } from './storage/transactions.ts';

export type Rooms = Awaited<ReturnType<typeof createRooms>>;

interface RoomsDeps {
  config: Pick<
    Config,
    'masterKey' | 'dataDir' | 'issuer' | 'brandName' | 'webhook' | 'mail' | 'twoPersonApprovals' | 'approvalRequestDays'
  >;
  prisma: PrismaClient;
  now?: () => Date;
  /** Calibrated to the machine where it is left out. */
  passwordCost?: PasswordCost;
}

export async function createRooms({ config, prisma, now = () => new Date(), passwordCost }: RoomsDeps) {
  const { brandName, issuer } = config;
  const { signingKey, ...ground } = await createGroundRooms({ config, prisma, now });
  const { database } = ground;
  const servers = createServerRooms(database);
  const consents = createConsentStore(ground);
  const accountStore = createAccountStore(database);
  const connectionStore = createConnectionStore(ground);
  const connectionNames = () => connectionStore.names();
  const connectionNamesOf = namesOfConnections({ accountStore, connectionStore });
  const clientRooms = createClientRooms({ ...ground, ...servers, consents, connectionNames, brandName });
  const agreementRooms = createAgreementRooms({ ...ground, ...clientRooms, consents, approving: config });
  const outbox = createOutboxStore(database);
  const notices = createNotices({
    ...ground,
    store: outbox,
    sinks: sinkNames(config),
    people: { ...accountStore, approversOf: agreementRooms.approvers.of },
    connectionNamesOf,
    brandName,
  });
  const sessions = createSessions({ ...ground, ...clientRooms, outbox });
  const peopleRooms = createPeopleRooms({ ...ground, accountStore, notices, brandName, passwordCost });
  const around = { ...ground, ...agreementRooms, ...peopleRooms, notices, sessions };
  return {
    ...around,
    ...servers,
    ...clientRooms,
    ...createDirectoryRooms(around),
    ...createReviewRooms({ ...ground, consents, notices, signingKey, issuer }),
    connectionStore,
    connectionNamesOf,
  };
}

/** The record, the keys, and what oidc-provider keeps. */
async function createGroundRooms({ config, prisma, now }: Required<Pick<RoomsDeps, 'config' | 'prisma' | 'now'>>) {
  const database = createDatabase(prisma);
  const sealing = createSealing(await loadMasterKey(config));
  const audit = createAudit({ database, now });
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
    signingKey,
    signAccessToken: async (claims: JWTPayload) => signAccessToken(await signingKey(), claims),
    revokedTokens: createRevokedTokens({ database, sealing }),
    artifacts: createArtifactStore({ database, sealing, now }),
    grants: createGrantStore({ database, sealing, now }),
  };
}

function createServerRooms(database: ReturnType<typeof createDatabase>) {
  return {
    resources: createResourceStore(database),
    ownerStore: createOwnerStore(database),
    checkStore: createCheckStore(database),
    serverListing: createServerListing(database),
  };
}

/** What the connections are called that vouch for somebody. */
function namesOfConnections(deps: { accountStore: AccountStore; connectionStore: ConnectionStore }) {
  return async (accountId: string): Promise<string[]> => {
    const identities = await deps.accountStore.listIdentities(accountId);
    const ids = [...new Set(identities.map(({ connectionId }) => connectionId))];
    const names: string[] = [];
    for (const id of ids) names.push((await deps.connectionStore.look(id))?.name ?? id);
    return names;
  };
}

/** The first key signs; there always is one. */
function firstOf<Key>([key]: readonly Key[]): Key {
  if (key === undefined) throw new Error('no signing key');
  return key;
}
