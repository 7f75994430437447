/** By whom people are vouched for: identities, and the accounts that they lead to. */
import { normaliseEmail } from '../credentials.ts';
import type { Prisma } from '../storage/generated/client.ts';
import { newId } from '../storage/new-id.ts';
import type { Database } from '../storage/transactions.ts';
import { toAccount } from './account-row.ts';
import type { Account, IdentityKey, PersonUpstream } from './store.ts';

const IDENTITY_LOCK = 'consentry/identity';

export function createAccountIdentities(db: Database) {
  /** `orphaned`: the connection was changed since, and nobody comes by this identity until an owner confirms it. */
  async function findIdentity({ connectionId, issuer, subject }: IdentityKey) {
    const where = { connectionId_issuer_subject: { connectionId, issuer, subject } };
    const select = { orphanedAt: true, account: { omit: { passwordHash: true } } } as const;
    const row = await db.current().identity.findUnique({ where, select });
    return row ? { account: toAccount(row.account), orphaned: row.orphanedAt !== null } : undefined;
  }

  /** Undefined also where the identity is orphaned. */
  async function findByIdentity(key: IdentityKey): Promise<Account | undefined> {
    const found = await findIdentity(key);
    return found && !found.orphaned ? found.account : undefined;
  }

  /** By which connections a person signs in, the oldest first; orphaned identities are none. */
  async function listIdentities(accountId: string): Promise<IdentityKey[]> {
    const select = { connectionId: true, issuer: true, subject: true };
    const where = { accountId, orphanedAt: null };
    return db.current().identity.findMany({ where, orderBy: { createdAt: 'asc' }, select });
  }

  /**
   * Makes the person of this identity, unless there is one by now: of two who try at once both get the same account.
   * Whoever else has the same e-mail address has nothing to do with it.
   */
  function createWithIdentity(
    { connectionId, issuer, subject }: IdentityKey,
    { email = '', name }: PersonUpstream,
    at: Date,
  ): Promise<{ account: Account; created: boolean }> {
    const key = { connectionId, issuer, subject };
    return db.write(async (tx) => {
      await lockIdentity(tx, key);
      const known = await tx.identity.findUnique({ where: { connectionId_issuer_subject: key } });
      if (known) {
        const where = { id: known.accountId };
        const row = await tx.account.findUniqueOrThrow({ where, omit: { passwordHash: true } });
        return { account: toAccount(row), created: false };
      }
      const person = { email: normaliseEmail(email), name: name ?? null, role: 'user', createdAt: at };
      const data = { id: newId(), signInName: null, ...person };
      const row = await tx.account.create({ data, omit: { passwordHash: true } });
      await tx.identity.create({ data: { ...key, accountId: row.id, createdAt: at, lastSignInAt: at } });
      return { account: toAccount(row), created: true };
    });
  }

  async function noteIdentityUse({ connectionId, issuer, subject }: IdentityKey, at: Date): Promise<void> {
    const where = { connectionId, issuer, subject };
    await db.write((tx) => tx.identity.updateMany({ where, data: { lastSignInAt: at } }));
  }

  /**
   * Whether a provider that knows the person ended its word for them and has not let them in since: they may have left
   * there meanwhile, and nobody would hear of it.
   */
  async function owesSignIn(accountId: string): Promise<boolean> {
    const rows = await db.current().$queryRaw<unknown[]>`
      SELECT 1 FROM identities i
      WHERE i.account_id = ${accountId} AND i.orphaned_at IS NULL
        AND i.last_sign_in_at IS NOT NULL AND i.vouched_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM connections c WHERE c.id = i.connection_id AND c.removed_at IS NOT NULL)
      LIMIT 1`;
    return rows.length > 0;
  }

  return { findIdentity, findByIdentity, listIdentities, createWithIdentity, noteIdentityUse, owesSignIn };
}

/** Whoever makes a person of an identity, or links it, does so alone. */
export async function lockIdentity(
  tx: Prisma.TransactionClient,
  { connectionId, issuer, subject }: IdentityKey,
): Promise<void> {
  const lock = `${IDENTITY_LOCK} ${JSON.stringify([connectionId, issuer, subject])}`;
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${lock}, 0))`;
}
