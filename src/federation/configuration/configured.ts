/** Connections from a file: an array of descriptions with stable ids, every problem in it told at once. */
import { readFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { ConfigError } from '../../config.ts';
import { type Environment, readText } from '../../config-reader.ts';
import { ValueError } from '../../config-values.ts';
import { collision } from '../apart.ts';
import { tellWhy } from '../because.ts';
import type { NewConnection } from '../connection-store.ts';
import { type Described, type Problem, type Read, readDescription } from './description.ts';
import { CREDENTIAL_KEYS, type CredentialNames, readCredentials } from './provider-credentials.ts';

export interface ConfiguredSources {
  /** Absolute. */
  path: string;
  env: Environment;
  /** Our own issuer. */
  issuer: string;
  /** Returns a file's text or throws. */
  readFile?: (path: string) => string;
}

const KEY = 'CONNECTIONS_FILE';
const ID = /^[a-z0-9-]{1,64}$/;

/**
 * Paths in the file count from the file.
 * @throws ConfigError naming every problem at once, and no secret
 */
export function readConfigured({ path, env, issuer, readFile = read }: ConfiguredSources): NewConnection[] {
  const problems: string[] = [];
  const entries = readEntries(path, readFile);
  const connections: NewConnection[] = [];
  for (const [index, entry] of entries.entries()) {
    const told: Problem[] = [];
    const connection = readEntry(entry, { path, env, readFile }, told);
    if (connection) assertApart(connection, connections, issuer, told);
    if (connection) connections.push(connection);
    const where = typeof entry.id === 'string' ? entry.id : `entry ${index + 1}`;
    problems.push(...told.map(({ key, what }) => `${KEY} (${where}): ${key} ${what}`));
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return connections;
}

function readEntries(path: string, readFile: (path: string) => string): Described[] {
  const fault = (what: string) => new ConfigError([`${KEY} ${what}`]);
  let text: string;
  try {
    text = readText(readFile, path, 'which should hold the connections as JSON');
  } catch (error) {
    throw error instanceof ValueError ? fault(error.message) : error;
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw fault(`is no JSON at ${path} (${error instanceof Error ? error.message.slice(0, 100) : ''})`);
  }
  const whole = Array.isArray(parsed) && parsed.every((one) => typeof one === 'object' && one !== null);
  if (!whole) throw fault(`at ${path} must be an array of connections, [] for none`);
  return parsed as Described[];
}

/** One connection with its credentials. @param problems grows */
export function readEntry(
  entry: Described,
  { path, env, readFile }: Required<Pick<ConfiguredSources, 'path' | 'env' | 'readFile'>>,
  problems: Problem[],
): NewConnection | undefined {
  const { id, kind, ...rest } = entry;
  if (typeof id !== 'string' || !ID.test(id))
    problems.push({
      key: 'id',
      what: 'must be lower-case letters, digits and hyphens; it stands in the callback URL for good',
    });
  if (kind !== 'entra' && kind !== 'oidc') {
    problems.push({ key: 'kind', what: 'must be entra or oidc' });
    return undefined;
  }
  const isCredential = (key: string) => CREDENTIAL_KEYS.some((one) => one === key);
  const names = namesOf(Object.fromEntries(Object.entries(rest).filter(([key]) => isCredential(key))), problems);
  const description = Object.fromEntries(Object.entries(rest).filter(([key]) => !isCredential(key)));
  const sources = { env, root: resolve(path, '..'), readFile };
  const credentials = names && readCredentials(kind, names, sources, problems);
  const { federatedTokenFile } = credentials ?? {};
  const authentication = credentials?.authentication ?? (kind === 'entra' ? 'client_secret' : 'client_secret_basic');
  const how = federatedTokenFile === undefined ? { authentication } : { authentication, federatedTokenFile };
  const described = readDescription(kind, { name: nameFor(kind, rest), ...description }, how, problems);
  if (problems.length > 0 || !described || !credentials) return undefined;
  const { secrets, credentialEndsAt } = credentials;
  return { ...(described as Read), id: String(id), origin: 'configuration', secrets, credentialEndsAt };
}

function nameFor(kind: string, { issuer }: Described): string {
  return kind === 'entra' ? 'Microsoft' : (URL.parse(String(issuer))?.host ?? 'Provider');
}

/** @returns undefined where one is not written as it has to be */
function namesOf(members: Described, problems: Problem[]): CredentialNames | undefined {
  const before = problems.length;
  for (const [key, value] of Object.entries(members)) {
    const list = key === 'certificate_files';
    const fit = list ? Array.isArray(value) && value.every(isText) : isText(value);
    if (!fit) problems.push({ key, what: list ? 'must be an array of paths' : 'must be text' });
  }
  return problems.length === before ? (members as CredentialNames) : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function assertApart(
  connection: NewConnection,
  others: readonly NewConnection[],
  issuer: string,
  problems: Problem[],
): void {
  if (others.some(({ id }) => id === connection.id)) problems.push({ key: 'id', what: 'is used twice' });
  const namesake = others.find(({ name }) => name.toLowerCase() === connection.name.toLowerCase());
  if (namesake) problems.push({ key: 'name', what: `is that of ${namesake.id} too; people could not tell them apart` });
  const records = others.map((other) => ({ record: other, secrets: other.secrets }));
  const why = collision(connection, connection.secrets, records, issuer);
  if (why !== undefined) problems.push({ key: 'connection', what: `cannot be used: ${tellWhy(why)}` });
}

function read(path: string): string {
  if (!isAbsolute(path)) throw new Error(`${path} is relative`);
  return readFileSync(path, 'utf8');
}
