import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  parseRedirectUri,
  privateUseSchemes,
  type RedirectFault,
  type RedirectKind,
  redirectHost,
  redirectKey,
  sameRedirect,
} from '../../src/clients/redirect-uris.ts';

const issuer = 'https://auth.example.com';

const accepted: [string, RedirectKind][] = [
  ['https://claude.ai/api/mcp/auth_callback', 'https'],
  ['https://vscode.dev/redirect', 'https'],
  ['https://insiders.vscode.dev/redirect', 'https'],
  ['https://app.example:8443/cb?tenant=7&next=%2Fhome', 'https'],
  ['https://app.example:443/cb', 'https'],
  ['https://App.Example/cb', 'https'],
  ['https://app.example', 'https'],
  ['https://xn--bcher-kva.example/cb', 'https'],
  ['https://intranet/cb', 'https'],
  ['https://8.8.8.8/cb', 'https'],
  ['https://[2606:4700::1111]/cb', 'https'],
  ['https://app.example/a%20b/~c;v=1', 'https'],
  ['https://auth.example.com.app.example/cb', 'https'],
  ['https://auth.example.com:8443/cb', 'https'],
  ['http://localhost/callback', 'loopback'],
  ['http://localhost:6274/oauth/callback/debug', 'loopback'],
  ['http://127.0.0.1/', 'loopback'],
  ['http://127.0.0.1:33418/', 'loopback'],
  ['http://127.0.0.1:33418', 'loopback'],
  ['http://[::1]:51234/cb', 'loopback'],
  ['http://LOCALHOST:1/cb', 'loopback'],
  ['https://localhost:3000/cb', 'loopback'],
  ['cursor://anysphere.cursor-mcp/oauth/callback', 'private-use'],
  ['vscode://vscode.github-authentication/did-authenticate', 'private-use'],
  ['com.example.app:/oauth2redirect', 'private-use'],
  ['com.example.app://oauth2redirect', 'private-use'],
  ['com.googleusercontent.apps.123-abc:/cb', 'private-use'],
  ...privateUseSchemes.map((scheme): [string, RedirectKind] => [`${scheme}://oauth/callback`, 'private-use']),
];

for (const [uri, kind] of accepted) {
  test(`a client may return to ${uri}`, () => {
    assert.deepEqual(parseRedirectUri(uri, { issuer }), { ok: true, uri, kind });
  });
}

