/** What is changed of an MCP server: how it is described, whom it accepts, its secret, whether it is there. */
import { z } from 'zod';
import { MAX_OVERLAP_DAYS, rotateClientSecret } from '../../clients/secrets.ts';
import { AppError } from '../../errors.ts';
import { setResourceDisabled, updateResource } from '../../resources/changes.ts';
import { addOwner, type OwnersDeps, removeOwner } from '../../resources/owners.ts';
import { TOKEN_CLAIMS } from '../../resources/resource.ts';
import { RESOURCE_OWNER } from '../../roles/authority.ts';
import { giveRole } from '../../roles/membership-changes.ts';
import { operation } from '../frame/operation.ts';
import { typedNumber, when } from '../frame/shapes.ts';
import type { ServerOperationDeps } from './operations.ts';
import type { Reading } from './reading.ts';

const own = { resourceOwners: true, access: 'change' } as const;
const id = z.string().max(100);
const changed = z.object({ changed: z.boolean() });

export function changeOperations(deps: ServerOperationDeps, { within }: Reading) {
  const { accountStore, authority, connectionStore, consentListing } = deps;
  const owning: OwnersDeps = {
    ...deps,
    findAccount: (id) => accountStore.findById(id),
    authorityOf: (id) => authority.of(id),
    giveOwnerRole: (account) => giveRole(deps, RESOURCE_OWNER, account),
  };

  async function setDisabled(server: string, disabled: boolean) {
    return { changed: await setResourceDisabled(deps, server, disabled) };
  }

  return {
    update: operation({
      ...own,
      id: 'servers.update',
      method: 'PATCH',
      path: '/servers/:id',
      summary: 'Change what an MCP server is called, how long its tokens and consents live.',
      input: z.object({
        id,
        name: z.string().max(200).optional(),
        consentDays: z.coerce.number().optional(),
        tokenSeconds: z.coerce.number().optional(),
      }),
      output: changed,
      async run({ id: server, ...news }, { reach }) {
        await within(server, reach);
        const plan = await updateResource(deps, server, news, { accept: false });
        return { changed: Boolean(plan.name ?? plan.consentDays ?? plan.tokenSeconds) };
      },
    }),
    people: operation({
      id: 'servers.people',
      method: 'PATCH',
      path: '/servers/:id/people',
      summary: 'Change whose people an MCP server accepts, and what its tokens say of them.',
      // What is told of people, and who they are, is not for who runs the server to decide.
      access: 'change',
      input: z.object({
        id,
        tokenClaims: z.array(z.enum(TOKEN_CLAIMS)).optional(),
        stalenessMinutes: z.coerce.number().optional(),
        connectionIds: z.array(z.string().max(100)).max(50).optional(),
      }),
      output: changed,
      async run({ id: server, ...people }, { reach }) {
        await within(server, reach);
        for (const one of people.connectionIds ?? []) await assertConnection(one);
        const plan = await updateResource(deps, server, { people }, { accept: false });
        return { changed: Object.keys(plan.people).length > 0 };
      },
    }),
    affected: operation({
      resourceOwners: true,
      access: 'read',
      id: 'servers.affected',
      method: 'GET',
      path: '/servers/:id/affected',
      summary: 'Count who uses an MCP server: what disabling it would stop.',
      input: z.object({ id }),
      output: z.object({ consents: z.number().int(), people: z.number().int() }),
      async run({ id: server }, { reach }) {
        await within(server, reach);
        return consentListing.affected({ resourceId: server, state: 'living' });
      },
    }),
    disable: operation({
      ...own,
      id: 'servers.disable',
      method: 'POST',
      path: '/servers/:id/disable',
      summary: 'Give out no token for an MCP server until it is enabled again; what people agreed to stays.',
      input: z.object({ id }),
      output: changed,
      async run({ id: server }, { reach }) {
        await within(server, reach);
        return setDisabled(server, true);
      },
    }),
    enable: operation({
      ...own,
      id: 'servers.enable',
      method: 'POST',
      path: '/servers/:id/enable',
      summary: 'Give out tokens for an MCP server again.',
      input: z.object({ id }),
      output: changed,
      async run({ id: server }, { reach }) {
        await within(server, reach);
        return setDisabled(server, false);
      },
    }),
    rotateSecret: operation({
      ...own,
      id: 'servers.rotateSecret',
      method: 'POST',
      path: '/servers/:id/rotate-secret',
      summary: 'Give an MCP server a new secret to introspect with; the one it has stays good for a while.',
      fresh: true,
      input: z.object({ id, overlapDays: typedNumber.pipe(z.number().int().min(0).max(MAX_OVERLAP_DAYS)).optional() }),
      output: z.object({ clientId: z.string(), clientSecret: z.string(), previousUntil: when.nullable() }),
      async run({ id: server, overlapDays }, { reach }) {
        const { clientId } = await within(server, reach);
        const { clientSecret, previousUntil } = await rotateClientSecret(deps, clientId, { overlapDays });
        return { clientId, clientSecret, previousUntil: previousUntil ?? null };
      },
    }),
    addOwner: operation({
      id: 'servers.addOwner',
      method: 'POST',
      path: '/servers/:id/owners',
      summary: 'Let a person look after an MCP server; who has no role that reaches it becomes a resource owner.',
      access: 'change',
      input: z.object({ id, person: z.string().max(320).describe('Id, or the address they sign in with here.') }),
      output: changed,
      async run({ id: server, person }, { reach }) {
        const resource = await within(server, reach);
        const account = (await accountStore.findById(person)) ?? (await accountStore.findByEmail(person));
        return { changed: await addOwner(owning, resource, account?.id ?? person) };
      },
    }),
    removeOwner: operation({
      id: 'servers.removeOwner',
      method: 'POST',
      path: '/servers/:id/owners/remove',
      summary: 'Let a person look after an MCP server no more.',
      access: 'change',
      input: z.object({ id, person: z.string().max(100).describe('Id.') }),
      output: changed,
      async run({ id: server, person }, { reach }) {
        return { changed: await removeOwner(owning, await within(server, reach), person) };
      },
    }),
  };

  async function assertConnection(connectionId: string): Promise<void> {
    const connection = await connectionStore.find(connectionId);
    if (connection && !connection.removedAt) return;
    throw new AppError('unknown_connection', 404, `There is no connection ${connectionId}.`);
  }
}
