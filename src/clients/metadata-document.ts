/** Client ID Metadata Documents (draft-ietf-oauth-client-id-metadata-document): how oidc-provider gets them. */
import { errors } from 'oidc-provider';
import type { Egress } from '../web/egress.ts';
import { FetchFailed } from '../web/fetch-failed.ts';
import { currentRequest } from '../web/request-context.ts';
import { freshSeconds, isDocumentUrl, MAX_DOCUMENT_BYTES, readDocument } from './document-content.ts';
import type { DocumentCopies } from './document-copies.ts';
import type { DocumentCopy } from './document-store.ts';
import { createHostLimit, type HostLimit } from './host-limit.ts';
import type { MetadataPolicy } from './metadata-policy.ts';

const MINUTE = 60;
const DAY = 24 * 60 * MINUTE;
const MIN_FRESH_SECONDS = MINUTE;
const MAX_FRESH_SECONDS = DAY;
/** How long the last good copy answers for a host that fails. */
const STALE_SECONDS = 7 * DAY;
/** How long a host that has just failed is left alone. */
const RETRY_SECONDS = MINUTE;
/** Documents that are fetched from one host at once. */
const MAX_PER_HOST = 4;
const MAX_KEYS_BYTES = 64 * 1024;
/** Statuses whose Response must not have a body (Fetch §6.3). */
const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

export interface MetadataDocumentDeps {
  egress: Pick<Egress, 'fetch'>;
  /** The copies that all processes share (document-copies.ts). */
  store: Pick<DocumentCopies, 'find' | 'save' | 'postpone' | 'retire'>;
  policy: Pick<MetadataPolicy, 'assertDocument'>;
  /** Whether the caller's transaction is open; it never is where this is left out. */
  isHeld?: () => boolean;
  now: () => Date;
}

/**
 * `fetch` is what oidc-provider takes as its own. A metadata document is answered from Postgres while it is fresh, and
 * when its host fails also for seven days, or without an end where an operator imported it; a document that is malformed
 * or breaks our policy is never kept. Everything else (`jwks_uri`, logout notices) goes straight out through the egress
 * client.
 *
 * @throws FetchFailed with one public text for all that can go wrong outside
 */
export function createMetadataDocuments(deps: MetadataDocumentDeps) {
  const running = new Map<string, Promise<string>>();
  const hosts = createHostLimit(MAX_PER_HOST);
  /** One request sees one document, and asks for it once: later reads may come while its transaction is open. */
  const seen = new WeakMap<object, Map<string, Promise<string>>>();

  async function answerDocument(url: string): Promise<Response> {
    if (!isDocumentUrl(url)) throw new FetchFailed('bad_url', 'not a client identifier');
    const request = currentRequest();
    const documents = seen.get(request) ?? new Map<string, Promise<string>>();
    seen.set(request, documents);
    const document = documents.get(url) ?? readCurrent(url);
    documents.set(url, document);
    try {
      return jsonResponse(await document);
    } catch (error) {
      // oidc-provider makes `invalid_client` of anything; that our own database is away is not the client's fault.
      if (!(error instanceof FetchFailed)) request.failure = error;
      throw error;
    }
  }

  async function readCurrent(url: string): Promise<string> {
    const copy = await deps.store.find(url);
    const at = deps.now();
    if (copy && copy.freshUntil > at) return copy.body;
    if (deps.isHeld?.()) {
      // The caller holds a connection of the database, which must not wait for somebody else's host.
      if (copy && copy.staleUntil > at) return copy.body;
      throw new FetchFailed('busy', `${url}: asked for in an open transaction`);
    }
    let refresh = running.get(url);
    if (!refresh) {
      refresh = refreshDocument(url, copy, { ...deps, hosts }).finally(() => running.delete(url));
      running.set(url, refresh);
    }
    return refresh;
  }

  return {
    /**
     * Reads a client's document ahead, so that this request finds it without another look-up. oidc-provider lets
     * requests share one `fetch`, so looking the client up would not do. What fails, fails where it is needed.
     *
     * @param clientId any client's; those that are no document are left alone
     */
    async prepare(clientId: string): Promise<void> {
      if (URL.parse(clientId)?.protocol === 'https:') await answerDocument(clientId).catch(() => {});
    },
    async fetch(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
      const url = String(input instanceof Request ? input.url : input);
      const method = init.method === 'POST' ? 'POST' : 'GET';
      // oidc-provider does not say what it fetches; a GET without redirects is a metadata document and nothing else.
      if (method === 'GET' && init.redirect === 'manual') return answerDocument(url);
      const { status, headers, body } = await deps.egress.fetch(url, {
        method,
        headers: Object.fromEntries(new Headers(init.headers)),
        ...(init.body ? { body: String(init.body) } : {}),
        maxBytes: MAX_KEYS_BYTES,
      });
      // Decompressed, so that its length and encoding are no longer the sender's.
      for (const name of ['content-length', 'content-encoding', 'transfer-encoding']) headers.delete(name);
      return new Response(NO_BODY.has(status) ? null : Uint8Array.from(body), { status, headers });
    },
  };
}

async function refreshDocument(
  url: string,
  copy: DocumentCopy | undefined,
  deps: MetadataDocumentDeps & { hosts: HostLimit },
): Promise<string> {
  const { egress, store, policy, hosts, now } = deps;
  let body: string;
  let freshFor: number;
  try {
    const request = { headers: { accept: 'application/json' }, maxBytes: MAX_DOCUMENT_BYTES };
    const response = await hosts.within(new URL(url), () => egress.fetch(url, request));
    const document = readDocument(url, response);
    body = JSON.stringify(document);
    // oidc-provider applies the policy again and tells the client's maker what is wrong with it.
    if (!passes(() => policy.assertDocument(document))) return body;
    freshFor = freshSeconds(response.headers, now());
  } catch (error) {
    return lastGoodCopy(error, copy, deps);
  }
  const fetchedAt = now();
  const after = (seconds: number) => new Date(fetchedAt.getTime() + seconds * 1_000);
  const freshUntil = after(Math.min(Math.max(freshFor, MIN_FRESH_SECONDS), MAX_FRESH_SECONDS));
  await store.save({ url, body, fetchedAt, freshUntil, staleUntil: after(STALE_SECONDS), importedAt: null });
  return body;
}

/** A host that blocks us, moves or is down does not take its users' clients away (but one that answers 410 does). */
async function lastGoodCopy(
  error: unknown,
  copy: DocumentCopy | undefined,
  { store, now }: MetadataDocumentDeps,
): Promise<string> {
  if (!copy || !(error instanceof FetchFailed)) throw error;
  const at = now();
  if (error.reason === 'withdrawn') await store.retire(copy.url, at);
  if (error.reason === 'withdrawn' || copy.staleUntil <= at) throw error;
  // Where we did not ask, its host has not failed.
  if (error.reason === 'busy') return copy.body;
  const retryAt = new Date(at.getTime() + RETRY_SECONDS * 1_000);
  await store.postpone(copy.url, retryAt < copy.staleUntil ? retryAt : copy.staleUntil);
  return copy.body;
}

function passes(assert: () => void): boolean {
  try {
    assert();
    return true;
  } catch (error) {
    if (error instanceof errors.OIDCProviderError) return false;
    throw error;
  }
}

function jsonResponse(body: string): Response {
  return new Response(body, { status: 200, headers: { 'content-type': 'application/json' } });
}
