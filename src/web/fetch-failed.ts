/** The one error of everything fetched from outside. */
import { AppError } from '../errors.ts';

export type FetchFailure =
  | 'bad_url'
  | 'special_use'
  | 'unresolved'
  | 'connection'
  | 'timeout'
  | 'too_large'
  | 'encoding'
  | 'busy'
  | 'bad_status'
  | 'bad_document'
  | 'withdrawn';

/** 502 with the same public text whatever happened: how an internal address answers must not show. */
export class FetchFailed extends AppError {
  /** Private, as `detail` is. */
  readonly reason: FetchFailure;

  constructor(reason: FetchFailure, detail: string, cause?: unknown) {
    super('fetch_failed', 502, 'The address could not be fetched.', { detail: `${reason}: ${detail}`, cause });
    this.name = 'FetchFailed';
    this.reason = reason;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
