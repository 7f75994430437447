/** Proof of presence by Entra ID: authentication contexts, claims challenges, auth_time (F23, F26, F38). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type Entra, refusal, signIn, startEntra, trip } from './kit.ts';

const CHALLENGE = '{"access_token":{"capolids":{"essential":true,"values":["9a2c"]}}}';
const MAIL = 'https://mail.test/mcp';

describe('proof of presence by Entra ID', () => {
  let entra: Entra;
  before(async () => {
    entra = await startEntra();
  });
  beforeEach(() => entra.reset());
  after(() => entra?.close());

  it('a scope’s authentication context is the one that the administrator named for it', () => {
    const connection = entra.connect({ authContexts: [{ resource: MAIL, scope: 'mail:send', context: 'c1' }] });
    assert.equal(connection.authContextFor(MAIL, ['mail:read', 'mail:send']), 'c1');
    assert.equal(connection.authContextFor(MAIL, ['mail:read']), undefined);
    assert.equal(connection.authContextFor('https://other.test/', ['mail:send']), undefined);
  });

  it('a context is asked for by `claims`, and is reached only where the token says so (F38)', async () => {
    const { url, finish } = await trip(entra, entra.connect(), { wishes: { authContext: 'c1' } });
    assert.deepEqual(JSON.parse(String(url.searchParams.get('claims'))), {
      id_token: { acrs: { essential: true, value: 'c1' } },
    });
    assert.deepEqual((await finish()).authContexts, ['c1']);
    entra.fake.behaviour.reachesContexts = false;
    assert.equal((await signIn(entra, entra.connect(), { authContext: 'c1' })).authContexts, undefined);
    for (const acrs of ['c1', { c1: true }, [1], null]) {
      entra.fake.behaviour.alter = (claims) => ({ ...claims, acrs });
      await refusal(signIn(entra, entra.connect(), { authContext: 'c1' }));
    }
  });

  it('a fresh sign-in is asked for by prompt and max_age, and is proven by auth_time, never by `iat` (F26)', async () => {
    const wishes = { prompt: 'login', maxAgeSeconds: 300 } as const;
    const { url, finish } = await trip(entra, entra.connect(), { wishes });
    assert.equal(url.searchParams.get('prompt'), 'login');
    assert.equal(url.searchParams.get('max_age'), '300');
    assert.deepEqual(JSON.parse(String(url.searchParams.get('claims'))), {
      id_token: { auth_time: { essential: true } },
    });
    assert.equal((await finish()).authTimeSeconds, undefined, 'the application has no such claim');
    for (const auth_time of ['1700000000', null, -1]) {
      entra.fake.behaviour.alter = (claims) => ({ ...claims, auth_time });
      const said = await signIn(entra, entra.connect(), wishes).catch(() => undefined);
      assert.ok(!said?.authTimeSeconds, String(auth_time));
    }
  });

  it('what Entra asks for in an error goes back as it came, and then it lets the person in (F23)', async () => {
    entra.fake.behaviour.challenge = { claims: CHALLENGE };
    const error = await refusal(signIn(entra, entra.connect()));
    assert.deepEqual([error.failure, error.reason, error.claims], ['denied', 'interaction', CHALLENGE]);
    const { url, finish } = await trip(entra, entra.connect(), { wishes: { claimsChallenge: CHALLENGE } });
    assert.equal(url.searchParams.get('claims'), CHALLENGE);
    assert.equal((await finish()).subject, entra.ana.oid);
  });

  it('a second challenge stops: nobody is sent in circles (F23)', async () => {
    entra.fake.behaviour.challenge = { claims: CHALLENGE, forever: true };
    const error = await refusal(signIn(entra, entra.connect(), { claimsChallenge: CHALLENGE }));
    assert.deepEqual([error.failure, error.reason, error.claims], ['denied', 'loop', undefined]);
  });

  it('a challenge that is no JSON object, or is huge, is not passed on (F23)', async () => {
    for (const claims of ['[]', '"x"', 'x&prompt=none', `{"a":"${'x'.repeat(3_000)}"}`, 'null']) {
      entra.fake.behaviour.challenge = { claims };
      const error = await refusal(signIn(entra, entra.connect()));
      assert.deepEqual([error.reason, error.claims], ['interaction', undefined], claims.slice(0, 20));
    }
  });
});
