import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errors } from 'oidc-provider';
import type { ClientOrigin } from '../../src/clients/client.ts';
import type { Metadata } from '../../src/clients/metadata-members.ts';
import { applyPolicy, createMetadataPolicy, statedMetadata } from '../../src/clients/metadata-policy.ts';

const rules = { issuer: 'https://auth.example.com' };
const loopback = ['http://127.0.0.1/callback'];
const site = ['https://app.example/cb'];

function keep(stated: Metadata, origin: ClientOrigin = 'dynamic'): Metadata {
  const metadata = { redirect_uris: loopback, token_endpoint_auth_method: 'none', ...stated };
  applyPolicy(metadata, origin, rules);
  return metadata;
}

function refusal(stated: Metadata, origin: ClientOrigin = 'dynamic') {
  try {
    keep(stated, origin);
  } catch (error) {
    assert.ok(error instanceof errors.InvalidClientMetadata, String(error));
    return { error: error.error, description: error.error_description ?? '' };
  }
  throw new Error('it was accepted');
}

test('empty strings and nulls count as absent, also inside lists', () => {
  const kept = keep({
    logo_uri: '',
    client_name: null,
    contacts: ['', null],
    grant_types: ['', 'refresh_token', null],
  });
  for (const member of ['logo_uri', 'client_name', 'contacts']) assert.ok(!(member in kept), member);
  assert.deepEqual(kept.grant_types, ['refresh_token']);
});

test('unknown members and members that only an administrator sets are dropped', () => {
  const stated = {
    resource: 'https://mail.example/mcp',
    kind: 'service',
    trust: 'full',
    consentry_access: { 'https://mail.example/mcp': ['admin'] },
    default_acr_values: ['x'],
    default_max_age: 5,
    require_auth_time: true,
    sector_identifier_uri: 'https://10.0.0.1/',
    initiate_login_uri: 'https://10.0.0.1/',
    backchannel_logout_uri: 'https://10.0.0.1/',
    post_logout_redirect_uris: ['https://evil.example/'],
    request_uris: ['https://10.0.0.1/'],
    response_modes: ['fragment'],
    authorization_details_types: ['urn:consentry:acting-for'],
    userinfo_signed_response_alg: 'RS256',
  };
  const kept = keep(stated);
  for (const member of Object.keys(stated)) assert.ok(!(member in kept), member);
});

test('links that are not https are dropped, and valid ones stay', () => {
  const kept = keep({
    client_uri: 'http://app.example/',
    logo_uri: 'javascript:alert(1)',
    policy_uri: 'https://user:pass@app.example/',
    tos_uri: 'https://app.example/terms',
    contacts: ['ops@app.example', 'nobody', '<x@y>'],
    software_id: 'com.example.app',
    software_version: { major: 1 },
  });
  for (const member of ['client_uri', 'logo_uri', 'policy_uri', 'software_version'])
    assert.ok(!(member in kept), member);
  assert.equal(kept.tos_uri, 'https://app.example/terms');
  assert.deepEqual(kept.contacts, ['ops@app.example']);
  assert.equal(kept.software_id, 'com.example.app');
});

test('a link that a parser would have to mend is dropped', () => {
  const odd = [
    'https:app.example',
    'https:\\\\app.example',
    'https:///app.example',
    'https://app.example/a b',
    'https://@app.example',
  ];
  const hidden = [
    'https://app\n.example/',
    'https://app.example/\u202e',
    'https://app.example/"><b>',
    'https://b\u00fccher.example',
  ];
  for (const client_uri of [...odd, ...hidden, ' https://app.example']) {
    assert.ok(!('client_uri' in keep({ client_uri })), client_uri);
    assert.match(refusal({ jwks_uri: client_uri }).description, /jwks_uri/);
  }
  assert.ok('client_uri' in keep({ client_uri: 'HTTPS://app.example:8443/a%20b?c=d#e' }));
});

test('a stated scope becomes a request and no ceiling', () => {
  const kept = keep({ scope: 'mcp:read offline_access' });
  assert.equal(kept.requested_scope, 'mcp:read offline_access');
  assert.ok(!('scope' in kept));
  for (const scope of ['', null, 7, 'a\nb', 'x'.repeat(2_001)]) assert.ok(!('requested_scope' in keep({ scope })));
  applyPolicy(kept, 'dynamic', rules);
  assert.equal(kept.requested_scope, 'mcp:read offline_access', 'loaded again from the database');
});

