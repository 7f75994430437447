/** What real clients send to the registration endpoint (RFC 7591), and what they can parse. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { authorize, basic, type Registration, redeem, registerClient } from '../flow.ts';
import { type Consentry, startConsentry } from '../harness.ts';
import { createPerson, type Person } from '../person.ts';
import { postRegistration, scopesOf } from './kit.ts';

const LOOPBACK_LIST = ['http://127.0.0.1/callback'];

describe('registration by real clients', () => {
  let consentry: Consentry;
  let ana: Person;
  before(async () => {
    consentry = await startConsentry();
    ana = createPerson(consentry.issuer);
  });
  after(() => consentry?.close());

  async function register(metadata: Record<string, unknown>): Promise<Registration> {
    const { status, text } = await postRegistration(consentry.issuer, { redirect_uris: LOOPBACK_LIST, ...metadata });
    assert.equal(status, 201, text);
    return JSON.parse(text);
  }

  for (const scope of [undefined, '', 'read write admin:everything', 'mail:read unheard:of', 'openid offline_access']) {
    it(`row 3: a registration is accepted with scope ${JSON.stringify(scope)}, and unknown scopes are dropped`, async () => {
      const client = await registerClient(consentry.issuer, scope === undefined ? {} : { scope });
      const params = scope ? { scope } : {};
      const begun = await authorize(consentry, client.client_id, { person: ana, params });
      const tokens = await redeem(consentry, client.client_id, begun);
      assert.ok(scopesOf(tokens).includes('mail:read'), JSON.stringify(tokens.body));
      for (const granted of scopesOf(tokens)) assert.ok(['mail:read', 'openid'].includes(granted), granted);
    });
  }

  it('row 20: a registration answers 201 with all it was told, its defaults, integers for times, and no null', async () => {
    const stated = {
      client_name: 'Inspector',
      client_uri: 'https://inspector.example.test',
      logo_uri: 'https://inspector.example.test/logo.png',
      contacts: ['help@inspector.example.test'],
      tos_uri: 'https://inspector.example.test/terms',
      policy_uri: 'https://inspector.example.test/privacy',
      redirect_uris: LOOPBACK_LIST,
      scope: 'mail:read offline_access',
      software_id: '2e6dc280-f3c3-4e01-99a7-8181dbd1d23d',
      software_version: '0.9.3',
    };
    const { status, text } = await postRegistration(consentry.issuer, stated);
    assert.equal(status, 201);
    assert.doesNotMatch(text, /null/);
    const client = JSON.parse(text) as Registration;
    for (const [member, value] of Object.entries(stated)) assert.deepEqual(client[member], value, member);
    assert.match(client.client_id, /^[\w-]{16,}$/);
    assert.match(String(client.client_secret), /^[\w-]{43,}$/);
    assert.ok(Number.isInteger(client.client_id_issued_at));
    assert.equal(client.client_secret_expires_at, 0);
    assert.deepEqual(client.grant_types, ['authorization_code', 'refresh_token']);
    assert.deepEqual(client.response_types, ['code']);
    assert.equal(client.token_endpoint_auth_method, 'client_secret_basic');
    assert.deepEqual(
      Object.keys(client).filter((member) => /^(consentry_|requested_)/.test(member)),
      [],
    );
  });

  it('row 20: what is read back later has no null either', async () => {
    const client = await registerClient(consentry.issuer);
    const authorization = `Bearer ${client.registration_access_token}`;
    const response = await fetch(client.registration_client_uri, { headers: { authorization } });
    assert.equal(response.status, 200);
    const text = await response.text();
    assert.doesNotMatch(text, /null/);
    assert.deepEqual(JSON.parse(text).redirect_uris, LOOPBACK_LIST);
  });

  const methods: [string, (client: Registration) => [Record<string, string | undefined>, Record<string, string>]][] = [
    ['none', () => [{}, {}]],
    ['client_secret_basic', (client) => [{ client_id: undefined }, basic(client.client_id, client.client_secret)]],
    ['client_secret_post', (client) => [{ client_secret: client.client_secret }, {}]],
  ];
  for (const [method, credentials] of methods) {
    it(`row 21: a client that asks for ${method} gets it and is known by it`, async () => {
      const client = await register({ client_name: 'Claude', token_endpoint_auth_method: method });
      assert.equal(client.token_endpoint_auth_method, method);
      assert.equal('client_secret' in client, method !== 'none');
      const begun = await authorize(consentry, client.client_id, { person: ana });
      const [fields, headers] = credentials(client);
      if (method !== 'none') {
        const unknown = await redeem(consentry, client.client_id, begun);
        assert.equal(unknown.status, 401);
        assert.equal(unknown.body.error, 'invalid_client');
      }
      const tokens = await redeem(consentry, client.client_id, begun, fields, headers);
      assert.equal(tokens.status, 200, JSON.stringify(tokens.body));
      assert.ok(tokens.body.refresh_token);
    });
  }

  it('row 31: unknown members, empty values and foreign grant types do not reject a registration', async () => {
    const client = await register({
      client_name: 'Turnstone',
      resource: consentry.mail.uri,
      extension: { deep: [1, { er: true }] },
      logo_uri: '',
      client_uri: '',
      tos_uri: null,
      policy_uri: 'not a link',
      software_statement: null,
      jwks_uri: '',
      contacts: ['', null],
      scope: null,
      token_endpoint_auth_method: 'none',
      application_type: '',
      grant_types: [
        'authorization_code',
        'refresh_token',
        'implicit',
        'password',
        'urn:ietf:params:oauth:grant-type:device_code',
        'urn:ietf:params:oauth:grant-type:jwt-bearer',
      ],
      response_types: ['code', 'token', 'id_token'],
      id_token_signed_response_alg: 'RS256',
      userinfo_signed_response_alg: 'RS256',
      default_max_age: 'tomorrow',
    });
    for (const member of ['resource', 'extension', 'logo_uri', 'client_uri', 'tos_uri', 'policy_uri', 'contacts'])
      assert.ok(!(member in client), member);
    assert.deepEqual(client.grant_types, ['authorization_code', 'refresh_token']);
    assert.deepEqual(client.response_types, ['code']);
    const begun = await authorize(consentry, client.client_id, { person: ana });
    assert.equal((await redeem(consentry, client.client_id, begun)).status, 200);
  });

  it('row 31: empty lists of grant and response types mean the defaults', async () => {
    const client = await register({ token_endpoint_auth_method: 'none', grant_types: [], response_types: [] });
    assert.deepEqual(client.grant_types, ['authorization_code', 'refresh_token']);
    assert.deepEqual(client.response_types, ['code']);
  });
});
