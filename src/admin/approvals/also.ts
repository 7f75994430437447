/** The same client where it waits besides: what one press decides together, each as it was seen (threat 115). */
import { type Facts, readFacts } from '../../approval-facts.ts';
import { MAX_TOGETHER } from '../../approvals/approval.ts';
import { isOwn, standingFirst } from '../../approvals/deciding.ts';
import { differences } from '../../approvals/differences.ts';
import { type ApprovalRequest, type Approver, sightOf } from '../../approvals/request.ts';
import { redirectKey } from '../../clients/redirect-uris.ts';
import { AppError } from '../../errors.ts';
import type { Looker } from './card.ts';
import type { CardDeps } from './card-deps.ts';
import { scopeViews } from './scopes.ts';
import type { AlsoView } from './shapes.ts';

/** That are shown; whoever has more looks at them one by one. */
const SHOWN = 10;

/** Requests at other MCP servers where this approver may decide. Nothing of them is kept: a changed one is not offered. */
export async function viewAlso(
  request: ApprovalRequest,
  facts: Facts,
  { actor, reach }: Looker,
  deps: CardDeps,
): Promise<AlsoView[]> {
  const ids = await deps.approvalListing.waitingElsewhere({
    ...{ clientId: request.clientId, downstreamClientId: request.downstream?.clientId, reach },
    ...{ clientFingerprint: facts.current.clientFingerprint, resourceId: request.resourceId, limit: MAX_TOGETHER },
  });
  const at = createPlaces(deps);
  const found: AlsoView[] = [];
  for (const id of ids) {
    const other = await deps.approvals.find(id);
    if (other?.state !== 'pending' || !sameWay(request, other) || found.length === SHOWN) continue;
    const approvers = await at.approvers(other);
    if (!approvers.some((one) => one.id === actor.accountId) || isOwn(other, actor.accountId, approvers)) continue;
    found.push(await viewOne(other, { facts: await at.facts(other), approvers, me: actor.accountId }, deps));
  }
  return found;
}

async function viewOne(
  request: ApprovalRequest,
  { facts, approvers, me }: { facts: Facts; approvers: readonly Approver[]; me: string },
  { accountStore, connectionNamesOf, resources }: CardDeps,
): Promise<AlsoView> {
  const { id, accountId, resourceId, scopes, reason, createdAt } = request;
  const person = await accountStore.findById(accountId);
  const resource = facts.resource ?? (await resources.findById(resourceId));
  const first = standingFirst(request, approvers);
  const changed = differences(request, facts.current, scopes).length > 0;
  return {
    ...{ id, accountId, resourceId, createdAt },
    person: person?.email || person?.name || accountId,
    connections: await connectionNamesOf(accountId),
    resourceName: resource?.name ?? resourceId,
    resourceUri: resource?.uri ?? '',
    wants: scopeViews(scopes, facts.resource),
    reason: reason ?? null,
    seen: sightOf({ ...facts.current, scopes }),
    why: changed ? 'changed' : first?.by === me ? 'own_first' : null,
    approvedOnce: first !== undefined,
  };
}

/** The address that each returns to, without a loopback port. */
function sameWay(one: ApprovalRequest, other: ApprovalRequest): boolean {
  const same = (a = '', b = '') => redirectKey(a) === redirectKey(b);
  return same(one.redirectUri, other.redirectUri) && same(one.downstream?.redirectUri, other.downstream?.redirectUri);
}

/** Asked once for each MCP server and way back, however many requests there are. */
function createPlaces(deps: CardDeps) {
  const approvers = new Map<string, readonly Approver[]>();
  const facts = new Map<string, Facts>();
  return {
    async approvers({ resourceId }: ApprovalRequest): Promise<readonly Approver[]> {
      const known = approvers.get(resourceId) ?? (await deps.approvers.of(resourceId));
      approvers.set(resourceId, known);
      return known;
    },
    async facts(request: ApprovalRequest): Promise<Facts> {
      const key = JSON.stringify([request.resourceId, request.redirectUri, request.downstream?.redirectUri]);
      const known = facts.get(key) ?? (await readFacts(deps, request));
      facts.set(key, known);
      return known;
    },
  };
}

/** `<id>.<sight>`, as the tick boxes have it. @throws AppError 400 `bad_input` */
export function parseTick(tick: string): { id: string; seen: string } {
  const [, id, seen] = /^([\da-f]{32})\.([\da-f]{16})$/.exec(tick) ?? [];
  if (id && seen) return { id, seen };
  throw new AppError('bad_input', 400, 'This is not a request that was shown.');
}
