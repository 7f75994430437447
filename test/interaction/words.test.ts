/** The pages' words and headers: the person's language, nobody's markup. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { authorizationUrl, registerClient, signIn } from '../flow.ts';
import { type Consentry, register, sql, startConsentry } from '../harness.ts';
import { createPerson, type Person, type Step } from '../person.ts';
import { isConnectPage, isConsentPage, words } from './kit.ts';

describe('words on the pages', () => {
  let consentry: Consentry;
  let clientId: string;
  let ana: Person;
  before(async () => {
    consentry = await startConsentry();
    clientId = (await registerClient(consentry.issuer)).client_id;
    ana = createPerson(consentry.issuer);
    await signIn(ana, await ana.open(authorizationUrl(consentry, clientId).url), consentry.ana);
  });
  after(() => consentry?.close());

  const buttons = ({ html }: Step) =>
    [...html.matchAll(/<button\b[^>]*name="decision"[^>]*>([\s\S]*?)<\/button>/g)].map(([, label = '']) =>
      words({ html: label }),
    );
  const languageOf = (page: Step) => [
    page.headers.get('content-language'),
    /<html[^>]*lang="(\w+)"/.exec(page.html)?.[1],
  ];

  const cases: [string, { uiLocales?: string; acceptLanguage?: string }, 'en' | 'ja'][] = [
    ['nothing asked', {}, 'en'],
    ['ui_locales=ja', { uiLocales: 'ja' }, 'ja'],
    ['ui_locales=ja-JP', { uiLocales: 'ja-JP' }, 'ja'],
    ['ui_locales=fr ja', { uiLocales: 'fr ja en' }, 'ja'],
    ['Accept-Language before ui_locales', { uiLocales: 'en', acceptLanguage: 'ja' }, 'ja'],
    ['Accept-Language: ja', { acceptLanguage: 'ja' }, 'ja'],
    ['Accept-Language by weight', { acceptLanguage: 'en;q=0.4, ja-JP;q=0.8, fr' }, 'ja'],
    ['a language we do not speak', { uiLocales: 'tlh', acceptLanguage: 'de' }, 'en'],
  ];
  for (const [what, { uiLocales, acceptLanguage }, language] of cases) {
    it(`${what}: pages A, C and G are in ${language === 'ja' ? 'Japanese' : 'English'}`, async () => {
      const headers: Record<string, string> = acceptLanguage ? { 'accept-language': acceptLanguage } : {};
      const params = { ui_locales: uiLocales };
      const visitor = createPerson(consentry.issuer, headers);
      const connect = await visitor.open(authorizationUrl(consentry, clientId, params).url);
      assert.ok(isConnectPage(connect));
      assert.deepEqual(languageOf(connect), [language, language]);
      assert.deepEqual(buttons(connect), language === 'ja' ? ['続ける', 'キャンセル'] : ['Continue', 'Cancel']);
      const consent = await ana.open(authorizationUrl(consentry, clientId, params).url, { headers });
      // The page itself is reached by a redirect, to which a browser sends the same languages.
      const page = acceptLanguage ? await ana.open(consent.url, { headers }) : consent;
      assert.deepEqual(languageOf(page), [language, language]);
      assert.deepEqual(buttons(page), language === 'ja' ? ['承認', '拒否'] : ['Approve', 'Deny']);
      const stopped = await visitor.open(authorizationUrl(consentry, 'unknown', params).url);
      assert.deepEqual(languageOf(stopped), [language, language]);
      assert.match(String(page.headers.get('vary')), /accept-language/i);
    });
  }

  it('every page is framed by nobody, runs nothing inline, keeps its opener and its referrer, and is stored by nobody', async () => {
    const visitor = createPerson(consentry.issuer);
    const pages = {
      connect: await visitor.open(authorizationUrl(consentry, clientId).url),
      consent: await ana.open(authorizationUrl(consentry, clientId).url),
      stopped: await ana.open(authorizationUrl(consentry, 'unknown').url),
      expired: await ana.open(`${consentry.issuer}/interaction/gone`),
      account: await ana.open(`${consentry.issuer}/account/password`),
      logout: await ana.open(`${consentry.issuer}/logout`),
      device: await ana.open(`${consentry.issuer}/device`),
      lost: await ana.open(`${consentry.issuer}/nowhere`),
    };
    for (const [name, { headers, html }] of Object.entries(pages)) {
      const policy = String(headers.get('content-security-policy'));
      assert.match(policy, /default-src 'none'/, name);
      assert.match(policy, /frame-ancestors 'none'/, name);
      assert.match(policy, /base-uri 'none'/, name);
      assert.doesNotMatch(policy, /unsafe|form-action|\*|data:|sha256/, name);
      assert.equal(headers.get('cross-origin-opener-policy'), null, name);
      assert.equal(headers.get('referrer-policy'), 'same-origin', name);
      assert.match(String(headers.get('cache-control')), /no-store/, name);
      assert.equal(headers.get('x-content-type-options'), 'nosniff', name);
      assert.equal(headers.get('x-frame-options'), 'DENY', name);
      assert.match(String(headers.get('content-type')), /^text\/html; charset=utf-8$/, name);
      assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)|\son\w+=|style="/i, name);
    }
  });

  const HOSTILE = `"><script>alert(1)</script>'><img src=x onerror=alert(1)>{{7*7}}\${7*7}<!--`;
  /** Reads the page as a browser would: nothing but our own elements, attributes and addresses. */
  const assertInert = (page: Step, what: string) => {
    const tags = [
      ...page.html.matchAll(
        /<(!?[a-z][a-z\d]*)((?:\s+[^\s=>"'/]+(?:="[^"]*")?|\s*\/)*)\s*>|<(?=[a-z!?])[\s\S]{0,60}/gi,
      ),
    ];
    assert.ok(tags.length > 20, what);
    for (const [tag, name = '', attributes = ''] of tags) {
      assert.match(
        name,
        /^(?:!doctype|html|head|meta|title|link|script|body|header|footer|main|img|span|h[1-3]|bdi|p|dl|dt|dd|div|svg|path|circle|form|input|label|button|strong|section|ul|li|details|summary|code|fieldset|legend|a|br|time)$/i,
        `${what}: ${tag}`,
      );
      for (const [, attribute = '', value = ''] of attributes.matchAll(/([^\s=]+)="([^"]*)"/g)) {
        assert.doesNotMatch(attribute, /^(?:on|style|srcdoc|formaction)/i, `${what}: ${tag}`);
        if (/^(?:src|href|action)$/.test(attribute))
          assert.match(value, /^(?:\/|http:\/\/127\.0\.0\.1:\d+\/|https:\/\/app\.example\.test\/)/, `${what}: ${tag}`);
      }
      if (name === 'script') assert.match(attributes, /^(?: type="module")? src="\/static\/[^"]*"$/, what);
    }
    assert.doesNotMatch(page.html, /<script>|<!--/, what);
    assert.doesNotMatch(words(page), /\b49\b/, what);
  };

  it('hostile text in any field of a client or a request renders as text (threats 6, 36)', async () => {
    const hostile = await registerClient(consentry.issuer, {
      client_name: HOSTILE,
      client_uri: 'https://x.example/"><script>',
      software_id: HOSTILE,
      contacts: [HOSTILE],
    });
    for (const person of [ana, createPerson(consentry.issuer)]) {
      const page = await person.open(
        authorizationUrl(consentry, hostile.client_id, {
          state: HOSTILE,
          ui_locales: HOSTILE,
          nonce: HOSTILE,
          scope: 'openid mail:read',
        }).url,
      );
      assert.ok(isConsentPage(page) || isConnectPage(page), words(page));
      assert.match(words(page), /<script>alert/);
      assertInert(page, 'client name');
    }
    for (const name of [
      'client_id',
      'redirect_uri',
      'scope',
      'state',
      'response_type',
      'resource',
      'prompt',
      'request',
      'request_uri',
      'response_mode',
      'code_challenge_method',
      'code_challenge',
      'max_age',
      'id_token_hint',
      'claims',
      'registration',
      'login_hint',
    ]) {
      const begun = authorizationUrl(consentry, clientId, {
        redirect_uri: 'https://app.example.test/cb',
        [name]: HOSTILE,
      });
      assertInert(await ana.open(begun.url), name);
      const loopback = await ana.open(authorizationUrl(consentry, clientId, { [name]: HOSTILE }).url);
      if (!loopback.left) assertInert(loopback, name);
    }
    const https = await registerClient(consentry.issuer, { redirect_uris: ['https://app.example.test/cb'] });
    for (const params of [
      { prompt: 'none', state: HOSTILE },
      { response_type: HOSTILE },
      { scope: HOSTILE, resource: 'http://127.0.0.1:9/strict' },
      { prompt: HOSTILE, state: HOSTILE },
    ]) {
      const stopped = await ana.open(
        authorizationUrl(consentry, https.client_id, { redirect_uri: 'https://app.example.test/cb', ...params }).url,
      );
      assert.equal(stopped.left, undefined);
      assertInert(stopped, JSON.stringify(params));
    }
  });

  it('what a person types wrong comes back as text', async () => {
    const visitor = createPerson(consentry.issuer);
    const page = await visitor.open(authorizationUrl(consentry, clientId).url);
    assertInert(await visitor.submit(page, { email: HOSTILE, password: HOSTILE, decision: 'continue' }), 'email');
    const account = await visitor.open(`${consentry.issuer}/account/password`);
    assertInert(
      await visitor.submit(account, {
        email: HOSTILE,
        current_password: HOSTILE,
        new_password: HOSTILE,
        repeat_password: HOSTILE,
      }),
      'account',
    );
    for (const path of [
      '/device?user_code=',
      '/logout?post_logout_redirect_uri=',
      '/logout?client_id=',
      '/logout?id_token_hint=',
      '/?x=',
      '/nowhere/',
      '/interaction/',
      '/logout/success?client_id=',
    ]) {
      assertInert(await ana.open(`${consentry.issuer}${path}${encodeURIComponent(HOSTILE)}`), path);
    }
  });

  it('names and tools of a server render as text, whoever wrote them (threat 61)', async () => {
    const uri = 'http://127.0.0.1:9/hostile';
    await register(consentry.rooms, {
      uri,
      name: 'Hostile',
      scopes: [{ name: 'x:read', description: 'x', sensitivity: 'low', effect: 'read', tools: ['x'] }],
    });
    // Past every check of what an administrator may enter.
    await sql(consentry, 'UPDATE resources SET name = $2 WHERE uri = $1', [uri, HOSTILE]);
    await sql(consentry, "UPDATE resource_scopes SET description = $1, tools = ARRAY[$1] WHERE name = 'x:read'", [
      HOSTILE,
    ]);
    const page = await ana.open(authorizationUrl(consentry, clientId, { resource: uri }).url);
    assert.ok(isConsentPage(page));
    assertInert(page, 'server');
  });

  it('invisible and direction-changing characters of a client name never reach the page', async () => {
    const shady = await registerClient(consentry.issuer, {
      client_name: 'Mail\u202E\u2066gpj.exe\u200B\u0000\u0007\uFEFF',
    });
    const page = await ana.open(authorizationUrl(consentry, shady.client_id).url);
    assert.ok(isConsentPage(page));
    for (const sly of '\u202E\u2066\u200B\u0000\u0007\uFEFF') assert.ok(!page.html.includes(sly));
  });
});
