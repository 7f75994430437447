/** Access reviews: to start, to answer, to end, and the evidence of them. */
import { z } from 'zod';
import type { ResourceStore } from '../../resources/store.ts';
import { type CampaignEntry, DECISIONS, MAX_DAYS, type Reviewer, stateOf } from '../../reviews/campaign.ts';
import { MAX_SELECTED } from '../../reviews/decisions.ts';
import { EVIDENCE_TYPE, type Evidence } from '../../reviews/evidence.ts';
import type { Reviews } from '../../reviews/reviews.ts';
import { isWithin } from '../frame/actor.ts';
import { type By, type Download, operation } from '../frame/operation.ts';
import { cursor, listed, when } from '../frame/shapes.ts';

export interface ReviewOperationDeps {
  reviews: Reviews;
  reviewEvidence: Evidence;
  resources: Pick<ResourceStore, 'listRegistered'>;
  now: () => Date;
}

const decision = z.enum(DECISIONS as [string, ...string[]]) as unknown as z.ZodEnum<
  Record<(typeof DECISIONS)[number], (typeof DECISIONS)[number]>
>;
const count = z.number().int();

const campaign = z.object({
  id: z.string(),
  name: z.string(),
  subject: z.enum(['resource', 'client']),
  subjectId: z.string(),
  subjectName: z.string().describe('Of a client: as it states it.'),
  subjectAddress: z.string(),
  createdByEmail: z.string(),
  createdAt: when,
  dueAt: when,
  closedAt: when.optional(),
  state: z.enum(['open', 'closing', 'closed']),
  counts: z.object({ pending: count, kept: count, revoked: count, expired: count, gone: count }),
});
export type ReviewView = z.infer<typeof campaign>;

const item = z.object({
  id: z.string(),
  consentId: z.string(),
  accountId: z.string(),
  email: z.string(),
  personName: z.string().describe('For who has no address.'),
  clientId: z.string(),
  clientName: z.string().describe('As the client states it.'),
  clientHost: z.string(),
  actingFor: z.string().optional(),
  resourceUri: z.string(),
  resourceName: z.string(),
  scopes: z.array(z.string()).readonly(),
  since: when,
  lastUsedAt: when.optional(),
  decision,
  decidedBy: z.string().optional(),
  decidedByEmail: z.string().optional(),
  decidedAt: when.optional(),
  note: z.string().optional(),
});

export type ReviewItemView = z.infer<typeof item>;

const outcome = z.object({
  changed: count,
  own: count.describe('The reviewer’s own access, which another reviewer has to attest.'),
  gone: count.describe('Ended meanwhile, by itself.'),
  answered: count.describe('Answered before.'),
});

const id = z.object({ id: z.string().max(100) });
const subject = z.object({
  subject: z.enum(['resource', 'client']),
  subjectId: z.string().min(1).max(2000).describe('The id of the MCP server, or of the client.'),
});
const selected = id.extend({ ids: z.array(z.string().max(100)).min(1).max(MAX_SELECTED) });
const noted = selected.extend({ note: z.string().max(2000).optional() });

export type ReviewOperations = ReturnType<typeof reviewOperations>;

export function reviewOperations(deps: ReviewOperationDeps) {
  return { ...readings(deps), ...acts(deps), ...downloads(deps) };
}

