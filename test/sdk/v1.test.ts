/** The main job with the first generation of the official SDK, which many clients still carry. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { decodeJwt } from 'jose';
import { createPerson } from '../person.ts';
import { approveInBrowser, createHost, HOST_NAME, type Visitor } from './host.ts';
import { passMinutes, startWithDemo, type WithDemo } from './with-demo.ts';

let consentry: WithDemo;
let person: Visitor;
let client: Client;
let transport: StreamableHTTPClientTransport;
const host = createHost();

before(async () => {
  consentry = await startWithDemo();
  person = { browser: createPerson(consentry.issuer), account: consentry.ana };
});
after(async () => {
  await client?.close();
  await consentry?.close();
});

async function connect(): Promise<void> {
  client = new Client({ name: 'test', version: '1.0.0' });
  transport = new StreamableHTTPClientTransport(consentry.demoUrl, { authProvider: host.provider, fetch: host.fetch });
  await client.connect(transport);
}

async function finish(): Promise<string> {
  const { consentPage, answer } = await approveInBrowser(host, person);
  await transport.finishAuth(String(answer.get('code')));
  return consentPage;
}

const createNote = () => client.callTool({ name: 'create_note', arguments: { title: 'Milk', text: 'and bread' } });
const scopeOf = () => String(decodeJwt(String(host.kept().tokens?.access_token)).scope).split(' ');
const isForbidden = (error: { code?: number }) => error.code === 403;

it('a v1 client registers, is approved and calls a tool', async () => {
  await assert.rejects(connect(), UnauthorizedError);
  assert.equal(host.asked().last.searchParams.get('scope'), 'notes:read');
  assert.ok((await finish()).includes(HOST_NAME));
  await connect();
  assert.equal((await client.listTools()).tools.length, 5);
  const { isError } = await client.callTool({ name: 'list_notes' });
  assert.notEqual(isError, true);
  assert.ok(host.kept().tokens?.refresh_token, 'a refresh token although offline_access was not asked for');
});

it('a refresh of a v1 client widens nothing, a press does', async () => {
  // v1 answers every scope challenge with a refresh while it holds a refresh token.
  host.takeWire();
  await assert.rejects(createNote(), isForbidden);
  assert.ok(host.takeWire().some(({ form }) => form.get('grant_type') === 'refresh_token'));
  assert.ok(!scopeOf().includes('notes:write'));

  host.forgetRefreshToken();
  await connect();
  await assert.rejects(createNote(), UnauthorizedError);
  assert.ok((await finish()).includes('Create and change your notes'));
  await createNote();
  assert.ok(scopeOf().includes('notes:read') && scopeOf().includes('notes:write'));
});

it('a v1 client refreshes by itself when its access token has expired', async () => {
  host.takeWire();
  const { last } = host.asked();
  passMinutes(11);
  assert.notEqual((await client.callTool({ name: 'list_notes' })).isError, true);
  assert.deepEqual(
    host
      .takeWire()
      .map(({ line }) => line)
      .filter((line) => !line.startsWith('GET')),
    ['POST /mcp 401', 'POST /token 200', 'POST /mcp 200'],
  );
  assert.equal(host.asked().last, last);
});
