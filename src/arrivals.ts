/** Somebody came back from a connection: who they are here, and whether they may come in. One unit, with its record. */
import type { Accounts } from './accounts/account.ts';
import type { Account, DisabledBy, IdentityKey } from './accounts/store.ts';
import { events } from './audit/events.ts';
import type { Audit } from './audit/store.ts';
import type { Connection, UpstreamIdentity } from './federation/connection.ts';
import type { IdentityStore } from './federation/identity-store.ts';
import type { Leavers } from './leavers.ts';
import type { Database } from './storage/transactions.ts';

export type Arrivals = ReturnType<typeof createArrivals>;

export type Welcome =
  | { ok: true; account: Account }
  /** `disabled`: here, by somebody else than this connection; the others are what `signInByIdentity` says. */
  | { ok: false; reason: 'disabled' | 'orphaned' | 'not_provisioned' };

export interface ArrivalsDeps {
  accounts: Pick<Accounts, 'signInByIdentity'>;
  leavers: Pick<Leavers, 'restore'>;
  identityStore: Pick<IdentityStore, 'noteSignIn'>;
  roles: { recompute(accountId: string): Promise<unknown> };
  /** Whether the connection's directory sent the person and still calls them active. */
  isProvisioned(key: IdentityKey): Promise<boolean>;
  audit: Audit;
  database: Database;
}

export function createArrivals(deps: ArrivalsDeps) {
  const { accounts, leavers, identityStore, roles, audit, database } = deps;

  /** A connection that took the access away gives it back by vouching for the person again; nobody else's word goes. */
  async function admit(
    key: UpstreamIdentity & { connectionId: string },
    { id, provisioning }: Pick<Connection, 'id' | 'provisioning'>,
    askedAt: Date,
  ) {
    if (provisioning === 'scim' && !(await deps.isProvisioned(key))) {
      return { ok: false as const, reason: 'not_provisioned' as const, account: undefined };
    }
    const first = await accounts.signInByIdentity(key, provisioning);
    if (first.ok || first.reason !== 'disabled') return first;
    const by: DisabledBy = `upstream:${id}`;
    const { disabledBy, disabledAt } = first.account;
    const onlyBy = disabledBy.length === 1 && disabledBy[0] === by;
    // What it said before it last refused is no news.
    if (!onlyBy || !disabledAt || disabledAt >= askedAt) return first;
    if ((await leavers.restore({ accountId: first.account.id, by })) !== 'enabled') return first;
    return accounts.signInByIdentity(key, provisioning);
  }

  return {
    /**
     * Asks no provider anything: what it said is all in `said`.
     *
     * @param askedAt before the provider was asked
     * @param party for the record of a refusal
     */
    welcome(
      said: UpstreamIdentity,
      connection: Pick<Connection, 'id' | 'provisioning'>,
      { askedAt, party = {} }: { askedAt: Date; party?: Parameters<typeof events.signInFailed>[0] },
    ): Promise<Welcome> {
      const key = { ...said, connectionId: connection.id };
      const how = { method: 'upstream', connection: connection.id };
      return database.unit(async () => {
        const outcome = await admit(key, connection, askedAt);
        if (!outcome.ok) {
          const { account, reason } = outcome;
          if (account) await audit.record(events.signInFailed({ ...party, accountId: account.id }, reason, how));
          else audit.count('sign_in.failed', reason);
          return { ok: false, reason };
        }
        const accountId = outcome.account.id;
        if (outcome.created) {
          await audit.record(events.accountCreated({ accountId }, how));
          await audit.record(events.identityLinked({ accountId }, { ...how, issuer: said.issuer }));
        }
        await identityStore.noteSignIn(key, said);
        await roles.recompute(accountId);
        return { ok: true, account: outcome.account };
      });
    },
  };
}
