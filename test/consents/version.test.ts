/** What a press makes of a consent: nothing lasts longer, or is wider, than some page showed it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Consent } from '../../src/consents/consent.ts';
import { nextVersion, type Press } from '../../src/consents/version.ts';
import { ago, ahead, consentOf, DAY, MINUTE, NOW, termsOf } from './fixture.ts';

const READ = ['mail:read'];
const BOTH = ['mail:read', 'mail:send'];
const wide = (changes: Partial<Consent> = {}) =>
  consentOf({ scopes: BOTH, scopeDigests: { 'mail:read': 'read 0', 'mail:send': 'send 0' }, ...changes });
/** A full page that showed these scopes, all of which stayed ticked unless said otherwise. */
const press = (shown: string[], changes: Partial<Press> = {}): Press => ({
  terms: termsOf({ scopes: shown }),
  shown,
  approved: shown,
  browserId: 'browser',
  browserLabel: 'Chrome on Windows',
  expiresAt: ahead(30 * DAY),
  ...changes,
});
const make = (before: Consent, pressed: Press) => nextVersion(before, pressed, NOW);
const timesIn = (made: ReturnType<typeof make>, scope: string) => {
  const { until, shownAt } = made.scopeWords[scope] ?? assert.fail(`no ${scope}`);
  return [new Date(until), new Date(shownAt)];
};

describe('a press on a full page', () => {
  it('agrees to what stayed ticked, as it reads now, until the time that was chosen', () => {
    const made = make(consentOf({ scopes: [], version: 0, browsers: [] }), press(BOTH, { approved: READ }));
    assert.deepEqual(made.scopes, READ);
    assert.deepEqual(made.scopeDigests, { 'mail:read': 'read 1' });
    assert.deepEqual(timesIn(made, 'mail:read'), [ahead(30 * DAY), NOW]);
    assert.deepEqual(
      [made.version, made.browsers, made.fullPageAt, made.expiresAt],
      [1, ['browser'], NOW, ahead(30 * DAY)],
    );
  });

  it('takes back what was unticked, and leaves what was not on the page as it was agreed to (threat 59)', () => {
    assert.deepEqual(make(wide(), press(BOTH, { approved: READ })).scopes, READ);
    const made = make(wide(), press(READ));
    assert.deepEqual(made.scopes.toSorted(), BOTH);
    assert.deepEqual(made.scopeDigests, { 'mail:read': 'read 1', 'mail:send': 'send 0' });
    assert.deepEqual(timesIn(made, 'mail:send'), [ahead(89 * DAY), ago(DAY)]);
  });

  it('prolongs nothing that it did not show, and shortens nothing that was given for longer', () => {
    const until = (scope: string, days: number) => ({ [scope]: { until: ahead(days * DAY), shownAt: ago(DAY) } });
    const before = wide({
      scopeTimes: { ...until('mail:read', 80), ...until('mail:send', 3) },
      expiresAt: ahead(80 * DAY),
    });
    const made = make(before, press(READ));
    assert.deepEqual(timesIn(made, 'mail:read'), [ahead(80 * DAY), NOW]);
    assert.deepEqual(timesIn(made, 'mail:send'), [ahead(3 * DAY), ago(DAY)]);
    assert.deepEqual(made.expiresAt, ahead(80 * DAY));
  });

  it('keeps nothing of what has ended: neither a consent nor a scope of it comes back by itself', () => {
    for (const before of [wide({ expiresAt: NOW }), wide({ suspendedAt: ago(1) })]) {
      const made = make(before, press(READ));
      assert.deepEqual([made.scopes, made.expiresAt], [READ, ahead(30 * DAY)]);
      assert.deepEqual([made.suspendedAt, made.suspendedReason], [null, null]);
    }
    const ended = wide({ scopeTimes: { 'mail:send': { until: NOW, shownAt: ago(DAY) } } });
    assert.deepEqual(make(ended, press(READ)).scopes, READ);
  });

  it('keeps the words of both languages, each as it read at its own press, and what the browser is called', () => {
    const japanese = { description: 'Read all your mail', descriptionJa: 'すべてのメールを読む', tools: [] };
    const made = make(
      wide({ scopeWords: { 'mail:send': { description: 'Send', descriptionJa: '送る', tools: [] } } }),
      press(READ, { terms: termsOf({ scopes: READ, scopeWords: { 'mail:read': japanese } }) }),
    );
    const words = Object.entries(made.scopeWords).map(([scope, one]) => [scope, one.description, one.descriptionJa]);
    assert.deepEqual(words.toSorted(), [
      ['mail:read', 'Read all your mail', 'すべてのメールを読む'],
      ['mail:send', 'Send', '送る'],
    ]);
    assert.equal(made.browserLabel, 'Chrome on Windows');
    assert.equal(make(wide(), press(READ, { browserLabel: '' })).browserLabel, null, 'the one before is not meant');
  });

  it('remembers the browsers that approved, the latest last and no more than twenty', () => {
    const browsers = Array.from({ length: 20 }, (_, index) => `b${index}`);
    const made = make(wide({ browsers }), press(READ, { browserId: 'b3' }));
    assert.deepEqual([made.browsers.length, made.browsers.at(-1)], [20, 'b3']);
    const more = make(wide({ browsers }), press(READ, { browserId: 'new' })).browsers;
    assert.deepEqual([more.length, more.at(-1), more.includes('b0')], [20, 'new', false]);
  });
});

describe('a press on a short page', () => {
  const basis = wide({ expiresAt: ahead(10 * DAY), fullPageAt: ago(5 * DAY) });

  it('makes a row that ends when what it goes on under ends, and was last shown when that was', () => {
    const made = make(consentOf({ scopes: [], version: 0 }), press(READ, { basis, expiresAt: ahead(10 * DAY) }));
    assert.deepEqual(timesIn(made, 'mail:read'), [ahead(10 * DAY), ago(5 * DAY)]);
    assert.deepEqual([made.expiresAt, made.fullPageAt], [ahead(10 * DAY), ago(5 * DAY)]);
  });

  it('under itself again and again prolongs nothing', () => {
    let before = wide({ expiresAt: ahead(10 * DAY), fullPageAt: ago(5 * DAY) });
    for (let count = 0; count < 3; count += 1) {
      const made = make(before, press(BOTH, { basis: before, expiresAt: before.expiresAt }));
      assert.deepEqual(
        [made.expiresAt, made.fullPageAt, made.version],
        [ahead(10 * DAY), ago(5 * DAY), before.version + 1],
      );
      before = { ...before, version: made.version };
    }
  });

  it('keeps each scope to its own time', () => {
    const short = wide({ scopeTimes: { 'mail:send': { until: ahead(20 * MINUTE), shownAt: ago(MINUTE) } } });
    const made = make(consentOf({ scopes: [], version: 0 }), press(BOTH, { basis: short }));
    assert.deepEqual(timesIn(made, 'mail:send'), [ahead(20 * MINUTE), ago(MINUTE)]);
    assert.deepEqual(timesIn(made, 'mail:read'), [short.expiresAt, short.fullPageAt]);
  });
});
