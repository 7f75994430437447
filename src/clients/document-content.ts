/** Reads a fetched Client ID Metadata Document (draft-ietf-oauth-client-id-metadata-document §4) and how long it is fresh (RFC 9111). */
import type { EgressResponse } from '../web/egress.ts';
import { FetchFailed, messageOf } from '../web/fetch-failed.ts';
import { dropUnusable, type Metadata } from './metadata-members.ts';

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;
export const MAX_DOCUMENT_BYTES = 5 * 1024;
const MAX_URL_LENGTH = 2_000;

export type DocumentContent = { ok: true; document: Metadata } | { ok: false; fault: string; cause?: unknown };

/**
 * The members of a well-formed document, without what we do not use.
 *
 * @param url the client's identifier, which the document must repeat
 * @throws FetchFailed `bad_status`, `withdrawn` (410) or `bad_document`
 */
export function readDocument(url: string, { status, headers, body }: EgressResponse): Metadata {
  if (status === 410) throw new FetchFailed('withdrawn', `${url}: 410`);
  if (status !== 200) throw new FetchFailed('bad_status', `${url}: ${status}`);
  const served = headersFault(headers);
  if (served) throw new FetchFailed('bad_document', `${url}: ${served}`);
  const content = readContent(url, body);
  if (!content.ok) throw new FetchFailed('bad_document', `${url}: ${content.fault}`, content.cause);
  return content.document;
}

/**
 * The same of a document that was not fetched.
 *
 * @returns in `fault` words that go on after a colon
 */
export function readContent(url: string, body: Buffer): DocumentContent {
  if (body.length > MAX_DOCUMENT_BYTES) return { ok: false, fault: `longer than ${MAX_DOCUMENT_BYTES} bytes` };
  let document: unknown;
  try {
    // A BOM is kept and then is no JSON; what is not UTF-8 throws.
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    document = JSON.parse(text);
    if (countNames(text) !== countMembers(document)) throw new SyntaxError('a member is named twice');
  } catch (cause) {
    return { ok: false, fault: `no JSON: ${messageOf(cause)}`, cause };
  }
  if (!isObject(document)) return { ok: false, fault: 'no JSON object' };
  const fault = contentFault(url, document);
  if (fault) return { ok: false, fault };
  dropUnusable(document);
  return { ok: true, document };
}

/** One spelling for each document: https, a path, nothing that a URL parser would rewrite. */
export function isDocumentUrl(value: string): boolean {
  const url = URL.parse(value);
  const plain = url?.protocol === 'https:' && url.href === value && !url.username && !url.password && !url.hash;
  return plain && value.length <= MAX_URL_LENGTH;
}

function headersFault(headers: Headers): string | undefined {
  if (!JSON_TYPE.test(headers.get('content-type') ?? '')) return 'not served as JSON';
  if (/^\s*attachment/i.test(headers.get('content-disposition') ?? '')) return 'served as an attachment';
  return undefined;
}

function isObject(value: unknown): value is Metadata {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** In JSON a string before a colon is a name and nothing else is. */
function countNames(json: string): number {
  return [...json.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)].filter(([, colon]) => colon).length;
}

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inside = Object.values(value).reduce((sum: number, one) => sum + countMembers(one), 0);
  return inside + (Array.isArray(value) ? 0 : Object.keys(value).length);
}

function contentFault(url: string, document: Metadata): string | undefined {
  const {
    client_id: clientId,
    client_name: name,
    redirect_uris: redirects,
    token_endpoint_auth_method: auth,
  } = document;
  if (clientId !== url) return `client_id is not ${url}`;
  if (typeof name !== 'string' || name === '') return 'client_name is missing';
  if (!Array.isArray(redirects) || redirects.length === 0) return 'redirect_uris is missing';
  if (!redirects.every((uri) => typeof uri === 'string')) return 'redirect_uris holds something else';
  if (typeof auth === 'string' && auth.startsWith('client_secret')) return 'a shared secret is published';
  if ('client_secret' in document || 'client_secret_expires_at' in document) return 'a shared secret is published';
  return undefined;
}

/**
 * How long a response may be answered from a cache: `s-maxage`, `max-age` or `Expires`, less the `Age` it has; 0 where
 * it says nothing or forbids it (RFC 9111 §4.2.1).
 */
export function freshSeconds(headers: Headers, now: Date): number {
  const directives = headers.get('cache-control')?.toLowerCase() ?? '';
  if (/(?:^|[\s,])no-(?:store|cache)(?:[\s,=]|$)/.test(directives)) return 0;
  const stated = directive(directives, 's-maxage') ?? directive(directives, 'max-age');
  const age = Number(headers.get('age')) || 0;
  if (stated !== undefined) return Math.max(0, stated - age);
  const expires = Date.parse(headers.get('expires') ?? '');
  if (Number.isNaN(expires)) return 0;
  const sent = Date.parse(headers.get('date') ?? '');
  return Math.max(0, (expires - (Number.isNaN(sent) ? now.getTime() : sent)) / 1_000 - age);
}

function directive(directives: string, name: string): number | undefined {
  const value = new RegExp(`(?:^|[\\s,])${name}\\s*=\\s*"?(\\d{1,10})`).exec(directives)?.[1];
  return value === undefined ? undefined : Number(value);
}
