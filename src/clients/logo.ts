/** Logos of approved clients (RFC 7591 `logo_uri`): fetched once, bounded, and shown from our own origin only. */
import { createHash } from 'node:crypto';
import type { Egress } from '../web/egress.ts';
import { FetchFailed } from '../web/fetch-failed.ts';
import type { Log } from '../web/log.ts';
import type { LogoStore, StatedLogo } from './logo-store.ts';
import { MAX_PICTURE_BYTES, type Picture, type PictureType, readPicture } from './picture.ts';

export type Logos = ReturnType<typeof createLogos>;

const HOUR_MS = 60 * 60 * 1_000;
/** What was refused is left alone for so long, also where it was only out of reach. */
const RETRY_MS = 24 * HOUR_MS;
/** A client that states another address again and again has us ask no oftener than this. */
const CHANGE_MS = HOUR_MS;
const MAX_FETCHES = 20;
const TIMEOUT_MS = 5_000;
const DIGEST = /^[\w-]{43}$/;

export function createLogos(deps: {
  egress: Pick<Egress, 'fetch'>;
  store: LogoStore;
  now: () => Date;
  log: Pick<Log, 'info'>;
}) {
  const { egress, store, now, log } = deps;

  function isDue({ uri, sourceUri, fetchedAt, digest }: StatedLogo): boolean {
    if (!fetchedAt) return true;
    const age = now().getTime() - fetchedAt.getTime();
    if (uri !== sourceUri) return age >= CHANGE_MS;
    return digest === undefined && age >= RETRY_MS;
  }

  async function fetchLogo({ clientId, uri }: StatedLogo): Promise<void> {
    const fetched = await fetchPicture(uri, egress);
    if (typeof fetched === 'string') {
      log.info({ clientId, reason: fetched }, 'a logo was refused');
      return;
    }
    const { mediaType, content } = fetched;
    await store.keep({ clientId, sourceUri: uri, digest: digestOf(clientId, content), mediaType, content });
  }

  return {
    /** Fetches what approved clients state and we have not asked for yet, 20 at most. For a timer, outside a request. */
    async refresh(): Promise<void> {
      const due = (await store.listApproved()).filter(isDue);
      for (const stated of due.slice(0, MAX_FETCHES)) {
        if (await store.claim(stated)) await fetchLogo(stated);
      }
    },
    /** Path on our own origin; undefined unless the client is approved now and the picture is of the address it states. */
    async pathOf(clientId: string): Promise<string | undefined> {
      const stated = await store.find(clientId);
      return stated?.digest && stated.uri === stated.sourceUri ? `/logos/${stated.digest}` : undefined;
    },
    /** The picture behind a path, while `pathOf` its client leads there. */
    async find(digest: string): Promise<{ mediaType: PictureType; content: Buffer } | undefined> {
      const stored = DIGEST.test(digest) ? await store.findContent(digest) : undefined;
      if (!stored) return undefined;
      const stated = await store.find(stored.clientId);
      return stated?.digest === digest && stated.uri === stored.sourceUri ? stored : undefined;
    },
  };
}

/** @returns why not, where it is refused */
async function fetchPicture(uri: string, egress: Pick<Egress, 'fetch'>): Promise<Picture | string> {
  try {
    const { status, headers, body } = await egress.fetch(uri, {
      headers: { accept: 'image/png, image/jpeg, image/webp' },
      maxBytes: MAX_PICTURE_BYTES,
      timeoutMs: TIMEOUT_MS,
    });
    if (status !== 200) return 'bad_status';
    const read = readPicture(body);
    if (!read.ok) return read.reason;
    const stated = headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
    return stated === read.picture.mediaType ? read.picture : 'other_type';
  } catch (error) {
    if (error instanceof FetchFailed) return error.reason;
    throw error;
  }
}

/** Of the client as well: two clients with one picture are shown it, and lose it, each for itself. */
function digestOf(clientId: string, content: Buffer): string {
  return createHash('sha256').update(`${clientId}\n`).update(content).digest('base64url');
}
