/** A look at an MCP server as a client has it: turned away without a token, let in with one (RFC 6750 §3, RFC 9728 §5.1, MCP authorization). */
import type { ResourceScope } from '../resource.ts';
import { bearerChallenge } from './challenge-header.ts';
import { type Conversation, converse, type Failure, isRefusal, type Partner } from './conversation.ts';
import { type Finding, finding, isUntried } from './finding.ts';
import { type Metadata, readMetadata } from './metadata.ts';
import { type Listing, listTools } from './tools.ts';

export const steps = ['challenge', 'metadata', 'access', 'tools', 'scope', 'audience', 'expiry', 'signature'] as const;

export interface Step {
  step: (typeof steps)[number];
  result: 'ok' | 'warning' | 'failed' | 'skipped';
  findings: readonly Finding[];
}

export function stepOf(step: Step['step'], findings: readonly Finding[]): Step {
  const is = (severity: string) => findings.some((one) => one.severity === severity);
  if (is('error')) return { step, result: 'failed', findings };
  if (findings.some(isUntried)) return { step, result: 'skipped', findings };
  return { step, result: is('warning') ? 'warning' : 'ok', findings };
}

export function skipped(step: Step['step']): Step {
  return { step, result: 'skipped', findings: [] };
}

/** How many of each. */
export interface Summary {
  /** Without those that say why something was not tried. */
  findings: number;
  failed: number;
  /** All that were not tried, for whatever reason. */
  untried: number;
  /** Of these, those that were asked for and gave no usable answer: nobody may call that fine. */
  unseen: number;
}

export function summarize(steps: readonly Step[]): Summary {
  const untried = steps.filter(({ result }) => result === 'skipped');
  return {
    findings: steps.flatMap(({ findings }) => findings).filter((one) => !isUntried(one)).length,
    failed: steps.filter(({ result }) => result === 'failed').length,
    untried: untried.length,
    unseen: untried.filter(({ findings }) => findings.some(({ code }) => code === 'refusal_unseen')).length,
  };
}

/** Of each step as it ends, before the next is taken; a look that is no longer wanted ends by what this throws. */
export type Told = (step: Step) => Promise<void>;

export interface FirstLook {
  steps: Step[];
  /** Undefined where nothing answers: no use in asking on. */
  metadata: Metadata | undefined;
  /** What somebody without a token is told. */
  open: Listing | undefined;
}

export interface LookAt extends Pick<Partner, 'ask' | 'uri'> {
  /** Ours. */
  issuer: string;
  registered: readonly Pick<ResourceScope, 'name' | 'suspended'>[] | undefined;
  told: Told;
}

/** The step, once it is told of. */
export async function taken({ told }: Pick<LookAt, 'told'>, step: Step): Promise<Step> {
  await told(step);
  return step;
}

/** Without a token: the 401, its challenge, and the documents that they lead to. */
export async function lookWithoutToken({ ask, uri, issuer, registered, told }: LookAt): Promise<FirstLook> {
  const reply = await converseToTools({ ask, uri });
  const { findings, challengeUrl } = judgeRefusal(reply, uri);
  const challenge = await taken({ told }, stepOf('challenge', findings));
  if ('kind' in reply && (reply.kind === 'unreachable' || reply.kind === 'redirected'))
    return {
      steps: [challenge, await taken({ told }, skipped('metadata'))],
      metadata: undefined,
      open: undefined,
    };
  const metadata = await readMetadata({ ask, uri, issuer, challengeUrl, registered });
  const open = 'listing' in reply ? reply.listing : undefined;
  return { steps: [challenge, await taken({ told }, stepOf('metadata', metadata.findings))], metadata, open };
}

export interface Admitted {
  conversation: Conversation;
  listing: Listing;
}

/** As far as the list of tools. */
export async function converseToTools(partner: Partner, known?: Conversation['revision']): Promise<Admitted | Failure> {
  const conversation = await converse(partner, known);
  if ('kind' in conversation) return conversation;
  const listing = await listTools(conversation);
  return 'kind' in listing ? listing : { conversation, listing };
}

/** Why a good token got nobody in. */
export function judgeAccess(reply: Admitted | Failure): Finding[] {
  if (!('kind' in reply)) return [];
  if (reply.kind === 'unreachable' || reply.kind === 'redirected') return [finding(reply.kind)];
  if (isRefusal(reply)) return [finding('token_refused', { status: reply.status })];
  return [finding('not_mcp')];
}

function judgeRefusal(reply: Admitted | Failure, uri: string): { findings: Finding[]; challengeUrl?: string } {
  if (!('kind' in reply)) return { findings: [finding('open_to_everybody')] };
  if (reply.kind === 'unreachable' || reply.kind === 'redirected') return { findings: [finding(reply.kind)] };
  if (reply.kind !== 'refused' || reply.status !== 401)
    return { findings: [finding('no_401', { status: reply.kind === 'failed' ? 200 : reply.status })] };
  if (reply.headers.get('www-authenticate') === null) return { findings: [finding('no_challenge')] };
  const challenge = bearerChallenge(reply.headers);
  if (!challenge) return { findings: [finding('challenge_not_bearer')] };
  const address = challenge.params.get('resource_metadata');
  if (address === undefined) return { findings: [finding('challenge_without_metadata')] };
  // Where a server sends us is not where its URL may lead: a document elsewhere is never asked for.
  if (URL.parse(address)?.origin !== new URL(uri).origin) return { findings: [finding('challenge_elsewhere')] };
  return { findings: [], challengeUrl: address };
}
