/** The rules of who may connect as a file declares them: the whole list, in its order. */
import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { events } from '../audit/events.ts';
import { isSharedHost } from '../clients/provenance.ts';
import { redirectKey } from '../clients/redirect-uris.ts';
import { AppError } from '../errors.ts';
import { type Change as RuleChange, setDefault } from '../policy/changes.ts';
import { impactOf } from '../policy/impact.ts';
import { DEFAULT_RULE, type MatchRule, matchWords, parseRule, type Rule } from '../policy/rule.ts';
import { isProvenClient } from '../policy-changes.ts';
import { canonicalResource } from '../resources/resource.ts';
import { scopeDigest } from '../resources/scopes.ts';
import { type Change, difference, NONE } from './change.ts';
import type { Planning } from './plan.ts';
import type { DeclaredPolicy } from './shape.ts';

type Parsed = Omit<MatchRule, 'kind' | 'id'>;

export async function planPolicy(planning: Planning): Promise<Change[]> {
  const { rooms, file } = planning;
  const { policy } = file.declared;
  if (!policy) return [];
  const rules: Parsed[] = [];
  for (const index of policy.rules.keys()) rules.push(await readRule(planning, policy, index));
  const change = toRules(rules, policy.people_approve);
  const before = await rooms.policyStore.list();
  const after = change(before);
  const lines = linesOf(before, after);
  if (lines.length === 0) return [];
  const deps = { store: rooms.policyStore, isSharedHost, isProven: isProvenClient, redirectKey, scopeDigest };
  const impacts = await impactOf({ before, after }, deps);
  return [
    {
      ...{ section: 'policy', how: 'changed', name: 'rules', lines },
      people: new Set(impacts.map(({ consent }) => consent.email)).size,
      make: async () => {
        const made = await rooms.policyStore.change(change);
        const details = { rules: made.after.map(wordsOf), rulesBefore: made.before.map(wordsOf) };
        await rooms.audit.record(events.policyChanged({}, details, 'declared'));
        return NONE;
      },
    },
  ];
}

async function readRule({ rooms, file }: Planning, { rules }: DeclaredPolicy, index: number): Promise<Parsed> {
  const { effect, note, resource: uri, ...said } = rules[index] ?? { effect: 'deny' };
  const resource = uri === undefined ? undefined : (canonicalResource(uri) ?? uri);
  const listed = file.declared.resources?.some((one) => canonicalResource(one.uri) === resource);
  if (resource !== undefined && !listed && !(await rooms.resources.findRegistered(resource)))
    throw file.fault(['policy', 'rules', index, 'resource'], `names no MCP server: there is no ${resource}`);
  const { client_host: clientHost, redirect_host: redirectHost, software_id: softwareId, sensitivity } = said;
  const stated = Object.entries({ clientHost, redirectHost, softwareId, resource, sensitivity });
  const match = Object.fromEntries(stated.filter(([, value]) => value !== undefined));
  try {
    return parseRule({ effect, match, ...(note === undefined ? {} : { note }) }, { isSharedHost });
  } catch (error) {
    if (error instanceof AppError) throw file.fault(['policy', 'rules', index], error.message);
    throw error;
  }
}

/** A rule that is there and says the same keeps its id: the record goes on speaking of it. */
function toRules(wanted: readonly Parsed[], ceiling: DeclaredPolicy['people_approve']): RuleChange {
  return (before) => {
    const left = before.filter((rule) => rule.kind === 'match');
    const rules = wanted.map((rule): Rule => {
      const at = left.findIndex(({ kind: _kind, id: _id, ...known }) => isDeepStrictEqual(known, rule));
      const [same] = at < 0 ? [] : left.splice(at, 1);
      return same ?? { kind: 'match', id: randomBytes(6).toString('hex'), ...rule };
    });
    const after = [...rules, ...before.filter(({ id }) => id === DEFAULT_RULE)];
    return ceiling === undefined ? after : setDefault(ceiling)(after);
  };
}

function linesOf(before: readonly Rule[], after: readonly Rule[]): string[] {
  const [was, is] = [before.filter(isMatch), after.filter(isMatch)];
  const added = is.filter((rule) => !was.includes(rule));
  const gone = before.filter((rule) => rule.id !== DEFAULT_RULE && !after.includes(rule));
  const kept = (all: readonly Rule[], other: readonly Rule[]) => all.filter((rule) => other.includes(rule));
  const moved = kept(was, is).some((rule, index) => rule !== kept(is, was)[index]);
  const [first, second] = [before, after].map((rules) => rules.find(({ id }) => id === DEFAULT_RULE));
  return [
    ...added.map((rule) => `new, at place ${after.indexOf(rule) + 1}: ${wordsOf(rule)}`),
    ...gone.map((rule) => `removed: ${wordsOf(rule)}`),
    ...(moved ? ['the rules are asked in another order'] : []),
    ...(first === second ? [] : [difference('people_approve', ceilingOf(first), ceilingOf(second))]),
  ];
}

function isMatch(rule: Rule): boolean {
  return rule.kind === 'match';
}

function ceilingOf(rule: Rule | undefined): string | undefined {
  return rule?.kind === 'default' ? rule.peopleApprove : undefined;
}

function wordsOf(rule: Rule): string {
  switch (rule.kind) {
    case 'match':
      return `${rule.effect} where ${matchWords(rule.match).join(', ')}${rule.note === undefined ? '' : ` (${rule.note})`}`;
    case 'default':
      return `people approve ${rule.peopleApprove}`;
    case 'unreadable':
      return `${rule.id}, which cannot be read`;
  }
}
