/** Somebody leaves, or is let in again: all that they have here ends at once, as one unit, with its record. */
import type { AccountStore, DisabledBy } from './accounts/store.ts';
import { events } from './audit/events.ts';
import type { Audit } from './audit/store.ts';
import type { ConsentStore } from './consents/store.ts';
import type { Sessions } from './sessions.ts';
import type { ArtifactStore } from './storage/artifacts.ts';
import type { Database } from './storage/transactions.ts';

export type Leavers = ReturnType<typeof createLeavers>;

export interface Leaver {
  accountId: string;
  /** Who takes the access away until they give it back; left out: what there is ends, and a sign-in begins anew. */
  by?: DisabledBy | undefined;
  /** Stable lower-case code of why, for the record. */
  reason: string;
  /** Beside it, nothing secret. */
  details?: Readonly<Record<string, string>> | undefined;
}

export type Left = 'ended' | 'last_owner' | 'break_glass' | 'unknown';

export interface LeaversDeps {
  accountStore: Pick<AccountStore, 'findById' | 'disable' | 'enable'>;
  artifacts: Pick<ArtifactStore, 'destroyByAccount'>;
  sessions: Pick<Sessions, 'endOf'>;
  consents: Pick<ConsentStore, 'endGrants'>;
  audit: Audit;
  database: Database;
  now: () => Date;
  /** Tells owners, in the same unit, that somebody was to leave who must not. */
  warn?: ((kept: { accountId: string; email: string; why: 'last_owner' | 'break_glass' }) => Promise<void>) | undefined;
}

/** A directory may say the same every minute. */
const TELL_EVERY_MS = 86_400_000;

/** All that a person has here at this moment, whoever ends it: browser sessions, and what clients hold for them. */
export async function endAccess(
  { artifacts, sessions, consents }: Pick<LeaversDeps, 'artifacts' | 'sessions' | 'consents'>,
  accountId: string,
): Promise<{ sessions: number; signIns: number }> {
  // An answer to a sign-in that is under way brings nobody in any more.
  await artifacts.destroyByAccount('Interaction', accountId);
  const ended = await sessions.endOf(accountId);
  // Codes and tokens go with their grants; whoever uses one up holds its grant first, too.
  const signIns = await consents.endGrants({ accountId });
  await artifacts.destroyByAccount('DeviceCode', accountId);
  return { sessions: ended, signIns };
}

export function createLeavers(deps: LeaversDeps) {
  const { accountStore, audit, database, now } = deps;

  async function keep(
    account: { id: string; email: string },
    why: 'last_owner' | 'break_glass',
    { by, reason, details }: Leaver,
  ): Promise<Left> {
    const event = events.leaverKept({ accountId: account.id }, why, { ...details, by: by ?? null, asked: reason });
    const told = !(await audit.wasTold(event, new Date(now().getTime() - TELL_EVERY_MS)));
    if (told) await deps.warn?.({ accountId: account.id, email: account.email, why });
    await audit.record({ ...event, details: { ...event.details, told } });
    return why;
  }

  /**
   * Browser sessions, sign-ins of clients with their tokens, and requests under way. Consents stay: they give nothing by
   * themselves. The last owner who can sign in is never shut out, and a break-glass account is nobody's to end.
   */
  function end(leaver: Leaver): Promise<Left> {
    const { accountId, by, reason, details } = leaver;
    return database.unit(async () => {
      const account = await accountStore.findById(accountId);
      if (!account) return 'unknown';
      if (account.breakGlass) return keep(account, 'break_glass', leaver);
      if (by !== undefined) {
        const outcome = await accountStore.disable(accountId, now(), by);
        if (outcome === 'unknown') return 'unknown';
        if (outcome === 'last_owner') return keep(account, 'last_owner', leaver);
      }
      const ended = { ...details, ...(await endAccess(deps, accountId)) };
      if (by === undefined) await audit.record(events.accessEnded({ accountId }, ended, reason));
      else await audit.record(events.accountDisabled({ accountId }, { ...ended, by }, reason));
      return 'ended';
    });
  }

  return {
    end,
    /**
     * What a provider's refusal comes to here.
     * @param refused.what `person`: disabled, until they come by it again; `token`: a sign-in mends it
     * @returns false where they may not be shut out
     */
    async endUpstream(refused: { accountId: string; connectionId: string; what: 'person' | 'token'; code: string }) {
      const { accountId, connectionId, what, code } = refused;
      const details = { connection: connectionId, code };
      const left =
        what === 'person'
          ? await end({ accountId, by: `upstream:${connectionId}`, reason: 'refused_upstream', details })
          : await end({ accountId, reason: 'token_ended_upstream', details });
      return left === 'ended' || left === 'unknown';
    },
    /** Takes back one word of many: whoever else disabled the account still does. Nothing that ended comes back. */
    restore({
      accountId,
      by,
    }: {
      accountId: string;
      by: DisabledBy;
    }): Promise<'enabled' | 'still_disabled' | 'unknown'> {
      return database.unit(async () => {
        const account = await accountStore.findById(accountId);
        if (!account) return 'unknown';
        if (!account.disabledBy.includes(by)) return account.disabledAt ? 'still_disabled' : 'enabled';
        // The account before what is below it, in the order of everybody else.
        const outcome = await accountStore.enable(accountId, by);
        // A sign-in that was under way while the access ended may have left something behind.
        await endAccess(deps, accountId);
        await audit.record(events.accountEnabled({ accountId }, { by, enabled: outcome === 'enabled' }));
        return outcome;
      });
    },
  };
}
