/** Who is signed in in this browser, and what an interaction carries from one page to the next. */
import type { Context } from 'koa';
import type { Provider } from 'oidc-provider';
import { clientFingerprint } from '../clients/client.ts';
import type { Interaction, Subject } from './describe.ts';

/** What the pages of one request tell each other. It is kept on the server. */
export interface Carried {
  /** `Sec-Fetch-Site` of the first page; '' where the browser said nothing. */
  began?: { site: string };
  /** "Not you?" was pressed. */
  switched?: boolean;
  /** Scopes that the person goes on without, though an administrator could allow them. */
  without?: readonly string[];
  /** The press on page A, and what it named. */
  pressed?: { named: string };
  /** `ts`: when, in seconds since the epoch. */
  login?: { accountId: string; ts?: number };
  present?: Present;
  /** The connection by which this sign-in came, as logouts there name it. */
  upstream?: { connectionId: string; issuer: string; subject: string; sid?: string | undefined };
  /** Name of a connection that the person just came back from with a no. */
  refusedBy?: string;
  /** A press on page F that waits for that proof. */
  pending?: Pending;
  /** The request to an administrator that was made on this page. */
  asked?: string;
}

/** When this person last proved to be here: seconds since the epoch, by `auth_time` of the provider. */
export interface Present {
  accountId: string;
  at: number;
  /** Authentication contexts that were asked for and reached, and when the provider said so. */
  contexts?: Readonly<Record<string, number>>;
}

export interface Pending {
  /** What the page showed. */
  bound: readonly string[];
  approved: readonly string[];
  expiry: string | undefined;
}

export function carriedBy(interaction: Interaction): Carried {
  return (interaction.lastSubmission ?? {}) as Carried;
}

/** What a press on page A was about. It counts for nothing else. */
export function namedBy({ asking, downstream, redirectUri, resource }: Subject): string {
  const through = downstream && [downstream.clientId, downstream.redirectUri, clientFingerprint(downstream.metadata)];
  return JSON.stringify([
    asking.clientId,
    clientFingerprint(asking.metadata),
    redirectUri,
    resource.uri,
    through ?? null,
  ]);
}

/** What a page calls a person; a provider may give no address. */
export function calledBy(account: { email: string; name: string | null } | undefined): string {
  return account?.email || account?.name || '';
}

/** The signed-in account's id. */
export async function signedInAccount(ctx: Context, provider: Pick<Provider, 'Session'>): Promise<string | undefined> {
  return (await provider.Session.get(ctx as never)).accountId;
}

/**
 * Signs the person out without ending the session itself, so that requests under way in this browser go on: each of
 * them then asks who is there.
 */
export async function signOut(ctx: Context, provider: Pick<Provider, 'Session'>): Promise<void> {
  const session = (await provider.Session.get(ctx as never)) as unknown as Record<string, unknown> & {
    persist(): Promise<string>;
  };
  if (!session.accountId) return;
  for (const key of ['accountId', 'loginTs', 'amr', 'acr', 'authorizations', 'transient', 'upstream'])
    delete session[key];
  await session.persist();
}

/** Stores what came of the page and says where oidc-provider goes on. */
export async function finish(interaction: Interaction, result: Record<string, unknown>): Promise<string> {
  // What was pressed under an earlier sign-in goes with it.
  const { consent: _, refusedBy: _said, ...carried } = (interaction.lastSubmission ?? {}) as Record<string, unknown>;
  if ('login' in result) delete carried.upstream;
  const merged: Record<string, unknown> = 'error' in result ? result : { ...carried, ...result };
  interaction.result = merged as typeof interaction.result;
  // Names whose pending sign-in this is, so that it can end with their sessions.
  if (merged.login) Object.assign(interaction, { accountId: (merged.login as { accountId: string }).accountId });
  await interaction.persist();
  return interaction.returnTo;
}

/**
 * Asks again from the start, with whoever is signed in now, or nobody; where the request came from stays known.
 *
 * @param switched the person said that it was not them: no short page follows
 */
export async function startOver(interaction: Interaction, { switched = false } = {}): Promise<string> {
  const carried = carriedBy(interaction);
  const kept: Carried = {
    ...(carried.began ? { began: carried.began } : {}),
    ...(switched || carried.switched ? { switched: true } : {}),
  };
  interaction.result = kept as typeof interaction.result;
  interaction.session = undefined;
  await interaction.persist();
  return interaction.returnTo;
}

/** What the next load of this very page has to know. */
export async function carry(interaction: Interaction, more: Carried): Promise<void> {
  interaction.lastSubmission = { ...interaction.lastSubmission, ...more } as typeof interaction.lastSubmission;
  await interaction.persist();
}
