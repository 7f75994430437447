/** The administration API as what tokens are for (RFC 8707): a resource of this server's own, for clients an owner marked. */
import { randomBytes } from 'node:crypto';
import { events } from './audit/events.ts';
import type { ClientRecord } from './clients/client.ts';
import { revokeConsents } from './consents/revocation.ts';
import { AppError } from './errors.ts';
import type { Resource, ScopeDescription } from './resources/resource.ts';
import type { Authority } from './roles/authority.ts';
import type { Rooms } from './rooms.ts';

/** At most, and never refreshed: an hour after a mistake nothing of it is left. */
export const ADMIN_TOKEN_SECONDS = 600;
export const ADMIN_READ = 'admin:read';
export const ADMIN_WRITE = 'admin:write';

const SCOPES: readonly ScopeDescription[] = [
  {
    name: ADMIN_READ,
    description: 'See everything in the dashboard',
    descriptionJa: '管理画面のすべてを見る',
    sensitivity: 'high',
    effect: 'read',
    tools: [],
  },
  {
    name: ADMIN_WRITE,
    description: 'Change everything in the dashboard that you may change: people, apps, MCP servers and rules',
    descriptionJa: '管理画面であなたが変更できるすべてを変更する（ユーザー、アプリ、MCP サーバー、ルール）',
    sensitivity: 'high',
    effect: 'act',
    tools: [],
  },
];

/** Canonical, as all resources are written. */
export function adminApiUri(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/admin/api`;
}

/** Whether a client may name the administration API at all: one of an administrator's own, that an owner marked. */
export function mayAskForAdminApi(client: ClientRecord | undefined): boolean {
  return client?.origin === 'static' && client.kind === 'app' && client.adminApi && client.revokedAt === undefined;
}

/** How far a person's roles reach there: whoever administers nothing here gets nothing. */
export function adminScopesOf({ owner, admin, auditor, resourceOwner }: Authority): readonly string[] {
  if (owner || admin || resourceOwner) return [ADMIN_READ, ADMIN_WRITE];
  return auditor ? [ADMIN_READ] : [];
}

type MarkRooms = Pick<Rooms, 'clients' | 'resources' | 'consents' | 'audit' | 'database' | 'issuer'>;

/**
 * Lets a static app ask people for the administration API, or no longer: then all it has of that ends.
 *
 * @throws AppError 404 `unknown_client`, 409 `not_markable`
 */
export function markAdminClient(rooms: MarkRooms, clientId: string, on: boolean): Promise<void> {
  const { clients, audit, database } = rooms;
  return database.unit(async () => {
    const client = await clients.hold(clientId);
    if (!client || client.origin === 'resource') throw new AppError('unknown_client', 404, 'There is no such client.');
    if (on) assertMarkable(client);
    if (client.adminApi === on) return;
    await clients.setAdminApi(clientId, on);
    const resource = await ensureAdminApi(rooms);
    const ended = on ? [] : await revokeConsents(rooms, [{ clientId, resourceId: resource.id }], 'admin_unmarked');
    const details = { before: client.adminApi, after: on, consents: ended.length };
    await audit.record(events.clientAdminMarked({ clientId, resource: resource.uri }, details));
  });
}

/** A proxy stands for others, a service for nobody, and what registered itself for anybody. */
function assertMarkable({ origin, kind, metadata, revokedAt }: ClientRecord): void {
  const signsIn = Array.isArray(metadata.redirect_uris) && metadata.redirect_uris.length > 0;
  if (origin === 'static' && kind === 'app' && signsIn && !revokedAt) return;
  const message =
    'Only an app that an administrator made, and that people return to, may ask for the administration API.';
  throw new AppError('not_markable', 409, message);
}

/** Made with the first client that is marked: until then nobody can name it. */
async function ensureAdminApi({ clients, resources, audit, issuer }: MarkRooms): Promise<Resource> {
  const uri = adminApiUri(issuer);
  const known = await resources.findByUri(uri);
  if (known?.builtIn) return known;
  const clientId = `rs_admin_${randomBytes(12).toString('hex')}`;
  // Every resource has one. Nobody introspects as this one: it has no secret, and is revoked from the start.
  const metadata = { client_id: clientId, redirect_uris: [], response_types: [], grant_types: [] };
  await clients.create({ id: clientId, origin: 'resource', kind: 'resource', metadata, secretHash: undefined });
  await clients.revoke(clientId);
  const name = 'Consentry administration';
  const made = await resources.create({ uri, name, clientId, consentDays: 1, scopes: SCOPES, builtIn: true });
  await audit.record(events.resourceCreated({ resource: uri, clientId }, { name, builtIn: true }));
  return made;
}
