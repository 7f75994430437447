/** The live check of a registered MCP server: its 401 and 403 answers, and the tools it has (threats 104, 105). */
import { livingScopes, type Resource } from '../resource.ts';
import type { Failure } from './conversation.ts';
import { compareTools, differenceFindings, type SeenTool, type ToolDifference } from './difference.ts';
import { type Finding, type FindingCode, finding } from './finding.ts';
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
  taken,
} from './look.ts';
import { judgeScopeRefusal } from './scope-refusal.ts';
import type { SyntheticTokens } from './synthetic-tokens.ts';
import { refusalOf } from './treatment.ts';

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
  const nothing = { subject, tools: undefined, difference: undefined };
  if (!first.metadata) return { ...nothing, steps: [...first.steps, ...(await leaveOut(at, stepNames.slice(2)))] };
  const names = livingScopes(resource).map(({ name }) => name);
  const admitted = await converseToTools({ ...at, token: await tokens.good(names) });
  const access = await taken(at, stepOf('access', judgeAccess(admitted)));
  if ('kind' in admitted)
    return { ...nothing, steps: [...first.steps, access, ...(await leaveOut(at, stepNames.slice(3)))] };
  const { listing } = admitted;
  const difference = compareTools(resource, listing, before);
  const tools = await taken(at, stepOf('tools', differenceFindings(difference, listing)));
  // Whom nobody stops without a token, a bad one does not stop either.
  const refusals = first.open
    ? await leaveOut(at, stepNames.slice(4))
    : await refusalSteps(at, tokens, resource, admitted);
  return {
    subject,
    steps: [...first.steps, access, tools, ...refusals],
    tools: listing.tools.map(({ name, digest }) => ({ name, digest })),
    difference,
  };
}

async function leaveOut(at: LookAt, names: readonly Step['step'][]): Promise<Step[]> {
  const left: Step[] = [];
  for (const name of names) left.push(await taken(at, skipped(name)));
  return left;
}

async function refusalSteps(
  at: LookAt,
  tokens: SyntheticTokens,
  resource: Resource,
  admitted: Admitted,
): Promise<Step[]> {
  const names = livingScopes(resource).map(({ name }) => name);
  const judged = async (step: Step['step'], token: string, ignored: FindingCode) => {
    const reply = await converseToTools({ ...at, token }, admitted.conversation.revision);
    return taken(at, stepOf(step, judgeBadToken(reply, ignored)));
  };
  const scope = await judgeScopeRefusal(at, await tokens.withoutScope(), admitted, resource);
  return [
    await taken(at, stepOf('scope', scope)),
    await judged('audience', await tokens.forAnother(names), 'audience_ignored'),
    await judged('expiry', await tokens.expired(names), 'expiry_ignored'),
    await judged('signature', await tokens.forged(names), 'signature_ignored'),
  ];
}

/** @param ignored what is wrong where it is let in */
function judgeBadToken(reply: Admitted | Failure, ignored: FindingCode): Finding[] {
  if (!('kind' in reply)) return [finding(ignored)];
  const refusal = refusalOf(reply);
  if (refusal.how === '401') return [];
  if (refusal.how === 'unseen') return [finding('refusal_unseen')];
  return [finding('refused_otherwise', { status: refusal.how === 'otherwise' ? refusal.status : 403 })];
}
