/** Logos that deceive, spy or attack (threat 78), and from where they may be fetched at all (threat 7). */
import assert from 'node:assert/strict';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import Koa, { type Middleware } from 'koa';
import { createLogos } from '../../src/clients/logo.ts';
import { createLogoStore } from '../../src/clients/logo-store.ts';
import { readPicture } from '../../src/clients/picture.ts';
import { logoRoutes } from '../../src/logos.ts';
import { createEgress } from '../../src/web/egress.ts';
import { type HttpsStub, startHttpsStub, testCaFile } from '../https-stub.ts';
import { openKnownClients } from './known-clients.ts';
import { chunk, jpeg, png, webp } from './pictures.ts';

const SCRIPT = '<script>alert(1)</script>';
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">${SCRIPT}</svg>`;

const CLIENT = 'https://client.example.test/c.json';
const CALLBACK = 'https://client.example.test/cb';
const DAY_MS = 86_400_000;

const answers: Record<string, RequestListener> = {
  '/logo.png': (_request, response) => response.setHeader('content-type', 'image/png').end(png()),
  '/other.jpg': (_request, response) => response.setHeader('content-type', 'image/jpeg; q=1').end(jpeg),
  '/logo.webp': (_request, response) => response.setHeader('content-type', 'image/webp').end(webp),
  '/logo.svg': (_request, response) => response.setHeader('content-type', 'image/svg+xml').end(SVG),
  '/svg.png': (_request, response) => response.setHeader('content-type', 'image/png').end(SVG),
  '/html.png': (_request, response) => response.setHeader('content-type', 'image/png').end(SCRIPT),
  '/png.html': (_request, response) => response.setHeader('content-type', 'text/html').end(png()),
  '/untyped.png': (_request, response) => response.end(png()),
  '/jpeg.png': (_request, response) => response.setHeader('content-type', 'image/png').end(jpeg),
  '/large.png': (_request, response) =>
    response.setHeader('content-type', 'image/png').end(png({ between: [chunk('tEXt', Buffer.alloc(512 * 1024))] })),
  '/wide.png': (_request, response) => response.setHeader('content-type', 'image/png').end(png({ width: 1_025 })),
  '/moved.png': (_request, response) => response.writeHead(302, { location: '/logo.png' }).end(),
  '/error.png': (_request, response) => response.writeHead(500, { 'content-type': 'image/png' }).end(png()),
};

