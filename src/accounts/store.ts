/** Accounts in Postgres. A password hash leaves only through `findSecret`. */
import { randomBytes } from 'node:crypto';
import { normaliseEmail } from '../credentials.ts';
import type { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';

export type AccountStore = ReturnType<typeof createAccountStore>;

export type Role = 'owner' | 'user';

/** A person. `id` is the `sub` of tokens and never changes. */
export interface Account {
  id: string;
  /** Normalised; '' where an upstream provider says none. For display: people of connections may share one. */
  email: string;
  name: string | null;
  role: Role;
  createdAt: Date;
  /** Set: no sign-in, no token, from now on. Asked at every mint. */
  disabledAt: Date | null;
}

export interface NewAccount {
  email: string;
  name?: string | undefined;
  role: Role;
  /** PHC format; missing for a person who has no password here. */
  passwordHash?: string | undefined;
  createdAt: Date;
}

/** Who an upstream provider says a person is: all three, never the subject or an e-mail address alone. */
export interface IdentityKey {
  connectionId: string;
  issuer: string;
  subject: string;
}

/** For display; neither leads to an account. */
export interface PersonUpstream {
  email?: string | undefined;
  name?: string | undefined;
}

const FIRST_ACCOUNT_LOCK = 'consentry/first-account';
const IDENTITY_LOCK = 'consentry/identity';

export function createAccountStore(db: Database) {
  async function findById(id: string): Promise<Account | undefined> {
    const row = await db.current().account.findUnique({ where: { id }, omit: { passwordHash: true } });
    return row ? toAccount(row) : undefined;
  }

  /** However the address is written: upper case, spaces around it, decomposed characters. */
  async function findByEmail(email: string): Promise<Account | undefined> {
    const where = { signInName: normaliseEmail(email) };
    const row = await db.current().account.findUnique({ where, omit: { passwordHash: true } });
    return row ? toAccount(row) : undefined;
  }

  /** The account with what proves the person; only for checking a password. */
  async function findSecret(by: { id: string } | { email: string }) {
    const where = 'id' in by ? by : { signInName: normaliseEmail(by.email) };
    const row = await db.current().account.findUnique({ where });
    return row ? { account: toAccount(row), passwordHash: row.passwordHash } : undefined;
  }

  async function findByIdentity({ connectionId, issuer, subject }: IdentityKey): Promise<Account | undefined> {
    const where = { connectionId_issuer_subject: { connectionId, issuer, subject } };
    const row = await db.current().identity.findUnique({ where, select: { accountId: true } });
    return row ? findById(row.accountId) : undefined;
  }

  /** By which connections a person signs in, the oldest first. */
  async function listIdentities(accountId: string): Promise<IdentityKey[]> {
    const select = { connectionId: true, issuer: true, subject: true };
    return db.current().identity.findMany({ where: { accountId }, orderBy: { createdAt: 'asc' }, select });
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
      const lock = `${IDENTITY_LOCK} ${JSON.stringify([connectionId, issuer, subject])}`;
      await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${lock}, 0))`;
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

  /** In the order they were made. */
  async function list(): Promise<Account[]> {
    const orderBy: Prisma.AccountOrderByWithRelationInput[] = [{ createdAt: 'asc' }, { id: 'asc' }];
    const rows = await db.current().account.findMany({ orderBy, omit: { passwordHash: true } });
    return rows.map(toAccount);
  }

  /** Who decides what people may not approve themselves: living owners, in the order they were made. */
  async function listApprovers(): Promise<Account[]> {
    const orderBy: Prisma.AccountOrderByWithRelationInput[] = [{ createdAt: 'asc' }, { id: 'asc' }];
    const where = { role: 'owner', disabledAt: null };
    const rows = await db.current().account.findMany({ where, orderBy, omit: { passwordHash: true } });
    return rows.map(toAccount);
  }

  async function isEmpty(): Promise<boolean> {
    return (await db.current().account.findFirst({ select: { id: true } })) === null;
  }

  /** Undefined when the address is taken. */
  function create(account: NewAccount): Promise<Account | undefined> {
    return db.write((tx) => insert(tx, account));
  }

  /**
   * Creates the first account, unless there is one: also when several processes try.
   * `beforeCommit` runs while the others wait; its failure creates nothing.
   */
  function createFirst(account: NewAccount, beforeCommit: () => Promise<void>): Promise<Account | undefined> {
    return db.write(async (tx) => {
      await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${FIRST_ACCOUNT_LOCK}, 0))`;
      if (await tx.account.findFirst({ select: { id: true } })) return undefined;
      const created = await insert(tx, account);
      await beforeCommit();
      return created;
    });
  }

  /** False, and nothing changed, where the hash is no longer `previous`: somebody else changed it meanwhile. */
  function replacePasswordHash(id: string, previous: string | null, passwordHash: string): Promise<boolean> {
    return db.write(async (tx) => {
      const { count } = await tx.account.updateMany({ where: { id, passwordHash: previous }, data: { passwordHash } });
      return count === 1;
    });
  }

  /**
   * `last_owner`: disabling it would lock everybody out; two owners cannot disable each other at the same instant.
   * An account that is disabled already keeps its date.
   */
  function disable(id: string, at: Date): Promise<'disabled' | 'unknown' | 'last_owner'> {
    return db.write(async (tx) => {
      const owners = await tx.$queryRaw<{ id: string }[]>`
        SELECT id FROM accounts WHERE role = 'owner' AND disabled_at IS NULL ORDER BY id FOR UPDATE`;
      if (owners.length === 1 && owners[0]?.id === id) return 'last_owner';
      const { count } = await tx.account.updateMany({ where: { id, disabledAt: null }, data: { disabledAt: at } });
      if (count === 1) return 'disabled';
      return (await tx.account.findUnique({ where: { id }, select: { id: true } })) ? 'disabled' : 'unknown';
    });
  }

  function enable(id: string): Promise<'enabled' | 'unknown'> {
    return db.write(async (tx) => {
      const { count } = await tx.account.updateMany({ where: { id }, data: { disabledAt: null } });
      return count === 1 ? 'enabled' : 'unknown';
    });
  }

  /** Owners who can sign in. */
  function countOwners(): Promise<number> {
    return db.current().account.count({ where: { role: 'owner', disabledAt: null } });
  }

  return {
    findById,
    findByEmail,
    findSecret,
    findByIdentity,
    listIdentities,
    createWithIdentity,
    noteIdentityUse,
    list,
    listApprovers,
    isEmpty,
    create,
    createFirst,
    replacePasswordHash,
    disable,
    enable,
    countOwners,
  };
}

/** Without a unique violation, which would end the whole transaction. */
async function insert(tx: Prisma.TransactionClient, account: NewAccount): Promise<Account | undefined> {
  const id = newId();
  const { name = null, passwordHash = null, role, createdAt } = account;
  const email = normaliseEmail(account.email);
  const data = { id, signInName: email, email, name, passwordHash, role, createdAt };
  const { count } = await tx.account.createMany({ data: [data], skipDuplicates: true });
  return count === 1 ? { id, email: data.email, name, role, createdAt, disabledAt: null } : undefined;
}

function newId(): string {
  return randomBytes(16).toString('base64url');
}

function toAccount(row: Omit<Account, 'role'> & { role: string }): Account {
  const { id, email, name, role, createdAt, disabledAt } = row;
  return { id, email, name, role: role as Role, createdAt, disabledAt };
}
