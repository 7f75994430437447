/** What the tests of the contract share: programs that ask again, documents that change, browsers that say where a request came from. */
import assert from 'node:assert/strict';
import { authorizationUrl, type Begun, redeem, registerClient, signIn } from '../flow.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';
import { startHttpsStub, testCaFile } from '../https-stub.ts';
import { words } from '../interaction/kit.ts';
import { createPerson, type Step } from '../person.ts';

export type World = Awaited<ReturnType<typeof startWorld>>;
export type Browser = ReturnType<typeof openBrowser>;
type Params = Record<string, string | undefined>;
type Fields = Record<string, string | string[]>;

const CALLBACK = 'http://127.0.0.1/callback';
/** Whose documents are at hand without being asked for. */
export const CLAUDE = {
  clientId: 'https://claude.example/client.json',
  redirectUri: 'https://claude.example/callback',
};

export async function startWorld(env: Record<string, string> = {}) {
  const clock = { ahead: 0 };
  const documents = new Map<string, Record<string, unknown>>();
  const stub = await startHttpsStub((request, response) => {
    const document = documents.get(String(request.url));
    response
      .writeHead(document ? 200 : 410, { 'content-type': 'application/json' })
      .end(JSON.stringify(document ?? {}));
  });
  const settings = { OUTBOUND_ALLOW: 'localhost,127.0.0.1', OUTBOUND_CA_FILE: testCaFile, ...env };
  const consentry = await startConsentry(settings, () => new Date(Date.now() + clock.ahead));
  let programs = 0;

  return {
    consentry,
    /** Milliseconds that Consentry's clock is ahead. */
    clock,
    stub,
    /** A name that no other test has used: registrations of the same name are the same program. */
    newName(): string {
      programs += 1;
      return `Program ${programs}`;
    },
    /** A client that registers itself; `name` is the program's. */
    async register(name: string, members: Record<string, unknown> = {}): Promise<string> {
      return (await registerClient(consentry.issuer, { client_name: name, ...members })).client_id;
    },
    /** Puts a document on the web, or another in its place, and lets our copy go stale. @returns its client ID */
    async publish(name: string, members: Record<string, unknown> | undefined): Promise<string> {
      const path = `/${name.replaceAll(' ', '-')}.json`;
      const clientId = `${stub.url}${path}`;
      const common = { client_id: clientId, client_name: name, redirect_uris: [CALLBACK] };
      if (members) documents.set(path, { ...common, ...members });
      else documents.delete(path);
      await sql(consentry, 'UPDATE metadata_documents SET fresh_until = fetched_at WHERE url = $1', [clientId]);
      return clientId;
    },
    /** Puts anything else on the web. */
    serve(path: string, body: Record<string, unknown>): void {
      documents.set(path, body);
    },
    /** As if this document had just been read. */
    async know({ clientId, redirectUri }: typeof CLAUDE, members: Record<string, unknown> = {}): Promise<void> {
      const document = { client_id: clientId, client_name: 'Claude', redirect_uris: [redirectUri], ...members };
      await sql(
        consentry,
        `INSERT INTO metadata_documents (url, body, fetched_at, fresh_until, stale_until)
         VALUES ($1, $2, now(), now() + interval '900 days', now() + interval '900 days')
         ON CONFLICT (url) DO UPDATE SET body = EXCLUDED.body`,
        [clientId, JSON.stringify(document)],
      );
    },
    async close() {
      await consentry.close();
      await stub.close();
    },
  };
}

/**
 * Says of each navigation where it comes from (Fetch Metadata, `Sec-Fetch-Site`).
 *
 * @param more what else it says with every request, such as `user-agent`
 */
export function openBrowser({ issuer }: Pick<Consentry, 'issuer'>, more: Record<string, string> = {}) {
  const headers: Record<string, string> = { ...more, 'sec-fetch-site': 'same-origin' };
  const person = createPerson(issuer, headers);
  return {
    ...person,
    /** @param site what brought the person here: `none` a program, `cross-site` a link; undefined: the browser says nothing */
    async arrive(url: string, site: string | undefined = 'none'): Promise<Step> {
      if (site === '') delete headers['sec-fetch-site'];
      else headers['sec-fetch-site'] = site;
      const page = await person.open(url);
      headers['sec-fetch-site'] = 'same-origin';
      return page;
    },
  };
}

/** consent.md §3; `wider` is page F, `twice` the page after two denials. */
export type PageKind = 'connect' | 'full' | 'wider' | 'short' | 'approval' | 'twice' | 'other';

