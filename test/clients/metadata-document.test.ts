import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import { createDocumentStore } from '../../src/clients/document-store.ts';
import { createMetadataDocuments } from '../../src/clients/metadata-document.ts';
import { createMetadataPolicy } from '../../src/clients/metadata-policy.ts';
import { type OpenDatabase, openDatabase } from '../../src/storage/database.ts';
import { createEgress } from '../../src/web/egress.ts';
import { FetchFailed } from '../../src/web/fetch-failed.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';
import { type HttpsStub, startHttpsStub, testCaFile } from '../https-stub.ts';

const quiet = { info() {}, warn() {}, error() {} };
/** How oidc-provider asks for a metadata document. */
const asDocument: RequestInit = { method: 'GET', headers: { accept: 'application/json' }, redirect: 'manual' };
const HOUR = 3_600;

let own: TestDatabase;
let database: OpenDatabase;
let stub: HttpsStub;
let url = '';
let clock = new Date('2026-11-23T12:00:00Z');
let requests = 0;
let answer: RequestListener;

before(async () => {
  own = await createTestDatabase();
  database = await openDatabase({ databaseUrl: own.url, dataDir: '/', log: quiet, mode: 'serve' });
  stub = await startHttpsStub((request, response) => {
    requests += 1;
    answer(request, response);
  });
  url = `${stub.url}/oauth/client.json`;
});
after(async () => {
  await stub?.close();
  await database?.close();
  await own?.drop();
});
beforeEach(async () => {
  await database.prisma.metadataDocument.deleteMany();
  requests = 0;
  answer = publish({});
});

/** What one process has; all processes share the database. */
function createProcess() {
  return createMetadataDocuments({
    egress: createEgress({ outboundCaFile: testCaFile, outboundAllow: ['127.0.0.1'] }),
    store: createDocumentStore(database.prisma),
    policy: createMetadataPolicy({ issuer: 'https://auth.example.com' }),
    now: () => clock,
  });
}

function publish(members: Record<string, unknown>, headers: Record<string, string> = {}): RequestListener {
  const document = { client_id: url, client_name: 'Claude', redirect_uris: ['http://localhost/callback'], ...members };
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(document));
  };
}

const failWith =
  (status: number, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) =>
    response.writeHead(status, headers).end('<html>no</html>');

function pass(seconds: number) {
  clock = new Date(clock.getTime() + seconds * 1_000);
}

async function nameFrom(documents: ReturnType<typeof createProcess>): Promise<unknown> {
  const response = await documents.fetch(url, asDocument);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'application/json');
  return ((await response.json()) as { client_name: unknown }).client_name;
}

const fetchFails = (fetching: Promise<unknown>) =>
  assert.rejects(
    fetching,
    (error) => error instanceof FetchFailed && error.message === 'The address could not be fetched.',
  );

test('one fetch answers every call of an authorization, in every process', async () => {
  assert.equal(await nameFrom(createProcess()), 'Claude');
  assert.equal(await nameFrom(createProcess()), 'Claude');
  pass(59);
  assert.equal(await nameFrom(createProcess()), 'Claude');
  assert.equal(requests, 1);
  pass(2);
  answer = publish({ client_name: 'Claude Code' });
  assert.equal(await nameFrom(createProcess()), 'Claude Code');
  assert.equal(requests, 2);
});

test('parallel calls share one fetch', async () => {
  const documents = createProcess();
  await Promise.all(Array.from({ length: 20 }, () => nameFrom(documents)));
  assert.equal(requests, 1);
});

const lifetimes: [string, number][] = [
  ['max-age=3600', HOUR],
  ['max-age=1', 60],
  ['no-store', 60],
  ['max-age=31536000', 24 * HOUR],
];
for (const [cacheControl, seconds] of lifetimes) {
  test(`a document with ${cacheControl} is fresh for ${seconds} s`, async () => {
    const documents = createProcess();
    answer = publish({}, { 'cache-control': cacheControl });
    await nameFrom(documents);
    pass(seconds - 1);
    await nameFrom(documents);
    assert.equal(requests, 1);
    pass(1);
    await nameFrom(documents);
    assert.equal(requests, 2);
  });
}