const refused: Record<RedirectFault, unknown[]> = {
  malformed: [
    undefined,
    null,
    7,
    {},
    '',
    'callback',
    '/callback',
    '//app.example/cb',
    'https:',
    'https://',
    'https:///cb',
    'https:/app.example/cb',
    'https:app.example/cb',
    'https:\\\\app.example\\cb',
    'https://app.example\\@evil.example/cb',
    'https://app.example/a\\..\\b',
    'https://app.example/a b',
    ' https://app.example/cb',
    'https://app.example/cb\n',
    'https://app.example/\tcb',
    'https://app.example/\u0000',
    'https://app.example/<script>',
    'https://app.example/"cb"',
    'https://bücher.example/cb',
    'https://app.example/日本',
    'https://ex\u3002ample.com/cb',
    'https://app.example/%zz',
    'https://app.example/%2',
    'com.example.app:callback',
    'cursor:callback',
    'https://[::1/cb',
    'https://app.example:99999/cb',
    'https://claude.ai%00.evil.example/cb',
  ],
  too_long: [`https://app.example/${'a'.repeat(2_000)}`],
  fragment: ['https://app.example/cb#', 'https://app.example/cb#top', 'http://127.0.0.1/#x', 'cursor://a/b#c'],
  userinfo: [
    'https://claude.ai@evil.example/cb',
    'https://user:pass@app.example/cb',
    'https://@app.example/cb',
    'https://claude.ai%2f@evil.example/cb',
    'http://127.0.0.1:80@evil.example/cb',
    'http://localhost@evil.example/',
    'cursor://user@evil/cb',
  ],
  host: [
    'https://app.example./cb',
    'https://ex%61mple.com/cb',
    'https://claude.ai%2eevil.example/cb',
    'https://2130706433/cb',
    'https://0x7f000001/cb',
    'https://0177.0.0.1/cb',
    'https://127.1/cb',
    'http://127.1/cb',
    'http://2130706433/cb',
    'http://0x7f.0.0.1/cb',
    'http://127.0.0.1./cb',
    'http://[0:0:0:0:0:0:0:1]/cb',
    'https://app.example:/cb',
    'https://app.example:0443/cb',
    'https://app..example/cb',
    'https://.example/cb',
    'https://localhost./cb',
    'https://evil.localhost/cb',
    'https://*.example/cb',
    'https://claude.ai(.evil.example/cb',
    'https://claude.ai,app.evil.example/cb',
    'https://10.0.0.1/cb',
    'https://169.254.169.254/latest',
    'https://192.168.1.1/cb',
    'https://127.0.0.2/cb',
    'https://0.0.0.0/cb',
    'https://[fd00::1]/cb',
    'https://[64:ff9b::7f00:1]/cb',
    'https://[::ffff:7f00:1]/cb',
    'cursor://a%2f..%2fb/cb',
  ],
  path: [
    'https://app.example/cb/..',
    'https://app.example/../cb',
    'https://app.example/a/../b',
    'https://app.example/./cb',
    'https://app.example/cb/.',
    'https://app.example/..;/cb',
    'https://app.example/..;a=b/cb',
    'https://app.example/%2e%2e/cb',
    'https://app.example/%2E./cb',
    'https://app.example/.%2e/cb',
    'https://app.example/a%2fb',
    'https://app.example/a%2Fb',
    'https://app.example/a%5cb',
    'https://app.example/%252e%252e/cb',
    'https://app.example/%25252fcb',
    'https://app.example/cb%00',
    'https://app.example/cb%0d%0aset-cookie:a=b',
    'https://app.example/cb%7f',
    'http://127.0.0.1:8/../cb',
    'cursor://host/../cb',
    'com.example.app:/%2e%2e/cb',
  ],
  query: [
    'https://app.example/cb?code=x',
    'https://app.example/cb?a=b&state=1',
    'https://app.example/cb?iss=https://evil.example',
    'https://app.example/cb?error=access_denied',
    'https://app.example/cb?%63ode=x',
    'https://app.example/cb?co%64e',
    'http://localhost:1/cb?state=',
    'cursor://a/cb?response=jwt',
  ],
  scheme: [
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    'javascript://app.example/%0aalert(1)',
    'data:text/html,x',
    'vbscript:msgbox(1)',
    'file:///etc/passwd',
    'blob:https://app.example/uuid',
    'about:blank',
    'view-source:https://app.example',
    'filesystem:https://app.example/x',
    'ms-msdt:/id',
    'ms-settings://network',
    'ms-word.a.b:/x',
    'ms-windows-store://pdp',
    'search-ms://query',
    'intent://scan/',
    'ssh://host/x',
    'sftp://host/x',
    'ftp://host/x',
    'tel:+1',
    'sms:+1',
    'mailto:a@example.com',
    'ws://app.example/cb',
    'wss://app.example/cb',
    'urn:ietf:wg:oauth:2.0:oob',
    'chrome://settings',
    'shell:startup',
    'myapp://callback',
    'x-apple.systempreferences:/com.apple.preference',
    'com.apple.systempreferences:/x',
    'microsoft.windows.camera:/x',
    'app.://x/cb',
    'app..x://x/cb',
  ],
  insecure: [
    'http://app.example/cb',
    'http://claude.ai/cb',
    'http://localhost.evil.example/cb',
    'http://127.0.0.1.evil.example/cb',
    'http://evil.localhost/cb',
    'http://127.0.0.2/cb',
    'http://10.0.0.1/cb',
    'http://[::2]/cb',
    'http://0.0.0.0/cb',
  ],
  own_origin: ['https://auth.example.com/cb', 'https://auth.example.com', 'https://AUTH.example.com:443/interaction/x'],
};

