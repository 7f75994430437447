/**
 * What an AADSTS code of Microsoft Entra ID means: for the sign-in that met it, for a liveness check, for the operator.
 * Codes may change; one that is not here is judged by the OAuth `error` beside it.
 */
import type { UpstreamFailure, UpstreamReason } from '../upstream-failed.ts';

export interface EntraErrorKind {
  failure: UpstreamFailure;
  /** Also the key of what the person sees. */
  reason?: UpstreamReason;
  /** At a check: who or what has ended; absent where it says nothing of the person. */
  ended?: 'person' | 'token';
  /** An operator has to do something. */
  alarm?: true;
  /** The same may be tried again later, with a new code. */
  later?: true;
}

const NOT_LET_IN = { failure: 'denied', ended: 'person' } as const;
const CONSENT: EntraErrorKind = { failure: 'denied', reason: 'admin_consent', ended: 'token' };
const INTERACTION: EntraErrorKind = { failure: 'denied', reason: 'interaction', ended: 'token' };
const BLOCKED: EntraErrorKind = { failure: 'denied', reason: 'admin_blocked', ended: 'token' };
const DEAD_TOKEN: EntraErrorKind = { failure: 'failed', ended: 'token' };
const OWN_CREDENTIAL: EntraErrorKind = { failure: 'failed', reason: 'misconfigured', alarm: true };
const MISCONFIGURED = OWN_CREDENTIAL;
const SPENT_CODE: EntraErrorKind = { failure: 'failed', ended: 'token' };
const LATER: EntraErrorKind = { failure: 'unavailable', reason: 'throttled', later: true };

const KINDS: readonly [EntraErrorKind, readonly number[]][] = [
  [{ ...NOT_LET_IN, reason: 'not_assigned' }, [50105]],
  [{ ...NOT_LET_IN, reason: 'account_disabled' }, [50057]],
  [{ ...NOT_LET_IN, reason: 'unknown_person' }, [50020, 50034, 500021, 50177, 500212, 500213, 51004]],
  [{ ...NOT_LET_IN, reason: 'admin_blocked' }, [53011]],
  [CONSENT, [65001, 65004, 90094, 90095, 650052, 650056]],
  [INTERACTION, [50072, 50074, 50076, 50078, 50079, 50158, 50055, 50058, 16000, 16001]],
  [BLOCKED, [53000, 53001, 53002, 53003, 53004, 530032, 530034, 50131]],
  [DEAD_TOKEN, [50173, 70043, 700082, 700084, 50089, 70008, 50132, 50133, 700081]],
  [OWN_CREDENTIAL, [7000215, 7000222, 700027, 7000218, 700024, 700016, 70021, 700211, 700212, 700213, 700025]],
  [MISCONFIGURED, [50194, 90002, 90038, 50011, 500112, 500113, 50012, 7000112, 700051, 9002327]],
  // Parameters of somebody else's went there with ours.
  [MISCONFIGURED, [9010010, 901002, 650053, 700022, 70011, 90014, 900144]],
  [SPENT_CODE, [54005, 501481, 70000, 700005]],
  [{ failure: 'failed', reason: 'loop', alarm: true }, [50196]],
  [LATER, [90024, 50033, 90006, 90055, 90033]],
];

const BY_CODE: ReadonlyMap<number, EntraErrorKind> = new Map(
  KINDS.flatMap(([kind, codes]) => codes.map((code) => [code, kind] as const)),
);

/** OAuth and OpenID Connect errors, where no code is known. */
const BY_ERROR: Readonly<Record<string, EntraErrorKind>> = {
  access_denied: { failure: 'denied', ended: 'token' },
  account_selection_required: INTERACTION,
  consent_required: CONSENT,
  interaction_required: INTERACTION,
  login_required: INTERACTION,
  invalid_grant: DEAD_TOKEN,
  invalid_client: OWN_CREDENTIAL,
  invalid_request: MISCONFIGURED,
  invalid_resource: MISCONFIGURED,
  invalid_scope: MISCONFIGURED,
  unauthorized_client: MISCONFIGURED,
  unsupported_grant_type: MISCONFIGURED,
  unsupported_response_type: MISCONFIGURED,
  server_error: LATER,
  temporarily_unavailable: LATER,
};

/** The kind of an error, by the first of its codes that is known. */
export function entraErrorKind(error: string, codes: readonly number[]): { kind: EntraErrorKind; code?: number } {
  const code = codes.find((one) => BY_CODE.has(one)) ?? codes[0];
  const kind =
    (code === undefined ? undefined : BY_CODE.get(code)) ??
    (Object.hasOwn(BY_ERROR, error) ? BY_ERROR[error] : undefined) ??
    ({ failure: 'failed' } satisfies EntraErrorKind);
  return code === undefined ? { kind } : { kind, code };
}
