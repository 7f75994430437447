/** How Consentry proves to Entra ID, and to others, that it is itself (F28, F29). */
import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { compactVerify, decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { privateKeyJwt } from '../../../src/federation/client-authentication.ts';
import { UpstreamFailed } from '../../../src/federation/upstream-failed.ts';
import { Aadsts } from '../../fakes/entra/errors.ts';
import { assertionKey, checked, type Entra, outcome, refusal, signIn, startEntra } from './kit.ts';

const [A, B, EXPIRED] = [assertionKey('a'), assertionKey('b'), assertionKey('expired')];
const CERTIFICATE = { authentication: 'certificate' } as const;

describe('client authentication at Entra ID', () => {
  let entra: Entra;
  let folder: string;
  before(async () => {
    entra = await startEntra();
    folder = await mkdtemp(join(tmpdir(), 'consentry-entra-'));
  });
  beforeEach(() => entra.reset());
  after(async () => {
    await entra?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const sent = () => entra.fake.tokenRequests.at(-1) as URLSearchParams;
  const thumbprint = (pem: string) => createHash('sha256').update(new X509Certificate(pem).raw).digest('base64url');

  it('a certificate signs PS256 for the token endpoint, named by its SHA-256 thumbprint, for minutes, once (F28)', async () => {
    entra.app.certificates = [A.certificate];
    const connection = entra.connect(CERTIFICATE, { certificates: [A] });
    const said = await signIn(entra, connection);
    const assertion = String(sent().get('client_assertion'));
    assert.equal(sent().has('client_secret'), false);
    const header = decodeProtectedHeader(assertion);
    assert.deepEqual([header.alg, header['x5t#S256'], 'kid' in header], ['PS256', thumbprint(A.certificate), false]);
    const { aud, iss, sub, jti, nbf = 0, exp = 0 } = decodeJwt(assertion);
    assert.equal(aud, `https://login.microsoftonline.com/${entra.app.tenant}/oauth2/v2.0/token`);
    assert.deepEqual([iss, sub], [entra.app.clientId, entra.app.clientId]);
    assert.ok(exp - nbf >= 60 && exp - nbf <= 600);
    assert.match(String(jti), /^[0-9a-f]{8}-/);
    // The fake refuses an assertion that comes twice.
    assert.equal((await connection.check(checked(said))).state, 'alive');
    assert.notEqual(decodeJwt(String(sent().get('client_assertion'))).jti, jti);
  });

  it('of two certificates the newer is sent, and the older where Entra does not know the newer yet (F28)', async () => {
    entra.app.certificates = [A.certificate];
    const connection = entra.connect(CERTIFICATE, { certificates: [B, A] });
    entra.fake.tokenRequests.length = 0;
    await signIn(entra, connection);
    const used = () =>
      entra.fake.tokenRequests.map((body) => decodeProtectedHeader(String(body.get('client_assertion')))['x5t#S256']);
    assert.deepEqual(used(), [thumbprint(B.certificate), thumbprint(A.certificate)]);
    // It remembers for a while; then the newer has its chance again.
    await signIn(entra, connection);
    assert.equal(used().length, 3);
    entra.app.certificates = [A.certificate, B.certificate];
    entra.clock.ahead = 11 * 60_000;
    await signIn(entra, connection);
    assert.deepEqual(used().slice(2), [thumbprint(A.certificate), thumbprint(B.certificate)]);
  });

  it('where Entra knows neither, both are tried once, and the operator is told (F28)', async () => {
    const connection = entra.connect(CERTIFICATE, { certificates: [B, A] });
    entra.fake.tokenRequests.length = 0;
    const error = await refusal(signIn(entra, connection));
    assert.deepEqual([error.failure, error.reason, error.alarm], ['failed', 'misconfigured', 'aadsts_700027']);
    assert.equal(entra.fake.tokenRequests.length, 2);
  });

  it('a certificate that has ended is not sent: another is, or the operator is told (F28)', async () => {
    entra.app.certificates = [A.certificate, EXPIRED.certificate];
    await signIn(entra, entra.connect(CERTIFICATE, { certificates: [EXPIRED, A] }));
    assert.equal(decodeProtectedHeader(String(sent().get('client_assertion')))['x5t#S256'], thumbprint(A.certificate));
    entra.fake.tokenRequests.length = 0;
    const error = await refusal(signIn(entra, entra.connect(CERTIFICATE, { certificates: [EXPIRED] })));
    assert.deepEqual([error.reason, error.alarm], ['misconfigured', 'client_authentication']);
    assert.equal(entra.fake.tokenRequests.length, 0);
  });

  it('a clock that is four minutes off is borne, ten are not, and that says nothing of the person (F28)', async () => {
    entra.app.certificates = [A.certificate];
    const connection = entra.connect(CERTIFICATE, { certificates: [A] });
    const known = checked(await signIn(entra, connection));
    for (const skew of [-240, 240]) {
      entra.fake.behaviour.skew = skew;
      entra.fake.behaviour.alter = (claims) => ({ ...claims, nbf: undefined, exp: Math.floor(Date.now() / 1000) + 60 });
      assert.equal((await connection.check(known)).state, 'alive', String(skew));
    }
    for (const skew of [-1_200, 1_200]) {
      entra.fake.behaviour.skew = skew;
      const late = await connection.check(known);
      assert.deepEqual([late.state, 'alarm' in late && late.alarm], ['unreachable', 'aadsts_700024']);
    }
  });

  it('a federated credential is read at each use, and sent as it is', async () => {
    const path = join(folder, 'token');
    const { privateKey, publicKey } = await generateKeyPair('RS256');
    const [issuer, subject, audience] = [
      'https://oidc.cluster.test',
      'system:serviceaccount:mcp:consentry',
      'api://AzureADTokenExchange',
    ];
    entra.app.federated = [{ issuer, subject, audience, key: await exportJWK(publicKey) }];
    const token = (aud: string, run: number) =>
      new SignJWT({ run })
        .setProtectedHeader({ alg: 'RS256' })
        .setIssuer(issuer)
        .setSubject(subject)
        .setAudience(aud)
        .setExpirationTime('1h')
        .sign(privateKey);
    const connection = entra.connect({ authentication: 'federated_credential', federatedTokenFile: path });
    for (const run of [1, 2]) {
      await writeFile(path, `${await token(audience, run)}\n`);
      await signIn(entra, connection);
      assert.equal(decodeJwt(String(sent().get('client_assertion'))).run, run);
      assert.equal(sent().has('client_secret'), false);
    }
    await writeFile(path, await token('api://other', 3));
    assert.equal((await refusal(signIn(entra, connection))).alarm, 'aadsts_70021');
    for (const content of ['', 'not a token', `${'x'.repeat(40_000)}.x.x`]) {
      await writeFile(path, content);
      assert.equal((await refusal(signIn(entra, connection))).alarm, 'client_authentication', content.slice(0, 20));
    }
    await rm(path);
    const gone = await refusal(signIn(entra, connection));
    assert.equal(gone.alarm, 'client_authentication');
    assert.ok(!String(gone.detail).includes(folder) && !gone.message.includes(folder));
  });

  it('a secret that is wrong, has expired or is missing alarms the operator, and ends nobody (F29)', async () => {
    const connection = entra.connect();
    const known = checked(await signIn(entra, connection));
    const cases: [number, () => void][] = [
      [7000222, () => Object.assign(entra.app.secrets[0] ?? {}, { expiresAt: 1 })],
      [7000215, () => (entra.app.secrets = [])],
    ];
    for (const [code, happens] of cases) {
      happens();
      const error = await refusal(signIn(entra, connection));
      assert.deepEqual([error.failure, error.reason, error.alarm], ['failed', 'misconfigured', `aadsts_${code}`]);
      const liveness = await connection.check(known);
      assert.deepEqual([liveness.state, 'alarm' in liveness && liveness.alarm], ['unreachable', `aadsts_${code}`]);
      entra.reset();
    }
    const none = entra.connect({}, { clientSecret: undefined });
    assert.equal((await refusal(signIn(entra, none))).alarm, 'client_authentication');
  });

  it('the code of an error is read also where a challenge stands in the header (F29)', async () => {
    entra.app.secrets = [];
    const connection = entra.connect({}, {}, async (address, request) => {
      const answer = await entra.fake.fetch(address, request);
      if (answer.status === 401) answer.headers.set('www-authenticate', 'Basic realm="x"');
      return answer;
    });
    assert.equal((await refusal(signIn(entra, connection))).alarm, 'aadsts_7000215');
  });

  it('no error, and nothing in its chain, holds a secret, a code or a token', async () => {
    for (const make of [() => new Aadsts(7000215), () => new Aadsts(50105), () => new Aadsts(90024)]) {
      entra.fake.behaviour.tokenError = make();
      const error = await refusal(signIn(entra, entra.connect()));
      const { code = '', client_secret: secret = '', code_verifier: verifier = '' } = Object.fromEntries(sent());
      let at: unknown = error;
      for (let depth = 0; depth < 5 && at instanceof Error; depth += 1) {
        const shown = `${at.stack} ${JSON.stringify(at, Object.getOwnPropertyNames(at))}`;
        for (const private_ of [code, secret, verifier]) assert.ok(private_ && !shown.includes(private_));
        at = at.cause;
      }
    }
    assert.equal(await outcome(signIn(entra, entra.connect())), 'unavailable');
  });
});

describe('private_key_jwt at any other provider', () => {
  it('names the key by its RFC 7638 thumbprint, in an algorithm the provider takes', async () => {
    const body = new URLSearchParams();
    const server = { issuer: 'https://idp.test', token_endpoint: 'https://idp.test/token' };
    const authenticate = privateKeyJwt({ certificates: [EXPIRED, A] }, () => new Date());
    for (const [listed, alg] of [
      [undefined, 'PS256'],
      [['RS256', 'PS256'], 'PS256'],
      [['RS256', 'ES256'], 'RS256'],
    ] as const) {
      const metadata = {
        ...server,
        ...(listed ? { token_endpoint_auth_signing_alg_values_supported: [...listed] } : {}),
      };
      await authenticate(metadata, { client_id: 'ours' }, body, new Headers());
      const assertion = String(body.get('client_assertion'));
      const { kid, alg: used } = decodeProtectedHeader(assertion);
      assert.equal(used, alg);
      assert.match(String(kid), /^[\w-]{43}$/);
      await compactVerify(assertion, createPublicKey(A.certificate));
      assert.deepEqual([decodeJwt(assertion).aud, decodeJwt(assertion).iss], ['https://idp.test', 'ours']);
    }
  });

  it('takes a key that has no certificate, of either kind, and none whose certificate has ended', async () => {
    const body = new URLSearchParams();
    const server = { issuer: 'https://idp.test', token_endpoint: 'https://idp.test/token' };
    const ec = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const alone = privateKeyJwt({ certificates: [{ certificate: '', privateKey: ec.privateKey }] }, () => new Date());
    await alone(server, { client_id: 'ours' }, body, new Headers());
    assert.equal(
      (await compactVerify(String(body.get('client_assertion')), createPublicKey(ec.publicKey))).protectedHeader.alg,
      'ES256',
    );
    const ended = privateKeyJwt({ certificates: [EXPIRED] }, () => new Date());
    await assert.rejects(async () => ended(server, { client_id: 'ours' }, body, new Headers()), UpstreamFailed);
  });
});
