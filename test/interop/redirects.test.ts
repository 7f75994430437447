/** Where real clients want to be sent back to, and that nothing near it will do. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { approve, authorizationUrl, authorize, redeem, registerClient, signIn } from '../flow.ts';
import { type Consentry, startConsentry } from '../harness.ts';
import { heading } from '../interaction/kit.ts';
import { createPerson, type Person, type Step } from '../person.ts';

const CURSOR = 'cursor://anysphere.cursor-mcp/oauth/callback';

describe('redirects of real clients', () => {
  let consentry: Consentry;
  let ana: Person;
  before(async () => {
    consentry = await startConsentry();
    ana = createPerson(consentry.issuer);
  });
  after(() => consentry?.close());

  const begin = (clientId: string, redirectUri: string) =>
    authorize(consentry, clientId, { person: ana, params: { redirect_uri: redirectUri } });

  async function connect(clientId: string, redirectUri: string): Promise<void> {
    const begun = await begin(clientId, redirectUri);
    assert.ok(begun.answer.href.startsWith(redirectUri), begun.answer.href);
    const tokens = await redeem(consentry, clientId, begun);
    assert.equal(tokens.status, 200, JSON.stringify(tokens.body));
  }

  /** A page of ours, and no redirect to where the request pointed. */
  async function assertRefused(clientId: string, redirectUri: string): Promise<void> {
    const page = await ana.open(authorizationUrl(consentry, clientId, { redirect_uri: redirectUri }).url);
    assert.equal(page.left, undefined, redirectUri);
    assert.equal(page.status, 400, redirectUri);
    assert.equal(heading(page), 'The way back is not the one we know', redirectUri);
  }

  for (const host of ['localhost', '127.0.0.1', '[::1]']) {
    it(`row 1: a portless loopback redirect matches any port: ${host}`, async () => {
      const { client_id: id } = await registerClient(consentry.issuer, { redirect_uris: [`http://${host}/callback`] });
      await connect(id, `http://${host}:51763/callback`);
      await connect(id, `http://${host}:8976/callback`);
      await connect(id, `http://${host}/callback`);
    });
  }

  it('row 1: but for the port, a loopback redirect must be the registered one', async () => {
    const { client_id: id } = await registerClient(consentry.issuer, { redirect_uris: ['http://localhost/callback'] });
    for (const other of [
      'http://localhost:51763/other',
      'http://localhost:51763/callback/',
      'http://localhost:51763/callback?next=1',
      'https://localhost:51763/callback',
      'http://localhost.example.test:51763/callback',
      'http://localhost:51763@example.test/callback',
    ])
      await assertRefused(id, other);
  });

  it('row 1: the token request must repeat the port of the authorization request', async () => {
    const { client_id: id } = await registerClient(consentry.issuer, { redirect_uris: ['http://localhost/callback'] });
    const begun = await begin(id, 'http://localhost:51763/callback');
    for (const other of ['http://localhost/callback', 'http://localhost:51764/callback']) {
      const refused = await redeem(consentry, id, begun, { redirect_uri: other });
      assert.equal(refused.status, 400);
      assert.equal(refused.body.error, 'invalid_grant');
    }
  });

  const cursorTypes = [{ application_type: 'web' }, { application_type: 'native' }, {}];
  for (const stated of cursorTypes) {
    const said = stated.application_type ?? 'nothing';
    it(`row 4: a private-use scheme in a mixed list is accepted where application_type says ${said}`, async () => {
      const uris = [CURSOR, 'http://127.0.0.1/callback', 'https://www.cursor.example.test/agents/mcp/oauth/callback'];
      const client = await registerClient(consentry.issuer, { redirect_uris: uris, ...stated });
      assert.deepEqual(client.redirect_uris, uris);
      await connect(client.client_id, CURSOR);
      await connect(client.client_id, 'http://127.0.0.1:40123/callback');
      await connect(client.client_id, String(uris[2]));
    });
  }

  it('row 19: no page lets form-action hold the redirect back, and none can be framed', async () => {
    const { client_id: id } = await registerClient(consentry.issuer);
    const person = createPerson(consentry.issuer);
    const connect = await person.open(authorizationUrl(consentry, id).url);
    const consent = await signIn(person, connect, consentry.ana);
    const done = await approve(person, consent);
    assert.ok(done.left?.searchParams.get('code'));
    const stopped = await person.open(authorizationUrl(consentry, 'unknown').url);
    for (const page of [connect, consent, done, stopped]) assertPolicy(page);
  });

  function assertPolicy({ url, headers, html }: Step): void {
    const policy = headers.get('content-security-policy') ?? '';
    assert.doesNotMatch(policy, /form-action/, url);
    assert.match(policy, /(^|; )frame-ancestors 'none'(;|$)/, url);
    assert.match(policy, /(^|; )default-src 'none'(;|$)/, url);
    assert.equal(headers.get('x-frame-options'), 'DENY', url);
    assert.doesNotMatch(html, /http-equiv="?content-security-policy/i, url);
  }

  it('row 22: localhost and 127.0.0.1 each match any port and stay two hosts', async () => {
    const hosts = ['localhost', '127.0.0.1', '[::1]'];
    for (const host of hosts) {
      const { client_id: id } = await registerClient(consentry.issuer, { redirect_uris: [`http://${host}:33418/cb`] });
      await connect(id, `http://${host}:40001/cb`);
      for (const other of hosts.filter((one) => one !== host)) await assertRefused(id, `http://${other}:33418/cb`);
    }
  });

  it('row 23: a list of https and loopback redirects is accepted, with any loopback port', async () => {
    const uris = [
      'https://insiders.vscode.dev/redirect',
      'https://vscode.dev/redirect',
      'http://127.0.0.1/',
      'http://127.0.0.1:33418/',
    ];
    const client = await registerClient(consentry.issuer, {
      client_name: 'Visual Studio Code',
      client_uri: 'https://code.visualstudio.com',
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      redirect_uris: uris,
      application_type: 'native',
    });
    assert.deepEqual(client.redirect_uris, uris);
    await connect(client.client_id, 'https://vscode.dev/redirect');
    await connect(client.client_id, 'http://127.0.0.1:33418/');
    await connect(client.client_id, 'http://127.0.0.1:61234/');
  });
});
