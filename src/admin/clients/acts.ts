/** What an administrator does about clients. */
import { z } from 'zod';
import { markAdminClient } from '../../admin-api.ts';
import { events } from '../../audit/events.ts';
import { assertNewClient } from '../../client-rules.ts';
import { setClientKind, unblockClient } from '../../client-standing.ts';
import { isDocumentUrl } from '../../clients/document-content.ts';
import { createDocumentImport } from '../../clients/document-import.ts';
import { createMetadataPolicy } from '../../clients/metadata-policy.ts';
import { endPreviousSecret, rotateClientSecret } from '../../clients/secrets.ts';
import { addClient } from '../../registrations.ts';
import { revokeClient } from '../../revocations.ts';
import type { Rooms } from '../../rooms.ts';
import { notFound, operation } from '../frame/operation.ts';
import { when } from '../frame/shapes.ts';
import type { Works } from '../frame/work.ts';
import { clientId, newClient, overlapDays } from './shapes.ts';

export type ClientActDeps = Pick<
  Rooms,
  'clients' | 'consents' | 'resources' | 'artifacts' | 'audit' | 'database' | 'issuer' | 'now' | 'documents'
> & { works: Works };

const change = { access: 'change', fresh: true } as const;
const ended = z.object({ consents: z.number().int(), people: z.number().int() });
/** Registrations of a family that end in one transaction. */
const BATCH = 50;

export function clientActs(deps: ClientActDeps) {
  const { clients, database, audit, works } = deps;
  const imports = () => {
    const policy = createMetadataPolicy({ issuer: deps.issuer });
    return createDocumentImport({ ...deps, copies: deps.documents, policy });
  };

  /** Credentials of MCP servers are rotated with these. */
  async function assertClient(id: string): Promise<void> {
    const found = await clients.find(id);
    if (!found || found.origin === 'resource') throw notFound('There is no such client.');
  }

  return {
    add: operation({
      id: 'clients.add',
      method: 'POST',
      path: '/clients',
      summary: 'Make a static client; its secret, where it has one, is told this once.',
      ...change,
      input: newClient,
      output: z.object({ id: z.string(), secret: z.string().optional() }),
      async run(asked) {
        const rules = { issuer: deps.issuer, resources: await deps.resources.list() };
        const client = assertNewClient(asked, rules);
        const { clientId: id, clientSecret } = await addClient(deps, client);
        const { name, kind, authMethod, redirectUris, unnamedRefresh } = client;
        const details = { name, kind, authMethod, redirectUris, ...(unnamedRefresh ? { unnamedRefresh } : {}) };
        await audit.record(events.clientCreated({ clientId: id }, details));
        return { id, ...(clientSecret === undefined ? {} : { secret: clientSecret }) };
      },
    }),
    block: operation({
      id: 'clients.block',
      method: 'POST',
      path: '/clients/:id/block',
      summary:
        'Block a client with every consent given to it. A metadata document may be blocked before anybody met it.',
      ...change,
      input: clientId,
      output: ended,
      async run({ id }) {
        const known = await clients.find(id);
        if (known?.origin === 'resource' || (!known && !isDocumentUrl(id))) throw notFound('There is no such client.');
        const consents = await revokeClient(deps, id, known);
        return { consents: consents.length, people: new Set(consents.map(({ accountId }) => accountId)).size };
      },
    }),
    unblock: operation({
      id: 'clients.unblock',
      method: 'POST',
      path: '/clients/:id/unblock',
      summary: 'Let a blocked client ask people again; what it had stays ended.',
      ...change,
      input: clientId,
      output: z.object({}),
      async run({ id }) {
        await unblockClient(deps, id);
        return {};
      },
    }),
    blockFamily: operation({
      id: 'clients.blockFamily',
      method: 'POST',
      path: '/client-families/:key/block',
      summary: 'Block every registration of a program. They end batch by batch after the answer.',
      ...change,
      input: z.object({ key: z.string().max(100) }),
      output: z.object({ work: z.string().optional() }),
      async run({ key }, { actor }) {
        const { length } = await clients.listFamily(key, { living: true, limit: 1 });
        if (length === 0) throw notFound('No registration of this program is left to block.');
        const total = await clients.countFamily(key);
        const step = () => blockBatch(key, deps);
        const back = `/admin/clients/family?key=${encodeURIComponent(key)}`;
        return { work: await works.start({ accountId: actor.accountId, what: 'clients_blocked', total, step, back }) };
      },
    }),
    rotateSecret: operation({
      id: 'clients.rotateSecret',
      method: 'POST',
      path: '/clients/:id/rotate-secret',
      summary: 'Give a static client a new secret, told this once; the old one stays good for some days.',
      ...change,
      input: clientId.extend({ overlapDays }),
      output: z.object({ secret: z.string(), previousUntil: when.nullable() }),
      async run({ id, overlapDays: days }) {
        await assertClient(id);
        const { clientSecret, previousUntil } = await rotateClientSecret(deps, id, { overlapDays: days });
        return { secret: clientSecret, previousUntil: previousUntil ?? null };
      },
    }),
    endPreviousSecret: operation({
      id: 'clients.endPreviousSecret',
      method: 'POST',
      path: '/clients/:id/end-previous-secret',
      summary: 'End the secret before the last rotation now.',
      ...change,
      input: clientId,
      output: z.object({}),
      async run({ id }) {
        await assertClient(id);
        await endPreviousSecret(deps, id);
        return {};
      },
    }),
    setKind: operation({
      id: 'clients.setKind',
      method: 'POST',
      path: '/clients/:id/kind',
      summary: 'Say that one program, or many, stand behind a client; its sign-ins end.',
      ...change,
      input: clientId.extend({ kind: z.enum(['app', 'proxy']) }),
      output: z.object({ signIns: z.number().int() }),
      run: async ({ id, kind }) => ({ signIns: await setClientKind(deps, id, kind) }),
    }),
    markAdminApi: operation({
      id: 'clients.markAdminApi',
      method: 'POST',
      path: '/clients/:id/admin-api',
      summary: 'Let a static app ask people for this API, or no longer.',
      access: 'own',
      fresh: true,
      input: clientId.extend({ on: z.stringbool().or(z.boolean()) }),
      output: z.object({}),
      async run({ id, on }) {
        await markAdminClient(deps, id, on);
        return {};
      },
    }),
    importDocument: operation({
      id: 'clients.importDocument',
      method: 'POST',
      path: '/client-documents',
      summary: 'Take a metadata document whose host cannot be reached from here.',
      ...change,
      input: z.object({ url: z.string().max(2000), document: z.string().max(20_000) }),
      output: z.object({ changed: z.array(z.string()).readonly() }),
      async run({ url, document }) {
        const { changed } = await imports().add(url, Buffer.from(document));
        return { changed };
      },
    }),
    dropDocument: operation({
      id: 'clients.dropDocument',
      method: 'POST',
      path: '/clients/:id/drop-document',
      summary: 'Use an imported metadata document no more.',
      ...change,
      input: clientId,
      output: z.object({}),
      async run({ id }) {
        await imports().remove(id);
        return {};
      },
    }),
  };

  async function blockBatch(key: string, rooms: ClientActDeps): Promise<number> {
    const batch = await clients.listFamily(key, { living: true, limit: BATCH });
    await database.unit(async () => {
      for (const client of batch) await revokeClient(rooms, client.id, client);
    });
    return batch.length;
  }
}
