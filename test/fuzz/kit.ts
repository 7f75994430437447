/** How the property tests run, and what must hold of every page, answer and stored row whatever was sent. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import pg from 'pg';
import { applyPolicy } from '../../src/clients/metadata-policy.ts';
import type { Consentry } from '../harness.ts';

/** Another seed, a longer run, or one failure again: `FUZZ_SEED`, `FUZZ_RUNS` and `FUZZ_PATH`. */
const { FUZZ_SEED, FUZZ_RUNS, FUZZ_PATH } = process.env;
const SEED = Number(FUZZ_SEED ?? 20_261_123);
/** A slow machine tries fewer inputs instead of failing. */
const MAX_MS = 12_000;

/**
 * What fails is told with its seed and path.
 *
 * @param runs how many inputs, unless `FUZZ_RUNS` says otherwise
 * @param known inputs that are tried first: what failed once
 */
export async function holds<T>(
  t: TestContext,
  runs: number,
  input: fc.Arbitrary<T>,
  property: (input: T) => Promise<void> | void,
  known: readonly NoInfer<T>[] = [],
): Promise<void> {
  const numRuns = Number(FUZZ_RUNS ?? runs);
  t.diagnostic(`FUZZ_SEED=${SEED} FUZZ_RUNS=${numRuns}`);
  await fc.assert(
    fc.asyncProperty(input, async (one) => property(one)),
    {
      seed: SEED,
      numRuns,
      examples: known.map((one): [T] => [one]),
      ...(FUZZ_PATH ? { path: FUZZ_PATH } : {}),
      ...(FUZZ_RUNS ? {} : { interruptAfterTimeLimit: MAX_MS, markInterruptAsFailure: false }),
    },
  );
}

const CLIENT = ['invalid_request', 'invalid_client', 'unauthorized_client'];
const REQUESTED = ['invalid_scope', 'invalid_target', 'invalid_authorization_details'];
const POSSESSION = ['invalid_dpop_proof', 'use_dpop_nonce'];

/** RFC 6749 §4.1.2.1 and §5.2, 7009, 7591, 8628, 8707, 9101, 9126, 9396, 9449; OpenID Connect Core 1.0 §3.1.2.6. */
export const ERRORS = {
  registration: [
    ...[
      'invalid_redirect_uri',
      'invalid_client_metadata',
      'invalid_software_statement',
      'unapproved_software_statement',
    ],
    ...['invalid_request', 'invalid_token'],
  ],
  token: [
    ...[...CLIENT, ...REQUESTED, ...POSSESSION, 'invalid_grant', 'unsupported_grant_type'],
    ...['authorization_pending', 'slow_down', 'access_denied', 'expired_token'],
  ],
  introspection: CLIENT,
  revocation: [...CLIENT, 'unsupported_token_type'],
  device: [...CLIENT, ...REQUESTED],
  authorization: [
    ...[
      ...REQUESTED,
      ...POSSESSION,
      'invalid_request',
      'unauthorized_client',
      'access_denied',
      'unsupported_response_type',
    ],
    ...['unsupported_response_mode', 'interaction_required', 'login_required', 'account_selection_required'],
    ...['consent_required', 'invalid_request_uri', 'invalid_request_object', 'request_not_supported'],
    ...['request_uri_not_supported', 'registration_not_supported'],
  ],
} as const;

/** @returns the body, where the endpoint refused as its standard says */
export async function assertRefusal(response: Response, errors: readonly string[]): Promise<Record<string, unknown>> {
  const text = await response.text();
  assert.ok(response.status >= 400 && response.status < 500, `${response.status} ${text}`);
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/, text);
  const body = JSON.parse(text) as Record<string, unknown>;
  assert.ok(errors.includes(String(body.error)), `${response.status} ${text}`);
  // RFC 6749 §5.2
  assert.match(String(body.error_description ?? ''), /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/, text);
  return body;
}

/** What is stored is what the policy makes of it: nothing is kept that would be refused or changed when it is read. */
export async function assertKept(
  consentry: Consentry,
  clientId: string,
  origin: 'dynamic' | 'document',
): Promise<Record<string, unknown>> {
  const row = await consentry.rooms.clients.find(clientId);
  assert.ok(row, 'there is a row');
  assert.deepEqual([row.origin, row.kind], [origin, 'app']);
  assertStable(row.metadata, origin, consentry.issuer);
  return row.metadata;
}

/** What oidc-provider writes down where a client says nothing, and our policy would not take from one. */
const DEFAULTS = {
  require_auth_time: false,
  require_signed_request_object: false,
  post_logout_redirect_uris: [],
  authorization_details_types: [],
};

/** One connection for what is looked at in every run. */
export async function connectSql({ databaseUrl }: Pick<Consentry, 'databaseUrl'>) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  return {
    rows: async <Row extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
      (await client.query<Row>(text, values)).rows,
    /** Nothing is covered already, and nobody said no twice. */
    forget: async () => void (await client.query('DELETE FROM consents; DELETE FROM denials')),
    close: () => client.end(),
  };
}

export type Sql = Awaited<ReturnType<typeof connectSql>>;

