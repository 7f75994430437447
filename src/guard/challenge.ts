/** What a refused caller is told: status, `WWW-Authenticate` and body (RFC 6750 §3, RFC 9728 §5.1). */
import { describeProblem, type Problem } from './problems.ts';

/** A finished answer; headers in lower case, the body is JSON. */
export type Refusal = {
  status: 401 | 403 | 503;
  headers: Record<string, string>;
  body:
    | { error: string; error_description: string }
    | { jsonrpc: '2.0'; error: { code: number; message: string }; id: null };
};

/** `scopes` are those to ask for; `resourceMetadataUrl` is where the RFC 9728 document is. */
export type ChallengeHints = { resourceMetadataUrl: string; scopes: readonly string[] };

const retryAfterSeconds = 5;

/** 401 to a request without a token: no error code, because nothing is wrong with what was not sent (RFC 6750 §3.1). */
export function refuseMissingToken(hints: ChallengeHints): Refusal {
  const body = { error: 'invalid_token', error_description: 'An access token is needed' };
  return refusal(401, body, { 'www-authenticate': bearerChallenge(hints) });
}

/** 401 to a token that is not good here. */
export function refuseToken(problem: Problem, hints: ChallengeHints): Refusal {
  const body = { error: 'invalid_token', error_description: describeProblem(problem) };
  return refusal(401, body, { 'www-authenticate': bearerChallenge({ ...body, ...hints }) });
}

/** 403 with every scope the operation needs at once, so that a person is asked once. */
export function refuseScopes(needed: readonly string[], hints: ChallengeHints): Refusal {
  const body = { error: 'insufficient_scope', error_description: describeNeed(needed) };
  return refusal(403, body, { 'www-authenticate': bearerChallenge({ ...body, ...hints }) });
}

/** 403 without a challenge: no scope opens this tool, so that asking for more would lead a client in circles. */
export function refuseTool(): Refusal {
  const error = { code: -32602, message: 'This tool is listed under no scope of this server' };
  return refusal(403, { jsonrpc: '2.0', error, id: null }, {});
}

/** 503: the issuer's keys cannot be had, which says nothing about the token. */
export function refuseForNow(): Refusal {
  const body = { error: 'temporarily_unavailable', error_description: unavailableText };
  return refusal(503, body, { 'retry-after': String(retryAfterSeconds) });
}

export const unavailableText = 'The keys of the authorization server cannot be read at the moment';

export function describeNeed(needed: readonly string[]): string {
  return `This needs the scope ${needed.join(' ')}`;
}

/** The value of `WWW-Authenticate`; empty parts are left out, every other value is a quoted string. */
export function bearerChallenge(parts: ChallengeHints & { error?: string; error_description?: string }): string {
  const parameters = [
    ['error', parts.error],
    ['error_description', parts.error_description],
    ['scope', parts.scopes.join(' ')],
    ['resource_metadata', parts.resourceMetadataUrl],
  ] as const;
  const written = parameters.filter(([, value]) => value).map(([name, value]) => `${name}="${quotable(value ?? '')}"`);
  return `Bearer ${written.join(', ')}`;
}

function refusal(status: Refusal['status'], body: Refusal['body'], headers: Record<string, string>): Refusal {
  // Scripts of other origins see the challenge only when it is exposed (Fetch §3.3.2).
  return {
    status,
    body,
    headers: { ...headers, 'cache-control': 'no-store', 'access-control-expose-headers': 'WWW-Authenticate' },
  };
}

function quotable(value: string): string {
  return value.replaceAll(/[^\x20-\x7e]/g, ' ').replaceAll(/[\\"]/g, '\\$&');
}
