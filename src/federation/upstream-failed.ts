/** The one error of everything that goes wrong at an upstream provider, told apart by what a person can do about it. */
import { AppError } from '../errors.ts';

/**
 * - `denied`: the person, or a rule there, said no
 * - `failed`: the answer is not one we may believe, or we are not set up there as we should be
 * - `unavailable`: no answer; trying again may help
 */
export type UpstreamFailure = 'denied' | 'failed' | 'unavailable';

/**
 * Why, where more is known; stable.
 * - `not_assigned`, `account_disabled`, `unknown_person`, `guest`, `tenant_not_allowed`, `admin_blocked`: not let in
 * - `admin_consent`: an administrator there has to let the application in first
 * - `interaction`: the person has to do more there; `claims` says what
 * - `loop`: asked for the same again; nobody is sent a third time
 * - `misconfigured`: an operator has to mend it
 * - `throttled`: to be asked again later, with a new sign-in
 * - `not_fresh`, `context_not_reached`: signed in there, but not as it was asked for
 */
export type UpstreamReason =
  | 'not_assigned'
  | 'account_disabled'
  | 'unknown_person'
  | 'guest'
  | 'tenant_not_allowed'
  | 'admin_blocked'
  | 'admin_consent'
  | 'interaction'
  | 'loop'
  | 'misconfigured'
  | 'throttled'
  | 'not_fresh'
  | 'context_not_reached';

export interface UpstreamFacts {
  reason?: UpstreamReason | undefined;
  /** What the provider asks for: goes into `OutwardLeg.claimsChallenge`, once. */
  claims?: string | undefined;
  /** What the operator is alarmed of: a stable code, such as `aadsts_7000222`. */
  alarm?: string | undefined;
}

const STATUS = { denied: 400, failed: 400, unavailable: 503 } as const;
const MESSAGE = {
  denied: 'The sign-in was refused there.',
  failed: 'The sign-in could not be completed.',
  unavailable: 'The sign-in service does not answer. Try again in a moment.',
} as const;

/** Code `upstream_<failure>`. */
export class UpstreamFailed extends AppError {
  readonly failure: UpstreamFailure;
  readonly reason: UpstreamReason | undefined;
  readonly claims: string | undefined;
  readonly alarm: string | undefined;

  /** @param detail private; never holds a code, token or secret */
  constructor(failure: UpstreamFailure, detail: string, cause?: unknown, facts: UpstreamFacts = {}) {
    super(`upstream_${failure}`, STATUS[failure], MESSAGE[failure], { detail, cause });
    this.name = 'UpstreamFailed';
    this.failure = failure;
    this.reason = facts.reason;
    this.claims = facts.claims;
    this.alarm = facts.alarm;
  }
}
