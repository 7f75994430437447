/** What waits for an administrator: proposed scopes, reviews, notices that never arrived, leavers who were kept. */
import { events } from '../audit/events.ts';
import { SEAL_PURPOSE } from '../notices/message.ts';
import type { Resource, ScopeDescription } from '../resources/resource.ts';
import type { ReviewStore } from '../reviews/store.ts';
import type { Rooms } from '../rooms.ts';
import type { DemoStore, Row } from './demo-store.ts';
import type { Dice } from './dice.ts';
import { auditRow } from './happenings.ts';
import type { DemoPerson } from './people.ts';
import { daysAfter, daysBefore, momentIn } from './rhythm.ts';

/** One server has a new tool, one other words and more weight, one a whole new scope. */
export async function proposeChanges(
  store: Pick<Rooms['resources'], 'propose'>,
  resources: readonly Resource[],
  now: Date,
): Promise<void> {
  const [, calendar, notes, , tickets] = resources;
  const [read] = calendar?.scopes ?? [];
  const [, write] = notes?.scopes ?? [];
  if (calendar && read) {
    await store.propose(
      calendar.id,
      [proposed(read, { tools: [...read.tools, 'read_guest_list'] })],
      daysBefore(now, 2),
    );
  }
  if (notes && write) {
    const words = { description: 'Write notes and publish them', sensitivity: 'high', effect: 'act' } as const;
    await store.propose(notes.id, [proposed(write, words)], daysBefore(now, 0.3));
  }
  if (!tickets) return;
  const added = { name: 'tickets:close', description: 'Close tickets', descriptionJa: 'チケットを閉じる' };
  const scope = { ...added, sensitivity: 'medium', effect: 'act', tools: ['close_ticket'] } as const;
  await store.propose(tickets.id, [scope], daysBefore(now, 5));
}

function proposed(scope: ScopeDescription, news: Partial<ScopeDescription>): ScopeDescription {
  const { name, description, descriptionJa, sensitivity, effect, tools } = scope;
  return { name, description, descriptionJa, sensitivity, effect, tools, ...news };
}

/** One that ends soon, and one that is over. */
export async function makeReviews(
  reviews: Pick<ReviewStore, 'create' | 'setClosed'>,
  store: DemoStore,
  { resources, createdBy }: { resources: readonly Resource[]; createdBy: string },
  now: Date,
): Promise<void> {
  const [first, second] = [resources[13], resources[15]];
  if (!first || !second) return;
  const open = { name: `Who can release? (${first.name})`, subjectId: first.id, createdAt: daysBefore(now, 9) };
  const { id } = await reviews.create({ ...open, subject: 'resource', createdBy, dueAt: daysAfter(now, 5) });
  await store.answerReview(id, { share: 0.4, by: createdBy, at: daysBefore(now, 1) });
  const over = {
    name: `Contracts, last quarter (${second.name})`,
    subjectId: second.id,
    createdAt: daysBefore(now, 70),
  };
  const closed = await reviews.create({ ...over, subject: 'resource', createdBy, dueAt: daysBefore(now, 40) });
  await store.answerReview(closed.id, { share: 1, by: createdBy, at: daysBefore(now, 45) });
  await reviews.setClosed(closed.id, daysBefore(now, 40));
}

/** Given up: nothing tries to deliver them again. */
export function noticeRows(sealing: Rooms['sealing'], dice: Dice, now: Date): Row[] {
  return Array.from({ length: 3 }, () => {
    const id = dice.id();
    const at = momentIn({ from: daysBefore(now, 3), to: now }, dice);
    const event = { type: 'approval.requested', occurredAt: at.toISOString(), data: {} };
    const payload = sealing.seal(SEAL_PURPOSE, id, JSON.stringify({ event, to: 'admin@demo.example' }));
    return {
      ...{ id, sink: 'smtp', kind: event.type, payload: `\\x${Buffer.from(payload).toString('hex')}` },
      ...{
        created_at: at,
        next_attempt_at: at,
        attempts: 12,
        failed_at: now,
        last_error: 'connect ECONNREFUSED (demo)',
      },
    };
  });
}

/** A directory says that these left, and they were not shut out. */
export function spoilLeavers(people: readonly DemoPerson[], dice: Dice, now: Date): Row[] {
  return people.slice(0, 2).map(({ id, connection }) => {
    const details = { by: `upstream:${connection?.id ?? 'demo-nimbus'}`, asked: 'upstream_ended', told: true };
    const at = momentIn({ from: daysBefore(now, 2), to: now }, dice);
    return auditRow({ at, event: () => events.leaverKept({ accountId: id }, 'break_glass', details) }, dice);
  });
}
