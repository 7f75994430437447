/** What people ask an administrator for: some of it waits, most was decided. */
import { openKey } from '../approvals/request.ts';
import { clientFingerprint } from '../clients/client.ts';
import { redirectKey } from '../clients/redirect-uris.ts';
import type { Resource } from '../resources/resource.ts';
import { scopeDigest } from '../resources/scopes.ts';
import { downstreamOf, type Parties, saidBy } from './agreements.ts';
import type { DemoClient } from './clients.ts';
import type { Dice } from './dice.ts';
import { daysAfter, daysBefore, momentIn } from './rhythm.ts';

export interface DemoRequest {
  id: string;
  accountId: string;
  client: DemoClient;
  downstream: DemoClient | undefined;
  resource: Resource;
  scopes: readonly string[];
  reason: string | null;
  state: 'pending' | 'approved' | 'denied' | 'withdrawn';
  audience: 'person' | 'everyone' | null;
  createdAt: Date;
  decidedAt: Date | undefined;
  decidedBy: string | undefined;
}

const REASONS: readonly (string | null)[] = [
  'I write the weekly report with it.',
  '毎週の報告書を作るために使います。',
  'أحتاجه لترتيب المواعيد.',
  'Cần để trả lời khách hàng nhanh hơn.',
  'My whole team uses it <3',
  `${'Because it saves me a lot of time every single day, and here is why: '.repeat(4)}see?`,
  null,
  null,
];

const NOTES = ['Approved for the pilot.', 'Please use the one we host.', '確認しました。', null];
const WAITING_DAYS = 6;
/** Of each client that waits at several MCP servers, at how many; these came first. */
const SEVERAL = [4, 3, 2];
const SEVERAL_DAYS = 4;
const DECIDED_DAYS = 120;

export function makeRequests(
  { waiting, decided }: { waiting: number; decided: number },
  parties: Parties & { approvers: readonly string[] },
  dice: Dice,
  now: Date,
): DemoRequest[] {
  const open = new Set<string>();
  const together = atSeveral(parties, dice, now).slice(0, waiting);
  const others = Array.from({ length: waiting + decided - together.length }, (_none, place) =>
    ask(place < waiting - together.length, parties, dice, now),
  );
  const all = [...together, ...others];
  return all.filter((request) => {
    const key = openKeyOf(request);
    if (request.state !== 'pending') return true;
    if (open.has(key)) return false;
    open.add(key);
    return true;
  });
}

/** People who wait for the same client, each at another MCP server: what one press decides. */
function atSeveral(parties: Parties & { approvers: readonly string[] }, dice: Dice, now: Date): DemoRequest[] {
  // One that has changed since is decided on its own.
  const steady = parties.clients.filter(
    ({ origin, revokedAt, metadata, fingerprint }) =>
      origin === 'document' && !revokedAt && clientFingerprint(metadata) === fingerprint,
  );
  const earliest = { from: daysBefore(now, WAITING_DAYS), to: daysBefore(now, SEVERAL_DAYS) };
  return SEVERAL.flatMap((count, place) => {
    const client = steady[place];
    if (!client) return [];
    const resources = parties.resources.filter(isSensitive).slice(place, place + count);
    return resources.map((resource) => {
      const request = ask(true, { ...parties, clients: [client], resources: [resource] }, dice, now);
      return { ...request, createdAt: momentIn(earliest, dice) };
    });
  });
}

function isSensitive({ scopes }: Resource): boolean {
  return scopes.some(({ sensitivity }) => sensitivity === 'high');
}

function ask(
  waits: boolean,
  { people, clients, resources, approvers }: Parties & { approvers: readonly string[] },
  dice: Dice,
  now: Date,
): DemoRequest {
  const signsIn = clients.filter(
    ({ redirectUri, revokedAt, kind }) => redirectUri !== '' && !revokedAt && kind === 'app',
  );
  const resource = dice.favourite(resources.filter(isSensitive));
  const sensitive = resource.scopes.filter(({ sensitivity }) => sensitivity === 'high').map(({ name }) => name);
  const createdAt = momentIn({ from: daysBefore(now, waits ? WAITING_DAYS : DECIDED_DAYS), to: now }, dice);
  const state = waits ? 'pending' : dice.pick(['approved', 'approved', 'approved', 'denied', 'withdrawn'] as const);
  const decides = state === 'approved' || state === 'denied';
  return {
    id: dice.hex(32),
    accountId: dice.pick(people.filter(({ disabledAt }) => !disabledAt)).id,
    ...{ client: dice.pick(signsIn), downstream: undefined, resource, scopes: dice.some(sensitive, 0.8) },
    ...{ reason: dice.pick(REASONS), state, createdAt },
    audience: state === 'approved' ? dice.pick(['person', 'person', 'everyone'] as const) : null,
    decidedAt: waits ? undefined : momentIn({ from: createdAt, to: now }, dice),
    decidedBy: decides ? dice.pick(approvers) : undefined,
  };
}

export function requestRow(request: DemoRequest, dice: Dice) {
  const { id, accountId, client, resource, scopes, reason, state, audience, createdAt, decidedAt } = request;
  const downstream = downstreamOf(request);
  const said = saidBy(request);
  return {
    ...{ id, account_id: accountId, client_id: client.id, resource_id: resource.id, redirect_uri: client.redirectUri },
    downstream_client_id: downstream?.clientId ?? null,
    downstream_redirect_uri: downstream?.redirectUri ?? null,
    scopes,
    ...said,
    scope_digests: Object.fromEntries(resource.scopes.map((scope) => [scope.name, scopeDigest(scope)])),
    ...{ reason, browser_id: dice.hex(43), state, audience, created_at: createdAt },
    ...{ decided_at: decidedAt ?? null, decided_by: request.decidedBy ?? null },
    note: state === 'approved' || state === 'denied' ? dice.pick(NOTES) : null,
    expires_at: state === 'approved' && decidedAt ? daysAfter(decidedAt, dice.pick([30, 90, 365])) : null,
    open_key: state === 'pending' ? openKeyOf(request) : null,
  };
}

function openKeyOf(request: DemoRequest): string {
  const { accountId, client, resource, scopes } = request;
  const { client_fingerprint: clientFingerprint, stated } = saidBy(request);
  const said = { clientFingerprint, stated, scopeDigests: {} };
  const parties = { accountId, clientId: client.id, resourceId: resource.id, redirectUri: client.redirectUri };
  return openKey({ ...parties, downstream: downstreamOf(request), scopes, ...said }, redirectKey);
}
