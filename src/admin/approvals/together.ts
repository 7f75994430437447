/** One decision on several requests, and what it came to: all of them or none (threat 115). */
import { type ActRooms, decideApprovals } from '../../approval-acts.ts';
import type { Outcome } from '../../approvals/approval.ts';
import type { Decision } from '../../approvals/deciding.ts';
import type { Rooms } from '../../rooms.ts';
import type { Decided } from './shapes.ts';

export type TogetherDeps = ActRooms & Pick<Rooms, 'accountStore'>;

/** The first is the one whose page it was pressed on. */
export async function decideTogether(deps: TogetherDeps, decisions: readonly Omit<Decision, 'current'>[]) {
  const [main, ...also] = await decideApprovals(deps, decisions);
  if (!main) throw new Error('a decision without an outcome');
  const changed = [main, ...also].filter((one) => one.outcome === 'changed');
  if (changed.length > 0) return notDecided(deps, main, changed);
  const others: NonNullable<Decided['also']> = [];
  for (const one of also) others.push({ id: one.request.id, ...(await said(one, deps)) });
  return { ...(await said(main, deps)), ...(others.length > 0 ? { also: others } : {}) };
}

interface Said {
  outcome: 'approved' | 'denied' | 'first';
  replaced?: boolean;
  mailed?: boolean;
}

async function said(one: Outcome, { notices }: Pick<TogetherDeps, 'notices'>): Promise<Said> {
  if (one.outcome === 'first') return { outcome: 'first', replaced: one.replaced !== undefined };
  if (one.outcome === 'approved') return { outcome: one.outcome };
  if (one.outcome === 'denied') {
    return { outcome: one.outcome, mailed: await notices.reachesByMail(one.request.accountId) };
  }
  throw new Error(`not decided: ${one.outcome}`);
}

async function notDecided(
  { accountStore, resources }: TogetherDeps,
  main: Outcome,
  changed: readonly Extract<Outcome, { outcome: 'changed' }>[],
): Promise<Decided> {
  const named: NonNullable<Decided['changed']> = [];
  for (const { request, differences } of changed) {
    const person = await accountStore.findById(request.accountId);
    const resource = await resources.findById(request.resourceId);
    named.push({
      id: request.id,
      person: person?.email || person?.name || request.accountId,
      resourceName: resource?.name ?? request.resourceId,
      differences: differences.map((difference) => ({ ...difference })),
    });
  }
  const own = main.outcome === 'changed' ? main.differences.map((difference) => ({ ...difference })) : [];
  return { outcome: 'changed', differences: own, changed: named };
}
