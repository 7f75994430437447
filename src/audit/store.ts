/** Writes the record in the transaction of what it records, and counts what must not become a row each. */
import { AppError } from '../errors.ts';
import type { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';
import { currentRequest } from '../web/request-context.ts';
import type { AuditEvent } from './events.ts';

export interface Audit {
  /**
   * Appends one event when the current unit of work commits; if it cannot be written nothing of the unit is.
   * Outside a unit it is written by itself.
   */
  record(event: AuditEvent): Promise<void>;
  /** The same for many, in their order, in as few statements as they fit in. */
  recordAll(events: readonly AuditEvent[]): Promise<void>;
  /**
   * Whether people were told of such an event since then (`details.told`): of the same account, for the same reason.
   * Of several units that ask at once, each waits for the one before.
   */
  wasTold(event: AuditEvent, since: Date): Promise<boolean>;
  /** Counts a refusal of an unknown party: never a row each, so that the log cannot be flooded. */
  count(type: string, reason: string): void;
  /** Writes what has been counted. */
  flush(): Promise<void>;
}

const MAX_COUNTERS = 500;
/** A statement takes 32,767 values, an event is 14. */
const MAX_ROWS = 1_000;

export function createAudit({ database, now }: { database: Database; now: () => Date }): Audit {
  const counters = new Map<string, { hour: Date; type: string; reason: string; count: number }>();

  function row(event: AuditEvent) {
    const request = currentRequest();
    return {
      at: now(),
      type: event.type,
      outcome: event.outcome,
      reason: storable(event.reason ?? null),
      accountId: event.accountId ?? null,
      clientId: event.clientId ?? null,
      resource: storable(event.resource ?? null),
      scopes: storable([...(event.scopes ?? [])]),
      consentId: event.consentId ?? null,
      grantId: event.grantId ?? null,
      tokenId: event.tokenId ?? null,
      requestId: request.requestId,
      actor: event.actor ?? request.actor,
      details: Object.fromEntries(Object.entries(event.details ?? {}).map(([name, value]) => [name, storable(value)])),
    };
  }

  async function recordAll(all: readonly AuditEvent[]): Promise<void> {
    for (let first = 0; first < all.length; first += MAX_ROWS) {
      const data = all.slice(first, first + MAX_ROWS).map(row);
      if (database.inUnit()) database.beforeCommit((tx) => append(tx, data));
      else await append(database.direct, data);
    }
  }

  return {
    record: (event) => recordAll([event]),
    recordAll,
    async wasTold({ type, accountId, reason }, since) {
      const lock = `told ${type} ${accountId} ${reason}`;
      return database.write(async (tx) => {
        await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${lock}, 0))`;
        const [row] = await tx.$queryRaw<{ told: boolean }[]>`
          SELECT EXISTS (SELECT 1 FROM audit_events WHERE type = ${type} AND account_id = ${accountId}
            AND reason = ${reason} AND at > ${since} AND details ->> 'told' = 'true') AS told`;
        return row?.told === true;
      });
    },
    count(type, reason) {
      const hour = new Date(Math.floor(now().getTime() / 3_600_000) * 3_600_000);
      const key = `${hour.getTime()} ${type} ${reason}`;
      const counter = counters.get(key);
      if (counter) counter.count += 1;
      else if (counters.size < MAX_COUNTERS) counters.set(key, { hour, type, reason, count: 1 });
    },
    async flush() {
      for (const [key, { hour, type, reason, count }] of [...counters]) {
        counters.delete(key);
        try {
          await database.direct.$executeRaw`
            INSERT INTO refusal_counts (hour, type, reason, count) VALUES (${hour}, ${type}, ${reason}, ${count})
            ON CONFLICT (hour, type, reason) DO UPDATE SET count = refusal_counts.count + EXCLUDED.count`;
        } catch (error) {
          // Kept for the next time, beside what was counted meanwhile.
          const meanwhile = counters.get(key)?.count ?? 0;
          counters.set(key, { hour, type, reason, count: count + meanwhile });
          throw error;
        }
      }
    },
  };
}

/** Whatever keeps the event out also undoes what it tells of; the caller may come back. */
async function append(
  tx: Pick<Database['direct'], 'auditEvent'>,
  data: Prisma.AuditEventCreateManyInput[],
): Promise<void> {
  try {
    await tx.auditEvent.createMany({ data });
  } catch (cause) {
    throw new AppError('record_unavailable', 503, 'Nothing was changed. Try again in a moment.', { cause });
  }
}

/** Others may have written what Postgres cannot hold: U+0000, and in jsonb half characters. */
function storable<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map(storable) as Value;
  return typeof value === 'string' ? (value.toWellFormed().replaceAll('\0', '\uFFFD') as Value) : value;
}
