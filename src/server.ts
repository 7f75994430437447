/** The composition root: builds the edges over the rooms, mounts them, serves. */
import { createServer, type Server } from 'node:http';
import type { Middleware } from 'koa';
import mount from 'koa-mount';
import { accountRoutes } from './account/password.ts';
import { returningToAccount, sendingAway } from './account/upstream-return.ts';
import { waysInRoutes } from './account/ways-in.ts';
import { createDownstreamClients } from './clients/downstream.ts';
import { createLogos } from './clients/logo.ts';
import { createLogoStore } from './clients/logo-store.ts';
import { createMetadataDocuments } from './clients/metadata-document.ts';
import { createMetadataPolicy } from './clients/metadata-policy.ts';
import type { Config } from './config.ts';
import { createAlarms } from './federation/alarms.ts';
import type { Connections } from './federation/connection.ts';
import { createLegCookie } from './federation/leg-cookie.ts';
import { createLegs } from './federation/legs.ts';
import { createLiveness } from './federation/liveness.ts';
import { createLivenessStore } from './federation/liveness-store.ts';
import { makeConnection } from './federation/make.ts';
import { createRegistry } from './federation/registry.ts';
import { createTrips } from './federation/trips.ts';
import { homeRoutes } from './home.ts';
import { approvalRoutes } from './interaction/approval-routes.ts';
import { createBrowserBinding } from './interaction/browser-binding.ts';
import { beforeResume } from './interaction/resume.ts';
import { interactionRoutes } from './interaction/routes.ts';
import { upstreamRoutes } from './interaction/upstream.ts';
import { upstreamLogoutRoutes } from './interaction/upstream-logout.ts';
import { logoRoutes } from './logos.ts';
import { createDelivery } from './notices/delivery.ts';
import { createSinks } from './notices/sinks.ts';
import { createOutboxStore } from './notices/store.ts';
import { createAccessTokens } from './oauth/access-tokens.ts';
import { actingFor } from './oauth/acting-for.ts';
import { createConfiguration } from './oauth/configuration.ts';
import { createLogoutDelivery } from './oauth/logout-delivery.ts';
import { createMint } from './oauth/mint.ts';
import { createProviderPages } from './oauth/pages.ts';
import { createPersonClaims } from './oauth/person-claims.ts';
import { createPress } from './oauth/press.ts';
import { createProvider } from './oauth/provider.ts';
import { createRefreshTokens } from './oauth/refresh-tokens.ts';
import { createResourceIndicators } from './oauth/resource-indicators.ts';
import { oauthRoutes } from './oauth/routes.ts';
import { createStopRedirect } from './oauth/stop-redirect.ts';
import type { Rooms } from './rooms.ts';
import { scimRoutes } from './scim/routes.ts';
import { isDatabaseUnavailable } from './storage/database.ts';
import { sweep } from './storage/sweep.ts';
import { createApp } from './web/app.ts';
import { createBrowsers } from './web/browser.ts';
import { createCsrf } from './web/csrf.ts';
import { createEgress } from './web/egress.ts';
import type { Log } from './web/log.ts';
import { inRequest } from './web/request-context.ts';
import { createClientAddress, pinOrigin } from './web/request-origin.ts';
import { createRespond } from './web/respond.ts';
import { securityHeaders } from './web/security-headers.ts';
import { readStaticFiles } from './web/static.ts';
import { createViews } from './web/views.ts';

export interface ServerDeps {
  config: Config;
  rooms: Rooms;
  log: Log;
  /** Listens already, where the caller needed its port before the issuer was known. */
  listener?: Server;
  /** Upstream identity providers, where they are not those that are configured. */
  connections?: Connections | undefined;
}

const SWEEP_EVERY_MS = 60_000;
const FLUSH_EVERY_MS = 5_000;
const DELIVER_EVERY_MS = 5_000;
const LOGOS_EVERY_MS = 60_000;
const ALARMS_EVERY_MS = 60_000;
const REAP_EVERY_MS = 15 * 60_000;
const DRAIN_MS = 8_000;

