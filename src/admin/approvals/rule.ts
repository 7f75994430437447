/** "Always for this host": a decision becomes a rule, for a client that proved the host and never for a shared one (threat 71). */
import { createHash } from 'node:crypto';
import type { Facts } from '../../approval-facts.ts';
import type { ApprovalRequest } from '../../approvals/request.ts';
import { AppError } from '../../errors.ts';
import { changePolicy, type PolicyPlan, ruleAddition } from '../../policy-changes.ts';
import type { Sensitivity } from '../../resources/resource.ts';
import type { Rooms } from '../../rooms.ts';
import { hostOfRule } from './card.ts';
import { judge, sensitivityOf } from './party.ts';
import type { RuleTrialView } from './shapes.ts';

export type RuleDeps = Pick<Rooms, 'approvalListing' | 'audit' | 'database' | 'policy' | 'policyStore' | 'resources'>;

export interface RuleProposal extends Omit<RuleTrialView, 'losing' | 'waiting'> {
  addition: PolicyPlan;
  resourceId: string | undefined;
}

/**
 * The narrowest rule that says what was decided: this host, this or every MCP server, and of an allow no other weights
 * than those that were asked for. It stands before the rule that decided until now.
 *
 * @throws AppError 409 `no_rule`
 */
export async function proposeRule(
  request: ApprovalRequest,
  facts: Facts | undefined,
  where: 'server' | 'all',
  deps: RuleDeps,
): Promise<RuleProposal> {
  const host = hostOfRule(facts);
  const effect = request.state === 'approved' ? 'allow' : request.state === 'denied' ? 'deny' : undefined;
  const resource = facts?.resource;
  if (!facts || !host || !effect || !resource) throw noRule();
  const weights = new Set(request.scopes.map((name) => sensitivityOf(resource, name)));
  const order: readonly Sensitivity[] = ['low', 'medium', 'high'];
  const sensitivity = effect === 'allow' ? order.filter((one) => weights.has(one)) : [];
  const before = await decidingRule(request, facts, deps);
  const wanted = {
    ...{ effect, clientHost: host },
    ...(where === 'server' ? { resource: resource.uri } : {}),
    ...(sensitivity.length > 0 ? { sensitivity } : {}),
    ...(before === 'default' ? {} : { before }),
  };
  const addition = await ruleAddition(wanted, deps.resources);
  return {
    ...{
      effect,
      host,
      sensitivity,
      before,
      addition: { ...addition, details: { ...addition.details, approval: request.id } },
    },
    resource: where === 'server' ? resource.uri : null,
    resourceId: where === 'server' ? resource.id : undefined,
    plan: createHash('sha256').update(JSON.stringify(wanted)).digest('hex').slice(0, 16),
  };
}

/** What it would do; nothing is changed. */
export async function tryRule(proposal: RuleProposal, deps: RuleDeps): Promise<RuleTrialView> {
  const { addition, resourceId, ...said } = proposal;
  const { impacts } = await changePolicy(deps, addition, { dryRun: true });
  const losing = new Set(impacts.filter(({ lost }) => lost.length > 0).map(({ consent }) => consent.accountId)).size;
  return { ...said, losing, waiting: await deps.approvalListing.waitingFromHost(said.host, resourceId) };
}

/** The first of the rules, in their order, that speaks of one of the scopes. */
async function decidingRule({ scopes }: ApprovalRequest, facts: Facts, deps: RuleDeps): Promise<string> {
  const verdict = await judge(facts.client, { resource: facts.resource, scopes }, deps);
  const deciding = new Set(verdict?.ruleIds ?? []);
  const rules = await deps.policyStore.list();
  return rules.find(({ id }) => deciding.has(id))?.id ?? 'default';
}

function noRule(): AppError {
  const message = 'There is no rule to make of this: its client proves no host of its own, or nothing was decided.';
  return new AppError('no_rule', 409, message);
}
