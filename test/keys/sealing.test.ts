import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { AppError } from '../../src/errors.ts';
import { createSealing } from '../../src/keys/sealing.ts';

const masterKey = randomBytes(32);
const sealing = createSealing(masterKey);

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof AppError);
    assert.equal(error.status, 500);
    assert.ok(error.detail, 'says privately what happened');
    assert.doesNotMatch(error.message, /key|seal|GCM/i, 'says nothing of it publicly');
    return error.code;
  }
  return 'nothing';
}

test('what was sealed opens again, as text and as bytes', () => {
  for (const plain of ['', 'x', 'ü'.repeat(5000)]) {
    assert.equal(sealing.open('artifact', 'Session:1', sealing.seal('artifact', 'Session:1', plain)).toString(), plain);
  }
  const bytes = randomBytes(77);
  assert.deepEqual(sealing.open('artifact', 'a', sealing.seal('artifact', 'a', bytes)), bytes);
});

test('it opens from any view of the bytes, as a database driver may give it', () => {
  const sealed = sealing.seal('artifact', 'a', 'hello');
  const view = new Uint8Array([9, 9, ...sealed, 9]).subarray(2, 2 + sealed.length);
  assert.equal(sealing.open('artifact', 'a', view).toString(), 'hello');
});

test('the same text is sealed differently each time and never readable', () => {
  const one = sealing.seal('artifact', 'a', 'open sesame');
  const two = sealing.seal('artifact', 'a', 'open sesame');
  assert.notDeepEqual(one, two);
  assert.ok(!one.includes('sesame'));
  assert.equal(one.length, 'open sesame'.length + 30);
});

test('a sealed value opens neither for another purpose nor in another row', () => {
  const sealed = sealing.seal('artifact', 'Session:1', 'secret');
  assert.equal(
    refusal(() => sealing.open('grant', 'Session:1', sealed)),
    'sealed_value_damaged',
  );
  assert.equal(
    refusal(() => sealing.open('artifact', 'Session:2', sealed)),
    'sealed_value_damaged',
  );
});

test('changing any single byte, or cutting, is noticed', () => {
  const sealed = sealing.seal('artifact', 'a', 'secret');
  for (let index = 0; index < sealed.length; index += 1) {
    const altered = Buffer.from(sealed);
    altered[index] = (altered[index] ?? 0) ^ 1;
    assert.match(
      refusal(() => sealing.open('artifact', 'a', altered)),
      /^sealed_/,
      `byte ${index}`,
    );
  }
  for (let length = 0; length < sealed.length; length += 1) {
    assert.equal(
      refusal(() => sealing.open('artifact', 'a', sealed.subarray(0, length))),
      'sealed_value_damaged',
    );
  }
});

test('another master key opens nothing, and nearly always says that this is why', () => {
  const sealed = sealing.seal('artifact', 'a', 'secret');
  const codes = Array.from({ length: 64 }, () =>
    refusal(() => createSealing(randomBytes(32)).open('artifact', 'a', sealed)),
  );
  assert.ok(codes.every((code) => code.startsWith('sealed_')));
  assert.ok(codes.filter((code) => code === 'sealed_by_another_key').length > 50);
});

test('a fingerprint is stable for one key and purpose, and different for any other', () => {
  const fingerprint = sealing.hmac('artifact', 'abc');
  assert.match(fingerprint, /^[A-Za-z0-9_-]{43}$/);
  assert.equal(createSealing(masterKey).hmac('artifact', 'abc'), fingerprint);
  assert.notEqual(sealing.hmac('throttle', 'abc'), fingerprint);
  assert.notEqual(sealing.hmac('artifact', 'abd'), fingerprint);
  assert.notEqual(createSealing(randomBytes(32)).hmac('artifact', 'abc'), fingerprint);
});

test('derived bytes depend on the purpose and never equal a key used inside', () => {
  assert.deepEqual(sealing.derive('cookies', 32), createSealing(masterKey).derive('cookies', 32));
  assert.notDeepEqual(sealing.derive('cookies', 32), sealing.derive('nonces', 32));
  assert.equal(sealing.derive('cookies', 64).length, 64);
});
