/** What people agreed to: to read, and to end. */
import { z } from 'zod';
import { type EndingRooms, revokeForAdministrator } from '../../access-ended.ts';
import type { AccountStore } from '../../accounts/store.ts';
import type { FactRooms } from '../../approval-facts.ts';
import type { Audit } from '../../audit/store.ts';
import type { Consent } from '../../consents/consent.ts';
import type { ConsentListing, ConsentQuery } from '../../consents/listing-store.ts';
import { receiptOf } from '../../consents/receipt.ts';
import type { ConsentStore } from '../../consents/store.ts';
import { AppError } from '../../errors.ts';
import type { Database } from '../../storage/transactions.ts';
import { isWithin, type Reach } from '../frame/actor.ts';
import { type Download, notFound, operation } from '../frame/operation.ts';
import { cursor, listed } from '../frame/shapes.ts';
import type { Works } from '../frame/work.ts';
import { addressOf } from './address.ts';
import { viewConsent } from './detail.ts';
import { affected, type ConsentFilterInput, detail, filter, ids, idsInAddress, line } from './shapes.ts';

export interface ConsentOperationDeps extends FactRooms, Pick<EndingRooms, 'notices'> {
  accountStore: Pick<AccountStore, 'findById'>;
  consents: ConsentStore;
  consentListing: ConsentListing;
  audit: Audit;
  database: Database;
  works: Works;
  issuer: string;
  /** Who answers for this server. */
  operator: { name: string; contact?: string | undefined };
  now: () => Date;
}

/** Ended within the request; more goes on by itself. */
const AT_ONCE = 500;
const NAMES = 10;

export function consentOperations(deps: ConsentOperationDeps) {
  const { consents, consentListing, works } = deps;

  async function within(id: string, reach: Reach): Promise<Consent> {
    const consent = await consents.findById(id);
    if (!consent || !isWithin(reach, consent.resourceId)) throw notFound('There is no such consent.');
    return consent;
  }

  return {
    list: operation({
      id: 'consents.list',
      method: 'GET',
      path: '/consents',
      summary: 'List consents, newest first.',
      access: 'read',
      resourceOwners: true,
      input: filter.extend({ cursor }),
      output: listed(line),
      run: ({ cursor: from, ...asked }, { reach }) => consentListing.page(toQuery(asked, reach), from),
    }),
    affected: operation({
      id: 'consents.affected',
      method: 'GET',
      path: '/consents/affected',
      summary: 'Count the consents that match and are not revoked, their people, clients and MCP servers.',
      access: 'read',
      resourceOwners: true,
      input: filter.extend({ ids: idsInAddress }),
      output: affected,
      async run({ ids: some, ...asked }, { reach }) {
        const query = { ...toQuery(asked, reach), ids: some };
        const counted = await consentListing.affected(query);
        const spread = await consentListing.spread(query);
        return { ...counted, ...spread, names: await consentListing.people(query, NAMES) };
      },
    }),
    ...readingOne(deps, within),
    revoke: operation({
      id: 'consents.revoke',
      method: 'POST',
      path: '/consents/revoke',
      summary: 'End consents, with every code and token under them.',
      access: 'change',
      resourceOwners: true,
      input: z.object({ ids }),
      output: z.object({ revoked: z.number().int() }),
      async run({ ids: some }, { reach }) {
        for (const id of some) await within(id, reach);
        return { revoked: await end([...new Set(some)], deps) };
      },
    }),
    revokeMatching: operation({
      id: 'consents.revokeMatching',
      method: 'POST',
      path: '/consents/revoke-matching',
      summary: 'End every consent that matches. More than 500 end batch by batch after the answer.',
      access: 'change',
      resourceOwners: true,
      fresh: true,
      input: filter.extend({ expected: z.coerce.number().int().describe('What `consents.affected` counted.') }),
      output: z.object({ revoked: z.number().int(), work: z.string().optional() }),
      async run({ expected, ...asked }, { reach, actor }) {
        const query = toQuery(asked, reach);
        const affected = await consentListing.affected(query);
        if (affected.consents !== expected) {
          const message = `Meanwhile ${affected.consents} consents match, not ${expected}. Nothing was revoked: look again.`;
          throw new AppError('count_changed', 409, message);
        }
        if (expected > AT_ONCE) {
          const step = batches(query, deps);
          const work = await works.start({
            ...{ accountId: actor.accountId, what: 'consents_revoked', total: expected, step },
            back: addressOf(asked),
          });
          return { revoked: 0, work };
        }
        return { revoked: await end(await consentListing.idsOf(query, '', AT_ONCE), deps) };
      },
    }),
  };
}

function readingOne(deps: ConsentOperationDeps, within: (id: string, reach: Reach) => Promise<Consent>) {
  const { accountStore, consentListing, issuer, operator, now } = deps;
  const reading = { access: 'read', resourceOwners: true, input: z.object({ id: z.string().max(100) }) } as const;

  async function read(id: string, reach: Reach) {
    const consent = await within(id, reach);
    const found = await consentListing.find(id);
    if (!found) throw notFound('There is no such consent.');
    return { consent, found };
  }

  return {
    show: operation({
      id: 'consents.show',
      method: 'GET',
      path: '/consents/:id',
      summary: 'One consent: what was stated and worded then, and now.',
      ...reading,
      output: detail,
      async run({ id }, { reach }) {
        const { consent, found } = await read(id, reach);
        return viewConsent(found, consent, deps);
      },
    }),
    receipt: operation({
      id: 'consents.receipt',
      method: 'GET',
      path: '/consents/:id/receipt',
      summary: 'The receipt of one consent.',
      ...reading,
      output: z.custom<Download>(),
      download: { types: ['application/json'] },
      async run({ id }, { reach }) {
        const { consent, found } = await read(id, reach);
        const { accountId, resourceName: name, resourceUri: uri, createdAt } = found;
        const email = (await accountStore.findById(accountId))?.email ?? '';
        const parties = { person: { id: accountId, email }, resource: { uri, name } };
        const receipt = receiptOf({ consent, createdAt, ...parties, issuer, operator, now: now() });
        const body = `${JSON.stringify(receipt, null, 2)}\n`;
        return { fileName: `consent-${receipt.receipt_id}.json`, type: 'application/json', body };
      },
    }),
  };
}

/** Each call ends the next of them. */
function batches(query: ConsentQuery, deps: ConsentOperationDeps): () => Promise<number> {
  let after = '';
  return async () => {
    const next = await deps.consentListing.idsOf(query, after, 200);
    after = next.at(-1) ?? after;
    // With what else matches of the same people, so that each hears of all of theirs at once.
    const all = await deps.consentListing.withPeople(query, next);
    if (all.length > 0) await end(all, deps);
    return all.length;
  };
}

/** @returns how many of them were living */
async function end(some: readonly string[], deps: ConsentOperationDeps): Promise<number> {
  const revoked = await revokeForAdministrator(deps, [{ id: { in: [...some] } }]);
  return revoked.length;
}

function toQuery({ account, client, server, ...rest }: ConsentFilterInput, reach: Reach): ConsentQuery {
  return { ...rest, accountId: account, clientId: client, resourceId: server, reach };
}

export type ConsentOperations = ReturnType<typeof consentOperations>;
