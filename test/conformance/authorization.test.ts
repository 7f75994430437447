/** The official MCP conformance suite against this authorization server, with a person where it asks for one. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { approve, registerClient, signIn } from '../flow.ts';
import { freePorts } from '../free-ports.ts';
import { type Consentry, startConsentry } from '../harness.ts';
import { createPerson } from '../person.ts';

const suite = fileURLToPath(new URL('../../node_modules/@modelcontextprotocol/conformance/', import.meta.url));

let consentry: Consentry;
let results: string;
before(async () => {
  results = await mkdtemp(join(tmpdir(), 'consentry-conformance-'));
  consentry = await startConsentry();
});
after(async () => {
  await consentry?.close();
  await rm(results, { recursive: true, force: true });
});

test('the suite is the version whose checks are counted here', async () => {
  const { version } = JSON.parse(await readFile(join(suite, 'package.json'), 'utf8'));
  assert.equal(version, '0.2.0-alpha.12');
});

for (const specVersion of ['2025-11-25', '2026-07-28']) {
  test(`every check of the suite for an authorization server of MCP ${specVersion} succeeds`, async () => {
    const { code, output, checks } = await runSuite(specVersion);
    assert.equal(code, 0, output);
    assert.deepEqual(checks, [
      'authorization-code-grant SUCCESS',
      'authorization-server-metadata SUCCESS',
      'authorization-server-metadata-cimd SUCCESS',
    ]);
  });
}

/** Both scenarios in one run, because the second reads what the first found. */
async function runSuite(specVersion: string) {
  const client = await registerClient(consentry.issuer, { client_name: 'Conformance suite' });
  const [port] = await freePorts(1);
  const outputDirectory = join(results, specVersion);
  const options = {
    url: consentry.issuer,
    'client-id': client.client_id,
    resource: consentry.mail.uri,
    port,
    'spec-version': specVersion,
    'output-dir': outputDirectory,
  };
  const words = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(process.execPath, [join(suite, 'dist/index.js'), 'authorization', ...words]);
  const exit = once(child, 'exit');
  try {
    const output = await attend(child.stdout, child.stderr);
    const [code] = await exit;
    return { code, output, checks: await readChecks(outputDirectory) };
  } finally {
    child.kill('SIGKILL');
  }
}

/** Reads along; once the suite listens for the answer, visits the address it printed. */
async function attend(stdout: Readable, stderr: Readable): Promise<string> {
  let output = '';
  let visited = false;
  stderr.on('data', (text) => {
    output += text;
  });
  for await (const text of stdout) {
    output += text;
    if (visited || !output.includes('Callback server started')) continue;
    visited = true;
    await visit(output.split('\n').find((line) => line.startsWith(consentry.issuer)) ?? '');
  }
  return output;
}

async function visit(authorizationUrl: string): Promise<void> {
  const person = createPerson(consentry.issuer);
  const page = await signIn(person, await person.open(authorizationUrl), consentry.ana);
  const done = await approve(person, page);
  assert.ok(done.left, done.html);
  await fetch(done.left);
}

/** A folder per scenario. */
async function readChecks(directory: string): Promise<string[]> {
  const lines: string[] = [];
  for (const scenario of await readdir(directory)) {
    const checks = JSON.parse(await readFile(join(directory, scenario, 'checks.json'), 'utf8'));
    lines.push(...checks.map(({ id, status }: { id: string; status: string }) => `${id} ${status}`));
  }
  return lines.sort();
}
