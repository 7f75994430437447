/** MCP servers: who tokens are for, and who looks after each. */
import { z } from 'zod';
import { registerInspected } from '../../resource-registration.ts';
import type { Checks } from '../../resources/checks/checks.ts';
import { checkHealths } from '../../resources/checks/last-check.ts';
import { type ServerListing, serverStates } from '../../resources/listing-store.ts';
import type { Rooms } from '../../rooms.ts';
import { operation } from '../frame/operation.ts';
import { cursor, listed, when } from '../frame/shapes.ts';
import type { Works } from '../frame/work.ts';
import { changeOperations } from './changes.ts';
import { decisionOperations } from './decisions.ts';
import { inspectionOperations, registrant } from './inspections.ts';
import { createReading } from './reading.ts';
import { scopeInput, serverView } from './shapes.ts';

export type ServerOperationDeps = Pick<
  Rooms,
  | 'accountStore'
  | 'audit'
  | 'authority'
  | 'checkStore'
  | 'clients'
  | 'connectionStore'
  | 'consentListing'
  | 'database'
  | 'issuer'
  | 'memberships'
  | 'notices'
  | 'now'
  | 'ownerStore'
  | 'resources'
  | 'roleStore'
  | 'roles'
> & { serverListing: ServerListing; checks: Checks; works: Works };

const line = z.object({
  id: z.string(),
  uri: z.string(),
  name: z.string(),
  disabledAt: when.nullable(),
  scopes: z.number().int(),
  waiting: z.number().int().describe('Scopes of which something is proposed.'),
  owners: z.array(z.string()),
  health: z.enum(checkHealths).nullable().describe('`skipped`: nothing failed, but some step had no usable answer.'),
  checkedAt: when.nullable(),
});

const own = { resourceOwners: true } as const;

export function serverOperations(deps: ServerOperationDeps) {
  const { serverListing } = deps;
  const reading = createReading(deps);

  return {
    list: operation({
      ...own,
      id: 'servers.list',
      method: 'GET',
      path: '/servers',
      summary: 'List MCP servers by name.',
      access: 'read',
      input: z.object({ state: z.enum(serverStates).optional(), search: z.string().max(200).optional(), cursor }),
      output: listed(line),
      run: ({ cursor: from, ...query }, { reach }) => serverListing.page({ ...query, reach }, from),
    }),
    show: operation({
      ...own,
      id: 'servers.show',
      method: 'GET',
      path: '/servers/:id',
      summary: 'One MCP server: its scopes, what is proposed of them, its owners, and what the last check found.',
      access: 'read',
      input: z.object({ id: z.string().max(100) }),
      output: serverView,
      run: ({ id }, { reach }) => reading.show(id, reach),
    }),
    ...inspectionOperations(deps),
    create: operation({
      ...own,
      id: 'servers.create',
      method: 'POST',
      path: '/servers',
      summary: 'Register an MCP server. A resource owner looks after it from then on.',
      access: 'change',
      fresh: true,
      input: z.object({
        uri: z.string().max(2000),
        name: z.string().max(200),
        consentDays: z.coerce.number().optional(),
        tokenSeconds: z.coerce.number().optional(),
        scopes: z.array(scopeInput).max(100),
      }),
      output: z.object({
        id: z.string(),
        name: z.string(),
        clientId: z.string(),
        clientSecret: z.string().describe('Told this once.'),
      }),
      async run(described, by) {
        const { resource, clientId, clientSecret } = await registerInspected(deps, described, registrant(by));
        return { id: resource.id, name: resource.name, clientId, clientSecret };
      },
    }),
    ...changeOperations(deps, reading),
    ...decisionOperations(deps, reading),
  };
}

export type ServerOperations = ReturnType<typeof serverOperations>;
