/** Where a request came from: a program on this computer, or a web site or a link. */
import type { Context } from 'koa';
import type { DescribeDeps, Interaction } from './describe.ts';
import { carriedBy } from './session.ts';

/** The first page knows it; the pages after it are reached from our own. '' where the browser says nothing. */
function site(ctx: Context, interaction: Interaction): string {
  return carriedBy(interaction).began?.site ?? ctx.get('sec-fetch-site');
}

/** Whether a website or a link sent the person here. */
export function beganElsewhere(ctx: Context, interaction: Interaction): boolean {
  return ['cross-site', 'same-site'].includes(site(ctx, interaction));
}

/** Whether a program opened the browser, or the person typed the address: only then a client may be one of the computer. */
export function beganStraight(ctx: Context, interaction: Interaction): boolean {
  return site(ctx, interaction) === 'none';
}

export async function rememberWhereItBegan(
  ctx: Context,
  interaction: Interaction,
  { provider }: Pick<DescribeDeps, 'provider'>,
): Promise<void> {
  if (carriedBy(interaction).began) return;
  // Read anew: while the client's document was fetched, the page may have been answered from a second load of it.
  const current = await provider.Interaction.find(interaction.uid);
  if (!current || current.result || carriedBy(current).began) return;
  const began = { site: ctx.get('sec-fetch-site') };
  current.lastSubmission = { ...current.lastSubmission, began } as typeof current.lastSubmission;
  interaction.lastSubmission = current.lastSubmission;
  await current.persist();
}
