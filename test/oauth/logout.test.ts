/** Logout (OpenID Connect RP-Initiated Logout 1.0): an app may ask, the person decides, and nobody is sent to a stranger. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { authorizationUrl, authorize, basic, refresh, registerClient, tokenRequest } from '../flow.ts';
import { type Consentry, sql, startConsentry, staticClient } from '../harness.ts';
import { createPerson, type Person, type Step } from '../person.ts';
import { connect } from './kit.ts';

const HOME = 'https://app.example.test/goodbye';

describe('logout', () => {
  let consentry: Consentry;
  let client: { clientId: string; clientSecret: string | undefined };
  let ana: Person;
  let idToken: string;
  before(async () => {
    consentry = await startConsentry();
    client = await staticClient(consentry.rooms, {
      kind: 'app',
      name: 'Planner',
      redirectUris: ['https://app.example.test/callback'],
      postLogoutRedirectUris: [HOME],
    });
  });
  after(() => consentry?.close());
  beforeEach(async () => {
    ana = createPerson(consentry.issuer);
    const params = { redirect_uri: 'https://app.example.test/callback', scope: 'openid mail:read' };
    const { code, verifier, redirectUri } = await authorize(consentry, client.clientId, { person: ana, params });
    const fields = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirectUri };
    idToken = String(
      (await tokenRequest(consentry.issuer, fields, basic(client.clientId, client.clientSecret))).body.id_token,
    );
  });

  const ask = (params: Record<string, string> = {}, person = ana) =>
    person.open(`${consentry.issuer}/logout?${new URLSearchParams(params)}`);

  async function isSignedIn(person = ana): Promise<boolean> {
    const { client_id: id } = await registerClient(consentry.issuer);
    const page = await person.open(authorizationUrl(consentry, id).url);
    assert.equal(page.status, 200);
    return page.html.includes('value="approve"');
  }

  function assertPage(page: Step, status = 200): void {
    assert.deepEqual([page.status, page.left], [status, undefined]);
    assert.doesNotMatch(page.html, /<script(?![^>]*\bsrc=)|onload|http-equiv/i);
  }

  it('asks first, naming the app; one press signs out, returns to the registered address and is recorded', async () => {
    const page = await ask({ id_token_hint: idToken, post_logout_redirect_uri: HOME, state: 'goodbye' });
    assertPage(page);
    assert.match(page.html, /Planner/);
    assert.ok(await isSignedIn(), 'asking alone does nothing');
    const { left } = await ana.submit(
      await ask({ id_token_hint: idToken, post_logout_redirect_uri: HOME, state: 'goodbye' }),
      { logout: 'yes' },
    );
    assert.equal(left?.href, `${HOME}?state=goodbye`);
    assert.equal(await isSignedIn(), false);
    const rows = await sql(
      consentry,
      "SELECT account_id, client_id FROM audit_events WHERE type = 'session.ended' ORDER BY seq DESC LIMIT 1",
    );
    assert.deepEqual(rows, [{ account_id: consentry.ana.id, client_id: client.clientId }]);
  });

  it('works for the person who comes alone, without any app', async () => {
    const page = await ask();
    assertPage(page);
    assert.doesNotMatch(page.html, /Planner/);
    const done = await ana.submit(page, { logout: 'yes' });
    assertPage(done);
    assert.match(done.html, /signed out/i);
    assert.equal(await isSignedIn(), false);
  });

  it('leaves who presses the other button signed in', async () => {
    for (const params of [{}, { id_token_hint: idToken }, { client_id: client.clientId }]) {
      const page = await ask(params);
      const form = /<form\b[\s\S]*?<\/form>/.exec(page.html)?.[0] ?? '';
      assert.match(form, /<button type="submit" class/, 'a button that says no more than that');
      const stayed = await submitWithout(page, 'logout');
      assertPage(stayed);
      assert.ok(await isSignedIn(), JSON.stringify(params));
    }
  });

  /** The form as the button without a name sends it. */
  async function submitWithout(page: Step, name: string): Promise<Step> {
    const html = page.html.replace(new RegExp(`<input type="hidden" name="${name}"[^>]*>`), '');
    return ana.submit({ ...page, html });
  }

  it('answers who is not signed in with a page as well, never with a form that sends itself', async () => {
    const stranger = createPerson(consentry.issuer);
    for (const params of [{}, { id_token_hint: idToken, post_logout_redirect_uri: HOME }]) {
      const page = await ask(params as Record<string, string>, stranger);
      assertPage(page);
      const done = await stranger.submit(page, { logout: 'yes' });
      if ('post_logout_redirect_uri' in params) assert.equal(done.left?.href, HOME);
      else assertPage(done);
    }
    assert.ok(await isSignedIn());
  });

  it('returns nobody to an address that the app did not register, or that nobody vouches for', async () => {
    const other = 'https://evil.example/';
    const wrong: Record<string, string>[] = [
      { id_token_hint: idToken, post_logout_redirect_uri: other },
      { id_token_hint: idToken, post_logout_redirect_uri: `${HOME}/x` },
      { client_id: client.clientId, post_logout_redirect_uri: other },
    ];
    for (const params of wrong) assertPage(await ask(params), 400);
    const anonymous = await ana.submit(await ask({ post_logout_redirect_uri: other }), { logout: 'yes' });
    assertPage(anonymous);
    assert.doesNotMatch(anonymous.html, /evil/);
    const { client_id: self, post_logout_redirect_uris: kept } = await registerClient(consentry.issuer, {
      post_logout_redirect_uris: [other],
    });
    assert.deepEqual(kept, []);
    assertPage(await ask({ client_id: self, post_logout_redirect_uri: other }), 400);
  });

  it('takes no hint that is not ours, and ends nothing for it', async () => {
    const [head, payload, signature] = idToken.split('.');
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    const { clientId: other } = await staticClient(consentry.rooms, { kind: 'app' });
    for (const hint of [
      'nonsense',
      `${none}.${payload}.`,
      `${none}.${payload}.${signature}`,
      `${head}.${payload}.${'A'.repeat(86)}`,
    ]) {
      assertPage(await ask({ id_token_hint: hint }), 400);
    }
    assertPage(await ask({ id_token_hint: idToken, client_id: other }), 400);
    assertPage(await ask({ client_id: 'unknown' }), 400);
    assert.ok(await isSignedIn());
  });

  it('cannot be pressed from elsewhere: a form without the secret of this browser ends nothing', async () => {
    const confirm = `${consentry.issuer}/logout/confirm`;
    const post = (person: Person, xsrf: string) =>
      person.open(confirm, { method: 'POST', body: new URLSearchParams({ logout: 'yes', xsrf }) });
    assertPage(await post(ana, 'forged'), 400);
    const page = await ask();
    assertPage(await post(ana, 'forged'), 400);
    const stolen = /name="xsrf" value="([^"]+)"/.exec(page.html)?.[1] ?? '';
    assertPage(await post(createPerson(consentry.issuer), stolen), 400);
    assert.ok(await isSignedIn());
  });

  it('ends this browser alone: refresh tokens and other browsers go on', async () => {
    const elsewhere = createPerson(consentry.issuer);
    const tokens = await connect(consentry, { person: elsewhere });
    const own = await connect(consentry, { person: ana });
    await ana.submit(await ask(), { logout: 'yes' });
    assert.equal(await isSignedIn(), false);
    assert.ok(await isSignedIn(elsewhere));
    for (const { clientId, refreshToken } of [tokens, own]) {
      assert.equal((await refresh(consentry, clientId, refreshToken)).status, 200);
    }
  });
});
