/** Attacks on what a connection to Entra ID believes, beyond the cases of the fake. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { CONTOSO, FABRIKAM } from '../fakes/entra/directory.ts';
import { type Entra, outcome, signIn, startEntra, trip } from '../federation/entra/kit.ts';

type Claims = Record<string, unknown>;

describe('an ID token of Entra ID', () => {
  let entra: Entra;
  before(async () => {
    entra = await startEntra();
  });
  beforeEach(() => entra.reset());
  after(() => entra?.close());

  async function refused(expected: string, changes: Record<string, (claims: Claims) => Claims>): Promise<void> {
    for (const [what, alter] of Object.entries(changes)) {
      entra.fake.behaviour.alter = alter;
      for (const settings of [{}, { tenants: [CONTOSO, FABRIKAM] }])
        assert.equal(await outcome(signIn(entra, entra.connect(settings))), expected, what);
    }
  }

  it('that is for others beside us is not believed, whoever it says it was made for', () =>
    refused('failed', {
      'two audiences, ours authorized': (claims) => ({ ...claims, aud: [claims.aud, FABRIKAM], azp: claims.aud }),
      'two audiences': (claims) => ({ ...claims, aud: [claims.aud, FABRIKAM] }),
      'ours in upper case': (claims) => ({ ...claims, aud: String(claims.aud).toUpperCase() }),
    }));

  it('whose tenant or person is written otherwise is nobody’s', () =>
    refused('failed', {
      'tid and issuer in upper case': ({ tid, iss, ...claims }) => ({
        ...claims,
        tid: String(tid).toUpperCase(),
        iss: String(iss).replace(String(tid), String(tid).toUpperCase()),
      }),
      'a line break after tid': ({ tid, iss, ...claims }) => ({
        ...claims,
        tid: `${tid}\n`,
        iss: String(iss).replace(String(tid), `${tid}\n`),
      }),
      'a way around': ({ tid, iss, ...claims }) => ({
        ...claims,
        tid: `${FABRIKAM}/../${tid}`,
        iss: String(iss).replace(String(tid), `${FABRIKAM}/../${tid}`),
      }),
      'a port in the issuer': (claims) => ({ ...claims, iss: String(claims.iss).replace('.com', '.com:443') }),
      'oid in upper case': (claims) => ({ ...claims, oid: String(claims.oid).toUpperCase() }),
      'oid in a list': (claims) => ({ ...claims, oid: [claims.oid] }),
      'a line break after oid': (claims) => ({ ...claims, oid: `${claims.oid}\n` }),
      'nonce in a list': (claims) => ({ ...claims, nonce: [claims.nonce] }),
      'roles that cannot be stored': (claims) => ({ ...claims, roles: ['a\0b'] }),
    }));

  it('is a guest’s by every `acct` but a zero', () =>
    refused('denied: guest', {
      list: (claims) => ({ ...claims, acct: [0] }),
      'nothing at all': (claims) => ({ ...claims, acct: null }),
      false: (claims) => ({ ...claims, acct: false }),
    }));

  it('names sessions and subjects that can be stored, or none', async () => {
    entra.fake.behaviour.alter = (claims) => ({ ...claims, sid: 'a\0b', sub: 'a\0b' });
    const { sid, pairwiseSubject } = await signIn(entra, entra.connect());
    assert.deepEqual([sid, pairwiseSubject], [undefined, undefined]);
  });
});

describe('an answer of Entra ID', () => {
  let entra: Entra;
  before(async () => {
    entra = await startEntra();
  });
  beforeEach(() => entra.reset());
  after(() => entra?.close());

  it('with another issuer, a token, a signed response or an error beside its code is not believed', async () => {
    const changes: Record<string, string> = { iss: 'https://evil.test/', id_token: 'e30.e30.', response: 'x' };
    for (const [name, value] of Object.entries({ ...changes, error: 'access_denied' })) {
      const { back, finish } = await trip(entra, entra.connect());
      back.searchParams.set(name, value);
      assert.match(await outcome(finish(back)), /^(failed|denied)$/, name);
    }
    assert.equal(entra.fake.requests.filter((one) => one.endsWith('/token')).length, 0, 'no code was redeemed');
  });
});
