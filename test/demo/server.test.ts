/** The demo MCP server, as clients of both protocol revisions, browsers and strangers find it. */
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { after, before, test } from 'node:test';
import {
  Client,
  discoverOAuthProtectedResourceMetadata,
  extractWWWAuthenticateParams,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import { demoResource } from '../../src/demo/resource.ts';
import { startDemoServer } from '../../src/demo/server.ts';
import { type FakeIssuer, startFakeIssuer } from '../guard/fake-issuer.ts';

const allScopes = 'notes:read notes:write notes:delete';
const wellKnown = '/.well-known/oauth-protected-resource';

let issuer: FakeIssuer;
let demo: Awaited<ReturnType<typeof startDemoServer>>;
before(async () => {
  issuer = await startFakeIssuer();
  demo = await startDemoServer({ issuer: issuer.issuer, host: '127.0.0.1', port: 0 });
});
after(async () => {
  await demo.close();
  await issuer.close();
});

const bearer = (scope: string, sub = 'person-1') => `Bearer ${issuer.token(demo.url, { claims: { scope, sub } })}`;

const revisions = { '2025-11-25': 'legacy', '2026-07-28': { pin: '2026-07-28' } } as const;

async function connect(revision: keyof typeof revisions, authorization: string): Promise<Client> {
  const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode: revisions[revision] } });
  const requestInit = { headers: { authorization } };
  await client.connect(new StreamableHTTPClientTransport(new URL(demo.url), { requestInit }));
  return client;
}

async function call(client: Client, name: string, args: Record<string, unknown> = {}) {
  const { content, isError } = await client.callTool({ name, arguments: args });
  const [first] = content as Array<{ type: string; text: string }>;
  return { text: first?.text ?? '', isError };
}

function post(
  authorization: string | undefined,
  tool: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(demo.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(authorization !== undefined && { authorization }),
      ...headers,
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: tool, arguments: { id: '1' } },
    }),
  });
}

for (const revision of Object.keys(revisions) as Array<keyof typeof revisions>) {
  test(`a client of ${revision} lists and calls every tool`, async () => {
    const client = await connect(revision, bearer(allScopes, `person of ${revision}`));
    assert.equal(client.getNegotiatedProtocolVersion(), revision);
    const { tools } = await client.listTools();
    assert.deepEqual(
      tools.map((tool) => tool.name).sort(),
      demoResource(1)
        .scopes.flatMap((scope) => scope.tools)
        .sort(),
    );
    const { id } = JSON.parse((await call(client, 'create_note', { title: 'Milk', text: 'and bread' })).text);
    await call(client, 'update_note', { id, text: 'and eggs' });
    assert.deepEqual(JSON.parse((await call(client, 'read_note', { id })).text), {
      id,
      title: 'Milk',
      text: 'and eggs',
    });
    assert.equal(JSON.parse((await call(client, 'list_notes')).text).length, 2);
    await call(client, 'delete_note', { id });
    assert.equal((await call(client, 'read_note', { id })).isError, true);
    assert.equal((await call(client, 'delete_note', { id })).isError, true);
    await client.close();
  });

  test(`a client of ${revision} whose token lacks a scope is refused with the challenge`, async () => {
    const client = await connect(revision, bearer('notes:read'));
    await call(client, 'list_notes');
    await assert.rejects(client.callTool({ name: 'delete_note', arguments: { id: '1' } }), /403|insufficient/i);
    await client.close();
  });
}

test('every tool needs the scope under which Consentry lists it, and no other', async () => {
  const { scopes } = demoResource(Number(new URL(demo.url).port));
  for (const { name, tools } of scopes) {
    for (const tool of tools) {
      const others = scopes.map((scope) => scope.name).filter((other) => other !== name);
      assert.equal((await post(bearer(name), tool)).status, 200, `${tool} with ${name}`);
      assert.equal((await post(bearer(others.join(' ')), tool)).status, 403, `${tool} without ${name}`);
    }
  }
});

test('a 403 asks at once for what is needed and what was granted', async () => {
  const response = await post(bearer('notes:read offline_access'), 'delete_note');
  assert.equal(response.status, 403);
  const challenge = extractWWWAuthenticateParams(response);
  assert.equal(challenge.error, 'insufficient_scope');
  assert.equal(challenge.scope, 'notes:read notes:delete');
  assert.equal(challenge.resourceMetadataUrl?.pathname, `${wellKnown}/mcp`);
});

