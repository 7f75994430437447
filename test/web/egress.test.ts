import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { createEgress, type EgressRequest, type EgressSettings } from '../../src/web/egress.ts';
import { FetchFailed, type FetchFailure } from '../../src/web/fetch-failed.ts';
import { type HttpsStub, startHttpsStub, testCaFile } from '../https-stub.ts';

let stub: HttpsStub;
let seen: { url: string | undefined; headers: Record<string, unknown> }[] = [];
const answers: Record<string, RequestListener> = {
  '/json': (_request, response) => response.setHeader('content-type', 'application/json').end('{"a":1}'),
  '/redirect': (_request, response) => response.writeHead(302, { location: `${stub.url}/json` }).end(),
  '/downgrade': (_request, response) => response.writeHead(307, { location: 'http://127.0.0.1/' }).end(),
  '/large': (_request, response) => response.end('x'.repeat(5 * 1024 + 1)),
  '/exact': (_request, response) => response.end('x'.repeat(5 * 1024)),
  '/endless': (_request, response) => {
    const timer = setInterval(() => response.write('x'), 20);
    response.on('close', () => clearInterval(timer));
  },
  '/silent': () => {},
  '/gzip': (_request, response) => response.setHeader('content-encoding', 'gzip').end(gzipSync('{"a":1}')),
  '/br': (_request, response) => response.setHeader('content-encoding', 'br').end(brotliCompressSync('{"a":1}')),
  '/bomb': (_request, response) => response.setHeader('content-encoding', 'gzip').end(gzipSync('x'.repeat(1 << 20))),
  '/twice': (_request, response) => response.setHeader('content-encoding', 'gzip, gzip').end(gzipSync(gzipSync('x'))),
  '/not-gzip': (_request, response) => response.setHeader('content-encoding', 'gzip').end('{"a":1}'),
  '/echo': (request, response) => request.pipe(response),
};

before(async () => {
  stub = await startHttpsStub((request, response) => {
    seen.push({ url: request.url, headers: request.headers });
    (answers[request.url ?? ''] ?? answers['/silent'])?.(request, response);
  });
});
after(() => stub.close());

/** An egress client that may reach the stub, by any name that `names` maps. */
function createTestEgress(settings: Partial<EgressSettings> = {}, names: Record<string, string[]> = {}) {
  return createEgress({
    outboundCaFile: testCaFile,
    outboundAllow: ['127.0.0.1'],
    lookup: async (hostname) => {
      const addresses = names[hostname];
      if (!addresses) throw new Error(`no such name: ${hostname}`);
      return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    },
    ...settings,
  });
}

async function reasonOf(fetching: Promise<unknown>): Promise<FetchFailure> {
  try {
    await fetching;
  } catch (error) {
    assert.ok(error instanceof FetchFailed, String(error));
    assert.equal(error.message, 'The address could not be fetched.');
    assert.equal(error.status, 502);
    assert.equal(error.code, 'fetch_failed');
    assert.ok(error.detail?.startsWith(`${error.reason}: `));
    return error.reason;
  }
  throw new Error('it was fetched');
}

const fetchPath = (path: string, request?: EgressRequest) =>
  createTestEgress().fetch(`https://127.0.0.1:${stub.port}${path}`, request);

test('a document is fetched over https under our own name, with the headers that the caller gives', async () => {
  seen = [];
  const names = { 'client.example.test': ['127.0.0.1'] };
  const egress = createTestEgress({}, names);
  const response = await egress.fetch(`https://client.example.test:${stub.port}/json#fragment`, {
    headers: { Accept: 'application/json', 'User-Agent': 'somebody else' },
  });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'application/json');
  assert.equal(response.body.toString(), '{"a":1}');
  assert.equal(seen[0]?.headers.accept, 'application/json');
  assert.equal(seen[0]?.headers['user-agent'], 'Consentry');
  assert.equal(seen[0]?.headers.host, `client.example.test:${stub.port}`);
});

test('a body can be posted', async () => {
  const response = await fetchPath('/echo', { method: 'POST', body: 'logout_token=x' });
  assert.equal(response.body.toString(), 'logout_token=x');
});

