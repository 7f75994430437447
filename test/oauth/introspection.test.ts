/** Introspection (RFC 7662): a resource server asks about its own tokens, and hears at once that one is gone. */
import assert from 'node:assert/strict';
import { createHash, createPublicKey } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import {
  type CryptoKey,
  decodeJwt,
  decodeProtectedHeader,
  exportSPKI,
  generateKeyPair,
  importJWK,
  SignJWT,
  UnsecuredJWT,
} from 'jose';
import { authorize, basic, introspect, registerClient } from '../flow.ts';
import { CALENDAR, type Consentry, type Registered, register, startConsentry, staticClient } from '../harness.ts';
import { createPerson, type Person } from '../person.ts';
import { connect } from './kit.ts';

const INACTIVE = { status: 200, body: { active: false } };

describe('introspection', () => {
  let consentry: Consentry;
  let calendar: Registered;
  let ana: Person;
  before(async () => {
    consentry = await startConsentry();
    calendar = await register(consentry.rooms, CALENDAR);
    ana = createPerson(consentry.issuer);
  });
  after(() => consentry?.close());

  const active = async (token: string | undefined) => (await introspect(consentry, token)).body.active;

  async function ask(fields: [string, string][], headers: Record<string, string> = {}) {
    const response = await fetch(`${consentry.issuer}/introspect`, {
      method: 'POST',
      body: new URLSearchParams(fields),
      headers,
    });
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Record<string, unknown>,
    };
  }

  it('tells the resource everything its token says', async () => {
    const { accessToken, clientId } = await connect(consentry, { person: ana });
    const claims = decodeJwt(accessToken);
    const { status, body, headers } = await ask(
      [['token', accessToken]],
      basic(consentry.mail.clientId, consentry.mail.clientSecret),
    );
    assert.equal(status, 200);
    assert.match(String(headers.get('cache-control')), /no-store/);
    const { gid: _, auth_time: __, ...said } = body;
    assert.deepEqual(said, {
      active: true,
      iss: consentry.issuer,
      sub: consentry.ana.id,
      client_id: clientId,
      aud: consentry.mail.uri,
      scope: 'mail:read',
      token_type: 'Bearer',
      jti: claims.jti,
      iat: claims.iat,
      exp: claims.exp,
    });
  });

  it('tells nobody else anything (threat 145)', async () => {
    const { accessToken, clientId } = await connect(consentry, { person: ana });
    const { client_id: confidential, client_secret: secret } = await registerClient(consentry.issuer, {
      token_endpoint_auth_method: 'client_secret_basic',
    });
    const service = await staticClient(consentry.rooms, {
      kind: 'service',
      redirectUris: [],
      access: { [consentry.mail.uri]: ['mail:read'] },
    });
    assert.deepEqual(await introspect(consentry, accessToken, calendar), INACTIVE);
    assert.deepEqual(
      await introspect(consentry, accessToken, { clientId: confidential, clientSecret: String(secret) }),
      INACTIVE,
    );
    assert.deepEqual(
      await introspect(consentry, accessToken, {
        clientId: service.clientId,
        clientSecret: String(service.clientSecret),
      }),
      INACTIVE,
    );
    const itself = await ask([
      ['token', accessToken],
      ['client_id', clientId],
    ]);
    assert.deepEqual([itself.status, itself.body], [200, { active: false }]);
  });

  it('answers a caller without or with wrong credentials with an error and nothing about the token', async () => {
    const { accessToken } = await connect(consentry, { person: ana });
    const { clientId, clientSecret } = consentry.mail;
    const answers: [Awaited<ReturnType<typeof ask>>, number, string][] = [
      [await ask([['token', accessToken]]), 400, 'invalid_request'],
      [
        await ask([
          ['token', accessToken],
          ['client_id', clientId],
        ]),
        401,
        'invalid_client',
      ],
      [await ask([['token', accessToken]], basic(clientId, calendar.clientSecret)), 401, 'invalid_client'],
      [await ask([['token', accessToken]], basic('unknown', clientSecret)), 401, 'invalid_client'],
      [await ask([], basic(clientId, clientSecret)), 400, 'invalid_request'],
      [
        await ask(
          [
            ['token', accessToken],
            ['token', accessToken],
          ],
          basic(clientId, clientSecret),
        ),
        400,
        'invalid_request',
      ],
    ];
    for (const [{ status, body }, expected, error] of answers) {
      assert.deepEqual([status, body.error, body.active], [expected, error, undefined]);
    }
  });

  it('takes the token whatever its hint says', async () => {
    const { accessToken } = await connect(consentry, { person: ana });
    for (const hint of ['access_token', 'refresh_token', 'nonsense']) {
      const { body } = await ask(
        [
          ['token', accessToken],
          ['token_type_hint', hint],
        ],
        basic(consentry.mail.clientId, consentry.mail.clientSecret),
      );
      assert.equal(body.active, true, hint);
    }
  });

  it('says inactive to what is no access token: codes, refresh and ID tokens, identifiers, garbage', async () => {
    const { client_id: clientId } = await registerClient(consentry.issuer);
    const params = { scope: 'openid mail:read' };
    const pending = await authorize(consentry, clientId, { person: ana, params });
    const tokens = await connect(consentry, { person: ana, clientId, params });
    const { jti, gid } = decodeJwt(tokens.accessToken);
    const strings = [
      pending.code,
      tokens.refreshToken,
      tokens.idToken,
      String(jti),
      `jwt.${jti}`,
      String(gid),
      'unknown',
      'a',
      'a.b.c',
      'a.b.c.d.e',
      '..',
      `${tokens.accessToken}x`,
      ` ${tokens.accessToken}`,
      '\u0000',
      'é'.repeat(2000),
    ];
    for (const string of strings) assert.deepEqual(await introspect(consentry, string), INACTIVE, string);
  });

  it('says inactive to every forgery of its own token (threat 17)', async () => {
    const { accessToken } = await connect(consentry, { person: ana });
    const claims = decodeJwt(accessToken);
    const header = decodeProtectedHeader(accessToken) as { alg: string; kid: string; typ: string };
    const { keys } = (await (await fetch(`${consentry.issuer}/jwks`)).json()) as { keys: Record<string, string>[] };
    const published = keys.find(({ kid }) => kid === header.kid) ?? {};
    const spki = await exportSPKI((await importJWK(published, 'ES256')) as CryptoKey);
    const { privateKey } = await generateKeyPair('ES256');
    const [head, , signature] = accessToken.split('.');
    const widened = Buffer.from(JSON.stringify({ ...claims, scope: 'mail:read mail:send' })).toString('base64url');
    const sign = (alg: string, key: CryptoKey | Uint8Array, protectedHeader = {}) =>
      new SignJWT(claims).setProtectedHeader({ ...header, alg, ...protectedHeader }).sign(key);
    const own = await importJWK({ ...published }, 'ES256').then(() =>
      createPublicKey(spki).export({ type: 'spki', format: 'der' }),
    );
    const forgeries = {
      'another key under our kid': await sign('ES256', privateKey),
      'another key brought along': await sign('ES256', privateKey, { jwk: published }),
      'HS256 with our public key in PEM': await sign('HS256', Buffer.from(spki)),
      'HS256 with our public key in DER': await sign('HS256', own),
      'HS256 with the digest of our key': await sign('HS256', createHash('sha256').update(spki).digest()),
      'no signature': new UnsecuredJWT(claims).encode(),
      'no algorithm, our signature': `${Buffer.from(JSON.stringify({ ...header, alg: 'none' })).toString('base64url')}.${accessToken.split('.')[1]}.${signature}`,
      'other claims, our signature': `${head}.${widened}.${signature}`,
    };
    for (const [what, forgery] of Object.entries(forgeries))
      assert.deepEqual(await introspect(consentry, forgery), INACTIVE, what);
    assert.equal(await active(accessToken), true);
  });

  it('says inactive to a token of another issuer', async () => {
    const other = await startConsentry();
    try {
      const { accessToken } = await connect(other);
      assert.equal((await introspect(other, accessToken)).body.active, true);
      assert.deepEqual(await introspect(consentry, accessToken), INACTIVE);
    } finally {
      await other.close();
    }
  });
});
