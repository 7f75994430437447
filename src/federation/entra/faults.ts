/** What Entra ID answered instead of what was asked for, told as what became of the sign-in or the check. */
import * as client from 'openid-client';
import { visibleText } from '../../web/visible-text.ts';
import type { Liveness } from '../connection.ts';
import { UpstreamFailed } from '../upstream-failed.ts';
import { upstreamFault } from '../upstream-fault.ts';
import { type EntraErrorKind, entraErrorKind } from './errors.ts';

export interface EntraAnswer {
  kind: EntraErrorKind;
  /** As in `AADSTS50057`; absent where only the OAuth error is known. */
  code?: number;
  error: string;
  /** What the provider asks for, where it does. */
  claims?: string;
  detail: string;
}

const MAX_CLAIMS_CHARACTERS = 2_000;
const MAX_DETAIL_CHARACTERS = 400;
const TRACES = ['trace_id', 'correlation_id'] as const;

/** @returns undefined where Entra did not answer by an error of its own */
export function entraAnswer(thrown: unknown): EntraAnswer | undefined {
  if (thrown instanceof client.AuthorizationResponseError) {
    return read(thrown.error, thrown.error_description, Object.fromEntries(thrown.cause), undefined);
  }
  if (thrown instanceof client.ResponseBodyError) {
    return read(thrown.error, thrown.error_description, thrown.cause, thrown.status);
  }
  return undefined;
}

/** @returns what to throw */
export function entraFault(thrown: unknown): unknown {
  const answer = entraAnswer(thrown);
  if (!answer) return upstreamFault(thrown);
  const { kind, detail, claims } = answer;
  return new UpstreamFailed(kind.failure, detail, undefined, {
    reason: kind.reason,
    alarm: kind.alarm ? alarmOf(answer) : undefined,
    claims: kind.reason === 'interaction' ? claims : undefined,
  });
}

/** Only Entra's own refusal is one: whatever else went wrong says nothing of the person. */
export function livenessOf(thrown: unknown): Liveness {
  const answer = entraAnswer(thrown);
  if (answer?.kind.ended) return { state: 'ended', what: answer.kind.ended, code: codeOf(answer) };
  if (answer) {
    const { later, reason, alarm } = answer.kind;
    const liveness = unreachable(answer.detail, alarm ? alarmOf(answer) : undefined);
    // Neither "later" nor how we are set up: it is about this person, whatever it is.
    return later || reason === 'misconfigured' ? liveness : { ...liveness, answered: true };
  }
  const fault = upstreamFault(thrown);
  if (fault instanceof UpstreamFailed) return unreachable(fault.detail ?? fault.failure, fault.alarm);
  throw fault;
}

function unreachable(detail: string, alarm: string | undefined): Extract<Liveness, { state: 'unreachable' }> {
  return { state: 'unreachable', detail, ...(alarm === undefined ? {} : { alarm }) };
}

function read(
  error: string,
  description: string | undefined,
  body: Readonly<Record<string, unknown>>,
  status: number | undefined,
): EntraAnswer {
  const { kind, code } = entraErrorKind(error, codesOf(body, description));
  const busy = status !== undefined && (status === 429 || status >= 500);
  const claims = claimsOf(body);
  return {
    kind: busy ? { failure: 'unavailable', reason: 'throttled', later: true } : kind,
    error,
    detail: detailOf(error, description, body, status),
    ...(code === undefined ? {} : { code }),
    ...(claims === undefined ? {} : { claims }),
  };
}

/** JSON has them as numbers; a redirect only at the start of its text. */
function codesOf(
  { error_codes: listed }: Readonly<Record<string, unknown>>,
  description: string | undefined,
): number[] {
  const codes = Array.isArray(listed) ? listed.map(Number).filter(Number.isSafeInteger) : [];
  const [, written] = /^AADSTS(\d{4,8})\b/.exec(description ?? '') ?? [];
  return written === undefined ? codes : [...codes, Number(written)];
}

/** Goes back as it came, so only a JSON object of modest size may. */
function claimsOf({ claims }: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof claims !== 'string' || claims.length > MAX_CLAIMS_CHARACTERS) return undefined;
  try {
    const parsed: unknown = JSON.parse(claims);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? claims : undefined;
  } catch {
    return undefined;
  }
}

/** What Entra writes is a stranger's text, and goes into our log: one visible line, with what its support asks for. */
function detailOf(
  error: string,
  description: string | undefined,
  body: Readonly<Record<string, unknown>>,
  status: number | undefined,
): string {
  const traces = TRACES.flatMap((name) =>
    typeof body[name] === 'string' ? [`${name} ${body[name].slice(0, 40)}`] : [],
  );
  const where = status === undefined ? 'authorization' : `token (${status})`;
  const text = `${where}: ${error}${description ? `: ${description}` : ''}`.slice(0, MAX_DETAIL_CHARACTERS);
  return visibleText([text, ...traces].join('; '), 'NFC');
}

function codeOf({ code, error }: EntraAnswer): string {
  return code === undefined ? visibleText(error.slice(0, 64), 'NFC') : `AADSTS${code}`;
}

function alarmOf({ code, error }: EntraAnswer): string {
  return code === undefined ? visibleText(error.slice(0, 64), 'NFC') : `aadsts_${code}`;
}
