/** What goes together in a client that an administrator makes (RFC 7591 §2), said in words of no particular form. */
import { faultText, MAX_REDIRECT_URIS, parseRedirectUri } from './clients/redirect-uris.ts';
import { AppError, type BrokenRule } from './errors.ts';
import type { NewClient } from './registrations.ts';
import type { Resource } from './resources/resource.ts';

type UriMember = 'redirectUris' | 'postLogoutRedirectUris';

/** What does not fit, for whoever asked to say in the words of their form. */
export type ClientFault =
  | { rule: 'too_many_uris'; member: UriMember }
  /** `why`: the rest of a sentence. */
  | { rule: 'unfit_uri'; member: UriMember; uri: string; why: string }
  | { rule: 'not_https'; member: 'jwksUri' | 'backchannelLogoutUri'; uri: string }
  | { rule: 'local_beside_native' | 'clear_after_logout'; uri: string }
  | { rule: 'keys_nowhere' | 'unnamed_refresh' | 'proxy_device' | 'nowhere_to_return' | 'access_beforehand' }
  | { rule: 'service_signs_in' | 'service_unproven' | 'service_without_access' };

/**
 * All but what stands in `access`: see {@link accessFault}.
 *
 * @param givesAccess whether the administrator says what the client may do
 * @returns the client with each of its URIs once, or what does not fit
 */
export function checkNewClient(
  client: NewClient,
  { issuer, givesAccess }: { issuer: string; givesAccess: boolean },
): { ok: true; client: NewClient } | { ok: false; fault: ClientFault } {
  const fault =
    uriFault('redirectUris', client, issuer) ??
    uriFault('postLogoutRedirectUris', client, issuer) ??
    keyFault(client) ??
    (client.kind === 'service' ? serviceFault(client, givesAccess) : signInFault(client, givesAccess)) ??
    typeFault(client);
  if (fault) return { ok: false, fault };
  const redirectUris = [...new Set(client.redirectUris)];
  const postLogoutRedirectUris = [...new Set(client.postLogoutRedirectUris)];
  return { ok: true, client: { ...client, redirectUris, postLogoutRedirectUris } };
}

/** @returns the scope that the MCP server has not, `''` where none is named, undefined where all is well */
export function accessFault({ scopes }: Pick<Resource, 'scopes'>, asked: readonly string[]): string | undefined {
  if (asked.length === 0) return '';
  return asked.find((one) => !scopes.some(({ name }) => name === one));
}

/**
 * @param rules.resources registered and not disabled
 * @returns the client with each of its URIs once
 * @throws AppError 400 `bad_client`, `bad_redirect`, `bad_access`
 */
export function assertNewClient(
  asked: NewClient,
  rules: { issuer: string; resources: readonly Resource[] },
): NewClient {
  const access = Object.entries(asked.access);
  const checked = checkNewClient(asked, { ...rules, givesAccess: access.length > 0 });
  if (!checked.ok) {
    const code = checked.fault.rule === 'unfit_uri' ? 'bad_redirect' : 'bad_client';
    throw new AppError(code, 400, faultWords(checked.fault), { broken: brokenRule(checked.fault) });
  }
  for (const [uri, scopes] of access) {
    const resource = rules.resources.find((one) => one.uri === uri);
    if (!resource)
      throw new AppError('bad_access', 400, `There is no MCP server ${uri}.`, {
        broken: { rule: 'no_server', facts: { uri }, member: 'access' },
      });
    if (accessFault(resource, scopes) === undefined) continue;
    const names = resource.scopes.map(({ name }) => name).join(', ');
    throw new AppError('bad_access', 400, `Name scopes of ${uri}: ${names}.`, {
      broken: { rule: 'no_scope', facts: { uri, names }, member: 'access' },
    });
  }
  return checked.client;
}

/** The URI alone is needed of all that a fault says. */
function brokenRule(fault: ClientFault): BrokenRule {
  const { rule } = fault;
  const at = 'member' in fault ? { member: fault.member } : {};
  return { rule, facts: { uri: 'uri' in fault ? fault.uri : '', count: MAX_REDIRECT_URIS }, ...at };
}