const refusedUrls: [string, FetchFailure][] = [
  ['not a url', 'bad_url'],
  ['ftp://client.example.test/', 'bad_url'],
  ['file:///etc/passwd', 'bad_url'],
  ['data:application/json,{}', 'bad_url'],
  ['https://user:pass@client.example.test/', 'bad_url'],
  ['https://localhost./', 'bad_url'],
  ['http://public.example.test/', 'bad_url'],
  ['https://169.254.169.254/latest/meta-data/', 'special_use'],
  ['https://10.0.0.1/', 'special_use'],
  ['https://100.64.0.1/', 'special_use'],
  ['https://127.0.0.2/', 'special_use'],
  ['https://2130706434/', 'special_use'],
  ['https://0x7f.0.0.2/', 'special_use'],
  ['https://0177.0.0.02/', 'special_use'],
  ['https://127.2/', 'special_use'],
  ['https://0/', 'special_use'],
  ['https://[::1]/', 'special_use'],
  ['https://[::]/', 'special_use'],
  ['https://[::ffff:10.0.0.1]/', 'special_use'],
  ['https://[::ffff:a9fe:a9fe]/', 'special_use'],
  ['https://[64:ff9b::7f00:1]/', 'special_use'],
  ['https://[64:ff9b:1::a00:1]/', 'special_use'],
  ['https://[2002:a00:1::]/', 'special_use'],
  ['https://[fe80::1]/', 'special_use'],
  ['https://[fd00::1]/', 'special_use'],
  ['https://nat64.example.test/', 'special_use'],
  ['https://metadata.example.test/', 'special_use'],
  ['https://mixed.example.test/', 'special_use'],
  ['https://half-loopback.example.test/', 'special_use'],
  ['https://zone.example.test/', 'special_use'],
  ['https://nowhere.example.test/', 'unresolved'],
  ['https://empty.example.test/', 'unresolved'],
];
const internalNames = {
  'public.example.test': ['93.184.215.14'],
  'nat64.example.test': ['64:ff9b::a00:1'],
  'metadata.example.test': ['169.254.169.254'],
  'mixed.example.test': ['93.184.215.14', '10.0.0.1'],
  'half-loopback.example.test': ['93.184.215.14', '127.0.0.1', '::1'],
  'zone.example.test': ['fe80::1%lo'],
  'empty.example.test': [],
};
for (const [url, reason] of refusedUrls) {
  test(`${url} is refused before anything connects (${reason})`, async () => {
    assert.equal(await reasonOf(createTestEgress({}, internalNames).fetch(url)), reason);
  });
}

test('a special-use address that listens never sees a connection', async () => {
  const before = stub.connections();
  const egress = createTestEgress({ outboundAllow: [] }, { 'client.example.test': ['127.0.0.1'] });
  for (const host of ['127.0.0.1', 'client.example.test', '[::ffff:127.0.0.1]', '2130706433']) {
    assert.equal(await reasonOf(egress.fetch(`https://${host}:${stub.port}/json`)), 'special_use');
  }
  await sleep(50);
  assert.equal(stub.connections(), before);
});

test('a name that resolves differently the second time is asked only once', async () => {
  let asked = 0;
  const rebinding = createTestEgress({
    lookup: async () => {
      asked += 1;
      return [{ address: asked === 1 ? '127.0.0.1' : '169.254.169.254', family: 4 }];
    },
  });
  const response = await rebinding.fetch(`https://client.example.test:${stub.port}/json`);
  assert.equal(response.status, 200);
  assert.equal(asked, 1);
  assert.equal(await reasonOf(rebinding.fetch(`https://client.example.test:${stub.port}/json`)), 'special_use');
});

test('a redirect is handed back and never followed', async () => {
  for (const path of ['/redirect', '/downgrade']) {
    seen = [];
    const response = await fetchPath(path);
    assert.ok([302, 307].includes(response.status));
    assert.deepEqual(
      seen.map(({ url }) => url),
      [path],
    );
  }
});

test('a body is bounded as sent and as decompressed', async () => {
  assert.equal((await fetchPath('/exact')).body.length, 5 * 1024);
  assert.equal(await reasonOf(fetchPath('/large')), 'too_large');
  assert.equal((await fetchPath('/large', { maxBytes: 6_000 })).body.length, 5 * 1024 + 1);
  assert.equal((await fetchPath('/gzip')).body.toString(), '{"a":1}');
  assert.equal((await fetchPath('/br')).body.toString(), '{"a":1}');
  for (const path of ['/bomb', '/twice', '/not-gzip']) assert.equal(await reasonOf(fetchPath(path)), 'encoding');
});

test('the time is bounded from name resolution to the last byte', async () => {
  const timeoutMs = 150;
  const hanging = createTestEgress({ lookup: () => new Promise(() => {}) });
  const slow = [
    () => hanging.fetch('https://client.example.test/', { timeoutMs }),
    () => fetchPath('/silent', { timeoutMs }),
    () => fetchPath('/endless', { timeoutMs }),
  ];
  for (const fetching of slow) {
    const started = performance.now();
    assert.equal(await reasonOf(fetching()), 'timeout');
    // Sooner than where nothing is said of it; a busy machine may take a while to notice.
    assert.ok(performance.now() - started < 2_500);
  }
});

test('a certificate for another name or from an unknown authority is refused', async () => {
  const named = createTestEgress({}, { 'other.example.test': ['127.0.0.1'] });
  assert.equal(await reasonOf(named.fetch(`https://other.example.test:${stub.port}/json`)), 'connection');
  const trusting = createTestEgress({ outboundCaFile: undefined });
  assert.equal(await reasonOf(trusting.fetch(`https://127.0.0.1:${stub.port}/json`)), 'connection');
});

