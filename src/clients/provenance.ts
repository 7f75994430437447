/** How far we know who is behind a client in this one request (MCP authorization, "Localhost Redirect URI Risks"). */
import { parse } from 'tldts';
import type { ClientOrigin } from './client.ts';
import { redirectHost } from './redirect-uris.ts';

/**
 * - `proven-host`: the redirect goes to the metadata document's own host, which nobody shares
 * - `shared-host`: documented on a host where many people publish
 * - `local-program`: the redirect goes to some program on this computer; anyone's, for all we know
 * - `unproven-site`: the redirect goes to a web site; nothing proves the name beside it
 * - `administrator`: an administrator made it and gave it its redirect or its credential
 */
export type Provenance = 'proven-host' | 'shared-host' | 'local-program' | 'unproven-site' | 'administrator';

export interface ProvenanceQuestion {
  clientId: string;
  origin: ClientOrigin;
  /** Of this request, not of the registration: a document with two kinds of redirect is two kinds of client. */
  redirectUri: string;
  /** `token_endpoint_auth_method`. */
  authMethod: string;
}

/** Who is behind a client, judged by this request's redirect. */
export function provenance({ clientId, origin, redirectUri, authMethod }: ProvenanceQuestion): Provenance {
  const { kind, host } = redirectHost(redirectUri);
  const administered = origin === 'static' || origin === 'resource';
  if (administered && authMethod !== 'none') return 'administrator';
  if (kind !== 'https') return 'local-program';
  if (administered) return 'administrator';
  if (origin === 'dynamic') return 'unproven-site';
  const own = new URL(clientId);
  if (isSharedHost(own.hostname)) return 'shared-host';
  return own.host === host ? 'proven-host' : 'unproven-site';
}

/**
 * Whether this request proves who asks: it returns to the document's own, unshared host, or its client
 * has to authenticate with a key or secret that an administrator gave it. That an administrator made a public client
 * proves nothing: anybody can state its identifier.
 */
export function isProven(question: ProvenanceQuestion): boolean {
  const { origin, authMethod } = question;
  return origin === 'static' ? authMethod !== 'none' : provenance(question) === 'proven-host';
}

/** Hosts where a path, not a name, tells one publisher from another; with everything below them. */
const PATH_SHARED_HOSTS = [
  'storage.googleapis.com',
  'storage.cloud.google.com',
  'firebasestorage.googleapis.com',
  'sites.google.com',
  'drive.google.com',
  'docs.google.com',
  'raw.githubusercontent.com',
  'gist.githubusercontent.com',
  'objects.githubusercontent.com',
  'github.com',
  'gist.github.com',
  'gitlab.com',
  'bitbucket.org',
  'codeberg.org',
  'gitea.com',
  'huggingface.co',
  's3.amazonaws.com',
  'blob.core.windows.net',
  'digitaloceanspaces.com',
  'r2.cloudflarestorage.com',
  'wasabisys.com',
  'backblazeb2.com',
  'oraclecloud.com',
  'storage.yandexcloud.net',
  'dropbox.com',
  'dropboxusercontent.com',
  'onedrive.live.com',
  'sharepoint.com',
  'jsdelivr.net',
  'unpkg.com',
  'esm.sh',
  'cdnjs.cloudflare.com',
  'githack.com',
  'statically.io',
  'pastebin.com',
  'ipfs.io',
  'dweb.link',
  'cloudflare-ipfs.com',
  'archive.org',
  'translate.goog',
];
/** Regional endpoints of object stores. */
const REGIONAL_STORE = /(?:^|\.)s3[.-][a-z\d.-]+\.amazonaws\.com(?:\.cn)?$/;

/**
 * Whether many people publish under one host name: it is a public suffix or below one of the private section (such as
 * `github.io`), or its paths belong to different people (such as `storage.googleapis.com`).
 *
 * @param hostname lower-case ASCII
 */
export function isSharedHost(hostname: string): boolean {
  if (PATH_SHARED_HOSTS.some((shared) => hostname === shared || hostname.endsWith(`.${shared}`))) return true;
  if (REGIONAL_STORE.test(hostname)) return true;
  const { isIp, isPrivate, isIcann, domain } = parse(hostname, { allowPrivateDomains: true });
  if (isIp) return false;
  return isPrivate === true || (domain === null && isIcann === true);
}
