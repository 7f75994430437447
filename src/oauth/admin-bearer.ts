/**
 * Access tokens at the administration API (RFC 6750, RFC 9068 §4). What the person, the client and the consent are is asked
 * anew at every call, so that whatever ends one of them ends the token.
 */

import type { JWTPayload } from 'jose';
import type { Context } from 'koa';
import { ADMIN_READ, ADMIN_WRITE, adminApiUri, adminScopesOf, mayAskForAdminApi } from '../admin-api.ts';
import type { ClientStore } from '../clients/store.ts';
import type { ConsentStore } from '../consents/store.ts';
import { AppError } from '../errors.ts';
import type { ResourceStore } from '../resources/store.ts';
import type { AuthorityStore } from '../roles/authority-store.ts';
import type { GrantStore } from '../storage/grants.ts';
import type { AccessTokens } from './access-tokens.ts';

export interface AdminBearerDeps {
  issuer: string;
  accessTokens: Pick<AccessTokens, 'read'>;
  grants: Pick<GrantStore, 'find'>;
  consents: Pick<ConsentStore, 'findById'>;
  clients: Pick<ClientStore, 'find'>;
  resources: Pick<ResourceStore, 'findByUri'>;
  authority: AuthorityStore;
}

/** For whom a token stands, and how far. */
export interface VerifiedBearer {
  accountId: string;
  clientId: string;
  /** Of the token, as far as consent and roles still reach: never none. */
  scopes: readonly string[];
  /** When the person proved to be there, in seconds since the epoch. */
  authTimeSeconds: number;
  tokenId: string;
  consentId: string;
}

/** RFC 6750 §3 allows no quotation mark or backslash inside these, and we write none. */
interface Challenge {
  error?: 'invalid_token' | 'insufficient_scope';
  description?: string;
  scope?: string;
}

const WELL_KNOWN = '/.well-known/oauth-protected-resource';

export function createAdminBearer(deps: AdminBearerDeps) {
  const { issuer, accessTokens } = deps;
  const uri = adminApiUri(issuer);
  const metadataPath = `${WELL_KNOWN}${new URL(uri).pathname}`;

  function challenge(ctx: Context, { error, description, scope }: Challenge): void {
    const parameters = { error, error_description: description, scope, resource_metadata: `${issuer}${metadataPath}` };
    const written = Object.entries(parameters).filter(([, value]) => value !== undefined);
    ctx.set('WWW-Authenticate', `Bearer ${written.map(([name, value]) => `${name}="${value}"`).join(', ')}`);
    ctx.set('Access-Control-Expose-Headers', 'WWW-Authenticate');
  }

  /** @returns undefined where the token is not good here, for whatever reason */
  async function verify(token: string): Promise<VerifiedBearer | undefined> {
    const claims = await accessTokens.read(token);
    const stated = claims && parseClaims(claims, uri);
    return stated && living(stated, uri, deps);
  }

  return {
    verify,
    /**
     * Whom a request's token stands for.
     * @throws AppError 401 `invalid_token`, having set `WWW-Authenticate`
     */
    async bearerOf(ctx: Context): Promise<VerifiedBearer> {
      const [, token] = /^Bearer +([\w.~+/=-]+)$/i.exec(ctx.get('authorization')) ?? [];
      const bearer = token === undefined ? undefined : await verify(token);
      if (bearer) return bearer;
      // Without a token nothing is wrong with what was not sent (RFC 6750 §3.1).
      const scope = `${ADMIN_READ} ${ADMIN_WRITE}`;
      const description = 'The access token is not good here';
      challenge(ctx, token === undefined ? { scope } : { error: 'invalid_token', description, scope });
      throw new AppError('invalid_token', 401, 'Bring an access token for the administration API.');
    },
    /** Says that the token does not reach far enough (RFC 6750 §3.1). */
    challenge(ctx: Context, error: 'insufficient_scope', scope: string): void {
      challenge(ctx, { error, description: 'The token lacks a scope', scope });
    },
    /** The RFC 9728 document of the administration API, and its path. */
    metadata: {
      path: metadataPath,
      document: {
        resource: uri,
        authorization_servers: [issuer],
        scopes_supported: [ADMIN_READ, ADMIN_WRITE],
        bearer_methods_supported: ['header'],
        resource_name: 'Consentry administration',
      },
    },
  };
}

export type AdminBearer = ReturnType<typeof createAdminBearer>;

interface Stated {
  sub: string;
  clientId: string;
  grantId: string;
  tokenId: string;
  authTimeSeconds: number;
  scopes: readonly string[];
}

/** A person's own token for exactly this audience: nobody acts for somebody else here, and no token is bound to a key. */
function parseClaims(claims: JWTPayload, uri: string): Stated | undefined {
  const { sub, aud, gid, jti, scope, act, cnf, client_id: clientId, auth_time: authTimeSeconds } = claims;
  if (aud !== uri || act !== undefined || cnf !== undefined || typeof authTimeSeconds !== 'number') return undefined;
  if (sub === undefined || jti === undefined || typeof gid !== 'string' || typeof clientId !== 'string')
    return undefined;
  const scopes = typeof scope === 'string' ? scope.split(' ').filter(Boolean) : [];
  return { sub, clientId, grantId: gid, tokenId: jti, authTimeSeconds, scopes };
}

/** One question after the other, the cheapest that says no first: grant, consent, client, roles. */
async function living(
  { sub: accountId, clientId, grantId, tokenId, authTimeSeconds, scopes }: Stated,
  uri: string,
  { grants, consents, clients, resources, authority }: AdminBearerDeps,
): Promise<VerifiedBearer | undefined> {
  // Gone with its consent, with the account's access and with the client.
  const grant = await grants.find(grantId);
  if (grant?.accountId !== accountId || grant.clientId !== clientId) return undefined;
  const resource = await resources.findByUri(uri);
  const consent = await consents.findById(String(grant.consentId));
  if (!resource?.builtIn || consent?.resourceId !== resource.id) return undefined;
  if (!mayAskForAdminApi(await clients.find(clientId))) return undefined;
  const reach = adminScopesOf(await authority.of(accountId));
  const left = scopes.filter((scope) => reach.includes(scope) && consent.scopes.includes(scope));
  return left.length === 0
    ? undefined
    : { accountId, clientId, scopes: left, authTimeSeconds, tokenId, consentId: consent.id };
}