describe('a logo', () => {
  let world: Awaited<ReturnType<typeof openKnownClients>>;
  let stub: HttpsStub;
  let app: Server;
  let asked: string[];
  let refusals: string[];
  let logos: ReturnType<typeof createProcess>;
  before(async () => {
    world = await openKnownClients();
    stub = await startHttpsStub((request, response) => {
      asked.push(request.url ?? '');
      (answers[request.url ?? ''] ?? ((_, missing) => missing.writeHead(404).end()))(request, response);
    });
    const routes = logoRoutes({ logos: { find: (digest) => logos.find(digest) } }).routes();
    app = new Koa().use(routes as unknown as Middleware).listen(0, '127.0.0.1');
  });
  beforeEach(() => {
    asked = [];
    refusals = [];
    logos = createProcess();
  });
  afterEach(() => world.empty());
  after(async () => {
    app.close();
    await stub.close();
    await world.close();
  });

  function createProcess() {
    const addresses: Record<string, string> = {
      'client.example.test': '127.0.0.1',
      'metadata.example.test': '169.254.169.254',
      'nat64.example.test': '64:ff9b::7f00:1',
    };
    const egress = createEgress({
      outboundCaFile: testCaFile,
      outboundAllow: [`client.example.test:${stub.port}`],
      lookup: async (name) => {
        const address = addresses[name] ?? '10.0.0.1';
        return [{ address, family: address.includes(':') ? 6 : 4 }];
      },
    });
    const log = { info: ({ reason }: { reason: string }) => refusals.push(reason) };
    return createLogos({ egress, store: createLogoStore(world), now: world.now, log: log as never });
  }
  const at = (path: string) => `https://client.example.test:${stub.port}${path}`;
  const fetchPath = (path: string) => fetch(`http://127.0.0.1:${(app.address() as AddressInfo).port}${path}`);
  async function approved(path = '/logo.png', clientId = CLIENT) {
    await world.addClient(
      clientId,
      { client_name: 'Claude', logo_uri: path.startsWith('/') ? at(path) : path },
      'document',
    );
    await world.approve(clientId, CALLBACK);
  }

  it('is fetched once for an approved client, however many processes ask and however often', async () => {
    await approved();
    assert.equal(await logos.pathOf(CLIENT), undefined);
    await Promise.all([logos, createProcess(), createProcess()].map((one) => one.refresh()));
    for (const ms of [0, 60_000, 40 * DAY_MS]) {
      world.pass(ms);
      await logos.refresh();
    }
    assert.deepEqual(asked, ['/logo.png']);
    assert.match((await logos.pathOf(CLIENT)) ?? '', /^\/logos\/[\w-]{43}$/);
  });

  it('that several processes found missing at the same instant is asked for by one of them', async () => {
    await approved('/missing.png');
    const store = createLogoStore(world);
    for (const turn of ['never asked for', 'refused a day ago']) {
      const [found] = await store.listApproved();
      assert.ok(found, turn);
      const claims = await Promise.all(Array.from({ length: 5 }, () => store.claim(found)));
      assert.equal(claims.filter(Boolean).length, 1, turn);
      world.pass(DAY_MS);
    }
  });

  it('is served from our own origin as what it is, and can do nothing there', async () => {
    for (const [path, type] of [
      ['/logo.png', 'image/png'],
      ['/other.jpg', 'image/jpeg'],
      ['/logo.webp', 'image/webp'],
    ] as const) {
      await approved(path);
      await logos.refresh();
      const response = await fetchPath((await logos.pathOf(CLIENT)) ?? '');
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('content-type'), type);
      assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
      assert.equal(response.headers.get('content-security-policy'), "default-src 'none'; sandbox");
      assert.equal(response.headers.get('cross-origin-resource-policy'), 'same-origin');
      assert.equal(response.headers.get('cache-control'), 'public, max-age=31536000, immutable');
      assert.equal(response.headers.get('set-cookie'), null);
      assert.ok(readPicture(Buffer.from(await response.arrayBuffer())).ok);
      await world.empty();
    }
  });

  it('that nobody has is not found', async () => {
    for (const name of ['x'.repeat(43), 'x', '..%2f..%2fetc%2fpasswd', '%00', `${'x'.repeat(43)}.png`]) {
      assert.equal((await fetchPath(`/logos/${name}`)).status, 404, name);
    }
  });

  it('of a client that was not approved for everyone is not fetched', async () => {
    const stated = { client_name: 'Claude', logo_uri: at('/logo.png') };
    await world.addClient('r1', stated, 'dynamic');
    await world.consent('r1', CALLBACK);
    await world.addClient('r2', stated, 'dynamic');
    await world.approve('r2', CALLBACK, { audience: 'person' });
    await world.addClient('r3', stated, 'dynamic');
    await world.approve('r3', CALLBACK, { expiresAt: world.now() });
    await logos.refresh();
    assert.deepEqual(asked, []);
  });

  it('of a client that an administrator made is shown', async () => {
    await world.addClient('s1', { client_name: 'Gateway', logo_uri: at('/logo.png') }, 'static');
    await logos.refresh();
    assert.ok(await logos.pathOf('s1'));
  });

  const gone: [string, () => Promise<unknown>][] = [
    [
      'whose approval was withdrawn',
      () => world.prisma.approvalRequest.updateMany({ data: { state: 'withdrawn', audience: null } }),
    ],
    [
      'that is approved for one person only since',
      () => world.prisma.approvalRequest.updateMany({ data: { audience: 'person' } }),
    ],
    ['whose approval has run out', async () => world.pass(91 * DAY_MS)],
    ['that calls itself something else since', () => world.change(CLIENT, { client_name: 'Contoso Bank' })],
    ['that proves itself in another way since', () => world.change(CLIENT, { jwks_uri: 'https://evil.example/jwks' })],
    ['that was revoked', () => world.prisma.client.update({ where: { id: CLIENT }, data: { revokedAt: world.now() } })],
    ['that states none since', () => world.change(CLIENT, { logo_uri: undefined })],
    ['that states another since', () => world.change(CLIENT, { logo_uri: at('/other.jpg') })],
  ];
  for (const [which, happens] of gone) {
    it(`of a client ${which} is shown no more`, async () => {
      await approved();
      await logos.refresh();
      const path = (await logos.pathOf(CLIENT)) ?? '';
      assert.equal((await fetchPath(path)).status, 200);
      await happens();
      assert.equal(await logos.pathOf(CLIENT), undefined);
      assert.equal((await fetchPath(path)).status, 404);
    });
  }

  it('at another address is fetched in its turn, but not oftener than hourly', async () => {
    await approved();
    await logos.refresh();
    const before = await logos.pathOf(CLIENT);
    await world.change(CLIENT, { logo_uri: at('/other.jpg') });
    await logos.refresh();
    assert.deepEqual(asked, ['/logo.png']);
    world.pass(60 * 60_000);
    await logos.refresh();
    assert.deepEqual(asked, ['/logo.png', '/other.jpg']);
    assert.notEqual(await logos.pathOf(CLIENT), before);
  });

  it('that two clients share is shown for each, and lost by each for itself', async () => {
    const other = 'https://client.example.test/other.json';
    await approved();
    await approved('/logo.png', other);
    await logos.refresh();
    assert.ok(await logos.pathOf(CLIENT));
    await world.change(CLIENT, { client_name: 'Contoso Bank' });
    assert.equal(await logos.pathOf(CLIENT), undefined);
    assert.ok(await logos.pathOf(other));
  });

  const refused: [string, string, string][] = [
    ['is SVG', '/logo.svg', 'unknown_format'],
    ['is SVG that is called PNG', '/svg.png', 'unknown_format'],
    ['is HTML that is called PNG', '/html.png', 'unknown_format'],
    ['is served as HTML', '/png.html', 'other_type'],
    ['is served as nothing', '/untyped.png', 'other_type'],
    ['is served as another picture', '/jpeg.png', 'other_type'],
    ['is too large', '/large.png', 'too_large'],
    ['has too many pixels', '/wide.png', 'too_many_pixels'],
    ['is somewhere else', '/moved.png', 'bad_status'],
    ['comes with an error', '/error.png', 'bad_status'],
    ['is not there', '/missing.png', 'bad_status'],
    ['is on a private address', 'https://10.0.0.1/logo.png', 'special_use'],
    ['is on an address that resolves inside', 'https://metadata.example.test/logo.png', 'special_use'],
    ['is on an address that is translated inside', 'https://nat64.example.test/logo.png', 'special_use'],
    ['is on our own machine', 'https://[::ffff:127.0.0.1]/logo.png', 'special_use'],
    ['needs a password', 'https://a:b@client.example.test/logo.png', 'bad_url'],
  ];
  for (const [why, path, reason] of refused) {
    it(`that ${why} is refused, and not asked for again for a day`, async () => {
      await approved(path);
      await logos.refresh();
      await logos.refresh();
      assert.deepEqual(refusals, [reason]);
      assert.equal(await logos.pathOf(CLIENT), undefined);
      assert.ok(asked.length <= 1 && !asked.includes('/logo.png'));
      world.pass(DAY_MS);
      await logos.refresh();
      assert.equal(refusals.length, 2);
    });
  }

  it('by http is not even asked for', async () => {
    await approved('http://client.example.test/logo.png');
    await logos.refresh();
    assert.deepEqual([asked, refusals], [[], []]);
  });
});
