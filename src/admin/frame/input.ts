/** What does not fit an operation's schema, told by rules that pages have words for. */
import type { z } from 'zod';
import { AppError, type BrokenRule } from '../../errors.ts';

/** @throws AppError 400 `bad_input`, naming the members that do not fit */
export function parseInput<Input>(schema: z.ZodType<Input>, raw: unknown): Input {
  const parsed = schema.safeParse(raw);
  if (parsed.success && !holdsNul(parsed.data)) return parsed.data;
  if (parsed.success)
    throw new AppError('bad_input', 400, 'No text holds the character U+0000.', { broken: { rule: 'nul' } });
  const { issues } = parsed.error;
  const [first = { rule: 'unfit' }, ...also] = issues.map(
    (issue): BrokenRule => ({ ...ruleOf(issue), member: issue.path.join('.') }),
  );
  const message =
    issues[0] && first.member ? `${first.member}: ${issues[0].message}` : (issues[0]?.message ?? 'Bad input.');
  throw new AppError('bad_input', 400, message, { broken: also.length > 0 ? { ...first, also } : first });
}

/** The one character that Postgres does not take in a text. */
function holdsNul(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\0');
  return typeof value === 'object' && value !== null && Object.entries(value).flat().some(holdsNul);
}

type Issue = z.core.$ZodIssue;

/** By zod's kinds of issue. Where a text was left empty it says so, rather than how long it has to be. */
function ruleOf(issue: Issue): BrokenRule {
  switch (issue.code) {
    case 'too_small':
      if (issue.origin === 'string') return Number(issue.minimum) <= 1 ? { rule: 'missing' } : short(issue.minimum);
      if (issue.origin === 'array') return { rule: 'too_few', facts: { count: Number(issue.minimum) } };
      return { rule: 'too_small', facts: { minimum: Number(issue.minimum) } };
    case 'too_big':
      if (issue.origin === 'string') return { rule: 'too_long', facts: { count: Number(issue.maximum) } };
      if (issue.origin === 'array') return { rule: 'too_many', facts: { count: Number(issue.maximum) } };
      return { rule: 'too_big', facts: { maximum: Number(issue.maximum) } };
    case 'invalid_type':
      return typeRule(issue);
    case 'invalid_format':
      return { rule: FORMATS[issue.format] ?? 'unfit' };
    case 'invalid_value':
      return { rule: 'not_offered' };
    case 'invalid_union':
      return unionRule(issue);
    default:
      return { rule: 'unfit' };
  }
}

const FORMATS: Readonly<Record<string, string>> = { email: 'email', url: 'url', date: 'day', datetime: 'day' };

function short(minimum: number | bigint): BrokenRule {
  return { rule: 'too_short', facts: { count: Number(minimum) } };
}

function typeRule({ expected, message }: Extract<Issue, { code: 'invalid_type' }>): BrokenRule {
  if (message.endsWith('received undefined')) return { rule: 'missing' };
  if (expected === 'int') return { rule: 'whole_number' };
  return { rule: expected === 'number' ? 'number' : 'unfit' };
}

/** Where all the alternatives say the same, that. */
function unionRule({ errors }: Extract<Issue, { code: 'invalid_union' }>): BrokenRule {
  const rules = errors.flatMap(([first]) => (first ? [ruleOf(first)] : []));
  const [one = { rule: 'unfit' }] = rules;
  return rules.every(({ rule }) => rule === one.rule) ? one : { rule: 'unfit' };
}
