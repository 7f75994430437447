/** The one error of our own: what the caller may read, and what only the log and the record may. */

/** Which rule of a code's was broken and by what, so that pages can say it in any language. Public. */
export interface BrokenRule {
  /** Of the words `adminRule.<code>.<rule>`. */
  rule: string;
  facts?: Readonly<Record<string, string | number>>;
  /** The member that is not right, such as `email` or `scopes.0.name`. */
  member?: string;
  /** Where it is not that of the error. */
  code?: string;
  /** Of further members, where several are not right. */
  also?: readonly BrokenRule[];
}

export class AppError extends Error {
  readonly code: string;
  readonly status: number;
  /** Private: for the log and the audit record, never for a response. */
  readonly detail: string | undefined;
  readonly broken: BrokenRule | undefined;

  /**
   * @param code stable, lower-case with underscores
   * @param status HTTP status
   * @param message public; says what the person can do
   */
  constructor(
    code: string,
    status: number,
    message: string,
    options: { detail?: string; cause?: unknown; broken?: BrokenRule } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.status = status;
    this.detail = options.detail;
    this.broken = options.broken;
  }
}
