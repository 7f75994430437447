/** Rules of who may connect: how they are written, kept and read back. */
import { AppError, type BrokenRule } from '../errors.ts';
import type { Sensitivity } from '../resources/resource.ts';
import { isVisible, readableLine, visibleText } from '../web/visible-text.ts';
import { type HostPattern, parseHostPattern, patternText } from './host-pattern.ts';

/** `ask`: an administrator has to be asked first. */
export type Effect = 'allow' | 'ask' | 'deny';

/** What has to hold, all that is stated of it; at least one is. `match.ts` says how each is compared. */
export interface Match {
  clientHost?: HostPattern;
  redirectHost?: HostPattern;
  /** `software_id` (RFC 7591 §2). */
  softwareId?: string;
  /** Canonical URI. */
  resource?: string;
  sensitivity?: readonly Sensitivity[];
}

export interface MatchRule {
  kind: 'match';
  id: string;
  effect: Effect;
  match: Match;
  note: string | undefined;
}

/** The last rule: scopes up to this sensitivity people approve themselves, what is above waits. */
export interface DefaultRule {
  kind: 'default';
  id: typeof DEFAULT_RULE;
  peopleApprove: Ceiling;
}

/** A row that no release of ours wrote, or a later one: nobody knows what it says, so nothing passes it. */
export interface UnreadableRule {
  kind: 'unreadable';
  id: string;
  why: string;
}

export type Rule = MatchRule | DefaultRule | UnreadableRule;
/** `none`: everything waits. */
export type Ceiling = 'none' | Sensitivity;

/** As the database has it. */
export interface RuleRow {
  id: string;
  effect: string;
  match: unknown;
  note: string | null;
}

export const DEFAULT_RULE = 'default';
const EFFECTS: readonly Effect[] = ['allow', 'ask', 'deny'];
const SENSITIVITIES: readonly Sensitivity[] = ['low', 'medium', 'high'];
/** From nothing to everything. */
export const CEILINGS: readonly Ceiling[] = ['none', ...SENSITIVITIES];

/**
 * A new rule, strictly: an unknown member is refused, not overlooked.
 *
 * @param value `{ effect, match: { clientHost?, redirectHost?, softwareId?, resource?, sensitivity? }, note? }`
 * @param deps `isSharedHost` says whether many people publish under a host; the host is lower-case ASCII
 * @throws AppError 400 `invalid_rule`, `invalid_host`, `invalid_text`
 */
export function parseRule(
  value: unknown,
  { isSharedHost }: { isSharedHost: (hostname: string) => boolean },
): Omit<MatchRule, 'kind' | 'id'> {
  const { effect, match, note, ...more } = asObject(value, 'A rule');
  refuseMore(more, 'A rule');
  const parsed = parseMatch(match);
  const rule = { effect: parseEffect(effect), match: parsed, note: parseNote(note) };
  if (rule.effect === 'allow') refuseTooOpen(parsed, isSharedHost);
  return rule;
}

/** Total: whatever the row holds, a rule comes out, if only one that nothing passes. */
export function readRule({ id, effect, match, note }: RuleRow): Rule {
  try {
    if (id === DEFAULT_RULE) return { kind: 'default', id, peopleApprove: parseDefault(effect, match) };
    return { kind: 'match', id, effect: parseEffect(effect), match: parseMatch(match), note: note ?? undefined };
  } catch (error) {
    return { kind: 'unreadable', id, why: error instanceof Error ? error.message : String(error) };
  }
}

/** What is kept of it in the database; {@link readRule} reads it back. */
export function toMatchJson({ clientHost, redirectHost, ...rest }: Match): Record<string, string | string[]> {
  const { softwareId, resource, sensitivity } = rest;
  return {
    ...(clientHost ? { clientHost: patternText(clientHost) } : {}),
    ...(redirectHost ? { redirectHost: patternText(redirectHost) } : {}),
    ...(softwareId === undefined ? {} : { softwareId }),
    ...(resource === undefined ? {} : { resource }),
    ...(sensitivity ? { sensitivity: [...sensitivity] } : {}),
  };
}

/** "client host claude.ai", "sensitivity low or medium": one line for each thing that has to hold. */
export function matchWords(match: Match): string[] {
  const { clientHost, redirectHost, softwareId, resource, sensitivity } = toMatchJson(match);
  return [
    clientHost && `client host ${clientHost}`,
    redirectHost && `redirect host ${redirectHost}`,
    softwareId && `software id ${softwareId}`,
    resource && `MCP server ${resource}`,
    sensitivity && `sensitivity ${[sensitivity].flat().join(' or ')}`,
  ].filter((words): words is string => Boolean(words));
}

