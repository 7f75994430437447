/** Whose tokens a connection to Entra ID believes: tenants, issuers, keys (F1 to F6, F35, F39). */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { CONTOSO, EVIL, FABRIKAM, PERSONAL } from '../../fakes/entra/directory.ts';
import { type Entra, newPerson, outcome, refusal, signIn, startEntra, trip } from './kit.ts';

describe('the tenants of a connection to Entra ID', () => {
  let entra: Entra;
  before(async () => {
    entra = await startEntra();
  });
  beforeEach(() => entra.reset());
  after(() => entra?.close());

  it('one tenant, and a list of tenants behind the literal {tenantid}: each issuer is the tenant’s own (F1)', async () => {
    const one = await signIn(entra, entra.connect());
    assert.equal(one.issuer, `https://login.microsoftonline.com/${CONTOSO}/v2.0`);
    assert.equal(one.tenantId, CONTOSO);
    const list = entra.connect({ tenants: [CONTOSO, FABRIKAM] });
    const { url, finish } = await trip(entra, list);
    assert.equal(url.pathname, '/organizations/oauth2/v2.0/authorize');
    assert.equal((await finish()).issuer, one.issuer);
    newPerson(entra, { upn: 'bo@fabrikam.test', tenant: FABRIKAM });
    assert.equal((await signIn(entra, list)).issuer, `https://login.microsoftonline.com/${FABRIKAM}/v2.0`);
  });

  it('a tenant that is not on the list is refused, though its token is genuine (F2)', async () => {
    newPerson(entra, { upn: 'mallory@evil.test', tenant: EVIL });
    const list = entra.connect({ tenants: [CONTOSO, FABRIKAM] });
    assert.equal(await outcome(signIn(entra, list)), 'denied: tenant_not_allowed');
    // Also where one tenant was asked for and another answers.
    assert.equal(await outcome(signIn(entra, entra.connect())), 'failed');
  });

  it('`any` is every organisation, and only by that word (F2)', async () => {
    newPerson(entra, { upn: 'eve@elsewhere.test', tenant: EVIL });
    assert.equal((await signIn(entra, entra.connect({ tenants: 'any' }))).tenantId, EVIL);
  });

  it('a personal account is refused by a list, by `any`, and by a list that names its tenant (F3)', async () => {
    newPerson(entra, { upn: 'ana@outlook.test', tenant: PERSONAL });
    for (const tenants of [[CONTOSO, FABRIKAM], 'any' as const, [CONTOSO, PERSONAL]]) {
      assert.equal(await outcome(signIn(entra, entra.connect({ tenants }))), 'denied: tenant_not_allowed');
    }
  });

  it('a `tid` that is not the issuer’s, is missing, or is no GUID proves nothing (F4)', async () => {
    const { behaviour } = entra.fake;
    const list = { tenants: [CONTOSO, EVIL] };
    for (const tid of [EVIL, undefined, 'common', '$&', ['x'], CONTOSO.toUpperCase()]) {
      behaviour.alter = (claims) => ({ ...claims, tid });
      for (const settings of [{}, list])
        assert.equal(await outcome(signIn(entra, entra.connect(settings))), 'failed', String(tid));
    }
    // The issuer follows the tid, and neither is in the form of a tenant.
    behaviour.alter = (claims) => ({
      ...claims,
      tid: 'organizations',
      iss: 'https://login.microsoftonline.com/organizations/v2.0',
    });
    assert.equal(await outcome(signIn(entra, entra.connect(list))), 'failed');
  });

  it('a key that is published for one issuer signs for no other (F5)', async () => {
    entra.fake.behaviour.signer = 'personal';
    for (const settings of [{}, { tenants: [CONTOSO, FABRIKAM] }]) {
      const { failure, detail } = await refusal(signIn(entra, entra.connect(settings)));
      assert.equal(failure, 'failed');
      assert.match(String(detail), /not for this issuer/);
    }
  });

  it('a token of another signature, under the kid of a published key, is not believed (F5)', async () => {
    entra.fake.behaviour.signer = 'stranger';
    const { detail } = await refusal(signIn(entra, entra.connect()));
    assert.match(String(detail), /signature is wrong/);
  });

  it('a token that is unsigned, signed by a published key taken for a secret, or names no key is not believed (F5)', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const keys = `https://login.microsoftonline.com/${CONTOSO}/discovery/v2.0/keys`;
    const shown = (await entra.fake.fetch(keys, { maxBytes: 100_000 })).body.toString('utf8');
    const forgeries: ((header: Record<string, unknown>, payload: string, signature: string) => string)[] = [
      (header, payload) => `${part({ ...header, alg: 'none' })}.${payload}.`,
      (header, payload) => {
        const input = `${part({ ...header, alg: 'HS256' })}.${payload}`;
        return `${input}.${createHmac('sha256', shown).update(input).digest('base64url')}`;
      },
      ({ kid: _kid, ...header }, payload, signature) => `${part(header)}.${payload}.${signature}`,
      (header, payload, signature) => `${part({ ...header, kid: ['x'] })}.${payload}.${signature}`,
      (header, payload, signature) => `${part({ ...header, crit: ['b64'], b64: false })}.${payload}.${signature}`,
    ];
    for (const [index, forge] of forgeries.entries()) {
      const connection = entra.connect({}, {}, async (address, request) => {
        const answer = await entra.fake.fetch(address, request);
        if (!String(address).endsWith('/token')) return answer;
        const body = JSON.parse(answer.body.toString('utf8'));
        const [header = '', payload = '', signature = ''] = body.id_token.split('.');
        const id_token = forge(JSON.parse(Buffer.from(header, 'base64url').toString()), payload, signature);
        return { ...answer, body: Buffer.from(JSON.stringify({ ...body, id_token })) };
      });
      assert.equal(await outcome(signIn(entra, connection)), 'failed', String(index));
    }
  });

  it('a v1.0 token is not believed, whether it says so by issuer or by version (F6)', async () => {
    const { behaviour } = entra.fake;
    behaviour.alter = (claims) => ({ ...claims, iss: `https://sts.windows.net/${CONTOSO}/`, ver: '1.0' });
    for (const settings of [{}, { tenants: [CONTOSO, FABRIKAM] }]) {
      assert.equal(await outcome(signIn(entra, entra.connect(settings))), 'failed');
    }
    for (const ver of ['1.0', undefined, 2]) {
      behaviour.alter = (claims) => ({ ...claims, ver });
      assert.equal(await outcome(signIn(entra, entra.connect())), 'failed', String(ver));
    }
  });

  it('each cloud is asked at its own hosts, one tenant or several, and no other cloud’s token is believed (F35)', async () => {
    const clouds = { usgov: 'login.microsoftonline.us', china: 'login.partner.microsoftonline.cn' } as const;
    for (const [cloud, host] of Object.entries(clouds) as [keyof typeof clouds, string][]) {
      for (const tenants of [[CONTOSO], [CONTOSO, FABRIKAM]]) {
        entra.fake.requests.length = 0;
        const connection = entra.connect({ cloud, tenants });
        const { url, finish } = await trip(entra, connection);
        assert.equal(url.host, host);
        assert.equal((await finish()).issuer, `https://${host}/${CONTOSO}/v2.0`);
        assert.ok(
          entra.fake.requests.every((line) => line.split(' ')[1]?.startsWith(`${host}/`)),
          entra.fake.requests.join(),
        );
      }
      entra.fake.behaviour.alter = (claims) => ({
        ...claims,
        iss: `https://login.microsoftonline.com/${CONTOSO}/v2.0`,
      });
      assert.equal(await outcome(signIn(entra, entra.connect({ cloud }))), 'failed');
      entra.fake.reset();
      entra.fake.behaviour.person = entra.ana;
    }
  });

  it('metadata that names endpoints on another host, or another issuer, is not used, and no secret leaves (F39)', async () => {
    const evil = 'https://login.evil.test/oauth2/v2.0/token';
    const changes: Record<string, unknown>[] = [
      { token_endpoint: evil },
      { authorization_endpoint: evil },
      { jwks_uri: 'https://169.254.169.254/keys' },
      { jwks_uri: 'https://graph.microsoft.com/keys' },
      { token_endpoint: 'http://login.microsoftonline.com/token' },
      { token_endpoint: undefined },
      { issuer: `https://login.microsoftonline.com/${EVIL}/v2.0` },
      { issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0' },
    ];
    const { requests, tokenRequests } = entra.fake;
    requests.length = tokenRequests.length = 0;
    for (const change of changes) {
      entra.fake.behaviour.alterMetadata = (metadata) => ({ ...metadata, ...change });
      const work = signIn(entra, entra.connect());
      const { failure, alarm } = await refusal(work);
      assert.deepEqual([failure, alarm], ['failed', 'discovery'], JSON.stringify(change));
    }
    entra.fake.behaviour.alterMetadata = (metadata) => ({
      ...metadata,
      issuer: `https://login.microsoftonline.com/${CONTOSO}/v2.0`,
    });
    assert.equal(
      await outcome(signIn(entra, entra.connect({ tenants: [CONTOSO, FABRIKAM] }))),
      'failed: misconfigured',
    );
  });
});
