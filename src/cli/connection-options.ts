/** Turns the options of `connection add` and `connection update` into a description, and its problems into words. */
import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { AppError } from '../errors.ts';
import type { Described, Kind, Problem, Read } from '../federation/configuration/description.ts';
import { readDescription } from '../federation/configuration/description.ts';
import {
  type CredentialNames,
  type Credentials,
  readCredentials,
} from '../federation/configuration/provider-credentials.ts';
import { canonicalResource, type Resource } from '../resources/resource.ts';
import { collect } from './options.ts';
import type { Terminal } from './terminal.ts';

export interface ConnectionOptions {
  name?: string;
  exclusive?: boolean;
  provisioning?: string;
  authContext?: string[];
  checkMinutes?: string;
  clientId?: string;
  clientSecretFile?: string;
  secretExpires?: string;
  json?: boolean;
}

export interface EntraOptions extends ConnectionOptions {
  tenant?: string[];
  anyTenant?: boolean;
  cloud?: string;
  certificate?: string[];
  federatedCredential?: string;
  guests?: boolean;
  groups?: boolean;
}

export interface OidcOptions extends ConnectionOptions {
  issuer?: string;
  resource?: string;
  privateKey?: string;
  clientAuth?: string;
  rolesClaim?: string;
  groupsClaim?: string;
  offlineAccess?: boolean;
}

/** Read where no file is named, so that a secret need not lie in one. */
export const SECRET_VARIABLE = 'CONSENTRY_CLIENT_SECRET';

const OPTIONS: Readonly<Record<string, string>> = {
  tenants: '--tenant',
  certificate_files: '--certificate',
  federated_token_file: '--federated-credential',
  private_key_file: '--private-key',
  client_secret_env: SECRET_VARIABLE,
  auth_contexts: '--auth-context',
};

export function sharedOptions(command: Command): Command {
  return command
    .option('--name <name>', 'what people read on the button "Continue with …"')
    .addOption(
      new Option(
        '--provisioning <when>',
        'whom it lets in: whoever signs in there, or only people that SCIM has sent',
      ).choices(['first_sign_in', 'scim']),
    )
    .option(
      '--auth-context <resource scope=context>',
      "the provider's own proof for a sensitive scope, such as 'https://mail.example.com/mcp mail:send=c1'; repeat for each; 'none' for none",
      collect,
    )
    .option(
      '--check-minutes <minutes>',
      'ask the provider for a person at most so often when their apps refresh (default: 10)',
    )
    .option('--client-id <id>', 'as the provider shows it')
    .option('--client-secret-file <path>', `a file with the client secret; without it ${SECRET_VARIABLE} is read`)
    .option(
      '--secret-expires <day>',
      'the day on which the secret ends, such as 2027-05-01: owners are warned in time',
    );
}

export function entraOptions(command: Command): Command {
  return command
    .option('--tenant <id>', 'whose people may come in: the directory (tenant) ID; repeat for each', collect)
    .option('--any-tenant', 'everybody with a work or school account anywhere may come in; on record as that')
    .addOption(new Option('--cloud <cloud>', 'default: global').choices(['global', 'usgov', 'china']))
    .option(
      '--certificate <path>',
      'a PEM file with certificate and private key; two while one takes over, the newest first',
      collect,
    )
    .option('--federated-credential <path>', "the file with the workload's own token, which its platform renews");
}

export function oidcOptions(command: Command): Command {
  return command
    .option('--issuer <url>', 'character by character as the provider writes it')
    .option(
      '--private-key <path>',
      'a PEM file with a private key (RSA, or EC P-256) instead of a secret: private_key_jwt',
    )
    .addOption(
      new Option('--client-auth <method>', 'how the secret is sent (default: client_secret_basic)').choices([
        'client_secret_basic',
        'client_secret_post',
      ]),
    )
    .option(
      '--resource <uri>',
      'sent with each request (RFC 8707) where the provider wants one, as another Consentry does',
    )
    .option('--roles-claim <name>', 'the claim of the ID token with roles')
    .option('--groups-claim <name>', 'the claim of the ID token with groups');
}

/** @throws AppError 400 `bad_connection` */
export function readOptions(
  kind: Kind,
  description: Described,
  credentials: Pick<Credentials, 'authentication' | 'federatedTokenFile'> | undefined,
  problems: Problem[],
): Read {
  // Without credentials the rest is read all the same, so that everything wrong is told at once.
  const authentication = credentials ?? { authentication: kind === 'entra' ? 'client_secret' : 'client_secret_basic' };
  const { federatedTokenFile } = authentication as Credentials;
  const how = { authentication: authentication.authentication as Credentials['authentication'] };
  const read = readDescription(
    kind,
    description,
    federatedTokenFile === undefined ? how : { ...how, federatedTokenFile },
    problems,
  );
  if (problems.length > 0 || !read) throw badConnection(problems);
  return read;
}

