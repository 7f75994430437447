/**
 * The groups of a person: from the ID token, or from Microsoft Graph where the token has no room for them. The address
 * that the token names for it is ignored. What cannot be read is an error, never an empty list.
 */
import type { CustomFetch } from 'openid-client';
import type { Egress } from '../../web/egress.ts';
import { messageOf } from '../../web/fetch-failed.ts';
import { createOutbound } from '../outbound.ts';
import { UpstreamFailed } from '../upstream-failed.ts';
import { isGuid } from './clouds.ts';

const MAX_PAGES = 40;
const MAX_GROUPS = 20_000;
/** 11,000 ids are what Graph gives at most. */
const MAX_BYTES = 1024 * 1024;

/** @returns undefined where the token says nothing of groups, or that they are too many */
export function groupsInToken(claims: Readonly<Record<string, unknown>>): string[] | undefined {
  const { groups, hasgroups, _claim_names: elsewhere } = claims;
  const overage = typeof elsewhere === 'object' && elsewhere !== null && 'groups' in elsewhere;
  if (groups === undefined || overage || hasgroups === true || hasgroups === 'true') return undefined;
  // Names are not unique: anybody who may make a group could make another of the same name.
  if (Array.isArray(groups) && groups.every(isGuid)) return groups;
  throw new UpstreamFailed('failed', 'id_token: groups are not object ids', undefined, {
    reason: 'misconfigured',
    alarm: 'groups_not_ids',
  });
}

/** With a bound of its own: a Graph that hangs leaves sign-ins that need none of it alone. */
export function createGraph(fetch: Egress['fetch']) {
  const outbound = createOutbound(fetch, MAX_BYTES);

  return {
    /** Delegated `User.Read` is enough for one's own memberships; nested groups are included. */
    async groups(host: string, accessToken: string): Promise<string[]> {
      const groups: string[] = [];
      let next: string | undefined = `https://${host}/v1.0/me/getMemberObjects`;
      for (let pages = 0; next !== undefined; pages += 1) {
        // The token goes to no other host than it is for.
        if (URL.parse(next)?.origin !== `https://${host}`) throw unreadable('failed', 'foreign page');
        if (pages >= MAX_PAGES || groups.length > MAX_GROUPS) throw unreadable('failed', 'more than can be');
        const page: GraphPage = await readPage(outbound, next, accessToken, pages === 0);
        groups.push(...page.value);
        next = page.next;
      }
      return groups;
    },
  };
}

interface GraphPage {
  value: string[];
  next: string | undefined;
}

/** The first page is asked for by the action itself, the others are only fetched. */
async function readPage(
  outbound: CustomFetch,
  address: string,
  accessToken: string,
  isFirst: boolean,
): Promise<GraphPage> {
  const headers = { authorization: `Bearer ${accessToken}`, accept: 'application/json' };
  const action = {
    method: 'POST' as const,
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ securityEnabledOnly: false }),
  };
  const request = isFirst ? action : { method: 'GET' as const, headers, body: null };
  const answer = await outbound(address, { ...request, redirect: 'manual' }).catch((error: unknown) => {
    throw unreadable('unavailable', messageOf(error), error);
  });
  if (answer.status === 429 || answer.status >= 500) throw unreadable('unavailable', `answered ${answer.status}`);
  if (answer.status !== 200) throw unreadable('failed', `answered ${answer.status}`);
  return parsePage(await answer.text());
}

function parsePage(text: string): GraphPage {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw unreadable('failed', 'not JSON', error);
  }
  const { value, '@odata.nextLink': next } = Object(body) as Record<string, unknown>;
  if (!Array.isArray(value) || !value.every(isGuid) || !(next === undefined || typeof next === 'string')) {
    throw unreadable('failed', 'not a list of object ids');
  }
  return { value, next };
}

function unreadable(failure: 'failed' | 'unavailable', what: string, cause?: unknown): UpstreamFailed {
  return new UpstreamFailed(failure, `graph: ${what}`, cause, {
    reason: failure === 'failed' ? 'misconfigured' : 'throttled',
    alarm: failure === 'failed' ? 'groups_unreadable' : undefined,
  });
}
