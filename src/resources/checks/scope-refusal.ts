/** Whether a tool is refused to a token without its scope, so that a client knows what to ask for (RFC 6750 §3.1, MCP authorization "Scope Challenge Handling"). */
import type { Resource, ResourceScope } from '../resource.ts';
import { bearerChallenge } from './challenge-header.ts';
import type { Reply } from './conversation.ts';
import { type Finding, finding } from './finding.ts';
import { type Admitted, converseToTools, type LookAt } from './look.ts';
import type { Listing } from './tools.ts';
import { refusalOf } from './treatment.ts';

/** @param token good here, but without any scope */
export async function judgeScopeRefusal(
  { ask, uri }: LookAt,
  token: string,
  { conversation, listing }: Admitted,
  resource: Pick<Resource, 'scopes'>,
): Promise<Finding[]> {
  const reply = await converseToTools({ ask, uri, token }, conversation.revision);
  if ('kind' in reply) return judge(reply, undefined);
  const trial = harmlessTool(listing, resource);
  if (!trial) return [finding('scope_untried')];
  return judge(await reply.conversation.request('tools/call', { name: trial.tool, arguments: {} }), trial);
}

interface Trial {
  tool: string;
  scope: ResourceScope;
}

/** One that only reads, by our word and not against its own: where nobody checks scopes it runs. */
function harmlessTool({ tools }: Listing, { scopes }: Pick<Resource, 'scopes'>): Trial | undefined {
  const reading = scopes.filter(({ effect, suspended }) => effect === 'read' && !suspended);
  for (const { name, effect } of tools) {
    const behind = scopes.filter((scope) => scope.tools.includes(name));
    const scope = behind.find((one) => reading.includes(one));
    if (scope && behind.length === 1 && (effect ?? 'read') === 'read') return { tool: name, scope };
  }
  return undefined;
}

function judge(reply: Reply, trial: Trial | undefined): Finding[] {
  if (reply.kind === 'answered') {
    if (reply.result.isError === true) return [finding('scope_refused_otherwise')];
    return [finding('scope_ignored', trial ? { tool: trial.tool } : {})];
  }
  const { how } = refusalOf(reply);
  if (how === 'unseen') return [finding('refusal_unseen')];
  return reply.kind === 'refused' && how === '403'
    ? judgeChallenge(reply.headers, trial)
    : [finding('scope_refused_otherwise')];
}

function judgeChallenge(headers: Headers, trial: Trial | undefined): Finding[] {
  const challenge = bearerChallenge(headers);
  if (challenge?.params.get('error') !== 'insufficient_scope') return [finding('scope_challenge_missing')];
  const scopes = challenge.params.get('scope')?.split(' ') ?? [];
  if (!trial || scopes.includes(trial.scope.name)) return [];
  return [finding('scope_not_named', { scope: trial.scope.name })];
}
