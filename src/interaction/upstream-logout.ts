/** Where providers say that somebody signed out there (OpenID Connect Back-Channel and Front-Channel Logout 1.0). */
import Router from '@koa/router';
import type { Context } from 'koa';
import type { Audit } from '../audit/store.ts';
import { AppError } from '../errors.ts';
import type { Connection, Connections, LogoutToken } from '../federation/connection.ts';
import type { ArtifactStore } from '../storage/artifacts.ts';
import type { UpstreamLogouts } from '../upstream-logouts.ts';
import { readForm, single } from '../web/request-body.ts';
import { isStorable } from '../web/storable-text.ts';

export interface UpstreamLogoutDeps {
  connections: Connections;
  upstreamLogouts: UpstreamLogouts;
  artifacts: Pick<ArtifactStore, 'insert'>;
  audit: Pick<Audit, 'count'>;
  now: () => Date;
}

const MAX_SID_CHARACTERS = 255;

export function upstreamLogoutRoutes(deps: UpstreamLogoutDeps): Router {
  const router = new Router({ prefix: '/federation' });
  router.get('/:connectionId/frontchannel-logout', async (ctx) => {
    ctx.set('Cache-Control', 'no-store');
    await frontChannel(ctx, await connectionOf(ctx, deps), deps);
  });
  router.post('/:connectionId/backchannel-logout', async (ctx) => {
    ctx.set('Cache-Control', 'no-store');
    // Programs read JSON, whatever they say they accept.
    ctx.req.headers.accept = 'application/json';
    await backChannel(ctx, await connectionOf(ctx, deps), deps);
  });
  return router;
}

async function connectionOf(ctx: Context, { connections }: UpstreamLogoutDeps): Promise<Connection> {
  const connection = await connections.find(String(ctx.params.connectionId));
  if (!connection) throw new AppError('not_found', 404, 'There is nothing at this address.');
  return connection;
}

/**
 * In a frame on the provider's page, where our cookies may not come along: the session is found by what the provider
 * calls it. Whether there was one shows in no answer.
 */
async function frontChannel(ctx: Context, connection: Connection, deps: UpstreamLogoutDeps): Promise<void> {
  const { iss, sid } = ctx.query;
  ctx.type = 'html';
  ctx.body = '';
  if (typeof iss !== 'string' || typeof sid !== 'string' || sid === '' || sid.length > MAX_SID_CHARACTERS) return;
  if (!isStorable(sid)) return;
  if (!(await connection.logout.isIssuer(iss))) {
    deps.audit.count('upstream_logout.refused', 'other_issuer');
    return;
  }
  allowFrame(ctx, iss);
  await deps.upstreamLogouts.end({ connectionId: connection.id, issuer: iss, sid });
}

/** By the provider alone: there is nothing on this page, and other pages stay unframed. */
function allowFrame(ctx: Context, issuer: string): void {
  ctx.remove('X-Frame-Options');
  ctx.state.contentSecurityPolicy = `default-src 'none'; frame-ancestors ${new URL(issuer).origin}`;
}

/** 200 where it was done, also where there was nothing to do; else 400 (Back-Channel Logout 1.0 §2.8). */
async function backChannel(ctx: Context, connection: Connection, deps: UpstreamLogoutDeps): Promise<void> {
  const fields = await readForm(ctx);
  const token = fields && single(fields, 'logout_token');
  if (!token) throw refused('there is no logout_token');
  const told = await verified(connection, token, deps);
  if (!(await isNew(connection, told, deps))) throw refused('replay');
  const { issuer, sid, subject } = told;
  const whose = sid === undefined ? { subject: String(subject) } : { sid, subject };
  await deps.upstreamLogouts.end({ connectionId: connection.id, issuer, ...whose });
  ctx.status = 200;
  ctx.body = '';
}

/** Before the first write: the provider's keys may have to be fetched. */
async function verified(connection: Connection, token: string, { audit }: UpstreamLogoutDeps): Promise<LogoutToken> {
  try {
    return await connection.logout.verifyToken(token);
  } catch (error) {
    if (!(error instanceof AppError) || error.status >= 500) throw error;
    audit.count('upstream_logout.refused', 'invalid_token');
    throw refused(error.detail ?? error.code);
  }
}

/** Each token counts once, for as long as it would count at all. */
function isNew(connection: Connection, { jti, expiresAtSeconds }: LogoutToken, deps: UpstreamLogoutDeps) {
  const ttlSeconds = Math.max(1, expiresAtSeconds - Math.floor(deps.now().getTime() / 1000));
  return deps.artifacts.insert('ReplayDetection', `logout ${connection.id} ${jti}`, {}, ttlSeconds);
}

function refused(detail: string): AppError {
  return new AppError('invalid_request', 400, 'The logout token is not accepted.', { detail });
}
