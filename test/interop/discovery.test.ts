/** How real clients find the server, and what a page's script needs to be allowed (RFC 8414, RFC 9207, Fetch). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decodeJwt } from 'jose';
import { authorizationUrl, authorize, redeem, registerClient } from '../flow.ts';
import { createPerson, type Person } from '../person.ts';
import { startWithDemo, type WithDemo } from '../sdk/with-demo.ts';
import { exposes, PAGE_ORIGIN, preflight, readable } from './kit.ts';

const ROOT_FORMS = ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'];
const MCP_HEADERS = ['mcp-protocol-version', 'authorization', 'content-type', 'mcp-method', 'mcp-name'];

describe('discovery by real clients', () => {
  let consentry: WithDemo;
  let ana: Person;
  let id: string;
  before(async () => {
    consentry = await startWithDemo();
    ana = createPerson(consentry.issuer);
    id = (await registerClient(consentry.issuer)).client_id;
  });
  after(() => consentry?.close());

  async function readJson(url: string | URL): Promise<Record<string, unknown>> {
    const response = await fetch(url);
    assert.equal(response.status, 200, String(url));
    return (await response.json()) as Record<string, unknown>;
  }

  it('row 11: the issuer is one string without a slash: in metadata, iss, tokens and the document of the MCP server', async () => {
    const { issuer } = consentry;
    assert.doesNotMatch(issuer, /\/$/);
    for (const form of ROOT_FORMS) assert.equal((await readJson(issuer + form)).issuer, issuer);
    const protectedResource = await readJson(new URL('/.well-known/oauth-protected-resource/mcp', consentry.demoUrl));
    assert.deepEqual(protectedResource.authorization_servers, [issuer]);
    const begun = await authorize(consentry, id, { person: ana, params: { scope: 'openid mail:read' } });
    assert.equal(begun.answer.searchParams.get('iss'), issuer);
    const { body } = await redeem(consentry, id, begun);
    assert.equal(decodeJwt(String(body.access_token)).iss, issuer);
    assert.equal(decodeJwt(String(body.id_token)).iss, issuer);
  });

  it('row 12: iss is announced and sent with every answer, with errors too', async () => {
    for (const form of ROOT_FORMS)
      assert.equal((await readJson(consentry.issuer + form)).authorization_response_iss_parameter_supported, true);
    const success = await authorize(consentry, id, { person: ana });
    assertAnswer(success.answer, null);
    const open = (params: Record<string, string | undefined>) => ana.open(authorizationUrl(consentry, id, params).url);
    assertAnswer((await ana.submit(await open({}), { decision: 'deny' })).left, 'access_denied');
    assertAnswer((await open({ prompt: 'none' })).left, 'interaction_required');
    assertAnswer((await open({ code_challenge_method: 'plain' })).left, 'invalid_request');
    assertAnswer((await open({ resource: 'http://127.0.0.1:9/elsewhere' })).left, 'invalid_target');
    assertAnswer((await open({ response_type: 'token' })).left, 'unsupported_response_type');
  });

  function assertAnswer(answer: URL | undefined, error: string | null): void {
    const params = new URLSearchParams(answer?.search || answer?.hash.slice(1));
    assert.equal(params.get('error'), error, answer?.href);
    assert.equal(params.get('iss'), consentry.issuer, answer?.href);
  }

  it('row 13: the issuer has no path, so the root forms answer and the forms with a path say 404', async () => {
    assert.equal(new URL(consentry.issuer).pathname, '/');
    for (const form of ROOT_FORMS) {
      await readJson(consentry.issuer + form);
      await assertPlain404(`${form}/mcp`);
      await assertPlain404(`/mcp${form}`);
    }
  });

  it('row 14: an unknown well-known address is a plain 404 in JSON', async () => {
    for (const path of ['oauth-protected-resource', 'oauth-protected-resource/mcp', 'mcp', 'jwks.json', 'a/b', ''])
      await assertPlain404(`/.well-known/${path}`);
  });

  async function assertPlain404(path: string): Promise<void> {
    for (const accept of ['application/json', '*/*', 'application/json, text/event-stream']) {
      const headers = { accept, 'mcp-protocol-version': '2026-07-28', origin: PAGE_ORIGIN };
      const response = await fetch(consentry.issuer + path, { headers, redirect: 'manual' });
      assert.equal(response.status, 404, path);
      assert.match(response.headers.get('content-type') ?? '', /^application\/json/, path);
      assert.equal(((await response.json()) as { error: string }).error, 'not_found', path);
      assert.equal(response.headers.get('www-authenticate'), null);
    }
  }

  it('row 15: a page elsewhere may send its headers to every endpoint that clients call', async () => {
    const calls: [string, string][] = [
      ...ROOT_FORMS.map((form): [string, string] => [form, 'GET']),
      ['/jwks', 'GET'],
      ['/register', 'POST'],
      ['/token', 'POST'],
      ['/revoke', 'POST'],
      ['/par', 'POST'],
    ];
    for (const [path, method] of calls) {
      const { response, allows } = await preflight(consentry.issuer + path, method, MCP_HEADERS);
      assert.ok(allows, `${method} ${path}: ${response.status} ${[...response.headers]}`);
    }
    const registration = await registerClient(consentry.issuer);
    for (const method of ['GET', 'PUT', 'DELETE'])
      assert.ok((await preflight(registration.registration_client_uri, method, ['authorization'])).allows, method);
  });

  it('row 15: a page elsewhere can read every answer, refusals included, and the challenge', async () => {
    const { issuer } = consentry;
    const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'x', client_id: id, token: 'x' });
    const json = { redirect_uris: ['http://127.0.0.1/callback'], token_endpoint_auth_method: 'none' };
    const asked: [string, RequestInit, number][] = [
      ...ROOT_FORMS.map((path): [string, RequestInit, number] => [path, {}, 200]),
      ['/jwks', {}, 200],
      ['/token', { method: 'POST', body: form }, 400],
      ['/token', { method: 'POST', body: 'grant_type=refresh_token&refresh_token=x&client_id=unknown' }, 401],
      ['/revoke', { method: 'POST', body: form }, 200],
      ['/register', { method: 'POST', body: JSON.stringify(json) }, 201],
      ['/register', { method: 'POST', body: '{"redirect_uris":["ftp://x"]}' }, 400],
      ['/register/unknown', {}, 401],
    ];
    for (const [path, init, status] of asked) {
      const type =
        typeof init.body !== 'string' ? undefined : init.body.startsWith('{') ? 'json' : 'x-www-form-urlencoded';
      const headers = { origin: PAGE_ORIGIN, ...(type ? { 'content-type': `application/${type}` } : {}) };
      const response = await fetch(issuer + path, { ...init, headers });
      await response.text();
      assert.equal(response.status, status, path);
      assert.ok(readable(response), `${path} ${status}: ${[...response.headers]}`);
      assert.equal(response.headers.get('access-control-allow-credentials'), null, path);
      if (status === 401) assert.ok(exposes(response, 'www-authenticate'), `${path}: ${[...response.headers]}`);
    }
  });

  it('row 15: a page elsewhere may read the document of the MCP server', async () => {
    const url = new URL('/.well-known/oauth-protected-resource/mcp', consentry.demoUrl).href;
    assert.ok((await preflight(url, 'GET', ['mcp-protocol-version'])).allows);
    assert.ok(readable(await fetch(url, { headers: { origin: PAGE_ORIGIN } })));
  });

  it('row 15: a page that may call the MCP server can read its 401 and the challenge in it', async () => {
    const origin = 'http://localhost:6274';
    const asked = { method: 'OPTIONS', headers: preflightHeaders(origin) };
    const allowed = await fetch(consentry.demoUrl, asked);
    assert.ok(allowed.ok);
    assert.equal(allowed.headers.get('access-control-allow-origin'), origin);
    for (const header of MCP_HEADERS) assert.ok(allowed.headers.get('access-control-allow-headers')?.includes(header));
    const refused = await fetch(consentry.demoUrl, { method: 'POST', headers: { origin }, body: '{}' });
    assert.equal(refused.status, 401);
    assert.equal(refused.headers.get('access-control-allow-origin'), origin);
    assert.ok(exposes(refused, 'www-authenticate'));
    assert.match(refused.headers.get('www-authenticate') ?? '', /^Bearer .*resource_metadata="/);
  });

  const preflightHeaders = (origin: string) => ({
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': MCP_HEADERS.join(','),
  });

  it('row 27: both documents list S256 as the one PKCE method', async () => {
    for (const form of ROOT_FORMS)
      assert.deepEqual((await readJson(consentry.issuer + form)).code_challenge_methods_supported, ['S256']);
  });
});