function parseMatch(value: unknown): Match {
  const { clientHost, redirectHost, softwareId, resource, sensitivity, ...more } = asObject(
    value,
    'The match of a rule',
  );
  refuseMore(more, 'The match of a rule');
  const match: Match = {};
  if (clientHost !== undefined)
    match.clientHost = parseHostPattern(asText(clientHost, 'clientHost'), 'The client host', 'clientHost');
  if (redirectHost !== undefined) {
    match.redirectHost = parseHostPattern(asText(redirectHost, 'redirectHost'), 'The redirect host', 'redirectHost');
  }
  if (softwareId !== undefined) match.softwareId = parseSoftwareId(asText(softwareId, 'softwareId'));
  if (resource !== undefined) match.resource = parseResource(asText(resource, 'resource'));
  if (sensitivity !== undefined) match.sensitivity = parseSensitivity(sensitivity);
  if (Object.keys(match).length > 0) return match;
  const message = 'A rule needs at least one of client host, redirect host, software id, MCP server and sensitivity.';
  throw bad(message, { rule: 'empty', member: 'clientHost' });
}

function parseDefault(effect: string, value: unknown): Ceiling {
  const { above, ...more } = asObject(value, 'The default rule');
  refuseMore(more, 'The default rule');
  const ceiling = CEILINGS.find((one) => one === above);
  if (effect === 'ask' && ceiling !== undefined) return ceiling;
  throw bad('The default rule must ask above none, low, medium or high.');
}

function parseEffect(value: unknown): Effect {
  const effect = EFFECTS.find((one) => one === value);
  if (effect) return effect;
  throw bad('The effect of a rule is allow, ask or deny.');
}

function parseSoftwareId(value: string): string {
  if (value.length <= 200 && isVisible(value) && visibleText(value, 'NFC') === value) return value;
  throw bad('A software id is 1 to 200 visible characters.', { rule: 'software_id', member: 'softwareId' });
}

function parseResource(value: string): string {
  const url = URL.parse(value);
  if (!url || !['https:', 'http:'].includes(url.protocol) || value.includes('#') || url.username || url.password) {
    throw bad(`'${value}' is not the URL of an MCP server.`, { rule: 'resource', member: 'resource' });
  }
  // Written in another form it would never match, and a rule that denies would deny nobody.
  const canonical = url.pathname === '/' && !url.search ? url.href.slice(0, -1) : url.href;
  if (value === canonical) return value;
  const facts = { uri: canonical };
  throw bad(`Write the MCP server '${value}' as ${canonical}.`, { rule: 'canonical', facts, member: 'resource' });
}

function parseSensitivity(value: unknown): Sensitivity[] {
  if (Array.isArray(value) && value.length > 0 && value.every((one) => SENSITIVITIES.includes(one))) {
    return SENSITIVITIES.filter((one) => value.includes(one));
  }
  throw bad('The sensitivity of a rule is one or more of low, medium and high.');
}

function parseNote(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return readableLine(asText(value, 'note'), { what: 'The note', maxCharacters: 200, member: 'note' });
}

/** Many people publish there, or any program listens there: such a rule would let in whoever wants to. */
function refuseTooOpen({ clientHost, redirectHost }: Match, isSharedHost: (hostname: string) => boolean): void {
  for (const [pattern, whole, member] of [
    [clientHost, 'client ID', 'clientHost'],
    [redirectHost, 'redirect URI', 'redirectHost'],
  ] as const) {
    if (!pattern || pattern.kind === 'address' || !isSharedHost(pattern.host)) continue;
    const message = `Many people publish on ${pattern.host}: allow one of them by the whole ${whole}, such as`;
    const example = `${pattern.kind === 'below' ? `someone.${pattern.host}` : pattern.host}/app/client.json`;
    throw bad(`${message} ${example}`, { rule: 'shared_host', facts: { host: pattern.host, example }, member });
  }
  if (redirectHost && isLoopbackHost(redirectHost.host)) {
    const { host } = redirectHost;
    const broken = { rule: 'loopback', facts: { host }, member: 'redirectHost' };
    throw bad(`Any program can listen on ${host}: allow the client by its host instead.`, broken);
  }
}

/** @param host lower-case ASCII, an IPv6 address in brackets */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127(?:\.\d+){3}$/.test(host);
}

function asObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw bad(`${what} must be an object.`);
}

function asText(value: unknown, member: string): string {
  if (typeof value === 'string') return value;
  throw bad(`${member} must be text.`);
}

function refuseMore(more: Record<string, unknown>, what: string): void {
  const [unknown] = Object.keys(more);
  if (unknown !== undefined) throw bad(`${what} has no member '${unknown}'.`);
}

function bad(message: string, broken?: BrokenRule): AppError {
  return new AppError('invalid_rule', 400, message, broken ? { broken } : {});
}
