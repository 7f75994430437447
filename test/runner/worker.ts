/** One of the processes that scripts/test.ts starts: runs file after file until none is left, each in a suite of its own. */
import path from 'node:path';
import { suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { QUEUE_VARIABLE, takeTasks } from './queue.ts';
import { observeProcess, type Traces } from './traces.ts';

const LEAVE_MS = 2_000;

const directory = process.env[QUEUE_VARIABLE];
if (!directory) throw new Error('scripts/test.ts starts this');
delete process.env[QUEUE_VARIABLE];

for (const { file, finish } of takeTasks(directory)) {
  let traces: Traces | undefined;
  // Hooks outside of every suite become those of this one, and concern no other file.
  await suite(file, async () => {
    traces = observeProcess();
    await load(file);
  });
  const left = (await traces?.left()) ?? [];
  if (left.length > 0) await failing(`${file} leaves its process as it was`, new Error(`changed: ${left.join(', ')}`));
  finish();
}
// What a file left open, and was reported for, would keep the process for ever.
setTimeout(() => process.exit(1), LEAVE_MS).unref();

async function load(file: string): Promise<void> {
  try {
    await import(pathToFileURL(path.resolve(file)).href);
  } catch (error) {
    // A suite that fails to be built would be no failed test in the summary.
    failing(`${file} can be loaded`, error);
  }
}

function failing(title: string, error: unknown): Promise<void> {
  return test(title, () => {
    throw error;
  });
}
