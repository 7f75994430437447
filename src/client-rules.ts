/** What goes together in a client that an administrator makes (RFC 7591 §2), said in words of no particular form. */
import { faultText, parseRedirectUri } from './clients/redirect-uris.ts';
import { AppError } from './errors.ts';
import type { NewClient } from './registrations.ts';
import type { Resource } from './resources/resource.ts';

interface Rules {
  issuer: string;
  /** Registered and not disabled. */
  resources: readonly Resource[];
}

/** As for every client (clients/metadata-policy.ts). */
const MAX_URIS = 20;

/**
 * The client with each of its URIs once.
 * @throws AppError 400 `bad_client`, `bad_redirect`, `bad_access`
 */
export function assertNewClient(client: NewClient, rules: Rules): NewClient {
  const redirectUris = assertUris(client.redirectUris, rules);
  const postLogoutRedirectUris = assertUris(client.postLogoutRedirectUris, rules);
  const { kind, authMethod, jwksUri, backchannelLogoutUri, unnamedRefresh } = client;
  if (authMethod === 'private_key_jwt' && !jwksUri)
    throw bad('Say where the public keys of the client are: private_key_jwt is proven with them.');
  for (const uri of [jwksUri, backchannelLogoutUri])
    if (uri !== undefined && !isPlainHttps(uri)) throw bad(`${uri} is not an https URL.`);
  if (unnamedRefresh && kind !== 'proxy') throw bad('Only a proxy can be let to stay connected where it names nobody.');
  const settled = { ...client, redirectUris, postLogoutRedirectUris };
  if (kind === 'service') assertService(settled, rules);
  else assertSignsIn(settled);
  assertOneType(settled);
  return settled;
}

function assertService({ redirectUris, postLogoutRedirectUris, ...client }: NewClient, { resources }: Rules): void {
  if (redirectUris.length + postLogoutRedirectUris.length > 0 || client.backchannelLogoutUri || client.deviceFlow)
    throw bad('A service signs nobody in: leave out redirect and logout addresses and the device flow.');
  if (client.authMethod === 'none') throw bad('A service has to prove itself: choose how.');
  const access = Object.entries(client.access);
  if (access.length === 0) throw bad('Say which MCP servers the service may use, and which scopes there.');
  for (const [uri, scopes] of access) {
    const names = resources.find((one) => one.uri === uri)?.scopes.map(({ name }) => name);
    if (!names) throw new AppError('bad_access', 400, `There is no MCP server ${uri}.`);
    const unknown = scopes.find((scope) => !names.includes(scope));
    if (scopes.length > 0 && unknown === undefined) continue;
    throw new AppError('bad_access', 400, `Name scopes of ${uri}: ${names.join(', ')}.`);
  }
}

function assertSignsIn({ access, redirectUris, deviceFlow }: NewClient): void {
  if (Object.keys(access).length > 0)
    throw bad('What a client may do is decided by each person: only a service is told beforehand.');
  if (redirectUris.length === 0 && !deviceFlow)
    throw bad('Say where people return to, such as http://127.0.0.1/callback, or turn the device flow on.');
}

/** oidc-provider sorts a client into web or native by its redirects, and then wants all of them to fit. */
function assertOneType({ redirectUris, postLogoutRedirectUris }: NewClient): void {
  const native = redirectUris.some((uri) => !/^https:/i.test(uri));
  const all = [...redirectUris, ...postLogoutRedirectUris];
  const local = all.find((uri) => /^https:\/\/(localhost|127\.0\.0\.1|\[::1\])[:/?]?/i.test(uri));
  if (native && local) throw bad(`${local} cannot stand beside an address that is not https: make two clients.`);
  const opened = postLogoutRedirectUris.find((uri) => !/^https?:/i.test(uri));
  if (!native && opened) throw bad(`${opened} must be https, as the addresses are that people return to.`);
}

/** An administrator may name hosts of a private network. */
function assertUris(uris: readonly string[], { issuer }: Rules): string[] {
  if (uris.length > MAX_URIS) throw bad(`There may be ${MAX_URIS} addresses at most.`);
  for (const uri of uris) {
    const parsed = parseRedirectUri(uri, { issuer, specialUseHosts: true });
    if (!parsed.ok) throw new AppError('bad_redirect', 400, `${uri} ${faultText(parsed.reason)}.`);
  }
  return [...new Set(uris)];
}

function isPlainHttps(value: string): boolean {
  const url = URL.parse(value);
  return url?.protocol === 'https:' && url.username === '' && url.password === '' && url.hash === '';
}

function bad(message: string): AppError {
  return new AppError('bad_client', 400, message);
}
