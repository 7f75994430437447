/**
 * Runs the tests, or those of the files named: a few processes take one file after another, so that what they have
 * loaded and compiled serves many files. docs/decisions/0023 says what that saves.
 */
import { globSync } from 'node:fs';
import path from 'node:path';
import { finished } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { globalSetup, globalTeardown } from '../test/global-setup.ts';
import { createQueue, QUEUE_VARIABLE } from '../test/runner/queue.ts';

/** One more than the cores of a small machine: tests wait for Postgres and browsers, too. */
const PROCESSES = 3;
/** Of each single test; the longest takes 40 seconds where the cores are busy. */
const TEST_LIMIT_MS = 240_000;
/** Of a whole file: what comes between its tests has no other limit. */
const FILE_LIMIT_MS = 400_000;
/** They take longest; whoever begins them last makes everybody wait. */
const FIRST = ['browser', 'start', 'consents', 'attacks', 'proxies', 'fuzz', 'cli', 'storage'];

const named = process.argv.slice(2);
const files = longestFirst(named.length > 0 ? named.flatMap((name) => globSync(name)) : globSync('test/**/*.test.ts'));
if (files.length === 0) throw new Error('there is no such test file');

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interrupted.abort());
const queue = createQueue(files);
process.env[QUEUE_VARIABLE] = queue.directory;
await globalSetup();
try {
  await report();
} finally {
  tellUnfinished();
  await globalTeardown();
}

async function report(): Promise<void> {
  setInterval(() => queue.endOverdue(FILE_LIMIT_MS), 1_000).unref();
  const events = run({
    files: Array.from({ length: Math.min(PROCESSES, files.length) }, () => worker()),
    concurrency: PROCESSES,
    timeout: TEST_LIMIT_MS,
    signal: interrupted.signal,
  });
  events.on('test:summary', ({ success }) => {
    if (!success) process.exitCode = 1;
  });
  const lines = events.compose(spec);
  lines.pipe(process.stdout, { end: false });
  await finished(lines);
}

function worker(): string {
  return path.resolve(import.meta.dirname, '../test/runner/worker.ts');
}

function longestFirst(names: readonly string[]): string[] {
  const rank = (name: string) => FIRST.indexOf(path.relative('test', name).split(path.sep)[0] ?? '') >>> 0;
  return [...names].sort((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1));
}

/** A process that died says nothing of the file that it had in hand. */
function tellUnfinished(): void {
  const { broken, untouched } = queue.close();
  for (const file of broken) console.log(`✖ ${file}: its process ended in the middle of it`);
  for (const file of untouched) console.log(`✖ ${file}: was not run`);
  if (broken.length + untouched.length > 0) process.exitCode = 1;
}
