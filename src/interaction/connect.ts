/** Page A: sign-in and go-ahead in one. */
import type { Context } from 'koa';
import type { Accounts } from '../accounts/account.ts';
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import type { Csrf } from '../web/csrf.ts';
import type { ConnectModel } from '../web/pages.ts';
import { type Fields, single } from '../web/request-body.ts';
import type { Respond } from '../web/respond.ts';
import { type DescribeDeps, describe, type Interaction, type Subject } from './describe.ts';
import { finish, signedInAccount, signOut } from './session.ts';

export interface ConnectDeps extends DescribeDeps {
  accounts: Accounts;
  audit: Audit;
  csrf: Csrf;
  respond: Respond;
  clientAddress: (ctx: Context) => string;
}

export async function showConnect(ctx: Context, interaction: Interaction, deps: ConnectDeps): Promise<void> {
  const subject = await describe(interaction, deps);
  await rememberWhereItBegan(ctx, interaction, deps);
  render(ctx, interaction, subject, deps, {});
}

export async function submitConnect(
  ctx: Context,
  interaction: Interaction,
  fields: Fields,
  deps: ConnectDeps,
): Promise<void> {
  const subject = await describe(interaction, deps);
  const party = { clientId: subject.client.clientId, resource: subject.resource.uri, scopes: subject.scopes };
  if (!deps.csrf.verify(single(fields, 'csrf'), bound(interaction))) {
    render(ctx, interaction, subject, deps, { error: 'expired', status: 403 });
    return;
  }
  if (single(fields, 'decision') === 'cancel') {
    deps.audit.count('authorization.cancelled', 'cancelled_before_sign_in');
    ctx.redirect(await finish(interaction, { error: 'access_denied', error_description: 'cancelled by the person' }));
    return;
  }
  const email = single(fields, 'email') ?? '';
  const password = single(fields, 'password') ?? '';
  const outcome = await deps.accounts.signIn({ email, password, address: deps.clientAddress(ctx) });
  if (!outcome.ok) {
    // What was not even looked at is counted: anybody can send it without end.
    if (outcome.accountId && outcome.reason !== 'throttled')
      await deps.audit.record(events.signInFailed({ ...party, accountId: outcome.accountId }, outcome.reason));
    else deps.audit.count('sign_in.failed', outcome.reason);
    const throttled = outcome.reason === 'throttled';
    render(ctx, interaction, subject, deps, {
      email,
      error: throttled ? 'throttled' : 'credentials',
      retryAfterSeconds: outcome.reason === 'throttled' ? outcome.retryAfterSeconds : undefined,
      status: throttled ? 429 : 401,
    });
    return;
  }
  const { account } = outcome;
  if ((await signedInAccount(ctx, deps.provider)) !== account.id) await signOut(ctx, deps.provider);
  await deps.audit.record(events.signInSucceeded({ ...party, accountId: account.id }, { method: 'password' }));
  const login = { accountId: account.id, amr: ['pwd'], ts: Math.floor(Date.now() / 1000) };
  // Proven anew: the session that the page began under, which may have ended since, no longer matters.
  interaction.session = undefined;
  ctx.redirect(await finish(interaction, { login, select_account: {} }));
}

interface Attempt {
  email?: string;
  error?: ConnectModel['error'];
  retryAfterSeconds?: number | undefined;
  status?: number;
}

function render(ctx: Context, interaction: Interaction, subject: Subject, deps: ConnectDeps, attempt: Attempt): void {
  const { email, error, retryAfterSeconds, status = 200 } = attempt;
  if (retryAfterSeconds) ctx.set('Retry-After', String(retryAfterSeconds));
  const model = {
    action: `/interaction/${interaction.uid}`,
    csrf: deps.csrf.token(bound(interaction)),
    ...subject.views,
    crossSite: beganElsewhere(ctx, interaction),
    local: { email },
    connections: [],
    error,
    retryAfterSeconds,
  };
  deps.respond.page(ctx, 'connect', model, { status, uiLocales: interaction.params.ui_locales });
}

/** The interaction's cookie is this browser's; nobody is signed in yet. */
function bound(interaction: Interaction): string[] {
  return ['connect', interaction.uid];
}

/**
 * Whether a website or a link sent the person here rather than a program on their computer. The first page knows it;
 * the pages after it are reached from our own.
 */
export function beganElsewhere(ctx: Context, interaction: Interaction): boolean {
  const began = (interaction.lastSubmission as { began?: { crossSite?: boolean } } | undefined)?.began;
  return began?.crossSite ?? ['cross-site', 'same-site'].includes(ctx.get('sec-fetch-site'));
}

export async function rememberWhereItBegan(
  ctx: Context,
  interaction: Interaction,
  { provider }: Pick<DescribeDeps, 'provider'>,
): Promise<void> {
  const known = interaction.lastSubmission as { began?: unknown } | undefined;
  if (known?.began) return;
  // Read anew: while the client's document was fetched, the page may have been answered from a second load of it.
  const current = await provider.Interaction.find(interaction.uid);
  if (!current || current.result) return;
  const began = { crossSite: beganElsewhere(ctx, interaction) };
  current.lastSubmission = { ...known, began } as typeof current.lastSubmission;
  await current.persist();
}
