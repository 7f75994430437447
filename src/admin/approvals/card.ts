/** One request with everything that an approver needs to know, and what they may do about it. */
import { type FactRooms, type Facts, readFacts } from '../../approval-facts.ts';
import { isOwn, standingFirst, takesTwo } from '../../approvals/deciding.ts';
import type { Difference } from '../../approvals/differences.ts';
import { type ApprovalRequest, type Approver, sightOf } from '../../approvals/request.ts';
import { AppError } from '../../errors.ts';
import type { Actor, Reach } from '../frame/actor.ts';
import { viewAlso } from './also.ts';
import type { CardDeps } from './card-deps.ts';
import { provenHost, viewParty } from './party.ts';
import { scopeViews } from './scopes.ts';
import type { CardView, PartyView } from './shapes.ts';

export interface Looker {
  actor: Actor;
  reach: Reach;
}

const PREVIOUS = 5;

/** An approver's look is kept: what differs from it later is told. Nobody else's changes anything. */
export async function viewCard(request: ApprovalRequest, looker: Looker, deps: CardDeps): Promise<CardView> {
  const facts = await knownFacts(request, deps);
  const approvers = await deps.approvers.of(request.resourceId);
  const may = mayDo(request, looker.actor, approvers, facts);
  const looked = await look(request, facts, may, deps);
  return {
    ...(await saidOf(request, deps)),
    ...(await partiesOf(request, facts, looker.reach, deps)),
    wants: scopeViews(request.scopes, facts?.resource),
    also: facts && may.decide ? await viewAlso(request, facts, looker, deps) : [],
    previous: await previousOf(request, looker.reach, deps),
    differences: looked.map((difference) => ({ ...difference })),
    seen: facts ? sightOf({ ...facts.current, scopes: request.scopes }) : '',
    first: await firstOf(request, approvers, facts, deps),
    takesTwo: (['person', 'everyone'] as const).filter((one) => takesTwo(deps.approvals.twoPersons, one)),
    may,
    ...(await nextOf(request, looker.reach, deps)),
  };
}

/** undefined where nothing is known any more of the client behind a proxy. */
export async function knownFacts(request: ApprovalRequest, deps: FactRooms): Promise<Facts | undefined> {
  try {
    return await readFacts(deps, request);
  } catch (error) {
    if (error instanceof AppError && error.code === 'client_unknown') return undefined;
    throw error;
  }
}

async function look(
  request: ApprovalRequest,
  facts: Facts | undefined,
  may: CardView['may'],
  { approvals }: CardDeps,
): Promise<readonly Difference[]> {
  if (!facts || !may.decide) return [];
  return (await approvals.look(request.id, facts.current)).differences;
}

function mayDo(
  request: ApprovalRequest,
  { accountId, authority }: Actor,
  approvers: readonly Approver[],
  facts: Facts | undefined,
): CardView['may'] {
  const who = approvers.find(({ id }) => id === accountId);
  const waits = request.state === 'pending';
  const own = isOwn(request, accountId, approvers);
  const why = !waits ? 'decided' : !who ? 'not_approver' : own ? 'own_request' : null;
  const first = standingFirst(request, approvers);
  const ruled = request.state === 'approved' || request.state === 'denied';
  return {
    decide: why === null,
    why,
    everyone: who?.everywhere === true,
    confirm: why === null && first !== undefined && first.by !== accountId && mayAlso(first.audience, who),
    withdrawFirst: waits && request.firstApproval?.by === accountId,
    revoke: request.state === 'approved' && who !== undefined,
    rule: ruled && (authority.owner || authority.admin) && !own && hostOfRule(facts) !== undefined,
  };
}

function mayAlso(audience: 'person' | 'everyone', who: Approver | undefined): boolean {
  return audience === 'person' || who?.everywhere === true;
}

/** Nothing proves whom a proxy acts for, so no rule is made of that. */
export function hostOfRule(facts: Facts | undefined): string | undefined {
  return facts && !facts.downstream ? provenHost(facts.client) : undefined;
}

async function saidOf(request: ApprovalRequest, { accountStore, connectionNamesOf, resources }: CardDeps) {
  const person = await accountStore.findById(request.accountId);
  const decider = request.decidedBy === undefined ? undefined : await accountStore.findById(request.decidedBy);
  const resource = await resources.findById(request.resourceId);
  const { id, state, accountId, resourceId, scopes, createdAt } = request;
  return {
    ...{ id, state, accountId, resourceId, scopes: [...scopes], createdAt },
    person: person?.email || person?.name || accountId,
    connections: await connectionNamesOf(accountId),
    resourceName: resource?.name ?? resourceId,
    resourceUri: resource?.uri ?? '',
    serverEnabled: resource !== undefined,
    reason: request.reason ?? null,
    audience: request.audience ?? null,
    decidedAt: request.decidedAt ?? null,
    decidedBy: decider?.email || (request.decidedBy ?? null),
    note: request.note ?? null,
    expiresAt: request.expiresAt ?? null,
  };
}

async function partiesOf(request: ApprovalRequest, facts: Facts | undefined, reach: Reach, deps: CardDeps) {
  if (!facts) return { client: null, proxy: null };
  const asked = { resource: facts.resource, scopes: request.scopes, reach };
  const came: PartyView = await viewParty(facts.client, asked, deps);
  if (!facts.downstream) return { client: came, proxy: null };
  return { client: await viewParty(facts.downstream, asked, deps), proxy: came };
}

async function previousOf({ id, clientId, downstream }: ApprovalRequest, reach: Reach, { approvalListing }: CardDeps) {
  const about = { clientId: downstream?.clientId ?? clientId, reach };
  const { items } = await approvalListing.page({ state: 'decided', ...about }, undefined, PREVIOUS + 1);
  return items.filter((one) => one.id !== id).slice(0, PREVIOUS);
}

async function firstOf(
  request: ApprovalRequest,
  approvers: readonly Approver[],
  facts: Facts | undefined,
  { accountStore }: CardDeps,
): Promise<CardView['first']> {
  const { firstApproval: first, scopes } = request;
  if (!first) return null;
  const { by, at, audience, days, sight } = first;
  const same = facts !== undefined && sightOf({ ...facts.current, scopes }) === sight;
  const stands = same && standingFirst(request, approvers) !== undefined;
  return { by, person: (await accountStore.findById(by))?.email ?? by, at, audience, days, stands };
}

async function nextOf(request: ApprovalRequest, reach: Reach, { approvalListing }: CardDeps) {
  const { id, clientId, downstream, state } = request;
  const { items } = await approvalListing.page({ state: 'pending', reach }, undefined, 2);
  const next = items.find((one) => one.id !== id);
  const ofClient = await approvalListing.waiting({ reach, clientId: downstream?.clientId ?? clientId });
  return {
    nextWaiting: next?.id ?? null,
    waiting: await approvalListing.waiting({ reach }),
    more: ofClient - (state === 'pending' ? 1 : 0),
  };
}
