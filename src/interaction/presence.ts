/** Page F adds a sensitive scope: whoever presses proves to be the person, now, and not whoever found the browser open. */
import { events } from '../audit/events.ts';
import { addedScopes } from '../consents/differences.ts';
import type { ConsentModel } from '../web/pages.ts';
import { type Fields, single } from '../web/request-body.ts';
import type { ConsentDeps, Scene } from './consent.ts';
import { carriedBy, carry, type Pending } from './session.ts';
import { beginUpstream } from './upstream.ts';

export type Presence = NonNullable<ConsentModel['presence']>;

export type Proof =
  | { kind: 'present'; result: Record<string, unknown> }
  | { kind: 'refused'; status: number; presence: Presence }
  /** The person was sent upstream and comes back with the proof, or not at all. */
  | { kind: 'sent' };

/** How long after a sign-in nobody is asked again; by `auth_time`, never by the age of a token. */
const FRESH_SECONDS = 300;

/** What the page asks for; undefined where nothing sensitive is added or the person has just signed in. */
export async function presenceOf(scene: Scene, deps: ConsentDeps): Promise<Presence | undefined> {
  if (!(await isNeeded(scene, scene.answer.offered, deps))) return undefined;
  const connection = await connectionOf(scene, deps);
  return connection ? { by: 'connection', name: connection.name } : { by: 'password' };
}

/** @param press what was pressed, kept while the person is sent upstream */
export async function provePresence(
  scene: Scene,
  press: Omit<Pending, 'bound'>,
  fields: Fields,
  deps: ConsentDeps,
): Promise<Proof> {
  if (!(await isNeeded(scene, press.approved, deps))) return { kind: 'present', result: {} };
  const connection = await connectionOf(scene, deps);
  if (!connection) return provePassword(scene, single(fields, 'password') ?? '', deps);
  const { ctx, interaction, subject, accountId, bound } = scene;
  await beginUpstream(ctx, interaction, subject, { connectionId: connection.id, presenceOf: accountId }, deps);
  await carry(interaction, { pending: { ...press, bound } });
  return { kind: 'sent' };
}

/** The press that the person made before they went upstream, now that they are back and proved to be here. */
export async function pressedBefore(scene: Scene, deps: ConsentDeps): Promise<Pending | undefined> {
  const { pending } = carriedBy(scene.interaction);
  const same =
    pending?.bound.length === scene.bound.length && pending.bound.every((one, at) => one === scene.bound[at]);
  if (!pending || !same || (await isNeeded(scene, pending.approved, deps))) return undefined;
  return pending;
}

async function provePassword({ ctx, subject, accountId }: Scene, password: string, deps: ConsentDeps): Promise<Proof> {
  const account = await deps.accountStore.findById(accountId);
  const attempt = { email: account?.email ?? '', password, address: deps.clientAddress(ctx) };
  const outcome = await deps.accounts.signIn(attempt);
  if (outcome.ok && outcome.account.id === accountId) {
    const login = { accountId, amr: ['pwd'], ts: Math.floor(deps.now().getTime() / 1000) };
    return { kind: 'present', result: { login } };
  }
  const throttled = !outcome.ok && outcome.reason === 'throttled';
  if (throttled) ctx.set('Retry-After', String(outcome.retryAfterSeconds));
  else await deps.audit.record(events.signInFailed({ accountId, clientId: subject.client.clientId }, 'presence'));
  const error = throttled ? 'throttled' : 'credentials';
  return { kind: 'refused', status: throttled ? 429 : 401, presence: { by: 'password', error } };
}

/** People of a connection have no password here. */
async function connectionOf({ accountId }: Scene, deps: ConsentDeps) {
  const [identity] = await deps.accountStore.listIdentities(accountId);
  return deps.connections.find(({ id }) => id === identity?.connectionId);
}

async function isNeeded(scene: Scene, scopes: readonly string[], deps: ConsentDeps): Promise<boolean> {
  const { ctx, interaction, subject, accountId, answer } = scene;
  const added = addedScopes(answer.differences).filter((scope) => scopes.includes(scope));
  const sensitive = subject.resource.scopes.some(
    ({ name, sensitivity }) => sensitivity === 'high' && added.includes(name),
  );
  if (!sensitive) return false;
  const { present } = carriedBy(interaction);
  const { loginTs } = (await deps.provider.Session.get(ctx as never)) as { loginTs?: number };
  const proofs = [loginTs ?? 0, present?.accountId === accountId ? present.at : 0];
  return deps.now().getTime() / 1000 - Math.max(...proofs) > FRESH_SECONDS;
}
