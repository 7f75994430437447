/** Who is signed in in this browser, beside oidc-provider's own reading of it. */
import type { Context } from 'koa';
import type { Provider } from 'oidc-provider';
import type { Interaction } from './describe.ts';

/** The signed-in account's id. */
export async function signedInAccount(ctx: Context, provider: Provider): Promise<string | undefined> {
  return (await provider.Session.get(ctx as never)).accountId;
}

/**
 * Signs the person out without ending the session itself, so that requests under way in this browser go on: each of
 * them then asks who is there.
 */
export async function signOut(ctx: Context, provider: Provider): Promise<void> {
  const session = (await provider.Session.get(ctx as never)) as unknown as Record<string, unknown> & {
    persist(): Promise<string>;
  };
  if (!session.accountId) return;
  for (const key of ['accountId', 'loginTs', 'amr', 'acr', 'authorizations', 'transient']) delete session[key];
  await session.persist();
}

/** Stores what came of the page and says where oidc-provider goes on. */
export async function finish(interaction: Interaction, result: Record<string, unknown>): Promise<string> {
  const merged: Record<string, unknown> = 'error' in result ? result : { ...interaction.lastSubmission, ...result };
  interaction.result = merged as typeof interaction.result;
  // Names whose pending sign-in this is, so that it can end with their sessions.
  if (merged.login) Object.assign(interaction, { accountId: (merged.login as { accountId: string }).accountId });
  await interaction.persist();
  return interaction.returnTo;
}

/** Asks again from the start, with whoever is signed in now, or nobody; where the request came from stays known. */
export async function startOver(interaction: Interaction): Promise<string> {
  const { began } = (interaction.lastSubmission ?? {}) as { began?: unknown };
  interaction.result = (began ? { began } : {}) as typeof interaction.result;
  interaction.session = undefined;
  await interaction.persist();
  return interaction.returnTo;
}
