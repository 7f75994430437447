/** Rules of who may connect, and what a change of them does to people, in words and as JSON. */
import { displayName } from '../clients/display-name.ts';
import type { Impact } from '../policy/impact.ts';
import { matchWords, type Rule, toMatchJson } from '../policy/rule.ts';
import { table } from './print.ts';

/** What follows "where". */
export function ruleWords(rule: Rule): string {
  switch (rule.kind) {
    case 'match':
      return matchWords(rule.match).join(', ');
    case 'default':
      return DEFAULT_WORDS[rule.peopleApprove];
    case 'unreadable':
      return `cannot be read: ${rule.why}`;
  }
}

const DEFAULT_WORDS = {
  none: 'everything waits for an administrator',
  low: 'people approve low scopes themselves; what is above waits for an administrator',
  medium: 'people approve low and medium scopes themselves; what is above waits for an administrator',
  high: 'people approve everything themselves',
} as const;

/** One word for a column. */
export function effectWords(rule: Rule): string {
  return rule.kind === 'match' ? rule.effect : rule.kind;
}

export function describeRule(rule: Rule) {
  switch (rule.kind) {
    case 'match': {
      const { clientHost, redirectHost, softwareId, resource, sensitivity } = toMatchJson(rule.match);
      const match = {
        client_host: clientHost,
        redirect_host: redirectHost,
        software_id: softwareId,
        resource,
        sensitivity,
      };
      return { id: rule.id, effect: rule.effect, match, note: rule.note ?? null };
    }
    case 'default':
      return { id: rule.id, people_approve: rule.peopleApprove };
    case 'unreadable':
      return { id: rule.id, unreadable: rule.why };
  }
}

/** How many people lose something, in a sentence or two. */
export function impactWords(impacts: readonly Impact[], dryRun: boolean): string {
  const losing = people(impacts.filter(({ lost }) => lost.length > 0));
  const asking = people(impacts.filter(({ waiting }) => waiting.length > 0));
  if (losing + asking === 0) return dryRun ? 'Nobody would lose access.' : 'Nobody loses access.';
  const would = dryRun ? 'would ' : '';
  const verb = (number: number, one: string, many: string) => (dryRun || number !== 1 ? many : one);
  const lines = [
    losing > 0 && `${persons(losing)} ${would}${verb(losing, 'loses', 'lose')} access.`,
    asking > 0 && `${persons(asking)} ${would}${verb(asking, 'has', 'have')} to ask an administrator before going on.`,
  ];
  return lines.filter(Boolean).join('\n');
}

export function impactTable(impacts: readonly Impact[]): string {
  const rows = impacts.map(({ consent, lost, waiting }) => [
    consent.email,
    nameOf(consent) || '-',
    consent.client.id,
    consent.resource.uri,
    lost.join(' ') || '-',
    waiting.join(' ') || '-',
  ]);
  return table(['ACCOUNT', 'NAME', 'CLIENT', 'MCP SERVER', 'LOSES', 'MUST ASK FOR'], rows);
}

export function describeImpact(impacts: readonly Impact[]) {
  const describe = (kind: 'lost' | 'waiting') =>
    impacts
      .filter((impact) => impact[kind].length > 0)
      .map(({ consent, [kind]: scopes }) => ({
        account: consent.email,
        client_id: consent.client.id,
        client_name: nameOf(consent),
        downstream_client_id: consent.downstream?.id ?? null,
        resource: consent.resource.uri,
        consent_id: consent.id,
        scopes,
      }));
  return { loses_access: describe('lost'), needs_approval: describe('waiting') };
}

/** '' where nobody could see any. A proxy is named with whom it acts for. */
function nameOf({ client, downstream }: Impact['consent']): string {
  const name = displayName(client.metadata.client_name);
  if (!downstream) return name;
  return `${displayName(downstream.metadata.client_name) || downstream.id} through ${name || client.id}`;
}

function people(impacts: readonly Impact[]): number {
  return new Set(impacts.map(({ consent }) => consent.accountId)).size;
}

function persons(number: number): string {
  return number === 1 ? '1 person' : `${number} people`;
}
