/** Rotation of client secrets: for a while two are good, so that nobody has to be quick (RFC 7591 §3.2.1). */
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import { AppError } from '../errors.ts';
import type { Database } from '../storage/transactions.ts';
import { type ClientRecord, hashClientSecret, newClientSecret } from './client.ts';
import type { ClientStore } from './store.ts';

export interface SecretDeps {
  clients: ClientStore;
  audit: Audit;
  database: Database;
  now: () => Date;
}

export const DEFAULT_OVERLAP_DAYS = 7;
export const MAX_OVERLAP_DAYS = 90;
const DAY_MS = 86_400_000;

/**
 * Gives a client, or an MCP server's credential, a new secret. The one it had is good until the end that is named; the one
 * before that is not any more.
 *
 * @param overlapDays 0: the old secret ends at once
 * @returns the secret, told this once
 * @throws AppError 404 `unknown_client`, 409 `no_secret`, 400 `bad_overlap`
 */
export function rotateClientSecret(
  { clients, audit, database, now }: SecretDeps,
  clientId: string,
  { overlapDays = DEFAULT_OVERLAP_DAYS }: { overlapDays?: number | undefined } = {},
): Promise<{ clientSecret: string; previousUntil: Date | undefined }> {
  if (!Number.isInteger(overlapDays) || overlapDays < 0 || overlapDays > MAX_OVERLAP_DAYS)
    throw new AppError('bad_overlap', 400, `The old secret stays good for 0 to ${MAX_OVERLAP_DAYS} whole days.`);
  return database.unit(async () => {
    const hash = assertHasSecret(await clients.hold(clientId));
    const at = now();
    const previousUntil = overlapDays === 0 ? undefined : new Date(at.getTime() + overlapDays * DAY_MS);
    const clientSecret = newClientSecret();
    const previous = previousUntil && { hash, endsAt: previousUntil };
    await clients.replaceSecret(clientId, { hash: hashClientSecret(clientSecret), at, previous });
    const details = { previousUntil: previousUntil?.toISOString() ?? null };
    await audit.record(events.clientSecretRotated({ clientId }, details));
    return { clientSecret, previousUntil };
  });
}

/**
 * From now on only the newest secret is good.
 * @throws AppError 404 `unknown_client`, 409 `no_previous_secret`
 */
export function endPreviousSecret({ clients, audit, database, now }: SecretDeps, clientId: string): Promise<void> {
  return database.unit(async () => {
    const client = assertKnown(await clients.hold(clientId));
    const { previousSecret } = client;
    if (!previousSecret || previousSecret.endsAt <= now())
      throw new AppError('no_previous_secret', 409, 'Only one secret of this client is good already.');
    await clients.dropPreviousSecret(clientId);
    const details = { wouldHaveEnded: previousSecret.endsAt.toISOString() };
    await audit.record(events.clientSecretEnded({ clientId }, details));
  });
}

/** Whether the previous secret of a client is this one, and still good. */
export function isPreviousSecret({ previousSecret }: ClientRecord, hash: string, now: Date): boolean {
  return previousSecret !== undefined && previousSecret.endsAt > now && previousSecret.hash === hash;
}

function assertKnown(client: ClientRecord | undefined): ClientRecord {
  if (client) return client;
  throw new AppError('unknown_client', 404, 'There is no such client.');
}

/** Of a client that registered itself nobody here could bring it the new one. */
function assertHasSecret(found: ClientRecord | undefined): string {
  const { origin, secretHash, revokedAt } = assertKnown(found);
  const administered = origin === 'static' || origin === 'resource';
  if (administered && secretHash !== undefined && !revokedAt) return secretHash;
  throw new AppError('no_secret', 409, 'This client has no secret of ours to rotate.');
}
