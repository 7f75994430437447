/** What has to be settled before oidc-provider goes on with an authorization that our pages have answered. */
import type { Context, Middleware } from 'koa';
import type { Provider } from 'oidc-provider';
import { signedInAccount, signOut } from './session.ts';

const RESUME = /^\/(?:authorize|device)\/([\w-]+)$/;

export function beforeResume(deps: { provider: Provider; resumeCookie: string }): Middleware {
  return async (ctx, next) => {
    const uid = ctx.method === 'GET' ? RESUME.exec(ctx.path)?.[1] : undefined;
    if (uid && ctx.cookies.get(deps.resumeCookie, { signed: true }) === uid) await settle(ctx as Context, uid, deps);
    await next();
  };
}

async function settle(ctx: Context, uid: string, { provider }: { provider: Provider }): Promise<void> {
  const interaction = await provider.Interaction.find(uid);
  if (!interaction) return;
  // Its document is fetched now, while no transaction is open; what is wrong with it oidc-provider tells.
  await provider.Client.find(String(interaction.params.client_id)).catch(() => {});
  const login = (interaction.result as { login?: { accountId: string } } | undefined)?.login;
  if (!login) return;
  // oidc-provider would answer with a form that submits itself. Another tab signed in as somebody else meanwhile:
  // the later press counts.
  const present = await signedInAccount(ctx, provider);
  if (present !== undefined && present !== login.accountId) await signOut(ctx, provider);
}
