/** What a directory may do to people: send them, describe them, switch them off and on, take them away. */
import { isDeepStrictEqual } from 'node:util';
import type { AccountStore, DisabledBy } from '../accounts/store.ts';
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import type { ConnectionStore } from '../federation/connection-store.ts';
import type { Leavers } from '../leavers.ts';
import type { Notices } from '../notices/notices.ts';
import { type Directory, identityOf } from './directory.ts';
import { ScimFault } from './fault.ts';
import type { Resource } from './patch.ts';
import { mailOf, nameOfPerson, readFields, toResource, type WantedFields } from './person-fields.ts';
import type { ScimUser, ScimUserStore } from './user-store.ts';

export type People = ReturnType<typeof createPeople>;

export interface PeopleDeps {
  users: ScimUserStore;
  accountStore: Pick<AccountStore, 'createWithIdentity'>;
  leavers: Leavers;
  roles: { recomputeAll(accountIds: readonly string[]): Promise<unknown> };
  audit: Pick<Audit, 'record'>;
  connectionStore: Pick<ConnectionStore, 'raiseAlarm'>;
  notices: Pick<Notices, 'connectionAlarm'>;
  now: () => Date;
}

const REASON = 'scim_inactive';

type Known = Pick<ScimUser, 'accountId' | 'externalId'>;

