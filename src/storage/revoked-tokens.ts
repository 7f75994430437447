/** Access tokens that count no more although they have not expired (RFC 7009): JWTs are kept nowhere else. */
import type { Seal } from './artifacts.ts';
import type { Database } from './transactions.ts';

export function createRevokedTokens({ database, sealing }: { database: Database; sealing: Pick<Seal, 'hmac'> }) {
  const key = (jti: string) => sealing.hmac('artifact-id', `AccessToken:${jti}`);

  return {
    async isRevoked(jti: string): Promise<boolean> {
      return (await database.current().revokedToken.findUnique({ where: { id: key(jti) } })) !== null;
    },
    /** @param expiresAt of the token: until then it stays on the list */
    async revoke(tokens: readonly { jti: string; expiresAt: Date }[]): Promise<void> {
      const data = tokens.map(({ jti, expiresAt }) => ({ id: key(jti), expiresAt }));
      if (data.length > 0) await database.write((tx) => tx.revokedToken.createMany({ data, skipDuplicates: true }));
    },
  };
}
