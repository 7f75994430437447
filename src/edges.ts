/** Builds every edge over the rooms and mounts them in one application. */
import type { Middleware } from 'koa';
import { hop } from './account/hop.ts';
import { parseOwnPath } from './account/paths.ts';
import { accountRoutes } from './account/routes.ts';
import { returningToAccount, sendingAway } from './account/upstream-return.ts';
import { createVisitors } from './account/visitor.ts';
import { adminRoutes } from './admin/routes.ts';
import { createLogos } from './clients/logo.ts';
import { createLogoStore } from './clients/logo-store.ts';
import { createEngine } from './engine.ts';
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
import { actingFor } from './oauth/acting-for.ts';
import { createAdminBearer } from './oauth/admin-bearer.ts';
import { createLogoutDelivery } from './oauth/logout-delivery.ts';
import { oauthRoutes } from './oauth/routes.ts';
import { createStopRedirect } from './oauth/stop-redirect.ts';
import { createChecks } from './resources/checks/checks.ts';
import { scimRoutes } from './scim/routes.ts';
import type { ServerDeps } from './server-deps.ts';
import { isDatabaseUnavailable } from './storage/database.ts';
import { createApp } from './web/app.ts';
import { createBrowsers } from './web/browser.ts';
import { createCsrf } from './web/csrf.ts';
import { createEgress } from './web/egress.ts';
import { createClientAddress, pinOrigin } from './web/request-origin.ts';
import { createRespond } from './web/respond.ts';
import { securityHeaders } from './web/security-headers.ts';
import { readStaticFiles } from './web/static.ts';
import { createViews } from './web/views.ts';

export async function createEdges(deps: ServerDeps) {
  const { config, rooms, log } = deps;
  const ground = createGround(deps);
  const { statics, respond, cookieKeys, https, hmac, egresses } = ground;
  const engine = await createEngine({ config, rooms, respond, cookieKeys, egress: egresses.toClients, log });
  const { provider, accessTokens, documents, keys } = engine;
  const adminBearer = createAdminBearer({ ...rooms, accessTokens });
  const resumeCookie = provider.cookieName('resume');
  const binding = createBrowserBinding({ https, hmac, resumeCookie });
  const shared = createShared(deps, ground, engine, binding);
  const stopRedirect = createStopRedirect({ ...rooms, respond });
  const liveness = createLiveness({
    ...shared,
    store: createLivenessStore(rooms),
    end: rooms.leavers.endUpstream,
    recompute: rooms.roles.recompute,
    log,
  });
  // Both have units of their own: what they refuse is rolled back.
  const scim = scimRoutes({ ...rooms, isDatabaseUnavailable, log });
  const admin = adminEdge(shared, { adminBearer, egresses, rooms, log });
  const app = createApp({
    ...{ database: rooms.database, log, respond, cookieKeys, isDatabaseUnavailable },
    before: [securityHeaders({ https }), pinOrigin(config), statics.middleware, scim, ...admin],
    routes: [
      ...peopleEdges(shared, { https, hmac }),
      binding.bindInteractions,
      beforeResume({ provider, documents, resumeCookie }),
      oauthRoutes({ ...rooms, documents, accessTokens, adminBearer, respond, stopRedirect, liveness }),
      engine.middleware,
    ],
  });
  const close = () => {
    for (const egress of Object.values(egresses)) egress.close();
  };
  const logoutDelivery = createLogoutDelivery({ provider, egress: egresses.toClients });
  return { app, close, logos: shared.logos, keys, logoutDelivery };
}

/** What no edge is without. */
function createGround({ config, rooms }: ServerDeps) {
  const https = config.issuer.startsWith('https:');
  const statics = readStaticFiles();
  const views = createViews({ brandName: config.brandName, supportUrl: config.supportUrl, statics });
  return {
    https,
    hmac: rooms.sealing.hmac,
    statics,
    respond: createRespond({ views, https }),
    cookieKeys: [rooms.sealing.derive('cookies', 32).toString('base64url')],
    egresses: {
      toClients: createEgress(config),
      // Strangers choose what the first one fetches, and must not keep anybody from their provider.
      toProviders: createEgress(config),
      // And this one goes where whoever registers MCP servers sends it.
      toServers: createEgress(config),
    },
  };
}

function createShared(
  { config, rooms, log, connections }: ServerDeps,
  { respond, https, hmac, egresses }: ReturnType<typeof createGround>,
  { provider, downstreamClients }: Awaited<ReturnType<typeof createEngine>>,
  { assertSameBrowser }: ReturnType<typeof createBrowserBinding>,
) {
  const { fetch } = egresses.toProviders;
  const make = makeConnection({ fetch, now: rooms.now });
  return {
    ...{ respond, provider, downstreamClients, actingFor, assertSameBrowser, https },
    logos: createLogos({ egress: egresses.toClients, store: createLogoStore(rooms), now: rooms.now, log }),
    connections: connections ?? createRegistry({ ...rooms, store: rooms.connectionStore, make, fetch, log }),
    operator: { name: config.brandName, contact: config.supportUrl },
    clientAddress: createClientAddress(config.trustedProxies),
    browsers: createBrowsers({ https, hmac }),
    csrf: createCsrf({ issuer: config.issuer, hmac }),
    interactionCookie: provider.cookieName('interaction'),
    ...rooms,
  };
}

type Shared = ReturnType<typeof createShared>;

/** Everything that people see, but for the dashboard. */
function peopleEdges(shared: Shared, cookies: Parameters<typeof createLegCookie>[0]): Middleware[] {
  const { respond, logos } = shared;
  const trips = createTrips({ ...shared, legs: createLegs(shared), legCookie: createLegCookie(cookies) });
  const abroad = { ...shared, trips, returnToAccount: returningToAccount({ ...shared, trips }) };
  const routers = [
    homeRoutes(shared),
    logoRoutes({ logos }),
    interactionRoutes(abroad),
    approvalRoutes(abroad),
    upstreamRoutes(abroad),
    upstreamLogoutRoutes(shared),
    accountRoutes({ ...shared, sendAway: sendingAway({ trips, respond }) }),
  ];
  // Two typings of the same koa.
  return routers.map((router) => router.routes() as unknown as Middleware);
}

function adminEdge(
  shared: Shared,
  {
    adminBearer,
    egresses,
    rooms,
    log,
  }: {
    adminBearer: ReturnType<typeof createAdminBearer>;
    egresses: ReturnType<typeof createGround>['egresses'];
    rooms: ServerDeps['rooms'];
    log: ServerDeps['log'];
  },
): Middleware[] {
  const checks = createChecks({
    ...rooms,
    fetch: egresses.toServers.fetch,
    sign: rooms.signAccessToken,
    revoke: (tokens) => rooms.database.apart(() => rooms.revokedTokens.revoke(tokens)),
  });
  return adminRoutes({
    ...shared,
    ...adminBearer,
    ...createVisitors(shared),
    ...{ checks, parseOwnPath, isDatabaseUnavailable, log },
    toProviders: egresses.toProviders.fetch,
    hop: (ctx, to) => hop(ctx, to, shared.respond),
    authorityOf: rooms.authority.of,
    emailOf: async (accountId) => (await rooms.accountStore.findById(accountId))?.email ?? '',
    endSession: (uid) => rooms.sessions.endThese([rooms.artifacts.uidKey('Session', uid)]),
  });
}
