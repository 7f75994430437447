/** Errors as Entra ID words them: JSON at the token endpoint, parameters at the redirect. */
import { randomUUID } from 'node:crypto';

/** The OAuth error that stands beside a code. */
const ERRORS: Readonly<Record<number, string>> = {
  16000: 'interaction_required',
  50011: 'invalid_request',
  50033: 'temporarily_unavailable',
  50034: 'invalid_grant',
  50057: 'invalid_grant',
  50058: 'login_required',
  50072: 'interaction_required',
  50076: 'interaction_required',
  50079: 'interaction_required',
  50105: 'invalid_grant',
  50194: 'invalid_request',
  50196: 'invalid_grant',
  53003: 'access_denied',
  54005: 'invalid_grant',
  65001: 'consent_required',
  650053: 'invalid_client',
  65004: 'access_denied',
  700022: 'invalid_request',
  700024: 'invalid_client',
  700027: 'invalid_client',
  70021: 'invalid_request',
  7000215: 'invalid_client',
  7000218: 'invalid_request',
  7000222: 'invalid_client',
  700016: 'unauthorized_client',
  90006: 'temporarily_unavailable',
  90014: 'invalid_request',
  90023: 'invalid_request',
  90024: 'temporarily_unavailable',
  90094: 'access_denied',
  9002325: 'invalid_request',
  9010010: 'invalid_target',
};

export class Aadsts extends Error {
  readonly code: number;
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(code: number, text = 'Something is not as it should be.', extra: Record<string, unknown> = {}) {
    super(`AADSTS${code}: ${text}`);
    this.code = code;
    this.extra = extra;
  }

  get error(): string {
    return ERRORS[this.code] ?? 'invalid_grant';
  }

  /** Entra answers 401 where it did not know the client, 400 otherwise. */
  get status(): number {
    if (this.error === 'temporarily_unavailable') return 503;
    return this.error === 'invalid_client' ? 401 : 400;
  }

  get body(): Record<string, unknown> {
    const [trace, correlation] = [randomUUID(), randomUUID()];
    const stamp = new Date().toISOString().replace('T', ' ').replace(/\..*/, 'Z');
    return {
      error: this.error,
      error_description: `${this.message} Trace ID: ${trace} Correlation ID: ${correlation} Timestamp: ${stamp}`,
      error_codes: [this.code],
      timestamp: stamp,
      trace_id: trace,
      correlation_id: correlation,
      error_uri: `https://login.microsoftonline.com/error?code=${this.code}`,
      ...this.extra,
    };
  }
}
