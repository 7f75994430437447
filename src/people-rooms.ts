/** People: their accounts, what they prove themselves with, and the browsers that they are signed in with. */
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
import type { AccountStore } from './accounts/store.ts';
import { createThrottle } from './accounts/throttle.ts';
import { createThrottleStore } from './accounts/throttle-store.ts';
import { createWaysStore } from './accounts/ways-store.ts';
import type { Audit } from './audit/store.ts';
import { createBreakGlassAlarm } from './break-glass.ts';
import { createFactorChanges } from './factor-changes.ts';
import type { Sealing } from './keys/sealing.ts';
import type { Notices } from './notices/notices.ts';
import type { ArtifactStore } from './storage/artifacts.ts';
import type { Database } from './storage/transactions.ts';
import { browserLabel } from './web/browser-label.ts';
import { currentRequest } from './web/request-context.ts';

interface PeopleRoomsDeps {
  accountStore: AccountStore;
  artifacts: ArtifactStore;
  notices: Notices;
  brandName: string;
  issuer: string;
  passwordCost?: PasswordCost | undefined;
  sealing: Sealing;
  audit: Audit;
  database: Database;
  now: () => Date;
}

export function createPeopleRooms(deps: PeopleRoomsDeps) {
  const { artifacts, audit, notices, database, now } = deps;
  const proofs = createProofs(deps);
  const throttle = createThrottle({ store: createThrottleStore(database), hmac: deps.sealing.hmac, now });
  return {
    ...proofs,
    accounts: createAccounts({ ...proofs, store: deps.accountStore, throttle, now }),
    accountStore: deps.accountStore,
    peopleListing: createPeopleListing({ database, now }),
    ways: createWaysStore(database),
    devices: createDevicesStore({
      database,
      artifacts,
      label: () => browserLabel(currentRequest().userAgent ?? ''),
      now,
    }),
    factorChanges: createFactorChanges({ ...proofs, audit, notices, now }),
    soundBreakGlass: createBreakGlassAlarm({ audit, notices, now }),
  };
}

function createProofs({ artifacts, brandName, issuer, passwordCost, sealing, database, now }: PeopleRoomsDeps) {
  return {
    passwords: createPasswords(passwordCost ? { cost: passwordCost } : {}),
    generated: createGeneratedMarks({ artifacts }),
    secondFactor: createSecondFactor({ store: createSecondFactorStore(database), sealing, brand: brandName, now }),
    passkeys: createPasskeys({
      store: createPasskeyStore(database),
      challenges: createPasskeyChallenges({ artifacts, sealing, now }),
      issuer,
      brand: brandName,
      now,
    }),
  };
}
