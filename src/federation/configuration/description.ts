/** A connection as an administrator writes it, by options or in a file: read into what is stored, all problems at once. */
import { z } from 'zod';
import { isLoopbackOrigin, ValueError } from '../../config-values.ts';
import { isVisible, visibleText } from '../../web/visible-text.ts';
import type { Party } from '../apart.ts';
import type { ConnectionRecord } from '../connection-store.ts';
import { PERSONAL_TENANT } from '../entra/clouds.ts';
import { entraSettings, oidcSettings } from '../settings.ts';

/** `key` is the member of the description, or several with ' / ' between; `what` goes on after it: "client_id is missing; …". */
export interface Problem {
  key: string;
  what: string;
}

export type Kind = 'entra' | 'oidc';
export type Authentication = ConnectionRecord['settings']['authentication'];

/** As in the file: snake_case, nothing secret. */
export type Described = Readonly<Record<string, unknown>>;

const MAX_NAME = 60;
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const NOT_A_GUID = 'a GUID such as 72f988bf-86f1-41af-91ab-2d7cd011db47, as the Entra admin center shows it';

const UNKNOWN = 'is not known here; leave it out';
const SWITCH = 'must be true or false';
const TEXT = 'must be text';

/** In words, what a member must be. */
const RULES: Readonly<Record<string, string>> = {
  name: TEXT,
  exclusive: SWITCH,
  provisioning: 'must be first_sign_in or scim',
  cloud: 'must be global, usgov or china',
  guests: SWITCH,
  offline_access: SWITCH,
  roles_claim: TEXT,
  groups_claim: TEXT,
  client_id: 'must be text, of 500 characters at most',
  check_minutes: 'must be a whole number from 1 to 1440',
  auth_contexts: 'must be an array of {"resource": …, "scope": …, "context": …}',
};

const shared = {
  name: z.string(),
  exclusive: z.boolean().default(false),
  provisioning: z.enum(['first_sign_in', 'scim']).default('first_sign_in'),
};

export type Common = { name: string; exclusive: boolean; provisioning: 'first_sign_in' | 'scim' };
export type Read = Common &
  (
    | { kind: 'entra'; settings: z.infer<typeof entraSettings> }
    | { kind: 'oidc'; settings: z.infer<typeof oidcSettings> }
  );

/**
 * @param description without credentials
 * @param authentication as the credentials have it
 * @param problems grows
 */
export function readDescription(
  kind: Kind,
  description: Described,
  authentication: { authentication: Authentication; federatedTokenFile?: string | undefined },
  problems: Problem[],
): Read | undefined {
  const before = problems.length;
  const { name, exclusive, provisioning, ...rest } = description;
  const common = parse(z.strictObject(shared), { name, exclusive, provisioning }, problems, (key) => key);
  if (common) checkName(common.name, problems);
  if (kind === 'entra') checkEntra(rest, problems);
  else checkOidc(rest, problems);
  checkSpelling(rest, problems);
  const wanted = { ...camelCased(rest), ...authentication };
  const { groups = false } = rest;
  const read =
    kind === 'oidc'
      ? { kind, settings: parse(oidcSettings, wanted, problems, snakeCased) }
      : {
          kind,
          settings: parse(
            entraSettings,
            { ...wanted, groups: groups === true ? 'mapped' : 'ignored' },
            problems,
            snakeCased,
          ),
        };
  if (problems.length > before || !common || !read.settings) return undefined;
  return { ...common, name: visibleText(common.name, 'NFC'), ...read } as Read;
}

/** What {@link readDescription} would read into the same connection; to change parts of it. */
export function describeSettings({ kind, settings }: Party): Described {
  const { authentication: _how, federatedTokenFile: _file, ...rest } = { federatedTokenFile: undefined, ...settings };
  const written = Object.entries(rest).filter(([, value]) => value !== undefined);
  const described = Object.fromEntries(written.map(([key, value]) => [snakeCased(key), value]));
  return kind === 'entra' ? { ...described, groups: settings.groups === 'mapped' } : described;
}

/** Members whose spelling in the database is another, or which the credentials decide. */
function checkSpelling(description: Described, problems: Problem[]): void {
  for (const key of Object.keys(description)) {
    if (/[A-Z]/.test(key) || key === 'authentication' || key === 'federated_token_file')
      problems.push({ key, what: UNKNOWN });
  }
}

