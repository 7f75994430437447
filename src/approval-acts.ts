/** What approvers do, with its record and its notice: the same for the dashboard and the command line. */
import { type FactRooms, readFacts } from './approval-facts.ts';
import type { Outcome } from './approvals/approval.ts';
import type { Decision } from './approvals/deciding.ts';
import type { ApprovalRequest } from './approvals/request.ts';
import { events } from './audit/events.ts';
import { AppError } from './errors.ts';
import type { ApprovalRequested } from './notices/approval-notices.ts';
import type { Rooms } from './rooms.ts';

export type ActRooms = FactRooms & Pick<Rooms, 'approvals' | 'audit' | 'notices' | 'database'>;

/**
 * Approves what the client says of itself at this moment, or denies, also where nothing is known of it any more.
 * @throws AppError as `Approvals.decide`, 409 `client_unknown`
 */
export async function decideApproval(rooms: ActRooms, decision: Omit<Decision, 'current'>): Promise<Outcome> {
  const [outcome] = await decideApprovals(rooms, [decision]);
  if (!outcome) throw new Error('a decision without an outcome');
  return outcome;
}

/**
 * The same for several at once: all of them in one unit, each with its own record and notice, or none where one is no
 * longer what was seen.
 */
export async function decideApprovals(
  rooms: ActRooms,
  decisions: readonly Omit<Decision, 'current'>[],
): Promise<Outcome[]> {
  const known: Decision[] = [];
  for (const decision of decisions) {
    const request = await findRequest(rooms, decision.id);
    const current = decision.decision === 'deny' ? request : (await readFacts(rooms, request)).current;
    known.push({ ...decision, current });
  }
  return rooms.database.unit(async () => {
    const outcomes = await rooms.approvals.decideAll(known);
    for (const outcome of outcomes) {
      if (outcome.outcome === 'first') await recordFirst(rooms, outcome);
      else if (outcome.outcome === 'approved' || outcome.outcome === 'denied') await tell(rooms, outcome.request);
    }
    return outcomes;
  });
}

/** Ends what nobody decided in time, in units of a hundred. Any number of processes may do so at once. */
export async function expireApprovals(rooms: Omit<ActRooms, 'clients' | 'documents' | 'stated'>): Promise<void> {
  for (;;) {
    const ended = await rooms.database.unit(async () => {
      const expired = await rooms.approvals.expire();
      for (const request of expired) await tellExpired(rooms, request);
      return expired.length;
    });
    if (ended === 0) return;
  }
}

/** @throws AppError as `Approvals.revoke` */
export async function revokeApproval(rooms: ActRooms, wanted: { id: string; approver: string }) {
  return rooms.database.unit(async () => {
    const { before, request } = await rooms.approvals.revoke(wanted);
    const { audience, expiresAt, decidedBy } = before;
    const details = {
      ...{ approval: request.id, approver: wanted.approver },
      ...{ audienceBefore: audience ?? '', untilBefore: expiresAt?.toISOString() ?? '', approvedBy: decidedBy ?? '' },
    };
    await rooms.audit.record(events.approvalRevoked(await subjectOf(rooms, request), details));
    return request;
  });
}

/** @throws AppError as `Approvals.withdrawFirst` */
export async function withdrawFirstApproval(rooms: ActRooms, wanted: { id: string; approver: string }) {
  return rooms.database.unit(async () => {
    const { withdrawn, request } = await rooms.approvals.withdrawFirst(wanted);
    const details = {
      ...{ approval: request.id, approver: wanted.approver },
      ...{ audienceBefore: withdrawn.audience, daysBefore: withdrawn.days },
    };
    await rooms.audit.record(events.approvalFirstWithdrawn(await subjectOf(rooms, request), details));
    return request;
  });
}

/** @throws AppError 404 `unknown_approval` */
export async function findRequest({ approvals }: Pick<ActRooms, 'approvals'>, id: string): Promise<ApprovalRequest> {
  const request = await approvals.find(id);
  if (request) return request;
  throw new AppError(
    'unknown_approval',
    404,
    `There is no request ${id}. See: npx consentry approvals list --state all`,
  );
}

async function recordFirst(
  rooms: ActRooms,
  { request, replaced, again }: Extract<Outcome, { outcome: 'first' }>,
): Promise<void> {
  const { firstApproval: first } = request;
  const details = {
    ...{ approval: request.id, approver: first?.by ?? '', audience: first?.audience ?? '', days: first?.days ?? 0 },
    ...(replaced ? { replaced: replaced.by, audienceBefore: replaced.audience, daysBefore: replaced.days } : {}),
  };
  await rooms.audit.record(events.approvalFirst(await subjectOf(rooms, request), details));
  // Who changes their own terms has told the others already.
  if (first && !again) await rooms.notices.approvalFirst({ ...(await askedFor(rooms, request)), first });
}

/** As whoever decides is told of it. */
async function askedFor(rooms: Pick<ActRooms, 'resources'>, request: ApprovalRequest): Promise<ApprovalRequested> {
  const { accountId, clientId, downstream, resourceId, scopes, reason, id } = request;
  const resource = await rooms.resources.findById(resourceId);
  return {
    ...{ accountId, clientId: downstream?.clientId ?? clientId, resourceId, reason, requestId: id },
    ...namesIn(request),
    resourceName: resource?.name ?? '',
    scopes: scopes.map((name) => resource?.scopes.find((scope) => scope.name === name) ?? { name }),
  };
}

function namesIn({ stated: { client, downstream } }: Pick<ApprovalRequest, 'stated'>) {
  return { clientName: (downstream ?? client).name, ...(downstream ? { through: client.name } : {}) };
}

/** The record, and who asked. */
async function tellExpired(rooms: Parameters<typeof expireApprovals>[0], request: ApprovalRequest): Promise<void> {
  const { id, accountId, createdAt } = request;
  const details = { approval: id, before: 'pending', askedAt: createdAt.toISOString() };
  await rooms.audit.record(events.approvalExpired(await subjectOf(rooms, request), details));
  await rooms.notices.approvalDecided({
    ...{ requestId: id, accountId, decision: 'expired' },
    ...namesIn(request),
    resourceName: (await rooms.resources.findById(request.resourceId))?.name ?? '',
  });
}

/** Both sides are told: the record, and who asked. */
async function tell(rooms: ActRooms, request: ApprovalRequest): Promise<void> {
  const { accountId, audience, expiresAt, firstApproval: first } = request;
  const resource = await rooms.resources.findById(request.resourceId);
  const decision = request.state === 'approved' ? 'approved' : 'denied';
  const details = {
    ...{ approval: request.id, before: 'pending', decision, approver: request.decidedBy ?? '' },
    ...(audience ? { audience } : {}),
    ...(expiresAt ? { until: expiresAt.toISOString() } : {}),
    ...(first ? { firstApprover: first.by } : {}),
  };
  await rooms.audit.record(events.approvalDecided(await subjectOf(rooms, request), details));
  await rooms.notices.approvalDecided({
    ...{ requestId: request.id, accountId, decision, note: request.note },
    ...namesIn(request),
    resourceName: resource?.name ?? '',
  });
}

async function subjectOf(
  { resources }: Pick<ActRooms, 'resources'>,
  { accountId, clientId, scopes, resourceId }: ApprovalRequest,
) {
  return { accountId, clientId, scopes, resource: (await resources.findById(resourceId))?.uri };
}
