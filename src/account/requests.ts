/** What a person asked administrators for lately, and what came of it: also where no page of theirs waits any more. */
import type { Approvals } from '../approvals/approval.ts';
import type { ApprovalEntry } from '../approvals/store.ts';
import { displayName } from '../clients/display-name.ts';
import type { RequestView } from '../web/account-pages.ts';

export interface RequestsDeps {
  approvals: Pick<Approvals, 'listOwn'>;
  now: () => Date;
}

/** The newest first. */
export async function requestViews(accountId: string, { approvals, now }: RequestsDeps): Promise<RequestView[]> {
  const at = now();
  return (await approvals.listOwn(accountId)).map((entry) => requestView(entry, at));
}

function requestView(entry: ApprovalEntry, now: Date): RequestView {
  const { state, clientId, downstream, stated, createdAt, decidedAt, decidedBy, expiresAt, note } = entry;
  const { name } = downstream && stated.downstream ? stated.downstream : stated.client;
  return {
    name: name || (downstream?.clientId ?? clientId),
    resource: displayName(entry.resourceName) || entry.resourceUri,
    state: outcomeOf(state, decidedBy !== undefined, expiresAt !== undefined && expiresAt <= now),
    askedAt: createdAt,
    at: state === 'approved' ? expiresAt : decidedAt,
    note: state === 'denied' || state === 'approved' ? note : undefined,
  };
}

function outcomeOf(state: ApprovalEntry['state'], byOther: boolean, ended: boolean): RequestView['state'] {
  if (state === 'pending') return 'waiting';
  if (state === 'approved' && ended) return 'ended';
  return state === 'withdrawn' && byOther ? 'takenBack' : state;
}
