/** Discovery and caching of the issuer's keys: who is asked, how often, and what callers hear when nobody answers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVerifier } from '../../src/guard/index.ts';
import { type FakeIssuer, startFakeIssuer } from './fake-issuer.ts';

const resource = 'https://notes.example.com/mcp';
const metadataPath = '/.well-known/oauth-authorization-server';

class Refused extends Error {}

/** A guard whose clock stands still until it is moved; tokens are made by the real one, so it starts there. */
function start(issuer: FakeIssuer, fetchDocument?: typeof fetch) {
  let milliseconds = Date.now();
  const reported: string[] = [];
  const guard = createVerifier({
    issuer: issuer.issuer,
    resource,
    scopes: {},
    error: (code, description) => new Refused(`${code}: ${description}`),
    report: (cause) => reported.push(cause.message),
    now: () => new Date(milliseconds),
    ...(fetchDocument && { fetch: fetchDocument }),
  });
  const pass = (seconds: number) => {
    milliseconds += seconds * 1000;
  };
  const check = (kid = 'one') => {
    const iat = Math.floor(milliseconds / 1000);
    return guard.verifyAccessToken(issuer.token(resource, { header: { kid }, claims: { iat, exp: iat + 600 } }));
  };
  return { guard, check, pass, reported };
}

async function withIssuer(run: (issuer: FakeIssuer) => Promise<void>): Promise<void> {
  const issuer = await startFakeIssuer();
  try {
    await run(issuer);
  } finally {
    await issuer.close();
  }
}

const unknownKey = { message: /^invalid_token: .*unknown key/ };
const unavailable = { message: /^server_error: / };

test('keys are fetched with the first token, once for many at a time, and kept', () =>
  withIssuer(async (issuer) => {
    const { check } = start(issuer);
    assert.deepEqual(issuer.served, []);
    await Promise.all(Array.from({ length: 20 }, () => check()));
    await check();
    assert.deepEqual(issuer.served, [metadataPath, '/jwks']);
  }));

test('unknown key ids cause one fetch at first and then one in 30 seconds, however many tokens come', () =>
  withIssuer(async (issuer) => {
    const { check, pass } = start(issuer);
    await check();
    for (let n = 0; n < 50; n += 1) await assert.rejects(check(`invented-${n}`), unknownKey);
    assert.equal(issuer.served.length, 2);
    pass(30);
    await Promise.all(Array.from({ length: 50 }, (_, n) => assert.rejects(check(`invented-${n}`), unknownKey)));
    assert.equal(issuer.served.length, 4);
  }));

test('a new key is found by its first token', () =>
  withIssuer(async (issuer) => {
    const { guard, check, pass } = start(issuer);
    await check();
    pass(31);
    const { privateKey } = issuer.addKey('two');
    await guard.verifyAccessToken(issuer.token(resource, { header: { kid: 'two' }, key: privateKey }));
    assert.equal(issuer.served.length, 4);
  }));

test('a key the issuer withdrew is trusted no longer than the next refresh', () =>
  withIssuer(async (issuer) => {
    const { check, pass } = start(issuer);
    await check();
    issuer.documents.jwks.keys = [];
    pass(5 * 60);
    await check(); // answered with the known keys, while fresh ones are on their way
    await untilRejected(check);
    await assert.rejects(check(), unknownKey);
  }));

test('an issuer that cannot be reached is not the fault of the token', () =>
  withIssuer(async (issuer) => {
    const { check, guard, pass, reported } = start(issuer);
    issuer.documents.status = 503;
    await assert.rejects(check(), unavailable);
    await assert.rejects(check(), unavailable);
    assert.equal(issuer.served.length, 1, 'failures cool down too');
    assert.match(reported.join(), /answered 503/);
    const { refusal } = await guard.admit(`Bearer ${issuer.token(resource)}`);
    assert.equal(refusal?.status, 503);
    assert.equal(refusal?.headers['retry-after'], '5');
    assert.equal(refusal?.headers['www-authenticate'], undefined);
    issuer.documents.status = 200;
    pass(5);
    await check();
  }));

