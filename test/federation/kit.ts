/** A Consentry with two connections to one test provider, and the steps of a trip there and back. */
import assert from 'node:assert/strict';
import { type Connection, type Connections, fixedConnections } from '../../src/federation/connection.ts';
import { createOidcConnection } from '../../src/federation/oidc/oidc.ts';
import type { OidcConnectionSettings } from '../../src/federation/settings.ts';
import { createEgress, type Egress } from '../../src/web/egress.ts';
import { startUpstream, type Upstream } from '../fakes/upstream.ts';
import { approve, authorizationUrl, redeem } from '../flow.ts';
import { type Consentry, startConsentry } from '../harness.ts';
import { isConnectPage, words } from '../interaction/kit.ts';
import { createPerson, type Person, type Step } from '../person.ts';

export interface Federated {
  consentry: Consentry;
  /** What the server was given, for asking them without it. */
  connections: Connections;
  upstream: Upstream;
  /** Milliseconds that Consentry's clock is ahead. */
  clock: { ahead: number };
  /** As another answer of its database would: of one connection, or of all. */
  alter(changes: Partial<Pick<Connection, 'exclusive' | 'provisioning'>>, id?: string): void;
  close(): Promise<void>;
}

const CONNECTIONS = ['contoso', 'fabrikam'] as const;

export async function startFederated({
  ids = CONNECTIONS,
  env = {},
  settings = {},
  adapt = (connection) => connection,
}: {
  ids?: readonly string[];
  env?: Record<string, string>;
  /** In which the connections differ from the usual. */
  settings?: Partial<OidcConnectionSettings>;
  /** Whatever a provider of another kind would say or want. */
  adapt?: (connection: Connection) => Connection;
} = {}): Promise<Federated> {
  const clock = { ahead: 0 };
  const now = () => new Date(Date.now() + clock.ahead);
  const upstream = await startUpstream(ids.map((id) => `/federation/${id}/callback`));
  let egress: Egress | undefined;
  let connections: Connection[] = [];
  const consentry = await startConsentry({ OUTBOUND_ALLOW: '127.0.0.1', ...env }, now, (config) => {
    egress = createEgress(config);
    const deps = { fetch: egress.fetch, now };
    connections = ids.map((id) =>
      adapt(
        createOidcConnection({ ...upstream.record(id, settings), name: `The ${id} directory` }, upstream.secrets, deps),
      ),
    );
    return connections;
  }).catch(async (error: unknown) => {
    await upstream.close();
    throw error;
  });
  return {
    consentry,
    connections: fixedConnections(connections),
    upstream,
    clock,
    alter(changes, id) {
      for (const one of connections) if (id === undefined || one.id === id) Object.assign(one, changes);
    },
    async close() {
      await consentry.close();
      egress?.close();
      await upstream.close();
    },
  };
}

/** Page A of a new request. */
export async function begin(
  { consentry }: Federated,
  person: Person,
  clientId: string,
  params: Record<string, string> = {},
): Promise<Step & { begun: ReturnType<typeof authorizationUrl> }> {
  const begun = authorizationUrl(consentry, clientId, params);
  const page = await person.open(begun.url);
  assert.ok(isConnectPage(page), words(page));
  return { ...page, begun };
}

/** "Continue with …" on page A. */
export async function press(person: Person, page: Step, connection = 'contoso'): Promise<URL> {
  const { left, ...step } = await person.submit(page, { connection });
  assert.ok(left, `${step.status} ${words(step)}`);
  return left;
}

/** What the provider does with a browser that is sent there. @returns where it sends the browser back to */
export async function atUpstream(
  { upstream }: Federated,
  url: URL,
  there = createPerson(upstream.issuer),
): Promise<URL> {
  const { left, html } = await there.open(url.href);
  assert.ok(left, html);
  return left;
}

/** Page A, the provider, and back: the page that follows. */
export async function signInUpstream(
  federated: Federated,
  person: Person,
  clientId: string,
  { connection = 'contoso', params = {} }: { connection?: string; params?: Record<string, string> } = {},
): Promise<Step> {
  const page = await begin(federated, person, clientId, params);
  const back = await atUpstream(federated, await press(person, page, connection));
  return person.open(back.href);
}

/** The same, and everything that follows: the client with its tokens. */
export async function connectUpstream(
  federated: Federated,
  person: Person,
  clientId: string,
  { connection = 'contoso', params = {} }: { connection?: string; params?: Record<string, string> } = {},
): Promise<{ accessToken: string; refreshToken: string; idToken: string | undefined }> {
  const { begun, ...page } = await begin(federated, person, clientId, params);
  const back = await atUpstream(federated, await press(person, page, connection));
  const consent = await person.open(back.href);
  const { left, ...step } = consent.left ? consent : await approve(person, consent);
  const code = left?.searchParams.get('code');
  assert.ok(code, `${left?.href ?? words(step)}`);
  const { body } = await redeem(federated.consentry, clientId, { ...begun, code });
  assert.ok(body.access_token, JSON.stringify(body));
  return { accessToken: body.access_token, refreshToken: String(body.refresh_token), idToken: body.id_token };
}
