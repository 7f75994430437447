/** Methods and bodies that no client would send: refused, never a fault of ours. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startConnected } from '../connected.ts';
import { authorizationUrl, authorize, basic } from '../flow.ts';
import type { Consentry } from '../harness.ts';
import type { Person } from '../person.ts';
import { FORM, postBytes, raw } from './raw.ts';

describe('methods and bodies', () => {
  let consentry: Consentry;
  let ana: Person;
  let clientId: string;
  before(async () => {
    ({ consentry, ana, clientId } = await startConnected());
  });
  after(() => consentry?.close());

  const host = () => new URL(consentry.issuer).host;
  const post = (path: string, body: string | URLSearchParams, headers?: Record<string, string>) =>
    postBytes(consentry.issuer + path, body, headers);

  it('an endpoint answers its own methods only', async () => {
    const endpoints: Record<string, string[]> = {
      '/token': ['POST'],
      '/revoke': ['POST'],
      '/introspect': ['POST'],
      '/par': ['POST'],
      '/authorize': ['GET', 'HEAD'],
      '/jwks': ['GET', 'HEAD'],
      '/account/password': ['GET', 'HEAD', 'POST'],
    };
    for (const [path, methods] of Object.entries(endpoints)) {
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND']) {
        const answer = await raw(
          consentry.issuer,
          `${method} ${path} HTTP/1.1`,
          `Host: ${host()}`,
          'Content-Length: 0',
          'Accept: text/html',
        );
        const status = Number(answer.split(' ')[1]);
        assert.equal(status === 404 || status === 405, !methods.includes(method), `${method} ${path} ${status}`);
        assert.ok(status < 500, `${method} ${path} ${status}`);
      }
    }
  });

  it('/token takes a form and nothing that resembles one', async () => {
    const { code, verifier, redirectUri } = await authorize(consentry, clientId, { person: ana });
    const fields = {
      grant_type: 'authorization_code',
      client_id: clientId,
      code,
      code_verifier: verifier,
      redirect_uri: redirectUri,
    };
    const form = new URLSearchParams(fields).toString();
    const attempts: [Record<string, string>, string][] = [
      [{ 'content-type': 'application/json' }, JSON.stringify(fields)],
      [{ 'content-type': 'text/plain' }, form],
      [{ 'content-type': 'multipart/form-data; boundary=x' }, form],
      [{ 'content-type': 'application/x-www-form-urlencoded-x' }, form],
      [{}, form],
    ];
    for (const [headers, body] of attempts) {
      const answer = await post('/token', body, headers);
      assert.equal(answer.status, 400, JSON.stringify(headers));
      assert.equal(((await answer.json()) as { error: string }).error, 'invalid_request');
    }
    const queried = await post(`/token?${form}`, '', FORM);
    assert.equal(queried.status, 400, 'nothing is read from the address (RFC 6749 §3.2)');
    for (const twice of Object.keys(fields)) {
      const answer = await post('/token', `${form}&${twice}=x`, FORM);
      assert.equal(answer.status, 400, twice);
      assert.equal(((await answer.json()) as { error: string }).error, 'invalid_request', twice);
    }
    for (const extra of ['__proto__=x', '__proto__[scope]=admin', 'constructor=x', 'toString=x', 'hasOwnProperty=x']) {
      const answer = await post('/token', `grant_type=client_credentials&client_id=${clientId}&${extra}`, FORM);
      assert.ok(answer.status === 400 || answer.status === 401, extra);
    }
    assert.equal((await post('/token', form, FORM)).status, 200, 'none of it burned the code');
  });

  it('U+0000, half characters and broken encodings are refused, never a fault of ours', async () => {
    for (const value of ['%00', 'a%00b', '%ff', '%', '%c0%80', '%ed%a0%80', '%f0%9f', '%e2%80%ae', '..%2f']) {
      const begun = authorizationUrl(consentry, clientId, { state: undefined, scope: undefined });
      const requests = [
        () => fetch(`${consentry.issuer}/authorize?client_id=${value}&response_type=code`, { redirect: 'manual' }),
        ...['state', 'scope', 'nonce', 'ui_locales', 'login_hint', 'prompt', 'request', 'request_uri'].map(
          (name) => () => fetch(`${begun.url}&${name}=${value}`, { redirect: 'manual' }),
        ),
        () =>
          post(
            '/token',
            `client_id=${value}&grant_type=authorization_code&code=${value}&code_verifier=${value}&redirect_uri=${value}`,
            FORM,
          ),
        () =>
          post('/token', `grant_type=refresh_token&client_id=${clientId}&refresh_token=${value}&scope=${value}`, FORM),
        () =>
          post('/token', 'grant_type=client_credentials', {
            ...FORM,
            authorization: `Basic ${btoa(`${value}:${value}`)}`,
          }),
        () =>
          post('/introspect', `token=${value}`, {
            ...FORM,
            ...basic(consentry.mail.clientId, consentry.mail.clientSecret),
          }),
        () => post('/revoke', `token=${value}&client_id=${value}`, FORM),
        () => fetch(`${consentry.issuer}/register/${value}`, { headers: { authorization: `Bearer ${value}` } }),
        () => fetch(`${consentry.issuer}/interaction/${value}`),
        () => fetch(`${consentry.issuer}/authorize/${value}`),
        () => fetch(`${consentry.issuer}/device/${value}`),
        () => fetch(`${consentry.issuer}/logout?client_id=${value}&id_token_hint=${value}&state=${value}`),
        () => fetch(`${consentry.issuer}/logout/success?client_id=${value}`),
        () => post('/device', `user_code=${value}&xsrf=${value}`, FORM),
        () => post('/account/password', `email=${value}&csrf=${value}`, FORM),
      ];
      for (const [index, request] of requests.entries()) {
        const answer = await request();
        assert.ok(answer.status < 500, `${value} request ${index}: ${answer.status} ${await answer.text()}`);
      }
    }
  });

  it('metadata that a database cannot hold is refused or cleaned, never a fault of ours', async () => {
    const key = {
      kty: 'EC',
      crv: 'P-256',
      x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
      y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
    };
    const cases: Record<string, unknown>[] = [
      { client_name: 'a\u0000b' },
      { client_name: 'half \ud83d' },
      { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ ...key, kid: 'a\u0000' }] } },
      { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ ...key, kid: '\udc00' }] } },
      { logo_uri: 'https://x.example/\ud800' },
      { client_uri: 'https://x.example/\u0000' },
      { redirect_uris: ['http://127.0.0.1/\u0000'] },
      { software_id: '\u0000' },
      { scope: '\u0000' },
      { contacts: ['\u0000@x.example'] },
      { 'x\u0000': 1 },
      { __proto__: null, constructor: { prototype: { polluted: true } } },
      { redirect_uris: 'http://127.0.0.1/cb' },
      { redirect_uris: [{}] },
      { client_name: { toString: 'x' } },
      { grant_types: 'authorization_code' },
      { jwks: { keys: 'x' } },
      { jwks: [] },
      { contacts: { length: 1 } },
    ];
    for (const metadata of cases) {
      const answer = await post(
        '/register',
        JSON.stringify({ redirect_uris: ['http://127.0.0.1/cb'], token_endpoint_auth_method: 'none', ...metadata }),
        { 'content-type': 'application/json' },
      );
      const text = await answer.text();
      assert.ok(answer.status === 201 || answer.status === 400, `${JSON.stringify(metadata)} ${answer.status} ${text}`);
    }
    for (const body of [
      '',
      'null',
      '[]',
      '"x"',
      '1',
      '{',
      '{"redirect_uris":',
      `${'['.repeat(20_000)}`,
      '{"a":1,"a":2}',
      '\ufeff{}',
    ]) {
      const answer = await post('/register', body, { 'content-type': 'application/json' });
      assert.equal(answer.status, 400, body.slice(0, 20));
    }
  });

  it('what is too large is refused before it is read', async () => {
    const large = 'x'.repeat(60_000);
    for (const path of [
      '/token',
      '/introspect',
      '/revoke',
      '/par',
      '/device_authorization',
      '/account/password',
      '/device',
    ]) {
      const answer = await post(path, `client_id=${large}`, FORM).catch(() => undefined);
      assert.ok(
        !answer || answer.status === 413 || answer.status === 400 || answer.status === 403,
        `${path} ${answer?.status}`,
      );
    }
    const registration = await post('/register', JSON.stringify({ redirect_uris: [`http://127.0.0.1/${large}`] }), {
      'content-type': 'application/json',
    });
    assert.ok(registration.status === 400 || registration.status === 413);
    const header = await fetch(`${consentry.issuer}/authorize?client_id=${clientId}&state=${'x'.repeat(20_000)}`).catch(
      () => undefined,
    );
    assert.ok(!header || header.status === 431);
    const many = await post('/token', 'a=1&'.repeat(10_000), FORM);
    assert.equal(many.status, 400);
  });
});
