/** scripts/test.ts itself: whatever happens to a test file, the run fails and says which it was. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { before, describe, it } from 'node:test';

const root = path.resolve(import.meta.dirname, '../..');

describe('a run of test files', () => {
  let whole: Outcome;
  before(async () => {
    whole = await runFiles('passing', 'broken', 'late', 'leaving', 'dying');
  });

  it('fails where one file does, and ends with the figures', () => {
    assert.equal(whole.code, 1);
    // The process that dies is a failure of its own, but where a test in it had failed before.
    assert.match(whole.text, /^ℹ pass 3$.*^ℹ fail [34]$/ms);
  });

  it('names a file that cannot be loaded, as a failed test', () => {
    assert.match(whole.text, /✖ \S+broken\.ts can be loaded/);
  });

  it('names a file that left open or changed what the next would meet', () => {
    assert.match(whole.text, /✖ \S+leaving\.ts leaves its process as it was/);
    assert.match(whole.text, /changed: TCPServerWrap, Date, environment: LEFT/);
  });

  it('names a file with an error that happens after its tests', () => {
    assert.match(whole.text, /✖ \S+late\.ts leaves its process as it was/);
  });

  it('names a file whose process died', () => {
    const told = whole.text.split('\n').filter((line) => /its process ended|was not run/.test(line));
    assert.deepEqual(told, ['✖ test/runner/fixtures/dying.ts: its process ended in the middle of it']);
  });
});

interface Outcome {
  code: number | null;
  text: string;
}

function runFiles(...names: string[]): Promise<Outcome> {
  // Else it would take itself for a test file of this run.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const args = ['scripts/test.ts', ...names.map((name) => `test/runner/fixtures/${name}.ts`)];
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { cwd: root, env: { ...env, FORCE_COLOR: '0' } }, (_error, text) => {
      resolve({ code: child.exitCode, text });
    });
  });
}
