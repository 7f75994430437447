/** Who people are elsewhere: what providers and directories say of them, and how they come, sign out and leave by it. */
import type { Accounts } from './accounts/account.ts';
import type { AccountStore } from './accounts/store.ts';
import { createArrivals } from './arrivals.ts';
import type { Audit } from './audit/store.ts';
import type { ConsentStore } from './consents/store.ts';
import { createIdentityStore } from './federation/identity-store.ts';
import { createConnectionPeopleStore } from './federation/people-store.ts';
import { createUpstreamSessionStore } from './federation/upstream-session-store.ts';
import type { Sealing } from './keys/sealing.ts';
import { createLeavers } from './leavers.ts';
import type { Notices } from './notices/notices.ts';
import type { Roles } from './roles/roles.ts';
import { createScimGroupStore } from './scim/group-store.ts';
import { createScimTokenStore } from './scim/token-store.ts';
import { createScimUserStore } from './scim/user-store.ts';
import type { Sessions } from './sessions.ts';
import type { ArtifactStore } from './storage/artifacts.ts';
import type { Database } from './storage/transactions.ts';
import { createUpstreamLogouts } from './upstream-logouts.ts';

export function createDirectoryRooms(deps: {
  accounts: Accounts;
  accountStore: AccountStore;
  roles: Roles;
  sessions: Sessions;
  consents: ConsentStore;
  artifacts: ArtifactStore;
  notices: Notices;
  sealing: Sealing;
  audit: Audit;
  database: Database;
  now: () => Date;
}) {
  const { database, now } = deps;
  const identityStore = createIdentityStore(deps);
  const scimUsers = createScimUserStore({ database, now });
  const upstreamSessions = createUpstreamSessionStore(deps);
  const leavers = createLeavers({ ...deps, warn: deps.notices.leaverKept });
  return {
    identityStore,
    connectionPeople: createConnectionPeopleStore({ database, now }),
    scimTokens: createScimTokenStore({ database, now }),
    scimUsers,
    scimGroups: createScimGroupStore({ database, now }),
    upstreamSessions,
    upstreamLogouts: createUpstreamLogouts({ ...deps, upstreamSessions }),
    leavers,
    arrivals: createArrivals({ ...deps, leavers, identityStore, isProvisioned: scimUsers.isProvisioned }),
  };
}