test('grant types that only an administrator gives are dropped', () => {
  const device = 'urn:ietf:params:oauth:grant-type:device_code';
  const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
  const wide = ['authorization_code', 'refresh_token', device, exchange, 'client_credentials', 'implicit', 'password'];
  for (const origin of ['dynamic', 'document'] as const) {
    assert.deepEqual(keep({ grant_types: wide }, origin).grant_types, ['authorization_code', 'refresh_token']);
  }
  assert.ok(!('grant_types' in keep({ grant_types: [] })), 'none stated leaves the default');
  assert.match(refusal({ grant_types: ['client_credentials'] }).description, /authorization_code/);
  assert.match(refusal({ grant_types: [device] }, 'document').description, /authorization_code/);
});

test('response types other than code are dropped', () => {
  assert.deepEqual(keep({ response_types: ['code', 'token', 'none', 'code id_token'] }).response_types, ['code']);
  assert.ok(!('response_types' in keep({ response_types: [] })));
  assert.match(refusal({ response_types: ['token'] }).description, /code/);
});

test('a registration has the authentication method that it asks for, or is refused', () => {
  for (const method of ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt']) {
    assert.equal(keep({ token_endpoint_auth_method: method }).token_endpoint_auth_method, method);
  }
  assert.equal(keep({ token_endpoint_auth_method: '' }).token_endpoint_auth_method, 'client_secret_basic');
  for (const method of ['client_secret_jwt', 'tls_client_auth', 'self_signed_tls_client_auth', 'magic', 7]) {
    assert.equal(refusal({ token_endpoint_auth_method: method }).error, 'invalid_client_metadata');
  }
});

