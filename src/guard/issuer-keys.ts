/** The signing keys of one authorization server: discovered (RFC 8414), cached, and fetched again no oftener than bounded (RFC 7517). */
import { type CryptoKey, createLocalJWKSet, type JSONWebKeySet } from 'jose';
import { isSecureUrl } from './resource-uri.ts';

export type IssuerKeysOptions = {
  /** As it stands in the issuer's metadata, letter by letter. */
  issuer: string;
  fetch: typeof fetch;
  now: () => Date;
  /** Hears why keys could not be read; at most once per attempt. */
  report: (cause: Error) => void;
};

/** The key itself, that the issuer has no such key, or that its keys cannot be read. */
export type FoundKey = { kind: 'found'; key: CryptoKey } | { kind: 'unknown' } | { kind: 'unavailable'; cause: Error };

type KeySet = ReturnType<typeof createLocalJWKSet>;

const timeoutMilliseconds = 5_000;
const maxDocumentLength = 512 * 1024;
/** Fresh keys are fetched in the background from here on, while the known ones still serve … */
const refreshAfterMilliseconds = 5 * 60_000;
/** … until here: a key withdrawn by the issuer is trusted no longer than this. */
const maxAgeMilliseconds = 15 * 60_000;
/** Tokens with invented key ids cause at most one fetch in this time. */
const cooldownMilliseconds = 30_000;
const failureCooldownMilliseconds = 5_000;

/** Nothing is fetched before the first `find`. */
export function createIssuerKeys(options: IssuerKeysOptions) {
  let keySet: KeySet | undefined;
  let loadedAt = 0;
  let attemptedAt = Number.NEGATIVE_INFINITY;
  let failure: Error | undefined;
  let pending: Promise<void> | undefined;

  const elapsedSince = (milliseconds: number) => options.now().getTime() - milliseconds;
  const usable = () => (elapsedSince(loadedAt) < maxAgeMilliseconds ? keySet : undefined);

  /** One fetch at a time; resolves at once, having done nothing, while cooling down. */
  function refresh(): Promise<void> {
    const cooldown = failure === undefined ? cooldownMilliseconds : failureCooldownMilliseconds;
    if (pending === undefined && elapsedSince(attemptedAt) >= cooldown) {
      attemptedAt = options.now().getTime();
      pending = load().finally(() => {
        pending = undefined;
      });
    }
    return pending ?? Promise.resolve();
  }

  async function load(): Promise<void> {
    try {
      keySet = createLocalJWKSet(await fetchKeys(options));
      loadedAt = options.now().getTime();
      failure = undefined;
    } catch (cause) {
      failure = cause instanceof Error ? cause : new Error(String(cause));
      tell(failure);
    }
  }

  function tell(cause: Error): void {
    try {
      options.report(cause);
    } catch {
      // A reporter that fails must not decide what callers are answered.
    }
  }

  /** Never throws. */
  async function find(header: { alg: string; kid: string }): Promise<FoundKey> {
    if (usable() === undefined) await refresh();
    else if (elapsedSince(loadedAt) >= refreshAfterMilliseconds) void refresh();

    const known = await lookUp(usable(), header);
    if (known !== undefined) return { kind: 'found', key: known };
    await refresh();
    const found = await lookUp(usable(), header);
    if (found !== undefined) return { kind: 'found', key: found };
    return failure === undefined ? { kind: 'unknown' } : { kind: 'unavailable', cause: failure };
  }

  return Object.freeze({ find });
}

async function lookUp(
  keySet: KeySet | undefined,
  header: { alg: string; kid: string },
): Promise<CryptoKey | undefined> {
  try {
    return await keySet?.(header);
  } catch {
    return undefined; // none, more than one, or one that cannot be imported
  }
}

async function fetchKeys({ issuer, fetch }: IssuerKeysOptions): Promise<JSONWebKeySet> {
  const metadata = await fetchJson(metadataUrl(issuer), fetch);
  // RFC 8414 §3.3: otherwise a document of one server could lend its keys to another.
  if (metadata.issuer !== issuer) {
    throw new Error(`the metadata of ${issuer} names the issuer ${JSON.stringify(metadata.issuer)}`);
  }
  const jwksUri = metadata.jwks_uri;
  if (typeof jwksUri !== 'string' || !isSecureUrl(jwksUri))
    throw new Error(`the metadata of ${issuer} has no usable jwks_uri`);
  return (await fetchJson(jwksUri, fetch)) as unknown as JSONWebKeySet;
}

/** RFC 8414 §3.1: the well-known path goes between host and path. */
function metadataUrl(issuer: string): string {
  const { origin, pathname } = new URL(issuer);
  return `${origin}/.well-known/oauth-authorization-server${pathname.replace(/\/$/, '')}`;
}

async function fetchJson(url: string, fetchDocument: typeof fetch): Promise<Record<string, unknown>> {
  const response = await fetchDocument(url, {
    headers: { accept: 'application/json' },
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMilliseconds),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}`);
  if (text.length > maxDocumentLength)
    throw new Error(`${url} answered with more than ${maxDocumentLength} characters`);
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new Error(`${url} did not answer with a JSON object`);
  return value as Record<string, unknown>;
}
