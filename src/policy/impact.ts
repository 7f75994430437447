/** Who loses access, and who has to ask an administrator, when the rules become others. */
import type { ScopeDescription, Sensitivity } from '../resources/resource.ts';
import type { ConsentingClient, LivingApproval, LivingConsent } from './consent-store.ts';
import type { IsSharedHost, PolicyClient } from './match.ts';
import { judgeBy, type Verdict } from './policy.ts';
import type { Rule } from './rule.ts';

export interface Impact {
  consent: LivingConsent;
  /** Nothing but another change of the rules brings these back. */
  lost: readonly string[];
  /** Gone until an administrator approves them. */
  waiting: readonly string[];
}

export interface ImpactDeps {
  store: {
    livingConsents(): AsyncIterable<readonly LivingConsent[]>;
    livingApprovals(): Promise<readonly LivingApproval[]>;
    /** Account ids of those who may approve at an MCP server. */
    approvers(resourceId: string): Promise<readonly string[]>;
  };
  isSharedHost: IsSharedHost;
  /** consent.md §1 */
  isProven(client: ConsentingClient): boolean;
  redirectKey(uri: string): string;
  scopeDigest(scope: ScopeDescription): string;
}

/**
 * Goes over every living consent. Its scopes count as usable where the rules allow them, or ask and an approval covers
 * them, or ask the only one who could approve; only scopes that were usable before can be lost.
 */
export async function impactOf(
  { before, after }: { before: readonly Rule[]; after: readonly Rule[] },
  deps: ImpactDeps,
): Promise<Impact[]> {
  const approvals = Map.groupBy(await deps.store.livingApprovals(), ({ clientId, resourceId }) =>
    partiesKey(clientId, resourceId),
  );
  const approvers = new Map<string, readonly string[]>();
  const impacts: Impact[] = [];
  for await (const consents of deps.store.livingConsents()) {
    for (const consent of consents) {
      const theirs = approvals.get(partiesKey(consent.client.id, consent.resource.id)) ?? [];
      const { id: resourceId } = consent.resource;
      const those = approvers.get(resourceId) ?? (await deps.store.approvers(resourceId));
      approvers.set(resourceId, those);
      const decidesAlone = those.length === 1 && those[0] === consent.accountId;
      const approved = new Set(decidesAlone ? consent.scopes : approvedScopes(consent, theirs, deps));
      const impact = compare({ before, after }, consent, approved, deps);
      if (impact.lost.length + impact.waiting.length > 0) impacts.push(impact);
    }
  }
  return impacts;
}

function compare(
  { before, after }: { before: readonly Rule[]; after: readonly Rule[] },
  consent: LivingConsent,
  approved: ReadonlySet<string>,
  deps: ImpactDeps,
): Impact {
  const now = new Map(standing(after, consent, deps).map(({ scope, effect }) => [scope, effect]));
  const usable = standing(before, consent, deps)
    .filter(({ effect, scope }) => effect === 'allow' || (effect === 'ask' && approved.has(scope)))
    .map(({ scope }) => scope);
  return {
    consent,
    lost: usable.filter((scope) => now.get(scope) === 'deny'),
    waiting: usable.filter((scope) => now.get(scope) === 'ask' && !approved.has(scope)),
  };
}

const IDENTITY_SENSITIVITY: Sensitivity = 'low';
const STRICTNESS = ['allow', 'ask', 'deny'] as const;

/** For a proxy the rules ask about both, the proxy and whom it acts for; the stricter answer holds. */
function standing(rules: readonly Rule[], consent: LivingConsent, deps: ImpactDeps): Verdict['decisions'] {
  const own = judged(rules, consent, consent.client, deps);
  const other = consent.downstream && judged(rules, consent, consent.downstream, deps);
  return own.map((decision, index) => {
    const second = other?.[index] ?? decision;
    return STRICTNESS.indexOf(second.effect) > STRICTNESS.indexOf(decision.effect) ? second : decision;
  });
}

function judged(
  rules: readonly Rule[],
  { resource, scopes }: LivingConsent,
  asking: ConsentingClient,
  deps: ImpactDeps,
): Verdict['decisions'] {
  const { id, origin, metadata, redirectUri } = asking;
  const softwareId = typeof metadata.software_id === 'string' ? metadata.software_id : undefined;
  const client: PolicyClient = { id, origin, proven: deps.isProven(asking), softwareId };
  const weights = new Map(resource.scopes.map(({ name, sensitivity }) => [name, sensitivity]));
  const named = scopes.map((name) => ({ name, sensitivity: weights.get(name) ?? IDENTITY_SENSITIVITY }));
  return judgeBy(rules, { client, redirectUri, resourceUri: resource.uri, scopes: named }, deps).decisions;
}

/** An approval is for the clients as they are, returning to the same places, with scopes that read as they did. */
function approvedScopes(
  consent: LivingConsent,
  approvals: readonly LivingApproval[],
  { redirectKey, scopeDigest }: ImpactDeps,
): string[] {
  const { client, downstream, resource } = consent;
  const same = (one = '', other = '') => redirectKey(one) === redirectKey(other);
  const digests = new Map(resource.scopes.map((scope) => [scope.name, scopeDigest(scope)]));
  const covering = approvals.filter(
    (approval) =>
      (approval.audience === 'everyone' || approval.accountId === consent.accountId) &&
      approval.clientFingerprint === consent.clientFingerprint &&
      same(approval.redirectUri, client.redirectUri) &&
      approval.downstream?.clientId === downstream?.id &&
      same(approval.downstream?.redirectUri, downstream?.redirectUri),
  );
  return covering.flatMap(({ scopes, scopeDigests }) =>
    scopes.filter((scope) => scopeDigests[scope] === (digests.get(scope) ?? '')),
  );
}

function partiesKey(clientId: string, resourceId: string): string {
  return `${resourceId} ${clientId}`;
}
