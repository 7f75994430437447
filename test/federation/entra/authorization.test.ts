/** The trip to Entra ID and back: what is sent, and what of an answer is believed (F9, F18 to F22, F24, F25, F32, F34, F36, F40). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { CONTOSO, FABRIKAM } from '../../fakes/entra/directory.ts';
import { Aadsts } from '../../fakes/entra/errors.ts';
import { CALLBACK, type Entra, newLeg, outcome, random, refusal, signIn, startEntra, trip } from './kit.ts';

describe('a trip to Entra ID and back', () => {
  let entra: Entra;
  before(async () => {
    entra = await startEntra();
  });
  beforeEach(() => entra.reset());
  after(() => entra?.close());

  it('sends its own scopes, the redirect URI, S256, state, nonce and response_mode=query, and nothing else (F18, F19)', async () => {
    const leg = newLeg();
    const url = await entra.connect().authorizationUrl(leg);
    assert.equal(`${url.origin}${url.pathname}`, `https://login.microsoftonline.com/${CONTOSO}/oauth2/v2.0/authorize`);
    assert.deepEqual(Object.fromEntries([...url.searchParams].sort()), {
      client_id: entra.app.clientId,
      code_challenge: leg.codeChallenge,
      code_challenge_method: 'S256',
      nonce: leg.nonce,
      redirect_uri: CALLBACK,
      response_mode: 'query',
      response_type: 'code',
      scope: 'openid profile email offline_access',
      state: leg.state,
    });
  });

  it('PKCE is used though the metadata does not offer it, and Entra refuses who leaves it out (F18)', async () => {
    const { url, finish } = await trip(entra, entra.connect());
    assert.equal(url.searchParams.get('code_challenge_method'), 'S256');
    await finish();
    assert.ok(entra.fake.tokenRequests.at(-1)?.get('code_verifier'));
    const alter = (address: URL) => address.searchParams.delete('code_challenge');
    assert.equal(await outcome((await trip(entra, entra.connect(), { alter })).finish()), 'failed: misconfigured');
    const other = (address: URL) => address.searchParams.set('code_challenge', random());
    assert.equal(
      await outcome((await trip(entra, entra.connect(), { alter: other })).finish()),
      'failed',
      'another verifier',
    );
  });

  it('a `resource` never goes upstream, nor a scope of a client’s: Entra would refuse both (F19, F20)', async () => {
    for (const settings of [{}, { groups: 'mapped' as const }]) {
      const { url, finish } = await trip(entra, entra.connect(settings));
      const { refreshToken = '', issuer, subject } = await finish();
      await entra.connect(settings).check({ refreshToken, issuer, subject });
      for (const params of [url.searchParams, ...entra.fake.tokenRequests]) assert.equal(params.has('resource'), false);
    }
    const stranger = (name: string, value: string) => (address: URL) => address.searchParams.set(name, value);
    for (const [alter, code] of [
      [stranger('resource', 'https://mcp.test/'), 9010010],
      [stranger('scope', 'openid mcp:read'), 650053],
      [stranger('scope', 'openid api://mail/read https://graph.microsoft.com/User.Read'), 700022],
    ] as const) {
      const error = await refusal((await trip(entra, entra.connect(), { alter })).finish());
      assert.deepEqual([error.failure, error.reason, error.alarm], ['failed', 'misconfigured', `aadsts_${code}`]);
    }
  });

  it('a nonce that is another’s, missing or of an earlier trip is not believed (F9)', async () => {
    const connection = entra.connect();
    const earlier = await trip(entra, connection);
    await earlier.finish();
    for (const nonce of [random(), undefined, earlier.leg.nonce, [earlier.leg.nonce], '']) {
      entra.fake.behaviour.alter = (claims) => ({ ...claims, nonce });
      assert.equal(await outcome(signIn(entra, connection)), 'failed', String(nonce));
    }
  });

  it('a token for another application, or one that has ended or not begun, is not believed', async () => {
    const now = Math.floor(Date.now() / 1000);
    const changes = [
      { aud: entra.shared.clientId },
      { aud: [entra.app.clientId, 'x'] },
      { exp: now - 120 },
      { nbf: now + 600 },
      { exp: undefined },
    ];
    for (const change of changes) {
      entra.fake.behaviour.alter = (claims) => ({ ...claims, ...change });
      assert.equal(await outcome(signIn(entra, entra.connect())), 'failed', JSON.stringify(change));
    }
  });

  it('`query` is asked for, since a `form_post` would arrive without the browser’s cookies (F21)', async () => {
    const { url } = await trip(entra, entra.connect());
    assert.equal(url.searchParams.get('response_mode'), 'query');
    const form = new URL(url);
    form.searchParams.set('response_mode', 'form_post');
    const { left, html } = await entra.fake.visit(form);
    assert.equal(left, undefined);
    assert.match(html, /<form method="post" action="http:\/\/127/);
  });

  it('an error’s description with HTML, line breaks and control characters becomes one bounded line of the log (F22)', async () => {
    const description = `AADSTS90002: <script>alert(1)</script>\r\nSet-Cookie: a=b\n{"level":60}\u202e\u0000${'x'.repeat(5_000)}`;
    entra.fake.behaviour.authorizeError = { error: 'invalid_request\r\nx: y', error_description: description };
    const error = await refusal(signIn(entra, entra.connect()));
    assert.deepEqual([error.failure, error.reason, error.alarm], ['failed', 'misconfigured', 'aadsts_90002']);
    const detail = String(error.detail);
    assert.ok(detail.length < 600, String(detail.length));
    assert.doesNotMatch(detail, /[\p{Cc}\u202e]/u);
    assert.doesNotMatch(error.message, /script/);
    const body = JSON.stringify({
      error: 'invalid_grant',
      error_description: description,
      error_codes: [54005],
      trace_id: 'a\r\nb',
      correlation_id: 7,
    });
    entra.fake.behaviour.authorizeError = undefined;
    entra.fake.behaviour.tokenError = { status: 400, type: 'application/json', body };
    assert.doesNotMatch(String((await refusal(signIn(entra, entra.connect()))).detail), /[\p{Cc}\u202e]/u);
  });

  it('interaction, sign-in and consent that Entra asks for are told apart, each with what helps (F24)', async () => {
    const kinds = {
      interaction_required: 'denied: interaction',
      login_required: 'denied: interaction',
      consent_required: 'denied: admin_consent',
      access_denied: 'denied',
      temporarily_unavailable: 'unavailable: throttled',
      server_error: 'unavailable: throttled',
      unheard_of: 'failed',
      constructor: 'failed',
    };
    for (const [error, expected] of Object.entries(kinds)) {
      entra.fake.behaviour.authorizeError = { error, error_description: 'No code.' };
      assert.equal(await outcome(signIn(entra, entra.connect())), expected, error);
    }
    entra.fake.behaviour.authorizeError = undefined;
    const silent = (url: URL) => url.searchParams.set('prompt', 'none');
    assert.equal(
      await outcome((await trip(entra, entra.connect(), { alter: silent })).finish()),
      'denied: interaction',
    );
    entra.fake.behaviour.person = undefined;
    assert.equal(await outcome(signIn(entra, entra.connect())), 'denied: admin_consent', 'declined');
  });

  it('a choice of account never carries a hint of who it might be: Entra refuses the two together (F25)', async () => {
    for (const prompt of ['select_account', 'login'] as const) {
      const { url, finish } = await trip(entra, entra.connect(), { wishes: { prompt } });
      assert.equal(url.searchParams.get('prompt'), prompt);
      for (const name of ['login_hint', 'domain_hint', 'sid']) assert.equal(url.searchParams.has(name), false);
      await finish();
    }
    const alter = (url: URL) => url.searchParams.set('login_hint', 'ana@contoso.test');
    const both = await trip(entra, entra.connect(), { wishes: { prompt: 'select_account' }, alter });
    assert.equal(await outcome(both.finish()), 'failed: misconfigured');
  });

  it('a code is redeemed once and never tried again, and another tenant’s is refused (F32)', async () => {
    const { finish } = await trip(entra, entra.connect());
    await finish();
    entra.fake.tokenRequests.length = 0;
    assert.match(String((await refusal(finish())).detail), /AADSTS54005/);
    assert.equal(entra.fake.tokenRequests.length, 1);
    const elsewhere = await trip(entra, entra.connect({ clientId: entra.shared.clientId, tenants: [FABRIKAM] }));
    const here = entra.connect({ clientId: entra.shared.clientId });
    const { detail } = await refusal(here.finish({ ...elsewhere.leg, callbackUrl: elsewhere.back }));
    assert.match(String(detail), /AADSTS700005/);
    for (const code of [90024, 50033, 90006]) {
      entra.fake.behaviour.tokenError = new Aadsts(code);
      const one = await trip(entra, entra.connect());
      entra.fake.tokenRequests.length = 0;
      assert.match(await outcome(one.finish()), /^unavailable/);
      assert.equal(entra.fake.tokenRequests.length, 1, 'the same code is not tried again by itself');
    }
  });

  it('an admin-consent answer lets no tenant in, whatever `tenant` it names (F34)', async () => {
    const connection = entra.connect({ tenants: [CONTOSO, FABRIKAM] });
    const leg = newLeg();
    const consent = new URL('https://login.microsoftonline.com/e0000000-58a6-4f0e-9c5d-2f4a6f6c6666/v2.0/adminconsent');
    consent.search = new URLSearchParams({
      client_id: entra.shared.clientId,
      redirect_uri: CALLBACK,
      state: leg.state,
    }).toString();
    const { left } = await entra.fake.visit(consent);
    assert.match(String(left), /admin_consent=True&tenant=e0000000/);
    entra.fake.tokenRequests.length = 0;
    assert.equal(await outcome(connection.finish({ ...leg, callbackUrl: left as URL })), 'failed');
    assert.equal(entra.fake.tokenRequests.length, 0);
    assert.equal(
      connection.logout.isIssuer('https://login.microsoftonline.com/e0000000-58a6-4f0e-9c5d-2f4a6f6c6666/v2.0'),
      false,
    );
  });

  it('the redirect URI is sent both times just as it is registered: one with a slash added is another (F36)', async () => {
    const { url, back, finish } = await trip(entra, entra.connect());
    assert.equal(url.searchParams.get('redirect_uri'), CALLBACK);
    assert.ok(back.href.startsWith(`${CALLBACK}?`), back.href);
    const slashed = new URL(back);
    slashed.pathname += '/';
    assert.match(String((await refusal(finish(slashed))).detail), /AADSTS500112/);
  });

  it('parameters that come twice are not chosen among (F40)', async () => {
    for (const name of ['code', 'state']) {
      const { back, finish } = await trip(entra, entra.connect());
      const doubled = new URL(back);
      doubled.searchParams.append(name, name === 'code' ? 'another' : String(back.searchParams.get('state')));
      entra.fake.tokenRequests.length = 0;
      assert.equal(await outcome(finish(doubled)), 'failed', name);
      assert.equal(entra.fake.tokenRequests.length, 0, name);
    }
  });

  it('an answer that is no JSON, or an error page, is told as no answer or as none to believe', async () => {
    for (const [status, expected] of [
      [200, 'failed'],
      [400, 'failed'],
      [429, 'unavailable'],
      [500, 'unavailable'],
      [502, 'unavailable'],
    ] as const) {
      entra.fake.behaviour.tokenError = { status, body: '<html>Sorry</html>' };
      assert.match(await outcome(signIn(entra, entra.connect())), new RegExp(`^${expected}`), String(status));
    }
  });
});
