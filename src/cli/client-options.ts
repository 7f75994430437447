/** Turns the options of `client add` into a client, or says which of them do not go together (RFC 7591 §2). */
import { faultText, parseRedirectUri } from '../clients/redirect-uris.ts';
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
/** As for every client (clients/metadata-policy.ts). */
const MAX_REDIRECT_URIS = 20;

/**
 * Everything but `--access`, which {@link parseAccess} reads with the registered MCP servers at hand.
 * @throws AppError 400 `bad_client`
 */
export function parseClientOptions(options: ClientOptions, issuer: string): NewClient {
  const { name, deviceFlow = false, unnamedRefresh, jwksUri, backchannelLogoutUri, access = [] } = options;
  const kind = parseKind(options.kind);
  if (name === undefined) throw bad('Say with --name what people will read on the consent page.');
  const authMethod = parseAuthMethod(options.auth ?? (kind === 'app' ? 'none' : 'client_secret_basic'));
  if (authMethod === 'private_key_jwt' && !jwksUri)
    throw bad('private_key_jwt needs --jwks-uri, where the keys of the client are.');
  if (jwksUri !== undefined && !isPlainHttps(jwksUri)) throw bad(`--jwks-uri ${jwksUri} is not an https URL.`);
  const redirectUris = parseUris('--redirect-uri', options.redirectUri ?? [], issuer);
  const postLogoutRedirectUris = parseUris('--post-logout-redirect-uri', options.postLogoutRedirectUri ?? [], issuer);
  if (backchannelLogoutUri !== undefined && !isPlainHttps(backchannelLogoutUri))
    throw bad(`--backchannel-logout-uri ${backchannelLogoutUri} is not an https URL.`);
  const returns = { redirectUris, postLogoutRedirectUris, backchannelLogoutUri };
  const client = { name, kind, authMethod, deviceFlow, jwksUri, access: {}, ...returns };
  if (kind === 'service') assertService(client, access);
  else assertSignsIn(client, access);
  assertOneType(client);
  if (!unnamedRefresh) return client;
  if (kind !== 'proxy') throw bad('--unnamed-refresh is for a proxy; an app may stay connected anyway.');
  return { ...client, unnamedRefresh };
}

function assertService(client: NewClient, access: readonly string[]): void {
  const { redirectUris, postLogoutRedirectUris, backchannelLogoutUri, deviceFlow } = client;
  if ([...redirectUris, ...postLogoutRedirectUris, backchannelLogoutUri].some(Boolean) || deviceFlow) {
    throw bad(
      'A service signs nobody in: leave out redirect and logout URIs and --device-flow, or choose another --kind.',
    );
  }
  if (client.authMethod === 'none') throw bad('A service has to prove itself: choose another --auth.');
  if (access.length === 0) throw bad("Say what the service may do: --access 'https://mail.example.com/mcp=mail:read'");
}

function assertSignsIn(client: NewClient, access: readonly string[]): void {
  if (access.length > 0)
    throw bad('--access is for a service; what any other client may do is decided by each person.');
  if (client.redirectUris.length > 0 || client.deviceFlow) return;
  throw bad('Say where people return to with --redirect-uri, such as http://127.0.0.1/callback, or add --device-flow.');
}

/** oidc-provider sorts a client into web or native by its redirects, and then wants all of them to fit. */
function assertOneType({ redirectUris, postLogoutRedirectUris }: NewClient): void {
  const native = redirectUris.some((uri) => !/^https:/i.test(uri));
  const all = [...redirectUris, ...postLogoutRedirectUris];
  const local = all.find((uri) => /^https:\/\/(localhost|127\.0\.0\.1|\[::1\])[:/?]?/i.test(uri));
  if (native && local) throw bad(`${local} cannot stand beside a redirect that is not https: make two clients.`);
  const opened = postLogoutRedirectUris.find((uri) => !/^https?:/i.test(uri));
  if (!native && opened) throw bad(`--post-logout-redirect-uri ${opened} must be https, as the redirect URIs are.`);
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

/** An administrator may name hosts of a private network. */
function parseUris(option: string, uris: readonly string[], issuer: string): string[] {
  if (uris.length > MAX_REDIRECT_URIS) throw bad(`${option} may be given ${MAX_REDIRECT_URIS} times at most.`);
  for (const uri of uris) {
    const parsed = parseRedirectUri(uri, { issuer, specialUseHosts: true });
    if (!parsed.ok) throw bad(`${option} ${uri} ${faultText(parsed.reason)}.`);
  }
  return [...new Set(uris)];
}

function isPlainHttps(value: string): boolean {
  const url = URL.parse(value);
  return url?.protocol === 'https:' && url.username === '' && url.password === '' && url.hash === '';
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

function knownScopes(text: string, { uri, scopes }: Resource): string[] {
  const asked = text.split(/[\s,]+/).filter(Boolean);
  const names = scopes.map(({ name }) => name);
  const unknown = asked.find((one) => !names.includes(one));
  if (asked.length > 0 && unknown === undefined) return asked;
  const what = unknown === undefined ? 'names no scope' : `names ${unknown}`;
  throw new AppError('bad_access', 400, `--access for ${uri} ${what}; it has ${names.join(', ')}.`);
}

function bad(message: string): AppError {
  return new AppError('bad_client', 400, message);
}
