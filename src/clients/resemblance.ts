/** Whether a client calls itself what somebody else is called (UTS 39 §4): its name then stands after its host. */
import type { ClientOrigin } from './client.ts';
import type { ProvenName } from './names-store.ts';
import { isSharedHost } from './provenance.ts';
import { looksOf, skeleton, wordsOf } from './skeleton.ts';

export interface ResemblanceQuestion {
  clientId: string;
  origin: ClientOrigin;
  /** As shown. */
  name: string;
  /** In this request, as `isProven` says. */
  proven: boolean;
}

export interface ResemblanceDeps {
  /** What the operator is called here, beside Consentry. */
  brandNames: readonly string[];
  resources: { names(): Promise<readonly string[]> };
  /** Of upstream identity providers. */
  connections: () => readonly string[] | Promise<readonly string[]>;
  clients: { provenNames(): Promise<readonly ProvenName[]> };
  now: () => Date;
}

/** A name that is somebody's. */
interface Taken {
  looks: readonly string[];
  /** Its words, each between blanks; '' where finding it inside another name says nothing. */
  phrase: string;
  /** Whose; undefined where no client can be meant by it. */
  owner: string | undefined;
  /** By an administrator's doing: nobody can take a name only to cast doubt on somebody else's. */
  administered: boolean;
}

const REMEMBERED_MS = 30_000;
const MAX_TAKEN = 5_000;

/** Words that claim standing and make no other name of a name. */
const CLAIMS: ReadonlySet<string> = new Set(
  [
    ...['official', 'verified', 'certified', 'approved', 'authorized', 'authorised', 'genuine', 'authentic'],
    ...['original', 'real', 'legit', 'trusted', 'secure', 'safe', 'the', 'by', 'from', 'tm', 'sm'],
    ...['inc', 'llc', 'ltd', 'corp', 'gmbh', 'co', 'kk'],
    // In the pieces into which a change of script cuts them.
    ...['公式', '正規', '正式', '純正', '本物', '認証', '認証済', 'み', '株式会社'],
  ].map(skeleton),
);

/** What is taken is read at most every 30 seconds, by each process for itself. */
export function createResemblance({ brandNames, resources, connections, clients, now }: ResemblanceDeps) {
  let known: { until: number; taken: readonly Taken[] } | undefined;

  async function allTaken(): Promise<readonly Taken[]> {
    const at = now().getTime();
    if (known && known.until > at && known.until <= at + REMEMBERED_MS) return known.taken;
    // One after the other, and by each caller for itself: inside a transaction there is one connection to ask on.
    const proven = await clients.provenNames();
    const servers = await resources.names();
    const upstream = await connections();
    const taken = [
      ...['Consentry', ...brandNames, ...upstream].map((name) => takenBy(name, { administered: true, phrase: true })),
      ...servers.map((name) => takenBy(name, { administered: true, phrase: false })),
      ...proven.flatMap(takenByClient),
    ].slice(0, MAX_TAKEN);
    known = { until: at + REMEMBERED_MS, taken };
    return taken;
  }

  return {
    /**
     * True for a client that proves nothing where its name looks like that of a client which did prove itself here, or
     * like that proven host; and for whoever has no administrator's credential where it looks like a connection's, an MCP
     * server's, the operator's, Consentry's, or that of a client an administrator vouches for. Words that only claim
     * standing ("official") change nothing. Never because of the client itself or its own host.
     */
    async resembles({ clientId, origin, name, proven }: ResemblanceQuestion): Promise<boolean> {
      if (proven && origin === 'static') return false;
      const looks = looksOf(name);
      if (looks.length === 0) return false;
      const modest = modestLook(name);
      const phrase = phraseOf(name);
      const owner = ownerOf(clientId);
      return (await allTaken()).some(
        (taken) =>
          taken.owner !== owner &&
          (taken.administered || !proven) &&
          (taken.looks.some((look) => look === modest || looks.includes(look)) ||
            (taken.phrase !== '' && phrase.includes(taken.phrase))),
      );
    },
  };
}

function takenByClient({ clientId, name, vouched }: ProvenName): Taken[] {
  const owner = ownerOf(clientId);
  const host = /^https:/.test(clientId) ? (URL.parse(clientId)?.host ?? '') : '';
  return [
    takenBy(name, { owner, administered: vouched, phrase: true }),
    takenBy(host, { owner, administered: vouched, phrase: false }),
  ];
}

/** @param of.phrase whether two words or more count also inside a longer name; MCP servers lend theirs to honest tools */
function takenBy(name: string, of: { owner?: string; administered: boolean; phrase: boolean }): Taken {
  const severalWords = of.phrase && wordsOf(name).length > 1;
  return {
    looks: looksOf(name),
    phrase: severalWords ? phraseOf(name) : '',
    owner: of.owner,
    administered: of.administered,
  };
}

/** Everything on a host that nobody shares is one publisher's. */
function ownerOf(clientId: string): string {
  const url = /^https:/.test(clientId) ? URL.parse(clientId) : null;
  return url && !isSharedHost(url.hostname) ? url.host : clientId;
}

function phraseOf(name: string): string {
  return ` ${wordsOf(name).join(' ')} `;
}

/** The name without the words that only claim standing; undefined where that is nothing or the same. */
function modestLook(name: string): string | undefined {
  const words = wordsOf(name, { camelCase: true });
  const modest = words.filter((word) => !CLAIMS.has(word));
  return modest.length > 0 && modest.length < words.length ? modest.join('') : undefined;
}