test('without a token it is 401 with scope and document, whatever session is claimed', async () => {
  const response = await post(undefined, 'list_notes', { 'mcp-session-id': 'abc' });
  assert.equal(response.status, 401);
  const challenge = extractWWWAuthenticateParams(response);
  assert.equal(challenge.scope, 'notes:read');
  assert.equal(challenge.error, undefined);
  assert.equal(String(challenge.resourceMetadataUrl), `${new URL(demo.url).origin}${wellKnown}/mcp`);
});

test('the SDK client finds the document in both places', async () => {
  const expected = {
    resource: demo.url,
    authorization_servers: [issuer.issuer],
    scopes_supported: ['notes:read'],
    bearer_methods_supported: ['header'],
    resource_name: 'Demo notes',
  };
  assert.deepEqual(await discoverOAuthProtectedResourceMetadata(demo.url), expected);
  assert.deepEqual(await (await fetch(new URL(wellKnown, demo.url))).json(), expected);
});

test('nobody reads the notes of another, and a service not those of a person of its name', async () => {
  const mine = await connect('2026-07-28', bearer(allScopes, 'client-2'));
  await call(mine, 'create_note', { title: 'Secret', text: 'x' });
  for (const [sub, client_id] of [
    ['person-3', 'client-1'],
    ['client-2', 'client-2'],
  ]) {
    const claims = { scope: allScopes, sub, client_id };
    const other = await connect('2026-07-28', `Bearer ${issuer.token(demo.url, { claims })}`);
    assert.doesNotMatch((await call(other, 'list_notes')).text, /Secret/);
    await other.close();
  }
  assert.match((await call(mine, 'list_notes')).text, /Secret/);
  await mine.close();
});

test('arguments that do not fit are refused, and so are bodies too large', async () => {
  const client = await connect('2025-11-25', bearer(allScopes));
  assert.equal((await call(client, 'create_note', { title: 'x'.repeat(201), text: '' })).isError, true);
  assert.equal((await call(client, 'read_note', { id: { $ne: '' } })).isError, true);
  await client.close();
  const huge = await fetch(demo.url, {
    method: 'POST',
    headers: { authorization: bearer(allScopes) },
    body: 'x'.repeat(70_000),
  });
  assert.equal(huge.status, 413);
});

test('a page on this machine may call it, and sees the challenge', async () => {
  const origin = 'http://localhost:6274';
  const preflight = await fetch(demo.url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,mcp-protocol-version,mcp-method,mcp-name',
    },
  });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get('access-control-allow-origin'), origin);
  assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /authorization,.*mcp-name/);
  assert.match(preflight.headers.get('access-control-allow-methods') ?? '', /POST/);

  for (const [authorization, status] of [
    [undefined, 401],
    [bearer('notes:write'), 403],
    [bearer('notes:read'), 200],
  ] as const) {
    const response = await post(authorization, 'list_notes', { origin });
    assert.equal(response.status, status);
    assert.equal(response.headers.get('access-control-allow-origin'), origin);
    assert.match(response.headers.get('access-control-expose-headers') ?? '', /WWW-Authenticate/);
    assert.match(response.headers.get('vary') ?? '', /Origin/);
  }
});

test('a page elsewhere may read the document and nothing else, even with a good token', async () => {
  for (const origin of ['https://evil.example', 'null', 'http://localhost.evil.example']) {
    const response = await post(bearer(allScopes), 'list_notes', { origin });
    assert.equal(response.status, 403);
    assert.equal(response.headers.get('access-control-allow-origin'), null);
    const preflight = await fetch(demo.url, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    });
    assert.equal(preflight.status, 403);
    const document = await fetch(new URL(`${wellKnown}/mcp`, demo.url), { headers: { origin } });
    assert.equal(document.headers.get('access-control-allow-origin'), '*');
  }
});

test('a foreign host name is refused', async () => {
  const status = await new Promise((resolve, reject) => {
    const headers = { host: 'evil.example', authorization: bearer(allScopes) };
    httpRequest(demo.url, { headers }, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end();
  });
  assert.equal(status, 403);
});

test('other paths are 404 and say where the server is', async () => {
  for (const path of [
    '/',
    '/mcp/',
    '/favicon.ico',
    '/.well-known/oauth-authorization-server',
    '/.well-known/openid-configuration',
  ]) {
    const response = await fetch(new URL(path, demo.url));
    assert.equal(response.status, 404, path);
    assert.match(await response.text(), new RegExp(demo.url));
  }
});

test('a port in use rejects the start', async () => {
  const port = Number(new URL(demo.url).port);
  await assert.rejects(startDemoServer({ issuer: issuer.issuer, host: '127.0.0.1', port }), { code: 'EADDRINUSE' });
});
