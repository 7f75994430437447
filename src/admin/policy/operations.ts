/** The rules of who may connect: to read, to try, to change. */
import { z } from 'zod';
import { displayName } from '../../clients/display-name.ts';
import type { Impact } from '../../policy/impact.ts';
import { CEILINGS, type Rule, toMatchJson } from '../../policy/rule.ts';
import {
  changePolicy,
  defaultChange,
  type PolicyPlan,
  ruleAddition,
  ruleMove,
  ruleRemoval,
} from '../../policy-changes.ts';
import type { Rooms } from '../../rooms.ts';
import { operation } from '../frame/operation.ts';

export type PolicyOperationDeps = Pick<Rooms, 'policyStore' | 'audit' | 'database' | 'resources'>;

const rule = z.object({
  id: z.string(),
  kind: z.enum(['match', 'default', 'unreadable']),
  effect: z.string().optional().describe('allow, ask or deny'),
  match: z.record(z.string(), z.union([z.string(), z.array(z.string())])).optional(),
  peopleApprove: z.string().optional().describe('Of the default rule: none, low, medium or high.'),
  note: z.string().optional(),
  why: z.string().optional().describe('Of a rule that cannot be read: nobody can connect until it is mended.'),
});
export type RuleView = z.infer<typeof rule>;

const affected = z.object({
  consentId: z.string(),
  person: z.string(),
  clientName: z.string(),
  resourceUri: z.string(),
  resourceName: z.string(),
  lost: z.array(z.string()),
  waiting: z.array(z.string()),
});
const outcome = z.object({
  changed: z.boolean().describe('False: it was so already.'),
  dryRun: z.boolean(),
  losing: z.number().int().describe('People who lose access.'),
  asking: z.number().int().describe('People who have to ask an administrator.'),
  consents: z.number().int().describe('Consents that lose something, or have to ask for it.'),
  affected: z.array(affected).describe('The first 100.'),
});
export type PolicyOutcomeView = z.infer<typeof outcome>;

const dryRun = z.stringbool().or(z.boolean()).default(false).describe('Change nothing, say what it would do.');
const host = z.string().max(300).optional();
const SHOWN = 100;

export function policyOperations(deps: PolicyOperationDeps) {
  const change = { access: 'change', fresh: true, output: outcome } as const;

  async function make(plan: PolicyPlan, isTrial: boolean): Promise<PolicyOutcomeView> {
    const { changed, impacts } = await changePolicy(deps, plan, { dryRun: isTrial });
    const people = (some: readonly Impact[]) => new Set(some.map(({ consent }) => consent.accountId)).size;
    const named = impacts.length > 0 ? await deps.resources.listRegistered() : [];
    const names = new Map(named.map(({ uri, name }) => [uri, name]));
    return {
      changed,
      dryRun: isTrial,
      losing: people(impacts.filter(({ lost }) => lost.length > 0)),
      asking: people(impacts.filter(({ waiting }) => waiting.length > 0)),
      consents: impacts.length,
      affected: impacts.slice(0, SHOWN).map((impact) => toAffected(impact, names)),
    };
  }

  return {
    list: operation({
      id: 'policy.list',
      method: 'GET',
      path: '/policy/rules',
      summary: 'List the rules in the order in which they are asked; the first that matches decides.',
      access: 'read',
      input: z.object({}),
      output: z.object({ items: z.array(rule) }),
      run: async () => ({ items: (await deps.policyStore.list()).map(toView) }),
    }),
    add: operation({
      id: 'policy.add',
      method: 'POST',
      path: '/policy/rules',
      summary: 'Add a rule.',
      ...change,
      input: z.object({
        effect: z.enum(['allow', 'ask', 'deny']),
        clientHost: host,
        redirectHost: host,
        softwareId: host,
        resource: z.string().max(2000).optional(),
        sensitivity: z.array(z.enum(['low', 'medium', 'high'])).optional(),
        note: z.string().max(500).optional(),
        before: z.string().max(50).optional().describe('Id of the rule that it comes before.'),
        dryRun,
      }),
      run: async ({ dryRun: isTrial, ...wanted }) => make(await ruleAddition(wanted, deps.resources), isTrial),
    }),
    remove: operation({
      id: 'policy.remove',
      method: 'POST',
      path: '/policy/rules/:id/remove',
      summary: 'Remove a rule.',
      ...change,
      input: z.object({ id: z.string().max(50), dryRun }),
      run: ({ id, dryRun: isTrial }) => make(ruleRemoval(id), isTrial),
    }),
    move: operation({
      id: 'policy.move',
      method: 'POST',
      path: '/policy/rules/:id/move',
      summary: 'Move a rule before another, or to the end.',
      ...change,
      input: z.object({ id: z.string().max(50), before: z.string().max(50).optional(), dryRun }),
      run: ({ id, before, dryRun: isTrial }) => make(ruleMove(id, before), isTrial),
    }),
    setDefault: operation({
      id: 'policy.setDefault',
      method: 'PUT',
      path: '/policy/default',
      summary: 'Up to which sensitivity people approve themselves, where no rule speaks.',
      ...change,
      input: z.object({ peopleApprove: z.enum(CEILINGS as ['none', 'low', 'medium', 'high']), dryRun }),
      run: ({ peopleApprove, dryRun: isTrial }) => make(defaultChange(peopleApprove), isTrial),
    }),
  };
}

export type PolicyOperations = ReturnType<typeof policyOperations>;

function toView(one: Rule): RuleView {
  const { id, kind } = one;
  if (one.kind === 'match') return { id, kind, effect: one.effect, match: toMatchJson(one.match), note: one.note };
  return one.kind === 'default' ? { id, kind, peopleApprove: one.peopleApprove } : { id, kind, why: one.why };
}

function toAffected({ consent, lost, waiting }: Impact, names: ReadonlyMap<string, string>): z.infer<typeof affected> {
  return {
    consentId: consent.id,
    person: consent.email || consent.accountId,
    clientName: displayName(consent.client.metadata.client_name) || consent.client.id,
    resourceUri: consent.resource.uri,
    resourceName: names.get(consent.resource.uri) ?? consent.resource.uri,
    lost: [...lost],
    waiting: [...waiting],
  };
}
