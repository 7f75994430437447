/** What stands around oidc-provider's routes: bodies put into canonical form before, answers mended after. */
import type { Context, Middleware } from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { ClientStore } from '../clients/store.ts';
import { canonicalResource } from '../resources/resource.ts';
import type { ResourceStore } from '../resources/store.ts';
import type { ArtifactStore } from '../storage/artifacts.ts';
import type { GrantStore } from '../storage/grants.ts';
import { readForm, replaceForm, single } from '../web/request-body.ts';
import type { Respond } from '../web/respond.ts';
import type { AccessTokens } from './access-tokens.ts';
import { grantedIn, namedIn } from './acting-for.ts';
import type { AdminBearer } from './admin-bearer.ts';
import { correctDiscovery } from './discovery.ts';
import { forgiveAgedHint, type LogoutHintDeps } from './logout-hint.ts';
import { renderLogout } from './pages.ts';
import { confirmSecret, withoutSecretHash } from './registration-secrets.ts';
import type { StopRedirect } from './stop-redirect.ts';
import { assureVouched, type VouchingDeps } from './vouching.ts';

export interface OauthRoutesDeps extends Pick<VouchingDeps, 'liveness'>, LogoutHintDeps {
  artifacts: Pick<ArtifactStore, 'find'>;
  grants: Pick<GrantStore, 'find'>;
  accessTokens: AccessTokens;
  /** Whose RFC 9728 document we serve ourselves. */
  adminBearer: Pick<AdminBearer, 'metadata'>;
  clients: ClientStore;
  resources: ResourceStore;
  respond: Respond;
  stopRedirect: StopRedirect;
  documents: { prepare(clientId: string): Promise<void> };
}

const FORM_ROUTES = new Set(['/par', '/token', '/device_authorization']);
const TOKEN_ROUTES = new Set(['/introspect', '/revoke']);

export function oauthRoutes(deps: OauthRoutesDeps): Middleware {
  return async (ctx, next) => {
    // oidc-provider also answers to `/Device` and `/device/`: what is done here must hold for every spelling.
    const path = ctx.path.toLowerCase().replace(/\/$/, '');
    if (path === '/authorize') canonicalizeQuery(ctx);
    // What resumes has its request already: where there is none, oidc-provider would answer one from the address, and fails.
    if (path.startsWith('/authorize/')) ctx.query = {};
    // A code that arrives in a link would be one press away from a phisher's device (RFC 8628 §5.4).
    if (path === '/device' && ctx.method !== 'POST') ctx.query = {};
    if (path.startsWith('/.well-known/') && allowAnyOrigin(ctx)) return;
    if (ctx.path === deps.adminBearer.metadata.path && ctx.method !== 'POST') {
      ctx.body = deps.adminBearer.metadata.document;
      return;
    }
    if (path === '/logout') await forgiveAgedHint(ctx, deps);
    // Programs read JSON whatever they say they accept (RFC 6749 §5.2, RFC 7591 §3.2.2).
    const posted = ctx.method === 'POST' && (FORM_ROUTES.has(path) || TOKEN_ROUTES.has(path));
    if (posted || path.startsWith('/register')) ctx.req.headers.accept = 'application/json';
    if (path.startsWith('/register')) return registration(ctx, next, deps);
    if (ctx.method === 'POST' && FORM_ROUTES.has(path)) await canonicalizeForm(ctx);
    if (ctx.method === 'POST' && (path === '/par' || path === '/token')) await prepareDownstream(ctx, deps);
    if (ctx.method === 'POST' && TOKEN_ROUTES.has(path)) return withToken(ctx, next, deps);
    await next();
    await mend(ctx as KoaContextWithOIDC, deps);
  };
}

async function mend(ctx: KoaContextWithOIDC, deps: OauthRoutesDeps): Promise<void> {
  if (!ctx.oidc) return;
  if (ctx.oidc.route === 'discovery' && ctx.status === 200) {
    ctx.body = await correctDiscovery(ctx.body as Record<string, unknown>, deps);
  }
  if (ctx.oidc.route === 'end_session' && ctx.status === 200 && !ctx.oidc.session?.accountId) {
    renderLogout(ctx, deps.respond);
  }
  await deps.stopRedirect(ctx);
}

