/** What a client may say of itself, fit or not: any JSON at any member of RFC 7591 §2, of OpenID Connect and of our own. */
import fc from 'fast-check';
import { address, json, oneOf, text } from './arbitraries.ts';

/** Redirect URIs that a client may have. */
const fitRedirect = oneOf(`http://127.0.0.1/callback http://localhost:7/cb?a=b http://[::1]:8/cb https://app.example/cb
  cursor://a/cb https://app.example/?a=%22%3E%3Cb%20zq%3E https://app.example/';-- com.example.app:/cb`);

const EC_KEY = {
  kty: 'EC',
  crv: 'P-256',
  x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
  y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
};
const key = fc
  .array(fc.tuple(oneOf('kid use alg x5u d x key_ops kty zq'), json), { maxLength: 2 })
  .map((more) => ({ ...EC_KEY, ...Object.fromEntries(more) }));
const grant =
  oneOf(`authorization_code authorization_code authorization_code refresh_token refresh_token client_credentials
  implicit password urn:ietf:params:oauth:grant-type:device_code urn:ietf:params:oauth:grant-type:token-exchange _`);
const responseType = fc.oneof(oneOf('code code code token none'), fc.constant('code id_token'), text);

/** Near to what a member means; everything else may stand there too. */
const FIT: Record<string, fc.Arbitrary<unknown>> = {
  redirect_uris: fc.oneof(
    fc.array(fitRedirect, { minLength: 1, maxLength: 3 }),
    fc.array(fc.oneof(fitRedirect, address), { minLength: 1, maxLength: 3 }),
    fc.array(fc.oneof(fitRedirect, json), { maxLength: 25 }),
  ),
  token_endpoint_auth_method: oneOf(
    'none client_secret_basic client_secret_post private_key_jwt client_secret_jwt tls_client_auth _',
  ),
  grant_types: fc.array(fc.oneof({ weight: 6, arbitrary: grant }, json), { maxLength: 4 }),
  response_types: fc.array(responseType, { maxLength: 3 }),
  contacts: fc.array(fc.oneof(fc.emailAddress(), text, json), { maxLength: 7 }),
  jwks: fc.oneof(fc.array(key, { maxLength: 3 }), json).map((keys) => ({ keys })),
  jwks_uri: address,
  scope: fc.oneof(fc.constantFrom('mail:read', 'mail:read mail:send openid', 'admin', 'a  b', 'offline_access'), text),
  application_type: oneOf('web native browser _'),
  subject_type: oneOf('public pairwise _'),
  client_id: fc.oneof(oneOf('zq https://app.example/client.json rs_1'), text),
  client_secret: fc.oneof(fc.constant('x'.repeat(48)), text),
  software_statement: oneOf('x.y.z eyJhbGciOiJub25lIn0.eyJjbGllbnRfbmFtZSI6InpxIn0. _'),
  authorization_details_types: oneOf('urn:consentry:acting-for zq').map((type) => [type]),
  consentry_origin: oneOf('static resource document dynamic zq'),
  consentry_kind: oneOf('proxy service resource undeclared zq'),
  consentry_access: fc.constantFrom({ 'http://127.0.0.1:9/mail': ['mail:send'] }, {}),
  requested_scope: fc.oneof(oneOf('mail:read mail:send'), text),
};

const LIKE: [fc.Arbitrary<unknown>, string][] = [
  [address, 'client_uri logo_uri policy_uri tos_uri sector_identifier_uri initiate_login_uri backchannel_logout_uri'],
  [fc.array(address, { maxLength: 3 }), 'request_uris post_logout_redirect_uris response_modes default_acr_values'],
  [
    oneOf('none ES256 RS256 HS256 EdDSA ES256K _'),
    `id_token_signed_response_alg token_endpoint_auth_signing_alg request_object_signing_alg introspection_signed_response_alg
    authorization_signed_response_alg userinfo_signed_response_alg id_token_encrypted_response_alg`,
  ],
  [fc.integer(), 'client_secret_expires_at client_id_issued_at default_max_age'],
  [
    fc.boolean(),
    `dpop_bound_access_tokens require_pushed_authorization_requests require_auth_time require_signed_request_object
    tls_client_certificate_bound_access_tokens use_mtls_endpoint_aliases backchannel_logout_session_required`,
  ],
  [
    text,
    `client_name client_name client_name client_name#ja software_id software_version registration_access_token
    registration_client_uri tls_client_auth_subject_dn zq resource kind origin trust __proto__ constructor toString
    consentry_zq zq\u0000`,
  ],
];

function member([name, fit]: [string, fc.Arbitrary<unknown>]): fc.Arbitrary<[string, unknown]> {
  const value = fc.oneof({ weight: 5, arbitrary: fit }, { weight: 2, arbitrary: json }, address);
  return fc.tuple(fc.constant(name), value);
}

const anyMember = fc.oneof(
  ...Object.entries(FIT).map(member),
  ...LIKE.flatMap(([like, names]) => names.split(/\s+/).map((name) => member([name, like]))),
);

/** Up to five members, any of them fit or not; members of their own, also those called `__proto__`. */
export const members: fc.Arbitrary<Record<string, unknown>> = fc
  .array(anyMember, { maxLength: 5 })
  .map((entries) => Object.fromEntries(entries));

/** What once got through, or would without a defence that few inputs meet. */
export const knownMembers: readonly Record<string, unknown>[] = [
  { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ ...EC_KEY, kid: 'a\u0000' }] } },
  { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ ...EC_KEY, kid: '\udc00' }] } },
  { client_uri: 'https://app\n.example/', logo_uri: 'https:\\\\app.example', tos_uri: 'https://app.example/\u202e' },
  { client_name: `${'x'.repeat(57)}.. and more` },
  {
    consentry_origin: 'static',
    consentry_kind: 'proxy',
    consentry_access: { 'http://127.0.0.1:9/mail': ['mail:send'] },
  },
  { redirect_uris: ['https://app.example/cb', 'https://app.example/cb?code=x'] },
  { grant_types: ['authorization_code', 'client_credentials', 'urn:ietf:params:oauth:grant-type:device_code'] },
  { response_types: ['code', 'code id_token'], subject_type: 'pairwise', id_token_signed_response_alg: 'none' },
];
