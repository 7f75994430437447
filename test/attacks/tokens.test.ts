/** Codes and tokens in the wrong hands, for the wrong server, too late or twice. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { base64url, decodeJwt, decodeProtectedHeader, SignJWT, UnsecuredJWT } from 'jose';
import { type Answer, basic, type Client, type Clients, openClients, type Params } from './client.ts';
import { startTarget } from './consentry-target.ts';
import type { Target } from './target.ts';
import { assertAsks, type Browser, codeOf, connected, signedIn } from './victim.ts';

describe('a token or a code', () => {
  let target: Target & { close(): Promise<void> };
  let clients: Clients;
  let victim: Browser;
  let mine: Client;
  let theirs: Client;
  let confidential: Client;
  before(async () => {
    target = await startTarget();
    clients = await openClients(target);
    [mine, theirs] = [await clients.register(), await clients.register(undefined, { client_name: 'Other' })];
    confidential = await clients.register(undefined, {
      token_endpoint_auth_method: 'client_secret_basic',
      client_name: 'Vault',
    });
    victim = (await signedIn(target, clients, target.people.victim, mine)).browser;
  });
  after(() => target?.close());

  async function code(client: Client, params: Params = {}) {
    const begun = clients.begin(client, params);
    const found = codeOf(await target.recipe.agree(victim, await victim.launch(begun.url)));
    assert.ok(found);
    return { begun, code: found };
  }
  async function tokens(client: Client, params: Params = {}): Promise<Record<string, string>> {
    const { begun, code: value } = await code(client, params);
    const { status, body } = await clients.redeem(client, begun, value);
    assert.equal(status, 200, JSON.stringify(body));
    return body as Record<string, string>;
  }
  function refused({ status, body }: Answer, error: RegExp, why = ''): void {
    assert.ok(status === 400 || status === 401, `${why} ${status} ${JSON.stringify(body)}`);
    assert.match(String(body.error), error, why);
    assert.equal(body.access_token, undefined);
  }

  it('for one server names it and no other; nobody gets one for a server that is not registered (threats 3, 38)', async () => {
    const { access_token: token } = await tokens(mine);
    assert.deepEqual([decodeJwt(String(token)).aud].flat(), [target.resource.uri]);
    assert.equal(decodeJwt(String(token)).iss, target.issuer);
    assert.equal(decodeProtectedHeader(String(token)).typ, 'at+jwt');
    for (const uri of [
      'https://evil.example.test/mcp',
      target.issuer,
      `${target.resource.uri}/x`,
      `${target.resource.uri}?x=1`,
      'x',
    ]) {
      const { left } = await victim.launch(clients.begin(mine, { resource: uri }).url);
      assert.equal(left?.searchParams.get('error'), 'invalid_target', uri);
      assert.equal(left?.searchParams.get('iss'), target.issuer);
    }
  });

  it('stays with the server it was for: neither the code nor a refresh moves or adds one (threat 13)', async () => {
    for (const resource of [target.other.uri, 'https://evil.example.test/', target.issuer]) {
      const one = await code(mine);
      refused(await clients.redeem(mine, one.begun, one.code, { resource }), /^invalid_(?:target|grant)$/, resource);
      const { refresh_token: token } = await tokens(mine);
      refused(await clients.refresh(mine, token, { resource }), /^invalid_(?:target|grant)$/, resource);
      assert.equal((await clients.refresh(mine, token)).status, 200, 'and the refusal cost nothing');
    }
    const { left } = await victim.launch(`${clients.begin(mine).url}&resource=${encodeURIComponent(target.other.uri)}`);
    assert.equal(left?.searchParams.get('error'), 'invalid_target');
  });

  it('carries no scope that was not agreed to, at the code, at a refresh, or by asking for more (threat 13)', async () => {
    const { refresh_token: token } = await tokens(mine, { scope: target.scopes.usual });
    for (const scope of [target.scopes.more, `${target.scopes.usual} ${target.scopes.more}`, 'openid', 'admin', '*']) {
      const { status, body } = await clients.refresh(mine, token, { scope });
      if (status === 200) assert.equal(body.scope, target.scopes.usual, scope);
      else assert.equal(body.error, 'invalid_scope', scope);
    }
    const one = await code(mine, { scope: target.scopes.usual });
    const { body } = await clients.redeem(mine, one.begun, one.code, {
      scope: `${target.scopes.usual} ${target.scopes.more}`,
    });
    assert.equal(body.scope, target.scopes.usual);
  });

  it('of a client with a secret is worth nothing without it (threat 14)', async () => {
    const { refresh_token: token } = await tokens(confidential);
    const bare = { ...confidential, headers: {} };
    const wrong = [
      bare,
      { ...bare, headers: basic(confidential.clientId, 'wrong') },
      { ...bare, headers: basic(mine.clientId, '') },
    ];
    for (const client of wrong) {
      refused(await clients.refresh(client, token), /^invalid_(?:client|request)$/);
      const one = await code(confidential);
      refused(await clients.redeem(client, one.begun, one.code), /^invalid_(?:client|request)$/);
    }
    refused(await clients.refresh(bare, token, { client_secret: 'x' }), /^invalid_(?:client|request)$/);
    refused(await clients.refresh(bare, token, { client_assertion: 'x', client_assertion_type: 'x' }), /^invalid_/);
    assert.equal((await clients.refresh(confidential, token)).status, 200);
  });

  it('of one client is nothing to another, in any kind of grant (threat 27)', async () => {
    const one = await code(mine);
    const { refresh_token: token, access_token: access } = await tokens(mine);
    refused(await clients.redeem(theirs, one.begun, one.code), /^invalid_grant$/);
    refused(await clients.refresh(theirs, token), /^invalid_grant$/);
    // And what is one thing is no other.
    for (const [grant, fields] of [
      ['refresh_token', { refresh_token: one.code }],
      ['refresh_token', { refresh_token: access }],
      ['authorization_code', { code: token, redirect_uri: mine.redirectUri, code_verifier: one.begun.verifier }],
      ['urn:ietf:params:oauth:grant-type:device_code', { device_code: one.code }],
      [
        'urn:ietf:params:oauth:grant-type:token-exchange',
        { subject_token: access, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' },
      ],
      ['urn:ietf:params:oauth:grant-type:jwt-bearer', { assertion: access }],
      ['password', { username: target.people.victim.email, password: target.people.victim.password }],
      ['client_credentials', {}],
      ['implicit', {}],
    ] as [string, Params][]) {
      const answer = await clients.post('token', {
        grant_type: grant,
        client_id: mine.clientId,
        resource: target.resource.uri,
        ...fields,
      });
      refused(
        answer,
        /^(?:invalid_grant|unsupported_grant_type|unauthorized_client|invalid_client|invalid_request)$/,
        grant,
      );
    }
    assert.equal((await clients.redeem(mine, one.begun, one.code)).status, 200, 'it is still good for its owner');
  });

  it('is worth nothing without the verifier, with another’s, or with a plain challenge (threat 10)', async () => {
    const [one, two] = [await code(mine), await code(mine)];
    for (const verifier of [
      undefined,
      '',
      two.begun.verifier,
      'x'.repeat(43),
      new URL(one.begun.url).searchParams.get('code_challenge') ?? '',
    ]) {
      refused(
        await clients.redeem(mine, one.begun, one.code, { code_verifier: verifier }),
        /^invalid_(?:grant|request)$/,
      );
    }
    for (const params of [
      { code_challenge_method: 'plain' },
      { code_challenge_method: undefined },
      { code_challenge: undefined },
      { code_challenge: '' },
      { code_challenge_method: 's256' },
    ]) {
      const { left } = await victim.launch(clients.begin(mine, params).url);
      assert.equal(left?.searchParams.get('error'), 'invalid_request', JSON.stringify(params));
    }
  });

  it('is good once: a code that comes again ends what it gave (threat 41)', async () => {
    const one = await code(mine);
    const { body } = await clients.redeem(mine, one.begun, one.code);
    refused(await clients.redeem(mine, one.begun, one.code), /^invalid_grant$/);
    refused(await clients.refresh(mine, body.refresh_token), /^invalid_grant$/);
  });

  it('never forks: of refreshes at the same instant all get one successor, or none does (threats 15, 47)', async () => {
    const { refresh_token: token } = await tokens(mine);
    const answers = await Promise.all(Array.from({ length: 25 }, () => clients.refresh(mine, token)));
    const successors = new Set(answers.filter(({ status }) => status === 200).map(({ body }) => body.refresh_token));
    assert.equal(successors.size, 1);
    for (const { status } of answers) assert.ok(status < 500);
    const [successor] = successors;
    assert.equal((await clients.refresh(mine, successor)).status, 200, 'the winner goes on');
  });

  it('that was stolen ends for thief and owner once both have used it (threat 130)', async () => {
    const { refresh_token: stolen } = await tokens(mine);
    const { body: owner } = await clients.refresh(mine, stolen);
    const { body: next } = await clients.refresh(mine, owner.refresh_token);
    refused(await clients.refresh(mine, stolen), /^invalid_grant$/);
    for (const token of [owner.refresh_token, next.refresh_token])
      refused(await clients.refresh(mine, token), /^invalid_grant$/);
  });

  it('is answered twice within the grace of a lost answer only for the same client and no more scope (threat 131)', async () => {
    const { refresh_token: token } = await tokens(mine, { scope: `${target.scopes.usual} ${target.scopes.more}` });
    assert.equal((await clients.refresh(mine, token, { scope: target.scopes.usual })).status, 200);
    refused(await clients.refresh(theirs, token), /^invalid_grant$/);
    refused(await clients.refresh(mine, token, { resource: target.other.uri }), /^invalid_(?:target|grant)$/);
  });

  it('goes by no signature that anybody could make: none, HS256 with a public key, another algorithm, another type (threat 17)', async () => {
    const keys = (await (await fetch(String(clients.metadata.jwks_uri))).json()) as { keys: Record<string, string>[] };
    const publicKey = new TextEncoder().encode(JSON.stringify(keys.keys[0]));
    const { access_token: token, ...rest } = await tokens(mine, { scope: `openid ${target.scopes.usual}` });
    const claims = { iss: mine.clientId, aud: target.issuer, client_id: mine.clientId, sub: mine.clientId, jti: 'x' };
    const request = { ...claims, ...Object.fromEntries(new URL(clients.begin(mine).url).searchParams) };
    const hs256 = (body: object) =>
      new SignJWT({ ...body }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('1m').sign(publicKey);
    const none = (body: object) => new UnsecuredJWT({ ...body }).setExpirationTime('1m').encode();
    const [head, body] = String(token).split('.');
    const forged = [
      none(request),
      await hs256(request),
      `${head}.${body}.`,
      `${base64url.encode('{"alg":"nOnE"}')}.${body}.`,
      String(token),
      String(rest.id_token),
    ];
    for (const jwt of forged) {
      const { left } = await victim.launch(clients.begin(mine, { request: jwt }).url);
      assert.match(
        String(left?.searchParams.get('error')),
        /^(?:invalid_request_object|request_not_supported)$/,
        jwt.slice(0, 40),
      );
      const assertion = {
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: jwt,
      };
      const answer = await clients.post('token', {
        grant_type: 'refresh_token',
        refresh_token: rest.refresh_token,
        ...assertion,
      });
      refused(answer, /^invalid_(?:client|request)$/);
      // A hint tells nothing that is believed.
      const hinted = await victim.launch(clients.begin(mine, { id_token_hint: jwt, scope: 'openid' }).url);
      assert.equal(codeOf(hinted), undefined);
    }
  });

  it('says who answers, in success and in failure (threat 38)', async () => {
    const done = await target.recipe.agree(victim, await victim.launch(clients.begin(mine).url));
    const failed = await victim.launch(clients.begin(mine, { prompt: 'none' }).url);
    for (const { left } of [done, failed]) assert.equal(left?.searchParams.get('iss'), target.issuer);
    assert.equal(clients.metadata.issuer, target.issuer);
    assert.equal(clients.metadata.authorization_response_iss_parameter_supported as unknown, true);
    for (const [name, url] of Object.entries(clients.metadata))
      if (name.endsWith('_endpoint')) assert.ok(url.startsWith(`${target.issuer}/`), name);
  });

  it('of a client that is gone is refused in words that make a client register again (threat 49)', async () => {
    const gone = { ...mine, clientId: 'f'.repeat(32) };
    const answer = await clients.refresh(gone, 'x');
    assert.deepEqual([answer.status, answer.body.error], [401, 'invalid_client']);
    const page = await victim.launch(clients.begin(gone).url);
    assert.equal(page.left, undefined);
    assert.equal(page.status, 400);
    assert.match(page.html, /connect again|add it again|remove/i);
  });

  it('ends with the consent, between code and token and inside the grace of a refresh too (threat 58)', async () => {
    const person = await connected(target, clients);
    const begun = clients.begin(person.client);
    const value = codeOf(await target.recipe.agree(person.browser, await person.browser.launch(begun.url)));
    const { body } = await clients.refresh(person.client, person.tokens.refresh_token);
    await target.operator.revoke(target.people.victim, person.client.clientId);
    refused(await clients.redeem(person.client, begun, String(value)), /^invalid_grant$/);
    for (const token of [person.tokens.refresh_token, body.refresh_token])
      refused(await clients.refresh(person.client, token), /^invalid_grant$/);
    const page = await person.browser.launch(clients.begin(person.client).url);
    assertAsks(target, page);
    assert.equal(target.recipe.kindOf(page), 'consent', 'and everything is asked again');
  });
});
