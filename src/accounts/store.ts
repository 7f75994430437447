/** Accounts in Postgres. A password hash leaves only through `findSecret`. */
import { normaliseEmail } from '../credentials.ts';
import type { Prisma } from '../storage/generated/client.ts';
import { newId } from '../storage/new-id.ts';
import type { Database } from '../storage/transactions.ts';
import { createAccountIdentities } from './account-identities-store.ts';
import { toAccount } from './account-row.ts';

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
  disabledBy: readonly string[];
  /** May sign in with a password or passkey although a connection is exclusive. */
  breakGlass: boolean;
  /** The language that the person chose, `en` or `ja`; null where their browser decides. */
  locale: string | null;
}

/** Who takes access away; each takes back only its own word. */
export type DisabledBy = 'administrator' | `upstream:${string}` | `scim:${string}`;

export interface NewAccount {
  email: string;
  name?: string | undefined;
  role: Role;
  /** PHC format; missing for a person who has no password here. */
  passwordHash?: string | undefined;
  breakGlass?: boolean | undefined;
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

export const FIRST_ACCOUNT_LOCK = 'consentry/first-account';

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
  function disable(
    id: string,
    at: Date,
    by: DisabledBy = 'administrator',
  ): Promise<'disabled' | 'unknown' | 'last_owner'> {
    return db.write(async (tx) => {
      // In the same order as whoever else holds accounts, this one among them; whoever only refers to one waits for nobody.
      const held = await tx.$queryRaw<{ id: string; owns: boolean }[]>`
        SELECT id, role = 'owner' AND disabled_at IS NULL AS owns FROM accounts
        WHERE (role = 'owner' AND disabled_at IS NULL) OR id = ${id} ORDER BY id FOR NO KEY UPDATE`;
      const owners = held.filter(({ owns }) => owns);
      if (owners.length === 1 && owners[0]?.id === id) return 'last_owner';
      const count = await tx.$executeRaw`
        UPDATE accounts SET disabled_at = coalesce(disabled_at, ${at}),
          disabled_by = array_append(array_remove(disabled_by, ${by}), ${by})
        WHERE id = ${id}`;
      return count === 1 ? 'disabled' : 'unknown';
    });
  }

  /**
   * Takes back what one of them said; whoever else disabled the account still does.
   * @param by left out: all of them
   */
  function enable(id: string, by?: DisabledBy): Promise<'enabled' | 'still_disabled' | 'unknown'> {
    return db.write(async (tx) => {
      const rows = await tx.$queryRaw<{ left: number }[]>`
        UPDATE accounts SET disabled_by = CASE WHEN ${by ?? null}::text IS NULL THEN '{}'
            ELSE array_remove(disabled_by, ${by ?? null}) END,
          disabled_at = CASE WHEN ${by ?? null}::text IS NULL OR disabled_by <@ ARRAY[${by ?? null}] THEN NULL
            ELSE disabled_at END
        WHERE id = ${id} RETURNING cardinality(disabled_by) AS left`;
      const [row] = rows;
      if (!row) return 'unknown';
      return row.left === 0 ? 'enabled' : 'still_disabled';
    });
  }

  async function setBreakGlass(id: string, breakGlass: boolean): Promise<void> {
    await db.write((tx) => tx.account.updateMany({ where: { id }, data: { breakGlass } }));
  }

  /** @param locale null: as the browser says */
  async function setLocale(id: string, locale: string | null): Promise<void> {
    await db.write((tx) => tx.account.updateMany({ where: { id }, data: { locale } }));
  }

  /** Whether anybody could sign in with a password while a connection is exclusive. */
  async function hasBreakGlass(): Promise<boolean> {
    const where = { breakGlass: true, disabledAt: null, passwordHash: { not: null } };
    return (await db.current().account.findFirst({ where, select: { id: true } })) !== null;
  }

  /** Whether an owner could get in while an exclusive connection's provider is away. */
  async function hasOwnerBehindGlass(): Promise<boolean> {
    const where = { role: 'owner', breakGlass: true, disabledAt: null };
    return (await db.current().account.findFirst({ where, select: { id: true } })) !== null;
  }

  /** Owners who can sign in. */
  function countOwners(): Promise<number> {
    return db.current().account.count({ where: { role: 'owner', disabledAt: null } });
  }

  return {
    findById,
    findByEmail,
    findSecret,
    ...createAccountIdentities(db),
    list,
    listApprovers,
    isEmpty,
    create,
    createFirst,
    replacePasswordHash,
    disable,
    enable,
    setBreakGlass,
    setLocale,
    hasBreakGlass,
    hasOwnerBehindGlass,
    countOwners,
  };
}

/** Without a unique violation, which would end the whole transaction. */
async function insert(tx: Prisma.TransactionClient, account: NewAccount): Promise<Account | undefined> {
  const id = newId();
  const { name = null, passwordHash = null, role, createdAt, breakGlass = false } = account;
  const email = normaliseEmail(account.email);
  const data = { id, signInName: email, email, name, passwordHash, role, createdAt, breakGlass };
  const { count } = await tx.account.createMany({ data: [data], skipDuplicates: true });
  return count === 1
    ? { id, email: data.email, name, role, createdAt, disabledAt: null, disabledBy: [], breakGlass, locale: null }
    : undefined;
}