function checkName(name: string, problems: Problem[]): void {
  const line = visibleText(name, 'NFC');
  const what = 'is what people read on the button';
  if (!isVisible(line)) problems.push({ key: 'name', what: `is empty, and ${what}` });
  if ([...line].length > MAX_NAME)
    problems.push({ key: 'name', what: `is longer than ${MAX_NAME} characters, and ${what}` });
}

function checkEntra({ tenants, client_id: clientId, groups = false }: Described, problems: Problem[]): void {
  if (typeof groups !== 'boolean') problems.push({ key: 'groups', what: SWITCH });
  if (typeof clientId !== 'string' || !GUID.test(clientId))
    problems.push({ key: 'client_id', what: `must be the application (client) ID, ${NOT_A_GUID}` });
  if (tenants === 'any') return;
  if (!Array.isArray(tenants) || tenants.length === 0) {
    problems.push({ key: 'tenants', what: `is missing; write the directory (tenant) ID, ${NOT_A_GUID}` });
    return;
  }
  const odd = tenants.find((tenant) => typeof tenant !== 'string' || !GUID.test(tenant));
  if (odd !== undefined)
    problems.push({ key: 'tenants', what: `has ${quoted(odd)}, which is no tenant ID: ${NOT_A_GUID}` });
  const lower = tenants.map((tenant) => String(tenant).toLowerCase());
  if (lower.includes(PERSONAL_TENANT))
    problems.push({
      key: 'tenants',
      what: 'has the tenant of personal Microsoft accounts, for whose people nobody vouches',
    });
}

function checkOidc({ issuer, client_id: clientId }: Described, problems: Problem[]): void {
  if (typeof clientId !== 'string' || clientId.trim() === '')
    problems.push({ key: 'client_id', what: 'is missing; write the client ID that the provider gave you' });
  const fault = issuerFault(issuer);
  if (fault) problems.push({ key: 'issuer', what: fault });
}

function issuerFault(issuer: unknown): string | undefined {
  const url = typeof issuer === 'string' ? URL.parse(issuer) : null;
  if (!url || !['https:', 'http:'].includes(url.protocol))
    return 'is missing or no URL; write it as the provider does, such as https://login.example.com/realms/staff';
  if (url.username || url.password) return 'carries a user name or password; leave them out';
  if (url.search || url.hash || String(issuer).includes('?') || String(issuer).includes('#'))
    return 'has a query or fragment, which an issuer never has';
  if (url.pathname.includes('/.well-known/'))
    return `is the address of a document; write ${String(issuer).replace(/\/\.well-known\/.*/, '')}`;
  if (url.protocol === 'http:' && !isLoopbackOrigin(url.origin)) return 'is http; write the https address';
  return undefined;
}

function parse<T>(
  schema: z.ZodType<T>,
  value: unknown,
  problems: Problem[],
  nameOf: (key: string) => string,
): T | undefined {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) {
    const [member] = issue.path.map(String);
    const unknown = issue.code === 'unrecognized_keys' && member === undefined;
    const keys = unknown ? issue.keys : [member ?? ''];
    for (const key of keys.map(nameOf)) {
      // What was told already in words of its own is not told twice.
      if (problems.some((problem) => problem.key === key)) continue;
      problems.push({ key, what: unknown ? UNKNOWN : (RULES[key] ?? 'is not accepted') });
    }
  }
  return undefined;
}

function camelCased(members: Described): Record<string, unknown> {
  // What is written as in the database was told as unknown.
  const written = Object.entries(members).filter(([key, value]) => value !== undefined && !/[A-Z]/.test(key));
  return Object.fromEntries(
    written.map(([key, value]) => [key.replace(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase()), value]),
  );
}

function snakeCased(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function quoted(value: unknown): string {
  return JSON.stringify(String(value).slice(0, 80));
}

/** For `expires`: a day, to its end in UTC. @throws ValueError */
export function parseDay(value: string): Date {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(value) ? new Date(`${value}T00:00:00Z`) : undefined;
  if (!day || Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== value)
    throw new ValueError(`is ${quoted(value)}; write a day such as 2027-05-01`);
  return day;
}
