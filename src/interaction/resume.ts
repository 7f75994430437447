/** What has to be settled before oidc-provider goes on with an authorization that our pages have answered. */
import type { Context, Middleware } from 'koa';
import type { Provider } from 'oidc-provider';
import { signedInAccount, signOut } from './session.ts';

/** oidc-provider also answers to other spellings of its paths. */
const RESUME = /^\/(?:authorize|device)\/([\w-]+)\/?$/i;
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

export interface ResumeDeps {
  provider: Pick<Provider, 'Interaction' | 'Session'>;
  resumeCookie: string;
  documents: { prepare(clientId: string): Promise<void> };
}

export function beforeResume(deps: ResumeDeps): Middleware {
  return async (ctx, next) => {
    const uid = METHODS.has(ctx.method) ? RESUME.exec(ctx.path)?.[1] : undefined;
    if (uid && ctx.cookies.get(deps.resumeCookie, { signed: true }) === uid) await settle(ctx as Context, uid, deps);
    await next();
  };
}

async function settle(ctx: Context, uid: string, { provider, documents }: ResumeDeps): Promise<void> {
  const interaction = await provider.Interaction.find(uid);
  if (!interaction) return;
  // While no transaction is open: what is wrong with the document oidc-provider tells.
  await documents.prepare(String(interaction.params.client_id));
  const login = (interaction.result as { login?: { accountId: string } } | undefined)?.login;
  if (!login) return;
  // oidc-provider would answer with a form that submits itself. Another tab signed in as somebody else meanwhile:
  // the later press counts.
  const present = await signedInAccount(ctx, provider);
  if (present !== undefined && present !== login.accountId) await signOut(ctx, provider);
}
