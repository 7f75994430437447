/** The guard as people install it: packed, installed without network in an empty project, running the lines of docs/guard.md. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { extractWWWAuthenticateParams } from '@modelcontextprotocol/client';
import { buildGuard } from '../../scripts/build-guard.ts';
import { freePorts } from '../free-ports.ts';
import { type FakeIssuer, startFakeIssuer } from './fake-issuer.ts';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');
let project: string;
let issuer: FakeIssuer;

before(async () => {
  project = await mkdtemp(path.join(tmpdir(), 'guard-project-'));
  issuer = await startFakeIssuer();
  const tarball = await buildGuard(path.join(project, 'packed'));
  await writeFile(path.join(project, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }');
  const jose = path.join(root, 'node_modules/jose');
  await npm('install', '--offline', '--no-audit', '--no-fund', '--no-package-lock', tarball, jose);
  // The SDKs come from the checkout; the guard and jose are those of the project.
  for (const name of ['@modelcontextprotocol', 'zod', '@types']) {
    await symlink(path.join(root, 'node_modules', name), path.join(project, 'node_modules', name));
  }
});
after(async () => {
  await issuer.close();
  await rm(project, { recursive: true, force: true });
});

const npm = (...args: string[]) => run('npm', args, { cwd: project });

test('the package is plain JavaScript with types, and needs jose alone', async () => {
  const installed = path.join(project, 'node_modules/consentry');
  const manifest = JSON.parse(await readFile(path.join(installed, 'package.json'), 'utf8'));
  assert.deepEqual(Object.keys(manifest.dependencies), ['jose']);
  assert.deepEqual(Object.keys(manifest.exports), ['./guard']);
  const lock = JSON.parse(await readFile(path.join(project, 'node_modules/.package-lock.json'), 'utf8'));
  const names = Object.keys(lock.packages).map((name) => path.basename(name));
  assert.deepEqual([...new Set(names)].sort(), ['consentry', 'jose']);
  const files = await readdir(installed, { recursive: true });
  for (const file of ['LICENSE', 'README.md', 'guard/index.js', 'guard/index.d.ts'])
    assert.ok(files.includes(file), file);
  for (const file of files.filter((name) => name.endsWith('.js'))) {
    const source = await readFile(path.join(installed, file), 'utf8');
    const imports = [...source.matchAll(/from '([^']+)'/g)].map(([, from]) => from);
    assert.ok(
      imports.every((from) => from === 'jose' || /^\.\/[\w-]+\.js$/.test(from ?? '')),
      `${file}: ${imports}`,
    );
  }
});

test('the lines of the documentation fit the types of guard and SDKs', async () => {
  const files = ['checked-v1.ts', 'checked-v2.ts'];
  for (const file of files) {
    await writeFile(path.join(project, file), await documentedLines(file.slice(8, 10), 'http://127.0.0.1:1/mcp'));
  }
  const options = [
    '--ignoreConfig',
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    '--module',
    'nodenext',
    '--types',
    'node',
  ];
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const { stdout } = await run(process.execPath, [tsc, ...options, ...files], { cwd: project }).catch(
    (failed) => failed,
  );
  assert.equal(stdout, '');
});

for (const sdk of ['v2', 'v1']) {
  test(`the lines of the documentation for SDK ${sdk} protect a server`, async (t) => {
    const [port] = await freePorts(1);
    const url = `http://127.0.0.1:${port}/mcp`;
    await writeFile(path.join(project, `${sdk}.ts`), await documentedLines(sdk, url));
    const child = spawn(process.execPath, [`${sdk}.ts`], { cwd: project, stdio: ['ignore', 'inherit', 'inherit'] });
    t.after(() => child.kill());
    const refused = await firstAnswer(url, child);
    assert.equal(refused.status, 401);
    const { resourceMetadataUrl, scope } = extractWWWAuthenticateParams(refused);
    assert.equal(scope, 'notes:read');
    const document = (await (await fetch(resourceMetadataUrl ?? '')).json()) as Record<string, unknown>;
    assert.equal(document.resource, url);
    assert.deepEqual(document.authorization_servers, [issuer.issuer]);

    const served = await callTool(url, issuer.token(url));
    assert.equal(served.status, 200);
    assert.match(await served.text(), /person-1/);
    assert.equal((await callTool(url, issuer.token(url, { claims: { scope: 'other' } }))).status, 403);
    assert.equal((await callTool(url, issuer.token('https://other.example/mcp'))).status, 401);
  });
}

/** The code block as printed, with the addresses of this test, and for v1 the handler that it leaves to the reader. */
async function documentedLines(sdk: string, url: string): Promise<string> {
  const text = await readFile(path.join(project, 'node_modules/consentry/README.md'), 'utf8');
  const lines = new RegExp(`\`\`\`ts ${sdk}\\n(.*?)\`\`\``, 's').exec(text)?.[1] ?? assert.fail(`no lines for ${sdk}`);
  const { port } = new URL(url);
  const here = lines
    .replaceAll('https://auth.example.com', issuer.issuer)
    .replaceAll('https://notes.example.com/mcp', url)
    .replaceAll("'notes.example.com'", "'127.0.0.1'")
    .replaceAll('3000', port);
  return sdk === 'v2' ? here : here + handlerV1(port);
}

const handlerV1 = (port: string) => `
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { personOf } from 'consentry/guard';
app.post('/mcp', async (req, res) => {
  const server = new McpServer({ name: 'notes', version: '1.0.0' });
  server.registerTool('list_notes', {}, ({ authInfo }) => ({ content: [{ type: 'text', text: String(personOf(authInfo)) }] }));
  const transport = new StreamableHTTPServerTransport({});
  await server.connect(transport);
  await transport.handleRequest(req, res, req.body);
});
app.listen(${port}, '127.0.0.1');
`;

function callTool(url: string, token?: string): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'list_notes', arguments: {} },
    }),
  });
}

async function firstAnswer(url: string, child: ChildProcess): Promise<Response> {
  for (let attempt = 0; attempt < 200 && child.exitCode === null; attempt += 1) {
    try {
      return await callTool(url);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return assert.fail(
    child.exitCode === null ? 'the server does not answer' : `the server ended with ${child.exitCode}`,
  );
}
