/** Clients: families first, and of each client what it says of itself against what this server found out. */
import { z } from 'zod';
import type { ClientRecord } from '../../clients/client.ts';
import type { DocumentCopies } from '../../clients/document-copies.ts';
import { statedFacts, verifiedFacts } from '../../clients/facts.ts';
import type { ClientListing } from '../../clients/listing-store.ts';
import type { Rooms } from '../../rooms.ts';
import { notFound, operation } from '../frame/operation.ts';
import { cursor, listed } from '../frame/shapes.ts';
import { type ClientActDeps, clientActs } from './acts.ts';
import { type ClientView, clientFilter, clientId, clientLine, clientView, familyLine } from './shapes.ts';

export type ClientOperationDeps = ClientActDeps &
  Pick<Rooms, 'stated'> & { clientListing: ClientListing; documents: DocumentCopies };

export function clientOperations(deps: ClientOperationDeps) {
  const { clients, clientListing, documents } = deps;

  return {
    list: operation({
      id: 'clients.list',
      method: 'GET',
      path: '/clients',
      summary: 'List clients, registrations of the same program as one, the newest first.',
      access: 'read',
      input: clientFilter.extend({ cursor }),
      output: listed(familyLine),
      run: ({ cursor: from, ...query }) => clientListing.page(query, from),
    }),
    family: operation({
      id: 'clients.family',
      method: 'GET',
      path: '/client-families/:key',
      summary: 'List the registrations of one program, the newest first.',
      access: 'read',
      input: clientFilter.extend({ key: z.string().max(100), cursor }),
      output: listed(clientLine),
      run: ({ key, cursor: from, ...query }) => clientListing.rows(key, query, from),
    }),
    familyReach: operation({
      id: 'clients.familyReach',
      method: 'GET',
      path: '/client-families/:key/reach',
      summary: 'Count the registrations of a program that may ask people, and the living consents with them.',
      access: 'read',
      input: z.object({ key: z.string().max(100) }),
      output: z.object({ registrations: z.number().int(), consents: z.number().int(), people: z.number().int() }),
      async run({ key }) {
        return { registrations: await clients.countFamily(key), ...(await clientListing.reach({ familyKey: key })) };
      },
    }),
    show: operation({
      id: 'clients.show',
      method: 'GET',
      path: '/clients/:id',
      summary: 'Everything about a client: what it states, what was verified, who uses it.',
      access: 'read',
      input: clientId,
      output: clientView,
      async run({ id }) {
        const client = await clients.find(id);
        const copy = await documents.find(id);
        // Its document was read, and nobody agreed to anything yet.
        const known = client ?? (copy && unmet(id, JSON.parse(copy.body)));
        if (!known || known.origin === 'resource') throw notFound('There is no such client.');
        return view(known, copy, deps);
      },
    }),
    ...clientActs(deps),
  };
}

export type ClientOperations = ReturnType<typeof clientOperations>;

function unmet(id: string, metadata: ClientRecord['metadata']): ClientRecord {
  const none = { secretHash: undefined, previousSecret: undefined, secretCreatedAt: undefined, adminApi: false };
  const times = { createdAt: new Date(0), lastUsedAt: undefined, revokedAt: undefined };
  return { id, origin: 'document', kind: 'app', metadata, ...none, ...times };
}

async function view(
  client: ClientRecord,
  copy: Awaited<ReturnType<DocumentCopies['find']>>,
  { clientListing, stated, now }: ClientOperationDeps,
): Promise<ClientView> {
  const { id, origin, kind, metadata, adminApi, createdAt, lastUsedAt, revokedAt, removed, familyKey } = client;
  const said = statedFacts(client);
  const found = verifiedFacts(client, copy);
  // Judged where it proves least: a name is as good as the weakest request that shows it.
  const weakest = found.redirects.find(({ proven }) => !proven) ?? found.redirects[0];
  const redirectUri = weakest?.uri ?? 'http://127.0.0.1/';
  const { resembles } = await stated({ clientId: id, metadata, redirectUri, redirectRegistered: true });
  const firstSeen = copy && createdAt.getTime() === 0 ? copy.fetchedAt : createdAt;
  return {
    ...{ id, origin, kind, name: said.name, authMethod: said.authMethod, adminApi, createdAt: firstSeen },
    lastUsedAt: lastUsedAt ?? null,
    revokedAt: revokedAt ?? null,
    removed: removed ?? false,
    stated: said,
    verified: { ...found, resembles },
    family: familyKey ? { key: familyKey, ...(await clientListing.familySize(familyKey)) } : null,
    secret: secretOf(client, now()),
    reach: await clientListing.reach({ id }),
  };
}

/** Of ours alone: whatever a client that registered itself has is its own business. */
function secretOf({ origin, secretHash, secretCreatedAt, createdAt, previousSecret }: ClientRecord, at: Date) {
  if (origin !== 'static' || secretHash === undefined) return null;
  const previousUntil = previousSecret && previousSecret.endsAt > at ? previousSecret.endsAt : null;
  return { createdAt: secretCreatedAt ?? createdAt, previousUntil };
}