test('known keys serve through an outage of the issuer, for 15 minutes and no longer', () =>
  withIssuer(async (issuer) => {
    const { check, pass } = start(issuer);
    await check();
    issuer.documents.status = 500;
    pass(14 * 60);
    await check();
    await assert.rejects(check('new-since'), unavailable);
    pass(60);
    await assert.rejects(check(), unavailable);
  }));

test('metadata of another issuer, or without a safe place for its keys, is not used', () =>
  withIssuer(async (issuer) => {
    const good = { issuer: issuer.issuer, jwks_uri: `${issuer.issuer}/jwks` };
    const wrong = [
      { ...good, issuer: `${issuer.issuer}/` },
      { ...good, issuer: 'https://evil.example' },
      { issuer: issuer.issuer },
      { ...good, jwks_uri: 'http://keys.example/jwks' },
      { ...good, jwks_uri: 'data:application/json,{"keys":[]}' },
      { ...good, jwks_uri: 7 },
      null,
      [],
      'text',
    ];
    for (const metadata of wrong) {
      issuer.documents.metadata = metadata;
      const { check, reported } = start(issuer);
      await assert.rejects(check(), unavailable, JSON.stringify(metadata));
      assert.equal(reported.length, 1);
    }
    assert.ok(!issuer.served.includes('/jwks'));
  }));

test('a broken key set is not used, and one broken key spoils no other', () =>
  withIssuer(async (issuer) => {
    const [key = {}] = issuer.documents.jwks.keys;
    for (const keys of [undefined, 'text', [7], {}]) {
      issuer.documents.jwks = { keys } as never;
      await assert.rejects(start(issuer).check(), unavailable);
    }
    issuer.documents.jwks = {
      keys: [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'broken' }, { kty: 'new' }, key],
    };
    await start(issuer).check();
    await assert.rejects(start(issuer).check('broken'), unknownKey);
    issuer.documents.jwks = { keys: [key, { ...key }] };
    await assert.rejects(start(issuer).check(), unknownKey, 'two keys of one name');
  }));

test('redirects are not followed, requests time out and carry no token, and huge answers are not taken', () =>
  withIssuer(async (issuer) => {
    const requests: Array<RequestInit | undefined> = [];
    const answers = [
      () => Response.redirect('https://evil.example', 302),
      () => new Response(`{"issuer":"${issuer.issuer}","x":"${'x'.repeat(600_000)}"}`),
      () => new Response('not json'),
      () => Promise.reject(new TypeError('fetch failed')),
    ];
    for (const answer of answers) {
      const { check } = start(issuer, async (_url, init) => {
        requests.push(init);
        return answer();
      });
      await assert.rejects(check(), unavailable);
    }
    for (const init of requests) {
      assert.deepEqual(init?.headers, { accept: 'application/json' });
      assert.equal(init?.redirect, 'manual');
      assert.ok(init?.signal instanceof AbortSignal);
    }
  }));

test('the metadata of an issuer with a path is where RFC 8414 puts it', async () => {
  const asked: string[] = [];
  const guard = createVerifier({
    issuer: 'https://auth.example.com/tenant',
    resource,
    scopes: {},
    error: (code) => new Refused(code),
    report: () => assert.fail('a reporter that throws changes nothing'),
    fetch: async (url) => {
      asked.push(String(url));
      return new Response(null, { status: 404 });
    },
  });
  const issuer = await startFakeIssuer();
  const token = issuer.token(resource, { claims: { iss: 'https://auth.example.com/tenant' } });
  await issuer.close();
  await assert.rejects(guard.verifyAccessToken(token), { message: 'server_error' });
  assert.deepEqual(asked, ['https://auth.example.com/.well-known/oauth-authorization-server/tenant']);
});

/** What is on its way arrives in its own time. */
async function untilRejected(check: () => Promise<unknown>): Promise<void> {
  for (let looks = 0; looks < 1_000; looks += 1) {
    const taken = await check().then(
      () => true,
      () => false,
    );
    if (!taken) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
