/** People: who they are, what they have here, and what an administrator may take back. */
import { z } from 'zod';
import { revokeForAdministrator } from '../../access-ended.ts';
import { type PeopleListing, peopleStates } from '../../accounts/people-listing-store.ts';
import type { Account } from '../../accounts/store.ts';
import { events } from '../../audit/events.ts';
import { AppError } from '../../errors.ts';
import { addPerson, changeBreakGlass, resetFactors, resetPassword } from '../../people.ts';
import { disableAccount, enableAccount } from '../../revocations.ts';
import { ADMIN, AUDITOR } from '../../roles/authority.ts';
import { giveRole, takeRole } from '../../roles/membership-changes.ts';
import { ADMINISTRATOR, OWNER } from '../../roles/role.ts';
import type { Rooms } from '../../rooms.ts';
import type { Actor } from '../frame/actor.ts';
import { notFound, operation } from '../frame/operation.ts';
import { cursor, listed, when } from '../frame/shapes.ts';
import { connectionNames, nameConnections, type PersonDeps, person, viewPerson } from './person.ts';

export type PeopleOperationDeps = PersonDeps &
  Pick<
    Rooms,
    | 'accountStore'
    | 'accounts'
    | 'artifacts'
    | 'audit'
    | 'consents'
    | 'database'
    | 'factorChanges'
    | 'memberships'
    | 'notices'
    | 'now'
    | 'resources'
    | 'roles'
    | 'sessions'
  > & { peopleListing: PeopleListing };

const line = z.object({
  id: z.string(),
  email: z.string(),
  name: z.string().nullable(),
  createdAt: when,
  disabledAt: when.nullable(),
  disabledBy: z.array(z.string()),
  breakGlass: z.boolean(),
  roles: z.array(z.string()),
  connectionIds: z.array(z.string()),
  password: z.boolean(),
  apps: z.number().int().describe('Living consents.'),
});

const id = z.object({ id: z.string().max(100) });
const roleOf = id.extend({ role: z.string().max(64) });
/** Whoever gives one of these makes others powerful. */
const POWERFUL: readonly string[] = [OWNER, ADMIN, AUDITOR];

