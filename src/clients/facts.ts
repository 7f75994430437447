/** What a client says of itself, beside what we found out: the two are never one column. */
import { type ClientRecord, mayStandForOthers, statedBy } from './client.ts';
import { displayName } from './display-name.ts';
import type { DocumentCopy } from './document-store.ts';
import { isProven, isSharedHost, type Provenance, provenance } from './provenance.ts';
import { type RedirectKind, redirectHost } from './redirect-uris.ts';

export interface RedirectFacts {
  uri: string;
  kind: RedirectKind;
  host: string;
  provenance: Provenance;
  /** Whether a request that returns there proves who asks. */
  proven: boolean;
}

/** Nobody checked any of this. */
export interface StatedFacts {
  name: string;
  redirectUris: readonly string[];
  authMethod: string;
  jwksUri: string | null;
  grantTypes: readonly string[];
  scope: string | null;
  links: Readonly<Record<string, string>>;
  contacts: readonly string[];
  softwareId: string | null;
  softwareVersion: string | null;
}

export interface VerifiedFacts {
  /** Of the document: '' for a client that is none. */
  documentHost: string;
  /** Where many people publish: the host says nothing of who. */
  sharedHost: boolean;
  redirects: readonly RedirectFacts[];
  /** It has to show a key or a secret: `none` is anybody who states its identifier. */
  authenticates: boolean;
  keysHost: string;
  /** Whether its keys are where the document is; null where there is nothing to compare. */
  keysOnOwnHost: boolean | null;
  /** Whether it may stand for many programs. */
  standsForOthers: boolean;
  document: { fetchedAt: Date; importedAt: Date | null; usableUntil: Date } | null;
}

const LINKS = ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri'] as const;

export function statedFacts({ metadata }: Pick<ClientRecord, 'metadata'>): StatedFacts {
  const links = LINKS.flatMap((name) => (typeof metadata[name] === 'string' ? [[name, metadata[name]] as const] : []));
  return {
    name: displayName(metadata.client_name),
    redirectUris: texts(metadata.redirect_uris),
    authMethod: statedBy(metadata, { resembles: false }).authMethod,
    jwksUri: text(metadata.jwks_uri),
    grantTypes: texts(metadata.grant_types),
    scope: text(metadata.requested_scope),
    links: Object.fromEntries(links),
    contacts: texts(metadata.contacts),
    softwareId: text(metadata.software_id),
    softwareVersion: text(metadata.software_version),
  };
}

export function verifiedFacts(
  client: Pick<ClientRecord, 'id' | 'origin' | 'kind' | 'metadata'>,
  copy: DocumentCopy | undefined,
): VerifiedFacts {
  const { id, origin, kind, metadata } = client;
  const { authMethod, keysHost } = statedBy(metadata, { resembles: false });
  const document = origin === 'document' ? URL.parse(id) : null;
  const redirects = texts(metadata.redirect_uris).map((uri) => {
    const question = { clientId: id, origin, redirectUri: uri, authMethod };
    return { uri, ...redirectHost(uri), provenance: provenance(question), proven: isProven(question) };
  });
  return {
    documentHost: document?.host ?? '',
    sharedHost: document !== null && isSharedHost(document.hostname),
    redirects,
    authenticates: authMethod !== 'none',
    keysHost,
    keysOnOwnHost: document && keysHost !== '' ? keysHost === document.host : null,
    standsForOthers: mayStandForOthers(kind),
    document: copy ? { fetchedAt: copy.fetchedAt, importedAt: copy.importedAt, usableUntil: copy.staleUntil } : null,
  };
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
