/** What people ask an administrator for: to read, to decide, to take back, to make a rule of (consent.md §5). */
import { z } from 'zod';
import { type ActRooms, revokeApproval, withdrawFirstApproval } from '../../approval-acts.ts';
import type { ApprovalQuery } from '../../approvals/listing-store.ts';
import type { ApprovalRequest } from '../../approvals/request.ts';
import { AppError } from '../../errors.ts';
import { changePolicy } from '../../policy-changes.ts';
import { isWithin, type Reach } from '../frame/actor.ts';
import { notFound, operation } from '../frame/operation.ts';
import { cursor, listed } from '../frame/shapes.ts';
import { knownFacts, viewCard } from './card.ts';
import type { CardDeps } from './card-deps.ts';
import { proposeRule, type RuleDeps, tryRule } from './rule.ts';
import { approveInput, card, decided, denyInput, filter, line, ruleInput, ruleTrial } from './shapes.ts';
import { decideTogether } from './together.ts';

export type ApprovalOperationDeps = ActRooms & CardDeps & RuleDeps;

const one = z.object({ id: z.string().max(100) });
const own = { access: 'change', resourceOwners: true } as const;

export function approvalOperations(deps: ApprovalOperationDeps) {
  const { approvals, approvalListing, now } = deps;

  async function within(id: string, reach: Reach): Promise<ApprovalRequest> {
    const request = await approvals.find(id);
    if (!request || !isWithin(reach, request.resourceId)) throw notFound('There is no such request.');
    return request;
  }

  return {
    list: operation({
      id: 'approvals.list',
      method: 'GET',
      path: '/approvals',
      summary: 'List requests: those that wait oldest first, decided ones newest first.',
      access: 'read',
      resourceOwners: true,
      input: filter.extend({ cursor }),
      output: listed(line),
      run: ({ cursor: from, ...asked }, { reach }) => approvalListing.page(toQuery(asked, reach), from),
    }),
    show: operation({
      id: 'approvals.show',
      method: 'GET',
      path: '/approvals/:id',
      summary: 'Everything there is to know before deciding, as it is now.',
      access: 'read',
      resourceOwners: true,
      input: one,
      output: card,
      run: async ({ id }, looker) => viewCard(await within(id, looker.reach), looker, deps),
    }),
    approve: operation({
      id: 'approvals.approve',
      method: 'POST',
      path: '/approvals/:id/approve',
      summary:
        'Allow exactly what was seen; the person still has to press Approve. For everyone it takes a fresh proof of presence.',
      ...own,
      freshFor: ({ audience }) => audience === 'everyone',
      input: approveInput,
      output: decided,
      async run({ id, seen, also, ...terms }, { actor, reach }) {
        const wanted = [{ id, seen }, ...also];
        for (const request of wanted) await within(request.id, reach);
        const approver = actor.accountId;
        return decideTogether(
          deps,
          wanted.map((request) => ({ ...terms, ...request, decision: 'approve', approver })),
        );
      },
    }),
    deny: operation({
      id: 'approvals.deny',
      method: 'POST',
      path: '/approvals/:id/deny',
      summary: 'Refuse what was asked.',
      ...own,
      input: denyInput,
      output: decided,
      async run({ id, note, also }, { actor, reach }) {
        const wanted = [id, ...also];
        for (const request of wanted) await within(request, reach);
        const approver = actor.accountId;
        return decideTogether(
          deps,
          wanted.map((request) => ({ id: request, note, decision: 'deny', approver })),
        );
      },
    }),
    withdrawFirst: operation({
      id: 'approvals.withdrawFirst',
      method: 'POST',
      path: '/approvals/:id/withdraw-first',
      summary: 'Take back one’s own first approval, which nobody has confirmed.',
      ...own,
      input: one,
      output: z.void(),
      async run({ id }, { actor, reach }) {
        await within(id, reach);
        await withdrawFirstApproval(deps, { id, approver: actor.accountId });
      },
    }),
    reliance: operation({
      id: 'approvals.reliance',
      method: 'GET',
      path: '/approvals/:id/reliance',
      summary: 'How many people use what an approval allows.',
      access: 'read',
      resourceOwners: true,
      input: one,
      output: z.object({ people: z.number().int() }),
      async run({ id }, { reach }) {
        const { clientId, resourceId, accountId, audience, scopes } = await within(id, reach);
        const whose = audience === 'everyone' ? {} : { accountId };
        return {
          people: await approvalListing.relying({ clientId, resourceId, ...whose, scopes: [...scopes], at: now() }),
        };
      },
    }),
    revoke: operation({
      id: 'approvals.revoke',
      method: 'POST',
      path: '/approvals/:id/revoke',
      summary: 'Take an approval back: whoever relied on it is asked to wait again.',
      ...own,
      input: one,
      output: z.void(),
      async run({ id }, { actor, reach }) {
        await within(id, reach);
        await revokeApproval(deps, { id, approver: actor.accountId });
      },
    }),
    ...ruleOperations(deps, within),
  };
}

function ruleOperations(deps: ApprovalOperationDeps, within: (id: string, reach: Reach) => Promise<ApprovalRequest>) {
  async function proposal({ id, where }: z.infer<typeof ruleInput>, accountId: string) {
    const request = await within(id, undefined);
    // As with the decision itself.
    if (request.accountId === accountId && (await deps.approvers.of(request.resourceId)).length > 1) {
      throw new AppError('own_request', 403, 'Nobody decides their own request: another administrator has to.');
    }
    return proposeRule(request, await knownFacts(request, deps), where, deps);
  }

  return {
    tryRule: operation({
      id: 'approvals.tryRule',
      method: 'GET',
      path: '/approvals/:id/rule',
      summary: 'The rule that says from now on what was decided, and what it would do.',
      access: 'change',
      input: ruleInput,
      output: ruleTrial,
      run: async (asked, { actor }) => tryRule(await proposal(asked, actor.accountId), deps),
    }),
    makeRule: operation({
      id: 'approvals.makeRule',
      method: 'POST',
      path: '/approvals/:id/rule',
      summary: 'Add that rule, exactly as it was shown.',
      access: 'change',
      fresh: true,
      input: ruleInput.extend({ plan: z.string().max(100).describe('As `approvals.tryRule` said it.') }),
      output: z.object({ rule: z.string() }),
      async run({ plan, ...asked }, { actor }) {
        const proposed = await proposal(asked, actor.accountId);
        if (proposed.plan !== plan) {
          throw new AppError('rule_changed', 409, 'Meanwhile it would be another rule. Nothing was added: look again.');
        }
        await changePolicy(deps, proposed.addition, { dryRun: false });
        return { rule: String(proposed.addition.details.rule) };
      },
    }),
  };
}

export type ApprovalOperations = ReturnType<typeof approvalOperations>;

function toQuery({ state, account, client, server, search }: z.infer<typeof filter>, reach: Reach): ApprovalQuery {
  return { state, accountId: account, clientId: client, resourceId: server, search, reach };
}
