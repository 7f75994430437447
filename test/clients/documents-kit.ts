/** A host that publishes one metadata document, and processes that read it over one database. */
import type { RequestListener } from 'node:http';
import { createAudit } from '../../src/audit/store.ts';
import { createDocumentCopies, type OnDocumentChange } from '../../src/clients/document-copies.ts';
import { createDocumentImport } from '../../src/clients/document-import.ts';
import { createMetadataDocuments } from '../../src/clients/metadata-document.ts';
import { createMetadataPolicy } from '../../src/clients/metadata-policy.ts';
import { createClientStore } from '../../src/clients/store.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { createDatabase } from '../../src/storage/transactions.ts';
import { createEgress } from '../../src/web/egress.ts';
import { inRequest } from '../../src/web/request-context.ts';
import { createTestDatabase } from '../database.ts';
import { startHttpsStub, testCaFile } from '../https-stub.ts';

const quiet = { info() {}, warn() {}, error() {} };
const rules = { issuer: 'https://auth.example.com' };

export type DocumentWorld = Awaited<ReturnType<typeof startDocumentWorld>>;

export async function startDocumentWorld() {
  const own = await createTestDatabase();
  const opened = await openDatabase({ databaseUrl: own.url, dataDir: '/', log: quiet, mode: 'serve' });
  const { prisma } = opened;
  let answer: RequestListener = fail(500);
  let requests = 0;
  const stub = await startHttpsStub((request, response) => {
    requests += 1;
    answer(request, response);
  });
  const url = `${stub.url}/oauth/client.json`;
  const clock = { now: new Date('2026-11-23T12:00:00Z') };

  function publish(members: Record<string, unknown>): void {
    const text = JSON.stringify(documentOf(url, members));
    answer = (_request, response) => response.setHeader('content-type', 'application/json').end(text);
  }

  /** What one process has. */
  function createProcess({
    onChange = async () => {},
    now = () => clock.now,
  }: {
    onChange?: OnDocumentChange;
    now?: () => Date;
  } = {}) {
    const database = createDatabase(prisma);
    const audit = createAudit({ database, now });
    const clients = createClientStore({ database, now });
    const copies = createDocumentCopies({ database, audit, clients, rules, onChange });
    const policy = createMetadataPolicy(rules);
    const egress = createEgress({ outboundCaFile: testCaFile, outboundAllow: ['127.0.0.1'] });
    const documents = createMetadataDocuments({ egress, store: copies, policy, now });
    /** As oidc-provider asks, in a request of its own. */
    async function read(address = url): Promise<Record<string, unknown>> {
      const response = await inRequest('client', () => documents.fetch(address, { redirect: 'manual' }));
      return (await response.json()) as Record<string, unknown>;
    }
    const imports = createDocumentImport({ copies, policy, database, audit, now });
    return { database, clients, documents, read, imports };
  }

  return {
    url,
    stub,
    prisma,
    createProcess,
    publish,
    /** Whatever is asked for. */
    answerWith(listener: RequestListener): void {
      answer = listener;
    },
    requests: () => requests,
    pass(seconds: number): void {
      clock.now = new Date(clock.now.getTime() + seconds * 1_000);
    },
    now: () => clock.now,
    copy: () => prisma.metadataDocument.findUnique({ where: { url } }),
    events: (type: string) => prisma.auditEvent.findMany({ where: { type }, orderBy: { seq: 'asc' } }),
    async close(): Promise<void> {
      await stub.close();
      await opened.close();
      await own.drop();
    },
  };
}

export function documentOf(url: string, members: Record<string, unknown> = {}): Record<string, unknown> {
  return { client_id: url, client_name: 'Paper', redirect_uris: ['http://127.0.0.1/callback'], ...members };
}

export function fail(status: number): RequestListener {
  return (_request, response) => response.writeHead(status).end('<h1>no</h1>');
}
