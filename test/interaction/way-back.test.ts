/** Where Cancel, Deny and errors lead: never by themselves to an https host that nobody here approved (OAuth 2.1 §7.12.2). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { approve, authorizationUrl, authorize, registerClient, signIn } from '../flow.ts';
import { type Consentry, sql, startConsentry, staticClient } from '../harness.ts';
import { createPerson, type Person, type Step } from '../person.ts';
import { given, heading, isConnectPage, isConsentPage, words } from './kit.ts';

const HTTPS = 'https://app.example.test/callback';

describe('the way back', () => {
  let consentry: Consentry;
  let ana: Person;
  before(async () => {
    consentry = await startConsentry();
    ana = createPerson(consentry.issuer);
    await authorize(consentry, (await registerClient(consentry.issuer)).client_id, { person: ana });
  });
  after(() => consentry?.close());

  /** A client that nobody has approved, returning to https. */
  async function fresh(): Promise<string> {
    return (await registerClient(consentry.issuer, { client_name: 'Fresh', redirect_uris: [HTTPS] })).client_id;
  }

  function assertStopped(page: Step, error: string, state: string | undefined): void {
    assert.equal(page.left, undefined, `redirected to ${page.left?.href}`);
    assert.equal(page.headers.get('location'), null);
    assert.equal(page.headers.get('refresh'), null);
    assert.doesNotMatch(page.html, /<script(?![^>]*\bsrc=)|http-equiv|onload|<form[^>]*app\.example/i);
    assert.doesNotMatch(String(page.headers.get('content-security-policy')), /sha256|unsafe/);
    const link = /<a\b[^>]*href="(https:\/\/app\.example\.test[^"]*)"/.exec(page.html)?.[1]?.replaceAll('&amp;', '&');
    assert.ok(link, `no link back in: ${words(page)}`);
    const target = new URL(link);
    const answer = target.hash ? new URLSearchParams(target.hash.slice(1)) : target.searchParams;
    assert.equal(answer.get('error'), error);
    assert.equal(answer.get('state') ?? undefined, state);
    assert.equal(answer.get('iss'), consentry.issuer);
    assert.equal(answer.get('code'), null);
    assert.match(words(page), /Return to app\.example\.test/);
  }

  const faults: [string, Record<string, string | undefined>, string][] = [
    ['scope=nonsense at a server that grants none by default', { scope: 'nonsense' }, 'invalid_scope'],
    ['response_type=none', { response_type: 'none' }, 'unsupported_response_type'],
    ['response_type=token', { response_type: 'token' }, 'unsupported_response_type'],
    ['response_type=id_token', { response_type: 'id_token' }, 'unsupported_response_type'],
    ['prompt=none', { prompt: 'none' }, 'interaction_required'],
    ['a missing PKCE challenge', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    ['code_challenge_method=plain', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['an unknown resource', { resource: 'http://127.0.0.1:9/elsewhere' }, 'invalid_target'],
    ['response_mode=form_post', { response_mode: 'form_post' }, 'unsupported_response_mode'],
    ['response_mode=fragment', { response_mode: 'fragment' }, 'unsupported_response_mode'],
    ['response_mode=web_message', { response_mode: 'web_message' }, 'unsupported_response_mode'],
    ['response_mode=query.jwt', { response_mode: 'query.jwt' }, 'unsupported_response_mode'],
    ['an unknown prompt', { prompt: 'nonsense' }, 'invalid_request'],
    ['a bad max_age', { max_age: '-1' }, 'invalid_request'],
    ['a registration parameter', { registration: '{}' }, 'registration_not_supported'],
    ['an unreadable request object', { request: 'x' }, 'invalid_request_object'],
    [
      'an unreadable request object with response_mode=form_post',
      { request: 'x', response_mode: 'form_post' },
      'invalid_request_object',
    ],
    [
      'an unreadable request object with response_mode=fragment',
      { request: 'x', response_mode: 'fragment' },
      'invalid_request_object',
    ],
  ];

  for (const [what, params, error] of faults) {
    it(`${what} ends on a page with a plain link for a fresh https client (threat 52)`, async () => {
      const target = error === 'invalid_scope' ? { resource: await strict() } : {};
      const begun = authorizationUrl(consentry, await fresh(), { redirect_uri: HTTPS, ...target, ...params });
      for (const person of [ana, createPerson(consentry.issuer)])
        assertStopped(await person.open(begun.url), error, begun.state);
    });
  }

  /** A server without a scope of low sensitivity, where no scope means none. */
  let strictUri: string | undefined;
  async function strict(): Promise<string> {
    if (!strictUri) {
      strictUri = 'http://127.0.0.1:9/strict';
      const { register } = await import('../harness.ts');
      await register(consentry.rooms, {
        uri: strictUri,
        name: 'Strict',
        scopes: [{ name: 'vault:open', description: 'Open the vault', sensitivity: 'high', effect: 'act', tools: [] }],
      });
    }
    return strictUri;
  }

  // One program denied again and again is another story (threat 63).
  beforeEach(() => sql(consentry, 'DELETE FROM denials'));

  it('scope=nonsense at a server with default scopes is a page, never a redirect (threat 52)', async () => {
    const page = await ana.open(
      authorizationUrl(consentry, await fresh(), { redirect_uri: HTTPS, scope: 'nonsense' }).url,
    );
    assert.equal(page.left, undefined);
    assert.ok(isConsentPage(page));
  });

  it('parameters given twice end on a page with a plain link, whatever response_mode says (threat 52)', async () => {
    for (const twice of ['scope', 'prompt', 'code_challenge', 'state', 'response_type', 'nonce', 'max_age']) {
      for (const mode of ['query', 'form_post', 'fragment']) {
        const begun = authorizationUrl(consentry, await fresh(), { redirect_uri: HTTPS, response_mode: mode });
        const page = await ana.open(`${begun.url}&${twice}=a&${twice}=b`);
        assertStopped(page, 'invalid_request', twice === 'state' ? undefined : begun.state);
      }
    }
    for (const twice of ['redirect_uri', 'client_id']) {
      const begun = authorizationUrl(consentry, await fresh(), { redirect_uri: HTTPS, response_mode: 'form_post' });
      const page = await ana.open(`${begun.url}&${twice}=${encodeURIComponent('https://evil.example/')}`);
      assert.equal(page.left, undefined);
      assert.equal(page.status, 400);
      assert.doesNotMatch(page.html, /href="https:\/\/evil|action="https:/);
    }
  });

  it('an address that the client has not registered gets neither a redirect nor a link', async () => {
    const clientId = await fresh();
    for (const [uri, extra] of [
      ['https://evil.example/', {}],
      [`${HTTPS}/../x`, {}],
      ['https://app.example.test:444/callback', {}],
      [HTTPS.toUpperCase(), {}],
      ['https://evil.example/', { prompt: 'none' }],
      ['https://evil.example/', { request: 'x', response_mode: 'form_post' }],
      ['javascript:alert(1)', { prompt: 'none' }],
    ] as const) {
      const page = await ana.open(authorizationUrl(consentry, clientId, { redirect_uri: uri, ...extra }).url);
      assert.equal(page.left, undefined, uri);
      assert.equal(page.status, 400);
      assert.doesNotMatch(page.html, /href="(?:https|javascript)[^"]*(?:evil|alert|callback)/i);
    }
    const unknown = await ana.open(authorizationUrl(consentry, 'unknown', { redirect_uri: HTTPS }).url);
    assert.equal(unknown.left, undefined);
    assert.doesNotMatch(unknown.html, /href="https:\/\/app/);
  });

  it('Deny for a fresh https client ends on a page with a plain link, and stores nothing (threat 52)', async () => {
    const earlier = await given(consentry);
    const begun = authorizationUrl(consentry, await fresh(), { redirect_uri: HTTPS });
    const page = await ana.open(begun.url);
    const denied = await ana.submit(page, { decision: 'deny' });
    assertStopped(denied, 'access_denied', begun.state);
    assert.match(heading(denied), /You said no/);
    assert.deepEqual(await given(consentry), earlier);
  });

  it('Cancel for a fresh https client ends on a page with a plain link and signs nobody in', async () => {
    const visitor = createPerson(consentry.issuer);
    const begun = authorizationUrl(consentry, await fresh(), { redirect_uri: HTTPS });
    const page = await visitor.open(begun.url);
    assert.ok(isConnectPage(page));
    const cancelled = await visitor.submit(page, { ...consentry.ana, decision: 'cancel' });
    assertStopped(cancelled, 'access_denied', begun.state);
    assert.ok(isConnectPage(await visitor.open(begun.url)));
  });

  it('Deny and Cancel go straight back to a program on this computer, with access_denied, state and iss', async () => {
    const { client_id: clientId } = await registerClient(consentry.issuer);
    for (const [person, changes] of [
      [ana, { decision: 'deny' }],
      [createPerson(consentry.issuer), { decision: 'cancel' }],
    ] as const) {
      const begun = authorizationUrl(consentry, clientId);
      const { left, status } = await person.submit(await person.open(begun.url), changes);
      assert.equal(status, 303);
      assert.equal(`${left?.origin}${left?.pathname}`, begun.redirectUri);
      const { error_description: description, ...answer } = Object.fromEntries(left?.searchParams ?? []);
      assert.deepEqual(answer, { error: 'access_denied', state: begun.state, iss: consentry.issuer });
      assert.ok(description);
    }
  });

  it('Deny goes straight back to an app that the system opens by its scheme', async () => {
    const { client_id: clientId } = await registerClient(consentry.issuer, {
      redirect_uris: ['cursor://anysphere.cursor-mcp/oauth/callback'],
    });
    const begun = authorizationUrl(consentry, clientId, {
      redirect_uri: 'cursor://anysphere.cursor-mcp/oauth/callback',
    });
    const { left } = await ana.submit(await ana.open(begun.url), { decision: 'deny' });
    assert.match(String(left?.href), /^cursor:\/\/anysphere\.cursor-mcp\/oauth\/callback\?.*error=access_denied/);
  });

  it('once somebody here approved it, errors and Deny go straight back; another client of the same host stays stopped', async () => {
    const clientId = await fresh();
    await authorize(consentry, clientId, { person: ana, params: { redirect_uri: HTTPS } });
    const stranger = createPerson(consentry.issuer);
    for (const params of [{ prompt: 'none' }, { response_type: 'none' }, { code_challenge: undefined }]) {
      const begun = authorizationUrl(consentry, clientId, { redirect_uri: HTTPS, ...params });
      const { left } = await stranger.open(begun.url);
      assert.equal(left?.origin, 'https://app.example.test');
      assert.equal(left?.searchParams.get('state'), begun.state);
      assert.ok(left?.searchParams.get('error'));
    }
    const denied = await ana.submit(
      await ana.open(authorizationUrl(consentry, clientId, { redirect_uri: HTTPS }).url),
      { decision: 'deny' },
    );
    assert.equal(denied.left?.searchParams.get('error'), 'access_denied');
    const other = authorizationUrl(consentry, await fresh(), { redirect_uri: HTTPS, prompt: 'none' });
    assertStopped(await ana.open(other.url), 'interaction_required', other.state);
  });

  it('a consent for one address of a client vouches for no other of its addresses', async () => {
    const second = 'https://second.example.test/callback';
    const { client_id: clientId } = await registerClient(consentry.issuer, { redirect_uris: [HTTPS, second] });
    await authorize(consentry, clientId, { person: ana, params: { redirect_uri: HTTPS } });
    const { left, html } = await ana.open(
      authorizationUrl(consentry, clientId, { redirect_uri: second, prompt: 'none' }).url,
    );
    assert.equal(left, undefined);
    assert.match(html, /href="https:\/\/second\.example\.test/);
  });

  it('a taken-back consent vouches for nothing', async () => {
    const clientId = await fresh();
    await authorize(consentry, clientId, { person: ana, params: { redirect_uri: HTTPS } });
    await consentry.rooms.consents.revoke({ clientId }, 'test');
    const begun = authorizationUrl(consentry, clientId, { redirect_uri: HTTPS, prompt: 'none' });
    assertStopped(await ana.open(begun.url), 'interaction_required', begun.state);
  });

  it("errors for an administrator's client go straight back, approved before or not", async () => {
    const { clientId } = await staticClient(consentry.rooms, { kind: 'app', redirectUris: [HTTPS] });
    const begun = authorizationUrl(consentry, clientId, { redirect_uri: HTTPS, prompt: 'none' });
    assert.equal((await ana.open(begun.url)).left?.searchParams.get('error'), 'interaction_required');
    const denied = await ana.submit(
      await ana.open(authorizationUrl(consentry, clientId, { redirect_uri: HTTPS }).url),
      { decision: 'deny' },
    );
    assert.equal(denied.left?.searchParams.get('error'), 'access_denied');
  });

  it('Approve sends a fresh https client its code: the press named that host', async () => {
    const page = await ana.open(authorizationUrl(consentry, await fresh(), { redirect_uri: HTTPS }).url);
    assert.match(words(page), /app\.example\.test/);
    const { left } = await approve(ana, page);
    assert.ok(left?.searchParams.get('code'));
    assert.equal(left?.origin, 'https://app.example.test');
  });

  it('after a wrong password Cancel still leads back', async () => {
    const visitor = createPerson(consentry.issuer);
    const { client_id: clientId } = await registerClient(consentry.issuer);
    const wrong = await signIn(visitor, await visitor.open(authorizationUrl(consentry, clientId).url), {
      ...consentry.ana,
      password: 'wrong wrong wrong',
    });
    assert.equal(wrong.status, 401);
    assert.equal(
      (await visitor.submit(wrong, { decision: 'cancel' })).left?.searchParams.get('error'),
      'access_denied',
    );
  });
});