function faultWords(fault: ClientFault): string {
  switch (fault.rule) {
    case 'too_many_uris':
      return `There may be ${MAX_REDIRECT_URIS} addresses at most.`;
    case 'unfit_uri':
      return `${fault.uri} ${fault.why}.`;
    case 'not_https':
      return `${fault.uri} is not an https URL.`;
    case 'local_beside_native':
      return `${fault.uri} cannot stand beside an address that is not https: make two clients.`;
    case 'clear_after_logout':
      return `${fault.uri} must be https, as the addresses are that people return to.`;
    case 'keys_nowhere':
      return 'Say where the public keys of the client are: private_key_jwt is proven with them.';
    case 'unnamed_refresh':
      return 'Only a proxy can be let to stay connected where it names nobody.';
    case 'proxy_device':
      return 'A proxy has no device flow: make an app for the device.';
    case 'nowhere_to_return':
      return 'Say where people return to, such as http://127.0.0.1/callback, or turn the device flow on.';
    case 'access_beforehand':
      return 'What a client may do is decided by each person: only a service is told beforehand.';
    case 'service_signs_in':
      return 'A service signs nobody in: leave out redirect and logout addresses and the device flow.';
    case 'service_unproven':
      return 'A service has to prove itself: choose how.';
    case 'service_without_access':
      return 'Say which MCP servers the service may use, and which scopes there.';
  }
}

/** An administrator may name hosts of a private network. */
function uriFault(member: UriMember, client: NewClient, issuer: string): ClientFault | undefined {
  if (client[member].length > MAX_REDIRECT_URIS) return { rule: 'too_many_uris', member };
  for (const uri of client[member]) {
    const parsed = parseRedirectUri(uri, { issuer, specialUseHosts: true });
    if (!parsed.ok) return { rule: 'unfit_uri', member, uri, why: faultText(parsed.reason) };
  }
  return undefined;
}

function keyFault(client: NewClient): ClientFault | undefined {
  if (client.authMethod === 'private_key_jwt' && !client.jwksUri) return { rule: 'keys_nowhere' };
  for (const member of ['jwksUri', 'backchannelLogoutUri'] as const) {
    const uri = client[member];
    if (uri !== undefined && !isPlainHttps(uri)) return { rule: 'not_https', member, uri };
  }
  return undefined;
}

function serviceFault(client: NewClient, givesAccess: boolean): ClientFault | undefined {
  const { redirectUris, postLogoutRedirectUris, backchannelLogoutUri, deviceFlow } = client;
  const returns = redirectUris.length + postLogoutRedirectUris.length > 0;
  if (client.unnamedRefresh) return { rule: 'unnamed_refresh' };
  if (returns || backchannelLogoutUri || deviceFlow) return { rule: 'service_signs_in' };
  if (client.authMethod === 'none') return { rule: 'service_unproven' };
  return givesAccess ? undefined : { rule: 'service_without_access' };
}

function signInFault(client: NewClient, givesAccess: boolean): ClientFault | undefined {
  const { kind, redirectUris, deviceFlow, unnamedRefresh } = client;
  if (unnamedRefresh && kind !== 'proxy') return { rule: 'unnamed_refresh' };
  // Nobody could tell whose device it is.
  if (deviceFlow && kind === 'proxy') return { rule: 'proxy_device' };
  if (givesAccess) return { rule: 'access_beforehand' };
  return redirectUris.length > 0 || deviceFlow ? undefined : { rule: 'nowhere_to_return' };
}

/** oidc-provider sorts a client into web or native by its redirects, and then wants all of them to fit. */
function typeFault({ redirectUris, postLogoutRedirectUris }: NewClient): ClientFault | undefined {
  const native = redirectUris.some((uri) => !/^https:/i.test(uri));
  const all = [...redirectUris, ...postLogoutRedirectUris];
  const local = all.find((uri) => /^https:\/\/(localhost|127\.0\.0\.1|\[::1\])[:/?]?/i.test(uri));
  if (native && local) return { rule: 'local_beside_native', uri: local };
  const opened = postLogoutRedirectUris.find((uri) => !/^https?:/i.test(uri));
  return !native && opened ? { rule: 'clear_after_logout', uri: opened } : undefined;
}

function isPlainHttps(value: string): boolean {
  const url = URL.parse(value);
  return url?.protocol === 'https:' && url.username === '' && url.password === '' && url.hash === '';
}
