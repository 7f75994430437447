/** A fake Microsoft Entra ID that answers as login.microsoftonline.com does, and Graph with it, to people and programs alike. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Koa, { type Context } from 'koa';
import type { EntraRecord } from '../../../src/federation/entra/entra.ts';
import type { EgressRequest } from '../../../src/web/egress.ts';
import { newConnectionRow } from '../connection-row.ts';
import { authorize } from './authorize.ts';
import { CONTOSO, type FakePerson } from './directory.ts';
import { graph } from './graph.ts';
import { createKeys } from './keys.ts';
import { metadataOf } from './metadata.ts';
import { fakeHosts, fetchAt, GRAPH, HOST_HEADER, LOGIN, visit } from './reach.ts';
import { type FakeState, newBehaviour, newState } from './state.ts';
import { type FakeTls, startTls } from './tls.ts';
import { token } from './token.ts';

export type FakeEntra = Awaited<ReturnType<typeof startFakeEntra>>;

/** @param https also listens for browsers and for whole servers, under its real names: see `FakeTls` */
export async function startFakeEntra({ https = false }: { https?: boolean } = {}) {
  const state = newState(await createKeys());
  const app = new Koa();
  app.silent = true;
  app.use((ctx) => route(ctx, state));
  const handler = app.callback();
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const tls: FakeTls | undefined = https ? await startTls(handler, fakeHosts) : undefined;
  const { behaviour, directory, keys, requests, authorizations, tokenRequests } = state;

  return {
    ...{ origin, hosts: fakeHosts, directory, keys, behaviour, requests, authorizations, tokenRequests, tls },
    /** Everybody signs in again from here on as at the start. */
    reset: () => void Object.assign(behaviour, newBehaviour()),
    fetch: (address: string | URL, request?: EgressRequest) => fetchAt(origin, address, request),
    /** What a browser does that is sent there. @returns where it is sent next, or the page */
    visit: (address: string | URL, init: RequestInit = {}) => visit(origin, address, init),
    /** What a browser loads in hidden frames where somebody signs out: one address for each application they were in. */
    logoutFrames: (person: FakePerson) => logoutFrames(state, person),
    /** Rows of connections to it, as they would be stored. */
    record: (changes: RecordChanges) => recordOf(changes),
    async close(): Promise<void> {
      await tls?.close();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

type RecordChanges = Partial<Omit<EntraRecord, 'settings'>> & {
  settings: Partial<EntraRecord['settings']> & { clientId: string };
};

function recordOf({ settings, ...changes }: RecordChanges): EntraRecord {
  return {
    ...newConnectionRow(),
    id: 'entra',
    kind: 'entra',
    ...changes,
    settings: {
      cloud: 'global',
      tenants: [CONTOSO],
      authentication: 'client_secret',
      guests: false,
      groups: 'ignored',
      authContexts: [],
      checkMinutes: 10,
      ...settings,
    },
  };
}

async function route(ctx: Context, state: FakeState): Promise<void> {
  const host = ctx.get(HOST_HEADER) || ctx.hostname;
  state.requests.push(`${ctx.method} ${host}${ctx.path}`);
  if (GRAPH.includes(host)) {
    if (/^\/v1\.0\/(?:me|users\/[^/]+)\/getMemberObjects$/.test(ctx.path)) graph(ctx, host, state);
    else ctx.status = 404;
    return;
  }
  if (!LOGIN.includes(host)) {
    ctx.status = 404;
    return;
  }
  const [, authority = '', ...rest] = ctx.path.split('/');
  await login(ctx, host, authority, rest.join('/'), state);
}

async function login(ctx: Context, host: string, authority: string, path: string, state: FakeState): Promise<void> {
  const { behaviour, keys } = state;
  switch (path) {
    case 'v2.0/.well-known/openid-configuration':
      await flapping(ctx, behaviour.discovery, () => behaviour.alterMetadata(metadataOf(host, authority)));
      return;
    case 'discovery/v2.0/keys':
      await flapping(ctx, behaviour.jwks, () => ({ keys: behaviour.jwks === 'empty' ? [] : keys.published(host) }));
      return;
    case 'oauth2/v2.0/authorize':
      await authorize(ctx, authority, ctx.method === 'POST' ? await readForm(ctx) : ctx.URL.searchParams, state);
      return;
    case 'oauth2/v2.0/token':
      await token(ctx, host, authority, await readForm(ctx), state);
      return;
    case 'v2.0/adminconsent':
      adminConsent(ctx, authority);
      return;
  }
}

async function flapping(ctx: Context, how: string, body: () => unknown): Promise<void> {
  // The caller's patience ends before this does, or the test.
  if (how === 'hanging') await new Promise((resolve) => ctx.req.once('close', resolve));
  else if (how === 'down') ctx.status = 503;
  else ctx.body = body();
}

/** It says `tenant` also where an attacker wrote the address. */
function adminConsent(ctx: Context, authority: string): void {
  const { redirect_uri: redirectUri, state = '' } = ctx.query;
  const url = new URL(String(redirectUri));
  url.search = new URLSearchParams({ admin_consent: 'True', tenant: authority, state: String(state) }).toString();
  ctx.redirect(url.href);
}

function logoutFrames({ refreshTokens }: FakeState, person: FakePerson): URL[] {
  const sessions = [...refreshTokens.values()].filter((grant) => grant.person === person && grant.app.logoutUrl);
  const frames = sessions.map(({ app, sid }) => {
    const url = new URL(String(app.logoutUrl));
    url.searchParams.set('sid', sid);
    url.searchParams.set('iss', `https://${LOGIN[0]}/${person.tenant}/v2.0`);
    return url.href;
  });
  return [...new Set(frames)].map((href) => new URL(href));
}

async function readForm(ctx: Context): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  for await (const chunk of ctx.req) chunks.push(chunk as Buffer);
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}
