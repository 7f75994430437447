/** How an administrator describes an MCP server: what people will read about it on the consent page. */
import { isLoopbackOrigin } from '../config-values.ts';
import { AppError } from '../errors.ts';
import { readableLine } from '../web/visible-text.ts';
import { type PeopleNews, parsePeople } from './people.ts';
import {
  canonicalResource,
  DEFAULT_CONSENT_DAYS,
  DEFAULT_TOKEN_SECONDS,
  type PeopleSettings,
  type ScopeDescription,
} from './resource.ts';

export interface NewResource {
  uri: string;
  name: string;
  /** 90 where left out */
  consentDays?: number | undefined;
  /** 600 where left out */
  tokenSeconds?: number | undefined;
  scopes: readonly ScopeDescription[];
  people?: PeopleNews | undefined;
}

type ParsedResource = Omit<NewResource, 'people'> & {
  consentDays: number;
  tokenSeconds: number;
  people: Partial<PeopleSettings>;
};

/** RFC 6749 §3.3: printable ASCII without space, quotation mark and backslash. */
export const SCOPE_TOKEN = /^[\x21\x23-\x5B\x5D-\x7E]{1,100}$/;
/** Of OpenID Connect, with wording of their own. */
const RESERVED = new Set(['openid', 'profile', 'email', 'address', 'phone', 'offline_access']);
/** MCP 2025-11-25, server/tools, "Tool Names", and the slash that some servers use. */
export const TOOL_NAME = /^[\w.\-/]{1,128}$/;

/** What programs make clickable, wherever the text may end up: a notice by mail too. */
export const LINK = /\p{L}[\p{L}\d+.-]*:\/\/|\bwww\.|\bmailto:/iu;
const MAX_CONSENT_DAYS = 365;
const TOKEN_SECONDS = { least: 60, most: 3600 };

/**
 * The description as it is kept: canonical URI, each text one visible line without a link.
 * @throws AppError 400 `invalid_resource`, `invalid_scope`, `invalid_text`, `invalid_consent_days`, `invalid_token_seconds`,
 *   and as `parsePeople`
 */
export function parseDescription({
  uri,
  name,
  consentDays,
  tokenSeconds,
  scopes,
  people,
}: NewResource): ParsedResource {
  if (scopes.length === 0) throw invalidScope('none', '', 'Give the MCP server at least one scope.');
  return {
    uri: parseUri(uri),
    name: parseName(name),
    consentDays: parseConsentDays(consentDays ?? DEFAULT_CONSENT_DAYS),
    tokenSeconds: parseTokenSeconds(tokenSeconds ?? DEFAULT_TOKEN_SECONDS),
    scopes: parseScopes(scopes),
    people: parsePeople(people ?? {}),
  };
}

/** @throws AppError 400 `invalid_text` */
export function parseName(name: string): string {
  return plainLine(name, { what: 'The name of the MCP server', maxCharacters: 60, member: 'name' });
}

/** @throws AppError 400 `invalid_consent_days` */
export function parseConsentDays(days: number): number {
  if (Number.isInteger(days) && days >= 1 && days <= MAX_CONSENT_DAYS) return days;
  throw new AppError(
    'invalid_consent_days',
    400,
    `A consent lives 1 to ${MAX_CONSENT_DAYS} days: give a whole number.`,
  );
}

/** @throws AppError 400 `invalid_token_seconds` */
export function parseTokenSeconds(seconds: number): number {
  const { least, most } = TOKEN_SECONDS;
  if (Number.isInteger(seconds) && seconds >= least && seconds <= most) return seconds;
  throw new AppError('invalid_token_seconds', 400, `An access token lives ${least} to ${most} seconds.`);
}

/**
 * Each as it is kept.
 * @throws AppError 400 `invalid_scope`, `invalid_text`
 */
export function parseScopes(scopes: readonly ScopeDescription[]): ScopeDescription[] {
  const names = scopes.map((scope) => scope.name);
  const twice = names.find((one, index) => names.indexOf(one) !== index);
  if (twice !== undefined) throw invalidScope('twice', twice, `${twice} is given twice.`);
  return scopes.map(parseScope);
}

/**
 * The canonical URI of an MCP server that tokens may go to.
 * @throws AppError 400 `invalid_resource`
 */
export function parseUri(uri: string): string {
  const canonical = canonicalResource(uri);
  if (!canonical)
    throw invalidUri(
      'unfit',
      `${uri} is not the URL of an MCP server: write https://host/path, without # or credentials.`,
    );
  const { origin, protocol } = new URL(canonical);
  if (protocol === 'https:' || isLoopbackOrigin(origin)) return canonical;
  throw invalidUri(
    'clear',
    `${uri} would receive tokens in the clear: write https, or http for an MCP server on this machine.`,
  );
}

function parseScope(scope: ScopeDescription): ScopeDescription {
  const { name, description, descriptionJa, sensitivity, effect, tools } = scope;
  if (!SCOPE_TOKEN.test(name)) {
    throw invalidScope('unfit', name, `"${name}" is not a scope: use letters, digits and :._-/ without spaces.`);
  }
  if (RESERVED.has(name))
    throw invalidScope('reserved', name, `${name} belongs to OpenID Connect; choose another name.`);
  const tool = tools.find((one) => !TOOL_NAME.test(one));
  if (tool !== undefined) {
    const message = `"${tool}" is not the name of a tool: use letters, digits and _-./ without spaces.`;
    throw invalidScope('tool', tool, message, `tools:${name}`);
  }
  const what = `The description of ${name}`;
  const say = (text: string, member: string) =>
    plainLine(text, { what, maxCharacters: 200, member: `${member}:${name}` });
  return {
    name,
    description: say(description, 'description'),
    descriptionJa: descriptionJa === undefined ? undefined : say(descriptionJa, 'descriptionJa'),
    sensitivity,
    effect,
    tools: [...new Set(tools)],
  };
}

/** Compared as it looks: full-width letters make a link for those who read it. */
function plainLine(text: string, of: { what: string; maxCharacters: number; member: string }): string {
  const line = readableLine(text, of);
  if (!LINK.test(line.normalize('NFKC'))) return line;
  const message = `${of.what} contains a link: write what a person will understand without it.`;
  throw new AppError('invalid_text', 400, message, { broken: { rule: 'link', member: of.member } });
}

function invalidUri(rule: string, message: string): AppError {
  return new AppError('invalid_resource', 400, message, { broken: { rule } });
}

/** @param member a part of one scope is named `<part>:<name of the scope>` */
function invalidScope(rule: string, name: string, message: string, member?: string): AppError {
  const of = member ?? (name === '' ? 'scopes' : `name:${name}`);
  return new AppError('invalid_scope', 400, message, { broken: { rule, facts: { name }, member: of } });
}
