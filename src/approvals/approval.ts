/**
 * The queue of the administrators: a person asks for a client, an approver decides on exactly what they saw of it.
 * An approval takes the queue away and never the press (consent.md §5).
 */
import { AppError } from '../errors.ts';
import { isVisible, visibleText } from '../web/visible-text.ts';
import { type Difference, differences } from './differences.ts';
import {
  type ApprovalRequest,
  type ApprovalState,
  type ApprovalTerms,
  type Approver,
  type Audience,
  openKey,
  type Said,
  sightOf,
} from './request.ts';
import type { ApprovalEntry, ApprovalStore, Change } from './store.ts';

export type Approvals = ReturnType<typeof createApprovals>;

/** Of a reason and of a note. */
export const MAX_CHARACTERS = 500;
export const DEFAULT_DAYS = 90;
export const MAX_DAYS = 365;
const MAX_OPEN = 20;
const DAY_MS = 86_400_000;

export interface Decision {
  id: string;
  decision: 'approve' | 'deny';
  /** The deciding account's id. */
  approver: string;
  /** Whom an approval serves; who asked where it is left out. */
  audience?: Audience | undefined;
  /** For who asked; 500 characters at most. */
  note?: string | undefined;
  /** How long an approval lives; 90 where it is left out, 365 at most. */
  days?: number | undefined;
  /** What the client says, and how the scopes read, at this moment. */
  current: Said;
  /** `sightOf` what was before the approver's eyes, where they may have looked a while ago. */
  seen?: string | undefined;
}

export type Outcome = { request: ApprovalRequest } & (
  | { outcome: 'approved' | 'denied' }
  /** Nothing was approved; the request now holds what the client says, for the next look. */
  | { outcome: 'changed'; differences: readonly Difference[] }
);

export function createApprovals(deps: {
  store: ApprovalStore;
  /** The redirect URI without a loopback port. */
  redirectKey: (uri: string) => string;
  now: () => Date;
}) {
  const { store, redirectKey, now } = deps;

  return {
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
      const digests = asked.scopes.flatMap((scope) => entry(scope, asked.scopeDigests));
      const { accountId, clientId, downstream, redirectUri, resourceId, clientFingerprint, stated, browserId } = asked;
      const opened = await store.open(
        {
          ...{ accountId, clientId, downstream, redirectUri, resourceId, clientFingerprint, stated, browserId },
          scopes: [...new Set(asked.scopes)],
          scopeDigests: Object.fromEntries(digests),
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
        return found.length > 0
          ? { differences: found, change: said(current, request.scopes) }
          : { differences: found };
      });
    },
    /**
     * Of several decisions at once one wins.
     * @throws AppError 403 `not_approver`, 403 `own_request`, 404 `unknown_approval`, 409 `already_decided`,
     *   400 `bad_days`, 400 `note_too_long`
     */
    async decide(decision: Decision): Promise<Outcome> {
      const verdict = prepare(decision, now());
      const { approver, current, seen } = decision;
      return store.change(decision.id, (request, approvers): { change?: Change } & Verdict => {
        assertMayDecide(request, approver, approvers);
        if (decision.decision === 'deny') return { outcome: 'denied', change: verdict };
        const found = differences(request, current, request.scopes);
        if (found.length > 0) return { outcome: 'changed', differences: found, change: said(current, request.scopes) };
        if (seen !== undefined && seen !== sightOf(request)) {
          return { outcome: 'changed', differences: [{ kind: 'seen_older' }] };
        }
        return { outcome: 'approved', change: verdict };
      });
    },
    /**
     * Takes an approval back: whoever relied on it is asked to wait again.
     * @throws AppError 403 `not_approver`, 404 `unknown_approval`, 409 `not_approved`
     */
    async revoke({ id, approver }: { id: string; approver: string }): Promise<ApprovalRequest> {
      const { request } = await store.change(id, ({ state }, approvers) => {
        assertApprover(approver, approvers);
        if (state !== 'approved')
          throw new AppError('not_approved', 409, `There is nothing to take back: the request is ${state}.`);
        return { change: { state: 'withdrawn', audience: null, decidedAt: now(), decidedBy: approver } };
      });
      return request;
    },
  };
}

type Verdict = { outcome: 'approved' | 'denied' } | { outcome: 'changed'; differences: readonly Difference[] };

/** One line of a person's, undefined where nothing of it can be seen. Too long is refused, never cut. */
export function parseWords(text: string | undefined): { ok: true; text: string | undefined } | { ok: false } {
  const line = visibleText(text ?? '', 'NFC');
  if ([...line].length > MAX_CHARACTERS) return { ok: false };
  return { ok: true, text: isVisible(line) ? line : undefined };
}

/** What is written if the decision stands; all that needs no look at the request. */
function prepare({ decision, approver, audience = 'person', note, days = DEFAULT_DAYS }: Decision, at: Date): Change {
  const words = parseWords(note);
  if (!words.ok) throw tooLong('note_too_long', 'The note');
  const decided = { decidedAt: at, decidedBy: approver, note: words.text ?? null };
  if (decision === 'deny') return { state: 'denied', ...decided };
  if (!Number.isInteger(days) || days < 1 || days > MAX_DAYS) {
    throw new AppError('bad_days', 400, `An approval lives between 1 and ${MAX_DAYS} days.`);
  }
  return { state: 'approved', audience, expiresAt: new Date(at.getTime() + days * DAY_MS), ...decided };
}

function assertMayDecide(request: ApprovalRequest, approver: string, approvers: readonly Approver[]): void {
  assertApprover(approver, approvers);
  if (request.state !== 'pending') {
    throw new AppError('already_decided', 409, `The request was decided already: it is ${request.state}.`);
  }
  if (request.accountId === approver && approvers.length > 1) {
    throw new AppError('own_request', 403, 'Nobody decides their own request: another administrator has to.');
  }
}

function assertApprover(approver: string, approvers: readonly Approver[]): void {
  if (approvers.some(({ id }) => id === approver)) return;
  throw new AppError('not_approver', 403, 'Only an owner whose account is not disabled may decide.');
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

/** What a request holds of the client: no more than what it is about. */
function said({ clientFingerprint, stated, scopeDigests }: Said, scopes: readonly string[]): Said {
  const digests = scopes.flatMap((scope) => entry(scope, scopeDigests));
  return { clientFingerprint, stated, scopeDigests: Object.fromEntries(digests) };
}

function entry(name: string, from: Readonly<Record<string, string>>): [string, string][] {
  const value = from[name];
  return value === undefined ? [] : [[name, value]];
}

function tooLong(code: string, what: string): AppError {
  return new AppError(code, 400, `${what} is too long: use at most ${MAX_CHARACTERS} characters.`);
}