/** Applying the policy to what it made changes nothing but the marks that are ours. */
export function assertStable(metadata: Record<string, unknown>, origin: 'dynamic' | 'document', issuer: string): void {
  const again = structuredClone(metadata);
  applyPolicy(again, origin, { issuer });
  const { consentry_origin: from, consentry_kind: kind, ...kept } = again;
  assert.deepEqual([from, kind], [origin, 'app']);
  const { consentry_origin: _origin, consentry_kind: _kind, ...before } = metadata;
  for (const [name, value] of Object.entries(DEFAULTS)) if (isDeepStrictEqual(before[name], value)) delete before[name];
  assert.ok(isDeepStrictEqual(kept, before), `${JSON.stringify(before)}\nbecomes\n${JSON.stringify(kept)}`);
  assert.ok(!Object.keys(before).some((name) => name.startsWith('consentry_')), 'no mark of ours');
}

const VOID = new Set(['meta', 'link', 'img', 'input', 'br', 'path', 'circle']);
const views = new URL('../../views/', import.meta.url);
const templates = readdirSync(views, { recursive: true })
  .filter((name) => String(name).endsWith('.njk'))
  .map((name) => readFileSync(new URL(String(name), views), 'utf8'))
  .join('\n');
/** What the templates, and the words with their isolation, are made of. */
const ELEMENTS = new Set(
  [...templates.matchAll(/<([a-z][a-z\d]*)/g)].map(([, name]) => name).concat('bdi', 'strong', 'time'),
);
const ATTRIBUTES = new Set([...templates.matchAll(/\s([a-zA-Z][\w-]*)(?==")/g)].map(([, name]) => name));
for (const name of [
  'hidden',
  'checked',
  'disabled',
  'required',
  'autofocus',
  'formnovalidate',
  'data-guarded',
  'datetime',
])
  ATTRIBUTES.add(name);

const TAG = /<(?:!doctype html|\/([a-z][a-z\d]*)|([a-z][a-z\d]*)((?:\s+[a-zA-Z][\w-]*(?:="[^"<>]*")?)*)\s*\/?)>/g;
/** Control, format, private-use and unassigned characters and halves; zero-width joiners are format characters. */
const UNSEEN = /[^\P{C}\n]/u;

/**
 * The page is made of what our templates are made of, properly nested, and leads nowhere but to us.
 *
 * @param returnTo what the one link out of page G may start with
 */
export function assertPage(html: string, { returnTo = [] }: { returnTo?: readonly string[] } = {}): void {
  assert.match(html, /^<!doctype html>/);
  const open: string[] = [];
  let text = '';
  let at = 0;
  for (const match of html.matchAll(TAG)) {
    const [tag, closed, opened, attributes = ''] = match;
    const between = html.slice(at, match.index);
    assert.ok(!/[<>]/.test(between), `markup of somebody else's: ${between}`);
    if (open.at(-1) !== 'textarea') text += between;
    at = match.index + tag.length;
    if (closed) assert.equal(open.pop(), closed, `${tag} closes something else`);
    if (!opened) continue;
    assert.ok(ELEMENTS.has(opened), tag);
    assertAttributes(tag, opened, attributes, returnTo);
    if (!VOID.has(opened)) open.push(opened);
  }
  assert.deepEqual(open, []);
  assert.equal(html.slice(at).trim(), '');
  const unseen = UNSEEN.exec(decode(text));
  assert.equal(unseen, null, `U+${unseen?.[0].codePointAt(0)?.toString(16)} on the page`);
}

function assertAttributes(tag: string, element: string, attributes: string, returnTo: readonly string[]): void {
  for (const [, name = '', value] of attributes.matchAll(/\s([a-zA-Z][\w-]*)(?:="([^"]*)")?/g)) {
    assert.ok(ATTRIBUTES.has(name), tag);
    if (name === 'http-equiv') assert.equal(value, 'refresh');
    if (name === 'content' && /http-equiv/.test(tag)) assert.match(value ?? '', /^\d+$/);
    if (element === 'script') assert.match(tag, /^<script(?: type="module")? src="\/static\/[\w.-]+\?v=[\w-]+">$/);
    if (!['href', 'src', 'action', 'formaction'].includes(name)) continue;
    const target = decode(value ?? '');
    const back = element === 'a' && tag.includes('rel="noreferrer"') && returnTo.some((uri) => target.startsWith(uri));
    assert.ok(
      back || /^\/(?![/\\])/.test(target) || (name === 'action' && /^http:\/\/127\.0\.0\.1:\d+\//.test(target)),
      tag,
    );
  }
}

/** As a browser reads it. */
export function decode(html: string): string {
  return html
    .replace(/&#x([\da-f]+);/gi, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)))
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
}

/** What every answer of a page has: nothing inline, nothing framed, nothing kept. */
export function assertPageHeaders({ headers }: { headers: Headers }): void {
  assert.match(headers.get('content-type') ?? '', /^text\/html/);
  assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/);
  assert.doesNotMatch(headers.get('content-security-policy') ?? '', /unsafe|\*/);
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
  assert.equal(headers.get('cache-control'), 'no-store');
}