/** Serves until `close`, which lets requests under way finish. */
export async function startServer({ config, rooms, log, listener, connections }: ServerDeps) {
  const { app, close, logos, logoutDelivery } = await createEdges({ config, rooms, log, connections });
  const server = listener ?? createServer();
  server.requestTimeout = 30_000;
  server.headersTimeout = 15_000;
  server.on('request', app.callback());
  if (!listener) await listen(server, config);
  const sinks = { ...createSinks(config, rooms.now), client: logoutDelivery };
  const delivery = createDelivery({ ...rooms, store: createOutboxStore(rooms.database), sinks, log });
  const alarms = createAlarms({ ...rooms, store: rooms.connectionStore });
  const timers = [
    every(ALARMS_EVERY_MS, () => inRequest('system', () => alarms.run()), log),
    every(SWEEP_EVERY_MS, () => sweep(rooms.database, rooms.now()), log),
    every(FLUSH_EVERY_MS, () => rooms.audit.flush(), log),
    every(DELIVER_EVERY_MS, () => delivery.deliver(), log),
    every(SWEEP_EVERY_MS, () => delivery.sweep(), log),
    every(LOGOS_EVERY_MS, () => logos.refresh(), log),
    every(REAP_EVERY_MS, () => inRequest('system', () => rooms.reaping.run()), log),
  ];
  return {
    url: config.issuer,
    async close(): Promise<void> {
      for (const timer of timers) clearInterval(timer);
      await Promise.all([drain(server), delivery.close()]);
      close();
      await rooms.audit.flush().catch((error: unknown) => log.warn({ err: error }, 'counted refusals were lost'));
    },
  };
}

async function createEdges({ config, rooms, log, connections }: ServerDeps) {
  const https = config.issuer.startsWith('https:');
  const hmac = rooms.sealing.hmac;
  const statics = readStaticFiles();
  const views = createViews({ brandName: config.brandName, supportUrl: config.supportUrl, statics });
  const respond = createRespond({ views });
  const cookieKeys = [rooms.sealing.derive('cookies', 32).toString('base64url')];
  const egress = createEgress(config);
  // Strangers choose what the other one fetches, and must not keep anybody from their provider.
  const toProviders = createEgress(config);
  const oauth = await createOauth({ config, rooms, respond, cookieKeys, egress, log });
  const { provider, accessTokens, documents, downstreamClients } = oauth;
  const resumeCookie = provider.cookieName('resume');
  const { bindInteractions, assertSameBrowser } = createBrowserBinding({ https, hmac, resumeCookie });
  const make = makeConnection({ fetch: toProviders.fetch, now: rooms.now });
  const logos = createLogos({ egress, store: createLogoStore(rooms), now: rooms.now, log });
  const shared = {
    respond,
    provider,
    downstreamClients,
    actingFor,
    assertSameBrowser,
    logos,
    connections:
      connections ??
      createRegistry({
        ...rooms,
        store: rooms.connectionStore,
        make,
        fetch: toProviders.fetch,
        issuer: config.issuer,
        log,
      }),
    issuer: config.issuer,
    https,
    clientAddress: createClientAddress(config.trustedProxies),
    browsers: createBrowsers({ https, hmac }),
    csrf: createCsrf({ issuer: config.issuer, hmac }),
    interactionCookie: provider.cookieName('interaction'),
    ...rooms,
  };
  const legs = createLegs(rooms);
  const trips = createTrips({ ...shared, legs, legCookie: createLegCookie({ https, hmac }) });
  const abroad = { ...shared, trips, returnToAccount: returningToAccount({ ...shared, trips }) };
  const interaction = interactionRoutes(abroad);
  const approval = approvalRoutes(abroad);
  const upstream = upstreamRoutes(abroad);
  const upstreamLogout = upstreamLogoutRoutes(shared);
  const account = accountRoutes(shared);
  const waysIn = waysInRoutes({ ...shared, sendAway: sendingAway({ trips, respond }) });
  const home = homeRoutes({ respond, database: rooms.database, issuer: config.issuer });
  const stopRedirect = createStopRedirect({ ...rooms, respond });
  const liveness = createLiveness({
    ...shared,
    store: createLivenessStore(rooms),
    end: rooms.leavers.endUpstream,
    recompute: rooms.roles.recompute,
    log,
  });
  provider.on('server_error', (ctx, error) => {
    ctx.state.failure = error;
  });
  // Has units of its own: what it refuses is rolled back, and its errors are the protocol's.
  const scim = scimRoutes({ ...rooms, issuer: config.issuer, isDatabaseUnavailable, log });
  const app = createApp({
    database: rooms.database,
    log,
    respond,
    cookieKeys,
    isDatabaseUnavailable,
    before: [securityHeaders({ https }), pinOrigin(config), statics.middleware, scim],
    routes: [
      // Two typings of the same koa.
      ...[home, logoRoutes({ logos }), interaction, approval, upstream, upstreamLogout, account, waysIn].map(
        (router) => router.routes() as unknown as Middleware,
      ),
      bindInteractions,
      beforeResume({ provider, documents, resumeCookie }),
      oauthRoutes({ ...rooms, documents, accessTokens, respond, stopRedirect, liveness }),
      mount(provider as never),
    ],
  });
  const close = () => {
    egress.close();
    toProviders.close();
  };
  return { app, close, logos, logoutDelivery: createLogoutDelivery({ provider, egress }) };
}

