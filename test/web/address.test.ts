/** Addresses of people in narrow columns, and names to choose from. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressHtml } from '../../src/web/address.ts';
import { byName } from '../../src/web/by-name.ts';

test('an address is broken at its @ and its dots alone, and a short one nowhere', () => {
  assert.equal(addressHtml('person-3411@people.example'), '<bdi class="address">person-3411@people.example</bdi>');
  assert.equal(
    addressHtml('first-name.last-name@people.company.example'),
    '<bdi class="address">first-name<wbr>.last-name<wbr>@people<wbr>.company<wbr>.example</bdi>',
  );
  assert.equal(addressHtml('larkspur.demo.example'), '<bdi class="address">larkspur.demo.example</bdi>');
});

test('one long word can be broken too, and nothing of an address is lost or markup', () => {
  const texts = [`${'x'.repeat(300)}@y.example`, `${'<b>"&'.repeat(9)}@${'.'.repeat(40)}`, '<i>Ada</i> Lovelace', '@'];
  const unescaped = (html: string) =>
    html
      .replaceAll(/<\/?(?:bdi|wbr)(?: class="address")?>/g, '')
      .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
  for (const text of texts) {
    const html = addressHtml(text);
    assert.equal(unescaped(html), text);
    assert.doesNotMatch(html, /<(?!\/?bdi|wbr)/);
  }
  const parts = addressHtml(texts[0] ?? '').split('<wbr>');
  assert.ok(parts.every((part) => part.replaceAll(/<[^>]+>/g, '').length <= 25));
});

test('names stand in the order in which a reader looks for them', () => {
  const names = ['Wiki 10', 'archive', 'Wiki 9', 'Élan', 'Board'].map((name) => ({ name }));
  const sorted = byName(names, 'en').map(({ name }) => name);
  assert.deepEqual(sorted, ['archive', 'Board', 'Élan', 'Wiki 9', 'Wiki 10']);
});
