import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pickLocale } from '../../src/web/locale.ts';

test('what the browser asks for comes before what the client does (threat 64)', () => {
  assert.equal(pickLocale({ uiLocales: 'ja', acceptLanguage: 'en' }), 'en');
  assert.equal(pickLocale({ uiLocales: 'en-GB', acceptLanguage: 'ja' }), 'ja');
  assert.equal(pickLocale({ uiLocales: 'ja', acceptLanguage: 'de, fr;q=0.5' }), 'ja');
});

test('the first language we speak wins, regions are ignored', () => {
  assert.equal(pickLocale({ uiLocales: 'fr-CA ja-JP en' }), 'ja');
  assert.equal(pickLocale({ acceptLanguage: 'de, JA-jp;q=0.8, en;q=0.5' }), 'ja');
});

test('Accept-Language is read by weight, and a weight of zero is a refusal', () => {
  assert.equal(pickLocale({ acceptLanguage: 'en;q=0.2, ja;q=0.9' }), 'ja');
  assert.equal(pickLocale({ acceptLanguage: 'ja;q=0, fr' }), 'en');
  assert.equal(pickLocale({ acceptLanguage: 'en, ja' }), 'en');
});

test('anything else is English', () => {
  for (const value of ['', '*', 'fr', 'japanese', ';;q=,', 'ja;q=x', '__proto__', '../ja', 'x'.repeat(100_000)]) {
    assert.equal(pickLocale({ uiLocales: value, acceptLanguage: value }), 'en', value.slice(0, 20));
  }
  assert.equal(pickLocale({}), 'en');
});
