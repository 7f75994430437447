/** Revocation (RFC 7009): a client gives its token back, and the whole sign-in ends. Anybody else changes nothing. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decodeJwt } from 'jose';
import { authorize, basic, introspect, refresh, registerClient, revokeToken, tokenRequest } from '../flow.ts';
import { type Consentry, sql, startConsentry, staticClient } from '../harness.ts';
import { createPerson, type Person } from '../person.ts';
import { connect } from './kit.ts';

describe('revocation', () => {
  let consentry: Consentry;
  let ana: Person;
  before(async () => {
    consentry = await startConsentry();
    ana = createPerson(consentry.issuer);
  });
  after(() => consentry?.close());

  const active = async (token: string | undefined) => (await introspect(consentry, token)).body.active;

  async function post(fields: [string, string][], headers: Record<string, string> = {}) {
    const response = await fetch(`${consentry.issuer}/revoke`, {
      method: 'POST',
      body: new URLSearchParams(fields),
      headers,
    });
    return { status: response.status, text: await response.text() };
  }

  async function assertLives({
    clientId,
    accessToken,
    refreshToken,
  }: {
    clientId: string;
    accessToken: string;
    refreshToken: string;
  }) {
    assert.equal(await active(accessToken), true);
    assert.equal((await refresh(consentry, clientId, refreshToken)).status, 200);
  }

  it('of the access token ends the refresh token with it, and says nothing', async () => {
    const { clientId, accessToken, refreshToken } = await connect(consentry, { person: ana });
    assert.deepEqual(await revokeToken(consentry, clientId, accessToken), { status: 200, text: '' });
    assert.equal(await active(accessToken), false);
    assert.equal((await refresh(consentry, clientId, refreshToken)).body.error, 'invalid_grant');
    const { jti } = decodeJwt(accessToken);
    const events = await sql<{ type: string; token_id: string }>(
      consentry,
      "SELECT type, token_id FROM audit_events WHERE type = 'token.revoked' AND client_id = $1",
      [clientId],
    );
    assert.deepEqual(events, [{ type: 'token.revoked', token_id: jti }]);
  });

  it('of the refresh token ends every access token made with it', async () => {
    const { clientId, accessToken, refreshToken } = await connect(consentry, { person: ana });
    const { body } = await refresh(consentry, clientId, refreshToken);
    assert.deepEqual(await revokeToken(consentry, clientId, body.refresh_token), { status: 200, text: '' });
    assert.deepEqual([await active(accessToken), await active(body.access_token)], [false, false]);
  });

  it('of a refresh token used up ends its successors too', async () => {
    const { clientId, refreshToken } = await connect(consentry, { person: ana });
    const { body } = await refresh(consentry, clientId, refreshToken);
    assert.equal((await revokeToken(consentry, clientId, refreshToken)).status, 200);
    assert.equal(await active(body.access_token), false);
    assert.equal((await refresh(consentry, clientId, body.refresh_token)).body.error, 'invalid_grant');
  });

  it('ends one sign-in: another of the same client lives on', async () => {
    const one = await connect(consentry, { person: ana });
    const other = await connect(consentry, { person: ana, clientId: one.clientId });
    await revokeToken(consentry, one.clientId, one.accessToken);
    assert.equal(await active(one.accessToken), false);
    await assertLives(other);
  });

  it("by anybody but the token's own client changes nothing, and says no more than for a token nobody knows", async () => {
    const tokens = await connect(consentry, { person: ana });
    const { client_id: stranger } = await registerClient(consentry.issuer);
    const { clientId, clientSecret } = consentry.mail;
    for (const token of [tokens.accessToken, tokens.refreshToken]) {
      const unknown = await revokeToken(consentry, stranger, 'unknown');
      assert.deepEqual(await revokeToken(consentry, stranger, token), unknown);
      assert.deepEqual(await post([['token', token]], basic(clientId, clientSecret)), unknown);
    }
    await assertLives(tokens);
  });

  it('of what is no token of ours is 200 and changes nothing', async () => {
    const params = { scope: 'openid mail:read' };
    const tokens = await connect(consentry, { person: ana, params });
    const { jti, gid } = decodeJwt(tokens.accessToken);
    const [header, , signature] = tokens.accessToken.split('.');
    const foreign = Buffer.from(
      JSON.stringify({ ...decodeJwt(tokens.accessToken), iss: 'https://other.example' }),
    ).toString('base64url');
    for (const token of [
      'garbage',
      'a.b.c',
      'a.b.c.d.e',
      `${header}.${foreign}.${signature}`,
      tokens.idToken,
      String(jti),
      `jwt.${jti}`,
      String(gid),
    ]) {
      assert.deepEqual(await revokeToken(consentry, tokens.clientId, token), { status: 200, text: '' }, token);
    }
    await assertLives(tokens);
  });

  it('twice, or with any hint, is 200', async () => {
    const { clientId, accessToken, refreshToken } = await connect(consentry, { person: ana });
    for (const [token, hint] of [
      [accessToken, 'refresh_token'],
      [accessToken, 'access_token'],
      [refreshToken, 'access_token'],
      [refreshToken, 'nonsense'],
    ] as const) {
      assert.equal(
        (
          await post([
            ['token', token],
            ['token_type_hint', hint],
            ['client_id', clientId],
          ])
        ).status,
        200,
      );
    }
    assert.equal(await active(accessToken), false);
  });

  it("needs a token and the client's own credentials", async () => {
    const { client_id: clientId, client_secret: secret } = await registerClient(consentry.issuer, {
      token_endpoint_auth_method: 'client_secret_post',
    });
    const authorized = await authorize(consentry, clientId, { person: ana });
    const { body } = await tokenRequest(consentry.issuer, {
      grant_type: 'authorization_code',
      client_id: clientId,
      client_secret: secret,
      code: authorized.code,
      code_verifier: authorized.verifier,
      redirect_uri: authorized.redirectUri,
    });
    const token = String(body.access_token);
    const answers: [Awaited<ReturnType<typeof post>>, number, string][] = [
      [await post([['token', token]]), 400, 'invalid_request'],
      [
        await post([
          ['token', token],
          ['client_id', clientId],
        ]),
        401,
        'invalid_client',
      ],
      [
        await post([
          ['token', token],
          ['client_id', clientId],
          ['client_secret', 'wrong'],
        ]),
        401,
        'invalid_client',
      ],
      [
        await post([
          ['token', token],
          ['client_id', 'unknown'],
        ]),
        401,
        'invalid_client',
      ],
      [
        await post([
          ['client_id', clientId],
          ['client_secret', String(secret)],
        ]),
        400,
        'invalid_request',
      ],
    ];
    for (const [answer, status, error] of answers)
      assert.deepEqual([answer.status, JSON.parse(answer.text).error], [status, error]);
    assert.equal(await active(token), true);
    assert.equal(
      (
        await post([
          ['token', token],
          ['client_id', clientId],
          ['client_secret', String(secret)],
        ])
      ).status,
      200,
    );
    assert.equal(await active(token), false);
  });

  it('of one token of a service leaves its others', async () => {
    const { clientId, clientSecret } = await staticClient(consentry.rooms, {
      kind: 'service',
      redirectUris: [],
      access: { [consentry.mail.uri]: ['mail:read'] },
    });
    const ask = () =>
      tokenRequest(
        consentry.issuer,
        { grant_type: 'client_credentials', resource: consentry.mail.uri, scope: 'mail:read' },
        basic(clientId, clientSecret),
      );
    const [one, other] = [await ask(), await ask()];
    assert.equal((await post([['token', String(one.body.access_token)]], basic(clientId, clientSecret))).status, 200);
    assert.deepEqual([await active(one.body.access_token), await active(other.body.access_token)], [false, true]);
  });
});
