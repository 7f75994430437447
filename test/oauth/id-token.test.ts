/** ID tokens (OpenID Connect Core §2): only for who asks for openid, and no claim that the person did not tick. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { createVerifier } from '../../src/guard/index.ts';
import { approve, authorizationUrl, authorize, redeem, refresh, registerClient } from '../flow.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';
import { createPerson, type Person } from '../person.ts';
import { connect } from './kit.ts';

const ALL = 'openid profile email mail:read';

describe('ID token', () => {
  let consentry: Consentry;
  let ana: Person;
  before(async () => {
    consentry = await startConsentry();
    await sql(consentry, 'UPDATE accounts SET name = $1 WHERE id = $2', ['Ana Silva', consentry.ana.id]);
    ana = createPerson(consentry.issuer);
  });
  after(() => consentry?.close());

  /** The claims about the person. */
  function person(idToken: string | undefined): Record<string, unknown> {
    const { name, email, email_verified: verified } = decodeJwt(String(idToken));
    return Object.fromEntries(Object.entries({ name, email, verified }).filter(([, value]) => value !== undefined));
  }

  it('says who signed in, to this client, for this request, under our key', async () => {
    const { client_id: clientId } = await registerClient(consentry.issuer);
    const { idToken } = await connect(consentry, {
      person: ana,
      clientId,
      params: { scope: ALL, nonce: 'once', max_age: '600' },
    });
    const keys = createRemoteJWKSet(new URL(`${consentry.issuer}/jwks`));
    const { payload, protectedHeader } = await jwtVerify(String(idToken), keys, {
      issuer: consentry.issuer,
      audience: clientId,
    });
    assert.equal(protectedHeader.alg, 'ES256');
    assert.equal(payload.sub, consentry.ana.id);
    assert.equal(payload.aud, clientId);
    assert.equal(payload.nonce, 'once');
    // OpenID Connect Core §2: there because max_age asked for it.
    assert.ok(Number(payload.iat) - Number(payload.auth_time) < 600);
    assert.equal(Number(payload.exp) - Number(payload.iat), 600);
  });

  it('is not there without openid', async () => {
    for (const scope of [undefined, 'mail:read', 'profile email mail:read']) {
      const { idToken, accessToken } = await connect(consentry, { person: ana, params: { scope } });
      assert.equal(idToken, undefined);
      assert.doesNotMatch(JSON.stringify(decodeJwt(accessToken)), /contoso|Silva/);
    }
  });

  it('carries name and address where both stayed ticked, and neither ever reaches the access token', async () => {
    const { idToken, accessToken, clientId, refreshToken } = await connect(consentry, {
      person: ana,
      params: { scope: ALL },
    });
    assert.deepEqual(person(idToken), { name: 'Ana Silva', email: consentry.ana.email, verified: false });
    const { body } = await refresh(consentry, clientId, refreshToken);
    assert.deepEqual(person(body.id_token), { name: 'Ana Silva', email: consentry.ana.email, verified: false });
    for (const token of [accessToken, body.access_token]) {
      assert.doesNotMatch(JSON.stringify(decodeJwt(String(token))), /contoso|Silva|openid/);
    }
  });

  it('lists the three in words on the page, and unticking one takes its claims away, also at a refresh (threat 66)', async () => {
    const { client_id: clientId } = await registerClient(consentry.issuer);
    const page = await ana.open(authorizationUrl(consentry, clientId, { scope: ALL }).url);
    for (const scope of ['openid', 'profile', 'email']) assert.match(page.html, new RegExp(`value="${scope}"`));
    assert.match(page.html, /e-mail address/i);
    for (const [scope, claims] of [
      [['openid', 'mail:read'], {}],
      [['openid', 'profile', 'mail:read'], { name: 'Ana Silva' }],
      [['openid', 'email', 'mail:read'], { email: consentry.ana.email, verified: false }],
    ] as const) {
      const tokens = await connect(consentry, {
        person: ana,
        clientId,
        params: { scope: ALL },
        consent: { scope: [...scope] },
      });
      assert.deepEqual(person(tokens.idToken), claims);
      const { body } = await refresh(consentry, clientId, tokens.refreshToken);
      assert.deepEqual(person(body.id_token), claims);
    }
    const none = await connect(consentry, {
      person: ana,
      clientId,
      params: { scope: ALL },
      consent: { scope: ['profile', 'email', 'mail:read'] },
    });
    assert.equal(none.idToken, undefined, 'openid was unticked');
  });

  it('gives no claim for the asking (threat 64)', async () => {
    const { client_id: clientId } = await registerClient(consentry.issuer);
    const claims = JSON.stringify({ id_token: { email: { essential: true }, name: null }, userinfo: { email: null } });
    const params = { scope: 'openid mail:read', claims, login_hint: 'bob@contoso.test', acr_values: 'high' };
    const authorized = await authorize(consentry, clientId, { person: ana, params });
    const { body } = await redeem(consentry, clientId, authorized);
    assert.deepEqual(person(body.id_token), {});
    assert.equal(decodeJwt(String(body.id_token)).sub, consentry.ana.id);
  });

  it('is no access token: no MCP server takes it', async () => {
    const { idToken } = await connect(consentry, { person: ana, params: { scope: ALL } });
    for (const resource of [consentry.mail.uri, String(decodeJwt(String(idToken)).aud)]) {
      const make = () =>
        createVerifier({ issuer: consentry.issuer, resource, scopes: {}, error: (code) => new Error(code) });
      if (URL.canParse(resource)) await assert.rejects(make().verifyAccessToken(String(idToken)), /invalid_token/);
    }
  });

  it('names people by identifiers that no client can have (threat 77)', async () => {
    const rows = await sql(consentry, 'SELECT 1 FROM accounts a JOIN clients c ON c.id = a.id');
    assert.deepEqual(rows, []);
    const shapes = await sql<{ account: string; client: string }>(
      consentry,
      'SELECT a.id AS account, c.id AS client FROM accounts a, clients c',
    );
    for (const { account, client } of shapes) {
      assert.match(account, /^[\w-]{22}$/);
      assert.match(client, /^(rs_[\da-f]{24}|[\da-f]{32})$/);
    }
  });

  it('is asked of a person, not told by a hint: a hint of somebody else changes nobody', async () => {
    const { idToken, clientId } = await connect(consentry, { person: ana, params: { scope: ALL } });
    const page = await ana.open(authorizationUrl(consentry, clientId, { id_token_hint: idToken, scope: ALL }).url);
    assert.match(page.html, /value="approve"/);
    assert.ok((await approve(ana, page)).left?.searchParams.get('code'));
    const stranger = await createPerson(consentry.issuer).open(
      authorizationUrl(consentry, clientId, { id_token_hint: idToken, scope: ALL }).url,
    );
    assert.match(stranger.html, /name="password"/);
    assert.doesNotMatch(stranger.html, /contoso|Silva/);
  });
});
