/** Challenges and the RFC 9728 document, as clients read them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { extractWWWAuthenticateParams } from '@modelcontextprotocol/client';
import { bearerChallenge, createVerifier, protectedResourceMetadataPaths } from '../../src/guard/index.ts';

const guardOf = (resource: string) =>
  createVerifier({
    issuer: 'https://auth.example.com',
    resource,
    resourceName: 'Notes',
    scopes: {
      'notes:read': { sensitivity: 'low' },
      'notes:list': { sensitivity: 'low' },
      'notes:delete': { sensitivity: 'high' },
    },
    error: (code) => new Error(code),
  });
const guard = guardOf('https://notes.example.com/mcp');

test('a challenge quotes its values and cannot be broken out of', () => {
  const challenge = bearerChallenge({
    error: 'invalid_token',
    error_description: 'say "no" \\ or\r\nSet-Cookie: x=é',
    scopes: ['a', 'b'],
    resourceMetadataUrl: 'https://h.example/x',
  });
  assert.equal(
    challenge,
    'Bearer error="invalid_token", error_description="say \\"no\\" \\\\ or  Set-Cookie: x= ", scope="a b", resource_metadata="https://h.example/x"',
  );
});

test('without a token the challenge has no error, but scope and document, and the SDK client reads it', async () => {
  for (const authorization of [undefined, null, '', 'Basic dXNlcjpwYXNz', 'DPoP abc', 'Bearer', 'Bearerabc']) {
    const { refusal } = await guard.admit(authorization);
    assert.equal(refusal?.status, 401);
    const read = extractWWWAuthenticateParams(Response.json(null, refusal));
    assert.equal(read.error, undefined);
    assert.equal(read.scope, 'notes:read notes:list');
    assert.equal(
      String(read.resourceMetadataUrl),
      'https://notes.example.com/.well-known/oauth-protected-resource/mcp',
    );
    assert.equal(refusal?.headers['access-control-expose-headers'], 'WWW-Authenticate');
    assert.equal(refusal?.headers['cache-control'], 'no-store');
  }
});

test('whatever follows Bearer is judged as a token', async () => {
  for (const authorization of ['Bearer ', 'bearer x', 'BEARER  x', 'Bearer x y', 'Bearer x, Bearer y', 'Bearer \n']) {
    const { refusal } = await guard.admit(authorization);
    assert.equal(refusal?.status, 401, authorization);
    assert.match(refusal?.headers['www-authenticate'] ?? '', /^Bearer error="invalid_token", /);
  }
});

test('the document names the resource as given, the issuer, and the first scopes only', () => {
  assert.deepEqual(guard.metadata.document, {
    resource: 'https://notes.example.com/mcp',
    authorization_servers: ['https://auth.example.com'],
    scopes_supported: ['notes:read', 'notes:list'],
    bearer_methods_supported: ['header'],
    resource_name: 'Notes',
  });
  assert.equal(guardOf('https://h.example').metadata.document.resource, 'https://h.example');
});

test('the document is where clients look', () => {
  const wellKnown = '/.well-known/oauth-protected-resource';
  const paths = (resource: string) => protectedResourceMetadataPaths(new URL(resource));
  assert.deepEqual(paths('https://h.example/mcp'), [`${wellKnown}/mcp`, wellKnown]);
  assert.deepEqual(paths('https://h.example/a/mcp/'), [`${wellKnown}/a/mcp/`, `${wellKnown}/a/mcp`, wellKnown]);
  assert.deepEqual(paths('https://h.example'), [wellKnown]);
  assert.equal(guardOf('https://h.example/').metadata.url, `https://h.example${wellKnown}`);
  assert.equal(guardOf('https://h.example/mcp?a=b').metadata.url, `https://h.example${wellKnown}/mcp?a=b`);
});

test('the document can be read by every page, and only read', async () => {
  const { fetch } = guard.protect({ fetch: () => assert.fail('not for the handler') });
  const [path = ''] = guard.metadata.paths;
  const ask = (method: string) => fetch(new Request(`http://localhost${path}`, { method }));
  const got = await ask('GET');
  assert.equal(got.status, 200);
  assert.equal(got.headers.get('access-control-allow-origin'), '*');
  assert.deepEqual(await got.json(), guard.metadata.document);
  const preflight = await ask('OPTIONS');
  assert.equal(preflight.status, 204);
  assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /mcp-protocol-version/);
  const head = await ask('HEAD');
  assert.equal(head.status, 200);
  assert.equal(await head.text(), '');
  assert.equal((await ask('POST')).status, 405);
});

test('no other request reaches the handler without a token, whatever its method, path, query or session', async () => {
  const { fetch } = guard.protect({ fetch: () => assert.fail('a request without a token came through') });
  const headers = { 'mcp-session-id': 'a-session-that-exists', cookie: 'session=1' };
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    for (const path of ['/mcp', '/', '/mcp?access_token=abc', '/.well-known/oauth-protected-resource/mcp/x', '//mcp']) {
      const response = await fetch(new Request(`http://localhost${path}`, { method, headers }));
      assert.equal(response.status, 401, `${method} ${path}`);
      assert.ok(response.headers.get('www-authenticate'));
    }
  }
});
