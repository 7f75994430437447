/** A database with two owners, two people, a client and an MCP server, and a clock to turn: for the tests of approvals. */
import { randomBytes } from 'node:crypto';
import { createApprovals } from '../../src/approvals/approval.ts';
import type { ApprovalRequest, ApprovalTerms, Said, TwoPersons } from '../../src/approvals/request.ts';
import { createApprovalStore } from '../../src/approvals/store.ts';
import { redirectKey } from '../../src/clients/redirect-uris.ts';
import { AppError } from '../../src/errors.ts';
import { createApproversStore } from '../../src/roles/approvers-store.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { createDatabase } from '../../src/storage/transactions.ts';
import { createTestDatabase } from '../database.ts';

const quiet = { info() {}, warn() {}, error() {} };

const CLIENT_ID = 'https://app.example/client.json';
export const REDIRECT = 'https://app.example/callback';
const DAY_MS = 86_400_000;

/** What the client says, and how the scopes read. */
export const SAID: Said = {
  clientFingerprint: 'name.proof',
  stated: { client: { name: 'Mail desk', authMethod: 'none', keysHost: '', resembles: false } },
  scopeDigests: { 'mail:read': 'r1', 'mail:send': 's1', 'mail:label': 'l1', openid: '' },
};

/** The same under another name. */
export const RENAMED: Said = {
  ...SAID,
  clientFingerprint: 'other.proof',
  stated: { client: { ...SAID.stated.client, name: 'Bank desk' } },
};

export const refused = (code: string, status: number) => (error: unknown) =>
  error instanceof AppError && error.code === code && error.status === status;

export async function openApprovals() {
  const own = await createTestDatabase();
  const opened = await openDatabase({ databaseUrl: own.url, dataDir: '/', log: quiet, mode: 'serve' });
  const { prisma } = opened;
  const clock = { at: new Date('2026-11-24T12:00:00Z') };
  const database = createDatabase(prisma);
  const store = createApprovalStore({ database, holdApprovers: createApproversStore(database).hold });
  const now = () => clock.at;
  const rules = (twoPersons: TwoPersons) => createApprovals({ store, redirectKey, twoPersons, requestDays: 30, now });
  const approvals = rules('off');

  async function addAccount(name: string, role: 'owner' | 'user'): Promise<string> {
    const id = randomBytes(8).toString('hex');
    const email = `${name}.${id}@contoso.test`;
    await prisma.account.create({ data: { id, email, signInName: email, role } });
    return id;
  }
  async function addClient(id: string): Promise<void> {
    await prisma.client.create({ data: { id, origin: 'document', kind: 'app', metadata: { client_id: id } } });
  }
  async function addResource(uri: string): Promise<string> {
    await prisma.client.create({ data: { id: uri, origin: 'resource', kind: 'resource', metadata: {} } });
    return (await prisma.resource.create({ data: { id: uri, uri, name: 'Mail', clientId: uri } })).id;
  }

  await addClient(CLIENT_ID);
  const people = {
    olga: await addAccount('olga', 'owner'),
    otto: await addAccount('otto', 'owner'),
    ana: await addAccount('ana', 'user'),
    bo: await addAccount('bo', 'user'),
  };
  const resourceId = await addResource('https://mail.example/mcp');

  async function give(accountId: string, roleId: string): Promise<void> {
    await prisma.accountRole.create({ data: { accountId, roleId, source: 'administrator' } });
  }
  async function lookAfter(accountId: string, resourceId: string): Promise<void> {
    await give(accountId, 'resource-owner');
    await prisma.resourceOwner.create({ data: { accountId, resourceId } });
  }

  /** What ana asks for. */
  function terms(changes: Partial<ApprovalTerms> = {}): ApprovalTerms {
    const asked = { accountId: people.ana, clientId: CLIENT_ID, redirectUri: REDIRECT, resourceId };
    return { ...asked, scopes: ['mail:send'], ...SAID, ...changes };
  }
  async function ask(changes: Partial<ApprovalTerms> & { reason?: string } = {}): Promise<ApprovalRequest> {
    return (await approvals.ask({ ...terms(changes), browserId: 'browser', reason: changes.reason })).request;
  }
  const approve = (id: string, changes: Partial<Parameters<typeof approvals.decide>[0]> = {}) =>
    approvals.decide({ id, decision: 'approve', approver: people.olga, current: SAID, ...changes });

  return {
    ...{
      prisma,
      database,
      rules,
      approvals,
      people,
      resourceId,
      addAccount,
      give,
      lookAfter,
      addClient,
      addResource,
      terms,
      ask,
      approve,
    },
    passDays(days: number) {
      clock.at = new Date(clock.at.getTime() + days * DAY_MS);
    },
    async empty() {
      await prisma.approvalRequest.deleteMany();
    },
    async close() {
      await opened.close();
      await own.drop();
    },
  };
}
