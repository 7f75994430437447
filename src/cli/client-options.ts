/** Turns the options of `client add` into a client, and says in their words what does not go together (`client-rules.ts`). */
import { accessFault, type ClientFault, checkNewClient } from '../client-rules.ts';
import { MAX_REDIRECT_URIS } from '../clients/redirect-uris.ts';
import { AppError } from '../errors.ts';
import type { NewClient } from '../registrations.ts';
import { canonicalResource, type Resource } from '../resources/resource.ts';

export interface ClientOptions {
  name?: string;
  kind?: string;
  redirectUri?: string[];
  auth?: string;
  jwksUri?: string;
  deviceFlow?: boolean;
  unnamedRefresh?: boolean;
  access?: string[];
  postLogoutRedirectUri?: string[];
  backchannelLogoutUri?: string;
}

export const KIND_HELP = `  app      one program that one person uses: signs people in, may stay connected with a refresh token
  proxy    a gateway with other programs behind it: signs people in, each time on the full page and without a refresh
           token unless it names for which of them it asks
  service  a program that acts for nobody: no sign-in, only what --access gives it`;

const KINDS = ['app', 'proxy', 'service'] as const;
const AUTH_METHODS = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const;
const OPTION_OF = {
  redirectUris: '--redirect-uri',
  postLogoutRedirectUris: '--post-logout-redirect-uri',
  jwksUri: '--jwks-uri',
  backchannelLogoutUri: '--backchannel-logout-uri',
} as const;

/**
 * Everything but `--access`, which {@link parseAccess} reads with the registered MCP servers at hand.
 * @throws AppError 400 `bad_client`
 */
export function parseClientOptions(options: ClientOptions, issuer: string): NewClient {
  const { name, deviceFlow = false, unnamedRefresh, jwksUri, backchannelLogoutUri, access = [] } = options;
  const kind = parseKind(options.kind);
  if (name === undefined) throw bad('Say with --name what people will read on the consent page.');
  const authMethod = parseAuthMethod(options.auth ?? (kind === 'app' ? 'none' : 'client_secret_basic'));
  const { redirectUri: redirectUris = [], postLogoutRedirectUri: postLogoutRedirectUris = [] } = options;
  const returns = { redirectUris, postLogoutRedirectUris, backchannelLogoutUri };
  const unnamed = unnamedRefresh ? { unnamedRefresh } : {};
  const client = { name, kind, authMethod, deviceFlow, jwksUri, access: {}, ...returns, ...unnamed };
  const checked = checkNewClient(client, { issuer, givesAccess: access.length > 0 });
  if (!checked.ok) throw bad(faultWords(checked.fault));
  return checked.client;
}

function faultWords(fault: ClientFault): string {
  switch (fault.rule) {
    case 'too_many_uris':
      return `${OPTION_OF[fault.member]} may be given ${MAX_REDIRECT_URIS} times at most.`;
    case 'unfit_uri':
      return `${OPTION_OF[fault.member]} ${fault.uri} ${fault.why}.`;
    case 'not_https':
      return `${OPTION_OF[fault.member]} ${fault.uri} is not an https URL.`;
    case 'local_beside_native':
      return `${fault.uri} cannot stand beside a redirect that is not https: make two clients.`;
    case 'clear_after_logout':
      return `--post-logout-redirect-uri ${fault.uri} must be https, as the redirect URIs are.`;
    case 'keys_nowhere':
      return 'private_key_jwt needs --jwks-uri, where the keys of the client are.';
    case 'unnamed_refresh':
      return '--unnamed-refresh is for a proxy; an app may stay connected anyway.';
    case 'proxy_device':
      return 'A proxy has no device flow: leave out --device-flow, or make an app for the device.';
    case 'nowhere_to_return':
      return 'Say where people return to with --redirect-uri, such as http://127.0.0.1/callback, or add --device-flow.';
    case 'access_beforehand':
      return '--access is for a service; what any other client may do is decided by each person.';
    case 'service_signs_in':
      return 'A service signs nobody in: leave out redirect and logout URIs and --device-flow, or choose another --kind.';
    case 'service_unproven':
      return 'A service has to prove itself: choose another --auth.';
    case 'service_without_access':
      return "Say what the service may do: --access 'https://mail.example.com/mcp=mail:read'";
  }
}

function parseKind(kind: string | undefined): NewClient['kind'] {
  const known = KINDS.find((one) => one === kind);
  if (known) return known;
  const what = kind === undefined ? 'Say with --kind what the client is.' : `--kind ${kind} is none of these.`;
  throw bad(`${what} There is no default, because it decides what its tokens may do:\n${KIND_HELP}`);
}

function parseAuthMethod(method: string): NewClient['authMethod'] {
  const known = AUTH_METHODS.find((one) => one === method);
  if (known) return known;
  throw bad(`--auth ${method} is not known: choose ${AUTH_METHODS.join(', ')}.`);
}

/**
 * `<resource URI>=<scope> <scope>`, each checked against what is registered.
 * @throws AppError 400 `bad_access`
 */
export function parseAccess(values: readonly string[], resources: readonly Resource[]): Record<string, string[]> {
  const access: Record<string, string[]> = {};
  for (const value of values) {
    const { resource, scopes } = parseOneAccess(value, resources);
    access[resource.uri] = [...new Set([...(access[resource.uri] ?? []), ...scopes])];
  }
  return access;
}

/** Both sides may hold an equals sign; the left one is the longest that is registered. */
function parseOneAccess(value: string, resources: readonly Resource[]): { resource: Resource; scopes: string[] } {
  for (let at = value.lastIndexOf('='); at > 0; at = value.lastIndexOf('=', at - 1)) {
    const uri = canonicalResource(value.slice(0, at));
    const resource = resources.find((one) => one.uri === uri);
    if (resource) return { resource, scopes: knownScopes(value.slice(at + 1), resource) };
  }
  const known = resources.map(({ uri }) => `  ${uri}`).join('\n');
  const advice = "Write --access 'URI=scope scope'";
  const message = known
    ? `${advice} with a registered MCP server:\n${known}`
    : `${advice} after registering the MCP server.`;
  throw new AppError('bad_access', 400, `--access '${value}' names no registered MCP server. ${message}`);
}

function knownScopes(text: string, resource: Resource): string[] {
  const asked = text.split(/[\s,]+/).filter(Boolean);
  const unknown = accessFault(resource, asked);
  if (unknown === undefined) return asked;
  const what = unknown === '' ? 'names no scope' : `names ${unknown}`;
  const names = resource.scopes.map(({ name }) => name).join(', ');
  throw new AppError('bad_access', 400, `--access for ${resource.uri} ${what}; it has ${names}.`);
}

function bad(message: string): AppError {
  return new AppError('bad_client', 400, message);
}
