/** What a client says of itself when it registers (RFC 7591, 7592): nothing of it opens a door, and nothing of it is the server's. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decodeJwt } from 'jose';
import { words } from '../person.ts';
import { type Client, type Clients, EVIL, openClients, PROGRAM } from './client.ts';
import { startTarget } from './consentry-target.ts';
import type { Target } from './target.ts';
import { assertAsks, type Browser, codeOf, connected, signedIn } from './victim.ts';

/** Members that only a server or its operator sets. */
const OWNED = {
  consentry_kind: 'service',
  consentry_origin: 'static',
  consentry_access: { 'http://127.0.0.1:9/mail': ['mail:send'] },
  kind: 'proxy',
  origin: 'static',
  trusted: true,
  first_party: true,
  skip_consent: true,
  require_consent: false,
  consent_required: false,
  approval_prompt: 'auto',
  client_id: 'chosen',
  client_secret: 'chosen-secret-chosen-secret-chosen-secret',
  registration_access_token: 'chosen',
  authorization_details_types: ['urn:consentry:acting-for'],
  introspection_signed_response_alg: 'none',
  post_logout_redirect_uris: [EVIL],
  backchannel_logout_uri: EVIL,
  sector_identifier_uri: EVIL,
  request_uris: [EVIL],
  subject_type: 'pairwise',
  default_acr_values: ['x'],
  initiate_login_uri: EVIL,
  require_auth_time: true,
  default_max_age: 0,
  tls_client_certificate_bound_access_tokens: true,
};

