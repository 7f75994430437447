/** Page A: sign-in and go-ahead in one. */
import type { Context } from 'koa';
import type { Accounts } from '../accounts/account.ts';
import { events } from '../audit/events.ts';
import type { Csrf } from '../web/csrf.ts';
import type { ConnectModel } from '../web/pages.ts';
import { type Fields, single } from '../web/request-body.ts';
import type { Respond } from '../web/respond.ts';
import { beganElsewhere, rememberWhereItBegan } from './began.ts';
import { describe, type Interaction, type Subject } from './describe.ts';
import { carriedBy, finish, namedBy, signedInAccount, signOut } from './session.ts';
import { beginUpstream, type UpstreamDeps } from './upstream.ts';

export interface ConnectDeps extends UpstreamDeps {
  accounts: Accounts;
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
  if (!deps.csrf.verify(single(fields, 'csrf'), bound(interaction, subject))) {
    render(ctx, interaction, subject, deps, { error: 'expired', status: 403 });
    return;
  }
  if (single(fields, 'decision') === 'cancel') {
    deps.audit.count('authorization.cancelled', 'cancelled_before_sign_in');
    ctx.redirect(await finish(interaction, { error: 'access_denied', error_description: 'cancelled by the person' }));
    return;
  }
  const connectionId = single(fields, 'connection');
  if (connectionId !== undefined) {
    const trip = { connectionId, chooseAccount: carriedBy(interaction).switched };
    return beginUpstream(ctx, interaction, subject, trip, deps);
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
  const login = { accountId: account.id, amr: ['pwd'], ts: Math.floor(deps.now().getTime() / 1000) };
  // Proven anew: the session that the page began under, which may have ended since, no longer matters.
  interaction.session = undefined;
  ctx.redirect(await finish(interaction, { login, pressed: { named: namedBy(subject) }, select_account: {} }));
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
    csrf: deps.csrf.token(bound(interaction, subject)),
    ...subject.views,
    crossSite: beganElsewhere(ctx, interaction),
    local: { email },
    connections: deps.connections.map(({ id, name }) => ({ id, name })),
    error,
    retryAfterSeconds,
  };
  deps.respond.page(ctx, 'connect', model, { status, uiLocales: interaction.params.ui_locales });
}

/** The interaction's cookie is this browser's; nobody is signed in yet. What the page named must still be so. */
function bound(interaction: Interaction, subject: Subject): string[] {
  return ['connect', interaction.uid, namedBy(subject)];
}
