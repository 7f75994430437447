/** The catalogue of everything that is recorded: one helper per event, nothing secret in any. */

/** An event as it is stored; `at`, `requestId` and `seq` are added when it is written. */
export interface AuditEvent {
  type: string;
  /** `allowed` and `refused` are decisions; `recorded` is a fact. */
  outcome: 'allowed' | 'refused' | 'recorded';
  /** Stable lower-case code of why, e.g. `reuse`, `consent_revoked`. */
  reason?: string | undefined;
  /** Who acted, where it is not who the request context says. */
  actor?: string | undefined;
  accountId?: string | undefined;
  clientId?: string | undefined;
  /** Canonical resource URI. */
  resource?: string | undefined;
  scopes?: readonly string[] | undefined;
  consentId?: string | undefined;
  grantId?: string | undefined;
  /** `jti` of an access token: joins issue here and use at the guard. */
  tokenId?: string | undefined;
  details?: Record<string, string | number | boolean | null | readonly string[]> | undefined;
}

type Subject = Pick<AuditEvent, 'accountId' | 'clientId' | 'resource' | 'scopes' | 'consentId' | 'grantId'>;

const allowed =
  (type: string) =>
  (subject: Subject, details?: AuditEvent['details']): AuditEvent => ({
    type,
    outcome: 'allowed',
    ...subject,
    details,
  });
const refused =
  (type: string) =>
  (subject: Subject, reason: string, details?: AuditEvent['details']): AuditEvent => ({
    type,
    outcome: 'refused',
    reason,
    ...subject,
    details,
  });
const recorded =
  (type: string) =>
  (subject: Subject, details?: AuditEvent['details'], reason?: string): AuditEvent => ({
    type,
    outcome: 'recorded',
    reason,
    ...subject,
    details,
  });

