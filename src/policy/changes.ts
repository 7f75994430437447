/** Changes of the list of rules, pure: tried on a copy by a dry run, and made by the store under its lock. */
import { AppError } from '../errors.ts';
import { type Ceiling, DEFAULT_RULE, type MatchRule, type Rule } from './rule.ts';

/** @throws AppError `unknown_rule`, `default_rule`, `too_many_rules` */
export type Change = (rules: readonly Rule[]) => Rule[];

/** Each is read at every authorization and every refresh. */
const MAX_RULES = 1_000;

/** @param before id of the rule that it comes before; without it, or with the default rule's, it is the last but the default */
export function addRule(rule: MatchRule, before?: string): Change {
  return (rules) => {
    if (rules.length > MAX_RULES) {
      throw new AppError('too_many_rules', 409, `There are ${MAX_RULES} rules: remove one before you add another.`);
    }
    return insert(rules, rule, before);
  };
}

/** Unreadable ones too: that is how they are mended. */
export function removeRule(id: string): Change {
  return (rules) => {
    const gone = find(rules, id);
    return rules.filter((rule) => rule !== gone);
  };
}

/** @param before as of {@link addRule} */
export function moveRule(id: string, before?: string): Change {
  return (rules) => {
    const moved = find(rules, id);
    if (id === before)
      throw new AppError('bad_position', 400, `A rule cannot come before itself: name another than ${id}.`);
    return insert(
      rules.filter((rule) => rule !== moved),
      moved,
      before,
    );
  };
}

/** Also mends a default rule that is missing or unreadable. */
export function setDefault(peopleApprove: Ceiling): Change {
  return (rules) => {
    const said = rules.some((rule) => rule.kind === 'default' && rule.peopleApprove === peopleApprove);
    if (said) return [...rules];
    const others = rules.filter(({ id }) => id !== DEFAULT_RULE);
    return [...others, { kind: 'default', id: DEFAULT_RULE, peopleApprove }];
  };
}

function insert(rules: readonly Rule[], rule: Rule, before = DEFAULT_RULE): Rule[] {
  const at = rules.findIndex(({ id }) => id === before);
  if (at < 0 && before !== DEFAULT_RULE) throw unknown(before);
  return at < 0 ? [...rules, rule] : rules.toSpliced(at, 0, rule);
}

function find(rules: readonly Rule[], id: string): Rule {
  if (id === DEFAULT_RULE) {
    const message = 'The default rule always comes last. To change what it says: npx consentry policy default --help';
    throw new AppError('default_rule', 409, message);
  }
  const found = rules.find((rule) => rule.id === id);
  if (found) return found;
  throw unknown(id);
}

function unknown(id: string): AppError {
  return new AppError('unknown_rule', 404, `There is no rule ${id}. See: npx consentry policy list`);
}
