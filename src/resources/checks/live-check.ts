/** The live check of a registered MCP server: its 401 and 403 answers, and the tools it has (threats 104, 105). */
import { livingScopes, type Resource } from '../resource.ts';
import { compareTools, differenceFindings, type SeenTool, type ToolDifference } from './difference.ts';
import { type Finding, finding } from './finding.ts';
import {
  type Admitted,
  converseToTools,
  judgeAccess,
  type LookAt,
  lookWithoutToken,
  type Step,
  skipped,
  steps as stepNames,
  stepOf,
} from './look.ts';
import { judgeScopeRefusal } from './scope-refusal.ts';
import type { SyntheticTokens } from './synthetic-tokens.ts';

export interface Check {
  /** For whom its tokens were. */
  subject: string;
  /** Each of them once, in the order they are taken. */
  steps: readonly Step[];
  /** Undefined where no list of tools was seen. */
  tools: readonly SeenTool[] | undefined;
  difference: ToolDifference | undefined;
}

/** @param before the tools of the look before */
export async function checkLive(
  at: LookAt,
  tokens: SyntheticTokens,
  resource: Resource,
  before: readonly SeenTool[],
): Promise<Check> {
  const { subject } = tokens;
  const first = await lookWithoutToken(at);
  const rest = (names: readonly Step['step'][]) => names.map(skipped);
  if (!first.metadata)
    return { subject, steps: [...first.steps, ...rest(stepNames.slice(2))], tools: undefined, difference: undefined };
  const names = livingScopes(resource).map(({ name }) => name);
  const admitted = await converseToTools({ ...at, token: await tokens.good(names) });
  const access = stepOf('access', judgeAccess(admitted));
  if ('kind' in admitted)
    return {
      subject,
      steps: [...first.steps, access, ...rest(stepNames.slice(3))],
      tools: undefined,
      difference: undefined,
    };
  const { listing } = admitted;
  const difference = compareTools(resource, listing, before);
  const tools = stepOf('tools', differenceFindings(difference, listing));
  // Whom nobody stops without a token, a bad one does not stop either.
  const refusals = first.open ? rest(stepNames.slice(4)) : await refusalSteps(at, tokens, resource, admitted);
  return {
    subject,
    steps: [...first.steps, access, tools, ...refusals],
    tools: listing.tools.map(({ name, digest }) => ({ name, digest })),
    difference,
  };
}

async function refusalSteps(
  at: LookAt,
  tokens: SyntheticTokens,
  resource: Resource,
  admitted: Admitted,
): Promise<Step[]> {
  const names = livingScopes(resource).map(({ name }) => name);
  const accepted = async (token: string) => {
    const reply = await converseToTools({ ...at, token }, admitted.conversation.revision);
    return !('kind' in reply);
  };
  const judged = async (token: string, ignored: Finding) => ((await accepted(token)) ? [ignored] : []);
  return [
    stepOf('scope', await judgeScopeRefusal(at, await tokens.withoutScope(), admitted, resource)),
    stepOf('audience', await judged(await tokens.forAnother(names), finding('audience_ignored'))),
    stepOf('expiry', await judged(await tokens.expired(names), finding('expiry_ignored'))),
    stepOf('signature', await judged(await tokens.forged(names), finding('signature_ignored'))),
  ];
}
