/** The `resource` parameter (RFC 8707) as real clients spell it, forget it and compare it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { authorizationUrl, authorize, redeem, refresh, registerClient } from '../flow.ts';
import { CALENDAR, type Consentry, MAIL, register, startConsentry } from '../harness.ts';
import { createPerson, type Person } from '../person.ts';
import { startWithDemo, type WithDemo } from '../sdk/with-demo.ts';
import { audienceOf, PAGE_ORIGIN } from './kit.ts';

const ROOT = 'https://files.example.test';
const none = { resource: undefined };

describe('the resource of real clients', () => {
  let consentry: Consentry;
  let ana: Person;
  let id: string;
  before(async () => {
    consentry = await startConsentry();
    ana = createPerson(consentry.issuer);
    id = (await registerClient(consentry.issuer)).client_id;
  });
  after(() => consentry?.close());

  const begin = (params: Record<string, string | undefined>) => authorize(consentry, id, { person: ana, params });

  // The first test: there is one resource yet.
  it('row 6: without resource a token is for the only MCP server there is, never for the client', async () => {
    const tokens = await redeem(consentry, id, await begin(none), none);
    assert.equal(audienceOf(tokens), consentry.mail.uri);
    const refreshed = await refresh(consentry, id, tokens.body.refresh_token);
    assert.equal(audienceOf(refreshed), consentry.mail.uri);
  });

  it('row 6: a resource named once is kept by the code and by every refresh', async () => {
    await register(consentry.rooms, CALENDAR);
    const begun = await begin({ resource: CALENDAR.uri });
    const tokens = await redeem(consentry, id, begun, none);
    assert.equal(audienceOf(tokens), CALENDAR.uri);
    const once = await refresh(consentry, id, tokens.body.refresh_token);
    assert.equal(audienceOf(once), CALENDAR.uri);
    const twice = await refresh(consentry, id, once.body.refresh_token, { resource: CALENDAR.uri });
    assert.equal(audienceOf(twice), CALENDAR.uri);
  });

  it('row 6: without resource and with several MCP servers nobody gets a token for nobody', async () => {
    await assertInvalidTarget(undefined);
  });

  it('row 5: the root is one resource with and without a slash, in any case of scheme and host, issued in one form', async () => {
    const { name, scopes } = MAIL;
    await register(consentry.rooms, { uri: ROOT, name, scopes });
    const spellings = [`${ROOT}/`, ROOT, 'HTTPS://Files.Example.Test/', 'https://files.example.test:443'];
    for (const [index, asked] of spellings.entries()) {
      const redeemed = spellings[(index + 1) % spellings.length];
      const tokens = await redeem(consentry, id, await begin({ resource: asked }), { resource: redeemed });
      assert.equal(tokens.status, 200, `${asked} then ${redeemed}: ${JSON.stringify(tokens.body)}`);
      assert.equal(audienceOf(tokens), ROOT);
      const refreshed = await refresh(consentry, id, tokens.body.refresh_token, { resource: asked });
      assert.equal(refreshed.status, 200, JSON.stringify(refreshed.body));
      assert.equal(audienceOf(refreshed), ROOT);
    }
  });

  it('row 5: below the root a slash makes another resource', async () => {
    await assertInvalidTarget(`${consentry.mail.uri}/`);
    const refused = await redeem(consentry, id, await begin({}), { resource: `${consentry.mail.uri}/` });
    assert.equal(refused.status, 400);
    assert.equal(refused.body.error, 'invalid_target');
  });

  async function assertInvalidTarget(resource: string | undefined): Promise<void> {
    const { left } = await ana.open(authorizationUrl(consentry, id, { resource }).url);
    assert.equal(left?.searchParams.get('error'), 'invalid_target', left?.href);
    assert.equal(left?.searchParams.get('code'), null);
  }
});

describe('the metadata of an MCP server (RFC 9728)', () => {
  let consentry: WithDemo;
  before(async () => {
    consentry = await startWithDemo();
  });
  after(() => consentry?.close());

  it('row 28: names the MCP server letter by letter as clients reach it, wherever they look', async () => {
    const challenged = await fetch(consentry.demoUrl, { method: 'POST', body: '{}' });
    const challenge = challenged.headers.get('www-authenticate') ?? '';
    const pointed = /resource_metadata="([^"]*)"/.exec(challenge)?.[1];
    assert.equal(pointed, `${consentry.demoUrl.origin}/.well-known/oauth-protected-resource/mcp`);
    for (const url of [pointed, `${consentry.demoUrl.origin}/.well-known/oauth-protected-resource`]) {
      const response = await fetch(url, { headers: { origin: PAGE_ORIGIN } });
      assert.equal(response.status, 200);
      const document = (await response.json()) as Record<string, unknown>;
      assert.equal(document.resource, consentry.demoUrl.href);
      assert.deepEqual(document.authorization_servers, [consentry.issuer]);
    }
  });

  it('row 28: the resource of that document is one that tokens are issued for', async () => {
    const { client_id: id } = await registerClient(consentry.issuer);
    const resource = consentry.demoUrl.href;
    const tokens = await redeem(consentry, id, await authorize(consentry, id, { params: { resource } }), { resource });
    assert.equal(audienceOf(tokens), resource);
  });
});
