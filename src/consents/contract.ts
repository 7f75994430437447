/**
 * The contract: whether a request is covered by what a person agreed to, by which page it is answered where it is not
 * yet pressed, and every reason why. Asked at each mint: authorize, resume, code, refresh, device.
 */
import type { Consent, ScopeTimes, Terms } from './consent.ts';
import { type Difference, differ, gradeOf, timesOf } from './differences.ts';

/** After the press. `refresh` survives what the next page can show; everything else must be covered in full. */
export type Moment = 'resume' | 'code' | 'refresh' | 'device';

export type Judgement =
  /** `withheld`: scopes that stay out of the token until they are pressed, accepted or allowed again. */
  { covered: true; withheld: readonly string[] } | { covered: false; differences: readonly Difference[] };

interface Sight {
  now: Date;
  /** The redirect URI without a loopback port. */
  redirectKeyOf: (uri: string) => string;
}

/** Whether this very consent still covers the request. Absent never means allowed. */
export function judge(consent: Consent | undefined, terms: Terms, sight: Sight & { moment: Moment }): Judgement {
  const differences = differ(consent, terms, sight);
  if (sight.moment !== 'refresh') {
    return differences.length === 0 ? { covered: true, withheld: [] } : { covered: false, differences };
  }
  const breaking = differences.filter((difference) => gradeOf(difference) === 'suspends');
  if (breaking.length > 0) return { covered: false, differences: breaking };
  const withholding = differences.filter((difference) => gradeOf(difference) === 'withheld');
  const withheld = [...new Set(withholding.flatMap((one) => ('scopes' in one ? one.scopes : [])))];
  const identity = terms.scopes.filter((scope) => terms.scopeWords[scope] === undefined);
  const left = terms.scopes.filter((scope) => !withheld.includes(scope) && !identity.includes(scope));
  return left.length > 0 ? { covered: true, withheld } : { covered: false, differences: withholding };
}

/** Of this one request, before the press. */
export interface Circumstances {
  /** HMAC of the browser. */
  browserId: string;
  /** The client is known by more than its word (consent.md §1). */
  proven: boolean;
  /** The browser was opened by a program, not by a web site or a link (`Sec-Fetch-Site: none`). */
  straight: boolean;
  device: boolean;
  /** A proxy that does not say for whom it asks. */
  namesNobody: boolean;
  /** "Not you?" was pressed in this request. */
  accountSwitched: boolean;
  /** The client asked for the page (`prompt=consent`). */
  pageAskedFor: boolean;
  /** The person said no twice within ten minutes. */
  saidNoTwice: boolean;
  blocked: boolean;
  /** It is about the administration API, which takes a full page every time. */
  administers?: boolean | undefined;
}

/**
 * - `full`: page C, or F where `widens` holds
 * - `short`: page D, or where the person has just pressed on page A none any more
 * - `approval`: page E
 * - `stopped`: page G
 */
export type PageJudgement = {
  page: 'full' | 'short' | 'approval' | 'stopped';
  differences: readonly Difference[];
  /** The living consent that the request was compared with: its own, or one of the same family. */
  basis: Consent | undefined;
  /** Nothing but wider scopes under a living consent. */
  widens: boolean;
};

const FULL_PAGE_EVERY_MS = 90 * 86_400_000;
/** "Just this once" is over sooner than anybody comes back for a short page. */
export const ONCE_MS = 15 * 60_000;

/**
 * By which page a request is answered. Always by one: there is no code without a press.
 *
 * @param candidates living consents of this account for this resource: this client's, and for a client that proves
 *   nothing those of its family; the first is the nearest
 */
export function judgePage(
  candidates: readonly Consent[],
  terms: Terms,
  circumstances: Circumstances,
  sight: Sight,
): PageJudgement {
  // A member of the family stands for the same program: its client ID is nothing that could differ.
  const asked = (consent: Consent): Terms => ({ ...terms, clientId: consent.clientId });
  const compared = candidates.map((consent) => ({ consent, found: differ(consent, asked(consent), sight) }));
  const best = compared.sort((one, other) => weight(one.found) - weight(other.found))[0];
  const found = best?.found ?? differ(undefined, terms, sight);
  const differences = [...found, ...circumstantial(best?.consent, terms.scopes, circumstances, sight.now)];
  const basis = best?.consent;
  const answer = (page: PageJudgement['page']): PageJudgement => ({ page, differences, basis, widens: false });
  const { admission } = terms;
  if (circumstances.blocked) return answer('stopped');
  if (admission.denied.length > 0) return answer('stopped');
  if (admission.waiting.length > 0) return answer('approval');
  if (differences.length === 0) return answer('short');
  return { ...answer('full'), widens: found.length > 0 && found.every(({ kind }) => kind === 'scopes_added') };
}

/** The consent that differs least, and least gravely. */
function weight(differences: readonly Difference[]): number {
  return differences.reduce(
    (sum, one) => sum + (one.kind === 'scopes_added' ? 1 : gradeOf(one) === 'suspends' ? 100 : 10),
    0,
  );
}

/** Of several scopes: what ends first, and what was shown the longest ago. */
export function earliest(times: readonly ScopeTimes[]): ScopeTimes {
  const least = (dates: readonly Date[]) => new Date(Math.min(...dates.map((date) => date.getTime())));
  return { until: least(times.map(({ until }) => until)), shownAt: least(times.map(({ shownAt }) => shownAt)) };
}

function circumstantial(
  basis: Consent | undefined,
  scopes: readonly string[],
  circumstances: Circumstances,
  now: Date,
): Difference[] {
  const found: Difference[] = [];
  if (circumstances.blocked) found.push({ kind: 'blocked' });
  if (circumstances.saidNoTwice) found.push({ kind: 'said_no_twice' });
  if (circumstances.device) found.push({ kind: 'device' });
  if (circumstances.namesNobody) found.push({ kind: 'names_nobody' });
  if (circumstances.administers) found.push({ kind: 'administers' });
  if (circumstances.accountSwitched) found.push({ kind: 'account_switched' });
  if (circumstances.pageAskedFor) found.push({ kind: 'asked_for' });
  if (!basis) return found;
  const times = scopes.filter((scope) => basis.scopes.includes(scope)).map((scope) => timesOf(basis, scope));
  const { shownAt } = earliest(times);
  if (shownAt.getTime() + FULL_PAGE_EVERY_MS <= now.getTime()) found.push({ kind: 'long_ago', at: shownAt });
  if (times.some((one) => one.until.getTime() - one.shownAt.getTime() <= ONCE_MS)) found.push({ kind: 'once' });
  if (!basis.browsers.includes(circumstances.browserId)) found.push({ kind: 'other_browser' });
  if (!circumstances.proven && !circumstances.straight) found.push({ kind: 'not_straight' });
  return found;
}