function readings({ reviews, resources, now }: ReviewOperationDeps) {
  const read = { method: 'GET', access: 'read', resourceOwners: true } as const;
  const view = (entry: CampaignEntry) => ({ ...entry, state: stateOf(entry, now()) });

  return {
    list: operation({
      ...read,
      id: 'reviews.list',
      path: '/reviews',
      summary: 'List access reviews, newest first.',
      input: z.object({ cursor }),
      output: listed(campaign),
      async run(asked, by) {
        const { items, ...page } = await reviews.list(by, asked.cursor);
        return { ...page, items: items.map(view) };
      },
    }),
    subjects: operation({
      ...read,
      access: 'change',
      id: 'reviews.subjects',
      path: '/reviews/subjects',
      summary: 'What one may review, and of one of these how many consents there are.',
      input: subject.partial(),
      output: z.object({
        servers: z.array(z.object({ id: z.string(), name: z.string(), uri: z.string() })),
        living: count.optional(),
      }),
      async run(asked, { reach }) {
        const all = await resources.listRegistered();
        const servers = all
          .filter((server) => isWithin(reach, server.id))
          .map(({ id, name, uri }) => ({ id, name, uri }));
        const { subject: kind, subjectId } = asked;
        const seen = kind === 'client' ? reach === undefined : servers.some((server) => server.id === subjectId);
        if (!kind || !subjectId || !seen) return { servers };
        return { servers, living: await reviews.countLiving({ subject: kind, subjectId }) };
      },
    }),
    show: operation({
      ...read,
      id: 'reviews.show',
      path: '/reviews/:id',
      summary: 'An access review and how far it is.',
      input: id,
      output: campaign,
      run: async (asked, by) => view(await reviews.find(asked.id, by)),
    }),
    items: operation({
      ...read,
      id: 'reviews.items',
      path: '/reviews/:id/items',
      summary: 'What is under review, by people’s e-mail addresses.',
      input: id.extend({ decision: decision.optional(), cursor }),
      output: listed(item),
      run: (asked, by) => reviews.listItems(by, { ...asked, campaignId: asked.id }),
    }),
  };
}

function acts({ reviews }: ReviewOperationDeps) {
  const change = { method: 'POST', access: 'change', resourceOwners: true } as const;

  return {
    start: operation({
      ...change,
      id: 'reviews.start',
      path: '/reviews',
      summary: 'Start a review over everybody who has access. What nobody answers for by its date ends.',
      input: subject.extend({ name: z.string().max(400), days: z.coerce.number().int().min(1).max(MAX_DAYS) }),
      output: z.object({ id: z.string(), items: count }),
      run: (wanted, by) => reviews.start(reviewer(by), wanted),
    }),
    keep: operation({
      ...change,
      id: 'reviews.keep',
      path: '/reviews/:id/keep',
      summary: 'Attest that access is still right.',
      input: noted,
      output: outcome,
      run: (wanted, by) => reviews.keep(reviewer(by), { ...wanted, campaignId: wanted.id }),
    }),
    revoke: operation({
      ...change,
      id: 'reviews.revoke',
      path: '/reviews/:id/revoke',
      summary: 'End access, with every code and token under it.',
      input: noted,
      output: outcome,
      run: (wanted, by) => reviews.revoke(reviewer(by), { ...wanted, campaignId: wanted.id }),
    }),
    undo: operation({
      ...change,
      id: 'reviews.undo',
      path: '/reviews/:id/undo',
      summary: 'Take back that access was attested.',
      input: selected,
      output: outcome,
      run: (wanted, by) => reviews.undo(reviewer(by), { ...wanted, campaignId: wanted.id }),
    }),
    close: operation({
      ...change,
      fresh: true,
      id: 'reviews.close',
      path: '/reviews/:id/close',
      summary: 'End a review now: what nobody answered for ends, many of it a little after the answer.',
      input: id,
      output: z.object({ undecided: count, closed: z.boolean() }),
      run: (wanted, by) => reviews.close(reviewer(by), wanted.id),
    }),
  };
}

function downloads({ reviewEvidence }: ReviewOperationDeps) {
  const read = { method: 'GET', access: 'read', resourceOwners: true, input: id } as const;

  return {
    csv: operation({
      ...read,
      id: 'reviews.csv',
      path: '/reviews/:id/evidence.csv',
      summary: 'The review as a table.',
      output: z.custom<Download>(),
      download: { types: ['text/csv'] },
      run: async (asked, by) => ({
        fileName: `access-review-${asked.id}.csv`,
        type: 'text/csv; charset=utf-8',
        body: await reviewEvidence.csv(by, asked.id),
      }),
    }),
    evidence: operation({
      ...read,
      id: 'reviews.evidence',
      path: '/reviews/:id/evidence.jws',
      summary: `The review as a statement that this server signs: a compact JWS of type ${EVIDENCE_TYPE}.`,
      output: z.custom<Download>(),
      download: { types: ['application/jose'] },
      run: async (asked, by) => ({
        fileName: `access-review-${asked.id}.jws`,
        type: 'application/jose',
        body: await reviewEvidence.signed(by, asked.id),
      }),
    }),
  };
}

function reviewer({ actor, reach }: By): Reviewer {
  return { accountId: actor.accountId, reach };
}
