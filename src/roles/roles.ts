/** What people may grant at most: recomputed from what connections say, and what goes further is taken back. */
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import type { NarrowingStore } from '../consents/narrowing-store.ts';
import type { ConsentStore } from '../consents/store.ts';
import type { Database } from '../storage/transactions.ts';
import { type HeldAccount, isStated, type MembershipStore } from './membership-store.ts';
import { owningChange } from './owning.ts';
import { type Membership, membershipKey } from './role.ts';
import type { Exceeding, StandingStore } from './standing-store.ts';

export type Roles = ReturnType<typeof createRoles>;

export interface RoleChange {
  accountId: string;
  /** Roles that nothing gave before, and that nothing gives any more. */
  gained: string[];
  lost: string[];
}

export interface RolesDeps {
  memberships: MembershipStore;
  standings: StandingStore;
  narrowing: NarrowingStore;
  consents: Pick<ConsentStore, 'revoke'>;
  audit: Audit;
  database: Database;
  now: () => Date;
}

const REASON = 'role_lost';

export function createRoles(deps: RolesDeps) {
  const { memberships, standings, audit, database, now } = deps;

  /** Several people in one unit of work: all of them are held first, in one order, so that two such units never wait for each other. */
  function recomputeAll(accountIds: readonly string[]): Promise<{ changes: RoleChange[]; taken: Exceeding[] }> {
    return database.unit(async () => {
      const held = await memberships.hold(accountIds);
      const ids = held.map(({ id }) => id);
      const written = await memberships.written(ids);
      const stated = await memberships.stated(ids);
      const known = new Set(written.map(membershipKey));
      const said = new Set(stated.map(membershipKey));
      const gained = stated.filter((one) => !known.has(membershipKey(one)));
      const lost = written.filter((one) => isStated(one) && !said.has(membershipKey(one)));
      await memberships.write(gained, lost, now());
      await audit.recordAll([
        ...gained.map(({ accountId, roleId, source }) => events.roleGained({ accountId }, { role: roleId, source })),
        ...lost.map(({ accountId, roleId, source }) => events.roleLost({ accountId }, { role: roleId, source })),
      ]);
      const words = Map.groupBy(stated, ({ accountId }) => accountId);
      for (const account of held) await changeOwning(account, words.get(account.id) ?? [], deps);
      const taken = await takeBack({ accountIds: ids }, deps);
      return { changes: differences(ids, written, { gained, lost }), taken };
    });
  }

  return {
    recomputeAll,
    /** After whatever a connection said anew of a person: as one unit of work, any number at once. */
    async recompute(accountId: string): Promise<{ gained: string[]; lost: string[] }> {
      const { changes } = await recomputeAll([accountId]);
      const { gained = [], lost = [] } = changes[0] ?? {};
      return { gained, lost };
    },
    /** For everybody whom the connection knows: after it was removed, or what it maps changed. */
    async recomputeConnection(connectionId: string) {
      return recomputeAll(await memberships.peopleOf(connectionId));
    },
    /** What a person may grant at most; undefined: no ceiling. */
    async ceiling(accountId: string, resourceId: string): Promise<readonly string[] | undefined> {
      return (await standings.standing(accountId, resourceId)).ceiling;
    },
    standing: standings.standing,
    rolesOf: standings.rolesOf,
    knownAs: standings.knownAs,
    /** Takes back what goes further than people's roles; within a unit of work that changed these. */
    takeBack: (of: Parameters<StandingStore['exceeding']>[0]) => takeBack(of, deps),
  };
}

function differences(
  accountIds: readonly string[],
  written: readonly Membership[],
  { gained, lost }: { gained: readonly Membership[]; lost: readonly Membership[] },
): RoleChange[] {
  const gone = new Set(lost);
  const before = rolesByAccount(written);
  const after = rolesByAccount([...written.filter((one) => !gone.has(one)), ...gained]);
  return accountIds.map((accountId) => {
    const [had, has] = [before.get(accountId) ?? [], after.get(accountId) ?? []];
    const lacking = (all: readonly string[], other: readonly string[]) => all.filter((role) => !other.includes(role));
    return { accountId, gained: lacking(has, had), lost: lacking(had, has) };
  });
}

function rolesByAccount(all: readonly Membership[]): Map<string, string[]> {
  const groups = Map.groupBy(all, ({ accountId }) => accountId);
  const rolesIn = (own: readonly Membership[]) => [...new Set(own.map(({ roleId }) => roleId))].sort();
  return new Map([...groups].map(([accountId, own]) => [accountId, rolesIn(own)]));
}

async function changeOwning(
  account: HeldAccount,
  stated: readonly Membership[],
  { memberships, audit }: RolesDeps,
): Promise<void> {
  const accountId = account.id;
  const change = owningChange(account, stated);
  switch (change.kind) {
    case 'none':
      return;
    case 'kept_by':
      return memberships.makeOwner(accountId, change.by);
    case 'made':
      await memberships.makeOwner(accountId, change.by);
      return audit.record(events.ownerMade({ accountId }, { by: change.by }));
    case 'lost': {
      const ended = await memberships.endOwner(accountId, true);
      const event = ended ? events.ownerEnded : events.ownerKept;
      return audit.record(event({ accountId }, { by: change.by }, ended ? 'mapping' : 'last_owner'));
    }
  }
}

async function takeBack(
  of: Parameters<StandingStore['exceeding']>[0],
  { standings, narrowing, consents, audit }: RolesDeps,
): Promise<Exceeding[]> {
  const exceeding = await standings.exceeding(of);
  for (const { consentId, accountId, clientId, downstreamClientId, resourceUri, beyond, left } of exceeding) {
    const subject = { accountId, clientId, resource: resourceUri, scopes: beyond, consentId };
    const details = downstreamClientId === undefined ? {} : { actingFor: downstreamClientId };
    if (left.length === 0) {
      await consents.revoke({ id: consentId }, REASON);
      await audit.record(events.consentRevoked(subject, details, REASON));
    } else {
      const signIns = await narrowing.takeOut(consentId, beyond);
      await audit.record(events.consentNarrowed(subject, { ...details, signIns }, REASON));
    }
  }
  return exceeding;
}