test('a document is public or proves itself with a key', () => {
  assert.equal(keep({ token_endpoint_auth_method: undefined }, 'document').token_endpoint_auth_method, 'none');
  const kept = keep(
    { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://app.example/jwks' },
    'document',
  );
  assert.equal(kept.token_endpoint_auth_method, 'private_key_jwt');
  assert.equal(
    refusal({ token_endpoint_auth_method: 'client_secret_post' }, 'document').error,
    'invalid_client_metadata',
  );
});

test('a client without a secret keeps none, whatever was made for it', () => {
  const kept = keep({ client_secret: 'x', client_secret_expires_at: 0 });
  assert.ok(!('client_secret' in kept) && !('client_secret_expires_at' in kept));
  assert.equal(keep({ token_endpoint_auth_method: 'client_secret_post', client_secret: 'x' }).client_secret, 'x');
});

test('keys are few and come from https', () => {
  for (const jwks_uri of ['http://app.example/jwks', 'file:///etc/passwd', 'https://u:p@app.example/jwks']) {
    assert.match(refusal({ jwks_uri }).description, /jwks_uri/);
  }
  assert.match(refusal({ jwks: { keys: Array.from({ length: 11 }, () => ({ kty: 'EC' })) } }).description, /jwks/);
});

test('tokens are signed as this server signs, for one and the same subject everywhere', () => {
  const kept = keep({ id_token_signed_response_alg: 'HS256', subject_type: 'pairwise' });
  assert.equal(kept.id_token_signed_response_alg, 'ES256');
  assert.equal(kept.subject_type, 'public');
});

const types: [string, unknown, string[], string][] = [
  ['a loopback redirect makes a client native whatever it says', 'web', loopback, 'native'],
  [
    'a private-use redirect makes a client native',
    undefined,
    ['cursor://anysphere.cursor-mcp/oauth/callback'],
    'native',
  ],
  ['a mixed list makes a client native', 'web', [...site, 'http://127.0.0.1:33418/', 'cursor://x/cb'], 'native'],
  ['https redirects make a web client', undefined, site, 'web'],
  ['a native app may claim https redirects', 'native', site, 'native'],
  ['an unknown type is a web client', 'browser', site, 'web'],
  ['https on loopback is a web client', 'native', ['https://localhost:3000/cb'], 'web'],
];
for (const [title, stated, redirect_uris, expected] of types) {
  test(title, () => {
    assert.equal(keep({ application_type: stated, redirect_uris }).application_type, expected);
  });
}

test('every redirect URI is checked, for every origin', () => {
  for (const origin of ['dynamic', 'document', 'static', 'resource'] as const) {
    const refused = refusal({ redirect_uris: [...site, ...loopback, 'javascript:alert(1)'] }, origin);
    assert.equal(refused.error, 'invalid_redirect_uri');
    assert.match(refused.description, /^redirect_uris\[2\] must be https/);
    assert.ok(!refused.description.includes('javascript'), 'what was sent is not repeated');
  }
});

test('redirect URIs are at most twenty', () => {
  const many = Array.from({ length: 20 }, (_, index) => `https://app.example/${index}`);
  assert.equal((keep({ redirect_uris: many }).redirect_uris as string[]).length, 20);
  assert.equal(refusal({ redirect_uris: [...many, ...site] }).error, 'invalid_redirect_uri');
});

test('a name is kept in a form that cannot deceive', () => {
  assert.equal(keep({ client_name: '\u202EClaude\u200B  “Code”' }).client_name, "Claude 'Code'");
  assert.ok(!('client_name' in keep({ client_name: '\u200B' })));
});

test('an administrator may give more than a client may take', () => {
  const given = {
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    token_endpoint_auth_method: 'client_secret_basic',
    default_max_age: 5,
    consentry_kind: 'service',
    consentry_access: { 'https://mail.example/mcp': ['read'] },
  };
  const kept = keep(given, 'static');
  assert.deepEqual(kept, { ...given, consentry_origin: 'static' });
  assert.deepEqual(keep({ redirect_uris: ['https://10.0.0.1/cb'] }, 'static').redirect_uris, ['https://10.0.0.1/cb']);
  assert.equal(keep({ consentry_kind: 'whatever' }, 'static').consentry_kind, 'undeclared');
});

test('no registration, update or document can state an origin or a kind of its own', () => {
  const { validator, properties } = createMetadataPolicy(rules).extraClientMetadata;
  const request = {};
  const claims: [unknown, string, ClientOrigin][] = [
    [request, 'c1', 'dynamic'],
    [undefined, 'https://evil.example/client.json', 'document'],
    [undefined, 'HTTPS://evil.example/client.json', 'document'],
  ];
  for (const [ctx, client_id, origin] of claims) {
    for (const consentry_origin of ['static', 'resource', 'document', ['static']]) {
      const metadata: Metadata = {
        client_id,
        consentry_origin,
        consentry_kind: 'service',
        consentry_access: { x: ['y'] },
        redirect_uris: loopback,
        grant_types: ['authorization_code', 'client_credentials'],
        token_endpoint_auth_method: 'none',
      };
      for (const key of properties) validator(ctx, key, metadata[key], metadata);
      assert.equal(metadata.consentry_origin, origin);
      assert.equal(metadata.consentry_kind, 'app');
      assert.ok(!('consentry_access' in metadata));
      assert.deepEqual(metadata.grant_types, ['authorization_code']);
    }
  }
});

test('a stored client of unclear origin has registered itself', () => {
  const { validator } = createMetadataPolicy(rules).extraClientMetadata;
  const metadata: Metadata = { client_id: 'c1', redirect_uris: loopback, token_endpoint_auth_method: 'none' };
  validator(undefined, 'consentry_origin', undefined, metadata);
  assert.equal(metadata.consentry_origin, 'dynamic');
  const stored: Metadata = { ...metadata, consentry_origin: 'static', consentry_kind: 'proxy' };
  validator(undefined, 'consentry_origin', 'static', stored);
  assert.deepEqual([stored.consentry_origin, stored.consentry_kind], ['static', 'proxy']);
});

test('an answer states the scope again and nothing of ours', () => {
  const kept = { ...keep({ scope: 'mcp:read' }), consentry_access: {} };
  const stated = statedMetadata(kept);
  assert.equal(stated.scope, 'mcp:read');
  assert.deepEqual(
    Object.keys(stated).filter((member) => member.startsWith('consentry_') || member === 'requested_scope'),
    [],
  );
  assert.ok(!('scope' in statedMetadata(keep({}))));
});
