/** What the official MCP SDK v2 client makes of our refusals: it must find back by itself, with a person where one is needed. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { revokeToken } from '../flow.ts';
import { createPerson } from '../person.ts';
import { approveInBrowser, createHost, type Host, type Visitor } from './host.ts';
import { passMinutes, startWithDemo, type WithDemo } from './with-demo.ts';

let consentry: WithDemo;
let person: Visitor;
let host: Host;
let client: Client;

before(async () => {
  consentry = await startWithDemo();
  person = { browser: createPerson(consentry.issuer), account: consentry.ana };
});
after(() => consentry?.close());

beforeEach(async () => {
  host = createHost();
  const waiting = await connect();
  await assert.rejects(waiting.connecting, UnauthorizedError);
  await finish(waiting.transport);
  const connected = await connect();
  await connected.connecting;
  client = connected.client;
  host.takeWire();
});

async function connect(using: typeof fetch = host.fetch) {
  const made = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
  const transport = new StreamableHTTPClientTransport(consentry.demoUrl, {
    authProvider: host.provider,
    fetch: using,
  });
  const connecting = made.connect(transport);
  connecting.catch(() => {});
  return { client: made, transport, connecting };
}

async function finish(transport: StreamableHTTPClientTransport): Promise<void> {
  const { answer } = await approveInBrowser(host, person);
  await transport.finishAuth(answer);
}

async function assertAskedAgain(): Promise<void> {
  const { count } = host.asked();
  await assert.rejects(client.callTool({ name: 'list_notes' }), UnauthorizedError);
  assert.equal(host.asked().count, count + 1);
  await finish(client.transport as StreamableHTTPClientTransport);
  assert.notEqual((await client.callTool({ name: 'list_notes' })).isError, true);
}

const linesOf = (wire: ReturnType<Host['takeWire']>) =>
  wire.map(({ line }) => line).filter((line) => !line.startsWith('GET'));

test('a client whose connection was revoked asks the person again, and works after the press', async () => {
  const { tokens, client: registered } = host.kept();
  await revokeToken(consentry, String(registered?.client_id), tokens?.refresh_token);
  passMinutes(11);
  await assertAskedAgain();
  assert.deepEqual(linesOf(host.takeWire()), ['POST /mcp 401', 'POST /token 400', 'POST /token 200', 'POST /mcp 200']);
});

test('a client whose registration is gone registers anew and asks the person', async () => {
  const before = String(host.kept().client?.client_id);
  await consentry.rooms.clients.revoke(before);
  passMinutes(11);
  await assertAskedAgain();
  assert.deepEqual(linesOf(host.takeWire()), [
    'POST /mcp 401',
    'POST /token 401',
    'POST /register 201',
    'POST /token 200',
    'POST /mcp 200',
  ]);
  assert.notEqual(host.kept().client?.client_id, before);
});

test('windows of one host that refresh at the same moment all go on, and so does the next refresh', async () => {
  const together = holdTokenRequests(3);
  const windows = await Promise.all(
    [1, 2, 3].map(async () => {
      const made = await connect(together);
      await made.connecting;
      return made.client;
    }),
  );
  for (let round = 0; round < 2; round += 1) {
    host.takeWire();
    const { count } = host.asked();
    passMinutes(11);
    const results = await Promise.all(windows.map((one) => one.callTool({ name: 'list_notes' })));
    for (const { isError } of results) assert.notEqual(isError, true);
    const wire = host.takeWire();
    const refreshes = wire.filter(({ form }) => form.get('grant_type') === 'refresh_token');
    assert.equal(refreshes.length, 3, 'each window refreshed on its own');
    assert.equal(new Set(refreshes.map(({ form }) => form.get('refresh_token'))).size, 1, 'with the same token');
    assert.equal(host.asked().count, count);
  }
});

/** Lets token requests go only when so many have come together. */
function holdTokenRequests(count: number): typeof fetch {
  let waiting: (() => void)[] = [];
  return async (input, init) => {
    if (String(input).endsWith('/token')) {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        if (waiting.length < count) return;
        for (const go of waiting) go();
        waiting = [];
      });
    }
    return host.fetch(input, init);
  };
}
