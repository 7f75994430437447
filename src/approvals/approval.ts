/**
 * The queue of the administrators: a person asks for a client, an approver decides on exactly what they saw of it.
 * An approval takes the queue away and never the press (consent.md §5).
 */
import { AppError } from '../errors.ts';
import {
  assertApprover,
  type Decision,
  judge,
  parseWords,
  prepare,
  said,
  seenAnew,
  tooLong,
  type Verdict,
} from './deciding.ts';
import { type Difference, differences } from './differences.ts';
import {
  type ApprovalRequest,
  type ApprovalState,
  type ApprovalTerms,
  type FirstApproval,
  openKey,
  type Said,
  type TwoPersons,
} from './request.ts';
import type { ApprovalEntry, ApprovalStore } from './store.ts';

export type Approvals = ReturnType<typeof createApprovals>;

export type Outcome = { request: ApprovalRequest } & Verdict;

const MAX_OPEN = 20;

export function createApprovals(deps: {
  store: ApprovalStore;
  /** The redirect URI without a loopback port. */
  redirectKey: (uri: string) => string;
  /** Which approvals take two people. */
  twoPersons: TwoPersons;
  now: () => Date;
}) {
  const { store, redirectKey, twoPersons, now } = deps;

  return {
    twoPersons,
    /**
     * Which of the scopes living approvals cover: given to this person or to everyone, for the same client and
     * downstream client as they describe themselves now, the same redirects, the same resource, and scopes that still
     * read as they did.
     */
    async covering(terms: ApprovalTerms): Promise<{ scopes: string[]; ids: string[] }> {
      const { clientId, resourceId, accountId } = terms;
      const living = await store.listLiving({ clientId, resourceId, accountId, at: now() });
      const fitting = living.filter((approval) => sameParties(approval, terms, redirectKey));
      const covered = (scope: string) => fitting.filter((approval) => coversScope(approval, terms, scope));
      const scopes = terms.scopes.filter((scope) => covered(scope).length > 0);
      return { scopes, ids: [...new Set(scopes.flatMap((scope) => covered(scope).map(({ id }) => id)))] };
    },
    /**
     * Asks the administrators, or joins the same person's open request for the same; `created` tells which.
     * @throws AppError 400 `reason_too_long`, 429 `too_many`
     */
    async ask(
      asked: ApprovalTerms & { reason?: string | undefined; browserId: string },
    ): Promise<{ request: ApprovalRequest; created: boolean }> {
      const reason = parseWords(asked.reason);
      if (!reason.ok) throw tooLong('reason_too_long', 'The reason');
      const { accountId, clientId, downstream, redirectUri, resourceId, browserId } = asked;
      const opened = await store.open(
        {
          ...{ accountId, clientId, downstream, redirectUri, resourceId, browserId },
          ...said(asked, asked.scopes),
          scopes: [...new Set(asked.scopes)],
          openKey: openKey(asked, redirectKey),
          reason: reason.text,
          createdAt: now(),
        },
        MAX_OPEN,
      );
      if (opened) return opened;
      throw new AppError('too_many', 429, 'You have many open requests: wait until an administrator has decided some.');
    },
    find: (id: string): Promise<ApprovalRequest | undefined> => store.findById(id),
    /** This person's open request for the same. */
    findOpen: (terms: ApprovalTerms) => store.findOpen(openKey(terms, redirectKey)),
    list: ({ state }: { state?: ApprovalState | undefined } = {}): Promise<ApprovalEntry[]> => store.list(state),
    /** Of who asked. False where it is decided or withdrawn already. */
    async withdraw(id: string): Promise<boolean> {
      const { done } = await store.change(id, ({ state }) =>
        state === 'pending' ? { done: true, change: { state: 'withdrawn', decidedAt: now() } } : { done: false },
      );
      return done;
    },
    /** An approver looks: the request holds from now on what they see. @returns what differs from the last look */
    async look(id: string, current: Said): Promise<{ request: ApprovalRequest; differences: readonly Difference[] }> {
      return store.change(id, (request) => {
        const found = request.state === 'pending' ? differences(request, current, request.scopes) : [];
        return found.length > 0 ? { differences: found, change: seenAnew(request, current) } : { differences: found };
      });
    },
    /**
     * Of several decisions at once one wins.
     * @throws AppError 403 `not_approver`, 403 `own_request`, 403 `audience_beyond_role`, 404 `unknown_approval`,
     *   409 `already_decided`, 409 `second_needed`, 400 `bad_days`, 400 `note_too_long`, 400 `seen_required`
     */
    async decide(decision: Decision): Promise<Outcome> {
      const prepared = prepare(decision, now());
      return store.change(decision.id, (request, approvers) => judge(request, approvers, prepared, twoPersons));
    },
    /**
     * Whoever approved first thinks better of it before a second person confirmed.
     * @throws AppError 403 `not_first_approver`, 404 `unknown_approval`, 409 `no_first_approval`
     */
    async withdrawFirst({ id, approver }: { id: string; approver: string }) {
      return store.change(id, ({ state, firstApproval }) => {
        const first = state === 'pending' ? firstApproval : undefined;
        if (!first) throw new AppError('no_first_approval', 409, 'There is no first approval to withdraw.');
        if (first.by !== approver) throw new AppError('not_first_approver', 403, 'Somebody else approved first.');
        return { withdrawn: first satisfies FirstApproval, change: { firstApproval: null } };
      });
    },
    /**
     * Takes an approval back: whoever relied on it is asked to wait again.
     * @throws AppError 403 `not_approver`, 404 `unknown_approval`, 409 `not_approved`
     * @returns the request, and as it was before
     */
    async revoke({ id, approver }: { id: string; approver: string }) {
      return store.change(id, (before, approvers) => {
        assertApprover(approver, approvers);
        if (before.state !== 'approved')
          throw new AppError('not_approved', 409, `There is nothing to take back: the request is ${before.state}.`);
        return {
          before,
          change: { state: 'withdrawn' as const, audience: null, decidedAt: now(), decidedBy: approver },
        };
      });
    },
  };
}

function sameParties(approval: ApprovalRequest, terms: ApprovalTerms, redirectKey: (uri: string) => string): boolean {
  const same = (one?: string, other?: string) => redirectKey(one ?? '') === redirectKey(other ?? '');
  return (
    approval.clientId === terms.clientId &&
    approval.resourceId === terms.resourceId &&
    approval.clientFingerprint === terms.clientFingerprint &&
    same(approval.redirectUri, terms.redirectUri) &&
    approval.downstream?.clientId === terms.downstream?.clientId &&
    same(approval.downstream?.redirectUri, terms.downstream?.redirectUri)
  );
}

function coversScope(approval: ApprovalRequest, terms: ApprovalTerms, scope: string): boolean {
  const digest = approval.scopeDigests[scope];
  return approval.scopes.includes(scope) && typeof digest === 'string' && digest === terms.scopeDigests[scope];
}
