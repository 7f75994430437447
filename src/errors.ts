/** The one error of our own: what the caller may read, and what only the log and the record may. */
export class AppError extends Error {
  readonly code: string;
  readonly status: number;
  /** Private: for the log and the audit record, never for a response. */
  readonly detail: string | undefined;

  /**
   * @param code stable, lower-case with underscores
   * @param status HTTP status
   * @param message public; says what the person can do
   */
  constructor(code: string, status: number, message: string, options: { detail?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.status = status;
    this.detail = options.detail;
  }
}
