/** oidc-provider's storage port, answered by our stores: artifacts, grants and clients. */
import { type Adapter, type AdapterPayload, errors, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { DevicesStore } from '../accounts/devices-store.ts';
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import type { ClientMetadata, ClientRecord } from '../clients/client.ts';
import { hashClientSecret } from '../clients/client.ts';
import { ACTING_FOR } from '../clients/downstream.ts';
import type { ClientStore } from '../clients/store.ts';
import type { ConsentStore } from '../consents/store.ts';
import { AppError } from '../errors.ts';
import type { UpstreamSessionStore } from '../federation/upstream-session-store.ts';
import { isSynthetic } from '../resources/checks/synthetic-tokens.ts';
import type { ArtifactStore, StoredArtifact } from '../storage/artifacts.ts';
import type { GrantStore } from '../storage/grants.ts';
import type { AccessTokens } from './access-tokens.ts';
import type { RefreshTokens } from './refresh-tokens.ts';

export interface AdapterDeps {
  artifacts: ArtifactStore;
  grants: GrantStore;
  clients: ClientStore;
  consents: ConsentStore;
  upstreamSessions: Pick<UpstreamSessionStore, 'note'>;
  devices: Pick<DevicesStore, 'note'>;
  audit: Audit;
  accessTokens: AccessTokens;
  refreshTokens: RefreshTokens;
  /** Runs the contract check over what people agreed to with a client that says something else of itself now. */
  suspendChanged: (clientId: string, metadata: Record<string, unknown>) => Promise<void>;
}

const DEVICE_CODE_REMEMBERED_SECONDS = 300;

/** @returns the factory that oidc-provider calls once for each of its models */
export function createAdapterFactory(deps: AdapterDeps): (model: string) => Adapter {
  return (model) => {
    switch (model) {
      case 'Client':
        return clientAdapter(deps);
      case 'Grant':
        return grantAdapter(deps);
      case 'AccessToken':
      case 'ClientCredentials':
        return accessTokenAdapter(model, deps);
      case 'RefreshToken':
        return refreshTokenAdapter(deps);
      default:
        return artifactAdapter(model, deps);
    }
  };
}

function artifactAdapter(
  kind: string,
  { artifacts, grants, upstreamSessions, devices }: AdapterDeps,
  consume = (id: string) => artifacts.consume(kind, id),
): Adapter {
  return {
    find: async (id) => noteWhose(kind, present(await artifacts.find(kind, id))),
    findByUid: async (uid) => present(await artifacts.findByUid(kind, uid)),
    findByUserCode: async (userCode) => present(await artifacts.findByUserCode(kind, userCode)),
    async upsert(id, payload, ttlSeconds) {
      // Our pages write down what was pressed. Of a request that was answered meanwhile they bring nothing back.
      if (kind === 'Interaction' && Provider.ctx === undefined) {
        if (await artifacts.update(kind, id, ofClient(kind, payload), ttlSeconds)) return;
        throw new AppError('interaction_expired', 400, 'The request was answered already.');
      }
      if (kind === 'AuthorizationCode' || kind === 'DeviceCode') await assertGranted(grants, payload);
      await artifacts.upsert(kind, id, ofClient(kind, payload), kept(kind, ttlSeconds));
      if (kind !== 'Session') return;
      await upstreamSessions.note(payload, ttlSeconds);
      await devices.note(payload, ttlSeconds);
    },
    async destroy(id) {
      const found = await artifacts.destroy(kind, id);
      // A request resumes once: of two at the same instant one finds nothing more to resume.
      if (!found && kind === 'Interaction') throw new errors.SessionNotFound('the request was answered already');
    },
    // What belongs to a grant ends with it, by foreign key.
    revokeByGrantId: async () => {},
    async consume(id) {
      if (await consume(id)) return;
      // Somebody else was quicker: this is the second use, which ends the sign-in (RFC 6749 §4.1.2, RFC 9700 §4.14.2).
      const lost = await artifacts.find(kind, id);
      if (typeof lost?.payload.grantId === 'string') await revokeGrant(grants, lost.payload.grantId);
      if (kind === 'PushedAuthorizationRequest') throw new errors.InvalidRequest('request_uri was already used');
      throw new errors.InvalidGrant(`${kind} already used`);
    },
  };
}

/** What the person approved may end in the very moment in which its code is made: that is nobody's fault. */
async function assertGranted(grants: GrantStore, { grantId }: AdapterPayload): Promise<void> {
  if (grantId === undefined || (await grants.hold(grantId))) return;
  throw new errors.AccessDenied('what was approved was taken back meanwhile');
}

const UNDER_WAY = new Set(['Interaction', 'PushedAuthorizationRequest']);

/** Whose request is under way: such a client is not reaped, and one that is revoked loses what it pushed. */
function ofClient(kind: string, payload: AdapterPayload): AdapterPayload {
  if (!UNDER_WAY.has(kind)) return payload;
  const ctx = Provider.ctx as KoaContextWithOIDC | undefined;
  const clientId = payload.params?.client_id ?? ctx?.oidc.client?.clientId;
  return typeof clientId === 'string' ? { ...payload, clientId } : payload;
}

/** An expired device code is told from an unknown one (RFC 8628 §3.5): it is kept for a while, and its `exp` decides. */
function kept(kind: string, ttlSeconds: number | undefined): number | undefined {
  return kind === 'DeviceCode' && ttlSeconds !== undefined ? ttlSeconds + DEVICE_CODE_REMEMBERED_SECONDS : ttlSeconds;
}

/** As oidc-provider does it where it notices a second use itself: for the record. */
async function revokeGrant(grants: GrantStore, grantId: string): Promise<void> {
  const ctx = Provider.ctx as KoaContextWithOIDC | undefined;
  if ((await grants.destroy(grantId)) && ctx) ctx.oidc.provider.emit('grant.revoked', ctx, grantId);
}

/** `consumed` as oidc-provider reads it: seconds since the epoch. */
function present(stored: StoredArtifact | undefined): AdapterPayload | undefined {
  if (!stored) return undefined;
  const { payload, consumedAt } = stored;
  return consumedAt ? { ...payload, consumed: Math.floor(consumedAt.getTime() / 1000) } : payload;
}

const PRESENTED = new Set(['AuthorizationCode', 'RefreshToken', 'DeviceCode']);

/** For the record: whose code or token this request brought, also where oidc-provider refuses it before it says so. */
function noteWhose(kind: string, payload: AdapterPayload | undefined): AdapterPayload | undefined {
  const ctx = Provider.ctx as KoaContextWithOIDC | undefined;
  if (ctx && payload && PRESENTED.has(kind)) ctx.state.presented = payload;
  return payload;
}

function refreshTokenAdapter(deps: AdapterDeps): Adapter {
  const { artifacts, refreshTokens } = deps;
  return {
    ...artifactAdapter('RefreshToken', deps, refreshTokens.consume),
    find: async (id) => noteWhose('RefreshToken', present(await refreshTokens.find(id))),
    // The successor has one name however many callers compute it; only the first of them writes it.
    upsert: async (id, payload, ttlSeconds) => {
      await artifacts.insert('RefreshToken', id, payload, ttlSeconds);
    },
  };
}

function grantAdapter({ grants }: AdapterDeps): Adapter {
  return unsupported('Grant', {
    find: (id) => grants.find(id),
    upsert: (id, payload, ttlSeconds) => grants.upsert(id, payload, ttlSeconds ?? 0),
    async destroy(id) {
      await grants.destroy(id);
    },
  });
}

/** Access tokens are JWTs (RFC 9068) and not stored: only the request that carries one can find it. */
function accessTokenAdapter(kind: 'AccessToken' | 'ClientCredentials', deps: AdapterDeps): Adapter {
  const { accessTokens, clients } = deps;
  return unsupported(kind, {
    async find(id) {
      const found = await accessTokens.find(kind, id);
      if (!found?.clientId || isSynthetic(found.clientId)) return found;
      if (kind === 'AccessToken') return (await isStillThere(found.clientId)) ? found : undefined;
      // A person's token ends with its grant; a service's has none and ends with the service.
      const client = await clients.find(found.clientId);
      return client && !client.revokedAt ? found : undefined;
    },
    destroy: (id) => accessTokens.revoke(id),
    // They end with their grant.
    revokeByGrantId: async () => {},
  });
}

/**
 * oidc-provider looks for a token's client after its grant. What is read of its document now may end that grant; and that
 * it cannot be read is no fault of the server that asks about the token.
 */
async function isStillThere(clientId: string): Promise<boolean> {
  const ctx = Provider.ctx as KoaContextWithOIDC | undefined;
  try {
    return (await ctx?.oidc.provider.Client.find(clientId)) !== undefined;
  } catch (error) {
    if (error instanceof errors.OIDCProviderError) return false;
    throw error;
  }
}

function clientAdapter({ clients, consents, audit, suspendChanged }: AdapterDeps): Adapter {
  return unsupported('Client', {
    async find(id) {
      const record = await clients.find(id);
      if (!record) return undefined;
      if (record.revokedAt) {
        if (record.origin === 'document') throw new errors.InvalidClientAuth('client is revoked');
        return undefined;
      }
      // A document is read anew by oidc-provider; the row only anchors its consents.
      return record.origin === 'document' ? undefined : withMarks(record);
    },
    async upsert(id, payload) {
      const { client_secret: secret, consentry_origin: _o, consentry_kind: _k, ...metadata } = payload;
      const stored = typeof secret === 'string' ? await secretToStore(clients, id, secret) : undefined;
      await clients.saveRegistration(id, metadata as ClientMetadata, stored);
      await suspendChanged(id, metadata);
    },
    // RFC 7592 §2.3: what was granted to the client ends with it.
    async destroy(id) {
      await clients.revoke(id);
      // What a proxy got for it too.
      const ended = await consents.revoke([{ clientId: id }, { downstreamClientId: id }], 'client_deleted');
      for (const { id: consentId, accountId, clientId, resourceUri: resource, scopes } of ended) {
        const subject = { accountId, clientId, resource, scopes, consentId };
        await audit.record(events.consentRevoked(subject, {}, 'client_deleted'));
      }
    },
  });
}

/** Server-owned marks that a client can read nowhere and set by no means; the hash stands where the secret was. */
function withMarks(record: ClientRecord): AdapterPayload {
  return {
    ...record.metadata,
    ...(record.secretHash ? { client_secret: record.secretHash } : {}),
    consentry_origin: record.origin,
    consentry_kind: record.kind,
    ...(record.kind === 'proxy' ? { authorization_details_types: [ACTING_FOR] } : {}),
  } as AdapterPayload;
}

/** An update of a registration brings the stored hash back, not a secret. */
async function secretToStore(clients: ClientStore, id: string, secret: string): Promise<string> {
  const before = await clients.find(id);
  return before?.secretHash === secret ? secret : hashClientSecret(secret);
}

function unsupported(kind: string, adapter: Partial<Adapter>): Adapter {
  const never = (method: string) => async () => {
    throw new Error(`${kind}.${method} is never used`);
  };
  return {
    find: never('find'),
    findByUid: never('findByUid'),
    findByUserCode: never('findByUserCode'),
    upsert: never('upsert'),
    destroy: never('destroy'),
    revokeByGrantId: never('revokeByGrantId'),
    consume: never('consume'),
    ...adapter,
  } as Adapter;
}
