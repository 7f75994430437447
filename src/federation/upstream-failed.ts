/** The one error of everything that goes wrong at an upstream provider, told apart by what a person can do about it. */
import { AppError } from '../errors.ts';

/**
 * - `denied`: the person, or a rule there, said no
 * - `failed`: the answer is not one we may believe, or we are not set up there as we should be
 * - `unavailable`: no answer; trying again may help
 */
export type UpstreamFailure = 'denied' | 'failed' | 'unavailable';

const STATUS = { denied: 400, failed: 400, unavailable: 503 } as const;
const MESSAGE = {
  denied: 'The sign-in was refused there.',
  failed: 'The sign-in could not be completed.',
  unavailable: 'The sign-in service does not answer. Try again in a moment.',
} as const;

/** Code `upstream_<failure>`. */
export class UpstreamFailed extends AppError {
  readonly failure: UpstreamFailure;

  /** @param detail private; never holds a code, token or secret */
  constructor(failure: UpstreamFailure, detail: string, cause?: unknown) {
    super(`upstream_${failure}`, STATUS[failure], MESSAGE[failure], { detail, cause });
    this.name = 'UpstreamFailed';
    this.failure = failure;
  }
}
