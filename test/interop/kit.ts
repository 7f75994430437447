/** What clients in the wild send and look at, beside the flow itself. */
import { decodeJwt } from 'jose';
import type { TokenAnswer } from '../flow.ts';

export const PAGE_ORIGIN = 'https://inspector.example.test';

/** Sends a registration as it stands (RFC 7591 §3.1), without defaults. */
export async function postRegistration(issuer: string, metadata: Record<string, unknown>) {
  const response = await fetch(`${issuer}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(metadata),
  });
  return { status: response.status, text: await response.text() };
}

/** The scopes of an answer's access token, sorted. */
export function scopesOf({ body }: Pick<TokenAnswer, 'body'>): string[] {
  return String(decodeJwt(String(body.access_token)).scope)
    .split(' ')
    .sort();
}

export function audienceOf({ body }: Pick<TokenAnswer, 'body'>): unknown {
  return decodeJwt(String(body.access_token)).aud;
}

/** Asks as a browser does before a page's script may send this request (Fetch, CORS protocol). */
export async function preflight(url: string, method: string, headers: readonly string[]) {
  const response = await fetch(url, {
    method: 'OPTIONS',
    headers: {
      origin: PAGE_ORIGIN,
      'access-control-request-method': method,
      'access-control-request-headers': headers.join(','),
    },
  });
  return { response, allows: allowed(response, method, headers) };
}

/** Whether a browser would go on. */
function allowed(response: Response, method: string, headers: readonly string[]): boolean {
  const list = (name: string) => (response.headers.get(name) ?? '').toLowerCase().split(/\s*,\s*/);
  const methods = [...list('access-control-allow-methods'), 'get', 'head', 'post'];
  const named = list('access-control-allow-headers');
  return (
    response.ok &&
    readable(response) &&
    methods.includes(method.toLowerCase()) &&
    headers.every((header) => named.includes(header) || (named.includes('*') && header !== 'authorization'))
  );
}

/** Whether the script of a page elsewhere sees the answer. */
export function readable({ headers }: Response): boolean {
  return ['*', PAGE_ORIGIN].includes(headers.get('access-control-allow-origin') ?? '');
}

/** Whether that script sees this header too. */
export function exposes({ headers }: Response, name: string): boolean {
  return (headers.get('access-control-expose-headers') ?? '')
    .toLowerCase()
    .split(/\s*,\s*/)
    .includes(name);
}
