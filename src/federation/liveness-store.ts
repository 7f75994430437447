/** By which refresh token a person is looked for at their provider, and who is just doing so. */
import type { IdentityKey } from '../accounts/store.ts';
import type { Seal } from '../storage/artifacts.ts';
import type { Database } from '../storage/transactions.ts';
import type { Liveness } from './connection.ts';
import { nameOf, REFRESH_TOKEN_PURPOSE } from './identity-store.ts';

export type LivenessStore = ReturnType<typeof createLivenessStore>;

type Version = Uint8Array<ArrayBuffer>;

/** An identity with a refresh token of its provider. */
export interface Vouched extends IdentityKey {
  /** undefined where it cannot be opened: it was sealed for an identity that has another name now, or by another key. */
  refreshToken: string | undefined;
  /** The token as it is stored: whoever replaces it replaces this one and no other. */
  version: Version;
  vouchedAt: Date | undefined;
}

type Row = IdentityKey & { refreshToken: Uint8Array; vouchedAt: Date | null };

export function createLivenessStore(deps: { database: Database; sealing: Seal; now: () => Date }) {
  const { database, sealing, now } = deps;
  const { direct } = database;
  const where = ({ connectionId, issuer, subject }: IdentityKey, version: Version) => ({
    connectionId,
    issuer,
    subject,
    refreshToken: version,
  });

  function open(key: IdentityKey, version: Version): string | undefined {
    try {
      return sealing.open(REFRESH_TOKEN_PURPOSE, nameOf(key), Buffer.from(version)).toString('utf8');
    } catch {
      return undefined;
    }
  }

  return {
    /** Nobody is asked by a connection that was removed, also where a sign-in that raced the removal left a token. */
    async list(accountId: string): Promise<Vouched[]> {
      const rows = await direct.$queryRaw<Row[]>`
        SELECT i.connection_id AS "connectionId", i.issuer, i.subject, i.refresh_token AS "refreshToken",
          i.vouched_at AS "vouchedAt"
        FROM identities i
        WHERE i.account_id = ${accountId} AND i.refresh_token IS NOT NULL AND i.orphaned_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM connections c WHERE c.id = i.connection_id AND c.removed_at IS NOT NULL)
        ORDER BY i.created_at`;
      return rows.map(({ connectionId, issuer, subject, refreshToken, vouchedAt }) => {
        const key = { connectionId, issuer, subject };
        const version = new Uint8Array(refreshToken);
        return { ...key, refreshToken: open(key, version), version, vouchedAt: vouchedAt ?? undefined };
      });
    },
    /** How a check by somebody else went: `under way` while it runs. */
    async peek({ connectionId, issuer, subject }: IdentityKey): Promise<'gone' | 'under way' | Date | undefined> {
      const key = { connectionId, issuer, subject };
      const row = await direct.identity.findUnique({ where: { connectionId_issuer_subject: key } });
      if (!row?.refreshToken) return 'gone';
      if (row.checkingUntil && row.checkingUntil > now()) return 'under way';
      return row.vouchedAt ?? undefined;
    },
    /** @returns false where somebody else looks just now, or has looked since */
    async lease(identity: Vouched, until: Date): Promise<boolean> {
      const { count } = await direct.identity.updateMany({
        where: {
          ...where(identity, identity.version),
          vouchedAt: identity.vouchedAt ?? null,
          OR: [{ checkingUntil: null }, { checkingUntil: { lte: now() } }],
        },
        data: { checkingUntil: until },
      });
      return count === 1;
    },
    async release(identity: Vouched): Promise<void> {
      await direct.identity.updateMany({ where: where(identity, identity.version), data: { checkingUntil: null } });
    },
    /**
     * The provider gave another token, and may take the one before no more: kept at once, whatever becomes of the request.
     *
     * @returns undefined where a sign-in has brought a newer one meanwhile
     */
    async replaceToken(identity: Vouched, refreshToken: string): Promise<Vouched | undefined> {
      const version = new Uint8Array(sealing.seal(REFRESH_TOKEN_PURPOSE, nameOf(identity), refreshToken));
      const { count } = await direct.identity.updateMany({
        where: where(identity, identity.version),
        data: { refreshToken: version },
      });
      return count === 1 ? { ...identity, refreshToken, version } : undefined;
    },
    /** What the provider says nothing of stays as it was. */
    async noteAlive(
      identity: Vouched,
      { appRoles, groups }: Pick<Extract<Liveness, { state: 'alive' }>, 'appRoles' | 'groups'>,
    ): Promise<void> {
      const data = {
        vouchedAt: now(),
        checkingUntil: null,
        ...(appRoles ? { appRoles: [...appRoles] } : {}),
        ...(groups ? { groups: [...groups] } : {}),
      };
      await database.write((tx) => tx.identity.updateMany({ where: where(identity, identity.version), data }));
    },
    /** Keeps the identity as it is until the unit ends. @returns false where a sign-in brought another token meanwhile */
    async hold({ connectionId, issuer, subject, version }: Vouched): Promise<boolean> {
      const rows = await database.write(
        (tx) => tx.$queryRaw<unknown[]>`
          SELECT 1 FROM identities
          WHERE connection_id = ${connectionId} AND issuer = ${issuer} AND subject = ${subject}
            AND refresh_token = ${version} FOR UPDATE`,
      );
      return rows.length === 1;
    },
    /** The token is worth nothing any more, and nobody vouches for the person until the next sign-in brings one. */
    async forget(identity: Vouched): Promise<void> {
      const data = { refreshToken: null, vouchedAt: null, checkingUntil: null };
      await database.write((tx) => tx.identity.updateMany({ where: where(identity, identity.version), data }));
    },
    /** For how long nobody has to vouch for people who use this MCP server. */
    async stalenessMinutes(resourceUri: string): Promise<number | undefined> {
      const row = await direct.resource.findUnique({ where: { uri: resourceUri }, select: { stalenessMinutes: true } });
      return row?.stalenessMinutes;
    },
  };
}
