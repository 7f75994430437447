/** What the consent page shows: scopes by what they do, how long, and what differs from last time. */
import type { Difference } from '../consents/contract.ts';
import { IDENTITY_SCOPES } from '../resources/scopes.ts';
import type { Locale } from '../web/locale.ts';
import type { ExpiryChoice, Difference as PageDifference, ScopeGroup } from '../web/pages.ts';
import type { Subject } from './describe.ts';

const DAY_MS = 86_400_000;
const ONCE_MS = 15 * 60_000;
const MAX_CONSENT_DAYS = 90;

export function scopeGroups({ resource, scopes }: Subject, locale: Locale): ScopeGroup[] {
  const own = resource.scopes.filter((scope) => scopes.includes(scope.name));
  const groups: ScopeGroup[] = (['read', 'change', 'act'] as const).map((effect) => ({
    effect,
    scopes: own
      .filter((scope) => scope.effect === effect)
      .map((scope) => ({
        name: scope.name,
        description: (locale === 'ja' ? scope.descriptionJa : undefined) ?? scope.description,
        sensitivity: scope.sensitivity,
        tools: scope.tools,
        checked: true,
      })),
  }));
  const identity = IDENTITY_SCOPES.filter((name) => scopes.includes(name));
  groups.push({
    effect: 'identity',
    scopes: identity.map((name) => ({ name, sensitivity: 'low', tools: [], checked: true })),
  });
  return groups.filter((group) => group.scopes.length > 0);
}

export function expiryChoices(now: Date): ExpiryChoice[] {
  return [
    { choice: 'once', checked: false },
    { choice: '30d', checked: false, until: new Date(now.getTime() + 30 * DAY_MS) },
    { choice: 'max', checked: true, until: new Date(now.getTime() + MAX_CONSENT_DAYS * DAY_MS) },
  ];
}

/** "Just this once" has no refresh token and ends soon after its access token. */
export function expiryOf(choice: string | undefined, now: Date): { expiresAt: Date; refreshAllowed: boolean } {
  if (choice === 'once') return { expiresAt: new Date(now.getTime() + ONCE_MS), refreshAllowed: false };
  const days = choice === '30d' ? 30 : MAX_CONSENT_DAYS;
  return { expiresAt: new Date(now.getTime() + days * DAY_MS), refreshAllowed: true };
}

/** Only what a person can make something of; a first time and a revoked consent need no word. */
export function pageDifferences(differences: readonly Difference[]): PageDifference[] {
  return differences.flatMap(inWords);
}

function inWords(difference: Difference): PageDifference[] {
  switch (difference.kind) {
    case 'scopes_added':
      return difference.scopes.map((after) => ({ kind: 'scope', after }));
    case 'scope_changed':
      return difference.scopes.map((after) => ({ kind: 'tools', after }));
    case 'redirect':
      return [{ kind: 'redirect', before: difference.before, after: difference.after }];
    case 'expired':
      return [{ kind: 'age', before: difference.at }];
    case 'absent':
    case 'revoked':
    case 'other_party':
    case 'redirect_removed':
    case 'client_renamed':
    case 'client_proof_changed':
      return [];
  }
}
