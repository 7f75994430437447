/** The authorization endpoint (OAuth 2.1 §4.1.1): where each wrong request ends, and what a right one asks for. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decodeJwt } from 'jose';
import { createVerifier } from '../../src/guard/index.ts';
import { authorizationUrl, authorize, introspect, redeem, registerClient } from '../flow.ts';
import { CALENDAR, type Consentry, type Registered, register, sql, startConsentry, staticClient } from '../harness.ts';
import { createPerson, type Person } from '../person.ts';
import { connect } from './kit.ts';

const OTHER = 'http://127.0.0.1:9/elsewhere';

describe('authorization endpoint', () => {
  let consentry: Consentry;
  let calendar: Registered;
  let ana: Person;
  let clientId: string;
  before(async () => {
    consentry = await startConsentry();
    calendar = await register(consentry.rooms, CALENDAR);
    ana = createPerson(consentry.issuer);
    clientId = (await registerClient(consentry.issuer)).client_id;
    await authorize(consentry, clientId, { person: ana });
  });
  after(() => consentry?.close());

  /** The answer to a program on this computer, to which errors may go straight back. */
  async function answer(params: Record<string, string | undefined>, id = clientId) {
    const begun = authorizationUrl(consentry, id, params);
    const { left, html } = await ana.open(begun.url);
    assert.ok(left, html.slice(0, 300));
    // Who asks for a token in the fragment is told there that it gets none.
    const said = left.hash ? new URLSearchParams(left.hash.slice(1)) : left.searchParams;
    assert.equal(said.get('iss'), consentry.issuer, 'RFC 9207: also with an error');
    assert.equal(said.get('state') ?? undefined, 'state' in params ? params.state : begun.state);
    for (const name of ['code', 'access_token', 'id_token']) assert.equal(said.get(name), null);
    return said.get('error');
  }

  const scopesOf = ({ accessToken }: { accessToken: string }) => String(decodeJwt(accessToken).scope).split(' ').sort();

  describe('sends the error back to the client, with state and iss', () => {
    const faults: [string, Record<string, string | undefined>, string][] = [
      ['prompt=none, however alive session and consent are (threat 50)', { prompt: 'none' }, 'interaction_required'],
      ['prompt=none beside another', { prompt: 'none login' }, 'invalid_request'],
      ['no response_type', { response_type: undefined }, 'invalid_request'],
      ['response_type=token (threat 53)', { response_type: 'token' }, 'unsupported_response_type'],
      [
        'response_type=code id_token (threat 53)',
        { response_type: 'code id_token', nonce: 'n' },
        'unsupported_response_type',
      ],
      ['response_type=id_token (threat 53)', { response_type: 'id_token', nonce: 'n' }, 'unsupported_response_type'],
      ['response_type=none (threat 53)', { response_type: 'none' }, 'unsupported_response_type'],
      ['response_mode=fragment (threat 53)', { response_mode: 'fragment' }, 'unsupported_response_mode'],
      ['response_mode=form_post (threat 53)', { response_mode: 'form_post' }, 'unsupported_response_mode'],
      ['response_mode=web_message (threat 53)', { response_mode: 'web_message' }, 'unsupported_response_mode'],
      ['response_mode=jwt (threat 53)', { response_mode: 'jwt' }, 'unsupported_response_mode'],
      ['response_mode=query.jwt (threat 53)', { response_mode: 'query.jwt' }, 'unsupported_response_mode'],
      ['an unknown resource (threat 3)', { resource: OTHER }, 'invalid_target'],
      ['a resource that is no URI', { resource: 'mail' }, 'invalid_target'],
      ['a resource with a fragment', { resource: 'http://127.0.0.1:9/mail#x' }, 'invalid_target'],
      ['no resource where there are several', { resource: undefined }, 'invalid_target'],
      ['scope of other characters', { scope: 'mail:read "' }, 'invalid_scope'],
      ['a request_uri from elsewhere', { request_uri: 'https://evil.example/request' }, 'request_uri_not_supported'],
      [
        'an unknown pushed request',
        { request_uri: 'urn:ietf:params:oauth:request_uri:unknown' },
        'invalid_request_uri',
      ],
      ['a registration by value', { registration: '{}' }, 'registration_not_supported'],
      ['an id_token_hint of somebody else', { id_token_hint: 'a.b.c' }, 'invalid_request'],
    ];
    for (const [what, params, error] of faults) {
      it(`${what}: ${error}`, async () => assert.equal(await answer(params), error));
    }

    it('two resources at once: invalid_target', async () => {
      const { url } = authorizationUrl(consentry, clientId);
      const { left } = await ana.open(`${url}&resource=${encodeURIComponent(calendar.uri)}`);
      assert.equal(left?.searchParams.get('error'), 'invalid_target');
    });

    it('without a state of its own none is made up', async () => {
      assert.equal(await answer({ prompt: 'none', state: undefined }), 'interaction_required');
    });
  });

  it('shows a page where it cannot know to whom the answer belongs, and sends nobody anywhere', async () => {
    const { clientId: service } = await staticClient(consentry.rooms, {
      kind: 'service',
      redirectUris: [],
      access: {},
    });
    for (const [id, params] of [
      ['unknown', {}],
      [clientId, { client_id: undefined }],
      [consentry.mail.clientId, {}],
      [service, {}],
      [clientId, { redirect_uri: 'https://evil.example/' }],
      [clientId, { redirect_uri: 'http://127.0.0.1:33418/other' }],
      [clientId, { redirect_uri: 'http://[::1]:33418/callback' }],
      [clientId, { redirect_uri: 'http://127.0.0.1:33418/callback?x=1' }],
      [clientId, { redirect_uri: 'http://127.0.0.1:33418@evil.example/callback' }],
      [clientId, { redirect_uri: 'not a uri' }],
    ] as const) {
      const page = await ana.open(authorizationUrl(consentry, id, params).url);
      assert.equal(page.status, 400, JSON.stringify([id, params]));
      assert.equal(page.left, undefined);
      assert.match(String(page.headers.get('content-type')), /^text\/html/);
      assert.doesNotMatch(page.html, /href="http|evil\.example"/);
    }
  });

  it('answers a program in JSON where it would show a person a page', async () => {
    const response = await fetch(authorizationUrl(consentry, 'unknown').url, {
      headers: { accept: 'application/json' },
    });
    assert.equal(response.status, 400);
    assert.equal(((await response.json()) as { error: string }).error, 'invalid_client');
  });

  it('takes no request by POST: nothing begins and nobody is sent anywhere', async () => {
    for (const params of [{}, { prompt: 'none' }, { response_type: 'token' }]) {
      const { searchParams } = new URL(authorizationUrl(consentry, clientId, params).url);
      const page = await ana.open(`${consentry.issuer}/authorize`, { method: 'POST', body: searchParams });
      assert.deepEqual([page.status, page.left, page.headers.getSetCookie()], [404, undefined, []]);
    }
  });

  it('drops scopes foreign to the asked resource and gives the low-sensitivity ones where none is left', async () => {
    const asks: [string | undefined, string[]][] = [
      [undefined, ['mail:read']],
      ['', ['mail:read']],
      ['calendar:read', ['mail:read']],
      ['nonsense admin:all', ['mail:read']],
      ['mail:send calendar:read nonsense', ['mail:send']],
      ['mail:read mail:send mail:label', ['mail:label', 'mail:read', 'mail:send']],
      ['offline_access', ['mail:read']],
    ];
    for (const [scope, given] of asks) {
      assert.deepEqual(scopesOf(await connect(consentry, { person: ana, params: { scope } })), given, String(scope));
    }
  });

  it('gives a token to one resource that the other refuses, offline and online (threat 3)', async () => {
    const { accessToken } = await connect(consentry, { person: ana });
    const error = (code: string) => new Error(code);
    const guard = (resource: string) => createVerifier({ issuer: consentry.issuer, resource, scopes: {}, error });
    assert.deepEqual((await guard(consentry.mail.uri).verifyAccessToken(accessToken)).scopes, ['mail:read']);
    await assert.rejects(guard(calendar.uri).verifyAccessToken(accessToken), /invalid_token/);
    await assert.rejects(guard(consentry.issuer).verifyAccessToken(accessToken), /invalid_token/);
    assert.deepEqual((await introspect(consentry, accessToken, calendar)).body, { active: false });
  });

  it('binds the code to its resource: another one at the token endpoint is invalid_target (threat 13)', async () => {
    for (const resource of [calendar.uri, OTHER]) {
      const authorized = await authorize(consentry, clientId, { person: ana });
      const { status, body } = await redeem(consentry, clientId, authorized, { resource });
      assert.deepEqual([status, body.error, body.access_token], [400, 'invalid_target', undefined]);
    }
    const authorized = await authorize(consentry, clientId, { person: ana });
    const { body } = await redeem(consentry, clientId, authorized, { resource: undefined });
    assert.equal(decodeJwt(String(body.access_token)).aud, consentry.mail.uri);
  });

  it('keeps a code, a grant and a consent beneath one another: none of the first without the last (threat 45)', async () => {
    const orphans = `SELECT a.kind FROM artifacts a LEFT JOIN grants g ON g.id = a.grant_id LEFT JOIN consents c ON c.id = g.consent_id
      WHERE a.kind IN ('AuthorizationCode', 'RefreshToken') AND c.id IS NULL`;
    assert.deepEqual(await sql(consentry, orphans), []);
    const codes = await sql(consentry, "SELECT 1 FROM artifacts WHERE kind = 'AuthorizationCode'");
    assert.ok(codes.length > 0);
    const insert = "INSERT INTO artifacts (kind, id, payload) VALUES ('AuthorizationCode', 'x', '\\x00')";
    await assert.rejects(sql(consentry, insert), /check|constraint/);
  });
});
