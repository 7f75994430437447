/** What an administrator decides of a client that is here: let in again, or taken for what it really is. */
import { events } from './audit/events.ts';
import type { ClientKind, ClientMetadata, ClientRecord } from './clients/client.ts';
import { ACTING_FOR } from './clients/downstream.ts';
import { AppError } from './errors.ts';
import type { Rooms } from './rooms.ts';

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';

/**
 * People may connect it again; what ended when it was blocked stays ended.
 * @throws AppError 404 `unknown_client`, 409 `not_blocked`
 */
export function unblockClient(
  { clients, audit, database }: Pick<Rooms, 'clients' | 'audit' | 'database'>,
  clientId: string,
): Promise<void> {
  return database.unit(async () => {
    const client = assertClient(await clients.hold(clientId));
    if (!client.revokedAt) throw new AppError('not_blocked', 409, 'This client is not blocked.');
    await clients.unblock(clientId);
    // Only an owner lets it ask for the administration API, and whoever lets it in again need not be one.
    if (client.adminApi) await clients.setAdminApi(clientId, false);
    const unmarked = client.adminApi ? { adminApiBefore: true, adminApi: false } : {};
    await audit.record(events.clientRestored({ clientId }, { blockedAt: client.revokedAt.toISOString(), ...unmarked }));
  });
}

/**
 * Whether one person's program or many stand behind a client. What it has of people ends, sign-ins and refresh tokens
 * alike; consents stay. A client that an administrator did not make is, as a proxy, one that names nobody: it cannot vouch
 * for whom it acts, so that every authorization takes a full page, and nothing outlives the access token.
 *
 * @returns how many sign-ins ended
 * @throws AppError 404 `unknown_client`, 409 `kind_fixed`, `marked_for_admin_api`, 400 `bad_client`
 */
export function setClientKind(
  { clients, consents, audit, database }: Pick<Rooms, 'clients' | 'consents' | 'audit' | 'database'>,
  clientId: string,
  kind: Extract<ClientKind, 'app' | 'proxy'>,
): Promise<number> {
  return database.unit(async () => {
    const client = assertClient(await clients.hold(clientId));
    const after = kind === 'proxy' && client.origin !== 'static' ? 'undeclared' : kind;
    if (client.kind === after) return 0;
    assertChangeable(client, after);
    await clients.setKind(clientId, after, metadataAs(after, client));
    const signIns = await consents.endGrants({ clientId });
    await audit.record(events.clientKindChanged({ clientId }, { before: client.kind, after, signIns }));
    return signIns;
  });
}

function assertClient(client: ClientRecord | undefined): ClientRecord {
  if (client && client.origin !== 'resource') return client;
  throw new AppError('unknown_client', 404, 'There is no such client.');
}

function assertChangeable({ kind, adminApi, metadata }: ClientRecord, after: ClientKind): void {
  if (kind === 'service')
    throw new AppError('kind_fixed', 409, 'A service signs nobody in: make another client instead.');
  if (adminApi)
    throw new AppError('marked_for_admin_api', 409, 'First take away that it may ask for the administration API.');
  const grants = Array.isArray(metadata.grant_types) ? metadata.grant_types : [];
  if (after === 'proxy' && grants.includes(DEVICE_CODE))
    throw new AppError('bad_client', 400, 'A proxy has no device flow: make another client instead.');
}

/** What only a proxy of an administrator's may state. */
function metadataAs(kind: ClientKind, { metadata, origin }: ClientRecord): ClientMetadata {
  if (origin !== 'static') return metadata;
  const { authorization_details_types: _types, consentry_unnamed_refresh: _refresh, ...kept } = metadata;
  return kind === 'proxy' ? { ...kept, authorization_details_types: [ACTING_FOR] } : kept;
}