for (const [reason, uris] of Object.entries(refused)) {
  for (const uri of uris) {
    test(`no client may return to ${JSON.stringify(uri)?.slice(0, 60)} (${reason})`, () => {
      assert.deepEqual(parseRedirectUri(uri, { issuer }), { ok: false, reason });
    });
  }
}

test('a loopback issuer is never a redirect under any of its names', () => {
  const local = { issuer: 'http://127.0.0.1:8414' };
  for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
    assert.deepEqual(parseRedirectUri(`http://${host}:8414/cb`, local), { ok: false, reason: 'own_origin' });
    assert.equal(parseRedirectUri(`http://${host}:8415/cb`, local).ok, true);
  }
});

test('an operator can allow more private-use schemes, and an administrator a special-use host', () => {
  assert.equal(parseRedirectUri('acme://cb', { issuer, moreSchemes: ['acme'] }).ok, true);
  assert.equal(parseRedirectUri('https://10.0.0.1/cb', { issuer, specialUseHosts: true }).ok, true);
  assert.equal(parseRedirectUri('http://10.0.0.1/cb', { issuer, specialUseHosts: true }).ok, false);
});

const same: [string, string][] = [
  ['http://localhost/callback', 'http://localhost:53682/callback'],
  ['http://127.0.0.1:33418/', 'http://127.0.0.1:1/'],
  ['http://127.0.0.1', 'http://127.0.0.1:8080'],
  ['http://[::1]:1/cb?a=b', 'http://[::1]/cb?a=b'],
  ['http://localhost:80/cb', 'http://localhost/cb'],
];
const different: [string, string][] = [
  ['http://localhost/cb', 'http://127.0.0.1/cb'],
  ['http://127.0.0.1/cb', 'http://[::1]/cb'],
  ['http://localhost:1/cb', 'http://localhost:1/cb/'],
  ['http://localhost:1/cb', 'http://localhost:1/cb?a=b'],
  ['http://localhost:1/cb', 'https://localhost:1/cb'],
  ['https://localhost:1/cb', 'https://localhost:2/cb'],
  ['https://app.example/cb', 'https://app.example:8443/cb'],
  ['https://app.example/cb', 'https://app.example/CB'],
  ['http://localhost:1@evil.example/cb', 'http://localhost/cb'],
  ['http://localhost:1.evil.example/cb', 'http://localhost/cb'],
  ['cursor://a:1/cb', 'cursor://a:2/cb'],
];
for (const [a, b] of same) test(`${a} is the same redirect as ${b}`, () => assert.ok(sameRedirect(a, b)));
for (const [a, b] of different) test(`${a} is not the same redirect as ${b}`, () => assert.ok(!sameRedirect(a, b)));

test('a redirect key is the key of itself', () => {
  for (const [uri] of accepted) assert.equal(redirectKey(redirectKey(uri)), redirectKey(uri));
});

test('a person is shown a host in ASCII, this computer, or a scheme that cannot be read as a host', () => {
  const shown: [string, RedirectKind, string][] = [
    ['https://Claude.ai/api/cb?x=1', 'https', 'claude.ai'],
    ['https://app.example:8443/', 'https', 'app.example:8443'],
    ['https://xn--bcher-kva.example/cb', 'https', 'xn--bcher-kva.example'],
    ['http://127.0.0.1:8080/cb', 'loopback', '127.0.0.1'],
    ['https://localhost:8080/cb', 'loopback', 'localhost'],
    ['cursor://anysphere.cursor-mcp/oauth/callback', 'private-use', 'cursor://'],
    ['claude.ai:/cb', 'private-use', 'claude.ai://'],
  ];
  for (const [uri, kind, host] of shown) assert.deepEqual(redirectHost(uri), { kind, host });
});