const failures: [string, RequestListener][] = [
  ['redirects', failWith(302, { location: 'https://127.0.0.1/' })],
  ['forbids', failWith(403)],
  ['has lost it', failWith(404)],
  ['fails', failWith(500)],
  ['answers a page instead', failWith(200, { 'content-type': 'text/html' })],
  ['answers too much', publish({ client_uri: `https://x.example/${'x'.repeat(6_000)}` })],
  ['hangs up', (request) => request.socket.destroy()],
];
for (const [how, failure] of failures) {
  test(`the last good copy answers for seven days when the host ${how}, and then nothing does`, async () => {
    const documents = createProcess();
    await nameFrom(documents);
    answer = failure;
    for (const seconds of [HOUR, 6 * 24 * HOUR, 22 * HOUR]) {
      pass(seconds);
      assert.equal(await nameFrom(documents), 'Claude');
    }
    assert.equal(requests, 4);
    pass(HOUR);
    await fetchFails(documents.fetch(url, asDocument));
    answer = publish({ client_name: 'Back' });
    assert.equal(await nameFrom(documents), 'Back');
  });
}

test('a host that has just failed is left alone for a minute', async () => {
  const documents = createProcess();
  await nameFrom(documents);
  answer = failWith(503);
  pass(61);
  await nameFrom(documents);
  await nameFrom(documents);
  pass(59);
  await nameFrom(documents);
  assert.equal(requests, 2);
  pass(2);
  await nameFrom(documents);
  assert.equal(requests, 3);
});

test('a document that its host has withdrawn (410) is no longer answered', async () => {
  const documents = createProcess();
  await nameFrom(documents);
  answer = failWith(410);
  pass(61);
  await fetchFails(documents.fetch(url, asDocument));
});

test('a failure is never kept', async () => {
  const documents = createProcess();
  answer = failWith(500);
  await fetchFails(documents.fetch(url, asDocument));
  answer = publish({});
  assert.equal(await nameFrom(documents), 'Claude');
  assert.equal(requests, 2);
});

test('a document that breaks the policy is handed on to be refused, and never kept', async () => {
  const documents = createProcess();
  answer = publish({ client_name: 'Evil', redirect_uris: ['https://app.example/cb', 'javascript:alert(1)'] });
  assert.equal(await nameFrom(documents), 'Evil');
  assert.equal(await nameFrom(documents), 'Evil');
  assert.equal(requests, 2);
  assert.equal(await database.prisma.metadataDocument.count(), 0);
});

test('an address that is not written as a client identifier is not fetched', async () => {
  const documents = createProcess();
  const path = url.slice('https://'.length);
  const addresses = [
    stub.url,
    url.replace('https:', 'http:'),
    url.replace('localhost', 'LOCALHOST'),
    url.replace('/oauth', '/x/../oauth'),
    `https://user@${path}`,
    `${url}#x`,
    `${url}?${'x'.repeat(2_000)}`,
  ];
  for (const address of addresses) await fetchFails(documents.fetch(address, asDocument));
  assert.equal(requests, 0);
});

test('a special-use address is refused with the same words as a host that is down', async () => {
  const documents = createProcess();
  for (const host of ['169.254.169.254', '10.0.0.1', '[::1]', '[64:ff9b::7f00:1]']) {
    await fetchFails(documents.fetch(`https://${host}/client.json`, asDocument));
  }
});

test('keys are fetched as they are, up to 64 KB, and neither redirected nor kept', async () => {
  const documents = createProcess();
  const asKeys: RequestInit = { method: 'GET', headers: { Accept: 'application/json' } };
  const keys = JSON.stringify({ keys: [{ kty: 'EC', kid: 'x'.repeat(20_000) }] });
  answer = (_request, response) => response.setHeader('cache-control', 'max-age=60').end(keys);
  const response = await documents.fetch(url, asKeys);
  assert.equal(response.headers.get('cache-control'), 'max-age=60');
  assert.equal(await response.text(), keys);
  answer = failWith(302, { location: url });
  assert.equal((await documents.fetch(url, asKeys)).status, 302);
  answer = (_request, response) => response.end('x'.repeat(64 * 1024 + 1));
  await fetchFails(documents.fetch(url, asKeys));
  await fetchFails(documents.fetch('https://10.0.0.1/jwks', asKeys));
  assert.equal(requests, 3);
  assert.equal(await database.prisma.metadataDocument.count(), 0);
});

test('a logout notice is posted as oidc-provider wrote it', async () => {
  answer = (request, response) => request.pipe(response);
  const response = await createProcess().fetch(url, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ logout_token: 'a.b.c' }),
  });
  assert.equal(await response.text(), 'logout_token=a.b.c');
});
