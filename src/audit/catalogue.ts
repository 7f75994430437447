/** Every type of event there is, and as what each is recorded. */
import { type AuditEvent, events } from './events.ts';

/** Type → outcome, in the order of the catalogue. */
export const outcomes: ReadonlyMap<string, AuditEvent['outcome']> = new Map(
  Object.values(events).map((make) => {
    const { type, outcome } = (make as (subject: object, more: string) => AuditEvent)({}, '');
    return [type, outcome];
  }),
);
