/** What is known of the people of a connection; the provider's refresh token only sealed. */
import type { IdentityKey } from '../accounts/store.ts';
import type { Seal } from '../storage/artifacts.ts';
import type { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';
import type { UpstreamIdentity } from './connection.ts';

export type IdentityStore = ReturnType<typeof createIdentityStore>;

/** What refresh tokens of providers are sealed for. */
export const REFRESH_TOKEN_PURPOSE = 'upstream-refresh-token';

export function createIdentityStore(deps: { database: Database; sealing: Seal; now: () => Date }) {
  const { database, sealing, now } = deps;
  const seal = (key: IdentityKey, token: string) =>
    new Uint8Array(sealing.seal(REFRESH_TOKEN_PURPOSE, nameOf(key), token));

  return {
    /** After a sign-in: who they are by now, and the token by which they are looked for. */
    async noteSignIn({ connectionId, issuer, subject }: IdentityKey, said: UpstreamIdentity): Promise<void> {
      const key = { connectionId, issuer, subject };
      const { refreshToken } = said;
      const data = {
        claims: claimsOf(said),
        ...rolesOf(said),
        ...(refreshToken === undefined ? {} : { refreshToken: seal(key, refreshToken) }),
        vouchedAt: now(),
        checkingUntil: null,
      };
      await database.write((tx) => tx.identity.updateMany({ where: key, data }));
    },
  };
}

/** Binds a sealed token to whose it is. */
export function nameOf({ connectionId, issuer, subject }: IdentityKey): string {
  return JSON.stringify([connectionId, issuer, subject]);
}

function claimsOf(said: UpstreamIdentity): Prisma.InputJsonObject {
  const { tenantId, objectId, pairwiseSubject, email, name, guest } = said;
  const all = { tenantId, objectId, pairwiseSubject, email, name, guest };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** What the provider says nothing of stays as it was. */
function rolesOf({ appRoles, groups }: Pick<UpstreamIdentity, 'appRoles' | 'groups'>) {
  return { ...(appRoles ? { appRoles: [...appRoles] } : {}), ...(groups ? { groups: [...groups] } : {}) };
}
