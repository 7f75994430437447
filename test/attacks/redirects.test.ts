/** Redirect URIs: a code goes to the address that the client registered, letter by letter, and nobody is sent elsewhere. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { words } from '../person.ts';
import { type Client, type Clients, EVIL, type Params, PROGRAM } from './client.ts';
import type { ConsentryTarget } from './consentry-target.ts';
import { SITE, startUsed } from './used-clients.ts';
import { assertAsks, assertNothing, type Browser, codeOf, openBrowser } from './victim.ts';

describe('redirects', () => {
  let target: ConsentryTarget;
  let clients: Clients;
  let victim: Browser;
  let site: Client;
  let program: Client;
  before(async () => {
    ({ target, clients, victim, site, program } = await startUsed());
  });
  after(() => target?.close());

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

  it('open no app on the person’s device before they pressed anything, in our name (threat 52)', async () => {
    const uri = 'vscode://vscode.git/clone?url=https://evil.example.test/repo';
    const strangers = [victim, openBrowser(target)];
    for (const params of [
      { prompt: 'none' },
      { response_type: 'none' },
      { resource: EVIL },
      { code_challenge: undefined },
    ] as Params[]) {
      const fresh = await clients.register(uri);
      for (const browser of strangers) assertNothing(await browser.follow(clients.begin(fresh, params).url));
    }
    const page = await victim.follow(clients.begin(await clients.register(uri)).url);
    assertAsks(target, page, 'vscode://');
    assert.equal((await target.recipe.deny(victim, page)).left?.protocol, 'vscode:', 'a press may');
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
      '/account/password',
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
