/** The guard in servers on both official SDKs, over real HTTP: 401, 403 and 200, and never 500 for what a caller sends. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { extractWWWAuthenticateParams } from '@modelcontextprotocol/client';
import { base64url, type FakeIssuer, startFakeIssuer, type TokenChange } from './fake-issuer.ts';
import { onSdkV1, onSdkV1WithItsOwnDoor, onSdkV2, onSdkV2WithItsOwnDoor, type RunningServer } from './mcp-servers.ts';

const servers = {
  'SDK v2 behind the guard': onSdkV2,
  'SDK v2 behind its own door': onSdkV2WithItsOwnDoor,
  'SDK v1 behind the guard': onSdkV1,
  'SDK v1 behind its own door': onSdkV1WithItsOwnDoor,
};

const call = (tool: string, id = 1) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name: tool, arguments: {} },
});

function post(url: string, authorization: string | undefined, message: unknown = call('list')): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
      ...(authorization !== undefined && { authorization }),
    },
    body: JSON.stringify(message),
  });
}

for (const [name, start] of Object.entries(servers)) {
  describe(name, () => {
    let issuer: FakeIssuer;
    let server: RunningServer;
    before(async () => {
      issuer = await startFakeIssuer();
      server = await start(issuer.issuer);
    });
    after(async () => {
      await server.close();
      await issuer.close();
    });
    const bearer = (change: TokenChange = {}) => `Bearer ${issuer.token(server.url, change)}`;
    const withScope = (scope: string) => bearer({ claims: { scope } });
    const ownDoor = name.includes('own door');

    test('a good token with the scope of the tool is 200, and the tool knows the person', async () => {
      const response = await post(server.url, bearer());
      assert.equal(response.status, 200);
      assert.match(await response.text(), /"text":"person-1"/);
    });

    test('a scope that implies the needed one is enough', async () => {
      assert.equal((await post(server.url, withScope('notes:write'))).status, 200);
    });

    test('no token is 401 and points to the document', async () => {
      const response = await post(server.url, undefined);
      assert.equal(response.status, 401);
      const { scope, resourceMetadataUrl } = extractWWWAuthenticateParams(response);
      assert.equal(String(resourceMetadataUrl), server.guard.metadata.url);
      if (!ownDoor) assert.equal(scope, 'notes:read');
    });

    test('whatever is wrong with a token is 401 invalid_token, never 500', async () => {
      const [header = '', claims = ''] = issuer.token(server.url).split('.');
      const none = base64url('{"alg":"none","typ":"at+jwt","kid":"one"}');
      const bad = [
        bearer({ claims: { aud: 'https://other.example/mcp' } }),
        bearer({ claims: { aud: [server.url, 'https://other.example/mcp'] } }),
        bearer({ claims: { iss: 'https://evil.example' } }),
        bearer({ claims: { exp: 1 } }),
        bearer({ claims: { exp: undefined } }),
        bearer({ claims: { cnf: { jkt: 'x' } } }),
        bearer({ header: { typ: 'JWT' } }),
        bearer({ header: { kid: 'invented' } }),
        `Bearer ${none}.${claims}.AAAA`,
        `Bearer ${header}.${claims}.AAAA`,
        'Bearer x',
        `Bearer ${'A'.repeat(9000)}`,
      ];
      for (const authorization of bad) {
        const response = await post(server.url, authorization);
        assert.equal(response.status, 401, authorization.slice(0, 80));
        const { error, resourceMetadataUrl } = extractWWWAuthenticateParams(response);
        assert.equal(error, 'invalid_token');
        assert.equal(String(resourceMetadataUrl), server.guard.metadata.url);
        const body = (await response.json()) as Record<string, unknown>;
        assert.equal(body.error, 'invalid_token');
      }
    });

    test('keys that cannot be read are the fault of nobody who calls', async (t) => {
      const away = await start('http://127.0.0.1:1');
      t.after(away.close);
      const authorization = `Bearer ${issuer.token(away.url, { claims: { iss: 'http://127.0.0.1:1' } })}`;
      const response = await post(away.url, authorization);
      assert.equal(response.status, ownDoor ? 500 : 503);
      assert.equal(response.headers.get('www-authenticate'), null);
    });

    // The door of SDK v1 knows one list of scopes for every request, and nothing of tools.
    if (start === onSdkV1WithItsOwnDoor) {
      test('a token without the first scopes is 403', async () => {
        const response = await post(server.url, withScope('notes:delete'));
        assert.equal(response.status, 403);
        assert.equal(extractWWWAuthenticateParams(response).scope, 'notes:read');
      });
      return;
    }

    test('a missing scope is 403 with everything needed at once', async () => {
      for (const granted of ['', 'openid', 'notes:read', 'notes:delete']) {
        const response = await post(server.url, withScope(granted), call('purge'));
        assert.equal(response.status, 403, granted);
        const challenge = extractWWWAuthenticateParams(response);
        assert.equal(challenge.error, 'insufficient_scope');
        assert.equal(challenge.scope, 'notes:read notes:delete');
        assert.equal(String(challenge.resourceMetadataUrl), server.guard.metadata.url);
      }
      assert.equal((await post(server.url, withScope('notes:read notes:delete'), call('purge'))).status, 200);
      assert.equal((await post(server.url, withScope('notes:write notes:delete'), call('purge'))).status, 200);
    });
  });
}

describe('SDK v1 behind the guard, batches and odd calls', () => {
  test('every call of a batch counts, and a tool listed under no scope is refused without a challenge', async (t) => {
    const issuer = await startFakeIssuer();
    t.after(issuer.close);
    const server = await onSdkV1(issuer.issuer);
    t.after(server.close);
    const authorization = `Bearer ${issuer.token(server.url)}`;
    const batch = await post(server.url, authorization, [call('list'), call('purge', 2)]);
    assert.equal(batch.status, 403);
    assert.equal(extractWWWAuthenticateParams(batch).scope, 'notes:read notes:delete');
    for (const odd of [
      call('forgotten'),
      call('__proto__'),
      { method: 'tools/call' },
      { method: 'tools/call', params: { name: ['list'] } },
    ]) {
      const response = await post(server.url, authorization, odd);
      assert.equal(response.status, 403);
      assert.equal(response.headers.get('www-authenticate'), null);
    }
    const [path = ''] = server.guard.metadata.paths;
    const document = await fetch(new URL(path, server.url));
    assert.deepEqual(await document.json(), server.guard.metadata.document);
  });
});
