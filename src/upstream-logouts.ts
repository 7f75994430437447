/**
 * Somebody signed out at their provider: the browser sessions here that began there end (OpenID Connect Back-Channel
 * Logout 1.0 §2.7, Front-Channel Logout 1.0 §3). What clients were granted stays, as §2.7 has it for what was meant to
 * outlive a session; whoever is shut out there is found by the next check.
 */
import { events } from './audit/events.ts';
import type { Audit } from './audit/store.ts';
import type { UpstreamSessionStore } from './federation/upstream-session-store.ts';
import type { Sessions } from './sessions.ts';
import type { ArtifactStore } from './storage/artifacts.ts';
import type { Database } from './storage/transactions.ts';

export type UpstreamLogouts = ReturnType<typeof createUpstreamLogouts>;

/** By the provider's session, or, where it names none, everything of the person. */
export type LoggedOut = { connectionId: string; issuer: string } & (
  | { sid: string; subject?: string | undefined }
  | { sid?: undefined; subject: string }
);

export function createUpstreamLogouts(deps: {
  upstreamSessions: Pick<UpstreamSessionStore, 'bySid' | 'accountsOf'>;
  sessions: Pick<Sessions, 'endOf' | 'endThese'>;
  artifacts: Pick<ArtifactStore, 'destroyByAccount'>;
  audit: Audit;
  database: Pick<Database, 'unit'>;
}) {
  const { upstreamSessions, sessions, artifacts, audit, database } = deps;

  async function endPerson(accountId: string): Promise<number> {
    // A sign-in that is under way came by a session that is no more.
    await artifacts.destroyByAccount('Interaction', accountId);
    return sessions.endOf(accountId);
  }

  return {
    /** What nobody knows ends nothing. @returns how many sessions ended */
    end(out: LoggedOut): Promise<number> {
      const { connectionId, issuer } = out;
      return database.unit(async () => {
        const ended = new Map<string, number>();
        const count = (accountId: string, more: number) => ended.set(accountId, (ended.get(accountId) ?? 0) + more);
        if (out.sid !== undefined) {
          const keys = await upstreamSessions.bySid({ connectionId, issuer, sid: out.sid });
          // Anybody may say a `sid`: for one that nobody has, no transaction opens.
          const accounts = keys.length === 0 ? [] : await sessions.endThese(keys);
          for (const accountId of accounts) count(accountId, 1);
        } else {
          const accounts = await upstreamSessions.accountsOf({ connectionId, issuer, subject: out.subject });
          for (const accountId of accounts) count(accountId, await endPerson(accountId));
        }
        for (const [accountId, number] of ended) {
          const details = { why: 'upstream_logout', connection: connectionId, sessions: number };
          if (number > 0) await audit.record(events.sessionEnded({ accountId }, details));
        }
        return [...ended.values()].reduce((sum, number) => sum + number, 0);
      });
    },
  };
}
