/** What a newcomer meets: `npm start` in a checkout, Ctrl-C, a crash, a second one by mistake, wrong variables. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { access, readFile, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createTestDatabase } from '../database.ts';
import { approve, authorizationUrl, registerClient, signIn, tokenRequest } from '../flow.ts';
import { freePorts } from '../free-ports.ts';
import { sql } from '../harness.ts';
import { createPerson } from '../person.ts';
import { createInstallation, type Installation, isGroupAlive, isListening, type Running } from './installation.ts';

let place: Installation;
let running: Running;
let password = '';
before(async () => {
  place = await createInstallation();
});
after(() => place?.remove());

const passwordFile = () => join(place.dataDir, 'first-administrator.txt');

async function assertNothingLeft(group: number, postmaster: number): Promise<void> {
  assert.equal(await isGroupAlive(group), false, 'a process of ours is left');
  assert.equal(await isGroupAlive(postmaster), false, 'the database is left');
  for (const port of place.ports) assert.equal(await isListening(port), false, `port ${port}`);
}

test('npm start says where everything is, keeps the password in a private file, and SIGTERM to npm stops it all', async () => {
  running = place.start('npm');
  const output = await running.ready();
  for (const told of [place.issuer, place.demoUrl, passwordFile(), `mcp add --transport http`]) {
    assert.ok(output.includes(told), `${told} in:\n${output}`);
  }
  assert.match(output, new RegExp(`^Consentry is ready at ${place.issuer}$`, 'm'));
  assert.equal((await stat(passwordFile())).mode & 0o777, 0o600);
  password = /Password: (\S+)/.exec(await readFile(passwordFile(), 'utf8'))?.[1] ?? '';
  assert.match(password, /^[a-z2-9]{5}(-[a-z2-9]{5}){3}$/);
  assert.ok(!output.includes(password));

  const postmaster = await place.postmaster();
  await running.stop('SIGTERM');
  await assertNothingLeft(running.pid, postmaster);
});

test('a later npm start keeps the password, and Ctrl-C stops it all', async () => {
  running = place.start('npm');
  assert.ok((await running.ready()).includes(passwordFile()));
  assert.ok((await readFile(passwordFile(), 'utf8')).includes(password));
  const postmaster = await place.postmaster();
  await running.interrupt();
  await assertNothingLeft(running.pid, postmaster);
});

test('kill -9 in the middle of a flow loses nothing: sign-in page, consent page, code and tokens stay good', async () => {
  running = place.start();
  await running.ready();
  const { client_id } = await registerClient(place.issuer);
  const asking = { issuer: place.issuer, mail: { uri: place.demoUrl, clientId: '', clientSecret: '' } };
  const { url, verifier, redirectUri } = authorizationUrl(asking, client_id);
  const person = createPerson(place.issuer);
  const connectPage = await person.open(url);
  await crash();
  const consentPage = await signIn(person, connectPage, { email: 'admin@localhost', password });
  assert.ok(consentPage.html.includes('Demo notes'), consentPage.html);
  await crash();
  const { left } = await approve(person, consentPage);
  const code = left?.searchParams.get('code') ?? undefined;
  assert.ok(code, left?.href);
  await crash();
  const grant = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirectUri };
  const tokens = await tokenRequest(place.issuer, { client_id, ...grant });
  assert.equal(tokens.status, 200, JSON.stringify(tokens.body));
  await crash();
  assert.equal(await callDemo(tokens.body.access_token), 200);
  const { refresh_token } = tokens.body;
  const refreshed = await tokenRequest(place.issuer, { client_id, grant_type: 'refresh_token', refresh_token });
  assert.equal(refreshed.status, 200, JSON.stringify(refreshed.body));
});

async function crash(): Promise<void> {
  const left = await place.postmaster();
  await running.stop('SIGKILL');
  assert.equal(await isGroupAlive(left), true, 'the database outlives a crash');
  running = place.start();
  await running.ready();
  assert.equal(await isGroupAlive(left), false, 'and is replaced by the next start');
}

async function callDemo(accessToken: string | undefined): Promise<number> {
  const response = await fetch(place.demoUrl, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${accessToken}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'list_notes', arguments: {} },
    }),
  });
  return response.status;
}

test('a second one in the same directory says so, ends with 1, and leaves the first alone', async () => {
  const postmaster = await place.postmaster();
  const [port, demoPort] = await freePorts(2);
  const second = await place.start('node', { PORT: String(port), DEMO_PORT: String(demoPort) }).exit;
  assert.equal(second.code, 1);
  assert.ok(second.output.startsWith(`Another Consentry is using ${place.dataDir}.`), second.output);
  assert.equal(await place.postmaster(), postmaster);
  assert.equal((await fetch(`${place.issuer}/.well-known/oauth-authorization-server`)).status, 200);
  await registerClient(place.issuer);
});

test('a port that is taken is named, and the first one goes on', async () => {
  const database = await createTestDatabase();
  const elsewhere = { DATABASE_URL: database.url, DATA_DIR: join(place.dataDir, 'second') };
  const second = await place.start('node', elsewhere).exit;
  await database.drop();
  assert.equal(second.code, 1);
  assert.ok(second.output.startsWith(`Port ${place.ports[0]} is in use.`), second.output);
  await registerClient(place.issuer);
});

test('SIGTERM ends it with 0 and leaves nothing behind', async () => {
  const postmaster = await place.postmaster();
  assert.equal((await running.stop('SIGTERM')).code, 0);
  await assertNothingLeft(running.pid, postmaster);
});

test('a bad configuration is told in full at once, and nothing is started', async () => {
  const dataDir = join(place.dataDir, 'never');
  const env = { DATA_DIR: dataDir, PORT: 'eighty', LOG_LEVEL: 'loud', ISSUER: 'http://auth.example.com/' };
  const { code, output } = await place.start('node', env).exit;
  assert.equal(code, 1);
  for (const name of ['PORT', 'LOG_LEVEL', 'ISSUER', 'DATABASE_URL', 'MASTER_KEY']) {
    assert.match(output, new RegExp(`^ +${name} `, 'm'), output);
  }
  assert.doesNotMatch(output, /^ +at /m);
  await assert.rejects(access(dataDir));
});

test('a file of connections that is wrong is told in full before anything is started; a right one is in the database', async () => {
  const dataDir = join(place.dataDir, 'connected');
  const path = join(place.dataDir, 'connections.json');
  const connection = {
    id: 'idp',
    kind: 'oidc',
    issuer: 'https://idp.example.com',
    client_id: 'x',
    client_secret_env: 'IDP_SECRET',
  };
  const start = async (entries: object[], env: Record<string, string>) => {
    await writeFile(path, JSON.stringify(entries));
    return place.start('node', { DATA_DIR: dataDir, CONNECTIONS_FILE: path, IDP_SECRET: 'sealed-from-now-on', ...env })
      .exit;
  };
  const wrong = await start(
    [
      { ...connection, id: 'No' },
      { id: 'two', kind: 'saml' },
    ],
    {},
  );
  assert.equal(wrong.code, 1);
  for (const problem of [/\(No\): id must be/, /\(two\): kind must be/]) assert.match(wrong.output, problem);
  await assert.rejects(access(dataDir));

  const database = await createTestDatabase();
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as AddressInfo;
  const right = await start([connection], { DATABASE_URL: database.url, PORT: String(port) });
  // The variable is lost: what it named stays, and is not for anybody's passwords to replace.
  const lost = await place.start('node', { DATA_DIR: dataDir, DATABASE_URL: database.url, PORT: String(port) }).exit;
  holder.close();
  assert.match(right.output, /is in use/);
  assert.match(lost.output, /CONNECTIONS_FILE is not set: its connections stay/);
  const living = 'SELECT id, origin, c::text AS all FROM connections c WHERE removed_at IS NULL';
  const rows = await sql({ databaseUrl: database.url }, living);
  await database.drop();
  assert.deepEqual([rows.length, rows[0]?.id, rows[0]?.origin], [1, 'idp', 'configuration']);
  assert.ok(!String(rows[0]?.all).includes('sealed-from-now-on'));
});
