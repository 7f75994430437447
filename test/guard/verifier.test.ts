/** Who a token is from and for, what it claims and for how long (MCP controls on audience, issuer and expiry). */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { personOf } from '../../src/guard/index.ts';
import { audienceVectors } from './audience-vectors.ts';
import { signToken, startFakeIssuer } from './fake-issuer.ts';
import { type BenchOptions, resource, startBench } from './token-bench.ts';

const { issuer, verifier, accepts, refuses, refusesChanged } = await startBench();
after(issuer.close);

test('a good token gives the caller, the scopes with what they imply, the expiry and the grant', async () => {
  const exp = Math.floor(Date.now() / 1000) + 60;
  const act = { sub: 'agent' };
  const claims = { exp, scope: 'notes:write openid', act, authorization_details: [{ type: 'note' }], auth_time: 5 };
  const token = issuer.token(resource, { claims });
  assert.deepEqual(await accepts(token), {
    token,
    clientId: 'client-1',
    scopes: ['notes:write', 'openid', 'notes:read'],
    expiresAt: exp,
    resource: new URL(resource),
    resourceMetadataUrl: 'https://notes.example.com/.well-known/oauth-protected-resource/mcp',
    extra: {
      ...{ issuer: issuer.issuer, sub: 'person-1', person: 'person-1', jti: 'token-1', grantId: 'grant-1' },
      ...{ authTime: 5, act, authorizationDetails: [{ type: 'note' }] },
    },
  });
});

test('what an administrator lets the server know of the person reaches the tool, and nothing of another shape does', async () => {
  const known = { oid: 'object-1', tid: 'tenant-1', email: 'ana@contoso.test', roles: ['staff', 'auditor'] };
  const { extra } = await accepts(issuer.token(resource, { claims: known }));
  assert.deepEqual({ oid: extra.oid, tid: extra.tid, email: extra.email, roles: extra.roles }, known);
  assert.ok(!('oid' in (await accepts(issuer.token(resource))).extra), 'absent where the token does not say it');
  for (const claims of [{ oid: 1 }, { tid: '' }, { email: ['a@b.test'] }, { roles: 'admin' }, { roles: [1] }]) {
    await refusesChanged({ claims }, /malformed|claims/);
  }
});

test('a service that speaks for itself is no person', async () => {
  const service = await accepts(issuer.token(resource, { claims: { sub: 'client-1', gid: undefined } }));
  assert.equal(personOf(service), undefined);
  assert.equal(service.extra.sub, 'client-1');
  assert.equal(personOf(await accepts(issuer.token(resource))), 'person-1');
  assert.equal(personOf(undefined), undefined);
});

test('a token without scope has none', async () => {
  assert.deepEqual((await accepts(issuer.token(resource, { claims: { scope: undefined } }))).scopes, []);
});

describe('audience', () => {
  for (const { resource: ours, aud, good, because } of audienceVectors) {
    test(`${good ? 'accepts' : 'refuses'} ${JSON.stringify(aud)} for ${ours}: ${because}`, async () => {
      const guard = verifier({ resource: ours });
      const token = issuer.token(ours, { claims: { aud } });
      if (good) await accepts(token, guard);
      else await refuses(token, /not issued for this server|lacks a required claim/, guard);
    });
  }
});

describe('issuer', () => {
  test('is compared letter by letter', async () => {
    for (const iss of [
      `${issuer.issuer}/`,
      issuer.issuer.toUpperCase(),
      'https://evil.example',
      '',
      '*',
      undefined,
      7,
    ]) {
      await refusesChanged({ claims: { iss } }, /another authorization server/);
    }
  });

  test('a token of a foreign issuer causes no request to anybody', async () => {
    const before = issuer.served.length;
    await refuses(issuer.token(resource, { claims: { iss: 'http://127.0.0.1:1' } }), /another authorization server/);
    assert.equal(issuer.served.length, before);
  });

  test('several are possible, each with its own keys', async () => {
    const second = await startFakeIssuer();
    try {
      const guard = verifier({ issuer: [issuer.issuer, second.issuer] });
      assert.equal((await accepts(issuer.token(resource), guard)).extra.issuer, issuer.issuer);
      assert.equal((await accepts(second.token(resource), guard)).extra.issuer, second.issuer);
      const mixed = second.token(resource, { claims: { iss: issuer.issuer } });
      await refuses(mixed, /signature/, guard);
      assert.deepEqual(guard.metadata.document.authorization_servers, [issuer.issuer, second.issuer]);
    } finally {
      await second.close();
    }
  });
});

