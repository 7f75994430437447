/** A living consent in words: who may do what where, as the person agreed to it. */
import { displayName } from '../clients/display-name.ts';
import { redirectHost } from '../clients/redirect-uris.ts';
import { DEVICE_REDIRECT } from '../consents/agreement.ts';
import type { Connected } from '../consents/connected-store.ts';
import type { Consent } from '../consents/consent.ts';
import { timesOf } from '../consents/differences.ts';
import { inLocale } from '../consents/scope-words.ts';
import type { Resource } from '../resources/resource.ts';
import { IDENTITY_SCOPES, scopeDigest } from '../resources/scopes.ts';
import type { AppView } from '../web/account-pages.ts';
import { partsOfLabel } from '../web/browser-label.ts';
import type { Locale } from '../web/locale.ts';
import type { RedirectView, ScopeGroup, ScopeLine } from '../web/pages.ts';
import { APPS } from './paths.ts';

interface Sight {
  resource: Pick<Resource, 'scopes'>;
  locale: Locale;
  /** HMAC of the browser that looks. */
  browserId: string;
  now: Date;
}

/** What {@link suspendChanged} writes; anything else is said in general words. */
const REASONS: ReadonlySet<string> = new Set([
  'redirect_removed',
  'client_keys_moved',
  'client_proof_weaker',
  'client_resembles',
]);

export function appView({ consent, createdAt, lastUsedAt, client, resource }: Connected, sight: Sight): AppView {
  const { id } = consent;
  return {
    id,
    ...partiesOf(consent, client),
    resource: { name: displayName(resource.name) || resource.uri, host: new URL(resource.uri).host },
    groups: scopeGroups(consent, sight),
    since: createdAt,
    approvedAgainAt: consent.version > 1 ? consent.approvedAt : undefined,
    browser: consent.browserLabel === undefined ? undefined : partsOfLabel(consent.browserLabel),
    here: consent.browsers.at(-1) === sight.browserId,
    lastUsedAt,
    until: consent.expiresAt,
    suspended: consent.suspendedAt ? reasonsOf(consent.suspendedReason) : undefined,
    stopHref: `${APPS}/apps/${id}/stop`,
    receiptHref: `${APPS}/apps/${id}/receipt`,
  };
}

/** With a downstream client the row is about that one, through the proxy; names are those that were agreed to. */
function partiesOf(
  { clientId, downstream, redirectUri, stated }: Consent,
  { origin, metadata }: Connected['client'],
): Pick<AppView, 'client' | 'through' | 'redirect'> {
  const name = stated?.client.name || displayName(metadata.client_name);
  const redirect = redirectView(redirectUri);
  if (!downstream) {
    const host = origin === 'document' ? URL.parse(clientId)?.host : undefined;
    const resembles = stated?.client.resembles;
    return { client: { id: clientId, name: name || (host ?? clientId), host, resembles }, redirect };
  }
  const host = /^https:/.test(downstream.clientId) ? URL.parse(downstream.clientId)?.host : undefined;
  const called = stated?.downstream?.name || (host ?? downstream.clientId);
  return {
    client: { id: downstream.clientId, name: called, host, resembles: stated?.downstream?.resembles },
    through: { name: name || clientId, host: redirect.host, clientRedirect: redirectView(downstream.redirectUri) },
    redirect,
  };
}

function redirectView(uri: string): RedirectView {
  return uri === DEVICE_REDIRECT ? { kind: 'device', host: '' } : redirectHost(uri);
}

/** Those that have not ended by themselves, under what they do today; in the words that the person read. */
function scopeGroups(consent: Consent, { resource, locale, now }: Sight): ScopeGroup[] {
  const living = consent.scopes.filter((name) => timesOf(consent, name).until > now);
  const identity = living.filter((name) => IDENTITY_SCOPES.some((one) => one === name));
  const own = living.filter((name) => !identity.includes(name));
  const effectOf = (name: string) => resource.scopes.find((scope) => scope.name === name)?.effect ?? 'act';
  const groups: ScopeGroup[] = (['read', 'change', 'act'] as const).map((effect) => ({
    effect,
    scopes: own.filter((name) => effectOf(name) === effect).map((name) => scopeLine(consent, name, resource, locale)),
  }));
  groups.push({
    effect: 'identity',
    scopes: identity.map((name) => ({ name, sensitivity: 'low', tools: [], checked: true })),
  });
  return groups.filter(({ scopes }) => scopes.length > 0);
}

/** An older consent has no Japanese words: those of today stand for them where the scope still reads as it did. */
function scopeLine(
  { scopeWords, scopeDigests }: Consent,
  name: string,
  resource: Sight['resource'],
  locale: Locale,
): ScopeLine {
  const today = resource.scopes.find((scope) => scope.name === name);
  const agreed = scopeWords[name] ?? today;
  const same = today && scopeDigest(today) === scopeDigests[name];
  const { description = name, descriptionJa = same ? today.descriptionJa : undefined, tools = [] } = agreed ?? {};
  const said = inLocale({ description, descriptionJa }, locale);
  return { name, description: said || name, sensitivity: today?.sensitivity ?? 'low', tools, checked: true };
}

function reasonsOf(reason = ''): string[] {
  const known = reason.split(' ').filter((code) => REASONS.has(code));
  return known.length > 0 ? known : ['changed'];
}
