/** What the pages show of scopes, of how long, and of what differs from last time. */
import { redirectHost } from '../clients/redirect-uris.ts';
import { DEVICE_REDIRECT } from '../consents/agreement.ts';
import { ONCE_MS } from '../consents/contract.ts';
import type { Difference } from '../consents/differences.ts';
import { inLocale } from '../consents/scope-words.ts';
import type { Resource } from '../resources/resource.ts';
import { IDENTITY_SCOPES } from '../resources/scopes.ts';
import type { Locale } from '../web/locale.ts';
import type { ExpiryChoice, Difference as PageDifference, ScopeGroup } from '../web/pages.ts';

const DAY_MS = 86_400_000;

/** @param ticked where a page comes back as it was left; otherwise every box is ticked */
export function scopeGroups(
  resource: Pick<Resource, 'scopes'>,
  scopes: readonly string[],
  locale: Locale,
  ticked: readonly string[] = scopes,
): ScopeGroup[] {
  const own = resource.scopes.filter((scope) => scopes.includes(scope.name));
  const groups: ScopeGroup[] = (['read', 'change', 'act'] as const).map((effect) => ({
    effect,
    scopes: own
      .filter((scope) => scope.effect === effect)
      .map((scope) => ({
        name: scope.name,
        description: inLocale(scope, locale),
        sensitivity: scope.sensitivity,
        tools: scope.tools,
        checked: ticked.includes(scope.name),
      })),
  }));
  const identity = IDENTITY_SCOPES.filter((name) => scopes.includes(name));
  groups.push({
    effect: 'identity',
    scopes: identity.map((name) => ({ name, sensitivity: 'low', tools: [], checked: ticked.includes(name) })),
  });
  return groups.filter((group) => group.scopes.length > 0);
}

/** The scopes' own sentences. */
export function sentences({ scopes }: Pick<Resource, 'scopes'>, names: readonly string[], locale: Locale): string[] {
  return scopes.filter(({ name }) => names.includes(name)).map((scope) => inLocale(scope, locale));
}

/** The administration API is opened for once alone. */
type ExpiryRules = Pick<Resource, 'consentDays' | 'builtIn'>;

/** "Just this once", 30 days where the server allows more, and as long as the server allows. */
export function expiryChoices(now: Date, { consentDays, builtIn }: ExpiryRules): ExpiryChoice[] {
  if (builtIn) return [{ choice: 'once', checked: true }];
  const until = (days: number) => new Date(now.getTime() + days * DAY_MS);
  return [
    { choice: 'once', checked: false },
    ...(consentDays > MIDDLE_DAYS ? [{ choice: '30d', checked: false, until: until(MIDDLE_DAYS) } as const] : []),
    { choice: 'max', checked: true, until: until(consentDays) },
  ];
}

const MIDDLE_DAYS = 30;

/** "Just this once" has no refresh token and ends soon after its access token. */
export function expiryOf(
  choice: string | undefined,
  now: Date,
  { consentDays, builtIn }: ExpiryRules,
): { expiresAt: Date; refreshAllowed: boolean } {
  if (choice === 'once' || builtIn) return { expiresAt: new Date(now.getTime() + ONCE_MS), refreshAllowed: false };
  const days = choice === '30d' ? Math.min(MIDDLE_DAYS, consentDays) : consentDays;
  return { expiresAt: new Date(now.getTime() + days * DAY_MS), refreshAllowed: true };
}

/**
 * Only what a person can make something of; a first time and a revoked consent need no word.
 *
 * @param widens the page itself is about the wider scopes (page F)
 */
export function pageDifferences(
  differences: readonly Difference[],
  { widens, resource, locale }: { widens: boolean; resource: Pick<Resource, 'scopes'>; locale: Locale },
): PageDifference[] {
  const describe = (name: string) => {
    const scope = resource.scopes.find((one) => one.name === name);
    return scope ? inLocale(scope, locale) : name;
  };
  // Under a consent that is over, everything is asked for anew.
  const over = differences.some(({ kind }) => kind === 'expired');
  return differences.flatMap((difference) =>
    (widens || over) && difference.kind === 'scopes_added' ? [] : inWords(difference, describe),
  );
}

function inWords(difference: Difference, describe: (scope: string) => string): PageDifference[] {
  switch (difference.kind) {
    case 'scopes_added':
      return difference.scopes.map((scope) => ({ kind: 'scope', after: describe(scope) }));
    case 'scope_changed':
      return difference.scopes.map((scope) => ({ kind: 'tools', after: describe(scope) }));
    case 'redirect':
      return [{ kind: 'redirect', before: hostOf(difference.before), after: hostOf(difference.after) }];
    case 'client_renamed':
      return difference.before === '' ? [] : [{ kind: 'name', before: difference.before, after: difference.after }];
    case 'client_resembles':
      return [{ kind: 'resembles', before: difference.before, after: difference.after }];
    case 'client_keys_moved':
      return [{ kind: 'keys', before: difference.before, after: difference.after }];
    case 'client_proof_weaker':
      return [{ kind: 'authentication' }];
    case 'expired':
      return [{ kind: 'age', before: difference.shownAt }];
    case 'long_ago':
      return [{ kind: 'age', before: difference.at }];
    default:
      return [];
  }
}

function hostOf(redirectUri: string): string {
  return redirectUri === DEVICE_REDIRECT ? '' : redirectHost(redirectUri).host;
}
