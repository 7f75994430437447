/** Page F adds a sensitive scope: whoever presses proves to be the person, now, and not whoever found the browser open. */
import type { Context } from 'koa';
import { amrOf, type Method, type SignInResult } from '../accounts/sign-in.ts';
import { events } from '../audit/events.ts';
import { addedScopes } from '../consents/differences.ts';
import { type Connection, isExclusive } from '../federation/connection.ts';
import type { ConsentModel } from '../web/pages.ts';
import { type Fields, single } from '../web/request-body.ts';
import { emergencyAt } from './connect-password.ts';
import type { ConsentDeps } from './consent-deps.ts';
import type { Interaction } from './describe.ts';
import type { Scene } from './scene.ts';
import { type Carried, carriedBy, carry, type Pending } from './session.ts';
import { beginUpstream } from './upstream.ts';

export type Presence = NonNullable<ConsentModel['presence']>;
type LocalPresence = Extract<Presence, { by: 'password' }>;

export type Proof =
  | { kind: 'present'; result: Record<string, unknown> }
  | { kind: 'refused'; status: number; presence: Presence }
  /** The person was sent upstream and comes back with the proof, or not at all. */
  | { kind: 'sent' };

/** How long after a sign-in nobody is asked again; by `auth_time`, never by the age of a token. */
const FRESH_SECONDS = 300;

/** What the page asks for; undefined where nothing sensitive is added or the person has just signed in. */
export async function presenceOf(scene: Scene, deps: ConsentDeps): Promise<Presence | undefined> {
  const connection = await connectionOf(scene, deps);
  if (!(await missing(scene, scene.answer.offered, connection, deps))) return undefined;
  return connection ? { by: 'connection', name: connection.name } : byPassword(scene, deps);
}

/** In its place a passkey, where the person has one. */
async function byPassword(scene: Scene, deps: ConsentDeps, error?: LocalPresence['error']): Promise<LocalPresence> {
  const { passkeys } = deps;
  const own = passkeys.possible ? await passkeys.list(scene.accountId) : [];
  if (own.length === 0) return { by: 'password', error };
  return {
    by: 'password',
    error,
    passkey: { options: JSON.stringify(await passkeys.askFor(termsOf(scene, deps), own)) },
  };
}

/** A challenge, and the ticket of a code, are for this page, this browser and this person. */
function termsOf({ ctx, interaction, accountId }: Scene, { browsers }: ConsentDeps) {
  return { browserId: browsers.identify(ctx), purpose: `presence ${interaction.uid} ${accountId}` };
}

/** @param press what was pressed, kept while the person is sent upstream */
export async function provePresence(
  scene: Scene,
  press: Omit<Pending, 'bound'>,
  fields: Fields,
  deps: ConsentDeps,
): Promise<Proof> {
  const connection = await connectionOf(scene, deps);
  const proof = await missing(scene, press.approved, connection, deps);
  if (!proof) return { kind: 'present', result: {} };
  if (!connection) return proveHere(scene, fields, deps);
  const { ctx, interaction, subject, accountId, bound } = scene;
  const trip = { connection, presenceOf: accountId, authContext: proof.context };
  await beginUpstream(ctx, interaction, subject, trip, deps);
  await carry(interaction, { pending: { ...press, bound } });
  return { kind: 'sent' };
}

/** The press that the person made before they went upstream, now that they are back and proved to be here. */
export async function pressedBefore(scene: Scene, deps: ConsentDeps): Promise<Pending | undefined> {
  const { pending } = carriedBy(scene.interaction);
  const same =
    pending?.bound.length === scene.bound.length && pending.bound.every((one, at) => one === scene.bound[at]);
  if (!pending || !same) return undefined;
  return (await missing(scene, pending.approved, await connectionOf(scene, deps), deps)) ? undefined : pending;
}

/** By a password, the code that follows it where the person has an app for it, or a passkey. */
async function proveHere(scene: Scene, fields: Fields, deps: ConsentDeps): Promise<Proof> {
  const { subject, accountId } = scene;
  const breakGlassOnly = await isExclusive(deps.connections);
  const method = single(fields, 'passkey') ? 'passkey' : single(fields, 'ticket') ? 'code' : 'password';
  const outcome = await signInBy(method, scene, { fields, breakGlassOnly }, deps);
  if (!outcome.ok || outcome.account.id !== accountId)
    return refuse(scene, outcome, { method, ticket: single(fields, 'ticket') }, deps);
  if (outcome.by === 'recovery') await deps.factorChanges.recoveryCodeUsed(outcome.account);
  if (breakGlassOnly) await deps.soundBreakGlass(outcome.account, emergencyAt(subject));
  const ts = Math.floor(deps.now().getTime() / 1000);
  return { kind: 'present', result: { login: { accountId, amr: amrOf(method), ts } } };
}