describe('a registration', () => {
  let target: Target & { close(): Promise<void> };
  let clients: Clients;
  let victim: Browser;
  before(async () => {
    target = await startTarget();
    clients = await openClients(target);
    victim = (await signedIn(target, clients, target.people.victim)).browser;
  });
  after(() => target?.close());

  async function update(client: Client, change: Record<string, unknown>): Promise<void> {
    const { status, body } = await clients.update(client, change);
    assert.equal(status, 200, JSON.stringify(body));
  }

  it('sets no member that is the server’s, neither at once nor by an update (threat 22)', async () => {
    const client = await clients.register(PROGRAM, OWNED);
    const { registration } = client;
    const kept = { client_id: client.clientId, client_secret: undefined, registration_access_token: undefined };
    const { status, body: updated } = await clients.update(client, { ...OWNED, ...kept });
    assert.equal(status, 200, JSON.stringify(updated));
    for (const said of [registration, updated]) {
      for (const [member, value] of Object.entries(OWNED)) {
        if (member === 'client_id') assert.notEqual(said.client_id, value);
        else assert.notDeepEqual(said[member], value, member);
      }
    }
    const page = await victim.follow(clients.begin(client).url);
    assertAsks(target, page, 'Claude Code');
    assert.equal(target.recipe.kindOf(page), 'consent');
  });

  it('gets no grant for machines, devices, exchange or introspection, whatever it asks for (threats 22, 76)', async () => {
    const grants = ['client_credentials', 'urn:ietf:params:oauth:grant-type:device_code', 'implicit', 'password'];
    grants.push('urn:ietf:params:oauth:grant-type:token-exchange', 'urn:ietf:params:oauth:grant-type:jwt-bearer');
    const method = { token_endpoint_auth_method: 'client_secret_basic' };
    const client = await clients.register(PROGRAM, { ...method, grant_types: ['authorization_code', ...grants] });
    assert.deepEqual(client.registration.grant_types, ['authorization_code']);
    for (const grant of grants) {
      assert.equal(
        (await clients.tryRegister({ ...method, redirect_uris: [], grant_types: [grant] })).status,
        400,
        grant,
      );
      const { status, body } = await clients.post(
        'token',
        { grant_type: grant, resource: target.resource.uri },
        client.headers,
      );
      assert.ok(status === 400 || status === 401, grant);
      assert.equal(body.access_token, undefined);
    }
    const device = await clients.post('device_authorization', { resource: target.resource.uri }, client.headers);
    assert.equal(device.body.error, 'unauthorized_client');
    const { tokens } = await connected(target, clients);
    const seen = await clients.post('introspection', { token: tokens.access_token }, client.headers);
    assert.notEqual(seen.body.active, true);
  });

  it('cannot choose its identifier, so that it is never a person’s or another client’s (threat 77)', async () => {
    const { tokens, client } = await connected(target, clients);
    const { sub } = decodeJwt(String(tokens.access_token));
    for (const id of [sub, client.clientId, 'https://client.example.test/client.json', 'consentry', '']) {
      const { body } = await clients.tryRegister({ redirect_uris: [PROGRAM], client_id: id });
      assert.notEqual(body.client_id, id);
      assert.match(String(body.client_id ?? 'a'.repeat(32)), /^[\da-f]{32}$/);
    }
  });

  it('can be read, changed and ended by nobody who does not hold its token (threat 22)', async () => {
    const [mine, theirs] = [await clients.register(), await clients.register()];
    const uri = String(theirs.registration.registration_client_uri);
    for (const token of [mine.registration.registration_access_token, 'x', undefined]) {
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
        const body = method === 'PUT' ? JSON.stringify({ ...theirs.registration, redirect_uris: [EVIL] }) : null;
        const answer = await fetch(uri, { method, headers: { ...headers, 'content-type': 'application/json' }, body });
        assert.equal(answer.status, 401, `${method} ${token}`);
      }
    }
    const moved = uri.replace(theirs.clientId, mine.clientId);
    const headers = { authorization: `Bearer ${theirs.registration.registration_access_token}` };
    assert.equal((await fetch(moved, { headers })).status, 401);
  });

  it('that changes while its page is open gets no code for what was on the page (threat 42)', async () => {
    for (const change of [
      { client_name: 'Your bank' },
      { redirect_uris: [EVIL] },
      { token_endpoint_auth_method: 'client_secret_basic' },
    ]) {
      const client = await clients.register(PROGRAM, { client_name: 'Harmless' });
      const page = await victim.launch(clients.begin(client).url);
      assertAsks(target, page, 'Harmless');
      await update(client, change);
      const answer = await target.recipe.agree(victim, page);
      assert.equal(codeOf(answer), undefined, JSON.stringify(change));
    }
  });

  it('that changes between the press and the token gets no token', async () => {
    for (const change of [{ client_name: 'Your bank' }, { redirect_uris: [EVIL] }]) {
      const client = await clients.register(PROGRAM, { client_name: 'Harmless' });
      const begun = clients.begin(client);
      const code = codeOf(await target.recipe.agree(victim, await victim.launch(begun.url)));
      await update(client, change);
      const { status, body } = await clients.redeem(client, begun, String(code));
      assert.deepEqual([status, body.error], [400, 'invalid_grant'], JSON.stringify(change));
    }
  });

  it('that moves away under a living grant is asked about again, with where it used to go (threats 11, 43)', async () => {
    const { client, browser, tokens } = await connected(target, clients);
    await update(client, { redirect_uris: [EVIL], client_name: 'Claude Code' });
    const refreshed = await clients.refresh(client, tokens.refresh_token);
    assert.deepEqual([refreshed.status, refreshed.body.error], [400, 'invalid_grant']);
    const page = await browser.launch(clients.begin({ ...client, redirectUri: EVIL }).url);
    assertAsks(target, page, 'evil.example.test');
    assert.equal(target.recipe.kindOf(page), 'consent', words(page));
  });

  it('that says what a trusted program says inherits nothing that counts (threat 73)', async () => {
    const members = { client_name: 'Trusted', software_id: 'trusted-1', software_version: '1' };
    const trusted = await clients.register(PROGRAM, members);
    const begun = clients.begin(trusted);
    const code = codeOf(await target.recipe.agree(victim, await victim.launch(begun.url)));
    const { body: tokens } = await clients.redeem(trusted, begun, String(code));
    const copy = await clients.register(PROGRAM, members);
    const page = await victim.follow(clients.begin(copy).url);
    assertAsks(target, page, 'Trusted', 'we cannot check that it is');
    assert.equal(target.recipe.kindOf(page), 'consent', 'a website gets the whole page');
    assert.equal((await clients.refresh(copy, tokens.refresh_token)).body.error, 'invalid_grant');
    const elsewhere = await clients.register('http://localhost:33418/callback', members);
    for (const one of [elsewhere, await clients.register(EVIL, members)]) {
      const asked = await victim.launch(clients.begin(one).url);
      assert.equal(target.recipe.kindOf(asked), 'consent', 'and another address too');
    }
  });

  it('with hostile text shows it as text, on every page, and makes no link or line of it (threats 6, 36)', async () => {
    const names = [
      '<script>alert(1)</script>',
      '"><img src=x onerror=alert(1)>',
      'a\u202eb\u2066c\u200bd\u0007e\nf',
      '{{7*7}}{% raw %}',
      'https://evil.test',
      '',
    ];
    for (const name of names) {
      const { status, body } = await clients.tryRegister({
        redirect_uris: [EVIL],
        client_name: name,
        client_uri: 'javascript:alert(1)',
        logo_uri: 'https://evil.test/x.svg',
        tos_uri: 'data:text/html,x',
      });
      assert.ok(status === 201 || status === 400, name);
      if (status !== 201) continue;
      const page = await victim.follow(clients.begin({ clientId: String(body.client_id), redirectUri: EVIL }).url);
      assertAsks(target, page, 'evil.example.test');
      assert.doesNotMatch(
        page.html,
        /<script>alert|<img src=x|onerror=alert\(1\)>|\u202e|\u2066|\u200b|href="(?:javascript|data|https:\/\/evil)|evil\.test\/x\.svg/,
      );
      assert.doesNotMatch(words(page), /\b49\b/);
    }
  });
});