export function pageKind({ status, html }: Step): PageKind {
  if (status !== 200) return 'other';
  if (/autocomplete="current-password"/.test(html) && /name="email"/.test(html)) return 'connect';
  if (html.includes('value="block"')) return 'twice';
  if (html.includes('value="approve"')) return html.includes('class="panel held"') ? 'wider' : 'full';
  if (html.includes('value="ask"')) return 'approval';
  return html.includes('value="continue"') ? 'short' : 'other';
}

export function assertPage(page: Step, kind: PageKind, why = ''): void {
  assert.equal(page.left, undefined, `${why} left to ${page.left?.href}`);
  assert.equal(pageKind(page), kind, `${why} ${page.status} ${words(page)}`);
}

interface Asked {
  params?: Params;
  /** `Sec-Fetch-Site`; a program opens the browser where it is left out. */
  site?: string;
  /** Who signs in, where page A asks. */
  who?: { email: string; password: string };
}

/** The page by which the request is answered, for somebody who is signed in by then. */
export async function ask(
  { consentry }: Pick<World, 'consentry'>,
  browser: Browser,
  clientId: string,
  { params = {}, site = 'none', who = consentry.ana }: Asked = {},
): Promise<{ begun: Begun; page: Step }> {
  const begun = authorizationUrl(consentry, clientId, { scope: 'mail:read', ...params });
  const first = await browser.arrive(begun.url, site);
  const page = pageKind(first) === 'connect' ? await signIn(browser, first, who) : first;
  return { begun, page };
}

/** Approve or Continue, whichever the page has. */
export function press(browser: Browser, page: Step, fields: Fields = {}): Promise<Step> {
  return browser.submit(page, { decision: pageKind(page) === 'short' ? 'continue' : 'approve', ...fields });
}

/** The code with which the browser went back to the client. */
export function codeOf({ left, ...step }: Step): string {
  return left?.searchParams.get('code') ?? assert.fail(`no code: ${step.status} ${left?.href ?? words(step)}`);
}

export interface Tokens {
  clientId: string;
  accessToken: string;
  refreshToken: string;
  scopes: string[];
}

/**
 * Asks, presses whatever the page has, redeems.
 *
 * @param options.token what else the token request says, such as an assertion
 */
export async function connect(
  world: Pick<World, 'consentry'>,
  browser: Browser,
  clientId: string,
  { fields, token = async () => ({}), ...asked }: Asked & { fields?: Fields; token?: () => Promise<Params> } = {},
): Promise<Tokens & { page: Step }> {
  const { begun, page } = await ask(world, browser, clientId, asked);
  const code = codeOf(page.left ? page : await press(browser, page, fields));
  const resource = asked.params?.resource ?? world.consentry.mail.uri;
  const changes = { resource, ...(await token()) };
  const { status, body } = await redeem(world.consentry, clientId, { ...begun, code }, changes);
  assert.equal(status, 200, JSON.stringify(body));
  return {
    page,
    clientId,
    accessToken: String(body.access_token),
    refreshToken: body.refresh_token as string,
    scopes: String(body.scope ?? '')
      .split(' ')
      .sort(),
  };
}

/** "Not you?" */
export function notYou(browser: Browser, page: Step): Promise<Step> {
  return browser.submit(page, {}, { action: `${new URL(page.url).pathname}/switch-account` });
}

export interface ConsentRow {
  id: string;
  scopes: string[];
  version: number;
  full_page_at: Date;
  expires_at: Date;
  suspended_at: Date | null;
  suspended_reason: string | null;
  revoked_at: Date | null;
  revoked_reason: string | null;
}

export function consentRows({ consentry }: Pick<World, 'consentry'>, clientId: string): Promise<ConsentRow[]> {
  const columns =
    'id, scopes, version, full_page_at, expires_at, suspended_at, suspended_reason, revoked_at, revoked_reason';
  return sql(consentry, `SELECT ${columns} FROM consents WHERE client_id = $1 ORDER BY created_at`, [clientId]);
}

/** The events of a client, oldest first, as `type` or `type page` or `type reason`. */
export async function recordOf(
  { consentry }: Pick<World, 'consentry'>,
  clientId: string,
  like = 'consent.%',
): Promise<string[]> {
  const text =
    'SELECT type, reason, details FROM audit_events WHERE client_id = $1 AND type LIKE $2 AND type <> $3 ORDER BY seq';
  const rows = await sql<{ type: string; reason: string | null; details: { page?: string } | null }>(consentry, text, [
    clientId,
    like,
    '',
  ]);
  return rows.map(({ type, reason, details }) => [type, details?.page ?? reason ?? ''].join(' ').trim());
}
