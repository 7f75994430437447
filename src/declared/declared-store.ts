/** What a declared state needs to know of the rest: clients by key, and how many people something touches. */
import type { ClientMetadata } from '../clients/client.ts';
import type { Database } from '../storage/transactions.ts';

export type DeclaredStore = ReturnType<typeof createDeclaredStore>;

/** Server-owned, like every member of this beginning: no client can state it. */
export const KEY_MEMBER = 'consentry_key';

export interface StaticClient {
  id: string;
  kind: string;
  metadata: ClientMetadata;
}

export function createDeclaredStore(database: Database) {
  return {
    /** Every living client that an administrator made. */
    async listStatic(): Promise<StaticClient[]> {
      const rows = await database.current().client.findMany({
        where: { origin: 'static', revokedAt: null },
        select: { id: true, kind: true, metadata: true },
        orderBy: { id: 'asc' },
      });
      return rows.map(({ metadata, ...row }) => ({ ...row, metadata: metadata as ClientMetadata }));
    },
    /** Whose consents with this client, or for this MCP server, still give access; with one of the scopes where named. */
    async countPeople(
      of: { clientId: string } | { resourceId: string; scopes?: readonly string[] },
      at: Date,
    ): Promise<number> {
      const scopes = 'scopes' in of ? of.scopes : undefined;
      const parties =
        'clientId' in of
          ? { OR: [{ clientId: of.clientId }, { downstreamClientId: of.clientId }] }
          : { resourceId: of.resourceId };
      const rows = await database.current().consent.groupBy({
        by: ['accountId'],
        where: {
          ...parties,
          revokedAt: null,
          expiresAt: { gt: at },
          ...(scopes ? { scopes: { hasSome: [...scopes] } } : {}),
        },
      });
      return rows.length;
    },
  };
}
