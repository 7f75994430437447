/** Notes how trips to a provider end, so that an operator can see it: seldom, and never inside a transaction. */
import type { Database } from '../storage/transactions.ts';
import { visibleText } from '../web/visible-text.ts';
import type { Connection } from './connection.ts';
import type { ConnectionStore } from './connection-store.ts';
import { UpstreamFailed } from './upstream-failed.ts';

export interface OutcomeDeps {
  store: Pick<ConnectionStore, 'noteOutcome'>;
  database: Pick<Database, 'isOpen'>;
  log: { warn(fields: object, message: string): void };
  now: () => Date;
}

/** Before what an operator has to mend: of that owners are told. */
export const MISCONFIGURED = 'misconfigured';
/** What a provider answers that does not know our client or its credential (RFC 6749 §5.2). */
const UNKNOWN_TO_THEM = /^(?:challenge: |token: (?:invalid_client|unauthorized_client)\b)/;
/** Anybody can make a trip fail: what is written does not depend on how often. */
const EVERY_MS = 60_000;
const MAX_CHARACTERS = 300;

export function createOutcomes({ store, database, log, now }: OutcomeDeps) {
  const noted = new Map<string, number>();

  async function note(id: string, failure?: string): Promise<void> {
    const slot = `${failure === undefined ? 'success' : 'failure'} ${id}`;
    const at = now().getTime();
    const last = noted.get(slot);
    if ((last !== undefined && at >= last && at - last < EVERY_MS) || database.isOpen()) return;
    noted.set(slot, at);
    const words = failure === undefined ? undefined : visibleText(failure.slice(0, MAX_CHARACTERS), 'NFC');
    await store.noteOutcome(id, words).catch((err: unknown) => {
      noted.delete(slot);
      log.warn({ err, connection: id }, 'the outcome of a trip to the identity provider could not be noted');
    });
  }

  /** What the person did there, or has to do there, is no fault of the connection. */
  async function noteError(id: string, error: unknown): Promise<void> {
    const { failure, claims } = error instanceof UpstreamFailed ? error : {};
    await note(id, failure === 'denied' || claims !== undefined ? undefined : wordsOf(error));
  }

  return (connection: Connection): Connection => ({
    ...connection,
    async authorizationUrl(leg) {
      try {
        return await connection.authorizationUrl(leg);
      } catch (error) {
        await noteError(connection.id, error);
        throw error;
      }
    },
    async finish(leg) {
      try {
        const identity = await connection.finish(leg);
        await note(connection.id);
        return identity;
      } catch (error) {
        await noteError(connection.id, error);
        throw error;
      }
    },
    async check(identity) {
      const liveness = await connection.check(identity);
      if (liveness.state !== 'unreachable') await note(connection.id);
      else
        await note(
          connection.id,
          liveness.alarm || UNKNOWN_TO_THEM.test(liveness.detail)
            ? `${MISCONFIGURED}: ${liveness.detail}`
            : liveness.detail,
        );
      return liveness;
    },
  });
}

function wordsOf(error: unknown): string {
  if (!(error instanceof UpstreamFailed)) return error instanceof Error ? error.message : String(error);
  const { failure, reason, alarm, detail, message } = error;
  const ours = reason === 'misconfigured' || alarm !== undefined || UNKNOWN_TO_THEM.test(detail ?? '');
  const kind = ours ? MISCONFIGURED : (reason ?? failure);
  return `${kind}: ${detail ?? message}`;
}
