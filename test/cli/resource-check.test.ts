import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import { run } from '../../src/cli/run.ts';
import { register, sql } from '../harness.ts';
import { startMcpServer } from '../resources/mcp-server-kit.ts';
import { createCommand } from './command.ts';
import { startWithCommand } from './fixture.ts';

let world: Awaited<ReturnType<typeof startWithCommand>>;
let notes: Awaited<ReturnType<typeof startMcpServer>>;
let consentry: ReturnType<typeof createCommand>;

before(async () => {
  world = await startWithCommand();
  const { issuer, rooms } = world.server;
  notes = await startMcpServer(issuer);
  const scope = { name: 'notes:read', description: 'Read notes', sensitivity: 'low', effect: 'read' } as const;
  const scopes = [{ ...scope, tools: ['list_notes', 'delete_note'] }];
  await register(rooms, { uri: notes.uri, name: 'Notes', scopes });
  consentry = createCommand({ ...world.env, OUTBOUND_ALLOW: '127.0.0.1' });
});
after(async () => {
  await notes?.close();
  await world?.server.close();
});

test('resource check finds nothing wrong with a good server: 0, and it is on record', async () => {
  notes.behave();
  const { code, out, err } = await consentry(['resource', 'check', notes.uri]);
  assert.deepEqual([code, err], [0, '']);
  const lines = out.split('\n').filter((line) => /^\d\/8/.test(line));
  assert.deepEqual(
    lines.map((line) => line.slice(0, 12)),
    Array.from({ length: 8 }, (_, index) => `${index + 1}/8  ok     `),
  );
  assert.match(out, /\nNothing is wrong\.$/);
  const [event] = await world.recorded('resource.checked');
  assert.equal(event?.resource, notes.uri);
  const [kept] = await sql(world.server, 'SELECT last_check FROM resources WHERE uri = $1', [notes.uri]);
  assert.notEqual(kept?.last_check, null);
});

test('resource check tells each step as it ends', async () => {
  const { promise, resolve: letGo } = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  notes.behave({
    gate({ token }) {
      if (token) arrived.resolve();
      return token ? promise : undefined;
    },
  });
  const lines: string[] = [];
  const checking = run(['resource', 'check', notes.uri], {
    env: { ...world.env, OUTBOUND_ALLOW: '127.0.0.1' },
    root: process.cwd(),
    stdin: new PassThrough(),
    out: (text) => void lines.push(text),
    err: () => {},
    signal: new AbortController().signal,
  });
  await arrived.promise;
  assert.deepEqual(
    lines.slice(1).map((line) => line.slice(0, 7)),
    ['1/8  ok', '2/8  ok'],
  );
  letGo();
  assert.equal(await checking, 0);
});

test('resource check says what is wrong and what to do: 1; what could only be better is 0', async () => {
  notes.behave({ challenge: null, ignoreAudience: true });
  const { code, out, err } = await consentry(['resource', 'check', notes.uri]);
  assert.equal(code, 1);
  assert.match(
    out,
    /1\/8 {2}failed {3}Asks without a token[^\n]*\n {14}Its 401 has no WWW-Authenticate header\.\n {14}→ Send/,
  );
  assert.match(out, /6\/8 {2}failed .*\n {14}It takes tokens that are for another server/);
  assert.equal(err, 'error: Something is wrong with Notes: 2 of 8 steps.');
  notes.behave({ tools: [{ name: 'list_notes' }] });
  assert.equal((await consentry(['resource', 'check', notes.uri])).code, 0);
});

test('resource check calls nothing well that it did not see: 1 where no usable answer came, 0 where it is explained', async () => {
  // Up to the list of tools for a good token; then it is being restarted.
  const unusable = { unusableAfter: 'tools/list', ignoreAudience: true, ignoreExpiry: true, ignoreSignature: true };
  notes.behave(unusable);
  const { code, out, err } = await consentry(['resource', 'check', notes.uri]);
  assert.equal(code, 1);
  assert.match(out, /8\/8 {2}skipped {2}Asks with a forged token[^\n]*\n {14}Not tried: no usable answer came in time/);
  assert.doesNotMatch(out, /Nothing is wrong|[5-8]\/8 {2}ok/);
  assert.equal(
    err,
    'error: Nothing wrong was found at Notes, but 4 of 8 steps were not tried: no usable answer came in time.',
  );
  notes.behave(unusable);
  const again = await consentry(['resource', 'check', notes.uri, '--json']);
  const { ok, untried } = JSON.parse(again.out);
  assert.deepEqual([again.code, ok, untried], [1, false, 4]);
  const unread = { name: 'list_notes', annotations: { destructiveHint: true } };
  notes.behave({ tools: [unread, { ...unread, name: 'delete_note' }] });
  const explained = await consentry(['resource', 'check', notes.uri]);
  assert.deepEqual([explained.code, explained.err], [0, '']);
  assert.match(explained.out, /5\/8 {2}skipped {2}[^\n]*\n {14}Whether it checks scopes was not tried/);
  assert.match(explained.out, /\nNothing is wrong in what was tried; 1 of 8 steps was not tried\.$/);
});

test('resource check --json prints the findings with their words once all is done, with the same exit code', async () => {
  notes.behave({ ignoreExpiry: true });
  const { code, out } = await consentry(['resource', 'check', notes.uri, '--json']);
  assert.equal(code, 1);
  const { uri, ok, steps } = JSON.parse(out);
  assert.deepEqual([uri, ok], [notes.uri, false]);
  const { findings, ...expiry } = steps.find(({ step }: { step: string }) => step === 'expiry');
  assert.deepEqual(expiry, { step: 'expiry', result: 'failed' });
  const [{ code: found, what }] = findings;
  assert.deepEqual([found, what], ['expiry_ignored', 'It takes tokens that have expired.']);
});

test('resource check asks no private address that is not allowed, and says what would allow it', async () => {
  notes.behave();
  const { code, out } = await world.consentry(['resource', 'check', notes.uri]);
  assert.equal(code, 1);
  assert.match(out, /OUTBOUND_ALLOW=127\.0\.0\.1 in \.env .*start Consentry again/);
  assert.deepEqual(notes.seen, []);
  const unknown = await world.consentry(['resource', 'check', 'https://unknown.example/mcp']);
  assert.deepEqual([unknown.code, unknown.err.includes('resource list')], [1, true]);
});
