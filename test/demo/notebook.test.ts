/** The demo's notes stay within their bounds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNotebook, noteLimits } from '../../src/demo/notebook.ts';

const note = { title: 'a', text: 'b' };

test('an owner has so many notes and no more, and ids are not used again', () => {
  const notebook = createNotebook();
  while (notebook.create('a', note) !== undefined);
  assert.equal(notebook.list('a').length, noteLimits.notesPerOwner);
  const last = notebook.list('a').at(-1)?.id ?? '';
  assert.equal(notebook.delete('a', last), true);
  assert.equal(notebook.delete('a', last), false);
  assert.notEqual(notebook.create('a', note)?.id, last);
  assert.equal(notebook.create('a', note), undefined);
});

test('the owner idle longest is forgotten when there are too many', () => {
  const notebook = createNotebook();
  for (const owner of ['old', 'kept']) notebook.create(owner, note);
  for (let n = 2; n < noteLimits.owners; n += 1) notebook.list(`owner ${n}`);
  notebook.list('kept');
  notebook.list('one more');
  assert.equal(notebook.list('kept').length, 2);
  assert.equal(notebook.list('old').length, 1, 'the welcome note alone');
});

test('a change keeps what it does not name', () => {
  const notebook = createNotebook();
  notebook.update('a', '1', { title: 'new' });
  assert.equal(notebook.read('a', '1')?.title, 'new');
  assert.match(notebook.read('a', '1')?.text ?? '', /came with the demo/);
  assert.equal(notebook.update('a', 'none', note), undefined);
});
