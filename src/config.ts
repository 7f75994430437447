/** Configuration: environment variables in, one frozen object out; everything has a default for trying it. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { createReader, type Environment, type Reader, readText } from './config-reader.ts';
import {
  isLoopbackOrigin,
  parseBrandName,
  parseChoice,
  parseDatabaseUrl,
  parseHostsOrNetworks,
  parseIssuer,
  parseListenHost,
  parseMailFrom,
  parseMasterKey,
  parseNetworks,
  parseSmtpUrl,
  parseSwitch,
  parseUrl,
  parseWebhookSecret,
  parseWebhookUrl,
  parseWholeNumber,
  ValueError,
} from './config-values.ts';
import { isEmail, normaliseEmail, passwordProblem, passwordRule } from './credentials.ts';
import { AppError } from './errors.ts';

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];
const twoPersonChoices = ['off', 'everyone', 'always'] as const;

export interface Config {
  /** Origin, without trailing slash: the one issuer identifier. */
  readonly issuer: string;
  readonly host: string;
  readonly port: number;
  /** NODE_ENV=production, or an issuer that is not loopback. */
  readonly production: boolean;
  /** Absent: the embedded Postgres below `dataDir`. */
  readonly databaseUrl?: string | undefined;
  /** Absolute. */
  readonly dataDir: string;
  /** 32 bytes. Absent: generated below `dataDir`. */
  readonly masterKey?: Buffer | undefined;
  /** The first administrator, normalised; absent: `admin@localhost` and a generated password. */
  readonly adminEmail?: string | undefined;
  readonly adminPassword?: string | undefined;
  readonly demo: boolean;
  readonly demoPort: number;
  readonly logLevel: LogLevel;
  /** IP addresses and CIDR networks whose X-Forwarded-* headers count. */
  readonly trustedProxies: readonly string[];
  readonly outboundProxy?: string | undefined;
  /** Absolute path of a PEM file. */
  readonly outboundCaFile?: string | undefined;
  /** Lower-case host names, IP addresses and CIDR networks. */
  readonly outboundAllow: readonly string[];
  readonly brandName: string;
  readonly supportUrl?: string | undefined;
  /** Where notices are posted, and the key that signs them. */
  readonly webhook?: { readonly url: string; readonly secret: Buffer } | undefined;
  /** The mail server for notices (its password in the URL), and their sender: `address` or `Name <address>`. */
  readonly mail?: { readonly smtpUrl: string; readonly from: string } | undefined;
  /** Absolute path of a JSON file with connections to identity providers. */
  readonly connectionsFile?: string | undefined;
  /** 0 switches the grace window off. */
  readonly refreshGraceSeconds: number;
  /** Which approvals take two people: none, those for everyone, or all. */
  readonly twoPersonApprovals: (typeof twoPersonChoices)[number];
  /** After so many days a request to an administrator that nobody decided is over. */
  readonly approvalRequestDays: number;
}

/** What can be set. */
const settings = [
  'ISSUER',
  'HOST',
  'PORT',
  'DATABASE_URL',
  'DATA_DIR',
  'MASTER_KEY',
  'ADMIN_EMAIL',
  'ADMIN_PASSWORD',
  'DEMO',
  'DEMO_PORT',
  'LOG_LEVEL',
  'TRUSTED_PROXIES',
  'OUTBOUND_PROXY',
  'OUTBOUND_CA_FILE',
  'OUTBOUND_ALLOW',
  'BRAND_NAME',
  'SUPPORT_URL',
  'WEBHOOK_URL',
  'WEBHOOK_SECRET',
  'SMTP_URL',
  'MAIL_FROM',
  'CONNECTIONS_FILE',
  'REFRESH_GRACE_SECONDS',
  'TWO_PERSON_APPROVALS',
  'APPROVAL_REQUEST_DAYS',
  'NODE_ENV',
] as const;
const secrets = ['DATABASE_URL', 'MASTER_KEY', 'ADMIN_PASSWORD', 'WEBHOOK_SECRET', 'SMTP_URL'] as const;

type Setting = (typeof settings)[number];

