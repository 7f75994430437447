/** The token endpoint (OAuth 2.1 §3.2): what redeems a code, and the name of every error. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { authorize, basic, registerClient, tokenRequest } from '../flow.ts';
import { type Consentry, startConsentry } from '../harness.ts';
import { createPerson, type Person } from '../person.ts';

describe('token endpoint', () => {
  let consentry: Consentry;
  let ana: Person;
  let clientId: string;
  let confidential: { client_id: string; client_secret?: string };
  before(async () => {
    consentry = await startConsentry();
    ana = createPerson(consentry.issuer);
    clientId = (await registerClient(consentry.issuer)).client_id;
    confidential = await registerClient(consentry.issuer, { token_endpoint_auth_method: 'client_secret_basic' });
  });
  after(() => consentry?.close());

  const secret = () => basic(confidential.client_id, confidential.client_secret);

  async function raw(body: string, type = 'application/x-www-form-urlencoded', headers: Record<string, string> = {}) {
    const response = await fetch(`${consentry.issuer}/token`, {
      method: 'POST',
      body,
      headers: { 'content-type': type, ...headers },
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: JSON.parse(text) as Record<string, string> };
  }

  it('answers a code with exactly what RFC 6749 names, never cached', async () => {
    const { code, verifier, redirectUri } = await authorize(consentry, clientId, { person: ana });
    const fields = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: clientId,
      code,
      code_verifier: verifier,
      redirect_uri: redirectUri,
    });
    const { status, headers, body } = await raw(fields.toString());
    assert.equal(status, 200);
    assert.match(String(headers.get('content-type')), /^application\/json/);
    assert.match(String(headers.get('cache-control')), /no-store/);
    const { access_token: accessToken, refresh_token: refreshToken, ...rest } = body;
    assert.ok(accessToken && refreshToken);
    assert.deepEqual(rest, { token_type: 'Bearer', expires_in: 600, scope: 'mail:read' });
  });

  it('names what is wrong with a request', async () => {
    const authorized = await authorize(consentry, clientId, { person: ana });
    const code = {
      grant_type: 'authorization_code',
      client_id: clientId,
      code: authorized.code,
      code_verifier: authorized.verifier,
      redirect_uri: authorized.redirectUri,
    };
    const wrong: [Record<string, string | undefined>, number, string][] = [
      [{ ...code, grant_type: undefined }, 400, 'invalid_request'],
      [{ ...code, grant_type: '' }, 400, 'invalid_request'],
      [{ ...code, grant_type: 'password', username: 'ana@contoso.test', password: 'x' }, 400, 'unsupported_grant_type'],
      [{ ...code, grant_type: 'implicit' }, 400, 'unsupported_grant_type'],
      [{ ...code, grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange' }, 400, 'unsupported_grant_type'],
      [{ ...code, grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer' }, 400, 'unsupported_grant_type'],
      [{ ...code, grant_type: 'client_credentials' }, 400, 'unauthorized_client'],
      [
        { ...code, grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: 'x' },
        400,
        'unauthorized_client',
      ],
      [{ ...code, code: undefined }, 400, 'invalid_request'],
      [{ ...code, code: 'unknown' }, 400, 'invalid_grant'],
      [{ ...code, resource: 'http://127.0.0.1:9/elsewhere' }, 400, 'invalid_target'],
      [{ ...code, client_id: undefined }, 400, 'invalid_request'],
      [{ ...code, client_id: 'unknown' }, 401, 'invalid_client'],
      [{ ...code, client_id: confidential.client_id }, 401, 'invalid_client'],
      [{ ...code, client_secret: 'a public client has none' }, 401, 'invalid_client'],
      [{ grant_type: 'refresh_token', client_id: clientId }, 400, 'invalid_request'],
      [{ grant_type: 'refresh_token', client_id: clientId, refresh_token: 'unknown' }, 400, 'invalid_grant'],
    ];
    for (const [fields, status, error] of wrong) {
      const answer = await tokenRequest(consentry.issuer, fields);
      assert.deepEqual(tupleOf(answer), [status, error], JSON.stringify(fields));
      assert.deepEqual(
        Object.keys(answer.body).filter((name) => !['error', 'error_description', 'scope'].includes(name)),
        [],
      );
    }
  });

  it('names what is wrong with credentials, and asks for them where they came in a header', async () => {
    const fields = `grant_type=refresh_token&refresh_token=x`;
    const form = 'application/x-www-form-urlencoded';
    const wrong: [string, Record<string, string>, number, string][] = [
      [fields, basic(confidential.client_id, 'wrong'), 401, 'invalid_client'],
      [fields, basic('unknown', 'wrong'), 401, 'invalid_client'],
      [fields, basic(clientId, 'a public client has none'), 401, 'invalid_client'],
      [fields, basic(confidential.client_id, ''), 400, 'invalid_request'],
      [fields, { authorization: 'Basic nonsense!' }, 400, 'invalid_request'],
      [fields, { authorization: 'Bearer x' }, 400, 'invalid_request'],
      [`${fields}&client_id=${clientId}`, secret(), 400, 'invalid_request'],
      [`${fields}&client_secret=${confidential.client_secret}`, secret(), 400, 'invalid_request'],
      [`${fields}&client_id=${clientId}&client_id=${clientId}`, {}, 400, 'invalid_request'],
    ];
    for (const [body, headers, status, error] of wrong) {
      const answer = await raw(body, form, headers);
      assert.deepEqual([answer.status, answer.body.error], [status, error], `${body} ${JSON.stringify(headers)}`);
      if (status === 401) assert.match(String(answer.headers.get('www-authenticate')), /^Basic /);
    }
  });

  it('refuses what is no form, comes twice or is too large, with a reason', async () => {
    const authorized = await authorize(consentry, clientId, { person: ana });
    const fields = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: clientId,
      code: authorized.code,
      code_verifier: authorized.verifier,
      redirect_uri: authorized.redirectUri,
    });
    const form = 'application/x-www-form-urlencoded';
    for (const [body, type, status, error] of [
      [JSON.stringify(Object.fromEntries(fields)), 'application/json', 400, 'invalid_request'],
      ['', form, 400, 'invalid_request'],
      [`${fields}&code=x`, form, 400, 'invalid_request'],
      [`${fields}&grant_type=authorization_code`, form, 400, 'invalid_request'],
      [`${fields}&pad=${'x'.repeat(70_000)}`, form, 413, 'invalid_request'],
    ] as const) {
      const answer = await raw(body, type);
      assert.deepEqual([answer.status, answer.body.error], [status, error], body.slice(0, 80));
    }
    assert.equal((await fetch(`${consentry.issuer}/token`)).status, 404);
    assert.equal((await raw(fields.toString())).status, 200);
  });
});

function tupleOf({ status, body }: { status: number; body: Record<string, unknown> }) {
  return [status, body.error];
}