async function signInBy(
  method: Method,
  scene: Scene,
  { fields, breakGlassOnly }: { fields: Fields; breakGlassOnly: boolean },
  deps: ConsentDeps,
): Promise<SignInResult> {
  const field = (name: string) => single(fields, name) ?? '';
  const terms = termsOf(scene, deps);
  if (method === 'passkey') {
    const proven = await deps.passkeys.verify(field('passkey'), terms);
    if (proven?.accountId !== scene.accountId) return { ok: false, reason: 'credentials', accountId: scene.accountId };
    return deps.accounts.signInByPasskey(proven.accountId, { breakGlassOnly });
  }
  const binding = `${terms.purpose} ${terms.browserId}`;
  const claim = { address: deps.clientAddress(scene.ctx), breakGlassOnly, binding };
  if (method === 'code')
    return deps.accounts.signInWithCode({ ...claim, ticket: field('ticket'), code: field('code') });
  const account = await deps.accountStore.findById(scene.accountId);
  return deps.accounts.signIn({ ...claim, email: account?.email ?? '', password: field('password') });
}

async function refuse(
  scene: Scene,
  outcome: SignInResult,
  { method, ticket }: { method: Method; ticket: string | undefined },
  deps: ConsentDeps,
): Promise<Proof> {
  const { ctx, subject, accountId } = scene;
  const reason = outcome.ok ? 'credentials' : outcome.reason;
  if (!outcome.ok && outcome.reason === 'second_factor')
    return { kind: 'refused', status: 200, presence: { by: 'password', ticket: outcome.ticket } };
  if (!outcome.ok && outcome.reason === 'throttled') {
    ctx.set('Retry-After', String(outcome.retryAfterSeconds));
    const presence = ticket ? { by: 'password' as const, ticket } : await byPassword(scene, deps);
    return { kind: 'refused', status: 429, presence: { ...presence, error: 'throttled' } };
  }
  await deps.audit.record(events.signInFailed({ accountId, clientId: subject.client.clientId }, 'presence'));
  if (reason === 'code') return { kind: 'refused', status: 401, presence: { by: 'password', error: 'code', ticket } };
  const error = method === 'passkey' ? 'passkey' : 'credentials';
  return { kind: 'refused', status: 401, presence: await byPassword(scene, deps, error) };
}

/**
 * The connection by which the person signed in here, else their first living one, of those that the MCP server accepts;
 * undefined for a password.
 */
async function connectionOf({ ctx, accountId, subject }: Scene, deps: ConsentDeps): Promise<Connection | undefined> {
  const accepted = subject.resource.connectionIds;
  const all = await deps.accountStore.listIdentities(accountId);
  const identities = all.filter(({ connectionId }) => accepted.length === 0 || accepted.includes(connectionId));
  const here = await deps.upstreamSessions.connectionOf((await sessionOf(ctx, deps)).uid);
  const ids = identities.map(({ connectionId }) => connectionId);
  for (const id of ids.filter((one) => one === here).concat(ids)) {
    const connection = await deps.connections.find(id);
    if (connection) return connection;
  }
  return undefined;
}

/**
 * What has yet to be proven for these scopes. Where an administrator named an authentication context for a scope, only
 * that proves it, and always; else a sensitive scope that is added takes a sign-in of just now.
 */
async function missing(
  scene: Scene,
  scopes: readonly string[],
  connection: Connection | undefined,
  deps: ConsentDeps,
): Promise<{ context?: string | undefined } | undefined> {
  const { ctx, interaction, subject, accountId, answer } = scene;
  const carried = carriedBy(interaction).present;
  const present = carried?.accountId === accountId ? carried : undefined;
  const isStale = (at = 0) => deps.now().getTime() / 1000 - at > FRESH_SECONDS;
  const contextOf = (scope: string) => connection?.authContextFor(subject.resource.uri, [scope]);
  const context = scopes.map(contextOf).find((one) => one !== undefined && isStale(present?.contexts?.[one]));
  if (context !== undefined) return { context };
  // Whoever administers proves it anew every time, in this very request.
  if (subject.resource.builtIn) return isStale(provenAt(interaction, accountId)) ? {} : undefined;
  const added = addedScopes(answer.differences).filter((scope) => scopes.includes(scope));
  const sensitive = subject.resource.scopes.some(
    ({ name, sensitivity }) => sensitivity === 'high' && added.includes(name) && contextOf(name) === undefined,
  );
  const { loginTs = 0 } = await sessionOf(ctx, deps);
  return sensitive && isStale(Math.max(loginTs, present?.at ?? 0)) ? {} : undefined;
}

/**
 * When the person last proved within this request to be there, in seconds since the epoch; 0 where they have not.
 *
 * @param result what the press itself brought: a password, typed on the page
 */
export function provenAt(interaction: Interaction, accountId: string, result: Pick<Carried, 'login'> = {}): number {
  const { login, present } = carriedBy(interaction);
  const times = [result.login, login].map((one) => (one?.accountId === accountId ? (one.ts ?? 0) : 0));
  return Math.max(...times, present?.accountId === accountId ? present.at : 0);
}

async function sessionOf(ctx: Context, { provider }: ConsentDeps): Promise<{ uid: string; loginTs?: number }> {
  return (await provider.Session.get(ctx as never)) as { uid: string; loginTs?: number };
}
