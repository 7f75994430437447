/** The client that a proxy acts for (consent.md: `urn:consentry:acting-for`): looked up as if it had come itself. */
import { errors } from 'oidc-provider';
import { FetchFailed } from '../web/fetch-failed.ts';
import type { ClientOrigin, ClientRecord } from './client.ts';
import { redirectKey } from './redirect-uris.ts';

/** The type of `authorization_details` (RFC 9396 §2) by which a proxy names it. */
export const ACTING_FOR = 'urn:consentry:acting-for';

export type DownstreamClients = ReturnType<typeof createDownstreamClients>;

export interface DownstreamClient {
  clientId: string;
  origin: ClientOrigin;
  metadata: Record<string, unknown>;
  redirectUri: string;
  /** Whether the redirect URI is one of its own, a loopback port left out. */
  redirectRegistered: boolean;
}

export function createDownstreamClients(deps: {
  clients: { find(id: string): Promise<ClientRecord | undefined> };
  /** Waits for no host while a transaction is open. */
  documents: { fetch(url: string, init: RequestInit): Promise<Response> };
  /** The policy that it would have to pass if it came itself. */
  policy: { assertDocument(document: Record<string, unknown>): void };
}) {
  const { clients, documents, policy } = deps;

  /** As its host says now. */
  async function published(url: string): Promise<Record<string, unknown> | undefined> {
    const response = await documents.fetch(url, { redirect: 'manual' });
    const document = (await response.json()) as Record<string, unknown>;
    policy.assertDocument(document);
    return document;
  }

  /** The same, but nothing where that cannot be had: while a transaction is open its host is not asked, and a copy answers. */
  async function lastRead(url: string): Promise<Record<string, unknown> | undefined> {
    return published(url).catch((cause: unknown) => {
      if (cause instanceof FetchFailed || cause instanceof errors.OIDCProviderError) return undefined;
      throw cause;
    });
  }

  return {
    /**
     * @param from `host` says what is wrong with the client's document; for `copy` there is no such client then
     * @returns undefined where there is no such client, it is revoked, or it is no program that a person uses: one that
     *   may itself stand for others would bring back everybody whom naming a client rules out
     * @throws FetchFailed, errors.InvalidClientMetadata
     */
    async find(
      { clientId, redirectUri }: { clientId: string; redirectUri: string },
      from: 'host' | 'copy',
    ): Promise<DownstreamClient | undefined> {
      const record = await clients.find(clientId);
      if (record?.revokedAt) return undefined;
      if (record && record.kind !== 'app') return undefined;
      const isDocument = URL.parse(clientId)?.protocol === 'https:';
      if (isDocument ? record && record.origin !== 'document' : !record) return undefined;
      const read = from === 'host' ? published : lastRead;
      const metadata = isDocument ? await read(clientId) : record?.metadata;
      if (!metadata) return undefined;
      const uris = Array.isArray(metadata.redirect_uris) ? metadata.redirect_uris : [];
      const asked = redirectKey(redirectUri);
      const redirectRegistered = uris.some((uri) => typeof uri === 'string' && redirectKey(uri) === asked);
      return { clientId, origin: record?.origin ?? 'document', metadata, redirectUri, redirectRegistered };
    },
  };
}
