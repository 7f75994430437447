/** What a press makes of a consent: its next version, in which nothing lasts longer than it was shown to last. */
import type { Consent, ScopeTimes, ScopeWords, Terms } from './consent.ts';
import { timesOf } from './differences.ts';

/** A press: what the person saw and what they left ticked. */
export interface Press {
  /** What the page was about. */
  terms: Terms;
  /** The scopes that the page offered, and those of them that stayed ticked. */
  shown: readonly string[];
  approved: readonly string[];
  /** HMAC of the browser that pressed. */
  browserId: string;
  /** What it is called, as `browserLabel` says it; '' where it does not say. */
  browserLabel: string;
  /** Of the full page. */
  expiresAt: Date;
  /** A short page shows nothing anew: what it goes on under, and no longer than that. */
  basis?: Consent | undefined;
}

/** What is stored of each scope beside its digest; dates as ISO 8601. */
export interface AgreedScope extends ScopeWords {
  until: string;
  shownAt: string;
}

const MAX_BROWSERS = 20;

/**
 * Scopes that the page did not show stay as they were agreed before (another sign-in of the same client holds them), as
 * long as they were agreed to; but not under a suspended consent, which nobody has seen since the client changed.
 */
export function nextVersion(before: Consent, press: Press, now: Date) {
  const { terms, shown, approved, browserId, browserLabel } = press;
  const alive = before.expiresAt > now && !before.suspendedAt;
  const lasting = before.scopes.filter((scope) => alive && timesOf(before, scope).until > now);
  const kept = lasting.filter((scope) => !shown.includes(scope));
  const scopes = [...new Set([...kept, ...approved])];
  const times = new Map(
    scopes.map((scope) => {
      const earlier = lasting.includes(scope) ? timesOf(before, scope) : undefined;
      return [scope, approved.includes(scope) ? later(earlier, pressedTimes(press, scope, now)) : earlier] as const;
    }),
  );
  const agreed = scopes.map((scope) => {
    const words = (approved.includes(scope) ? terms.scopeWords : before.scopeWords)[scope];
    const { until, shownAt } = times.get(scope) ?? pressedTimes(press, scope, now);
    const { description = '', descriptionJa, tools = [] } = words ?? {};
    const said = { description, ...(descriptionJa === undefined ? {} : { descriptionJa }), tools };
    return [scope, { ...said, until: until.toISOString(), shownAt: shownAt.toISOString() }] as const;
  });
  const digests = (scope: string) => (approved.includes(scope) ? terms.scopeDigests : before.scopeDigests)[scope] ?? '';
  return {
    redirectUri: terms.redirectUri,
    scopes,
    clientFingerprint: terms.clientFingerprint,
    stated: terms.stated,
    scopeDigests: Object.fromEntries(scopes.map((scope) => [scope, digests(scope)])),
    scopeWords: Object.fromEntries(agreed) as Record<string, AgreedScope>,
    version: before.version + 1,
    browserId,
    browsers: [...before.browsers.filter((one) => one !== browserId), browserId].slice(-MAX_BROWSERS),
    browserLabel: browserLabel || null,
    approvedAt: now,
    fullPageAt: latest([...times.values()].map((one) => one?.shownAt ?? now)),
    expiresAt: latest([...times.values()].map((one) => one?.until ?? now)),
    suspendedAt: null,
    suspendedReason: null,
  };
}

function pressedTimes({ basis, expiresAt }: Press, scope: string, now: Date): ScopeTimes {
  return basis ? timesOf(basis, scope) : { until: expiresAt, shownAt: now };
}

/** A press takes nothing back of what was given for longer. */
function later(earlier: ScopeTimes | undefined, pressed: ScopeTimes): ScopeTimes {
  if (!earlier) return pressed;
  return { until: latest([earlier.until, pressed.until]), shownAt: latest([earlier.shownAt, pressed.shownAt]) };
}

function latest(dates: readonly Date[]): Date {
  return new Date(Math.max(...dates.map((date) => date.getTime())));
}
