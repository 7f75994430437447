/** The secrets behind codes, and recovery codes, in Postgres. What is used up is used up also where the request fails. */
import type { Database } from '../storage/transactions.ts';

export type SecondFactorStore = ReturnType<typeof createSecondFactorStore>;

export interface StoredSecret {
  /** Sealed. */
  secret: Uint8Array;
  confirmedAt: Date | null;
}

export function createSecondFactorStore(db: Database) {
  return {
    async find(accountId: string): Promise<StoredSecret | undefined> {
      const select = { secret: true, confirmedAt: true };
      return (await db.current().totpSecret.findUnique({ where: { accountId }, select })) ?? undefined;
    },
    /** In place of one that was never confirmed. @returns false where one is in use */
    begin(accountId: string, secret: Uint8Array<ArrayBuffer>, createdAt: Date): Promise<boolean> {
      return db.write(async (tx) => {
        await tx.totpSecret.deleteMany({ where: { accountId, confirmedAt: null } });
        const { count } = await tx.totpSecret.createMany({
          data: [{ accountId, secret, createdAt }],
          skipDuplicates: true,
        });
        return count === 1;
      });
    },
    /** @param step of the code that confirmed it, which is taken by that */
    confirm(accountId: string, step: number, confirmedAt: Date): Promise<boolean> {
      return db.write(async (tx) => {
        const where = { accountId, confirmedAt: null };
        const { count } = await tx.totpSecret.updateMany({ where, data: { confirmedAt, lastStep: BigInt(step) } });
        return count === 1;
      });
    },
    /** Once, and none before it any more (RFC 6238 §5.2): of two who bring the same code at once one is taken. */
    async takeStep(accountId: string, step: number): Promise<boolean> {
      const count = await db.direct.$executeRaw`
        UPDATE totp_secrets SET last_step = ${step}
        WHERE account_id = ${accountId} AND confirmed_at IS NOT NULL AND (last_step IS NULL OR last_step < ${step})`;
      return count === 1;
    },
    /** @returns false where there was none; recovery codes go with it */
    remove(accountId: string): Promise<boolean> {
      return db.write(async (tx) => {
        await tx.recoveryCode.deleteMany({ where: { accountId } });
        const { count } = await tx.totpSecret.deleteMany({ where: { accountId } });
        return count > 0;
      });
    },
    /** In place of all before. */
    replaceCodes(accountId: string, hashes: readonly string[], createdAt: Date): Promise<void> {
      return db.write(async (tx) => {
        await tx.recoveryCode.deleteMany({ where: { accountId } });
        await tx.recoveryCode.createMany({ data: hashes.map((hash) => ({ hash, accountId, createdAt })) });
      });
    },
    async takeCode(accountId: string, hash: string, usedAt: Date): Promise<boolean> {
      const where = { hash, accountId, usedAt: null };
      const { count } = await db.direct.recoveryCode.updateMany({ where, data: { usedAt } });
      return count === 1;
    },
    /** Those of these that are this person's. */
    async knownCodes(accountId: string, hashes: readonly string[]): Promise<string[]> {
      const where = { accountId, hash: { in: [...hashes] } };
      const rows = await db.current().recoveryCode.findMany({ where, select: { hash: true } });
      return rows.map(({ hash }) => hash);
    },
    /** Not used yet. */
    countCodes: (accountId: string): Promise<number> =>
      db.current().recoveryCode.count({ where: { accountId, usedAt: null } }),
  };
}
