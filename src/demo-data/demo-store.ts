/** Writes many rows at once, and knows demo data from what somebody lives by. */
import { FIRST_ACCOUNT_LOCK } from '../accounts/store.ts';
import type { Database } from '../storage/transactions.ts';
import { DEMO_ID } from './dice.ts';

export type DemoStore = ReturnType<typeof createDemoStore>;

export type Row = Readonly<Record<string, unknown>>;

type Table =
  | 'accounts'
  | 'identities'
  | 'account_roles'
  | 'clients'
  | 'resource_owners'
  | 'consents'
  | 'approval_requests'
  | 'audit_events'
  | 'refusal_counts'
  | 'outbox_messages'
  | 'review_campaigns'
  | 'review_items'
  | 'roles'
  | 'role_mappings'
  | 'denials';

/** Thousands a second on a quiet machine, and no statement so long that a busy one gives it up. */
const BATCH = 500;
const MADE = `${DEMO_ID}[0-9a-f]{20}`;

export function createDemoStore(database: Database) {
  async function write(table: Table, rows: readonly Row[]): Promise<void> {
    const columns = Object.keys(rows[0] ?? {});
    if (columns.length === 0) return;
    const names = columns.map((column) => `"${column}"`).join(', ');
    // Names of tables and columns are ours alone; every value is in the one parameter.
    const sql = `INSERT INTO ${table} (${names}) SELECT ${names} FROM json_populate_recordset(NULL::${table}, $1::json)`;
    await database.write((tx) => tx.$executeRawUnsafe(sql, JSON.stringify(rows)));
  }

  return {
    /** `real`: somebody has an account that demo data did not make. */
    async look(): Promise<'empty' | 'demo' | 'real'> {
      const [found] = await database.current().$queryRaw<{ all: number; real: number }[]>`
        SELECT count(*)::int AS all, count(*) FILTER (WHERE id !~ ${`^${MADE}$`})::int AS real FROM accounts`;
      if (found && found.real > 0) return 'real';
      return found && found.all > 0 ? 'demo' : 'empty';
    },
    /** The first people, while there is nobody: also when a server starts at this moment. @returns whether it did */
    async begin(accounts: readonly Row[]): Promise<boolean> {
      return database.write(async (tx) => {
        await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${FIRST_ACCOUNT_LOCK}, 0))`;
        if (await tx.account.findFirst({ select: { id: true } })) return false;
        await write('accounts', accounts);
        return true;
      });
    },
    /** All of a table in batches. @param told how many are written by now */
    async fill(table: Table, rows: Iterable<Row>, told: (written: number) => void = () => {}): Promise<number> {
      let batch: Row[] = [];
      let written = 0;
      const flush = async () => {
        if (batch.length === 0) return;
        await write(table, batch);
        written += batch.length;
        batch = [];
        told(written);
      };
      for (const row of rows) {
        batch.push(row);
        if (batch.length === BATCH) await flush();
      }
      await flush();
      return written;
    },
    /** How a connection does; secrets and settings are the connections' own affair. */
    async noteHealth(id: string, health: { success: Date; failure?: { at: Date; words: string } | undefined }) {
      const data = {
        lastSuccessAt: health.success,
        ...(health.failure ? { lastFailureAt: health.failure.at, lastFailure: health.failure.words } : {}),
      };
      await database.write((tx) => tx.connection.updateMany({ where: { id }, data }));
    },
    /** As reviewers would: the first so many keep their access. */
    async answerReview(campaignId: string, { share, by, at }: { share: number; by: string; at: Date }): Promise<void> {
      await database.write(
        (tx) => tx.$executeRaw`
          UPDATE review_items SET decided_by = ${by}, decided_at = ${at}, decision = 'kept'
          FROM (SELECT id, row_number() OVER (ORDER BY id) AS number, count(*) OVER () AS total
            FROM review_items WHERE campaign_id = ${campaignId}) place
          WHERE review_items.id = place.id AND place.number <= ceil(place.total * ${share}::float)`,
      );
    },
    /** So that Postgres knows at once how much there is. */
    async analyse(): Promise<void> {
      await database.direct.$executeRawUnsafe('ANALYZE');
    },
  };
}