export function peopleOperations(deps: PeopleOperationDeps) {
  const { accountStore, peopleListing, consentListing } = deps;

  async function find(accountId: string): Promise<Account> {
    const account = await accountStore.findById(accountId);
    if (!account) throw notFound('There is no such person.');
    return account;
  }

  /** An administrator is not above an owner. */
  async function findBelow(accountId: string, actor: Actor): Promise<Account> {
    const account = await find(accountId);
    if (account.role === OWNER && !actor.authority.owner)
      throw new AppError('owner_only', 403, 'Only an owner may do this to an owner.');
    return account;
  }

  const change = { access: 'change', fresh: true } as const;

  return {
    list: operation({
      id: 'people.list',
      method: 'GET',
      path: '/people',
      summary: 'List people, who came last first.',
      access: 'read',
      input: z.object({
        search: z.string().max(200).optional(),
        state: z.enum(peopleStates).optional(),
        role: z.string().max(64).optional(),
        connection: z.string().max(64).optional(),
        cursor,
      }),
      output: listed(line).extend({ connectionNames }),
      async run({ cursor: from, connection, ...query }) {
        const found = await peopleListing.page({ ...query, connectionId: connection }, from);
        const named = found.items.flatMap(({ connectionIds, disabledBy }) => [...connectionIds, ...disabledBy]);
        return { ...found, connectionNames: await nameConnections(deps, named) };
      },
    }),
    show: operation({
      id: 'people.show',
      method: 'GET',
      path: '/people/:id',
      summary: 'Everything about a person: identities, roles, sessions.',
      access: 'read',
      input: id,
      output: person,
      run: async (asked) => viewPerson(await find(asked.id), deps),
    }),
    add: operation({
      id: 'people.add',
      method: 'POST',
      path: '/people',
      summary: 'Add a person with a generated password, told this once.',
      ...change,
      input: z.object({ email: z.string().max(320), name: z.string().max(200).optional() }),
      output: z.object({ id: z.string(), email: z.string(), password: z.string() }),
      run: ({ email, name }) => addPerson(deps, { email, name: name === '' ? undefined : name, role: 'user' }),
    }),
    disable: operation({
      id: 'people.disable',
      method: 'POST',
      path: '/people/:id/disable',
      summary: 'End all access of a person until enabled again.',
      ...change,
      input: id,
      output: z.object({ sessions: z.number().int(), signIns: z.number().int() }),
      async run(asked, { actor }) {
        const account = await findBelow(asked.id, actor);
        // Said already: nothing is left to end, nor to record.
        if (account.disabledBy.includes(ADMINISTRATOR)) return { sessions: 0, signIns: 0 };
        return disableAccount(deps, account);
      },
    }),
    enable: operation({
      id: 'people.enable',
      method: 'POST',
      path: '/people/:id/enable',
      summary: 'Let a disabled person sign in again.',
      ...change,
      input: id,
      output: z.object({}),
      async run(asked, { actor }) {
        const account = await findBelow(asked.id, actor);
        if (account.disabledAt) await enableAccount(deps, account);
        return {};
      },
    }),
    endSessions: operation({
      id: 'people.endSessions',
      method: 'POST',
      path: '/people/:id/end-sessions',
      summary: 'End the browser sessions of a person; connected apps stay.',
      access: 'change',
      input: id,
      output: z.object({ sessions: z.number().int() }),
      async run(asked, { actor }) {
        const { id: accountId } = await findBelow(asked.id, actor);
        const sessions = await deps.sessions.endOf(accountId);
        await deps.audit.record(events.accessEnded({ accountId }, { sessions }, 'sessions_ended'));
        return { sessions };
      },
    }),
    revokeAll: operation({
      id: 'people.revokeAll',
      method: 'POST',
      path: '/people/:id/revoke-all',
      summary: 'End every consent of a person, with every token under them, and their browser sessions.',
      ...change,
      input: id,
      output: z.object({ revoked: z.number().int(), sessions: z.number().int() }),
      async run(asked, { actor }) {
        const { id: accountId } = await findBelow(asked.id, actor);
        const revoked = await revokeForAdministrator(deps, [{ accountId }]);
        const sessions = await deps.sessions.endOf(accountId);
        await deps.audit.record(
          events.accessEnded({ accountId }, { sessions, consents: revoked.length }, ADMINISTRATOR),
        );
        return { revoked: revoked.length, sessions };
      },
    }),
    resetPassword: operation({
      id: 'people.resetPassword',
      method: 'POST',
      path: '/people/:id/reset-password',
      summary: 'Give a person who signs in here a new password, told this once; their sessions end.',
      ...change,
      input: id,
      output: z.object({ email: z.string(), password: z.string() }),
      async run(asked, { actor }) {
        const account = await findBelow(asked.id, actor);
        // Ten minutes that a person lent to a program must not become their password.
        if (actor.clientId !== undefined && account.id === actor.accountId)
          throw new AppError('not_oneself', 403, 'Change your own password on your account page.');
        return resetPassword(deps, account);
      },
    }),
    resetFactors: operation({
      id: 'people.resetFactors',
      method: 'POST',
      path: '/people/:id/reset-factors',
      summary: 'Remove every passkey and the codes of a person; their browser sessions end, the password stays.',
      ...change,
      input: id,
      output: z.object({ passkeys: z.number().int(), codes: z.boolean(), sessions: z.number().int() }),
      run: async (asked, { actor }) => resetFactors(deps, await findBelow(asked.id, actor)),
    }),
    breakGlass: operation({
      id: 'people.breakGlass',
      method: 'POST',
      path: '/people/:id/break-glass',
      summary: 'Say whether the password of a person works even while a connection is exclusive.',
      access: 'own',
      fresh: true,
      input: id.extend({ on: z.stringbool().or(z.boolean()) }),
      output: z.object({}),
      async run(asked) {
        await changeBreakGlass(deps, await find(asked.id), asked.on);
        return {};
      },
    }),
    giveRole: operation({
      id: 'people.giveRole',
      method: 'POST',
      path: '/people/:id/roles',
      summary: 'Give a person a role. Owner, admin and auditor are given by owners.',
      ...change,
      input: roleOf,
      output: z.object({ changed: z.boolean() }),
      async run(asked, { actor }) {
        assertMayGive(asked.role, actor);
        const { changed } = await giveRole(deps, asked.role, await find(asked.id));
        return { changed };
      },
    }),
    takeRole: operation({
      id: 'people.takeRole',
      method: 'DELETE',
      path: '/people/:id/roles/:role',
      summary: 'Take back a role that an administrator gave; what goes too far then ends.',
      ...change,
      input: roleOf,
      output: z.object({ changed: z.boolean() }),
      async run(asked, { actor }) {
        assertMayGive(asked.role, actor);
        const { changed } = await takeRole(deps, asked.role, await find(asked.id));
        return { changed };
      },
    }),
    roles: operation({
      id: 'people.roles',
      method: 'GET',
      path: '/roles',
      summary: 'List the roles there are.',
      access: 'read',
      input: z.object({}),
      output: z.object({ items: z.array(z.object({ id: z.string(), description: z.string().optional() })) }),
      run: async () => ({ items: await deps.roleStore.list() }),
    }),
    apps: operation({
      id: 'people.apps',
      method: 'GET',
      path: '/people/:id/apps',
      summary: 'Count what a person agreed to that is not revoked.',
      access: 'read',
      input: id,
      output: z.object({ consents: z.number().int(), people: z.number().int() }),
      run: (asked) => consentListing.affected({ accountId: asked.id }),
    }),
  };
}

export type PeopleOperations = ReturnType<typeof peopleOperations>;

/** The same for what is offered. */
export function mayGive(role: string, { owner }: Actor['authority']): boolean {
  return owner || !POWERFUL.includes(role);
}

function assertMayGive(role: string, { authority }: Actor): void {
  if (mayGive(role, authority)) return;
  throw new AppError('owner_only', 403, 'Only an owner makes owners, administrators and auditors, or takes that back.');
}
