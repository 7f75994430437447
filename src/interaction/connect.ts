/** Page A: sign-in and go-ahead in one. */
import type { Context } from 'koa';
import type { AccountStore } from '../accounts/store.ts';
import { AppError } from '../errors.ts';
import type { Connection } from '../federation/connection.ts';
import type { Csrf } from '../web/csrf.ts';
import type { ConnectModel } from '../web/pages.ts';
import { type Fields, single } from '../web/request-body.ts';
import { beganElsewhere, rememberWhereItBegan } from './began.ts';
import { type LocalRefused, type PasswordDeps, purposeOf, signInHere } from './connect-password.ts';
import { describe, type Interaction, type Subject } from './describe.ts';
import { carriedBy, finish, namedBy } from './session.ts';
import { beginUpstream, type UpstreamDeps } from './upstream.ts';

export type ConnectDeps = UpstreamDeps &
  PasswordDeps & { csrf: Csrf; accountStore: Pick<AccountStore, 'hasBreakGlass'> };

/** `?step=emergency` of page A: password fields for break-glass accounts, while a connection is exclusive. */
const EMERGENCY = 'emergency';

export async function showConnect(ctx: Context, interaction: Interaction, deps: ConnectDeps): Promise<void> {
  const subject = await describe(interaction, deps);
  await rememberWhereItBegan(ctx, interaction, deps);
  const { refusedBy } = carriedBy(interaction);
  const error = refusedBy === undefined ? {} : ({ error: 'refused_there', refusedBy } as const);
  await render(ctx, interaction, subject, deps, { ...error, emergency: ctx.query.step === EMERGENCY });
}

export async function submitConnect(
  ctx: Context,
  interaction: Interaction,
  fields: Fields,
  deps: ConnectDeps,
): Promise<void> {
  const subject = await describe(interaction, deps);
  const emergency = single(fields, 'step') === EMERGENCY;
  if (!deps.csrf.verify(single(fields, 'csrf'), bound(interaction, subject))) {
    await render(ctx, interaction, subject, deps, { error: 'expired', status: 403, emergency });
    return;
  }
  if (single(fields, 'decision') === 'cancel') {
    deps.audit.count('authorization.cancelled', 'cancelled_before_sign_in');
    ctx.redirect(await finish(interaction, { error: 'access_denied', error_description: 'cancelled by the person' }));
    return;
  }
  const { connections, exclusive } = await offerOf(subject, deps);
  const connectionId = single(fields, 'connection');
  if (connectionId !== undefined) {
    const connection = connections.find(({ id }) => id === connectionId);
    if (!connection) throw new AppError('invalid_request', 400, 'There is no such way to sign in.');
    const trip = { connection, chooseAccount: carriedBy(interaction).switched };
    return beginUpstream(ctx, interaction, subject, trip, deps);
  }
  const email = single(fields, 'email') ?? '';
  const refused = await signInHere(ctx, interaction, subject, { fields, breakGlassOnly: exclusive }, deps);
  if (refused) await render(ctx, interaction, subject, deps, { ...refused, email, emergency });
}

interface Attempt extends Partial<LocalRefused> {
  email?: string;
  refusedBy?: string | undefined;
  emergency: boolean;
}

/** Which connections the operator accepts for this server; nothing that the client sent has a say in it (threat 85). */
async function offerOf({ resource }: Subject, deps: ConnectDeps) {
  const all = await deps.connections.list();
  const accepted = resource.connectionIds;
  const connections: readonly Connection[] =
    accepted.length === 0 ? all : all.filter(({ id }) => accepted.includes(id));
  return { connections, exclusive: await deps.connections.isExclusive() };
}

async function render(
  ctx: Context,
  interaction: Interaction,
  subject: Subject,
  deps: ConnectDeps,
  { emergency, status = 200, ...attempt }: Attempt,
): Promise<void> {
  const { connections, exclusive } = await offerOf(subject, deps);
  const { email, error, refusedBy, retryAfterSeconds, ticket } = attempt;
  if (retryAfterSeconds) ctx.set('Retry-After', String(retryAfterSeconds));
  const action = `/interaction/${interaction.uid}`;
  // Where nobody could use it, it would only lead astray.
  const hasEmergency = exclusive && (await deps.accountStore.hasBreakGlass());
  const inEmergency = hasEmergency && emergency;
  const local = exclusive && !inEmergency ? null : { email };
  const model: ConnectModel = {
    action,
    csrf: deps.csrf.token(bound(interaction, subject)),
    ...subject.views,
    crossSite: beganElsewhere(ctx, interaction),
    local,
    ...(local && !ticket ? { passkey: await passkeyOf(ctx, interaction, deps) } : {}),
    secondFactor: ticket === undefined ? undefined : { ticket },
    connections: inEmergency || ticket ? [] : connections.map(({ id, name }) => ({ id, name })),
    emergency: hasEmergency
      ? { shown: inEmergency, href: inEmergency ? action : `${action}?step=${EMERGENCY}` }
      : undefined,
    error,
    refusedBy,
    retryAfterSeconds,
  };
  deps.respond.page(ctx, 'connect', model, { status, uiLocales: interaction.params.ui_locales });
}

/** Where nobody has one, it would only lead astray. */
async function passkeyOf(ctx: Context, interaction: Interaction, { passkeys, browsers }: ConnectDeps) {
  if (!(await passkeys.anybodyHasOne())) return undefined;
  const options = await passkeys.askFor({ browserId: browsers.identify(ctx), purpose: purposeOf(interaction) });
  return { options: JSON.stringify(options) };
}

/** The interaction's cookie is this browser's; nobody is signed in yet. What the page named must still be so. */
function bound(interaction: Interaction, subject: Subject): string[] {
  return ['connect', interaction.uid, namedBy(subject)];
}
