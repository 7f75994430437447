/** Asks the contract by which page a signed-in person is answered. */
import type { Context } from 'koa';
import type { Agreement, PageAnswer, Request } from '../consents/agreement.ts';
import type { RefusalSubject, Refusals } from '../consents/refusals.ts';
import type { Browsers } from '../web/browser.ts';
import { beganStraight } from './began.ts';
import type { DescribeDeps, Interaction, Subject } from './describe.ts';
import { carriedBy } from './session.ts';

export interface PageDeps extends DescribeDeps {
  agreement: Agreement;
  refusals: Refusals;
  browsers: Browsers;
  familyOf: (clientId: string) => Promise<string | undefined>;
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
  const refusing = await refusalSubject(subject, accountId, deps);
  const prompts = String(interaction.params.prompt ?? '').split(' ');
  const circumstances = {
    browserId: browsers.identify(ctx),
    proven: subject.proven,
    straight: beganStraight(ctx, interaction),
    device: interaction.deviceCode !== undefined,
    namesNobody: subject.namesNobody,
    accountSwitched: carried.switched === true,
    pageAskedFor: prompts.includes('consent'),
    saidNoTwice: await refusals.saidNoTwice(refusing),
    blocked: await refusals.isBlocked(refusing),
  };
  return agreement.askForPage(requestOf(subject, accountId), circumstances, carried.without);
}

function requestOf({ asking, downstream, resource, scopes }: Subject, accountId: string): Request {
  return { ...asking, accountId, downstream, resource, scopes };
}

/** A client that proves nothing is known by what its registrations have in common: it could come back under a new ID. */
export async function refusalSubject(
  { client, downstream, proven, resource }: Subject,
  accountId: string,
  { familyOf }: PageDeps,
): Promise<RefusalSubject> {
  const family = proven ? undefined : await familyOf(client.clientId);
  const own = family ? `family ${family}` : `client ${client.clientId}`;
  return { accountId, subjectKey: downstream ? `${own} for ${downstream.clientId}` : own, resourceId: resource.id };
}
