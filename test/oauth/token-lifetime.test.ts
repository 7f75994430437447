/** How long an access token lives is what was said of its MCP server, by whatever grant it comes. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decodeJwt } from 'jose';
import { basic, refresh, tokenRequest } from '../flow.ts';
import { type Consentry, sql, startConsentry, staticClient } from '../harness.ts';
import { connect } from './kit.ts';

describe('the lifetime of an access token', () => {
  let consentry: Consentry;
  before(async () => {
    consentry = await startConsentry();
    await sql(consentry, 'UPDATE resources SET token_seconds = 120 WHERE uri = $1', [consentry.mail.uri]);
  });
  after(() => consentry?.close());

  const lifetime = (token: string | undefined) => {
    const { exp = 0, iat = 0 } = decodeJwt(String(token));
    return exp - iat;
  };

  it('is that of its MCP server, by a code and by refresh', async () => {
    const { clientId, accessToken, refreshToken } = await connect(consentry);
    assert.equal(lifetime(accessToken), 120);
    const { body } = await refresh(consentry, clientId, refreshToken);
    assert.deepEqual([body.expires_in, lifetime(body.access_token)], [120, 120]);
    await sql(consentry, 'UPDATE resources SET token_seconds = 3600 WHERE uri = $1', [consentry.mail.uri]);
    const later = await refresh(consentry, clientId, body.refresh_token);
    assert.equal(lifetime(later.body.access_token), 3600);
    await sql(consentry, 'UPDATE resources SET token_seconds = 120 WHERE uri = $1', [consentry.mail.uri]);
  });

  it('is that of its MCP server also where a service acts for nobody', async () => {
    const access = { [consentry.mail.uri]: ['mail:read'] };
    const made = await staticClient(consentry.rooms, { kind: 'service', redirectUris: [], access });
    const fields = { grant_type: 'client_credentials', resource: consentry.mail.uri, scope: 'mail:read' };
    const { body } = await tokenRequest(consentry.issuer, fields, basic(made.clientId, made.clientSecret));
    assert.deepEqual([body.expires_in, lifetime(body.access_token)], [120, 120]);
  });
});