export const events = {
  /** A person proved who they are. */
  signInSucceeded: allowed('sign_in.succeeded'),
  /** A known account could not be signed in; unknown ones are only counted. */
  signInFailed: refused('sign_in.failed'),
  /** A break-glass account signed in with its password although a connection is exclusive. */
  breakGlassUsed: allowed('sign_in.break_glass'),
  sessionEnded: recorded('session.ended'),
  passwordChanged: recorded('password.changed'),
  /** `details.passkey` is what the person calls it. */
  passkeyAdded: recorded('passkey.added'),
  passkeyRenamed: recorded('passkey.renamed'),
  passkeyRemoved: recorded('passkey.removed'),
  /** Passwords take a code too from now on, or no longer. */
  secondFactorAdded: recorded('second_factor.added'),
  secondFactorRemoved: recorded('second_factor.removed'),
  recoveryCodesRenewed: recorded('second_factor.codes_renewed'),
  recoveryCodeUsed: allowed('second_factor.code_used'),
  languageChanged: recorded('account.language_changed'),

  clientRegistered: recorded('client.registered'),
  clientUpdated: recorded('client.updated'),
  clientDeleted: recorded('client.deleted'),
  clientRevoked: recorded('client.revoked'),
  clientCreated: recorded('client.created'),
  /** A blocked or revoked client is let in again. */
  clientRestored: recorded('client.restored'),
  /** What stands behind it, in `details.before` and `after`; sign-ins under the old kind ended. */
  clientKindChanged: recorded('client.kind_changed'),
  /** `details.previousUntil`: until when the secret before is taken too. */
  clientSecretRotated: recorded('client.secret_rotated'),
  clientSecretEnded: recorded('client.secret_ended'),
  /** An owner let a static client ask for the administration API, or no longer. */
  clientAdminMarked: recorded('client.admin_marked'),
  /** A metadata document was seen for the first time at a consent, or no longer says what it said. */
  clientDocumentRecorded: recorded('client.document_recorded'),
  /** `details.members` names what the document says differently now. */
  clientDocumentChanged: recorded('client.document_changed'),
  clientDocumentImported: recorded('client.document_imported'),
  /** Registrations that nobody used or uses any more went; only how many. */
  clientsReaped: recorded('client.reaped'),

  /** A press on a page that showed everything. */
  consentApproved: allowed('consent.approved'),
  /**
   * A press under a living consent, `details.under`; `details.page` is `short`, or `connect` where signing in was the
   * press.
   */
  consentContinued: allowed('consent.continued'),
  consentDenied: refused('consent.denied'),
  consentRevoked: recorded('consent.revoked'),
  /** Scopes were taken out, and sign-ins that carried one ended: `scopes` are those. */
  consentNarrowed: recorded('consent.narrowed'),
  /** The client is no longer what was agreed to: nothing is minted until the person pressed a full page again. */
  consentSuspended: recorded('consent.suspended'),
  /** A person wants to hear no more of a client, or again. */
  clientBlocked: recorded('consent.client_blocked'),
  clientUnblocked: recorded('consent.client_unblocked'),

  policyChanged: recorded('policy.changed'),
  approvalRequested: recorded('approval.requested'),
  approvalDecided: recorded('approval.decided'),
  /** Where two have to approve: the first of them did, or thought better of it. */
  approvalFirst: recorded('approval.first'),
  approvalFirstWithdrawn: recorded('approval.first_withdrawn'),
  approvalRevoked: recorded('approval.revoked'),
  /** Nobody decided in time. */
  approvalExpired: recorded('approval.expired'),
  signInCancelled: refused('authorization.cancelled'),

  codeIssued: allowed('authorization.code_issued'),
  /** An authorization request that a signed-in person brought was refused. */
  authorizationRefused: refused('authorization.refused'),
  requestPushed: recorded('authorization.request_pushed'),
  deviceStarted: recorded('device.started'),
  deviceApproved: allowed('device.approved'),

  /** `details.grantType` says by which grant, `details.refresh` whether a refresh token went with it. */
  tokenIssued: (subject: Subject & { tokenId?: string | undefined }, details: AuditEvent['details']): AuditEvent => ({
    type: 'token.issued',
    outcome: 'allowed',
    ...subject,
    details,
  }),
  tokenRefused: refused('token.refused'),
  tokenRevoked: recorded('token.revoked'),
  /** A code or refresh token came back a second time, or a client gave its token back: the whole sign-in ended. */
  grantRevoked: recorded('grant.revoked'),

  accountCreated: recorded('account.created'),
  accountDisabled: recorded('account.disabled'),
  accountEnabled: recorded('account.enabled'),
  /** All that a person had here ended, and they may sign in again. */
  accessEnded: recorded('account.access_ended'),
  /** A provider or directory says that somebody left who must not be shut out: an alarm. */
  leaverKept: refused('account.leaver_kept'),
  /** A person signed in by a connection for the first time, or added it themselves (`details.method` is `link`). */
  identityLinked: recorded('identity.linked'),
  identityUnlinked: recorded('identity.unlinked'),
  /** Somebody tried to be signed in by what is somebody else's here, or not as the rules want it. */
  identityLinkRefused: refused('identity.link_refused'),
  /** `details.breakGlass`: may sign in with a password although a connection is exclusive. */
  breakGlassChanged: recorded('account.break_glass_changed'),
  /** What an administrator says of roles; `reason` names what. */
  roleChanged: recorded('role.changed'),
  /** A person became a member, by the word of `details.source`: a connection, or `administrator`. */
  roleGained: recorded('role.gained'),
  roleLost: recorded('role.lost'),
  /** Somebody may administer this server, or no longer; `details.by` is the connection whose mapping says so. */
  ownerMade: recorded('account.owner_made'),
  ownerEnded: recorded('account.owner_ended'),
  /** No connection says any more that the person is an owner, and nobody else is one. */
  ownerKept: recorded('account.owner_kept'),
  /** `details.connection` is its id. The reason `any_tenant`: everybody with a work account anywhere may come. */
  connectionAdded: recorded('connection.added'),
  /** `details.changed` names what; `details.orphaned` how many identities count no more until they are confirmed. */
  connectionUpdated: recorded('connection.updated'),
  connectionRemoved: recorded('connection.removed'),
  /** Somebody let a connection be tried step by step; `details.failed` names the steps that failed. */
  connectionTested: recorded('connection.tested'),
  connectionIdentitiesConfirmed: recorded('connection.identities_confirmed'),
  /** Owners were told that a connection needs them; the reason says of what. */
  connectionAlarm: recorded('connection.alarm'),
  /** A directory's bearer token; `details.connection` says whose people it may touch. */
  scimTokenCreated: recorded('scim.token_created'),
  scimTokenRevoked: recorded('scim.token_revoked'),
  /** A directory's word: ids and names of attributes, nothing of what they say. */
  scimUserCreated: recorded('scim.user_created'),
  scimUserChanged: recorded('scim.user_changed'),
  scimUserRemoved: recorded('scim.user_removed'),
  scimGroupCreated: recorded('scim.group_created'),
  scimGroupChanged: recorded('scim.group_changed'),
  scimGroupRemoved: recorded('scim.group_removed'),
  /** A directory tried to make one person another: an alarm. */
  scimRefused: refused('scim.refused'),
  resourceCreated: recorded('resource.created'),
  resourceUpdated: recorded('resource.updated'),
  resourceDisabled: recorded('resource.disabled'),
  resourceEnabled: recorded('resource.enabled'),
  /** Somebody had this server read what an MCP server says of itself, before registering it. */
  resourceInspected: recorded('resource.inspected'),
  /** Its answers were tried with tokens of `details.subject`, which is nobody; `details.findings` are the codes. */
  resourceChecked: recorded('resource.checked'),
  /** `details.roleGiven`: the person became a resource owner by it. */
  resourceOwnerAdded: recorded('resource.owner_added'),
  resourceOwnerRemoved: recorded('resource.owner_removed'),
  /** A scope would read differently: suspended until its owner decides. */
  scopeProposed: recorded('resource.scope_proposed'),
  scopeAccepted: recorded('resource.scope_accepted'),
  scopeRejected: recorded('resource.scope_rejected'),
  /** A signing key, published from now on; `details.activeFrom` says from when it signs. */
  keyCreated: recorded('key.created'),
  /** The next key was told to begin at once, in place of `details.before`. */
  keyActivated: recorded('key.activated'),
  /** Published no more. The reason `overlap_over`: nothing that it signed was valid any longer. */
  keyRetired: recorded('key.retired'),
  /** A client called the administration API for a person and changed something. */
  adminApiCalled: allowed('admin.api_called'),
  migrated: recorded('database.migrated'),
  /** An empty installation was filled with what is only for looking at. */
  demoDataMade: recorded('database.demo_data_made'),

  /** An access review: `details.review` is its id, `details.of` the MCP server or client. */
  reviewStarted: recorded('review.started'),
  /** A reviewer said something of one consent; `details` what it was before and after. */
  reviewAnswered: recorded('review.answered'),
  /** Somebody ended the review before its date; `details.undecided` had no answer. */
  reviewEndedEarly: recorded('review.ended_early'),
  /** With how many were kept, revoked, expired without an answer, and gone by themselves. */
  reviewClosed: recorded('review.closed'),
  reviewExported: recorded('review.exported'),
  /** Somebody took a part of this record along; `details` say which. */
  auditExported: recorded('audit.exported'),
} as const;
