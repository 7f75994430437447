/** A database with people who agreed to clients, and the command line on it: for what a change of the rules does to them. */
import { randomBytes } from 'node:crypto';
import type { ScopeDescription } from '../../src/resources/resource.ts';
import { scopeDigest } from '../../src/resources/scopes.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { createCommand } from '../cli/command.ts';
import { createTestDatabase } from '../database.ts';

const quiet = { info() {}, warn() {}, error() {} };
const DAY_MS = 86_400_000;

export const inDays = (days: number) => new Date(Date.now() + days * DAY_MS);

export const CLAUDE = {
  id: 'https://claude.ai/client.json',
  origin: 'document',
  metadata: { client_name: 'Claude', redirect_uris: ['https://claude.ai/callback'] },
};
export const DESK = {
  id: 'desk',
  origin: 'dynamic',
  metadata: {
    client_name: 'Desk \u001b[31m',
    software_id: 'desk-software',
    redirect_uris: ['http://127.0.0.1/callback', 'http://localhost/callback'],
  },
};
export const HUB = {
  id: 'hub',
  origin: 'static',
  metadata: {
    client_name: 'Hub',
    token_endpoint_auth_method: 'client_secret_basic',
    redirect_uris: ['https://hub.example/cb'],
  },
};

const SCOPES = [
  { name: 'mail:read', description: 'Read your mail', sensitivity: 'low', effect: 'read', tools: ['read_mail'] },
  { name: 'mail:send', description: 'Send mail as you', sensitivity: 'high', effect: 'act', tools: ['send_mail'] },
  { name: 'mail:label', description: 'Change labels', sensitivity: 'medium', effect: 'change', tools: ['add_label'] },
] satisfies ScopeDescription[];

/** As an administrator does it. */
export const DISABLED = { disabledAt: new Date(), disabledBy: ['administrator'] };

interface Parties {
  account: string;
  client: { id: string; metadata: { redirect_uris: readonly string[] } };
  resource?: string;
}

export async function openPeople() {
  const own = await createTestDatabase();
  const opened = await openDatabase({ databaseUrl: own.url, dataDir: '/', log: quiet, mode: 'serve' });
  const { prisma } = opened;
  const env = {
    DATABASE_URL: own.url,
    ISSUER: 'http://127.0.0.1:9',
    MASTER_KEY: randomBytes(32).toString('base64'),
  };

  const addAccount = (id: string, role = 'user') =>
    prisma.account.create({ data: { id, email: `${id}@contoso.test`, role } });
  const addClient = ({ id, origin, metadata }: typeof CLAUDE) =>
    prisma.client.create({ data: { id, origin, kind: 'app', metadata: { ...metadata, client_id: id } } });

  async function addResource(id: string): Promise<void> {
    await prisma.client.create({ data: { id: `rs-${id}`, origin: 'resource', kind: 'resource', metadata: {} } });
    const scopes = SCOPES.map((scope, position) => ({ ...scope, position }));
    const data = { id, uri: `https://${id}.example/mcp`, name: id, clientId: `rs-${id}`, scopes: { create: scopes } };
    await prisma.resource.create({ data });
  }

  async function consent(parties: Parties, changes: Record<string, unknown> = {}): Promise<string> {
    const id = randomBytes(8).toString('hex');
    const data = {
      ...shared(parties),
      id,
      livingKey: id,
      scopes: ['openid', 'mail:read'],
      approvedAt: new Date(),
      expiresAt: inDays(30),
      ...changes,
    };
    await prisma.consent.create({ data });
    return id;
  }

  async function approval(parties: Parties, changes: Record<string, unknown> = {}): Promise<void> {
    const data = {
      ...shared(parties),
      id: randomBytes(8).toString('hex'),
      stated: {},
      scopes: ['openid', 'mail:read', 'mail:send'],
      state: 'approved',
      audience: 'everyone',
      expiresAt: inDays(30),
      ...changes,
    };
    await prisma.approvalRequest.create({ data });
  }

  /** Events of this test, oldest first. */
  const recorded = () => prisma.auditEvent.findMany({ where: { seq: { gt: seen } }, orderBy: { seq: 'asc' } });
  let seen = 0n;

  /** As they are before anybody changes a rule. */
  async function empty(): Promise<void> {
    await prisma.policyRule.deleteMany({ where: { id: { not: 'default' } } });
    await prisma.policyRule.update({ where: { id: 'default' }, data: { match: { above: 'medium' } } });
    await prisma.approvalRequest.deleteMany();
    await prisma.consent.deleteMany();
    seen = (await recorded()).at(-1)?.seq ?? seen;
  }

  for (const id of ['ana', 'bo', 'cy']) await addAccount(id);
  await prisma.account.update({ where: { id: 'cy' }, data: DISABLED });
  for (const id of ['olga', 'otto']) await addAccount(id, 'owner');
  for (const client of [CLAUDE, DESK, HUB, { ...DESK, id: 'gone' }]) await addClient(client);
  await prisma.client.update({ where: { id: 'gone' }, data: { revokedAt: new Date() } });
  for (const id of ['mail', 'closed']) await addResource(id);
  await prisma.resource.update({ where: { id: 'closed' }, data: { disabledAt: new Date() } });

  return {
    prisma,
    consent,
    approval,
    recorded,
    empty,
    consentry: createCommand(env),
    async close() {
      await opened.close();
      await own.drop();
    },
  };
}

/** Scope → digest, as the scopes read now. */
export const digests = {
  openid: '',
  ...Object.fromEntries(SCOPES.map((scope) => [scope.name, scopeDigest(scope)])),
};

function shared({ account, client, resource = 'mail' }: Parties) {
  return {
    accountId: account,
    clientId: client.id,
    resourceId: resource,
    redirectUri: client.metadata.redirect_uris[0] ?? '',
    clientFingerprint: 'name.proof',
    scopeDigests: digests,
    browserId: 'browser',
  };
}
