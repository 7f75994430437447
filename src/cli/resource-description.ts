/** How an MCP server is described on the command line: `--scope` in one line, or a JSON file. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import type { NewResource } from '../resources/description.ts';
import type { Effect, Resource, ResourceScope, Sensitivity } from '../resources/resource.ts';
import { readInput, type Terminal } from './terminal.ts';

const SENSITIVITIES = ['low', 'medium', 'high'] as const satisfies Sensitivity[];
const EFFECTS = ['read', 'change', 'act'] as const satisfies Effect[];

export const SCOPE_FORM = 'name|what it lets a client do|low, medium or high|read, change or act|tool,tool';

/**
 * One `--scope`.
 * @throws AppError 400 `invalid_scope`
 */
export function parseScope(text: string): ResourceScope {
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

const scopeShape = z.strictObject({
  name: z.string(),
  description: z.string(),
  description_ja: z.string().nullish(),
  sensitivity: z.enum(SENSITIVITIES),
  effect: z.enum(EFFECTS),
  tools: z.array(z.string()).default([]),
});
/** `client_id` so that what `resource list --json` prints can be given back. */
const resourceShape = z.strictObject({
  uri: z.string(),
  name: z.string(),
  client_id: z.string().optional(),
  scopes: z.array(scopeShape),
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
  const { uri, name, scopes } = result.data;
  return {
    uri,
    name,
    scopes: scopes.map(({ description_ja: descriptionJa, ...scope }) => ({
      ...scope,
      descriptionJa: descriptionJa ?? undefined,
    })),
  };
}

/** The same shape that {@link readDescription} takes. */
export function toJson({ uri, name, clientId, scopes }: Resource) {
  return {
    uri,
    name,
    client_id: clientId,
    scopes: scopes.map(({ descriptionJa, ...scope }) => ({ ...scope, description_ja: descriptionJa ?? null })),
  };
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
