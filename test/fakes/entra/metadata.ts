/** The OpenID configuration as Entra ID v2.0 publishes it: what it leaves out matters as much. */

const GRAPH: Readonly<Record<string, string>> = {
  'login.microsoftonline.com': 'graph.microsoft.com',
  'login.microsoftonline.us': 'graph.microsoft.us',
  'login.partner.microsoftonline.cn': 'microsoftgraph.chinacloudapi.cn',
};
const SHARED = new Set(['common', 'organizations']);

/** No `code_challenge_methods_supported`, no `authorization_response_iss_parameter_supported`, no back-channel logout. */
export function metadataOf(host: string, authority: string): Record<string, unknown> {
  const base = `https://${host}/${authority}`;
  return {
    token_endpoint: `${base}/oauth2/v2.0/token`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
    jwks_uri: `${base}/discovery/v2.0/keys`,
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    // Literally so, where one address stands for many tenants.
    issuer: `https://${host}/${SHARED.has(authority) ? '{tenantid}' : authority}/v2.0`,
    request_uri_parameter_supported: false,
    userinfo_endpoint: `https://${GRAPH[host]}/oidc/userinfo`,
    authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
    device_authorization_endpoint: `${base}/oauth2/v2.0/devicecode`,
    http_logout_supported: true,
    frontchannel_logout_supported: true,
    end_session_endpoint: `${base}/oauth2/v2.0/logout`,
    claims_supported: [
      'sub',
      'iss',
      'aud',
      'exp',
      'iat',
      'auth_time',
      'acr',
      'nonce',
      'preferred_username',
      'name',
      'tid',
      'ver',
    ],
    cloud_instance_name: host.replace(/^login\.(?:partner\.)?/, ''),
    msgraph_host: GRAPH[host],
  };
}
