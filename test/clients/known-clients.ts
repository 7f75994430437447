/** A database with clients in it, and what people and administrators agreed to of them. */
import { randomBytes } from 'node:crypto';
import { type ClientOrigin, clientFingerprint } from '../../src/clients/client.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { createDatabase } from '../../src/storage/transactions.ts';
import { createTestDatabase } from '../database.ts';

const quiet = { info() {}, warn() {}, error() {} };
const DAY_MS = 86_400_000;

export async function openKnownClients() {
  const own = await createTestDatabase();
  const { prisma, close } = await openDatabase({ databaseUrl: own.url, dataDir: '/', log: quiet, mode: 'serve' });
  const clock = { at: new Date('2026-11-24T12:00:00Z') };
  const later = () => new Date(clock.at.getTime() + 90 * DAY_MS);
  const id = () => randomBytes(8).toString('hex');
  const account = { id: 'ana', email: 'ana@contoso.test' };
  await prisma.account.create({ data: account });
  await addClient('rs_mail', { client_name: 'Mail' }, 'resource');
  await prisma.resource.create({
    data: { id: 'mail', uri: 'https://mail.example/mcp', name: 'Mail', clientId: 'rs_mail' },
  });

  async function addClient(clientId: string, metadata: Record<string, unknown>, origin: ClientOrigin): Promise<void> {
    const said = { client_id: clientId, token_endpoint_auth_method: 'none', ...metadata };
    await prisma.client.create({ data: { id: clientId, origin, kind: 'app', metadata: said } });
  }

  async function said(clientId: string) {
    const { metadata } = await prisma.client.findUniqueOrThrow({ where: { id: clientId } });
    return metadata as Record<string, unknown>;
  }

  return {
    prisma,
    database: createDatabase(prisma),
    now: () => clock.at,
    pass(ms: number) {
      clock.at = new Date(clock.at.getTime() + ms);
    },
    addClient,
    async change(clientId: string, changes: Record<string, string | undefined>) {
      const metadata = { ...(await said(clientId)), ...changes };
      await prisma.client.update({ where: { id: clientId }, data: { metadata: JSON.parse(JSON.stringify(metadata)) } });
    },
    /** Ana pressed Approve, and Stop since where `revoked` says so. */
    async consent(clientId: string, redirectUri: string, { revoked = false } = {}) {
      await prisma.consent.create({
        data: {
          id: id(),
          accountId: account.id,
          clientId,
          resourceId: 'mail',
          redirectUri,
          scopes: ['mail:read'],
          clientFingerprint: clientFingerprint(await said(clientId)),
          scopeDigests: {},
          browserId: 'browser',
          approvedAt: clock.at,
          expiresAt: later(),
          ...(revoked ? { revokedAt: clock.at, revokedReason: 'person' } : { livingKey: id() }),
        },
      });
    },
    /** An administrator approved the client as it is now. */
    async approve(clientId: string, redirectUri: string, changes: { audience?: string; expiresAt?: Date } = {}) {
      await prisma.approvalRequest.create({
        data: {
          id: id(),
          accountId: account.id,
          clientId,
          resourceId: 'mail',
          redirectUri,
          scopes: ['mail:send'],
          clientFingerprint: clientFingerprint(await said(clientId)),
          stated: {},
          scopeDigests: {},
          browserId: 'browser',
          state: 'approved',
          audience: 'everyone',
          decidedAt: clock.at,
          decidedBy: 'cli',
          expiresAt: later(),
          ...changes,
        },
      });
    },
    /** Everything but Ana and the mail server. */
    async empty() {
      await prisma.clientLogo.deleteMany();
      await prisma.approvalRequest.deleteMany();
      await prisma.consent.deleteMany();
      await prisma.client.deleteMany({ where: { origin: { not: 'resource' } } });
    },
    async close() {
      await close();
      await own.drop();
    },
  };
}