/** Every variable that is read; a secret also from the file that `<name>_FILE` names. */
export const configKeys: readonly string[] = [...settings, ...secrets.map((secret) => `${secret}_FILE`)];

/** Status 500; `problems` has one line per variable, and so has the message. No secret is repeated. */
export class ConfigError extends AppError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const heading = problems.length === 1 ? 'The configuration has a problem:' : 'The configuration has problems:';
    super('bad_configuration', 500, [heading, ...problems.map((problem) => `  ${problem}`)].join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

export interface ConfigSources {
  /** Absolute; relative paths count from here. Default: the working directory. */
  root?: string;
  /** Returns a file's text or throws. */
  readFile?: (path: string) => string;
}

/**
 * Reads the configuration.
 * @throws ConfigError naming every problem at once
 */
export function readConfig(env: Environment, sources: ConfigSources = {}): Config {
  const problems: string[] = [];
  const { root = process.cwd(), readFile = (path: string) => readFileSync(path, 'utf8') } = sources;
  const read = createReader<Setting>({ env, secrets, problems, root, readFile });
  const path = (value: string) => resolve(root, value);

  const address = readAddress(read, problems);
  const adminEmail = read('ADMIN_EMAIL', parseAdminEmail, undefined);
  const config: Config = {
    ...address,
    databaseUrl: read('DATABASE_URL', parseDatabaseUrl, undefined),
    dataDir: read('DATA_DIR', path, path('data')),
    masterKey: read('MASTER_KEY', parseMasterKey, undefined),
    adminEmail,
    adminPassword: read('ADMIN_PASSWORD', (value) => parseAdminPassword(value, adminEmail), undefined),
    demo: read('DEMO', parseSwitch, !address.production),
    demoPort: read('DEMO_PORT', parsePort, 9728),
    logLevel: read('LOG_LEVEL', (value) => parseChoice(value, logLevels), 'info'),
    trustedProxies: Object.freeze(read('TRUSTED_PROXIES', parseNetworks, [])),
    outboundProxy: read('OUTBOUND_PROXY', parseProxy, undefined),
    outboundCaFile: read('OUTBOUND_CA_FILE', (value) => parseCaFile(path(value), readFile), undefined),
    outboundAllow: Object.freeze(read('OUTBOUND_ALLOW', parseHostsOrNetworks, [])),
    brandName: read('BRAND_NAME', parseBrandName, 'Consentry'),
    supportUrl: read('SUPPORT_URL', parseSupportUrl, undefined),
    ...readNotices(read, problems),
    connectionsFile: read('CONNECTIONS_FILE', path, undefined),
    refreshGraceSeconds: read('REFRESH_GRACE_SECONDS', (value) => parseWholeNumber(value, 0, 300), 30),
    twoPersonApprovals: read('TWO_PERSON_APPROVALS', (value) => parseChoice(value, twoPersonChoices), 'off'),
    approvalRequestDays: read('APPROVAL_REQUEST_DAYS', (value) => parseWholeNumber(value, 1, 365), 30),
  };
  if (config.demo && config.demoPort === config.port) {
    problems.push(`DEMO_PORT is ${config.port}, which PORT has; write another port, or DEMO=off`);
  }
  if (config.production) requireForProduction(read.isSet, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(config);
}

function readAddress(
  read: Reader<Setting>,
  problems: string[],
): Pick<Config, 'issuer' | 'host' | 'port' | 'production'> {
  const host = read('HOST', parseListenHost, '127.0.0.1');
  const port = read('PORT', parsePort, 8414);
  let meant = originOf(host, port);
  const parse = (value: string) => {
    meant = originMeant(value);
    return parseIssuer(value);
  };
  const issuer = read('ISSUER', parse, meant);
  const asked = read('NODE_ENV', parseEnvironment, '') === 'production';
  // Judged by what was meant, so that a malformed ISSUER does not hide what production lacks.
  const production = asked || !isLoopbackOrigin(meant);
  if (production && !meant.startsWith('https:')) {
    const secure = read.isSet('ISSUER') ? meant.replace('http:', 'https:') : 'https://auth.example.com';
    const why = asked ? 'NODE_ENV is production' : 'others than this machine can reach it';
    problems.push(`ISSUER is ${meant}, but must be https because ${why}; write an address such as ${secure}`);
  }
  return { issuer, host, port, production };
}

/** Each way of sending notices takes two settings. */
function readNotices(read: Reader<Setting>, problems: string[]): Pick<Config, 'webhook' | 'mail'> {
  const url = read('WEBHOOK_URL', parseWebhookUrl, undefined);
  const secret = read('WEBHOOK_SECRET', parseWebhookSecret, undefined);
  const smtpUrl = read('SMTP_URL', parseSmtpUrl, undefined);
  const from = read('MAIL_FROM', parseMailFrom, undefined);
  requireBoth(read.isSet, problems, {
    WEBHOOK_URL: 'write the address that notices are posted to',
    WEBHOOK_SECRET: 'write what `openssl rand -base64 32` prints, and tell it the receiver',
  });
  requireBoth(read.isSet, problems, {
    SMTP_URL: 'write the mail server, such as smtps://user:password@mail.example.com',
    MAIL_FROM: 'write the sender, such as consentry@example.com',
  });
  return {
    webhook: url && secret ? Object.freeze({ url, secret }) : undefined,
    mail: smtpUrl && from ? Object.freeze({ smtpUrl, from }) : undefined,
  };
}

function requireBoth(
  isSet: Reader<Setting>['isSet'],
  problems: string[],
  advice: Readonly<Partial<Record<Setting, string>>>,
): void {
  const keys = Object.keys(advice) as Setting[];
  const given = keys.filter((key) => isSet(key));
  if (given.length !== 1) return;
  for (const key of keys.filter((one) => !given.includes(one))) {
    problems.push(`${key} is missing, and ${given[0]} needs it; ${advice[key]}`);
  }
}

/** The origin of a possibly malformed ISSUER; without a scheme https is assumed. */
function originMeant(value: string): string {
  const url = /^https?:/i.test(value) ? URL.parse(value) : URL.parse(`https://${value}`);
  return url?.origin ?? 'https://unknown.invalid';
}

/** Where a browser on this machine finds a server that listens there. */
function originOf(host: string, port: number): string {
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return new URL(`http://${isIP(reachable) === 6 ? `[${reachable}]` : reachable}:${port}`).origin;
}

function requireForProduction(isSet: Reader<Setting>['isSet'], problems: string[]): void {
  const why = 'is missing, and production needs it;';
  if (!isSet('DATABASE_URL')) {
    problems.push(
      `DATABASE_URL ${why} write postgres://user:password@host:5432/database, or embedded for the built-in one`,
    );
  }
  if (!isSet('MASTER_KEY')) {
    problems.push(
      `MASTER_KEY ${why} write what \`openssl rand -base64 32\` prints, and keep a copy beside your backups`,
    );
  }
}

function parsePort(value: string): number {
  return parseWholeNumber(value, 1, 65_535);
}

function parseEnvironment(value: string): string {
  if (value !== 'production' && /^prod/i.test(value)) throw new ValueError('is nearly production; write production');
  return value;
}

function parseAdminEmail(value: string): string {
  const email = normaliseEmail(value);
  if (!isEmail(email)) throw new ValueError('is not an e-mail address; write one such as admin@example.com');
  return email;
}

function parseAdminPassword(value: string, email: string | undefined): string {
  const problem = passwordProblem(value, email);
  if (problem) throw new ValueError(`is not accepted; ${passwordRule(problem)}`);
  return value;
}

function parseProxy(value: string): string {
  return parseUrl(value, ['http:', 'https:'], 'write one such as http://proxy.example:3128').href;
}

function parseSupportUrl(value: string): string {
  const advice = 'write one such as https://help.example.com or mailto:help@example.com';
  return parseUrl(value, ['https:', 'http:', 'mailto:'], advice).href;
}

function parseCaFile(path: string, readFile: (path: string) => string): string {
  const text = readText(readFile, path, 'which should hold certificates');
  if (!text.includes('-----BEGIN CERTIFICATE-----')) {
    throw new ValueError(`holds no certificate at ${path}; write the path of a PEM file`);
  }
  return path;
}
