/** What approvers do, with its record and its notice: the same for the dashboard and the command line. */
import { type FactRooms, readFacts } from './approval-facts.ts';
import type { Outcome } from './approvals/approval.ts';
import type { Decision } from './approvals/deciding.ts';
import type { ApprovalRequest } from './approvals/request.ts';
import { events } from './audit/events.ts';
import { AppError } from './errors.ts';
import type { Rooms } from './rooms.ts';

export type ActRooms = FactRooms & Pick<Rooms, 'approvals' | 'audit' | 'notices' | 'database'>;

/**
 * Approves what the client says of itself at this moment, or denies, also where nothing is known of it any more.
 * @throws AppError as `Approvals.decide`, 409 `client_unknown`
 */
export async function decideApproval(rooms: ActRooms, decision: Omit<Decision, 'current'>): Promise<Outcome> {
  const request = await findRequest(rooms, decision.id);
  const current = decision.decision === 'deny' ? request : (await readFacts(rooms, request)).current;
  return rooms.database.unit(async () => {
    const outcome = await rooms.approvals.decide({ ...decision, current });
    if (outcome.outcome === 'first') await recordFirst(rooms, outcome);
    else if (outcome.outcome !== 'changed') await tell(rooms, outcome.request);
    return outcome;
  });
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
  { request, replaced }: Extract<Outcome, { outcome: 'first' }>,
): Promise<void> {
  const { firstApproval: first } = request;
  const details = {
    ...{ approval: request.id, approver: first?.by ?? '', audience: first?.audience ?? '', days: first?.days ?? 0 },
    ...(replaced ? { replaced: replaced.by, audienceBefore: replaced.audience, daysBefore: replaced.days } : {}),
  };
  await rooms.audit.record(events.approvalFirst(await subjectOf(rooms, request), details));
}

/** Both sides are told: the record, and who asked. */
async function tell(rooms: ActRooms, request: ApprovalRequest): Promise<void> {
  const { accountId, stated, audience, expiresAt, firstApproval: first } = request;
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
    clientName: (stated.downstream ?? stated.client).name,
    ...(stated.downstream ? { through: stated.client.name } : {}),
    resourceName: resource?.name ?? '',
  });
}

async function subjectOf({ resources }: ActRooms, { accountId, clientId, scopes, resourceId }: ApprovalRequest) {
  return { accountId, clientId, scopes, resource: (await resources.findById(resourceId))?.uri };
}
