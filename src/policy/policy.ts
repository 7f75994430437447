/** Judges who may connect by the operator's rules, and fails closed (CWE-636). */
import type { Sensitivity } from '../resources/resource.ts';
import { type IsSharedHost, type PolicyQuestion, ruleMatches } from './match.ts';
import { CEILINGS, DEFAULT_RULE, type Effect, type Rule } from './rule.ts';

export type { PolicyQuestion } from './match.ts';
export type { Effect } from './rule.ts';

/** Which rule decided what about a scope. */
export interface Decision {
  scope: string;
  effect: Effect;
  ruleId: string;
}

export interface Verdict {
  /** The strictest of the scopes' effects. */
  effect: Effect;
  denied: readonly string[];
  /** For an administrator. */
  waiting: readonly string[];
  allowed: readonly string[];
  /** The rules that decided, in the order of the scopes; where it failed those at fault. */
  ruleIds: readonly string[];
  decisions: readonly Decision[];
  /** A rule could not be read, or threw: everything is denied, whatever the other rules say (reason `rule_failed`). */
  failed: boolean;
  /** What failed, for the log and the record; never for the caller. */
  problem?: string | undefined;
}

export type Policy = ReturnType<typeof createPolicy>;

export function createPolicy(deps: {
  store: { list(): Promise<readonly Rule[]> };
  isSharedHost: IsSharedHost;
  /** Told each time that a judgement failed: until somebody mends the rule nobody can connect. */
  onFailure?: (problem: string) => void;
}) {
  return {
    /** By the rules as they are now. Rejects where the database is away: no answer is no permission. */
    async judge(question: PolicyQuestion): Promise<Verdict> {
      const verdict = judgeBy(await deps.store.list(), question, deps);
      if (verdict.failed) deps.onFailure?.(verdict.problem ?? '');
      return verdict;
    },
  };
}

/**
 * Pure, so that a change can be tried before it is made. Each scope walks the rules in their order, and the first that
 * matches decides about it; the default rule comes last wherever it stands. A request without a scope is judged as one
 * of low sensitivity, so that a client who is denied cannot come in by asking for nothing.
 */
export function judgeBy(
  rules: readonly Rule[],
  question: PolicyQuestion,
  { isSharedHost }: { isSharedHost: IsSharedHost },
): Verdict {
  const unreadable = rules.filter((rule) => rule.kind === 'unreadable');
  if (unreadable.length > 0) {
    const problem = unreadable.map(({ id, why }) => `rule ${id}: ${why}`).join('; ');
    return fail(question, unreadable, problem);
  }
  const ordered = [...rules].sort((a, b) => Number(a.kind === 'default') - Number(b.kind === 'default'));
  const decisions: Decision[] = [];
  const scopes = question.scopes.length > 0 ? question.scopes : [NOTHING];
  for (const { name, sensitivity } of scopes) {
    for (const rule of ordered) {
      try {
        const effect = effectOf(rule, question, sensitivity, isSharedHost);
        if (!effect) continue;
        decisions.push({ scope: name, effect, ruleId: rule.id });
        break;
      } catch (error) {
        return fail(question, [rule], `rule ${rule.id}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
  if (ordered.at(-1)?.kind !== 'default') return fail(question, [{ id: DEFAULT_RULE }], 'there is no default rule');
  return verdict(question, decisions);
}

const NOTHING: PolicyQuestion['scopes'][number] = { name: '', sensitivity: 'low' };

/** @returns undefined where the rule does not speak of this */
function effectOf(
  rule: Rule,
  question: PolicyQuestion,
  sensitivity: Sensitivity,
  isSharedHost: IsSharedHost,
): Effect | undefined {
  const weight = CEILINGS.indexOf(sensitivity);
  if (weight < 1) throw new Error(`unknown sensitivity ${String(sensitivity)}`);
  switch (rule.kind) {
    case 'unreadable':
      throw new Error(rule.why);
    case 'match':
      return ruleMatches(rule, question, sensitivity, isSharedHost) ? rule.effect : undefined;
    case 'default':
      return weight > CEILINGS.indexOf(rule.peopleApprove) ? 'ask' : 'allow';
  }
}

function verdict({ scopes }: PolicyQuestion, decisions: readonly Decision[]): Verdict {
  const has = (effect: Effect) => decisions.some((decision) => decision.effect === effect);
  const asked = decisions.slice(0, scopes.length);
  const named = (effect: Effect) => asked.filter((one) => one.effect === effect).map(({ scope }) => scope);
  return {
    effect: has('deny') ? 'deny' : has('ask') ? 'ask' : 'allow',
    denied: named('deny'),
    waiting: named('ask'),
    allowed: named('allow'),
    ruleIds: [...new Set(decisions.map(({ ruleId }) => ruleId))],
    decisions: asked,
    failed: false,
  };
}

function fail({ scopes }: PolicyQuestion, atFault: readonly { id: string }[], problem: string): Verdict {
  const ruleId = atFault[0]?.id ?? DEFAULT_RULE;
  return {
    effect: 'deny',
    denied: scopes.map(({ name }) => name),
    waiting: [],
    allowed: [],
    ruleIds: atFault.map(({ id }) => id),
    decisions: scopes.map(({ name }) => ({ scope: name, effect: 'deny', ruleId })),
    failed: true,
    problem,
  };
}