/** Each function runs within a unit of work. */
export function createPeople(deps: PeopleDeps) {
  const { users, accountStore, leavers, roles, audit, connectionStore, notices, now } = deps;
  const by = ({ connectionId }: Directory): DisabledBy => `scim:${connectionId}`;
  const details = ({ connectionId, tokenId }: Directory, id: string) => ({
    connection: connectionId,
    scimToken: tokenId,
    scimUser: id,
  });

  /** The person's identity is made before they ever come; whoever came before is found by it. */
  async function join(directory: Directory, user: ScimUser): Promise<{ user: ScimUser; created: boolean }> {
    if (user.joinedAt !== null || user.externalId === null) return { user, created: false };
    const key = identityOf(directory, user.externalId);
    const said = { email: mailOf(user.attributes), name: nameOfPerson(user.attributes) };
    const { account, created } = await accountStore.createWithIdentity(key, said, now());
    await users.join(user.id, account.id, key, created);
    if (created) {
      const subject = { accountId: account.id };
      await audit.record(events.accountCreated(subject, { role: 'user', connection: directory.connectionId }));
    }
    return { user: { ...user, accountId: account.id, joinedAt: now() }, created };
  }

  const accountsOf = ({ connectionId, issuer }: Directory, who: Known) => users.accountsOf(connectionId, issuer, who);

  /**
   * Comes before every other write, so that a refusal has only its record to keep.
   *
   * @returns whose access ended
   * @throws ScimFault where the person must not be shut out
   */
  async function end(directory: Directory, user: Known, reason: string): Promise<string[]> {
    const accountIds = await accountsOf(directory, user);
    for (const accountId of accountIds) {
      const outcome = await leavers.end({ accountId, by: by(directory), reason });
      // Of a person with two accounts here either both end or none does.
      const keep = accountId === accountIds[0];
      if (outcome === 'last_owner')
        throw new ScimFault(409, undefined, 'This person is the last owner of the server.', { keep });
      if (outcome === 'break_glass')
        throw new ScimFault(403, undefined, 'This is an emergency account: no directory touches it.', { keep });
    }
    return accountIds;
  }

  /** Whoever is joined while they are switched off is out, too. */
  async function endUnless(directory: Directory, user: ScimUser, ended: readonly string[]): Promise<void> {
    if (user.accountId !== null && !ended.includes(user.accountId)) await end(directory, user, REASON);
  }

  async function restore(directory: Directory, user: ScimUser): Promise<void> {
    for (const accountId of await accountsOf(directory, user)) await leavers.restore({ accountId, by: by(directory) });
  }

  async function recompute({ accountId }: ScimUser): Promise<void> {
    if (accountId !== null) await roles.recomputeAll([accountId]);
  }

  /** To owners, once a day. */
  async function alarm({ connectionId, name }: Directory): Promise<void> {
    const code = 'scim_person_changed';
    if (await connectionStore.raiseAlarm(connectionId, code, 24))
      await notices.connectionAlarm({ code, connectionId, connectionName: name, at: now() });
  }

  /** Who was joined once stays that person (threat 96). */
  async function assertSamePerson(directory: Directory, user: ScimUser, wanted: WantedFields): Promise<void> {
    if (wanted.externalId === user.externalId || user.joinedAt === null) return;
    const subject = { accountId: user.accountId ?? undefined };
    await audit.record(events.scimRefused(subject, 'external_id_changed', details(directory, user.id)));
    await alarm(directory);
    const detail =
      'externalId says who the person is: once joined it does not change. Delete the user and send another.';
    throw new ScimFault(409, 'mutability', detail, { keep: true });
  }

  async function write(directory: Directory, user: ScimUser, wanted: WantedFields): Promise<ScimUser> {
    const changed = changedNames(user, wanted);
    if (changed.length === 0) return user;
    await assertSamePerson(directory, user, wanted);
    const leaves = !wanted.active && (user.active || user.joinedAt === null);
    const who = { accountId: user.accountId, externalId: wanted.externalId };
    const ended = leaves ? await end(directory, who, REASON) : [];
    const { user: joined } = await join(directory, await users.update(user, wanted));
    if (leaves) await endUnless(directory, joined, ended);
    const joins = user.joinedAt === null && joined.joinedAt !== null;
    // Whoever was deleted, and is only now known to be the same person, comes back too.
    if (wanted.active && (joins || !user.active)) await restore(directory, joined);
    if (joins || user.active !== wanted.active) await recompute(joined);
    if (changed.some((name) => name !== 'active')) await describe(joined);
    const subject = { accountId: joined.accountId ?? undefined };
    await audit.record(events.scimUserChanged(subject, { ...details(directory, user.id), changed }));
    return joined;
  }

  async function describe({ accountId, attributes }: ScimUser): Promise<void> {
    if (accountId !== null)
      await users.describe(accountId, { email: mailOf(attributes), name: nameOfPerson(attributes) });
  }

  return {
    async create(directory: Directory, resource: Resource): Promise<ScimUser> {
      const fields = { ...readFields(directory, resource), active: resource.active !== false };
      const who = { accountId: null, externalId: fields.externalId };
      const ended = fields.active ? [] : await end(directory, who, REASON);
      const made = await users.create(directory.connectionId, fields);
      if (!made) throw new ScimFault(409, 'uniqueness', 'There is a user with this userName or externalId.');
      const { user, created } = await join(directory, made);
      // An account that was made just now has nothing to take or to give back.
      if (!fields.active) await endUnless(directory, user, ended);
      else if (!created) await restore(directory, user);
      const subject = { accountId: user.accountId ?? undefined };
      const about = { ...details(directory, user.id), joined: user.accountId !== null, active: fields.active };
      await audit.record(events.scimUserCreated(subject, about));
      return user;
    },
    /** @param change what the resource becomes, from what it is */
    async change(directory: Directory, user: ScimUser, change: (resource: Resource) => Resource): Promise<ScimUser> {
      const resource = change(toResource(user));
      // Nobody comes back, nor leaves, because a request does not mention it.
      return write(directory, user, readFields(directory, { ...resource, active: resource.active ?? user.active }));
    },
    /** The account stays, switched off: whoever is sent again is the same person. */
    async remove(directory: Directory, user: ScimUser): Promise<void> {
      await end(directory, user, 'scim_deleted');
      await users.remove(user.id);
      await recompute(user);
      const subject = { accountId: user.accountId ?? undefined };
      await audit.record(events.scimUserRemoved(subject, details(directory, user.id)));
    },
  };
}

/** Only the names: the record holds no personal data of a directory. */
function changedNames(user: ScimUser, wanted: WantedFields): string[] {
  const [before, after] = [toResource(user), toResource({ ...user, ...wanted })];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.filter((name) => !isDeepStrictEqual(before[name], after[name])).sort();
}
