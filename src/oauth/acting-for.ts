/**
 * For whom a proxy asks: `authorization_details` of type `urn:consentry:acting-for` (RFC 9396), taken only from a
 * pushed request that the proxy authenticated (RFC 9126) or a request object that it signed (RFC 9101).
 */
import { decodeJwt } from 'jose';
import { type Client, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { ACTING_FOR, type DownstreamClients } from '../clients/downstream.ts';
import type { Downstream } from '../consents/consent.ts';
import type { ArtifactStore } from '../storage/artifacts.ts';
import type { GrantStore } from '../storage/grants.ts';
import { FetchFailed } from '../web/fetch-failed.ts';
import { type Fields, single } from '../web/request-body.ts';

const PARAMETER = 'authorization_details';
const MEMBERS = new Set(['type', 'client_id', 'redirect_uri']);

/** oidc-provider's `features.richAuthorizationRequests`. */
export function richAuthorizationRequests({ downstreamClients }: { downstreamClients: DownstreamClients }) {
  return {
    enabled: true,
    types: {
      [ACTING_FOR]: {
        validate: (ctx: KoaContextWithOIDC, _detail: unknown, client: Client) =>
          assertActingFor(ctx, client, downstreamClients),
      },
    },
    authorizationDetailsForGrantSource: (ctx: KoaContextWithOIDC) => grantedDetails(ctx),
    authorizationDetailsForAccessToken: (ctx: KoaContextWithOIDC) => grantedDetails(ctx),
    authorizationDetailsForIntrospection: (_ctx: KoaContextWithOIDC, token: { rar?: unknown }) => token.rar,
  };
}

/** @returns undefined where the value is not exactly one entry of this type */
function parseActingFor(value: string): Downstream | undefined {
  try {
    const details: unknown = JSON.parse(value);
    const [entry, second] = Array.isArray(details) ? details : [];
    if (second !== undefined || typeof entry !== 'object' || entry === null) return undefined;
    const { type, client_id: clientId, redirect_uri: redirectUri } = entry as Record<string, unknown>;
    if (type !== ACTING_FOR || typeof clientId !== 'string' || typeof redirectUri !== 'string') return undefined;
    return Object.keys(entry).every((member) => MEMBERS.has(member)) ? { clientId, redirectUri } : undefined;
  } catch {
    return undefined;
  }
}

/** Whom a pushed request names, before anything of it was checked: only to read that client's document ahead. */
export function namedIn({ authorization_details: plain, request }: Fields): Downstream | undefined {
  if (typeof plain === 'string') return parseActingFor(plain);
  try {
    const details = typeof request === 'string' ? decodeJwt(request)[PARAMETER] : undefined;
    return parseActingFor(typeof details === 'string' ? details : JSON.stringify(details));
  } catch {
    return undefined;
  }
}

/** Whom the grant names under which a refresh token was given: for the same. */
export async function grantedIn(
  fields: Fields,
  { artifacts, grants }: { artifacts: Pick<ArtifactStore, 'find'>; grants: Pick<GrantStore, 'find'> },
): Promise<Downstream | undefined> {
  const token = single(fields, 'refresh_token');
  const stored = token ? await artifacts.find('RefreshToken', token) : undefined;
  const grantId = stored?.payload.grantId;
  const grant = typeof grantId === 'string' ? await grants.find(grantId) : undefined;
  return grant?.actingFor as Downstream | undefined;
}

/** Whom the request names; its parameters have been checked before. */
export function actingFor(params: Record<string, unknown>): Downstream | undefined {
  return typeof params[PARAMETER] === 'string' ? parseActingFor(params[PARAMETER]) : undefined;
}

/** The `act` claim: outermost who presents the token (RFC 8693 §4.1). */
export function actClaim(clientId: string, downstream: Downstream | undefined): object {
  return { act: { sub: clientId, ...(downstream ? { act: { sub: downstream.clientId } } : {}) } };
}

function detailsOf({ clientId, redirectUri }: Downstream): [{ type: string } & Record<string, string>] {
  return [{ type: ACTING_FOR, client_id: clientId, redirect_uri: redirectUri }];
}

/**
 * A token request may repeat for whom the proxy acts, never name somebody else (RFC 9396 §6).
 * @throws InvalidGrant
 */
export function assertSameDownstream(ctx: KoaContextWithOIDC, granted: Downstream | undefined): void {
  const asked: unknown = ctx.state.repeatedDetails;
  if (asked === undefined) return;
  const named = parseActingFor(String(asked));
  const same = named && granted && named.clientId === granted.clientId && named.redirectUri === granted.redirectUri;
  if (!same) throw new errors.InvalidGrant('the token would be for another downstream client');
}

function grantedDetails(ctx: KoaContextWithOIDC) {
  const grant = ctx.oidc.entities.Grant as { actingFor?: Downstream } | undefined;
  return grant?.actingFor && detailsOf(grant.actingFor);
}

async function assertActingFor(ctx: KoaContextWithOIDC, client: Client, clients: DownstreamClients): Promise<void> {
  const { oidc } = ctx;
  const value = String(oidc.params?.[PARAMETER]);
  if (oidc.route === 'token') return keepForMint(ctx, value);
  if (!authenticated(ctx, client)) {
    throw new errors.InvalidRequest('authorization_details must be pushed (RFC 9126) or signed (RFC 9101)');
  }
  if (client.consentry_kind !== 'proxy') {
    throw new errors.InvalidRequest('only a client that was added as a proxy acts for another');
  }
  if ((JSON.parse(value) as unknown[]).length !== 1) {
    throw new errors.InvalidRequest('authorization_details must have exactly one entry');
  }
  const named = parseActingFor(value);
  if (!named) {
    throw new errors.InvalidAuthorizationDetails(
      `an entry has these members, each a string: ${[...MEMBERS].join(', ')}`,
    );
  }
  const found = await findFit(ctx, named, clients);
  if (!found) throw new errors.InvalidAuthorizationDetails('the client is not known here, or nobody can act for it');
  if (!found.redirectRegistered) {
    throw new errors.InvalidAuthorizationDetails('redirect_uri is not one of the client');
  }
}

/**
 * At the token endpoint nothing new is named: what is repeated there is compared with the grant, once that is known.
 * oidc-provider sees nothing of it, because it would then want `resource` repeated too.
 */
function keepForMint(ctx: KoaContextWithOIDC, value: string): void {
  const { params } = ctx.oidc;
  ctx.state.repeatedDetails ??= value;
  if (params) params[PARAMETER] = undefined;
}

/** Under the rules for a client that comes itself: oidc-provider has some beside our own. */
async function findFit({ oidc }: KoaContextWithOIDC, named: Downstream, clients: DownstreamClients) {
  try {
    const itself = await oidc.provider.Client.find(named.clientId);
    return itself && (await clients.find(named, 'host'));
  } catch (cause) {
    if (!isClientFault(cause)) throw cause;
    throw new errors.InvalidAuthorizationDetails('the client cannot be read or is not fit', { cause } as never);
  }
}

/** PAR by a public client is not trusted; a request object is when its signature was verified. */
function authenticated({ oidc }: KoaContextWithOIDC, client: Client): boolean {
  const trusted = (oidc as unknown as { trusted?: string[] }).trusted;
  if (trusted?.includes(PARAMETER)) return true;
  return oidc.route === 'pushed_authorization_request' && client.clientAuthMethod !== 'none';
}

function isClientFault(cause: unknown): boolean {
  return cause instanceof errors.OIDCProviderError || cause instanceof FetchFailed;
}
