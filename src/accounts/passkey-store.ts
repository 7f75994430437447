/** Passkeys in Postgres: what a person needs to know of them, and what proves them. */
import type { Database } from '../storage/transactions.ts';

export type PasskeyStore = ReturnType<typeof createPasskeyStore>;

export interface Passkey {
  /** Credential ID, base64url. */
  id: string;
  accountId: string;
  /** COSE_Key (RFC 9052 §7). */
  publicKey: Uint8Array<ArrayBuffer>;
  counter: number;
  transports: readonly string[];
  /** What the person calls it. */
  name: string;
  /** Synced to other devices of the person's. */
  backedUp: boolean;
  createdAt: Date;
  lastUsedAt: Date | undefined;
}

export function createPasskeyStore(db: Database) {
  return {
    async find(id: string): Promise<Passkey | undefined> {
      const row = await db.current().passkey.findUnique({ where: { id } });
      return row ? toPasskey(row) : undefined;
    },
    /** The oldest first. */
    async list(accountId: string): Promise<Passkey[]> {
      const orderBy = [{ createdAt: 'asc' }, { id: 'asc' }] as const;
      const rows = await db.current().passkey.findMany({ where: { accountId }, orderBy: [...orderBy] });
      return rows.map(toPasskey);
    },
    async isEmpty(): Promise<boolean> {
      return (await db.current().passkey.findFirst({ select: { id: true } })) === null;
    },
    /** @returns false where it is somebody's already */
    async add({ counter, lastUsedAt: _, transports, ...passkey }: Passkey): Promise<boolean> {
      const data = [{ ...passkey, counter: BigInt(counter), transports: [...transports] }];
      const { count } = await db.write((tx) => tx.passkey.createMany({ data, skipDuplicates: true }));
      return count === 1;
    },
    /**
     * A counter that does not grow says that there are two of the authenticator (WebAuthn Level 3 §6.1.1); of two uses at
     * once each has to bring a greater one, where it counts at all.
     */
    async noteUse(id: string, use: { counter: number; backedUp: boolean; at: Date }): Promise<boolean> {
      const { counter, backedUp, at } = use;
      const count = await db.write(
        (tx) => tx.$executeRaw`
          UPDATE passkeys SET counter = ${counter}, backed_up = ${backedUp}, last_used_at = ${at}
          WHERE id = ${id} AND (counter < ${counter} OR (counter = 0 AND ${counter} = 0))`,
      );
      return count === 1;
    },
    async rename(accountId: string, id: string, name: string): Promise<boolean> {
      const { count } = await db.write((tx) => tx.passkey.updateMany({ where: { id, accountId }, data: { name } }));
      return count === 1;
    },
    async remove(accountId: string, id: string): Promise<boolean> {
      const { count } = await db.write((tx) => tx.passkey.deleteMany({ where: { id, accountId } }));
      return count === 1;
    },
  };
}

function toPasskey({
  counter,
  lastUsedAt,
  ...row
}: Omit<Passkey, 'counter' | 'lastUsedAt'> & { counter: bigint; lastUsedAt: Date | null }): Passkey {
  return { ...row, counter: Number(counter), lastUsedAt: lastUsedAt ?? undefined };
}
