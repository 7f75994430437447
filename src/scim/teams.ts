/** What a directory may do to groups; whoever becomes a member or is none any more has their roles computed anew. */
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import type { Directory } from './directory.ts';
import { invalidValue, ScimFault, tooLarge } from './fault.ts';
import type { GroupChange } from './group-change.ts';
import type { ScimGroup, ScimGroupStore } from './group-store.ts';
import { limits } from './limits.ts';

export type Teams = ReturnType<typeof createTeams>;

export interface TeamsDeps {
  groups: ScimGroupStore;
  roles: { recomputeAll(accountIds: readonly string[]): Promise<unknown> };
  audit: Pick<Audit, 'record'>;
}

/** Each function runs within a unit of work. */
export function createTeams({ groups, roles, audit }: TeamsDeps) {
  /** Whose roles a change may touch. */
  async function concerned(group: ScimGroup, { add, remove, replaced }: GroupChange, mapped: boolean) {
    return [...add, ...remove, ...(mapped && replaced ? await groups.memberIds(group.id) : [])];
  }

  async function setMembers(group: ScimGroup, change: GroupChange): Promise<{ added: string[]; removed: string[] }> {
    const mapped = await groups.isMapped(group);
    const known = await groups.hold(group.connectionId, await concerned(group, change, mapped));
    const strangers = [...change.add].filter((id) => !known.has(id));
    if (strangers.length > 0)
      throw invalidValue(`No user of this directory: ${strangers.slice(0, 3).join(', ').slice(0, 200)}`);
    const removed = change.replaced
      ? await groups.keepMembers(group.id, change.add)
      : await groups.removeMembers(group.id, change.remove);
    const added = await groups.addMembers(group, change.add);
    if (added.length > 0 && (await groups.countMembers([group.id])) > limits.groupMembers)
      throw tooLarge(`A group has at most ${limits.groupMembers} members.`);
    const touched = [...added, ...removed];
    // Only where a role depends on the group.
    if (mapped && touched.length > 0) await roles.recomputeAll(await groups.accountsOf(touched));
    return { added, removed };
  }

  const details = ({ connectionId, tokenId }: Directory, { id }: ScimGroup) => ({
    connection: connectionId,
    scimToken: tokenId,
    scimGroup: id,
  });

  return {
    async create(directory: Directory, change: GroupChange & { displayName: string }): Promise<ScimGroup> {
      const { displayName, externalId = null } = change;
      const group = await groups.create(directory.connectionId, { displayName, externalId });
      if (!group) throw new ScimFault(409, 'uniqueness', 'There is a group with this displayName or externalId.');
      const { added } = await setMembers(group, change);
      await audit.record(events.scimGroupCreated({}, { ...details(directory, group), added: added.length }));
      return group;
    },
    async change(directory: Directory, group: ScimGroup, change: GroupChange): Promise<ScimGroup> {
      const { displayName = group.displayName, externalId = group.externalId } = change;
      const { added, removed } = await setMembers(group, change);
      const renamed = displayName !== group.displayName || externalId !== group.externalId;
      if (!renamed && added.length + removed.length === 0) return group;
      const changed = await groups.update(group, { displayName, externalId });
      const about = { ...details(directory, group), added: added.length, removed: removed.length, renamed };
      await audit.record(events.scimGroupChanged({}, about));
      return changed;
    },
    async remove(directory: Directory, group: ScimGroup): Promise<void> {
      const everybody = { add: new Set<string>(), remove: new Set<string>(), replaced: true };
      const { removed } = await setMembers(group, everybody);
      await groups.remove(group.id);
      await audit.record(events.scimGroupRemoved({}, { ...details(directory, group), removed: removed.length }));
    },
  };
}
