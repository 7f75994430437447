/** How an MCP server is described on the command line: `--scope` in one line, or a JSON file. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import type { NewResource } from '../resources/description.ts';
import type { Effect, Resource, ScopeDescription, Sensitivity } from '../resources/resource.ts';
import { peopleToJson } from './resource-people.ts';
import { readInput, type Terminal } from './terminal.ts';

const SENSITIVITIES = ['low', 'medium', 'high'] as const satisfies Sensitivity[];
const EFFECTS = ['read', 'change', 'act'] as const satisfies Effect[];

export const SCOPE_FORM = 'name|what it lets a client do|low, medium or high|read, change or act|tool,tool';

/**
 * One `--scope`.
 * @throws AppError 400 `invalid_scope`
 */
export function parseScope(text: string): ScopeDescription {
  const [name = '', description = '', sensitivity = '', effect = '', tools = '', ...rest] = text
    .split('|')
    .map((part) => part.trim());
  const weight = SENSITIVITIES.find((one) => one === sensitivity);
  const kind = EFFECTS.find((one) => one === effect);
  if (rest.length > 0) throw invalid(text, 'it has more than five parts');
  if (!weight) throw invalid(text, `its third part is "${sensitivity}"`);
  if (!kind) throw invalid(text, `its fourth part is "${effect}"`);
  const names = tools.split(/[\s,]+/).filter(Boolean);
  return { name, description, sensitivity: weight, effect: kind, tools: names };
}

function invalid(text: string, why: string): AppError {
  return new AppError('invalid_scope', 400, `--scope '${text}': ${why}. Write ${SCOPE_FORM}`);
}

/** As `--consent-days` and `--token-seconds` give it; what is no number is refused with what is too great. */
export function parseWhole(text: string): number {
  return /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
}

export const SCOPE_HEADINGS = ['SCOPE', 'WEIGHT', 'EFFECT', 'DESCRIPTION', 'TOOLS'] as const;

export function scopeCells({ name, sensitivity, effect, description, tools }: ScopeDescription): string[] {
  return [name, sensitivity, effect, description, tools.join(', ')];
}

const scopeShape = z.strictObject({
  name: z.string(),
  description: z.string(),
  description_ja: z.string().nullish(),
  sensitivity: z.enum(SENSITIVITIES),
  effect: z.enum(EFFECTS),
  tools: z.array(z.string()).default([]),
});
const resourceShape = z.strictObject({
  uri: z.string(),
  name: z.string(),
  consent_days: z.number().optional(),
  token_seconds: z.number().optional(),
  scopes: z.array(scopeShape),
  token_claims: z.array(z.string()).optional(),
  staleness_minutes: z.number().optional(),
  connections: z.array(z.string()).optional(),
  // Of no effect: so that what `resource list --json` prints can be given back.
  client_id: z.unknown().optional(),
  suspended: z.unknown().optional(),
  disabled_at: z.unknown().optional(),
});

/**
 * @param path `-` for standard input
 * @throws AppError 400 `bad_input`
 */
export async function readDescription(terminal: Terminal, path: string): Promise<NewResource> {
  const text = path === '-' ? await readInput(terminal) : await readText(path);
  const result = resourceShape.safeParse(parseJson(text, path));
  if (!result.success) {
    const problems = result.error.issues.map(({ path: at, message }) => `  ${at.join('.') || 'the whole'}: ${message}`);
    throw bad(path, `does not describe an MCP server:\n${problems.join('\n')}`);
  }
  const { uri, name, consent_days: consentDays, token_seconds: tokenSeconds, scopes, ...people } = result.data;
  const { token_claims: tokenClaims, staleness_minutes: stalenessMinutes, connections: connectionIds } = people;
  return {
    uri,
    name,
    consentDays,
    tokenSeconds,
    people: { tokenClaims, stalenessMinutes, connectionIds },
    scopes: scopes.map(({ description_ja: descriptionJa, ...scope }) => ({
      ...scope,
      descriptionJa: descriptionJa ?? undefined,
    })),
  };
}

/** The same shape that {@link readDescription} takes; scopes as they were accepted. */
export function toJson(resource: Resource) {
  const { uri, name, clientId, consentDays, tokenSeconds, scopes, disabledAt } = resource;
  return {
    uri,
    name,
    client_id: clientId,
    consent_days: consentDays,
    token_seconds: tokenSeconds,
    ...peopleToJson(resource),
    disabled_at: disabledAt ?? null,
    suspended: scopes.filter(({ suspended }) => suspended).map((scope) => scope.name),
    scopes: scopes.map(scopeToJson),
  };
}

export function scopeToJson({ name, description, descriptionJa, sensitivity, effect, tools }: ScopeDescription) {
  return { name, description, description_ja: descriptionJa ?? null, sensitivity, effect, tools };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw bad(path, `cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw bad(path, `is not JSON: ${(error as Error).message}`);
  }
}

function bad(path: string, what: string): AppError {
  return new AppError('bad_input', 400, `${path === '-' ? 'Standard input' : path} ${what}`);
}
