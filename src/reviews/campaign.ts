/** An access review: everybody who had access at one moment, and what reviewers say of each until a date. */
import { AppError } from '../errors.ts';
import { isVisible, readableLine, visibleText } from '../web/visible-text.ts';

export type ReviewSubject = 'resource' | 'client';

/** `expired`: nobody answered in time, so the access ended; `gone`: it had ended by itself. */
export type ReviewDecision = 'pending' | 'kept' | 'revoked' | 'expired' | 'gone';
export const DECISIONS: readonly ReviewDecision[] = ['pending', 'kept', 'revoked', 'expired', 'gone'];
export type ReviewCounts = Record<ReviewDecision, number>;

export interface Campaign {
  id: string;
  name: string;
  /** What is reviewed: an MCP server or a client. */
  subject: ReviewSubject;
  subjectId: string;
  /** The account that started it. */
  createdBy: string;
  createdAt: Date;
  /** Whatever nobody answered for by then ends. */
  dueAt: Date;
  closedAt: Date | undefined;
}

/** With what its parties are called, and how far it is. */
export interface CampaignEntry extends Campaign {
  /** '' where the client has none. */
  subjectName: string;
  /** URI of the MCP server, or the client's id. */
  subjectAddress: string;
  createdByEmail: string;
  counts: ReviewCounts;
}

/** One consent under review; all but the decision as it was when the review began. */
export interface ReviewItem {
  id: string;
  consentId: string;
  accountId: string;
  email: string;
  /** As they are called now, for who has no address; '' where nobody knows. */
  personName: string;
  clientId: string;
  /** As the client states it, made harmless; '' where it has none. */
  clientName: string;
  /** Where the client takes the person back to; '' for the device flow. */
  clientHost: string;
  /** The client that a proxy named. */
  actingFor: string | undefined;
  resourceUri: string;
  resourceName: string;
  scopes: readonly string[];
  since: Date;
  lastUsedAt: Date | undefined;
  decision: ReviewDecision;
  /** An account's id; undefined where nobody decided. */
  decidedBy: string | undefined;
  decidedByEmail: string | undefined;
  decidedAt: Date | undefined;
  note: string | undefined;
}

/** Who reviews. `reach`: only reviews of these MCP servers; undefined: all reviews. */
export interface Reviewer {
  accountId: string;
  reach: readonly string[] | undefined;
}

/** `closing`: past its date, and what nobody answered for is still being ended. */
export type CampaignState = 'open' | 'closing' | 'closed';

export const MAX_DAYS = 90;
/** Of consents in one review. */
export const MAX_ITEMS = 20_000;
/** Of a note. */
const MAX_CHARACTERS = 500;
const MAX_NAME_CHARACTERS = 80;
const DAY_MS = 86_400_000;

export function stateOf({ dueAt, closedAt }: Pick<Campaign, 'dueAt' | 'closedAt'>, now: Date): CampaignState {
  if (closedAt) return 'closed';
  return dueAt.getTime() <= now.getTime() ? 'closing' : 'open';
}

/** @throws AppError 400 `invalid_text` */
export function parseName(name: string): string {
  return readableLine(name, { what: 'The name of the review', maxCharacters: MAX_NAME_CHARACTERS });
}

/** @throws AppError 400 `bad_review_days` */
export function dueAfter(days: number, now: Date): Date {
  if (Number.isInteger(days) && days >= 1 && days <= MAX_DAYS) return new Date(now.getTime() + days * DAY_MS);
  throw new AppError('bad_review_days', 400, `A review takes between 1 and ${MAX_DAYS} days.`);
}

/**
 * @returns undefined where nothing of it can be seen
 * @throws AppError 400 `review_note_too_long`
 */
export function parseNote(note: string | undefined): string | undefined {
  const line = visibleText(note ?? '', 'NFC');
  if ([...line].length > MAX_CHARACTERS)
    throw new AppError('review_note_too_long', 400, `The note is too long: use at most ${MAX_CHARACTERS} characters.`);
  return isVisible(line) ? line : undefined;
}

/** Whether the reviewer may see and work on it. */
export function isWithinReach({ subject, subjectId }: Campaign, { reach }: Pick<Reviewer, 'reach'>): boolean {
  return reach === undefined || (subject === 'resource' && reach.includes(subjectId));
}

/** @throws AppError 404 `unknown_review`, also for one that is not theirs to see */
export function assertWithinReach<One extends Campaign>(
  campaign: One | undefined,
  reviewer: Pick<Reviewer, 'reach'>,
): asserts campaign is One {
  if (campaign && isWithinReach(campaign, reviewer)) return;
  throw new AppError('unknown_review', 404, 'There is no such review.');
}

/** @throws AppError 409 `review_closed` */
export function assertOpen(campaign: Campaign, now: Date): void {
  if (stateOf(campaign, now) === 'open') return;
  throw new AppError('review_closed', 409, 'The review has ended: its answers cannot be changed any more.');
}
