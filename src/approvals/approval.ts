/**
 * The queue of the administrators: a person asks for a client, an approver decides on exactly what they saw of it.
 * An approval takes the queue away and never the press (consent.md §5).
 */
import { AppError } from '../errors.ts';
import {
  assertApprover,
  type Decision,
  judgeAll,
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
/** Of one's own requests. */
const OWN_SHOWN = 20;
/** That are decided together. */
export const MAX_TOGETHER = 20;
/** That end in one unit of work. */
const EXPIRE_BATCH = 100;
const DAY_MS = 86_400_000;

export function createApprovals(deps: {
  store: ApprovalStore;
  /** The redirect URI without a loopback port. */
  redirectKey: (uri: string) => string;
  /** Which approvals take two people. */
  twoPersons: TwoPersons;
  /** After so many days a request that nobody decided is over. */
  requestDays: number;
  now: () => Date;
}) {
  const { store, redirectKey, twoPersons, requestDays, now } = deps;
  const openSince = () => new Date(now().getTime() - requestDays * DAY_MS);
  /** What is past its date waits no more, whether or not that was written yet. */
  const inTime = (request: ApprovalRequest): ApprovalRequest =>
    request.state === 'pending' && request.createdAt <= openSince() ? { ...request, state: 'expired' } : request;

  async function decideAll(decisions: readonly Decision[]): Promise<Outcome[]> {
    const at = now();
    const prepared = [...new Map(decisions.map((one) => [one.id, prepare(one, at)])).values()];
    if (prepared.length > MAX_TOGETHER) {
      throw new AppError('too_many_together', 400, `Decide ${MAX_TOGETHER} together at most.`);
    }
    return store.changeAll(prepared, (held) =>
      judgeAll(
        held.map((one) => ({ ...one, request: inTime(one.request) })),
        twoPersons,
      ),
    );
  }

  return {
    twoPersons,
    requestDays,
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
     * Asks the administrators, or joins the same person's open request for the same; `created` tells which. `expired` is
     * one that was open until now and is over.
     * @throws AppError 400 `reason_too_long`, 429 `too_many`
     */
    async ask(
      asked: ApprovalTerms & { reason?: string | undefined; browserId: string },
    ): Promise<{ request: ApprovalRequest; created: boolean; expired?: ApprovalRequest | undefined }> {
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
        { maxOpen: MAX_OPEN, openSince: openSince() },
      );
      if (opened) return opened;
      throw new AppError('too_many', 429, 'You have many open requests: wait until an administrator has decided some.');
    },
    async find(id: string): Promise<ApprovalRequest | undefined> {
      const request = await store.findById(id);
      return request && inTime(request);
    },
    /** This person's open request for the same. */
    async findOpen(terms: ApprovalTerms): Promise<ApprovalRequest | undefined> {
      const request = await store.findOpen(openKey(terms, redirectKey));
      return request && inTime(request).state === 'pending' ? request : undefined;
    },
    /** What the person last asked for this client at this MCP server, where it was lately and nobody decided in time. */
    findExpired({ accountId, clientId, downstream, resourceId }: ApprovalTerms): Promise<ApprovalRequest | undefined> {
      const lately = new Date(openSince().getTime() - requestDays * DAY_MS);
      return store.findExpired({ accountId, clientId, downstream, resourceId }, lately);
    },
    /** What an administrator denied this person last for the same, unless they have asked for it again since. */
    async findDenied(terms: ApprovalTerms): Promise<ApprovalRequest | undefined> {
      const { accountId, clientId, downstream, resourceId, scopes } = terms;
      const last = await store.findLast({ accountId, clientId, downstream, resourceId, scopes });
      return last?.state === 'denied' ? last : undefined;
    },
    /** What this person asked for, the newest 20 first. */
    async listOwn(accountId: string): Promise<ApprovalEntry[]> {
      return (await store.listOf(accountId, OWN_SHOWN)).map((entry) => ({ ...entry, state: inTime(entry).state }));
    },
    async list({ state }: { state?: ApprovalState | undefined } = {}): Promise<ApprovalEntry[]> {
      const found = (await store.list(state)).map((entry) => ({ ...entry, state: inTime(entry).state }));
      return found.filter((entry) => state === undefined || entry.state === state);
    },
    /** Ends some of what is past its date, the longest waiting first. @returns those; none where all is done */
    expire: (): Promise<ApprovalRequest[]> => store.expire({ openSince: openSince(), at: now(), limit: EXPIRE_BATCH }),
    /** Of who asked. False where it is decided or withdrawn already. */
    async withdraw(id: string): Promise<boolean> {
      const { done } = await store.change(id, (request) =>
        inTime(request).state === 'pending'
          ? { done: true, change: { state: 'withdrawn', decidedAt: now() } }
          : { done: false },
      );
      return done;
    },
    /** An approver looks: the request holds from now on what they see. @returns what differs from the last look */
    async look(id: string, current: Said): Promise<{ request: ApprovalRequest; differences: readonly Difference[] }> {
      return store.change(id, (request) => {
        const found = inTime(request).state === 'pending' ? differences(request, current, request.scopes) : [];
        return found.length > 0 ? { differences: found, change: seenAnew(request, current) } : { differences: found };
      });
    },
    /**
     * Of several decisions on one request at the same time one wins.
     * @throws AppError 403 `not_approver`, 403 `own_request`, 403 `audience_beyond_role`, 404 `unknown_approval`,
     *   409 `already_decided`, 409 `second_needed`, 400 `bad_days`, 400 `note_too_long`, 400 `seen_required`
     */
    async decide(decision: Decision): Promise<Outcome> {
      const [outcome] = await decideAll([decision]);
      if (!outcome) throw new Error('a decision without an outcome');
      return outcome;
    },
    /** All of them, or none where one is no longer what was seen. @throws AppError as `decide`, 400 `too_many_together` */
    decideAll,
    /**
     * Whoever approved first thinks better of it before a second person confirmed.
     * @throws AppError 403 `not_first_approver`, 404 `unknown_approval`, 409 `no_first_approval`
     */
    async withdrawFirst({ id, approver }: { id: string; approver: string }) {
      return store.change(id, (request) => {
        const { state, firstApproval } = inTime(request);
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
