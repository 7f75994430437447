/** `WWW-Authenticate` as servers write it: one challenge or several, in one value or joined (RFC 9110 §11.6.1). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bearerChallenge as written } from '../../src/guard/index.ts';
import { bearerChallenge, parseChallenges } from '../../src/resources/checks/challenge-header.ts';

const read = (value: string) => {
  const challenge = bearerChallenge(new Headers({ 'www-authenticate': value }));
  return challenge && Object.fromEntries(challenge.params);
};

test('finds the Bearer challenge among others, in any case and spacing', () => {
  const url = 'https://x.example/.well-known/oauth-protected-resource';
  for (const value of [
    `Bearer resource_metadata="${url}"`,
    `bearer   Resource_Metadata = "${url}"`,
    `Basic realm="a, Bearer b=c", Bearer resource_metadata="${url}", Digest nonce=x`,
    `Negotiate abc==, Bearer resource_metadata="${url}"`,
    `, Bearer resource_metadata=${url},`,
  ])
    assert.deepEqual(read(value), { resource_metadata: url }, value);
});

test('reads every parameter that the guard writes, quoted or not', () => {
  const text = fc.string({ unit: fc.constantFrom('a', ' ', '"', '\\', ',', '='), minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(text, (description) => {
      const hints = { resourceMetadataUrl: 'https://x.example/a', scopes: ['a', 'b'] };
      const found = read(written({ ...hints, error: 'invalid_token', error_description: description }));
      assert.deepEqual(found, {
        error: 'invalid_token',
        error_description: description,
        scope: 'a b',
        resource_metadata: hints.resourceMetadataUrl,
      });
    }),
  );
});

test('finds none where there is none, and stays quick whatever comes', () => {
  for (const value of ['', 'Basic realm="Bearer"', '"', 'Bearerx a=b', '=', 'Bear"er'])
    assert.equal(read(value), undefined, value);
  const began = performance.now();
  for (const part of ['a', 'a=', 'a="', ' ', ',', '\\"', 'a="b",']) parseChallenges(part.repeat(100_000));
  assert.ok(performance.now() - began < 1_000);
});
