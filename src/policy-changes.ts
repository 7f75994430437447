/** Changes of the rules of who may connect, with their record and with what they do to people: for every edge alike. */
import { randomBytes } from 'node:crypto';
import { events } from './audit/events.ts';
import { isProven, isSharedHost } from './clients/provenance.ts';
import { redirectKey } from './clients/redirect-uris.ts';
import { AppError } from './errors.ts';
import { addRule, type Change, moveRule, removeRule, setDefault } from './policy/changes.ts';
import type { ConsentingClient } from './policy/consent-store.ts';
import { type Impact, impactOf } from './policy/impact.ts';
import { type Ceiling, type MatchRule, matchWords, parseRule, type Rule } from './policy/rule.ts';
import { canonicalResource } from './resources/resource.ts';
import { scopeDigest } from './resources/scopes.ts';
import type { Rooms } from './rooms.ts';

/** A change, and what is recorded of it. */
export interface PolicyPlan {
  change: Change;
  reason: 'rule_added' | 'rule_removed' | 'rule_moved' | 'default_changed';
  details: Record<string, string | readonly string[]>;
  /** MCP server that the rule names. */
  resource?: string | undefined;
  /** Of a new rule. */
  rule?: MatchRule;
}

export interface WantedRule {
  effect: string;
  clientHost?: string | undefined;
  redirectHost?: string | undefined;
  softwareId?: string | undefined;
  resource?: string | undefined;
  sensitivity?: readonly string[] | undefined;
  note?: string | undefined;
  /** Id of the rule that it comes before. */
  before?: string | undefined;
}

export interface PolicyOutcome {
  /** false: it was so already. */
  changed: boolean;
  impacts: Impact[];
}

type PolicyRooms = Pick<Rooms, 'policyStore' | 'audit' | 'database'>;

/** @throws AppError 400 `invalid_rule`, `invalid_host`, `invalid_text`, 404 `unknown_resource` */
export async function ruleAddition(
  wanted: WantedRule,
  resources: Pick<Rooms['resources'], 'findByUri'>,
): Promise<PolicyPlan> {
  const { effect, note, before, ...said } = wanted;
  const resource = await knownResource(said.resource, resources);
  const stated = Object.entries({ ...said, resource }).filter(([, value]) => value !== undefined);
  const match = Object.fromEntries(stated);
  const parsed = parseRule({ effect, match, ...(note === undefined ? {} : { note }) }, { isSharedHost });
  const rule: MatchRule = { kind: 'match', id: randomBytes(6).toString('hex'), ...parsed };
  return {
    change: addRule(rule, before),
    reason: 'rule_added',
    details: { rule: rule.id, effect, match: matchWords(rule.match), ...(before ? { before } : {}) },
    resource,
    rule,
  };
}

export function ruleRemoval(id: string): PolicyPlan {
  return { change: removeRule(id), reason: 'rule_removed', details: { rule: id } };
}

/** @param before left out: to the end */
export function ruleMove(id: string, before?: string): PolicyPlan {
  return {
    change: moveRule(id, before),
    reason: 'rule_moved',
    details: { rule: id, before: before ?? 'default' },
  };
}

export function defaultChange(peopleApprove: Ceiling): PolicyPlan {
  return {
    change: setDefault(peopleApprove),
    reason: 'default_changed',
    details: { rule: 'default', peopleApprove },
  };
}

/** Makes the change, or with `dryRun` tries it on a copy. @throws AppError whatever the change throws */
export async function changePolicy(
  { policyStore, audit, database }: PolicyRooms,
  { change, reason, details, resource }: PolicyPlan,
  { dryRun }: { dryRun: boolean },
): Promise<PolicyOutcome> {
  const lists = await database.unit(async () => {
    if (dryRun) {
      const before = await policyStore.list();
      return { before, after: change(before) };
    }
    const made = await policyStore.change(change);
    if (differ(made))
      await audit.record(events.policyChanged({ resource }, { ...details, ...saidBefore(made) }, reason));
    return made;
  });
  const deps = { store: policyStore, isSharedHost, isProven: isProvenClient, redirectKey, scopeDigest };
  return { changed: differ(lists), impacts: await impactOf(lists, deps) };
}

/** Known by more than its word (consent.md §1). */
export function isProvenClient({ id, origin, metadata, redirectUri }: ConsentingClient): boolean {
  const authMethod = String(metadata.token_endpoint_auth_method ?? 'none');
  return isProven({ clientId: id, origin, redirectUri, authMethod });
}

/** Of a default that is another, and of a rule that is gone, what it said. */
function saidBefore({
  before,
  after,
}: {
  before: readonly Rule[];
  after: readonly Rule[];
}): Record<string, readonly string[]> {
  const gone = before.filter((rule) => !after.includes(rule));
  return gone.length > 0 ? { saidBefore: gone.map(oneLine) } : {};
}

function oneLine(rule: Rule): string {
  if (rule.kind === 'match') return `${rule.effect}: ${matchWords(rule.match).join(', ')}`;
  return rule.kind === 'default' ? `people approve ${rule.peopleApprove}` : 'unreadable';
}

function differ({ before, after }: { before: readonly Rule[]; after: readonly Rule[] }): boolean {
  return before.length !== after.length || before.some((rule, index) => rule !== after[index]);
}

async function knownResource(
  uri: string | undefined,
  resources: Pick<Rooms['resources'], 'findByUri'>,
): Promise<string | undefined> {
  if (uri === undefined) return undefined;
  const known = await resources.findByUri(canonicalResource(uri) ?? uri);
  if (known) return known.uri;
  throw new AppError('unknown_resource', 404, `There is no MCP server ${uri}. See: npx consentry resource list`);
}
