/** What a decision of an approver comes to, pure: on exactly what they saw, never on their own request (threats 115, 116). */
import { AppError } from '../errors.ts';
import { isVisible, visibleText } from '../web/visible-text.ts';
import { type Difference, differences } from './differences.ts';
import {
  type ApprovalRequest,
  type Approver,
  type Audience,
  type FirstApproval,
  type Said,
  sightOf,
  type TwoPersons,
} from './request.ts';
import type { Change, Held } from './store.ts';

/** Of a reason and of a note. */
export const MAX_CHARACTERS = 500;
export const DEFAULT_DAYS = 90;
export const MAX_DAYS = 365;
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

export type Verdict =
  | { outcome: 'approved' | 'denied' }
  /**
   * Another approver has to say the same; `replaced` is what somebody else had said first, on other terms, and `again`
   * that this approver had.
   */
  | { outcome: 'first'; replaced?: FirstApproval | undefined; again?: boolean | undefined }
  /** Nothing was approved; the request now holds what the client says, for the next look. */
  | { outcome: 'changed'; differences: readonly Difference[] }
  /** Another of those that were to be decided together changed: so nothing was. */
  | { outcome: 'undecided' };

/** All that needs no look at the request. */
export interface Prepared extends Decision {
  audience: Audience;
  days: number;
  note: string | undefined;
  at: Date;
}

/** @throws AppError 400 `bad_days`, 400 `note_too_long` */
export function prepare(decision: Decision, at: Date): Prepared {
  const words = parseWords(decision.note);
  if (!words.ok) throw tooLong('note_too_long', 'The note');
  const { audience = 'person', days = DEFAULT_DAYS } = decision;
  if (decision.decision === 'approve' && (!Number.isInteger(days) || days < 1 || days > MAX_DAYS)) {
    throw new AppError('bad_days', 400, `An approval lives between 1 and ${MAX_DAYS} days.`);
  }
  return { ...decision, audience, days, note: words.text, at };
}

/** @throws AppError as `decide` */
function judge(
  request: ApprovalRequest,
  approvers: readonly Approver[],
  decision: Prepared,
  twoPersons: TwoPersons,
): Verdict & { change?: Change } {
  const who = assertMayDecide(request, decision.approver, approvers);
  const { audience, current, seen, note, at } = decision;
  const decided = { decidedAt: at, decidedBy: who.id };
  if (decision.decision === 'deny') {
    return { outcome: 'denied', change: { state: 'denied', note: note ?? null, ...decided } };
  }
  if (audience === 'everyone' && !who.everywhere) throw beyondRole();
  const found = differences(request, current, request.scopes);
  if (found.length > 0) return { outcome: 'changed', differences: found, change: seenAnew(request, current) };
  if (seen !== undefined && seen !== sightOf(request)) {
    return { outcome: 'changed', differences: [{ kind: 'seen_older' }] };
  }
  const expiresAt = new Date(at.getTime() + decision.days * DAY_MS);
  const approval = { state: 'approved', audience, expiresAt, ...decided } as const;
  if (!takesTwo(twoPersons, audience)) return { outcome: 'approved', change: { ...approval, note: note ?? null } };
  const second = secondOf(request, approvers, decision);
  return second.confirms
    ? { outcome: 'approved', change: { ...approval, note: note ?? second.first.note ?? null } }
    : {
        ...{ outcome: 'first', replaced: second.replaced, again: second.again },
        change: { firstApproval: second.first },
      };
}

/** Several as one: where one of them is not what was seen, or waits no more, nothing is decided. */
export function judgeAll(
  held: readonly (Held & { wanted: Prepared })[],
  twoPersons: TwoPersons,
): (Verdict & { change?: Change })[] {
  const verdicts = held.map(({ request, approvers, wanted }): Verdict & { change?: Change } =>
    held.length > 1 && request.state !== 'pending'
      ? { outcome: 'changed', differences: [{ kind: 'waits_no_more' }] }
      : judge(request, approvers, wanted, twoPersons),
  );
  if (!verdicts.some(({ outcome }) => outcome === 'changed')) return verdicts;
  return verdicts.map((verdict) => (verdict.outcome === 'changed' ? verdict : { outcome: 'undecided' }));
}

