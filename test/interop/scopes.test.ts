/** Scopes as real clients ask for them: too few, too many, or none at all. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { rejectScopes, updateResource } from '../../src/resources/changes.ts';
import { authorize, redeem, refresh, registerClient } from '../flow.ts';
import { CALENDAR, register } from '../harness.ts';
import { createPerson, type Person } from '../person.ts';
import { startWithDemo, type WithDemo } from '../sdk/with-demo.ts';
import { scopesOf } from './kit.ts';

describe('scopes of real clients', () => {
  let consentry: WithDemo;
  let ana: Person;
  before(async () => {
    consentry = await startWithDemo();
    ana = createPerson(consentry.issuer);
  });
  after(() => consentry?.close());

  async function connect(clientId: string, params: Record<string, string | undefined> = {}) {
    const begun = await authorize(consentry, clientId, { person: ana, params });
    const resource = params.resource ? { resource: params.resource } : {};
    const tokens = await redeem(consentry, clientId, begun, resource);
    assert.equal(tokens.status, 200, JSON.stringify(tokens.body));
    return tokens;
  }

  const demoMetadata = async () => {
    const response = await fetch(new URL('/.well-known/oauth-protected-resource/mcp', consentry.demoUrl));
    return (await response.json()) as { scopes_supported: string[] };
  };

  it('row 2: the scope of a registration is no ceiling for what is asked later', async () => {
    const { client_id: id } = await registerClient(consentry.issuer, { scope: 'mail:read' });
    assert.deepEqual(scopesOf(await connect(id, { scope: 'mail:read' })), ['mail:read']);
    const stepped = await connect(id, { scope: 'mail:read mail:send offline_access' });
    assert.deepEqual(scopesOf(stepped), ['mail:read', 'mail:send']);
    assert.ok(stepped.body.refresh_token);
  });

  it('row 9: a client registered for refresh_token gets one although it never asks for offline_access', async () => {
    const { client_id: id } = await registerClient(consentry.issuer, { scope: 'mail:read' });
    for (const scope of ['mail:read', undefined]) {
      const tokens = await connect(id, { scope });
      assert.equal((await refresh(consentry, id, tokens.body.refresh_token)).status, 200, String(scope));
    }
  });

  it('row 9: a client not registered for refresh_token gets none, whatever it asks', async () => {
    const { client_id: id } = await registerClient(consentry.issuer, { grant_types: ['authorization_code'] });
    const tokens = await connect(id, { scope: 'mail:read offline_access' });
    assert.equal(tokens.body.refresh_token, undefined);
  });

  it('row 9: the authorization server lists offline_access, the MCP server does not', async () => {
    const response = await fetch(`${consentry.issuer}/.well-known/oauth-authorization-server`);
    const { scopes_supported: scopes } = (await response.json()) as { scopes_supported: string[] };
    assert.ok(scopes.includes('offline_access'));
    assert.ok(!(await demoMetadata()).scopes_supported.includes('offline_access'));
  });

  for (const scope of [undefined, '']) {
    it(`row 10: scope ${JSON.stringify(scope)} means the low-sensitivity scopes of the resource`, async () => {
      const { client_id: id } = await registerClient(consentry.issuer);
      assert.deepEqual(scopesOf(await connect(id, { scope })), ['mail:read']);
      const demo = await connect(id, { scope, resource: consentry.demoUrl.href });
      assert.deepEqual(scopesOf(demo), ['notes:read']);
    });
  }

  it('row 24: the challenge to step up names the scopes held and needed, and asking for them gives all', async () => {
    const { client_id: id } = await registerClient(consentry.issuer);
    const resource = consentry.demoUrl.href;
    const first = await connect(id, { resource });
    assert.deepEqual(scopesOf(first), ['notes:read']);
    const challenge = await challengeOf(first.body.access_token);
    assert.match(challenge, /error="insufficient_scope"/);
    const scope = /scope="([^"]*)"/.exec(challenge)?.[1] ?? '';
    assert.deepEqual(scope.split(' ').sort(), ['notes:read', 'notes:write']);
    const stepped = await connect(id, { resource, scope });
    assert.deepEqual(scopesOf(stepped), ['notes:read', 'notes:write']);
  });

  it('row 24: a refresh never widens, neither of the old token nor by asking', async () => {
    const { client_id: id } = await registerClient(consentry.issuer);
    const first = await connect(id, { scope: 'mail:read' });
    const stepped = await connect(id, { scope: 'mail:read mail:send' });
    const old = await refresh(consentry, id, first.body.refresh_token);
    assert.deepEqual(scopesOf(old), ['mail:read']);
    const wider = await refresh(consentry, id, old.body.refresh_token, { scope: 'mail:read mail:send' });
    assert.equal(wider.body.error, 'invalid_scope');
    assert.deepEqual(scopesOf(await refresh(consentry, id, stepped.body.refresh_token)), ['mail:read', 'mail:send']);
  });

  it('row 25: asking one MCP server for all that the authorization server lists, or for scopes of another, works', async () => {
    const { client_id: id } = await registerClient(consentry.issuer);
    const response = await fetch(`${consentry.issuer}/.well-known/oauth-authorization-server`);
    const { scopes_supported: listed } = (await response.json()) as { scopes_supported: string[] };
    assert.deepEqual(
      listed.filter((scope) => scope.includes(':')),
      [],
      'no catalogue of the scopes of several servers',
    );
    const all = await connect(id, { scope: listed.join(' ') });
    assert.ok(scopesOf(all).includes('mail:read') && !scopesOf(all).includes('mail:send'));
    await register(consentry.rooms, CALENDAR);
    const foreign = await connect(id, { scope: 'mail:label calendar:read notes:delete' });
    assert.deepEqual(scopesOf(foreign), ['mail:label']);
  });

  it('asking for everything goes on while one scope is being changed by its owner, and the answer says what it lacks', async () => {
    const { client_id: id } = await registerClient(consentry.issuer);
    const demo = await consentry.rooms.resources.findByUri(consentry.demoUrl.href);
    assert.ok(demo);
    const described = demo.scopes
      .filter(({ name }) => name === 'notes:write')
      .map((scope) => ({ ...scope, tools: [...scope.tools, 'share_note'] }));
    const update = { scopes: { described, removed: [] } };
    await updateResource(consentry.rooms, demo.id, update, { accept: false });
    const scope = 'notes:read notes:write';
    const tokens = await connect(id, { scope, resource: demo.uri });
    assert.deepEqual(scopesOf(tokens), ['notes:read']);
    assert.equal(tokens.body.scope, 'notes:read');
    await rejectScopes(consentry.rooms, demo.id);
    assert.deepEqual(scopesOf(await connect(id, { scope, resource: demo.uri })), ['notes:read', 'notes:write']);
  });

  /** What the demo MCP server answers to a call that needs notes:write. */
  async function challengeOf(token: string | undefined): Promise<string> {
    const response = await fetch(consentry.demoUrl, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'create_note', arguments: { title: 'Milk', text: 'and bread' } },
      }),
    });
    await response.text();
    assert.equal(response.status, 403);
    return response.headers.get('www-authenticate') ?? '';
  }
});