async function createOauth(deps: {
  config: Config;
  rooms: Rooms;
  respond: ReturnType<typeof createRespond>;
  cookieKeys: string[];
  egress: ReturnType<typeof createEgress>;
  log: Log;
}) {
  const { config, rooms, respond, cookieKeys, egress } = deps;
  const { jwks, publicJwks } = await rooms.keyset.load();
  const accessTokens = createAccessTokens({ ...rooms, issuer: config.issuer, jwks: () => publicJwks });
  const refreshTokens = createRefreshTokens({ ...rooms, graceSeconds: config.refreshGraceSeconds });
  const resourceIndicators = createResourceIndicators(rooms);
  const policy = createMetadataPolicy({ issuer: config.issuer });
  const { now, clients, documents: copies } = rooms;
  const documents = createMetadataDocuments({
    egress,
    store: copies,
    policy,
    isHeld: () => rooms.database.isOpen(),
    now,
  });
  const downstreamClients = createDownstreamClients({ clients, documents, policy });
  const configuration = createConfiguration({
    config,
    jwks,
    cookieKeys,
    dpopNonceSecret: rooms.sealing.derive('dpop-nonce', 32),
    adapter: { ...rooms, accessTokens, refreshTokens },
    clients: rooms.clients,
    resources: rooms.resources,
    resourceIndicators,
    mint: createMint({ ...rooms, accounts: rooms.accountStore, resourceIndicators, downstreamClients }),
    press: createPress({ ...rooms, resourceIndicators, downstreamClients }),
    personClaims: createPersonClaims({ ...rooms, accounts: rooms.accountStore }),
    downstreamClients,
    pages: createProviderPages({ respond }),
    extraClientMetadata: policy.extraClientMetadata as never,
    fetch: documents.fetch as never,
  });
  const provider = createProvider({ issuer: config.issuer, configuration, refreshTokens, ...rooms });
  return { provider, accessTokens, documents, downstreamClients };
}

function listen(server: Server, { host, port }: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Stops accepting, lets what is under way finish, and cuts what does not. */
async function drain(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await closed;
  clearTimeout(cut);
}

function every(ms: number, work: () => Promise<unknown>, log: Log): NodeJS.Timeout {
  let running = false;
  const timer = setInterval(async () => {
    if (running) return;
    running = true;
    await work().catch((error: unknown) => log.warn({ err: error }, 'background work failed'));
    running = false;
  }, ms);
  return timer.unref();
}