export function badConnection(problems: readonly Problem[]): AppError {
  const lines = problems.map(({ key, what }) => `${optionOf(key)} ${what}`);
  const [first = 'The connection is not written right.'] = lines;
  const message =
    lines.length === 1 ? `${first}.` : ['Several things are wrong:', ...lines.map((line) => `  ${line}`)].join('\n');
  return new AppError('bad_connection', 400, message);
}

/** Also of several: "certificate_files / client_secret_file". */
function optionOf(keys: string): string {
  const options = keys.split(' / ').map((key) => OPTIONS[key] ?? `--${key.replaceAll('_', '-')}`);
  return options.join(' / ');
}

/** Only what was given. */
export function describeOptions(kind: Kind, options: EntraOptions & OidcOptions): Described {
  const { name, exclusive, provisioning, clientId, checkMinutes } = options;
  const shared = { name, exclusive, provisioning, client_id: clientId, check_minutes: minutes(checkMinutes) };
  const { tenant, anyTenant, cloud, guests, groups } = options;
  if (tenant && anyTenant) throw badConnection([{ key: 'tenants', what: 'and --any-tenant do not go together' }]);
  const { issuer, resource, rolesClaim, groupsClaim, offlineAccess } = options;
  const own =
    kind === 'entra'
      ? { tenants: anyTenant ? 'any' : tenant && [...new Set(tenant)], cloud, guests, groups }
      : { issuer, resource, roles_claim: rolesClaim, groups_claim: groupsClaim, offline_access: offlineAccess };
  return Object.fromEntries(Object.entries({ ...shared, ...own }).filter(([, value]) => value !== undefined));
}

function minutes(value: string | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

/** @returns undefined where no way to prove ourselves was given */
export function credentialNames(
  options: EntraOptions & OidcOptions,
  { env }: Pick<Terminal, 'env'>,
): CredentialNames | undefined {
  const named = {
    client_secret_file: options.clientSecretFile,
    certificate_files: options.certificate,
    private_key_file: options.privateKey,
    federated_token_file: options.federatedCredential,
  };
  const how = { client_auth: options.clientAuth, secret_expires: options.secretExpires };
  if (Object.values(named).some((value) => value !== undefined)) return { ...named, ...how };
  return (env[SECRET_VARIABLE] ?? '') === '' ? undefined : { ...how, client_secret_env: SECRET_VARIABLE };
}

/** Paths count from where the command is given. What has ended already is refused here, and at a start of the server not. */
export function readOwnCredentials(
  kind: Kind,
  names: CredentialNames,
  { env }: Pick<Terminal, 'env'>,
  problems: Problem[],
): Credentials | undefined {
  const credentials = readCredentials(kind, names, { env, root: process.cwd() }, problems);
  const fault = credentials && (faultOfToken(credentials) ?? faultOfEnd(names, credentials));
  if (!fault) return credentials;
  problems.push(fault);
  return undefined;
}

function faultOfToken({ federatedTokenFile: path }: Credentials): Problem | undefined {
  if (path === undefined) return undefined;
  const token = readFileSync(path, 'utf8').trim();
  try {
    decodeProtectedHeader(token);
    decodeJwt(token);
    return undefined;
  } catch {
    const what = `${path} holds no token (JWT); name the file that the workload's platform writes it into`;
    return { key: 'federated_token_file', what };
  }
}

function faultOfEnd(
  { certificate_files: certificates, private_key_file: privateKey }: CredentialNames,
  { credentialEndsAt: end }: Credentials,
): Problem | undefined {
  if (!end || end > new Date()) return undefined;
  const day = end.toISOString().slice(0, 10);
  if (certificates) return { key: 'certificate_files', what: `${certificates.join(', ')} has ended on ${day}` };
  if (privateKey !== undefined) return { key: 'private_key_file', what: `${privateKey} has ended on ${day}` };
  return { key: 'secret_expires', what: `has ended on ${day}` };
}

/**
 * `<resource> <scope>=<context>`, checked against what is registered; `none` alone is none.
 * @throws AppError 400 `bad_connection`
 */
export function parseAuthContexts(values: readonly string[], resources: readonly Resource[]) {
  if (values.length === 1 && values[0] === 'none') return [];
  return values.map((value) => {
    const [, uri = '', scope = '', context = ''] = /^(\S+) +(\S+)=([^\s=]+)$/.exec(value.trim()) ?? [];
    const resource = resources.find((one) => one.uri === canonicalResource(uri));
    const fault = (what: string) => badConnection([{ key: 'auth_contexts', what: `'${value}' ${what}` }]);
    if (context === '') throw fault("is not written as 'RESOURCE scope=context'");
    if (!resource) throw fault('names no registered MCP server; see: npx consentry resource list');
    if (!resource.scopes.some(({ name }) => name === scope))
      throw fault(`names a scope that ${resource.uri} does not have`);
    return { resource: resource.uri, scope, context };
  });
}