test('a port where nobody listens fails with the same words as everything else', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  assert.equal(await reasonOf(createTestEgress().fetch(`https://127.0.0.1:${port}/`)), 'connection');
});

test('a host can be allowed by name, by name and port, by address and by network', async () => {
  const names = { 'client.example.test': ['127.0.0.1'], localhost: ['::1', '127.0.0.1'] };
  const reach = (host: string, outboundAllow: string[]) =>
    createTestEgress({ outboundAllow }, names).fetch(`https://${host}:${stub.port}/json`);
  for (const allow of ['client.example.test', `client.example.test:${stub.port}`, '127.0.0.1/32', '127.0.0.0/8']) {
    assert.equal((await reach('client.example.test', [allow])).status, 200);
  }
  assert.equal((await reach('localhost', ['127.0.0.1'])).status, 200);
  assert.equal((await reach('localhost', ['localhost'])).status, 200);
  for (const allow of [
    'example.test',
    `client.example.test:${stub.port + 1}`,
    '127.0.0.2',
    '::1',
    'ient.example.test',
  ]) {
    assert.equal(await reasonOf(reach('client.example.test', [allow])), 'special_use');
  }
});

test('http reaches only a loopback address that is allowed', async () => {
  const server = createServer((_request, response) => response.end('plain')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const names = { 'internal.example.test': ['10.0.0.1'] };
  const allowing = createTestEgress({ outboundAllow: ['127.0.0.1', '10.0.0.0/8'] }, names);
  assert.equal((await allowing.fetch(`http://127.0.0.1:${port}/`)).body.toString(), 'plain');
  assert.equal(await reasonOf(allowing.fetch('http://internal.example.test/')), 'bad_url');
  const strict = createTestEgress({ outboundAllow: [] });
  assert.equal(await reasonOf(strict.fetch(`http://127.0.0.1:${port}/`)), 'special_use');
  server.close();
});

test('behind a proxy names are checked where they resolve, and the proxy connects', async () => {
  const tunnels: (string | undefined)[] = [];
  const proxy = createServer().on('connect', (request, socket) => {
    tunnels.push(request.url);
    const upstream = connect(stub.port, '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
    upstream.pipe(socket).on('error', () => {});
    socket.pipe(upstream).on('error', () => {});
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const outboundProxy = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const names = { 'client.example.test': ['93.184.215.14'], 'evil.example.test': ['10.0.0.1'] };
  const egress = createTestEgress({ outboundProxy }, names);
  assert.equal((await egress.fetch('https://client.example.test/json')).status, 200);
  assert.equal((await egress.fetch('https://shared.example.test/json')).status, 200, 'a name only the proxy knows');
  const withoutDns = createTestEgress({ outboundProxy, lookup: () => new Promise(() => {}) });
  assert.equal((await withoutDns.fetch('https://client.example.test/json')).status, 200);
  assert.equal(await reasonOf(egress.fetch('https://evil.example.test/json')), 'special_use');
  assert.equal(await reasonOf(egress.fetch('https://10.0.0.1/json')), 'special_use');
  assert.equal(await reasonOf(egress.fetch('http://shared.example.test/json')), 'bad_url');
  assert.equal((await egress.fetch(`https://127.0.0.1:${stub.port}/json`)).status, 200, 'loopback is direct');
  assert.deepEqual(tunnels, ['client.example.test:443', 'shared.example.test:443', 'client.example.test:443']);
  proxy.closeAllConnections();
  proxy.close();
});

test('closing ends what is under way and refuses the rest', async () => {
  const egress = createTestEgress();
  const hanging = reasonOf(egress.fetch(`https://127.0.0.1:${stub.port}/silent`));
  await sleep(50);
  egress.close();
  assert.equal(await hanging, 'timeout');
  assert.equal(await reasonOf(egress.fetch(`https://127.0.0.1:${stub.port}/json`)), 'busy');
});

test('no more than 64 requests are out at once', async () => {
  const egress = createTestEgress({ lookup: () => new Promise(() => {}) });
  const reasons = Array.from({ length: 70 }, () =>
    reasonOf(egress.fetch('https://a.example.test/', { timeoutMs: 200 })),
  );
  assert.equal((await Promise.all(reasons)).filter((reason) => reason === 'busy').length, 6);
});

test('a name nobody knows is unresolved also by the real resolver', async () => {
  const egress = createEgress({ outboundAllow: [] });
  const reason = await reasonOf(egress.fetch('https://nobody.invalid/', { timeoutMs: 1_500 }));
  assert.ok(['unresolved', 'timeout'].includes(reason), reason);
  assert.equal(await reasonOf(egress.fetch('https://localhost/')), 'special_use');
});
