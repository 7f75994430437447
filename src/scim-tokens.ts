/** Bearer tokens of directories, made and ended: each with its record. */
import { events } from './audit/events.ts';
import { AppError } from './errors.ts';
import type { Rooms } from './rooms.ts';
import type { ScimToken } from './scim/token-store.ts';

export type ScimTokens = Rooms['scimTokens'];
export type TokenRooms = Pick<Rooms, 'connectionStore' | 'scimTokens' | 'audit' | 'database'>;

export const MAX_TOKEN_DAYS = 3650;

/**
 * @param days ends after so many; undefined: only by revoking
 * @returns the token, which nobody can read again
 * @throws AppError 404 `unknown_connection`, 409 `several_tenants`, `too_many_tokens`
 */
export function createScimToken(
  rooms: TokenRooms,
  connectionId: string,
  days?: number,
): Promise<{ token: string; record: ScimToken }> {
  return rooms.database.unit(async () => {
    await assertConnection(rooms, connectionId);
    const created = await rooms.scimTokens.create(connectionId, days);
    if (!created) {
      const message = `${connectionId} has two valid tokens already. Revoke one: npx consentry scim token list ${connectionId}`;
      throw new AppError('too_many_tokens', 409, message);
    }
    await rooms.audit.record(events.scimTokenCreated({}, about(created.record)));
    return created;
  });
}

/**
 * @returns false where it was revoked already
 * @throws AppError 404 `unknown_token`
 */
export function revokeScimToken(
  { database, scimTokens, audit }: TokenRooms,
  id: string,
): Promise<{ token: ScimToken; revoked: boolean }> {
  return database.unit(async () => {
    const token = await scimTokens.find(id);
    if (!token) throw new AppError('unknown_token', 404, `There is no token ${id}. See: npx consentry scim token list`);
    const revoked = await scimTokens.revoke(id);
    if (revoked) await audit.record(events.scimTokenRevoked({}, about(token), 'administrator'));
    return { token, revoked };
  });
}

export function statusOf({ revokedAt, expiresAt }: ScimToken, now: Date): 'valid' | 'expired' | 'revoked' {
  if (revokedAt) return 'revoked';
  return expiresAt && expiresAt <= now ? 'expired' : 'valid';
}

/** @throws AppError 404, 409 */
async function assertConnection({ connectionStore }: Pick<Rooms, 'connectionStore'>, id: string): Promise<void> {
  const connection = await connectionStore.find(id);
  if (!connection || connection.removedAt)
    throw new AppError('unknown_connection', 404, `There is no connection ${id}. See: npx consentry connection list`);
  if (connection.kind !== 'entra') return;
  const { tenants } = connection.settings;
  if (tenants !== 'any' && tenants.length === 1) return;
  const message = `People of several tenants come by ${id}, and an object id alone does not say whose it is: add a connection for each tenant.`;
  throw new AppError('several_tenants', 409, message);
}

function about({ id, connectionId, expiresAt }: ScimToken) {
  return { connection: connectionId, scimToken: id, ends: expiresAt?.toISOString() ?? null };
}
