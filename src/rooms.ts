/** Builds every room over one database: what the server and the command line share. */

import { createAccounts } from './accounts/account.ts';
import type { PasswordCost } from './accounts/password-cost.ts';
import { createPasswords } from './accounts/passwords.ts';
import { type AccountStore, createAccountStore } from './accounts/store.ts';
import { createThrottle } from './accounts/throttle.ts';
import { createThrottleStore } from './accounts/throttle-store.ts';
import { createAudit } from './audit/store.ts';
import { clientFingerprint } from './clients/client.ts';
import { redirectKey } from './clients/redirect-uris.ts';
import { createClientStore } from './clients/store.ts';
import type { Config } from './config.ts';
import { createAgreement } from './consents/agreement.ts';
import { createConsentStore } from './consents/store.ts';
import { createKeyset } from './keys/keyset.ts';
import { loadMasterKey } from './keys/master-key.ts';
import { createSealing } from './keys/sealing.ts';
import { createKeyStore } from './keys/store.ts';
import { scopeDigest } from './resources/scopes.ts';
import { createResourceStore } from './resources/store.ts';
import { createArtifactStore } from './storage/artifacts.ts';
import type { PrismaClient } from './storage/generated/client.ts';
import { createGrantStore } from './storage/grants.ts';
import { createDatabase } from './storage/transactions.ts';

export type Rooms = Awaited<ReturnType<typeof createRooms>>;

export async function createRooms(deps: {
  config: Pick<Config, 'masterKey' | 'dataDir'>;
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
  return {
    now,
    database,
    sealing,
    audit: createAudit({ database, now }),
    keyset: createKeyset({ store: createKeyStore(database), sealing, now }),
    artifacts: createArtifactStore({ database, sealing, now }),
    grants: createGrantStore({ database, sealing, now }),
    clients,
    resources,
    consents,
    agreement: createAgreement({ consents, clientFingerprint, scopeDigest, redirectKey, now }),
    accountStore,
    passwords,
    accounts: createAccounts({ store: accountStore, passwords, throttle, now }),
  };
}