/**
 * Clients in browsers try several addresses and have to be able to read the 404 of those that we do not have.
 *
 * @returns true where the request was a preflight and has been answered
 */
function allowAnyOrigin(ctx: Context): boolean {
  ctx.set('Access-Control-Allow-Origin', '*');
  if (ctx.method !== 'OPTIONS') return false;
  ctx.set('Access-Control-Allow-Methods', 'GET');
  ctx.set('Access-Control-Allow-Headers', ctx.get('access-control-request-headers') || 'mcp-protocol-version');
  ctx.set('Access-Control-Max-Age', '3600');
  ctx.status = 204;
  return true;
}

/** RFC 8707 §2 compares identifiers as strings; clients write `https://h/` for `https://h`. */
function canonicalizeQuery(ctx: Context): void {
  const { resource } = ctx.query;
  if (resource !== undefined) ctx.query = { ...ctx.query, resource: canonical(resource) };
}

async function canonicalizeForm(ctx: Context): Promise<void> {
  const fields = await readForm(ctx);
  if (fields)
    replaceForm(ctx, fields.resource === undefined ? fields : { ...fields, resource: canonical(fields.resource) });
}

function canonical(resource: string | string[]): string | string[] {
  const one = (value: string) => canonicalResource(value) ?? value;
  const all = [...new Set([resource].flat().map(one))];
  return all.length === 1 && all[0] !== undefined ? all[0] : all;
}

/**
 * Before the client's authentication opens a transaction: asks after the person at their provider, and reads the document
 * of the client that a proxy names, or got tokens for.
 */
async function prepareDownstream(ctx: Context, deps: OauthRoutesDeps): Promise<void> {
  const fields = await readForm(ctx);
  if (!fields) return;
  replaceForm(ctx, fields);
  await assureVouched(ctx, fields, deps);
  const named = (await grantedIn(fields, deps)) ?? namedIn(fields);
  if (named) await deps.documents.prepare(named.clientId);
}

/** Lets oidc-provider find a JWT access token, by a handle that only this request knows. */
async function withToken(ctx: Context, next: () => Promise<void>, { accessTokens }: OauthRoutesDeps): Promise<void> {
  const fields = await readForm(ctx);
  const token = fields && single(fields, 'token');
  if (!fields || !token || token.split('.').length !== 3) {
    if (fields) replaceForm(ctx, fields);
    return next();
  }
  await accessTokens.present(token, async (handle) => {
    // A JWT that is none of ours is a token nobody knows: inactive here, and nothing to revoke (RFC 7009 §2.2).
    replaceForm(ctx, { ...fields, token: handle ?? 'unknown' });
    await next();
  });
}

/** Browsers register clients too (RFC 7591), and no answer carries the hash of a secret. */
async function registration(ctx: Context, next: () => Promise<void>, { clients }: OauthRoutesDeps): Promise<void> {
  if (ctx.get('origin')) {
    ctx.vary('Origin');
    ctx.set('Access-Control-Allow-Origin', ctx.get('origin'));
    ctx.set('Access-Control-Expose-Headers', 'WWW-Authenticate');
  }
  if (ctx.method === 'OPTIONS') {
    ctx.set('Access-Control-Allow-Methods', 'POST, GET, PUT, DELETE');
    ctx.set('Access-Control-Allow-Headers', ctx.get('access-control-request-headers') || 'authorization, content-type');
    ctx.set('Access-Control-Max-Age', '3600');
    ctx.status = 204;
    return;
  }
  if (ctx.path.startsWith('/register/') && !ctx.get('authorization')) {
    // RFC 6750 §3.1: nothing was proven, so there is nothing more to say.
    ctx.set('WWW-Authenticate', 'Bearer');
    ctx.status = 401;
    ctx.body = { error: 'invalid_token', error_description: 'the registration access token is missing' };
    return;
  }
  if (ctx.method === 'PUT') await confirmSecret(ctx, clients);
  await next();
  await withoutSecretHash(ctx, clients);
}
