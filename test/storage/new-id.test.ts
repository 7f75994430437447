/** What people type after a command is no option of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newId } from '../../src/storage/new-id.ts';

test('an identifier never begins as an option does, and no two are the same', () => {
  const ids = Array.from({ length: 5_000 }, newId);
  assert.deepEqual(
    ids.filter((id) => !/^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/.test(id)),
    [],
  );
  assert.equal(new Set(ids).size, ids.length);
});
