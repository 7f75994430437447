import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isProven, isSharedHost, type ProvenanceQuestion, provenance } from '../../src/clients/provenance.ts';

const document = {
  clientId: 'https://claude.ai/oauth/client.json',
  origin: 'document',
  redirectUri: 'https://claude.ai/api/mcp/auth_callback',
  authMethod: 'none',
} satisfies ProvenanceQuestion;
const registered = { ...document, clientId: 'c1', origin: 'dynamic' } satisfies ProvenanceQuestion;
const administered = { ...document, clientId: 'c2', origin: 'static' } satisfies ProvenanceQuestion;
const loopback = 'http://localhost:4000/callback';

const cases: [string, ProvenanceQuestion, string][] = [
  ['a document that returns to its own host proves that host', document, 'proven-host'],
  [
    'a document on a well-known host proves nothing of a program on this computer',
    { ...document, redirectUri: loopback },
    'local-program',
  ],
  [
    'a document proves nothing of an app with a private-use scheme',
    { ...document, redirectUri: 'claude://callback' },
    'local-program',
  ],
  [
    'a document proves nothing of another host',
    { ...document, redirectUri: 'https://evil.example/cb' },
    'unproven-site',
  ],
  [
    'a document proves nothing of a host below its own',
    { ...document, redirectUri: 'https://x.claude.ai/cb' },
    'unproven-site',
  ],
  [
    'a document proves nothing of another port of its host',
    { ...document, redirectUri: 'https://claude.ai:8443/cb' },
    'unproven-site',
  ],
  [
    'a document below a private public suffix is on a shared host',
    { ...document, clientId: 'https://evil.github.io/c.json', redirectUri: 'https://evil.github.io/cb' },
    'shared-host',
  ],
  [
    'a document on a path-shared host is on a shared host',
    {
      ...document,
      clientId: 'https://storage.googleapis.com/b/c.json',
      redirectUri: 'https://storage.googleapis.com/b/cb',
    },
    'shared-host',
  ],
  ['a client that registered itself proves no web site', registered, 'unproven-site'],
  [
    'a client that registered itself with a loopback redirect is some program here',
    { ...registered, redirectUri: loopback },
    'local-program',
  ],
  [
    'a credential that an administrator gave proves the client wherever it returns to',
    { ...administered, authMethod: 'private_key_jwt', redirectUri: loopback },
    'administrator',
  ],
  ['a redirect host that an administrator wrote down is his word', administered, 'administrator'],
  [
    'a public client of an administrator on this computer can be any program',
    { ...administered, redirectUri: loopback },
    'local-program',
  ],
];
for (const [title, question, expected] of cases) test(title, () => assert.equal(provenance(question), expected));

const secret = { authMethod: 'client_secret_basic' };
const shared = { ...document, clientId: 'https://x.github.io/c.json', redirectUri: 'https://x.github.io/cb' };
const device = 'urn:ietf:params:oauth:grant-type:device_code';
const proofs: [string, ProvenanceQuestion, boolean][] = [
  ['a document that returns to its own host proves who asks', document, true],
  ['a document that returns to a program proves nothing', { ...document, redirectUri: loopback }, false],
  [
    'a document with a key of its own that returns to a program proves nothing',
    { ...document, redirectUri: loopback, authMethod: 'private_key_jwt' },
    false,
  ],
  ['a document on a shared host proves nothing', shared, false],
  ['a secret that we gave to whoever asked proves nothing', { ...registered, ...secret }, false],
  ['a key that a client registered itself proves nothing', { ...registered, authMethod: 'private_key_jwt' }, false],
  ['a secret that an administrator gave proves who asks', { ...administered, ...secret }, true],
  ['so it does for a program', { ...administered, ...secret, redirectUri: loopback }, true],
  ['so it does on another device', { ...administered, ...secret, redirectUri: device }, true],
  [
    'a key that an administrator accepted proves who asks',
    { ...administered, authMethod: 'private_key_jwt', redirectUri: loopback },
    true,
  ],
  ['an https redirect that an administrator wrote down proves nothing without a credential', administered, false],
  ['a document proves nothing on another device', { ...document, redirectUri: device }, false],
  ['an MCP server is no client', { ...administered, ...secret, origin: 'resource' }, false],
];
for (const [title, question, expected] of proofs) test(title, () => assert.equal(isProven(question), expected));

const sharedHosts = [
  'github.io',
  'someone.github.io',
  'app.vercel.app',
  'w.workers.dev',
  'x.pages.dev',
  'raw.githubusercontent.com',
  'gist.githubusercontent.com',
  'storage.googleapis.com',
  's3.amazonaws.com',
  'bucket.s3.amazonaws.com',
  's3.eu-west-1.amazonaws.com',
  'bucket.s3.eu-west-1.amazonaws.com',
  'acct.blob.core.windows.net',
  'cdn.jsdelivr.net',
  'co.uk',
];
const ownHosts = [
  'claude.ai',
  'vscode.dev',
  'client.example.co.uk',
  'agent.corp',
  'intranet',
  'localhost',
  '127.0.0.1',
  '[::1]',
];
for (const host of sharedHosts) test(`${host} is shared`, () => assert.equal(isSharedHost(host), true));
for (const host of ownHosts) test(`${host} is not shared`, () => assert.equal(isSharedHost(host), false));