describe('claims', () => {
  test('each claim of RFC 9068 is required', async () => {
    for (const name of ['sub', 'client_id', 'jti', 'iat', 'exp', 'aud']) {
      await refusesChanged({ claims: { [name]: undefined } }, /lacks a required claim/);
    }
    for (const name of ['sub', 'client_id', 'jti']) {
      for (const value of ['', 7, null, ['a'], {}]) {
        await refusesChanged({ claims: { [name]: value } }, /lacks a required claim/);
      }
    }
  });

  test('claims of a wrong kind are refused', async () => {
    const wrong = { scope: ['notes:read'], gid: 7, auth_time: 'x', act: 'agent', authorization_details: {}, nbf: 'x' };
    for (const [name, value] of Object.entries(wrong)) await refusesChanged({ claims: { [name]: value } }, /malformed/);
  });

  test('a token bound to a key is refused', async () => {
    for (const cnf of [{ jkt: 'abc' }, {}, null]) await refusesChanged({ claims: { cnf } }, /bound to a key/);
  });

  test('a token lives from nbf and iat to exp, give or take the skew', async () => {
    const at = 1_800_000_000;
    const good = { iat: at, nbf: at, exp: at + 600 };
    const check = (seconds: number, clockSkewSeconds?: number) => {
      const now = () => new Date((at + seconds) * 1000);
      const guard = verifier(clockSkewSeconds === undefined ? { now } : { now, clockSkewSeconds });
      return guard.verifyAccessToken(issuer.token(resource, { claims: good }));
    };
    for (const seconds of [-30, 0, 300, 629]) await check(seconds);
    await assert.rejects(check(-31), /not valid yet/);
    await assert.rejects(check(630), /has expired/);
    await check(-60, 60);
    await check(659, 60);
    await assert.rejects(check(-1, 0), /not valid yet/);
    await assert.rejects(check(600, 0), /has expired/);
    await check(599, 0);
  });

  test('iat and nbf both keep a token of the future out', async () => {
    const later = Math.floor(Date.now() / 1000) + 100;
    await refusesChanged({ claims: { iat: later } }, /not valid yet/);
    await refusesChanged({ claims: { nbf: later } }, /not valid yet/);
  });

  test('times that are no times are refused', async () => {
    const [header = '', claims = ''] = issuer
      .token(resource)
      .split('.')
      .map((part) => Buffer.from(part, 'base64url').toString());
    for (const exp of ['1e999', '"4102444800"', 'null', '-1', '9007199254740993', '[4102444800]', 'true']) {
      const changed = claims.replace(/"exp":\d+/, `"exp":${exp}`);
      assert.notEqual(changed, claims);
      await refuses(signToken(header, changed, issuer.privateKey), /lacks a required claim/);
    }
  });
});

test('options that cannot be right are refused at once', () => {
  const wrong: BenchOptions[] = [
    { issuer: '' },
    { issuer: [] },
    { issuer: 'https://*.example.com' },
    { issuer: 'https://auth.example.com?x' },
    { issuer: 'http://auth.example.com' },
    { issuer: 'https://auth.example.com#a' },
    { resource: 'notes' },
    { resource: 'https://notes.example.com/mcp#a' },
    { resource: 'https://NOTES.example.com/mcp' },
    { resource: 'https://notes.example.com:443/mcp' },
    { resource: 'https://user@notes.example.com/mcp' },
    { clockSkewSeconds: 61 },
    { clockSkewSeconds: -1 },
    { clockSkewSeconds: Number.NaN },
    { algorithms: [] },
    { algorithms: ['HS256' as never] },
    { algorithms: ['none' as never] },
  ];
  for (const options of wrong) assert.throws(() => verifier(options), TypeError, JSON.stringify(options));
});
