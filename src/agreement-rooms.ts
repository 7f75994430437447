/** What a request is judged by: rules, approvals, people's roles and what they agreed to, behind the one agreement. */
import { createAdmission } from './admission.ts';
import { createApprovals } from './approvals/approval.ts';
import { createApprovalListing } from './approvals/listing-store.ts';
import { createApprovalStore } from './approvals/store.ts';
import type { Audit } from './audit/store.ts';
import type { createClientRooms } from './client-rooms.ts';
import { clientFingerprint } from './clients/client.ts';
import { isSharedHost } from './clients/provenance.ts';
import { redirectKey } from './clients/redirect-uris.ts';
import type { Config } from './config.ts';
import { createAgreement } from './consents/agreement.ts';
import { createConnectedStore } from './consents/connected-store.ts';
import { createConsentListing } from './consents/listing-store.ts';
import { createNarrowingStore } from './consents/narrowing-store.ts';
import { createPressStore } from './consents/press-store.ts';
import { createRefusalStore } from './consents/refusal-store.ts';
import { createRefusals } from './consents/refusals.ts';
import type { ConsentStore } from './consents/store.ts';
import { createPolicy } from './policy/policy.ts';
import { createPolicyStore } from './policy/store.ts';
import { scopeDigest } from './resources/scopes.ts';
import { createApproversStore } from './roles/approvers-store.ts';
import { createAuthorityStore } from './roles/authority-store.ts';
import { createMembershipStore } from './roles/membership-store.ts';
import { createRoles } from './roles/roles.ts';
import { createStandingStore } from './roles/standing-store.ts';
import { createRoleStore } from './roles/store.ts';
import type { GrantStore } from './storage/grants.ts';
import type { Database } from './storage/transactions.ts';

interface AgreementRoomsDeps extends Pick<ReturnType<typeof createClientRooms>, 'clients' | 'stated' | 'familyOf'> {
  consents: ConsentStore;
  grants: GrantStore;
  approving: Pick<Config, 'twoPersonApprovals' | 'approvalRequestDays'>;
  audit: Audit;
  database: Database;
  now: () => Date;
}

export function createAgreementRooms(deps: AgreementRoomsDeps) {
  const { clients, stated, familyOf, consents, database, now } = deps;
  const roleRooms = createRoleRooms(deps);
  const decisions = createDecisions(deps, roleRooms);
  const admit = createAdmission({ ...decisions, ...roleRooms, clients });
  const described = { clientFingerprint, scopeDigest, redirectKey, stated };
  return {
    ...roleRooms,
    ...decisions,
    agreement: createAgreement({ ...described, consents, admit, familyOf, now }),
    consents,
    presses: createPressStore({ database, now }),
    consentListing: createConsentListing({ database, now }),
    connected: createConnectedStore({ database, now }),
    refusals: createRefusals({ store: createRefusalStore(database), now }),
  };
}

function createRoleRooms({ consents, grants, audit, database, now }: AgreementRoomsDeps) {
  const memberships = createMembershipStore(database);
  return {
    memberships,
    roles: createRoles({
      memberships,
      standings: createStandingStore({ database, now }),
      narrowing: createNarrowingStore({ database, grants }),
      consents,
      audit,
      database,
      now,
    }),
    roleStore: createRoleStore(database),
    authority: createAuthorityStore(database),
    approvers: createApproversStore(database),
  };
}

/** The operator's rules, and what administrators decided where these leave it to them. */
function createDecisions(
  { approving, audit, database, now }: AgreementRoomsDeps,
  { approvers }: ReturnType<typeof createRoleRooms>,
) {
  const policyStore = createPolicyStore({ database, approvers, now });
  const onFailure = () => audit.count('policy.judged', 'rule_failed');
  return {
    policy: createPolicy({ store: policyStore, isSharedHost, onFailure }),
    policyStore,
    approvals: createApprovals({
      store: createApprovalStore({ database, holdApprovers: approvers.hold }),
      redirectKey,
      twoPersons: approving.twoPersonApprovals,
      requestDays: approving.approvalRequestDays,
      now,
    }),
    approvalListing: createApprovalListing(database),
  };
}
