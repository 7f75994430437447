/** Reads the protected resource metadata of an MCP server, from its challenge and from the well-known addresses (RFC 9728 §3, §5). */

import { readableLine } from '../../web/visible-text.ts';
import { LINK, SCOPE_TOKEN } from '../description.ts';
import { canonicalResource, type ResourceScope } from '../resource.ts';
import { IDENTITY_SCOPES } from '../scopes.ts';
import { type Finding, finding, named } from './finding.ts';
import { type Ask, jsonObject, mediaType } from './probe.ts';

type Document = Readonly<Record<string, unknown>>;

export interface Metadata {
  findings: Finding[];
  /** Every document found names this authorization server and this very URL. */
  ours: boolean;
  /** `resource_name`, where a person can read it. */
  name: string | undefined;
  /** `scopes_supported`, without those of OpenID Connect. */
  scopes: readonly string[];
}

export interface MetadataQuestion {
  ask: Ask;
  /** Canonical. */
  uri: string;
  /** Ours. */
  issuer: string;
  /** Of the challenge, at the same origin. */
  challengeUrl: string | undefined;
  /** What is registered, where something is. */
  registered: readonly Pick<ResourceScope, 'name' | 'suspended'>[] | undefined;
}

const WELL_KNOWN = '/.well-known/oauth-protected-resource';
const MAX_SCOPES = 50;

/** The root form counts only where there is no other: on a host with several servers it is another one's. */
export async function readMetadata(question: MetadataQuestion): Promise<Metadata> {
  const { ask, challengeUrl } = question;
  const [place, root] = wellKnownPlaces(question.uri);
  const challenged = challengeUrl === undefined ? undefined : await readDocument(ask, challengeUrl);
  const published = place === challengeUrl ? challenged : await readDocument(ask, place);
  const pointed = [challenged, published].filter((one) => one?.document !== undefined);
  const atRoot = pointed.length === 0 && root !== place ? await readDocument(ask, root) : undefined;
  const found = atRoot?.document ? [atRoot] : pointed;
  const documents = found.flatMap((one) => (one?.document ? [one.document] : []));
  const nothing = [published, atRoot]
    .flatMap((one) => one?.findings ?? [])
    .find(({ code }) => code !== 'metadata_missing');
  const findings = unique([
    ...found.flatMap((one) => one?.findings ?? []),
    ...(challengeUrl !== undefined && !challenged?.document ? [finding('challenge_metadata_unreadable')] : []),
    ...(documents.length === 0 ? [nothing ?? finding('metadata_missing')] : []),
    ...(challenged?.document && !published?.document ? [finding('metadata_not_well_known')] : []),
    ...documents.flatMap((document) => judge(document, question)),
  ]);
  const [first] = documents;
  return {
    findings,
    ours: documents.length > 0 && documents.every((document) => isOurs(document, question)),
    name: first && nameOf(first),
    scopes: first ? scopesOf(first) : [],
  };
}

function isOurs(document: Document, { uri, issuer }: Pick<MetadataQuestion, 'uri' | 'issuer'>): boolean {
  return sameUri(document.resource, uri) && listOf(document.authorization_servers).includes(issuer);
}

function wellKnownPlaces(uri: string): [path: string, root: string] {
  const { origin, pathname, search } = new URL(uri);
  const root = origin + WELL_KNOWN;
  return [`${root}${pathname === '/' ? '' : pathname}${search}`, root];
}

async function readDocument(ask: Ask, address: string): Promise<{ document?: Document; findings: Finding[] }> {
  const response = await ask(address, { headers: { accept: 'application/json' } });
  if (response?.status !== 200) return { findings: [finding('metadata_missing')] };
  const document = jsonObject(response.body.toString('utf8'));
  if (!document) return { findings: [finding('metadata_not_json')] };
  const typed = mediaType(response.headers) === 'application/json';
  return { document, findings: typed ? [] : [finding('metadata_content_type')] };
}

function judge(document: Document, question: MetadataQuestion): Finding[] {
  return [
    ...judgeResource(document.resource, question.uri),
    ...judgeIssuers(listOf(document.authorization_servers), question.issuer),
    ...judgeMethods(document.bearer_methods_supported),
    ...judgeScopes(scopesOf(document), question.registered),
  ];
}

function judgeResource(said: unknown, uri: string): Finding[] {
  if (sameUri(said, uri)) return [];
  const canonical = typeof said === 'string' && said.length <= 2_000 ? canonicalResource(said) : undefined;
  if (canonical === undefined) return [finding('resource_missing', { uri })];
  const params = { said: String(said), uri };
  if (canonical === uri) return [finding('resource_not_canonical', params)];
  const slash = canonical.replace(/\/$/, '') === uri.replace(/\/$/, '');
  return [finding(slash ? 'resource_slash' : 'resource_differs', params)];
}

/** The root is one with and without its slash; any other path is not (RFC 3986 §6.2.3). */
function sameUri(said: unknown, uri: string): boolean {
  return said === uri || (new URL(uri).pathname === '/' && !uri.endsWith('/') && said === `${uri}/`);
}

function judgeIssuers(servers: readonly string[], issuer: string): Finding[] {
  if (servers.includes(issuer)) return [];
  if (servers.includes(`${issuer}/`)) return [finding('issuer_slash', { issuer })];
  const plain = issuer.replace(/^https:/, 'http:');
  if (plain !== issuer && servers.includes(plain)) return [finding('issuer_http', { issuer })];
  return [finding('issuer_missing', { issuer })];
}

function judgeMethods(methods: unknown): Finding[] {
  if (!Array.isArray(methods)) return [];
  return [
    ...(methods.includes('header') ? [] : [finding('header_not_supported')]),
    ...(methods.includes('query') ? [finding('query_supported')] : []),
  ];
}

function judgeScopes(scopes: readonly string[], registered: MetadataQuestion['registered']): Finding[] {
  if (scopes.length === 0) return [finding('scopes_missing')];
  if (!registered) return [];
  const unknown = scopes.filter((name) => !registered.some((scope) => scope.name === name));
  const suspended = scopes.filter((name) => registered.some((scope) => scope.name === name && scope.suspended));
  return [
    ...(unknown.length > 0 ? [finding('scopes_unknown', named(unknown))] : []),
    ...(suspended.length > 0 ? [finding('scopes_suspended', named(suspended))] : []),
  ];
}

function scopesOf({ scopes_supported: scopes }: Document): string[] {
  const identity: readonly string[] = [...IDENTITY_SCOPES, 'offline_access'];
  const own = listOf(scopes).filter((name) => SCOPE_TOKEN.test(name) && !identity.includes(name));
  return [...new Set(own)].slice(0, MAX_SCOPES);
}

function nameOf({ resource_name: name }: Document): string | undefined {
  if (typeof name !== 'string') return undefined;
  try {
    const line = readableLine(name.slice(0, 1_000), { what: 'The name', maxCharacters: 60 });
    return LINK.test(line.normalize('NFKC')) ? undefined : line;
  } catch {
    return undefined;
  }
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
}

function unique(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((one) => [JSON.stringify([one.code, one.params]), one])).values()];
}
