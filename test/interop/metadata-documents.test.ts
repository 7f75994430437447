/** Clients that are a document on the web (draft-ietf-oauth-client-id-metadata-document), as they really are. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { authorizationUrl, authorize, redeem, refresh } from '../flow.ts';
import { type Consentry, startConsentry } from '../harness.ts';
import { type HttpsStub, startHttpsStub, testCaFile } from '../https-stub.ts';
import { heading, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person } from '../person.ts';
import { scopesOf } from './kit.ts';

const MINUTE = 60_000;

describe('metadata documents of real clients', () => {
  let consentry: Consentry;
  let host: HttpsStub;
  let ana: Person;
  let ahead = 0;
  let answer: { status: number; body: string };
  let requests = 0;
  before(async () => {
    host = await startHttpsStub(({ url }, response) => {
      requests += 1;
      const body = answer.body || JSON.stringify(documentOf(`${host.url}${url}`));
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(body);
    });
    const env = { OUTBOUND_ALLOW: '127.0.0.1/32', OUTBOUND_CA_FILE: testCaFile };
    consentry = await startConsentry(env, () => new Date(Date.now() + ahead));
    ana = createPerson(consentry.issuer);
  });
  beforeEach(() => {
    answer = { status: 200, body: '' };
    requests = 0;
  });
  after(async () => {
    await consentry?.close();
    await host?.close();
  });

  /** As Claude Code publishes it: no port, no application_type, and a scope. */
  function documentOf(url: string) {
    return {
      client_id: url,
      client_name: 'Claude Code',
      client_uri: 'https://claude.example.test',
      redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      scope: 'mail:read',
    };
  }

  const connect = (id: string, params: Record<string, string | undefined> = {}) =>
    authorize(consentry, id, { person: ana, params });

  it('row 1: a portless loopback redirect in a document matches any port, also localhost', async () => {
    const id = `${host.url}/ports.json`;
    for (const redirect of ['http://localhost:51763/callback', 'http://127.0.0.1:8976/callback']) {
      const begun = await connect(id, { redirect_uri: redirect });
      assert.ok(begun.answer.href.startsWith(`${redirect}?`), begun.answer.href);
      const refused = await redeem(consentry, id, await connect(id, { redirect_uri: redirect }), {
        redirect_uri: redirect.replace(/:\d+/, ':1'),
      });
      assert.equal(refused.body.error, 'invalid_grant');
      assert.equal((await redeem(consentry, id, begun)).status, 200);
    }
    const page = await ana.open(authorizationUrl(consentry, id, { redirect_uri: 'http://[::1]:51763/callback' }).url);
    assert.equal(page.status, 400);
    assert.equal(page.left, undefined);
  });

  it('row 2: the scope of a document is no ceiling for what is asked later', async () => {
    const id = `${host.url}/scopes.json`;
    const tokens = await redeem(consentry, id, await connect(id, { scope: 'mail:read mail:send' }));
    assert.deepEqual(scopesOf(tokens), ['mail:read', 'mail:send']);
  });

  it('row 4: Cursor as a document with a private-use scheme is accepted whatever its application_type', async () => {
    const redirect = 'cursor://anysphere.cursor-mcp/oauth/callback';
    for (const type of ['web', 'native', undefined]) {
      const id = `${host.url}/cursor-${type}.json`;
      const uris = [redirect, 'http://localhost/callback', 'https://www.cursor.example.test/callback'];
      answer.body = JSON.stringify({ ...documentOf(id), redirect_uris: uris, application_type: type });
      const begun = await connect(id, { redirect_uri: redirect });
      assert.equal((await redeem(consentry, id, begun)).status, 200);
    }
  });

  it('row 26: while the host of a document fails, the last good copy answers', async () => {
    const id = `${host.url}/stale.json`;
    const tokens = await redeem(consentry, id, await connect(id));
    assert.equal(requests, 1);
    let token = tokens.body.refresh_token;
    const faults = [
      { status: 403, body: '<h1>Forbidden</h1>' },
      { status: 500, body: 'x' },
      { status: 200, body: '{"client_id":' },
    ];
    for (const fault of faults) {
      answer = fault;
      requests = 0;
      ahead += 2 * MINUTE;
      const refreshed = await refresh(consentry, id, token);
      assert.equal(refreshed.status, 200, `${fault.status}: ${JSON.stringify(refreshed.body)}`);
      token = refreshed.body.refresh_token;
      assert.equal((await redeem(consentry, id, await connect(id))).status, 200);
      assert.equal(requests, 1, 'asked again, and not again and again');
    }
  });

  it('row 26: a document that could never be fetched is told from a client nobody knows', async () => {
    answer = { status: 403, body: '<h1>Forbidden</h1>' };
    const page = await ana.open(authorizationUrl(consentry, `${host.url}/never.json`).url);
    assert.equal(page.status, 400);
    assert.equal(heading(page), 'We could not look up this app');
    assert.match(words(page), /Try again in a minute/);
    answer = { status: 200, body: '' };
    const again = await ana.open(authorizationUrl(consentry, `${host.url}/never.json`).url);
    assert.ok(isConsentPage(again), 'a failure is not remembered');
  });
});
