/** Redirect URIs: a code goes to the address that the client registered, letter by letter, and nobody is sent elsewhere. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Client, type Clients, EVIL, openClients, type Params, PROGRAM } from './client.ts';
import { startTarget } from './consentry-target.ts';
import type { Target } from './target.ts';
import { assertAsks, assertNothing, type Browser, codeOf, openBrowser, signedIn, words } from './victim.ts';

const SITE = 'https://app.example.test/oauth/callback';

describe('redirects', () => {
  let target: Target & { close(): Promise<void> };
  let clients: Clients;
  let victim: Browser;
  let site: Client;
  let program: Client;
  before(async () => {
    target = await startTarget();
    clients = await openClients(target);
    program = await clients.register();
    site = await clients.register(SITE, { client_name: 'App' });
    victim = (await signedIn(target, clients, target.people.victim, site)).browser;
    await signedIn(target, clients, target.people.victim, program);
  });
  after(() => target?.close());

  it('go to no address that could be read as another: registration refuses it (threats 5, 16, 25, 74)', async () => {
    const bad = [
      ...['https://app.example.test/a/../b', 'https://app.example.test/./b', 'https://app.example.test/a/%2e%2e/b'],
      ...[
        'https://app.example.test/a%2f..%2fb',
        'https://app.example.test/a%5cb',
        'https://app.example.test/%252e%252e/b',
      ],
      ...[
        'https://user:pw@app.example.test/cb',
        'https://app.example.test@evil.example.test/cb',
        'https:///evil.example.test',
      ],
      ...[
        'https://app.example.test\\@evil.example.test/',
        'https:\\\\evil.example.test/',
        'https://app.example.test./cb',
      ],
      ...[
        'https://*.example.test/cb',
        'https://app.example.test:*/cb',
        'https://app.example.test/cb#x',
        '//evil.example.test',
      ],
      ...[
        'http://app.example.test/cb',
        'http://127.0.0.1.evil.test/cb',
        'http://localhost.evil.test/cb',
        'http://0.0.0.0/cb',
      ],
      ...[
        'http://127.1/cb',
        'http://0x7f.1/cb',
        'http://2130706433/cb',
        'http://[::ffff:127.0.0.1]/cb',
        'http://127.0.0.2/cb',
      ],
      ...[
        'javascript:alert(1)',
        'java\nscript:alert(1)',
        'JAVASCRIPT://app.example.test/%0aalert(1)',
        'data:text/html,x',
      ],
      ...[
        'vbscript:x',
        'blob:https://app.example.test/1',
        'file:///etc/passwd',
        'ms-msdt:/id',
        'search-ms:query=x',
        'intent://x',
      ],
      ...[
        'ssh://evil.example.test',
        'tel:1',
        'mailto:a@b.test',
        'about:blank',
        'view-source:https://a.test',
        'x:y',
        'ws://a.test',
      ],
      ...[
        `${target.issuer}/authorize`,
        `${SITE}?code=x`,
        `${SITE}?state=x`,
        `${SITE}?iss=https://x.test`,
        `${SITE}?error=x`,
      ],
      ...[
        'https://10.0.0.1/cb',
        'https://169.254.169.254/cb',
        'https://[fe80::1]/cb',
        'https://app.example.test/\u202ebc',
        '',
      ],
    ];
    for (const uri of bad) {
      for (const redirects of [[uri], [SITE, uri]]) {
        const { status, body } = await clients.tryRegister({ redirect_uris: redirects });
        const dropped =
          status === 201 && !JSON.stringify(body.redirect_uris).includes(JSON.stringify(uri)) && uri === '';
        assert.ok(dropped || status === 400, `${uri}: ${status}`);
        if (status === 400) assert.match(String(body.error), /^invalid_(?:redirect_uri|client_metadata)$/);
      }
    }
  });

  it('go to the registered address alone, whatever the request says (threats 5, 11, 25)', async () => {
    const near = [
      ...[
        `${SITE}/`,
        `${SITE}?`,
        `${SITE}#`,
        `${SITE}?x=1`,
        `${SITE}/../evil`,
        `${SITE}%2f..`,
        `${SITE};x`,
        SITE.toUpperCase(),
      ],
      ...[
        SITE.replace('https', 'http'),
        SITE.replace('.test', '.test:443'),
        SITE.replace('.test', '.test.'),
        SITE.slice(0, -1),
      ],
      ...[
        SITE.replace('app', 'app.evil'),
        SITE.replace('https://', 'https://x@'),
        `${EVIL}?${SITE}`,
        `${SITE}\\@evil.test`,
      ],
      ...[EVIL, 'javascript:alert(1)', 'x', `${SITE} ${EVIL}`, ` ${SITE}`, `${SITE}%00`, `${SITE}\r\nx: y`],
    ];
    for (const uri of near) {
      for (const extra of [{}, { prompt: 'none' }, { response_type: 'x' }] as Params[]) {
        const page = await victim.follow(clients.begin(site, { redirect_uri: uri, ...extra }).url);
        assertNothing(page);
        assert.equal(page.status, 400, uri);
        assert.doesNotMatch(page.html, /href="(?:https?:\/\/(?!127)|javascript)/i, uri);
      }
    }
    const twice = `${clients.begin(site).url}&redirect_uri=${encodeURIComponent(EVIL)}`;
    const { left } = await victim.follow(twice);
    assert.ok(!left || left.origin === new URL(SITE).origin, left?.href);
    assert.equal(left?.searchParams.get('code') ?? null, null);
  });

  it('of a program may differ in their port alone: the names of loopback are three (threat 25)', async () => {
    const own = 'http://127.0.0.1:33418/callback';
    for (const uri of [
      ...[
        'http://localhost:33418/callback',
        'http://[::1]:33418/callback',
        'http://127.0.0.1:33418/other',
        'https://127.0.0.1/callback',
      ],
      ...[
        'http://127.0.0.1:33418@evil.test/callback',
        'http://127.0.0.1:99999/callback',
        'http://127.0.0.1:x/callback',
      ],
      ...[`http://127.0.0.1:${new URL(target.issuer).port}/callback`, `${own}?x=1`, 'http://127.0.0.1.nip.io/callback'],
    ]) {
      const page = await victim.follow(clients.begin(program, { redirect_uri: uri }).url);
      assertNothing(page);
      const kind = target.recipe.kindOf(page);
      // Only what is our own port is like any other: nobody is sent there before a press.
      if (!uri.includes(new URL(target.issuer).port)) assert.equal(kind, 'other', uri);
    }
    assertAsks(
      target,
      await victim.follow(clients.begin(program, { redirect_uri: 'http://127.0.0.1:1234/callback' }).url),
    );
  });

  it('are no other on the way: pages, resumptions and presses take no address (threat 11)', async () => {
    const begun = clients.begin(site);
    const page = await victim.follow(begun.url);
    const uid = new URL(page.url).pathname.split('/').at(-1);
    const evil = new URLSearchParams({
      redirect_uri: EVIL,
      client_id: 'x',
      state: 'evil',
      return_to: EVIL,
      next: EVIL,
    }).toString();
    for (const url of [`${page.url}?${evil}`, `${target.issuer}/authorize/${uid}?${evil}`]) {
      assertAsks(target, await victim.open(url), 'app.example.test');
    }
    const again = await victim.follow(begun.url);
    const fields = {
      redirect_uri: EVIL,
      returnTo: EVIL,
      state: 'evil',
      client_id: program.clientId,
      resource: target.other.uri,
    };
    const done = await target.recipe.agree(victim, again, fields);
    assert.equal(done.left?.origin, new URL(SITE).origin);
    assert.equal(done.left?.searchParams.get('state'), begun.state);
  });

  it('are the same at the token endpoint, or the code is worth nothing (threat 11)', async () => {
    const begun = clients.begin(site);
    const code = codeOf(await target.recipe.agree(victim, await victim.follow(begun.url)));
    for (const uri of [EVIL, `${SITE}/`, PROGRAM, SITE.toUpperCase(), `${SITE}?`]) {
      const { status, body } = await clients.redeem(site, begun, String(code), { redirect_uri: uri });
      assert.equal(status, 400);
      assert.match(String(body.error), /^invalid_(?:grant|request)$/, String(uri));
    }
  });

  it('never happen by themselves to a site that nobody approved: errors, refusals and prompt=none end on a page with a link (threat 52)', async () => {
    const faults: Params[] = [
      ...[{ prompt: 'none' }, { response_type: 'none' }, { response_type: 'token' }, { response_mode: 'fragment' }],
      ...[
        { response_mode: 'web_message' },
        { response_mode: 'form_post' },
        { response_mode: 'query.jwt' },
        { request: 'x' },
      ],
      ...[
        { code_challenge: undefined },
        { code_challenge_method: 'plain' },
        { resource: 'https://evil.example.test/' },
      ],
      ...[
        { max_age: '-1' },
        { prompt: 'none login' },
        { prompt: 'x' },
        { id_token_hint: 'x' },
        { claims: '{' },
        { request_uri: EVIL },
      ],
      ...[
        { authorization_details: '[]' },
        { acr_values: 'x' },
        { ui_locales: 'x'.repeat(3000) },
        { code_challenge: 'short' },
      ],
    ];
    const strangers = [victim, openBrowser(target)];
    for (const params of faults) {
      const fresh = await clients.register(EVIL);
      for (const browser of strangers) {
        const page = await browser.follow(clients.begin(fresh, params).url);
        assertNothing(page);
        assert.doesNotMatch(
          page.html,
          /http-equiv="refresh"|<script(?![^>]*src=)|<form[^>]*evil/i,
          JSON.stringify(params),
        );
      }
    }
    const fresh = await clients.register(EVIL);
    const denied = await target.recipe.deny(victim, await victim.follow(clients.begin(fresh).url));
    assertNothing(denied);
    assert.match(denied.html, /<a [^>]*href="https:\/\/evil\.example\.test\/callback\?error=access_denied/);
    const stranger = openBrowser(target);
    const cancelled = await stranger.submit(await stranger.follow(clients.begin(fresh).url), { decision: 'cancel' });
    assertNothing(cancelled);
  });

  it('carry nothing but a code: other response types and modes are refused (threat 53)', async () => {
    for (const [params, error] of [
      ...['none', 'token', 'id_token', 'code token', 'code id_token', 'id_token token', 'code id_token token', ''].map(
        (type) =>
          [
            { response_type: type, nonce: 'n', scope: 'openid' },
            /^(?:unsupported_response_type|invalid_request)$/,
          ] as const,
      ),
      ...['fragment', 'form_post', 'web_message', 'jwt', 'query.jwt', 'fragment.jwt', 'form_post.jwt'].map(
        (mode) => [{ response_mode: mode }, /^(?:unsupported_response_mode|invalid_request)$/] as const,
      ),
    ]) {
      const page = await victim.follow(clients.begin(program, params).url);
      // An error of the implicit flow is where its tokens would have been (RFC 6749 §4.2.2.1).
      const said = new URLSearchParams(`${page.left?.search.slice(1)}&${page.left?.hash.slice(1)}`);
      assert.match(String(said.get('error')), error, `${JSON.stringify(params)} ${words(page)}`);
      for (const name of ['code', 'id_token', 'access_token', 'response']) assert.equal(said.get(name), null);
      assert.ok(page.left?.href.startsWith(PROGRAM));
    }
  });

  it('split no header and forge no line, whatever is in state and the rest of a request', async () => {
    const nasty =
      'a\r\nLocation: https://evil.example.test/\r\nSet-Cookie: x=y\r\n\r\n<script>alert(1)</script>"\'\u2028';
    for (const name of ['state', 'scope', 'ui_locales', 'login_hint', 'nonce', 'resource', 'client_id', 'prompt']) {
      const answer = await victim.send(clients.begin(program, { [name]: nasty }).url);
      const location = answer.headers.get('location') ?? '';
      assert.doesNotMatch(location, /^https:\/\/evil/);
      assert.ok(!answer.headers.getSetCookie().some((line) => line.startsWith('x=')));
      assert.doesNotMatch(await answer.text(), /<script>alert/);
    }
    const begun = clients.begin(program, { state: nasty });
    const done = await target.recipe.agree(victim, await victim.launch(begun.url));
    assert.equal(done.left?.searchParams.get('state'), nasty);
  });

  it('lead nowhere from any other page of ours: no parameter of theirs is an address', async () => {
    const evil = encodeURIComponent(EVIL);
    const names = [
      'next',
      'return_to',
      'returnTo',
      'redirect',
      'redirect_uri',
      'url',
      'continue',
      'post_logout_redirect_uri',
      'target_link_uri',
    ];
    const query = names.map((name) => `${name}=${evil}`).join('&');
    const paths = [
      '/',
      '/account',
      '/approval/x',
      '/approval/x?interaction=x',
      '/federation/x/callback',
      '/interaction/x',
      '/device',
      '/logout',
    ];
    for (const path of [
      ...paths,
      '//evil.example.test',
      '/\\evil.example.test',
      '/authorize/x',
      '/logout/success',
      '/logout/confirm',
    ]) {
      const page = await victim.follow(`${target.issuer}${path}${path.includes('?') ? '&' : '?'}${query}`);
      assertNothing(page);
      assert.doesNotMatch(page.html, /href="https:\/\/evil/, path);
    }
  });
});
