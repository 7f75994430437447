/** Consentries with the directories of connections, and requests as these send them. */
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { type Federated, startFederated } from '../federation/kit.ts';
import { LOOPBACK, registerClient } from '../flow.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';

export const TENANT = '0b6a2a52-5a37-4a4a-9d3c-6f2e3a1c0d11';
export const ISSUER = `https://login.microsoftonline.com/${TENANT}/v2.0`;
export const OKTA = 'https://okta.fabrikam.test';

/** Nobody listens there: what is to be sent waits in the outbox. */
const SINK = {
  WEBHOOK_URL: 'https://hooks.contoso.test/consentry',
  WEBHOOK_SECRET: randomBytes(32).toString('base64'),
};

export interface Scim {
  consentry: Consentry;
  clock: { ahead: number };
  /** The Entra ID directory of `contoso`. */
  entra: Directory;
  /** Another organisation's directory, at any OpenID provider: `fabrikam`. */
  okta: Directory;
  close(): Promise<void>;
}

export interface Answered {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it by path.
  body: any;
  text: string;
}

export type Directory = ReturnType<typeof createDirectory>;

export async function startScim(): Promise<Scim> {
  const clock = { ahead: 0 };
  const consentry = await startConsentry(SINK, () => new Date(Date.now() + clock.ahead));
  const { connectionStore, scimTokens } = consentry.rooms;
  const shared = {
    exclusive: false,
    provisioning: 'scim',
    origin: 'cli',
    secrets: { certificates: [] as never[] },
  } as const;
  const more = { authContexts: [], checkMinutes: 10 };
  await connectionStore.create({
    ...shared,
    id: 'contoso',
    name: 'Contoso',
    kind: 'entra',
    settings: {
      ...more,
      cloud: 'global',
      tenants: [TENANT],
      clientId: randomUUID(),
      authentication: 'client_secret',
      guests: false,
      groups: 'ignored',
    },
  });
  await connectionStore.create({
    ...shared,
    id: 'fabrikam',
    name: 'Fabrikam',
    kind: 'oidc',
    settings: {
      ...more,
      issuer: OKTA,
      clientId: 'consentry',
      authentication: 'client_secret_basic',
      offlineAccess: false,
    },
  });
  const tokenOf = async (id: string) => (await scimTokens.create(id))?.token ?? assert.fail('no token');
  return {
    consentry,
    clock,
    entra: createDirectory(consentry, await tokenOf('contoso')),
    okta: createDirectory(consentry, await tokenOf('fabrikam')),
    close: () => consentry.close(),
  };
}

/** People who come by a provider, after its directory sent them, and a client for them to connect. */
export async function startProvisioned(): Promise<{ federated: Federated; directory: Directory; clientId: string }> {
  const federated = await startFederated({
    ids: ['contoso'],
    adapt: (connection) => ({ ...connection, provisioning: 'scim' }),
  });
  const { consentry, upstream } = federated;
  const { id, name, exclusive, origin, kind, settings } = upstream.record('contoso');
  const shown = { id, name, exclusive, origin, kind, settings, provisioning: 'scim' } as const;
  await consentry.rooms.connectionStore.create({ ...shown, secrets: upstream.secrets });
  const made = await consentry.rooms.scimTokens.create('contoso');
  const { client_id: clientId } = await registerClient(consentry.issuer, { redirect_uris: [LOOPBACK] });
  return { federated, directory: createDirectory(consentry, made?.token ?? assert.fail('no token')), clientId };
}

export function createDirectory({ issuer }: Pick<Consentry, 'issuer'>, token: string) {
  async function send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answered> {
    const response = await fetch(`${issuer}/scim/v2${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/scim+json; charset=utf-8' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: parsed(text) };
  }

  async function expect(
    status: number,
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) {
    const answer = await send(method, path, body, headers);
    assert.equal(answer.status, status, `${method} ${path}: ${answer.status} ${answer.text}`);
    return answer;
  }

  /** @returns the user's id here */
  async function addUser(externalId: string, more: Record<string, unknown> = {}): Promise<string> {
    const { body } = await expect(201, 'POST', '/Users', { ...newUser(externalId), ...more });
    return body.id;
  }

  async function addGroup(displayName: string, members: readonly string[] = []): Promise<string> {
    const { body } = await expect(201, 'POST', '/Groups', {
      displayName,
      members: members.map((value) => ({ value })),
    });
    return body.id;
  }

  return {
    token,
    send,
    expect,
    addUser,
    addGroup,
    patch: (path: string, ...operations: unknown[]) => send('PATCH', path, patchOp(...operations)),
  };
}

export const filtered = (filter: string) => `?filter=${encodeURIComponent(filter.toWellFormed())}`;

export const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
export const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
export const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';

export function patchOp(...operations: unknown[]) {
  return { schemas: [PATCH_OP], Operations: operations };
}

export function newUser(externalId: string) {
  return {
    schemas: [USER, ENTERPRISE],
    externalId,
    userName: `person-${externalId}@contoso.test`,
    active: true,
    displayName: 'Mio Sato',
    emails: [{ primary: true, type: 'work', value: `mio-${externalId}@contoso.test` }],
  };
}

/** A mapping as the database has it; nobody's roles are computed anew by it. */
export async function mapGroup({ consentry }: Scim, groupId: string, roleId = 'reader'): Promise<void> {
  const id = randomBytes(8).toString('hex');
  const data = { id, connectionId: 'contoso', source: 'scim_group', value: groupId, roleId };
  await consentry.rooms.database.direct.roleMapping.create({ data });
}

export async function accountOf({ consentry }: Scim, subject: string) {
  const [row] = await sql<{
    id: string;
    disabled_by: string[];
    email: string;
    last_sign_in_at: Date | null;
    issuer: string;
  }>(
    consentry,
    `SELECT a.id, a.disabled_by, a.email, i.last_sign_in_at, i.issuer
     FROM identities i JOIN accounts a ON a.id = i.account_id WHERE i.subject = $1`,
    [subject],
  );
  return row;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
