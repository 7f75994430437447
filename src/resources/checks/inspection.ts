/** What a server says of itself before anybody registers it: a proposal for whoever does, to be put into words. */
import { visibleText } from '../../web/visible-text.ts';
import type { Effect, ScopeDescription, Sensitivity } from '../resource.ts';
import {
  converseToTools,
  judgeAccess,
  type LookAt,
  lookWithoutToken,
  type Step,
  skipped,
  stepOf,
  taken,
} from './look.ts';
import type { SyntheticTokens } from './synthetic-tokens.ts';
import type { ListedTool } from './tools.ts';

export interface Inspection {
  uri: string;
  steps: readonly Step[];
  /** Its documents name this authorization server and this very URL. */
  ours: boolean;
  /** '' where it does not say one that can be read. */
  name: string;
  /** Words still to be written: `description` begins with what its tools are called, or is ''. */
  scopes: readonly ScopeDescription[];
  /** Tools behind none of these scopes. */
  unplaced: readonly string[];
}

/** Each of them once, in the order they are taken. */
export const inspectionSteps = ['challenge', 'metadata', 'access'] as const satisfies Step['step'][];

const MAX_CHARACTERS = 200;

/**
 * A token goes only to a server that names this authorization server for this very URL; any other is looked at as a
 * stranger would.
 */
export async function inspect(at: LookAt, tokens: SyntheticTokens): Promise<Inspection> {
  const { uri } = at;
  const { steps, metadata, open } = await lookWithoutToken(at);
  const ours = metadata?.ours ?? false;
  const token = metadata && ours && !open ? await tokens.good(metadata.scopes) : undefined;
  const admitted = token === undefined ? undefined : await converseToTools({ ...at, token });
  const listing = admitted && !('kind' in admitted) ? admitted.listing : open;
  const access = await taken(at, admitted ? stepOf('access', judgeAccess(admitted)) : skipped('access'));
  const scopes = describe(metadata?.scopes ?? [], listing?.tools ?? []);
  const placed = new Set(scopes.flatMap(({ tools }) => tools));
  const unplaced = (listing?.tools ?? []).map(({ name }) => name).filter((name) => !placed.has(name));
  return { uri, steps: [...steps, access], ours, name: metadata?.name ?? '', scopes, unplaced };
}

/** Those of the document, then others that tools name. */
function describe(supported: readonly string[], tools: readonly ListedTool[]): ScopeDescription[] {
  const names = [...new Set([...supported, ...tools.flatMap(({ scopes }) => scopes)])];
  return names.map((name) => {
    const behind = tools.filter((tool) => placeOf(tool, names) === name);
    const effect = effectOf(name, behind);
    const titles = behind
      .map(({ title }) => title)
      .filter(Boolean)
      .join(', ');
    const description = visibleText([...titles].slice(0, MAX_CHARACTERS).join(''), 'NFC');
    return { name, description, sensitivity: WEIGHT[effect], effect, tools: behind.map((tool) => tool.name) };
  });
}

/** The scope that it names; where it names none, the only one whose name says that it does the same. */
function placeOf({ scopes: [declared], effect }: ListedTool, names: readonly string[]): string | undefined {
  if (declared !== undefined) return declared;
  const alike = names.filter((name) => effect !== undefined && effectOf(name, []) === effect);
  return alike.length === 1 ? alike[0] : undefined;
}

const WEIGHT: Record<Effect, Sensitivity> = { read: 'low', change: 'medium', act: 'high' };

/** The most that any of its tools does; by its name where they do not say. */
function effectOf(name: string, tools: readonly ListedTool[]): Effect {
  const effects = tools.map(({ effect }) => effect);
  if (effects.includes('act')) return 'act';
  if (effects.length > 0 && effects.every((effect) => effect === 'read')) return 'read';
  if (effects.length > 0) return 'change';
  if (/delete|remove|admin|send|pay|execute|run/i.test(name)) return 'act';
  return /read|list|view|get|search/i.test(name) ? 'read' : 'change';
}
