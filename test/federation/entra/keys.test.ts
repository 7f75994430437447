/** Keys and metadata of Entra ID that change, fail or hang (F30, F37). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { FetchFailed } from '../../../src/web/fetch-failed.ts';
import { type Entra, outcome, signIn, startEntra } from './kit.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

describe('keys and metadata of Entra ID', () => {
  let entra: Entra;
  before(async () => {
    entra = await startEntra();
  });
  beforeEach(() => {
    entra.reset();
    entra.fake.requests.length = 0;
  });
  after(() => entra?.close());

  const asked = (what: string) => entra.fake.requests.filter((line) => line.endsWith(what)).length;

  it('nothing is asked before somebody presses; then keys and metadata serve for an hour (F37)', async () => {
    const connection = entra.connect();
    assert.equal(entra.fake.requests.length, 0);
    for (let times = 0; times < 3; times += 1) await signIn(entra, connection);
    assert.deepEqual([asked('openid-configuration'), asked('/keys')], [1, 1]);
    entra.clock.ahead = HOUR_MS + MINUTE_MS;
    await signIn(entra, connection);
    assert.deepEqual([asked('openid-configuration'), asked('/keys')], [2, 2]);
  });

  it('a key that rolls at once is found, and keys are fetched for that at most every five minutes (F30)', async () => {
    const connection = entra.connect();
    await signIn(entra, connection);
    await entra.fake.keys.roll();
    await signIn(entra, connection);
    await signIn(entra, connection);
    assert.equal(asked('/keys'), 2);
    // Signed by a key that is published nowhere: asking again does not help, and is not done.
    entra.fake.behaviour.alter = (claims) => claims;
    await entra.fake.keys.roll();
    for (let times = 0; times < 3; times += 1) assert.equal(await outcome(signIn(entra, connection)), 'failed');
    assert.equal(asked('/keys'), 2);
    entra.clock.ahead = 6 * MINUTE_MS;
    await signIn(entra, connection);
    assert.equal(asked('/keys'), 3);
  });

  it('a key that was taken back signs for nobody once the keys were fetched anew (F30)', async () => {
    const connection = entra.connect();
    await signIn(entra, connection);
    await entra.fake.keys.roll();
    entra.clock.ahead = HOUR_MS + MINUTE_MS;
    entra.fake.behaviour.signer = 'retired';
    assert.equal(await outcome(signIn(entra, connection)), 'failed');
    entra.fake.behaviour.signer = 'own';
    await signIn(entra, connection);
  });

  it('keys that cannot be fetched, or are none, leave the last good ones for a day (F30)', async () => {
    const connection = entra.connect();
    await signIn(entra, connection);
    for (const jwks of ['down', 'empty'] as const) {
      entra.fake.behaviour.jwks = jwks;
      entra.clock.ahead += 5 * HOUR_MS;
      assert.equal((await signIn(entra, connection)).subject, entra.ana.oid, jwks);
    }
    entra.clock.ahead = 25 * HOUR_MS;
    assert.equal(await outcome(signIn(entra, connection)), 'unavailable');
    assert.equal(await outcome(signIn(entra, entra.connect())), 'unavailable', 'and without any nobody is believed');
  });

  it('keys that hang are given up, and are no refusal (F30)', async () => {
    // As the egress ends it, without waiting for that.
    const hang = (address: string | URL) =>
      String(address).endsWith('/keys') ? Promise.reject(new FetchFailed('timeout', 'late')) : undefined;
    const connection = entra.connect({}, {}, (address, request) => hang(address) ?? entra.fake.fetch(address, request));
    assert.equal(await outcome(signIn(entra, connection)), 'unavailable');
  });

  it('of ten keys the order means nothing (F30)', async () => {
    for (let times = 0; times < 10; times += 1) await signIn(entra, entra.connect());
  });

  it('metadata that flaps costs the sign-in of that moment, and a day of failing costs none that was known (F37)', async () => {
    entra.fake.behaviour.discovery = 'down';
    const connection = entra.connect();
    assert.equal(await outcome(signIn(entra, connection)), 'unavailable');
    entra.fake.behaviour.discovery = 'up';
    entra.clock.ahead = 3_000;
    await signIn(entra, connection);
    entra.fake.behaviour.discovery = 'down';
    entra.clock.ahead = 20 * HOUR_MS;
    await signIn(entra, connection);
  });
});
