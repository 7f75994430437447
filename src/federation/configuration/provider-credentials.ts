/** What we prove ourselves with at a provider, read from files or the environment: never from the command line itself. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Environment, readText } from '../../config-reader.ts';
import { ValueError } from '../../config-values.ts';
import type { ConnectionSecrets } from '../settings.ts';
import { type Certified, lastEnd, parseCertificate, parsePrivateKey } from './certificates.ts';
import { type Authentication, type Kind, type Problem, parseDay } from './description.ts';

/** Names of files and variables. */
export interface CredentialNames {
  client_secret_file?: string | undefined;
  /** Name of a variable. */
  client_secret_env?: string | undefined;
  /** The newest first. */
  certificate_files?: readonly string[] | undefined;
  private_key_file?: string | undefined;
  federated_token_file?: string | undefined;
  /** `client_secret_post` where the provider takes no other. */
  client_auth?: string | undefined;
  secret_expires?: string | undefined;
}

export const CREDENTIAL_KEYS = [
  'client_secret_file',
  'client_secret_env',
  'certificate_files',
  'private_key_file',
  'federated_token_file',
  'client_auth',
  'secret_expires',
] as const satisfies readonly (keyof CredentialNames)[];

export interface Credentials {
  authentication: Authentication;
  federatedTokenFile?: string | undefined;
  secrets: ConnectionSecrets;
  credentialEndsAt: Date | undefined;
}

export interface CredentialSources {
  env: Environment;
  /** Relative paths count from here. */
  root: string;
  readFile?: ((path: string) => string) | undefined;
}

const WAYS = [
  'client_secret_file',
  'client_secret_env',
  'certificate_files',
  'private_key_file',
  'federated_token_file',
] as const;
const MAX_CERTIFICATES = 2;
const MAX_SECRET = 1_000;

/** @param problems grows */
export function readCredentials(
  kind: Kind,
  names: CredentialNames,
  sources: CredentialSources,
  problems: Problem[],
): Credentials | undefined {
  const before = problems.length;
  const told = { names, sources, problems };
  const endsAt = attempt('secret_expires', problems, () => names.secret_expires && parseDay(names.secret_expires));
  const way = onlyWay(kind, names, problems);
  const credentials = way && read(kind, way, told);
  if (problems.length > before || !credentials) return undefined;
  if (!endsAt) return credentials;
  if (credentials.secrets.clientSecret !== undefined) return { ...credentials, credentialEndsAt: endsAt };
  problems.push({ key: 'secret_expires', what: 'is for a client secret; a certificate says itself when it ends' });
  return undefined;
}

type Way = (typeof WAYS)[number];

function onlyWay(kind: Kind, names: CredentialNames, problems: Problem[]): Way | undefined {
  const given = WAYS.filter((way) => names[way] !== undefined);
  const [way, second] = given;
  if (way === undefined) {
    const key =
      kind === 'entra'
        ? 'federated_token_file / certificate_files / client_secret_file / client_secret_env'
        : 'private_key_file / client_secret_file / client_secret_env';
    problems.push({ key, what: 'is missing: one of them has to prove who we are, and the first that you can is best' });
    return undefined;
  }
  if (second !== undefined) {
    problems.push({ key: second, what: `stands beside another way to prove who we are; write only one of them` });
    return undefined;
  }
  if (kind === 'oidc' && (way === 'certificate_files' || way === 'federated_token_file')) {
    problems.push({ key: way, what: 'is for Entra ID; here a private key does it' });
    return undefined;
  }
  if (kind === 'entra' && way === 'private_key_file') {
    problems.push({ key: way, what: 'is for other providers; Entra ID wants a certificate' });
    return undefined;
  }
  return way;
}

function read(
  kind: Kind,
  way: Way,
  { names, sources, problems }: { names: CredentialNames; sources: CredentialSources; problems: Problem[] },
): Credentials | undefined {
  const text = (path: string) => textOf(path, sources);
  if (
    names.client_auth !== undefined &&
    (kind === 'entra' || way === 'private_key_file' || !isPostOrBasic(names.client_auth))
  ) {
    problems.push({ key: 'client_auth', what: 'goes with a client secret: client_secret_basic or client_secret_post' });
    return undefined;
  }
  switch (way) {
    case 'client_secret_file':
    case 'client_secret_env': {
      const value = names[way] ?? '';
      const clientSecret = attempt(way, problems, () =>
        secretOf(way === 'client_secret_file' ? text(value) : sources.env[value], way, value),
      );
      const authentication = kind === 'entra' ? 'client_secret' : (names.client_auth ?? 'client_secret_basic');
      if (clientSecret === undefined) return undefined;
      const secrets = { clientSecret, certificates: [] };
      return { authentication: authentication as Authentication, secrets, credentialEndsAt: undefined };
    }
    case 'certificate_files': {
      const certificates = readCertificates(names.certificate_files ?? [], text, problems);
      if (!certificates) return undefined;
      return { authentication: 'certificate', secrets: { certificates }, credentialEndsAt: lastEnd(certificates) };
    }
    case 'private_key_file': {
      const key = attempt(way, problems, () => parsePrivateKey(text(names.private_key_file ?? '')));
      if (!key) return undefined;
      const secrets = { certificates: [key] };
      return { authentication: 'private_key_jwt', secrets, credentialEndsAt: lastEnd([key]) };
    }
    case 'federated_token_file': {
      const path = resolve(sources.root, names.federated_token_file ?? '');
      if (attempt(way, problems, () => text(path)) === undefined) return undefined;
      const secrets = { certificates: [] };
      return { authentication: 'federated_credential', federatedTokenFile: path, secrets, credentialEndsAt: undefined };
    }
  }
}

function readCertificates(
  paths: readonly string[],
  text: (path: string) => string,
  problems: Problem[],
): Certified[] | undefined {
  const key = 'certificate_files';
  if (paths.length === 0 || paths.length > MAX_CERTIFICATES) {
    problems.push({ key, what: `must be one or ${MAX_CERTIFICATES}: the newest, and the one that it takes over from` });
    return undefined;
  }
  const read = paths.map((path) => attempt(key, problems, () => parseCertificate(text(path)), path));
  const whole = read.filter((one) => one !== undefined);
  return whole.length === paths.length ? whole : undefined;
}

function secretOf(text: string | undefined, way: Way, name: string): string {
  const secret = (text ?? '').replace(/\r?\n$/, '');
  const where = way === 'client_secret_file' ? 'the file' : `the variable ${name}`;
  if (secret.trim() === '') throw new ValueError(`has no secret in it: ${where} is empty or missing`);
  if (secret !== secret.trim() || /[\r\n]/.test(secret) || secret.length > MAX_SECRET)
    throw new ValueError(`is no client secret: ${where} holds several lines, blanks at an end, or too much`);
  return secret;
}

function textOf(
  path: string,
  { root, readFile = (path: string) => readFileSync(path, 'utf8') }: CredentialSources,
): string {
  return readText(readFile, resolve(root, path), 'which should hold what proves who we are');
}

function attempt<T>(key: string, problems: Problem[], work: () => T, where?: string): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    problems.push({ key, what: where === undefined ? error.message : `${where} ${error.message}` });
    return undefined;
  }
}

function isPostOrBasic(method: string): boolean {
  return method === 'client_secret_basic' || method === 'client_secret_post';
}
