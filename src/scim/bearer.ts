/** Who asks: the bearer token of a directory (RFC 6750 §2.1), and nothing else; cookies say nothing here. */
import type { Context } from 'koa';
import type { Audit } from '../audit/store.ts';
import type { ConnectionStore } from '../federation/connection-store.ts';
import { createDirectory, type Directory, issuerOfPeople } from './directory.ts';
import { ScimFault } from './fault.ts';
import type { ScimTokenStore } from './token-store.ts';

const BEARER = /^Bearer ([\w.~+/-]{1,4096}=*)$/i;

export function createBearer(deps: {
  tokens: ScimTokenStore;
  connectionStore: Pick<ConnectionStore, 'find'>;
  audit: Pick<Audit, 'count'>;
}) {
  const { tokens, connectionStore, audit } = deps;

  /** Counted and not recorded: strangers could fill the record. */
  function refuse(ctx: Context, reason: string): never {
    audit.count('scim.authentication', reason);
    const error = reason === 'no_token' ? '' : ', error="invalid_token"';
    ctx.set('WWW-Authenticate', `Bearer realm="scim"${error}`);
    throw new ScimFault(401, undefined, 'The bearer token is missing, unknown, expired or revoked.');
  }

  /** @throws ScimFault 401, 403 */
  return async function authenticate(ctx: Context): Promise<Directory> {
    const given = BEARER.exec(ctx.get('authorization'))?.[1];
    if (given === undefined) return refuse(ctx, 'no_token');
    const token = await tokens.findValid(given);
    if (!token) return refuse(ctx, 'unknown_token');
    const connection = await connectionStore.find(token.connectionId);
    if (!connection || connection.removedAt) return refuse(ctx, 'connection_removed');
    const issuer = issuerOfPeople(connection);
    if (issuer === undefined)
      throw new ScimFault(403, undefined, 'People of several tenants come by this connection: it takes no SCIM.');
    await tokens.noteUse(token);
    return createDirectory(connection, issuer, token.id);
  };
}
