/** Test files that several processes share out among themselves, without a word between them: making a file succeeds once. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Holds the directory of the queue; written by scripts/test.ts, read in the processes. */
export const QUEUE_VARIABLE = 'CONSENTRY_TEST_QUEUE';

export interface Queue {
  directory: string;
  /** Kills every process that has had the same file in hand for longer. */
  endOverdue(limitMs: number): void;
  /** What was begun and never finished, and what nobody began. Removes the queue. */
  close(): { broken: string[]; untouched: string[] };
}

export interface Task {
  file: string;
  finish(): void;
}

export function createQueue(files: readonly string[]): Queue {
  const directory = mkdtempSync(join(tmpdir(), 'consentry-tests-'));
  writeFileSync(join(directory, 'files.json'), JSON.stringify(files));
  const marks = files.map((file, index) => ({ file, ...marksOf(directory, index) }));
  const unfinished = () => marks.filter(({ finished }) => !existsSync(finished));
  const inHand = () => unfinished().filter(({ begun }) => existsSync(begun));
  return {
    directory,
    endOverdue(limitMs) {
      for (const { begun } of inHand()) {
        if (Date.now() - statSync(begun).mtimeMs > limitMs) kill(Number(readFileSync(begun, 'utf8')));
      }
    },
    close() {
      const broken = inHand();
      const untouched = unfinished().filter((mark) => !broken.includes(mark));
      rmSync(directory, { recursive: true, force: true });
      return { broken: broken.map(({ file }) => file), untouched: untouched.map(({ file }) => file) };
    },
  };
}

/** What no other process has taken, in the order of the queue. */
export function* takeTasks(directory: string): Generator<Task> {
  const files: string[] = JSON.parse(readFileSync(join(directory, 'files.json'), 'utf8'));
  for (const [index, file] of files.entries()) {
    const { begun, finished } = marksOf(directory, index);
    if (make(begun)) yield { file, finish: () => make(finished) };
  }
}

const marksOf = (directory: string, index: number) => ({
  begun: join(directory, `${index}.begun`),
  finished: join(directory, `${index}.finished`),
});

/** @returns whether it was not there before */
function make(mark: string): boolean {
  try {
    writeFileSync(mark, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function kill(pid: number): void {
  try {
    // 0 would be ourselves.
    if (pid > 0) process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}
