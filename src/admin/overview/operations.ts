/** What needs somebody now, and how much of what happens: to read. */
import { z } from 'zod';
import type { GeneratedMarks } from '../../accounts/generated-marks.ts';
import type { Database } from '../../storage/transactions.ts';
import type { Actor } from '../frame/actor.ts';
import { operation } from '../frame/operation.ts';
import { when } from '../frame/shapes.ts';
import { createAttentionStore } from './attention-store.ts';
import { createFigures, DAYS } from './figures.ts';
import { createFiguresStore } from './figures-store.ts';

export interface OverviewOperationDeps {
  database: Database;
  generated: Pick<GeneratedMarks, 'has'>;
  now: () => Date;
}

const number = z.number().int();
/** In the order in which somebody would take them who has just installed this server. */
const firstSteps = ['password', 'server', 'connection'] as const;

const attentionShape = z.object({
  firstSteps: z.array(z.enum(firstSteps)).describe('What is left to do of a fresh installation.'),
  approvals: z.object({ waiting: number, oldest: when.nullable() }),
  suspended: z.object({
    consents: number,
    clients: z.array(
      z.object({
        clientId: z.string(),
        clientName: z.string().describe('As the client states it.'),
        reasons: z.array(z.string()).describe('What differs from what people agreed to.'),
        consents: number,
      }),
    ),
  }),
  proposals: z.array(
    z.object({ resourceId: z.string(), resourceName: z.string(), scopes: z.array(z.string()), since: when }),
  ),
  credentials: z.array(
    z.object({ kind: z.enum(['connection', 'scim']), connectionId: z.string(), name: z.string(), endsAt: when }),
  ),
  failing: z.array(z.object({ connectionId: z.string(), name: z.string(), failure: z.string(), at: when })),
  alarms: z.array(z.object({ connectionId: z.string(), name: z.string(), reason: z.string(), at: when })),
  leavers: z.array(z.object({ accountId: z.string(), person: z.string(), why: z.string(), at: when })),
  undelivered: number,
  reviews: z.array(z.object({ id: z.string(), name: z.string(), dueAt: when, pending: number })),
});
export type Attention = z.infer<typeof attentionShape>;

const notice = z.object({
  id: z.string(),
  sink: z.string(),
  kind: z.string(),
  createdAt: when,
  attempts: number,
  lastError: z.string().nullable(),
});
export type UndeliveredNotice = z.infer<typeof notice>;

const MAX_NOTICES = 200;

export function overviewOperations({ database, now, generated }: OverviewOperationDeps) {
  const store = createAttentionStore({ database, now });
  const figures = createFigures({ store: createFiguresStore(database), now });

  /** A connection is nobody's duty: it is named only as long as another step is left. */
  async function stepsOf({ accountId, authority: { owner, admin } }: Actor): Promise<Attention['firstSteps']> {
    if (!owner && !admin) return [];
    const there = await store.beginnings();
    const password = await generated.has(accountId);
    if (there.servers && !password) return [];
    const left = { password, server: !there.servers, connection: owner && !there.connections };
    return firstSteps.filter((step) => left[step]);
  }

  return {
    attention: operation({
      id: 'overview.attention',
      method: 'GET',
      path: '/overview/attention',
      summary: 'Tell what waits for somebody: approvals, changed clients, proposals, credentials, alarms, reviews.',
      access: 'read',
      resourceOwners: true,
      input: z.object({}),
      output: attentionShape,
      async run(_input, { reach, actor }) {
        const everything = reach === undefined;
        return {
          firstSteps: await stepsOf(actor),
          approvals: await store.approvals(reach),
          suspended: await store.suspended(reach),
          proposals: await store.proposals(reach),
          reviews: await store.reviews(reach),
          credentials: everything ? await store.credentials() : [],
          failing: everything ? await store.failing() : [],
          alarms: everything ? await store.alarms() : [],
          leavers: everything ? await store.leavers() : [],
          undelivered: everything ? await store.undelivered() : 0,
        };
      },
    }),
    figures: operation({
      id: 'overview.figures',
      method: 'GET',
      path: '/overview/figures',
      summary: `Count what happened on each of the last ${DAYS} days, and who and what was used; countedAt says when.`,
      access: 'read',
      resourceOwners: true,
      input: z.object({}),
      output: z.object({
        countedAt: when,
        days: z.array(
          z.object({ day: z.string(), authorizations: number, consents: number, denials: number, tokens: number }),
        ),
        active: z.object({ people: number, clients: number, servers: number }),
        known: z.object({ people: number.nullable(), clients: number.nullable(), servers: number }),
        origins: z.array(z.object({ origin: z.string(), clients: number, consents: number })),
      }),
      run: (_input, { reach }) => figures(reach),
    }),
    notices: operation({
      id: 'overview.notices',
      method: 'GET',
      path: '/overview/undelivered-notices',
      summary: `List notices that were given up, newest first, ${MAX_NOTICES} at most; what they say stays sealed.`,
      access: 'read',
      input: z.object({}),
      output: z.object({ items: z.array(notice) }),
      run: async () => ({ items: await store.listUndelivered(MAX_NOTICES) }),
    }),
  };
}

export type OverviewOperations = ReturnType<typeof overviewOperations>;