export function takesTwo(twoPersons: TwoPersons, audience: Audience): boolean {
  return twoPersons === 'always' || (twoPersons === 'everyone' && audience === 'everyone');
}

type First = { replaced?: FirstApproval; again?: boolean };

/** Whether this confirms what somebody else said first, of the same, on the same terms; otherwise it is the first. */
function secondOf(
  request: ApprovalRequest,
  approvers: readonly Approver[],
  { approver, audience, days, note, seen, at }: Prepared,
): { confirms: true; first: FirstApproval } | ({ confirms: false; first: FirstApproval } & First) {
  if (seen === undefined) {
    throw new AppError('seen_required', 400, 'Two people have to approve the same: say what you saw of it.');
  }
  const own: FirstApproval = { by: approver, at, audience, days, sight: sightOf(request), note };
  const first = standingFirst(request, approvers);
  const same = first?.audience === audience && first.days === days && first.sight === own.sight;
  if (!first || !same) {
    if (first?.by === approver) return { confirms: false, first: own, again: true };
    return { confirms: false, first: own, ...(first ? { replaced: first } : {}) };
  }
  if (first.by !== approver) return { confirms: true, first };
  throw new AppError('second_needed', 409, 'You approved this already: now another approver has to.');
}

/** What was said first, as long as whoever said it may still say it. */
export function standingFirst(
  { firstApproval: first, accountId }: ApprovalRequest,
  approvers: readonly Approver[],
): FirstApproval | undefined {
  const who = first && approvers.find(({ id }) => id === first.by);
  if (!who || (first.by === accountId && approvers.length > 1)) return undefined;
  return first.audience === 'person' || who.everywhere ? first : undefined;
}

function assertMayDecide(request: ApprovalRequest, approver: string, approvers: readonly Approver[]): Approver {
  const who = assertApprover(approver, approvers);
  if (request.state !== 'pending') {
    throw new AppError('already_decided', 409, `The request was decided already: it is ${request.state}.`);
  }
  if (isOwn(request, approver, approvers)) {
    throw new AppError('own_request', 403, 'Nobody decides their own request: another administrator has to.');
  }
  return who;
}

/** Threat 116: one's own only where nobody else could. */
export function isOwn(
  { accountId }: Pick<ApprovalRequest, 'accountId'>,
  approver: string,
  approvers: readonly Approver[],
): boolean {
  return accountId === approver && approvers.length > 1;
}

/** @throws AppError 403 `not_approver` */
export function assertApprover(approver: string, approvers: readonly Approver[]): Approver {
  const who = approvers.find(({ id }) => id === approver);
  if (who) return who;
  const message = 'Only an owner, an administrator, or who looks after this MCP server may decide.';
  throw new AppError('not_approver', 403, message);
}

/** The request holds from now on what the approver sees; whoever approved something else has to look again. */
export function seenAnew(request: ApprovalRequest, current: Said): Change {
  return { ...said(current, request.scopes), ...(request.firstApproval ? { firstApproval: null } : {}) };
}

/** What a request holds of the client: no more than what it is about. */
export function said({ clientFingerprint, stated, scopeDigests }: Said, scopes: readonly string[]): Said {
  const digests = scopes.flatMap((scope) => {
    const value = scopeDigests[scope];
    return value === undefined ? [] : [[scope, value] as const];
  });
  return { clientFingerprint, stated, scopeDigests: Object.fromEntries(digests) };
}

/** One line of a person's, undefined where nothing of it can be seen. Too long is refused, never cut. */
export function parseWords(text: string | undefined): { ok: true; text: string | undefined } | { ok: false } {
  const line = visibleText(text ?? '', 'NFC');
  if ([...line].length > MAX_CHARACTERS) return { ok: false };
  return { ok: true, text: isVisible(line) ? line : undefined };
}

export function tooLong(code: string, what: string): AppError {
  return new AppError(code, 400, `${what} is too long: use at most ${MAX_CHARACTERS} characters.`);
}

function beyondRole(): AppError {
  const message = 'Who looks after an MCP server approves for the person who asked, not for everyone.';
  return new AppError('audience_beyond_role', 403, message);
}
