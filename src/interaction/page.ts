/** Asks the contract by which page a signed-in person is answered. */
import type { Context } from 'koa';
import { displayName } from '../clients/display-name.ts';
import { redirectKey } from '../clients/redirect-uris.ts';
import type { Agreement, PageAnswer, Request } from '../consents/agreement.ts';
import type { RefusalSubject } from '../consents/refusal.ts';
import type { Refusals } from '../consents/refusals.ts';
import type { ConsentStore } from '../consents/store.ts';
import type { Browsers } from '../web/browser.ts';
import { beganStraight } from './began.ts';
import { type DescribeDeps, type Interaction, isProvenDownstream, type Subject } from './describe.ts';
import { carriedBy } from './session.ts';

export interface PageDeps extends DescribeDeps {
  agreement: Agreement;
  refusals: Refusals;
  browsers: Browsers;
  familyOf: (clientId: string) => Promise<string | undefined>;
  consents: ConsentStore;
}

export async function choosePage(
  ctx: Context,
  interaction: Interaction,
  subject: Subject,
  accountId: string,
  deps: PageDeps,
): Promise<PageAnswer> {
  const { agreement, browsers, refusals } = deps;
  const carried = carriedBy(interaction);
  const refusing = await refusalSubjects(subject, accountId, deps);
  const prompts = String(interaction.params.prompt ?? '').split(' ');
  const circumstances = {
    browserId: browsers.identify(ctx),
    proven: subject.proven,
    straight: beganStraight(ctx, interaction),
    device: interaction.deviceCode !== undefined,
    namesNobody: subject.namesNobody,
    accountSwitched: carried.switched === true,
    pageAskedFor: prompts.includes('consent'),
    saidNoTwice: await some(refusing, refusals.saidNoTwice),
    administers: subject.resource.builtIn,
    blocked: await some([...refusing, ...partsOf(subject, accountId)], refusals.isBlocked),
  };
  return agreement.askForPage(requestOf(subject, accountId), circumstances, carried.without);
}

/** Who wants to hear no more of a proxy, or of a client, hears no more of the client through the proxy either. */
function partsOf({ asking, downstream, resource }: Subject, accountId: string): RefusalSubject[] {
  if (!downstream) return [];
  const { clientId, metadata, redirectUri } = downstream;
  const looks = `looks ${displayName(metadata.client_name).toLowerCase()} ${redirectKey(redirectUri)}`;
  const keys = [`client ${asking.clientId}`, `client ${clientId}`, ...(isProvenDownstream(downstream) ? [] : [looks])];
  return keys.map((subjectKey) => ({ accountId, resourceId: resource.id, subjectKey }));
}

async function some<T>(all: readonly T[], holds: (one: T) => Promise<boolean>): Promise<boolean> {
  for (const one of all) if (await holds(one)) return true;
  return false;
}

function requestOf({ asking, downstream, resource, scopes }: Subject, accountId: string): Request {
  return { ...asking, accountId, downstream, resource, scopes };
}

/**
 * Under which names denials and blocks of this request are kept: the client's own, and for a client that proves nothing
 * and has no consent of its own yet what it looks like, since it could come back under another ID. A program that the
 * person does use is not judged by what others that look like it were told.
 */
export async function refusalSubjects(
  { asking, downstream, proven, resource, redirectUri }: Subject,
  accountId: string,
  { consents }: PageDeps,
): Promise<RefusalSubject[]> {
  const { clientId, metadata } = asking;
  const parties = { accountId, resourceId: resource.id };
  const own = `client ${clientId}${downstream ? ` for ${downstream.clientId}` : ''}`;
  const subjects = [{ ...parties, subjectKey: own }];
  if (proven || downstream) return subjects;
  if ((await consents.listLiving({ ...parties, clientId, downstreamClientId: null })).length > 0) return subjects;
  const looks = `looks ${displayName(metadata.client_name).toLowerCase()} ${redirectKey(redirectUri)}`;
  return [...subjects, { ...parties, subjectKey: looks }];
}
