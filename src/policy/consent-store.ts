/** Queries on living consents and approvals, for what a change of the rules would do to people. */
import type { ClientMetadata, ClientOrigin } from '../clients/client.ts';
import type { ScopeDescription } from '../resources/resource.ts';
import type { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';

/** A client with what it says of itself now. */
export interface ConsentingClient {
  id: string;
  origin: ClientOrigin;
  metadata: Record<string, unknown>;
  /** Where it returns to in this consent. */
  redirectUri: string;
}

/** A consent that somebody can use today, suspended ones among them: a press makes them good again. */
export interface LivingConsent {
  id: string;
  accountId: string;
  /** Or the name, of somebody without an address. */
  email: string;
  client: ConsentingClient;
  /** Whom the client, a proxy, acts for. */
  downstream: ConsentingClient | undefined;
  resource: { id: string; uri: string; scopes: readonly ScopeDescription[] };
  scopes: readonly string[];
  /** Of the client, and of the downstream client, when the person agreed. */
  clientFingerprint: string;
}

/** An administrator's yes that has not run out. */
export interface LivingApproval {
  accountId: string;
  clientId: string;
  downstream: { clientId: string; redirectUri: string } | undefined;
  redirectUri: string;
  resourceId: string;
  scopes: readonly string[];
  clientFingerprint: string;
  scopeDigests: Readonly<Record<string, string>>;
  audience: 'person' | 'everyone';
}

const BATCH = 1_000;

export interface PolicyConsentStoreDeps {
  database: Database;
  /** Who may decide on approvals at an MCP server. */
  approvers: { of(resourceId: string): Promise<readonly { id: string }[]> };
  now: () => Date;
}

export function createPolicyConsentStore({ database, approvers, now }: PolicyConsentStoreDeps) {
  return {
    /** Of people, clients and MCP servers that still take part, a batch at a time, in the order of their ids. */
    async *livingConsents(): AsyncGenerator<LivingConsent[]> {
      const db = database.current();
      const where = {
        revokedAt: null,
        expiresAt: { gt: now() },
        account: { disabledAt: null },
        client: { revokedAt: null },
        resource: { disabledAt: null },
      };
      for (let last = ''; ; ) {
        const page = { where: { ...where, id: { gt: last } }, orderBy: { id: 'asc' }, take: BATCH } as const;
        const rows = await db.consent.findMany(page);
        const end = rows.at(-1);
        if (!end) return;
        yield await withParties(db, rows);
        last = end.id;
      }
    },
    /** Ids of those who may approve at an MCP server. */
    async approvers(resourceId: string): Promise<string[]> {
      return (await approvers.of(resourceId)).map(({ id }) => id);
    },
    async livingApprovals(): Promise<LivingApproval[]> {
      const rows = await database.current().approvalRequest.findMany({
        where: { state: 'approved', OR: [{ expiresAt: null }, { expiresAt: { gt: now() } }] },
      });
      return rows.map((row) => ({
        accountId: row.accountId,
        clientId: row.clientId,
        downstream: pair(row),
        redirectUri: row.redirectUri,
        resourceId: row.resourceId,
        scopes: row.scopes,
        clientFingerprint: row.clientFingerprint,
        scopeDigests: row.scopeDigests as Record<string, string>,
        audience: row.audience === 'everyone' ? 'everyone' : 'person',
      }));
    },
  };
}

async function withParties(db: Prisma.TransactionClient, rows: Prisma.ConsentGetPayload<object>[]) {
  const among = (ids: readonly (string | null)[]) => ({ in: [...new Set(ids.filter((id) => id !== null))] });
  const accounts = await db.account.findMany({
    where: { id: among(rows.map(({ accountId }) => accountId)) },
    select: { id: true, email: true, name: true },
  });
  const clients = await db.client.findMany({
    where: { id: among(rows.flatMap(({ clientId, downstreamClientId }) => [clientId, downstreamClientId])) },
    select: { id: true, origin: true, metadata: true },
  });
  const resourceId = among(rows.map((row) => row.resourceId));
  const resources = await db.resource.findMany({ where: { id: resourceId }, select: { id: true, uri: true } });
  const scopes = await db.resourceScope.findMany({ where: { resourceId }, orderBy: { position: 'asc' } });
  const known = new Set(clients.map(({ id }) => id));
  const documents = await db.metadataDocument.findMany({
    where: { url: among(rows.map(({ downstreamClientId: id }) => (id !== null && known.has(id) ? null : id))) },
    select: { url: true, body: true },
  });
  const read = documents.map(({ url, body }) => ({
    id: url,
    origin: 'document',
    metadata: JSON.parse(body) as unknown,
  }));
  const client = consentingClients([...read, ...clients]);
  const emails = new Map(accounts.map(({ id, email, name }) => [id, email || (name ?? '')]));
  const uris = new Map(resources.map(({ id, uri }) => [id, uri]));
  const scopesOf = Map.groupBy(scopes, (scope) => scope.resourceId);
  return rows.map((row): LivingConsent => {
    const downstream = pair(row);
    return {
      id: row.id,
      accountId: row.accountId,
      email: emails.get(row.accountId) ?? '',
      client: client(row.clientId, row.redirectUri),
      downstream: downstream && client(downstream.clientId, downstream.redirectUri),
      resource: {
        id: row.resourceId,
        uri: uris.get(row.resourceId) ?? '',
        scopes: (scopesOf.get(row.resourceId) ?? []).map(toScope),
      },
      scopes: row.scopes,
      clientFingerprint: row.clientFingerprint,
    };
  });
}

/** A downstream client need not be known here by anything but its document, or not even that any more. */
function consentingClients(rows: readonly { id: string; origin: string; metadata: unknown }[]) {
  const known = new Map(rows.map((row) => [row.id, row]));
  return (id: string, redirectUri: string): ConsentingClient => ({
    id,
    origin: (known.get(id)?.origin ?? 'document') as ClientOrigin,
    metadata: (known.get(id)?.metadata ?? { client_id: id }) as ClientMetadata,
    redirectUri,
  });
}

function pair(row: { downstreamClientId: string | null; downstreamRedirectUri: string | null }) {
  const { downstreamClientId: clientId, downstreamRedirectUri: redirectUri } = row;
  return clientId === null || redirectUri === null ? undefined : { clientId, redirectUri };
}

function toScope(row: Prisma.ResourceScopeGetPayload<object>): ScopeDescription {
  return {
    name: row.name,
    description: row.description,
    descriptionJa: row.descriptionJa ?? undefined,
    sensitivity: row.sensitivity as ScopeDescription['sensitivity'],
    effect: row.effect as ScopeDescription['effect'],
    tools: row.tools,
  };
}
