/** An outbox in a database of its own, people to write to, and a clock to turn. */
import { randomBytes } from 'node:crypto';
import { createSealing } from '../../src/keys/sealing.ts';
import { createDelivery } from '../../src/notices/delivery.ts';
import type { SinkName, Sinks } from '../../src/notices/message.ts';
import { createNotices } from '../../src/notices/notices.ts';
import type { Recipient } from '../../src/notices/recipients.ts';
import { createOutboxStore } from '../../src/notices/store.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { createDatabase } from '../../src/storage/transactions.ts';
import { createTestDatabase } from '../database.ts';

export const ISSUER = 'https://auth.contoso.test';

const ana: Recipient = { id: 'ana', email: 'ana@contoso.test' };
const bo: Recipient = { id: 'bo', email: 'bo@contoso.test' };
const root: Recipient = { id: 'root', email: 'admin@localhost' };

const quiet = { info() {}, warn() {}, error() {} };

export async function openOutbox() {
  const own = await createTestDatabase();
  const opened = await openDatabase({ databaseUrl: own.url, dataDir: '/', log: quiet, mode: 'serve' });
  const sealing = createSealing(randomBytes(32));
  const clock = { at: new Date('2026-11-24T12:00:00Z') };
  const now = () => clock.at;
  const people = new Map([ana, bo, root].map((person) => [person.id, person]));
  const approvers = { ids: ['bo', 'root'] };
  const connectionNames = new Map<string, string[]>();
  const logged: string[] = [];

  /** What one process has. */
  function createProcess() {
    const database = createDatabase(opened.prisma);
    const store = createOutboxStore(database);
    return {
      database,
      notices: (...sinks: SinkName[]) =>
        createNotices({
          store,
          sinks,
          sealing,
          people: {
            findById: async (id) => people.get(id),
            listApprovers: async () => approvers.ids.flatMap((id) => people.get(id) ?? []),
            approversOf: async () => approvers.ids.flatMap((id) => people.get(id) ?? []),
          },
          connectionNamesOf: async (id) => connectionNames.get(id) ?? [],
          brandName: 'Consentry',
          issuer: ISSUER,
          now,
        }),
      delivery: (sinks: Sinks) =>
        createDelivery({
          store,
          sealing,
          sinks,
          now,
          random: () => 0.5,
          log: { warn: (fields, message) => logged.push(`${JSON.stringify(fields)} ${message}`) },
        }),
    };
  }

  return {
    ...createProcess(),
    createProcess,
    now,
    sealing,
    people,
    connectionNames,
    approvers,
    logged,
    prisma: opened.prisma,
    rows: () => opened.prisma.outboxMessage.findMany({ orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] }),
    passMinutes(minutes: number) {
      clock.at = new Date(clock.at.getTime() + minutes * 60_000);
    },
    async empty() {
      await opened.prisma.outboxMessage.deleteMany();
      logged.length = 0;
      approvers.ids = ['bo', 'root'];
    },
    async close() {
      await opened.close();
      await own.drop();
    },
  };
}

export type Outbox = Awaited<ReturnType<typeof openOutbox>>;

const READ_MAIL = { name: 'mail:read', description: 'Read your mail', descriptionJa: 'メールを読む' };

export const connected = {
  accountId: 'ana',
  clientName: 'Claude',
  clientId: 'https://claude.example/client.json',
  redirectHost: 'claude.example',
  resourceName: 'Mail',
  scopes: [READ_MAIL],
  at: new Date('2026-11-24T12:00:00Z'),
};

export const requested = {
  accountId: 'ana',
  clientName: 'Claude',
  clientId: 'https://claude.example/client.json',
  resourceId: 'mail',
  resourceName: 'Mail',
  scopes: [{ name: 'mail:send', description: 'Send mail as you', descriptionJa: 'あなたとしてメールを送る' }],
  reason: 'For the quarterly report',
  requestId: 'req_1',
};

export const decided = {
  accountId: 'ana',
  decision: 'approved' as const,
  note: 'Until the report is done',
  clientName: 'Claude',
  resourceName: 'Mail',
  requestId: 'req_1',
};

export const ended = {
  why: 'administrator' as const,
  endings: [{ clientName: 'Claude', resourceName: 'Mail' }],
  at: new Date('2026-11-24T12:00:00Z'),
};

export const proposed = {
  resourceName: 'Mail',
  scopeName: 'mail:read',
  before: { description: 'Read your mail', descriptionJa: 'メールを読む', tools: ['read_mail'] },
  after: {
    description: 'Read and forward your mail',
    descriptionJa: 'メールを読んで転送する',
    tools: ['read_mail', 'forward'],
  },
};
