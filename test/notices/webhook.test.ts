/** Notices to a program (Standard Webhooks 1.0.0), over real HTTP. */
import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createSinks } from '../../src/notices/sinks.ts';
import { startHttpsStub, testCaFile } from '../https-stub.ts';
import { connected, ISSUER, type Outbox, openOutbox } from './fixture.ts';

const secret = randomBytes(32);

interface Received {
  method: string | undefined;
  path: string | undefined;
  headers: IncomingHttpHeaders;
  body: string;
}

describe('a webhook', () => {
  let outbox: Outbox;
  let server: Server;
  let url: string;
  let received: Received[] = [];
  /** Of the answers that follow, one each; then 204. */
  let answers: { status: number; headers?: Record<string, string>; body?: string }[] = [];
  before(async () => {
    outbox = await openOutbox();
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { method, url: path, headers } = request;
      received.push({ method, path, headers, body: Buffer.concat(chunks).toString('utf8') });
      const { status, headers: said = {}, body } = answers.shift() ?? { status: 204 };
      response.writeHead(status, said).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?for=ops`;
  });
  after(async () => {
    server?.close();
    server?.closeAllConnections();
    await outbox?.close();
  });
  beforeEach(async () => {
    await outbox.empty();
    received = [];
    answers = [];
  });

  function delivery(to = url, settings: { outboundCaFile?: string } = {}) {
    return outbox.delivery(createSinks({ issuer: ISSUER, webhook: { url: to, secret }, ...settings }, outbox.now));
  }

  /** As a receiver does it, from the specification. */
  function isGenuine({ headers, body }: Received): boolean {
    const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
    const expected = createHmac('sha256', secret).update(content).digest('base64');
    return headers['webhook-signature'] === `v1,${expected}`;
  }

  test('is posted JSON with a signature that verifies, under the id of its row', async () => {
    await outbox.notices('webhook').appConnected({ ...connected, clientName: 'Café 「クロード」' });
    const [row] = await outbox.rows();
    assert.equal(await delivery().deliver(), 1);
    const [only, ...more] = received;
    assert.ok(only);
    assert.deepEqual(more, []);
    assert.deepEqual([only.method, only.path], ['POST', '/hook?for=ops']);
    assert.equal(only.headers['content-type'], 'application/json');
    assert.equal(only.headers['webhook-id'], row?.id);
    assert.equal(only.headers['webhook-timestamp'], String(outbox.now().getTime() / 1_000));
    assert.ok(isGenuine(only));
    assert.ok(!isGenuine({ ...only, body: only.body.replace('ana', 'bob') }));
    assert.deepEqual(JSON.parse(only.body), {
      id: row?.id,
      type: 'app.connected',
      occurred_at: '2026-11-24T12:00:00.000Z',
      data: {
        account: { id: 'ana', email: 'ana@contoso.test' },
        resource: { name: 'Mail' },
        client: { id: connected.clientId, name: 'Café 「クロード」' },
        redirect_host: 'claude.example',
        scopes: ['mail:read'],
      },
    });
  });

  test('that answers 500 is told again with the same id and body, and a fresh signature', async () => {
    answers = [{ status: 500 }, { status: 200, body: 'x'.repeat(100_000) }];
    await outbox.notices('webhook').appConnected(connected);
    assert.equal(await delivery().deliver(), 0);
    assert.equal((await outbox.rows())[0]?.lastError, 'status 500');
    outbox.passMinutes(1);
    assert.equal(await delivery().deliver(), 1);
    const [first, second] = received;
    assert.ok(first && second && isGenuine(first) && isGenuine(second));
    assert.equal(second.headers['webhook-id'], first.headers['webhook-id']);
    assert.equal(second.body, first.body);
    assert.equal(Number(second.headers['webhook-timestamp']) - Number(first.headers['webhook-timestamp']), 60);
    assert.notEqual(second.headers['webhook-signature'], first.headers['webhook-signature']);
  });

  test('that answers 410 is told no more of it', async () => {
    answers = [{ status: 410 }];
    await outbox.notices('webhook').appConnected(connected);
    await delivery().deliver();
    outbox.passMinutes(600);
    await delivery().deliver();
    assert.equal(received.length, 1);
    assert.ok((await outbox.rows())[0]?.failedAt);
  });

  test('that redirects is not followed: what is in a notice goes where the operator said', async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      answers.push({ status, headers: { location: url.replace('/hook', '/elsewhere') } });
      await outbox.notices('webhook').appConnected(connected);
    }
    assert.equal(await delivery().deliver(), 0);
    assert.equal(received.length, 5);
    assert.ok(received.every(({ path }) => path === '/hook?for=ops'));
    assert.ok((await outbox.rows()).every(({ lastError }) => lastError?.startsWith('status 30')));
  });

  test('that cannot be reached leaves a reason without its address', async () => {
    await outbox.notices('webhook').appConnected(connected);
    await delivery('http://127.0.0.1:1/hook?token=hunter2').deliver();
    assert.equal((await outbox.rows())[0]?.lastError, 'connection ECONNREFUSED');
    assert.doesNotMatch(outbox.logged.join('\n'), /hunter2|127\.0\.0\.1/);
  });

  test('over https is reached at a private address without opening it to strangers, and its certificate is checked', async () => {
    const stub = await startHttpsStub((request, response) => {
      received.push({ method: request.method, path: request.url, headers: request.headers, body: '' });
      request.resume().on('end', () => response.writeHead(200).end());
    });
    try {
      await outbox.notices('webhook').appConnected(connected);
      assert.equal(await delivery(`${stub.url}/hook`).deliver(), 0);
      assert.match((await outbox.rows())[0]?.lastError ?? '', /^connection [A-Z_]*(CERT|SIGNATURE)[A-Z_]*$/);
      outbox.passMinutes(1);
      assert.equal(await delivery(`${stub.url}/hook`, { outboundCaFile: testCaFile }).deliver(), 1);
      assert.equal(received.length, 1);
    } finally {
      await stub.close();
    }
  });
});
