/** How people sign in here: with a password and what else it takes, with a passkey, or vouched for by a connection. */
import { isEmail, normaliseEmail } from '../credentials.ts';
import { AppError } from '../errors.ts';
import type { Passwords } from './passwords.ts';
import type { SecondFactor } from './second-factor.ts';
import type { Account, AccountStore, IdentityKey, PersonUpstream } from './store.ts';
import type { Throttle } from './throttle.ts';

/** `accountId` is for the record: whom the attempt aimed at, where such an account exists. */
export type SignInResult =
  /** `by`: what came after the password, where something had to. */
  | { ok: true; account: Account; by?: 'code' | 'recovery' | undefined }
  /**
   * All but `credentials` knew the password. `disabled` and `not_break_glass` are shown the same words all the same;
   * `owes_sign_in`: a provider that knows the person asked for a sign-in there, and has not vouched for them since.
   */
  | { ok: false; reason: SignInRefusal; retryAfterSeconds?: undefined; accountId?: string | undefined }
  | { ok: false; reason: 'throttled'; retryAfterSeconds: number; accountId?: string | undefined }
  /** The password was right and opens nothing yet: `ticket` goes with the code. */
  | { ok: false; reason: 'second_factor'; ticket: string; retryAfterSeconds?: undefined; accountId: string };

/** `ticket`: too old, or not of this browser and page: from the start; `code`: a wrong one, or one that was used. */
export type SignInRefusal = 'credentials' | Refusal | 'ticket' | 'code';
type Refusal = 'disabled' | 'not_break_glass' | 'owes_sign_in';

export type IdentitySignInResult =
  /** `created`: nobody had come by this identity before. */
  | { ok: true; account: Account; created: boolean }
  | { ok: false; reason: 'disabled'; account: Account }
  /** `orphaned`: the connection was changed, and an owner has to confirm that these are the same people. */
  | { ok: false; reason: 'orphaned'; account: Account }
  /** The directory has sent nobody of this identity. */
  | { ok: false; reason: 'not_provisioned'; account?: undefined };

/** Whether a connection is exclusive: nobody else than break-glass accounts signs in here. */
interface Ways {
  breakGlassOnly?: boolean | undefined;
}

export interface SignInDeps {
  store: AccountStore;
  passwords: Passwords;
  throttle: Throttle;
  secondFactor: Pick<SecondFactor, 'isOn' | 'check' | 'writeTicket' | 'readTicket' | 'isOfPassword'>;
  now: () => Date;
}

/** Hashing happens before the first write, so no transaction is held open by it. */
export function createSignIn({ store, passwords, throttle, secondFactor, now }: SignInDeps) {
  /**
   * @param claim.address the client's IP address
   * @param claim.binding the browser and the page, in which a code has to follow where one is asked for
   * @throws AppError `busy` (503) when too many sign in at once
   */
  async function signIn(
    claim: { email: string; password: string; address: string; binding: string } & Ways,
  ): Promise<SignInResult> {
    const email = normaliseEmail(claim.email);
    // Nobody is called by what is no address, but it takes its time all the same.
    const lookUp = () => (isEmail(email) ? store.findSecret({ email }) : Promise.resolve(undefined));
    const attempt = await throttle.attempt({ email, address: claim.address }, async () => {
      const found = await lookUp();
      const verdict = await passwords.check(found?.passwordHash, claim.password);
      const welcome = found?.account.disabledAt === null && mayUsePassword(found.account, claim);
      const right = verdict !== 'wrong' && welcome;
      return { found, verdict, right, unfinished: right && (await secondFactor.isOn(found.account.id)) };
    });
    if (attempt.throttled) {
      const { retryAfterSeconds } = attempt;
      return { ok: false, reason: 'throttled', retryAfterSeconds, accountId: (await lookUp())?.account.id };
    }
    const { found, verdict, unfinished } = attempt.result;
    if (!found || verdict === 'wrong') return { ok: false, reason: 'credentials', accountId: found?.account.id };
    const { account } = found;
    const refusal = await refusalOf(account, claim);
    if (refusal) return { ok: false, reason: refusal, accountId: account.id };
    const renewed = verdict === 'outdated' && (await renewHash(account.id, found.passwordHash, claim.password));
    if (!unfinished) return { ok: true, account };
    const passwordHash = renewed || (found.passwordHash ?? '');
    const ticket = secondFactor.writeTicket({ accountId: account.id, passwordHash, binding: claim.binding });
    return { ok: false, reason: 'second_factor', ticket, accountId: account.id };
  }

  /** After a password that was right a moment ago, in the same browser. Wrong codes count like wrong passwords. */
  async function signInWithCode(
    claim: { ticket: string; code: string; address: string; binding: string } & Ways,
  ): Promise<SignInResult> {
    const ticket = secondFactor.readTicket(claim.ticket, claim.binding);
    const found = ticket && (await store.findSecret({ id: ticket.accountId }));
    if (!ticket || !found?.passwordHash || !secondFactor.isOfPassword(ticket, found.passwordHash))
      return { ok: false, reason: 'ticket', accountId: found?.account.id };
    const { account } = found;
    const accountId = account.id;
    const refusal = await refusalOf(account, claim);
    if (refusal) return { ok: false, reason: refusal, accountId };
    const attempt = await throttle.attempt({ email: account.email, address: claim.address }, async () => {
      const by = await secondFactor.check(accountId, claim.code);
      return { by, right: by !== undefined };
    });
    if (attempt.throttled)
      return { ok: false, reason: 'throttled', retryAfterSeconds: attempt.retryAfterSeconds, accountId };
    const { by } = attempt.result;
    return by ? { ok: true, account, by } : { ok: false, reason: 'code', accountId };
  }

  /** Whose passkey it is has been proven; whether they may come in by it is asked here, as of a password (threat 87). */
  async function signInByPasskey(accountId: string, ways: Ways): Promise<SignInResult> {
    const account = await store.findById(accountId);
    if (!account) return { ok: false, reason: 'credentials' };
    const refusal = await refusalOf(account, ways);
    return refusal ? { ok: false, reason: refusal, accountId } : { ok: true, account };
  }

  /**
   * Whom a connection vouches for. An e-mail address that somebody else has here joins nobody.
   *
   * @param provisioning `first_sign_in`: made just in time; `scim`: nobody comes whom the directory has not sent
   */
  async function signInByIdentity(
    identity: IdentityKey & PersonUpstream,
    provisioning: 'first_sign_in' | 'scim',
  ): Promise<IdentitySignInResult> {
    const at = now();
    let known = await store.findIdentity(identity);
    if (!known && provisioning === 'scim') return { ok: false, reason: 'not_provisioned' };
    if (!known) {
      const { account, created } = await store.createWithIdentity(identity, identity, at);
      if (created) return { ok: true, account, created };
      // Somebody was quicker, and may have said more of the identity.
      known = (await store.findIdentity(identity)) ?? { account, orphaned: true };
    }
    const { account, orphaned } = known;
    if (orphaned) return { ok: false, reason: 'orphaned', account };
    if (account.disabledAt) return { ok: false, reason: 'disabled', account };
    await store.noteIdentityUse(identity, at);
    return { ok: true, account, created: false };
  }

  async function refusalOf(account: Account, ways: Ways): Promise<Refusal | undefined> {
    if (account.disabledAt) return 'disabled';
    if (!mayUsePassword(account, ways)) return 'not_break_glass';
    return (await owesSignIn(account)) ? 'owes_sign_in' : undefined;
  }

  /** Whom no provider may shut out is not kept out by its silence either. */
  async function owesSignIn({ id, role, breakGlass }: Account): Promise<boolean> {
    if (breakGlass || !(await store.owesSignIn(id))) return false;
    return role !== 'owner' || (await store.countOwners()) > 1;
  }

  /** @returns the new one, where it replaced the old one */
  async function renewHash(id: string, previous: string | null, password: string): Promise<string | undefined> {
    try {
      const hash = await passwords.hash(password);
      return (await store.replacePasswordHash(id, previous, hash)) ? hash : undefined;
    } catch (error) {
      // The person has signed in; the next sign-in tries again.
      if (error instanceof AppError && error.code === 'busy') return undefined;
      throw error;
    }
  }

  return { signIn, signInWithCode, signInByPasskey, signInByIdentity };
}

/** What was shown last. */
export type Method = 'password' | 'code' | 'passkey';

/** RFC 8176, with the name that WebAuthn has among its users. */
export function amrOf(method: Method): string[] {
  if (method === 'passkey') return ['webauthn'];
  return method === 'code' ? ['pwd', 'otp'] : ['pwd'];
}

/** Whether a session began here, and not at a connection: those that count no more while one is exclusive. */
export function isLocal(amr: readonly string[] | undefined): boolean {
  return amr?.some((one) => one === 'pwd' || one === 'webauthn') ?? false;
}

/** A password, or a passkey in its place; also for who is disabled: the caller tells. */
export function mayUsePassword(
  { breakGlass }: Pick<Account, 'breakGlass'>,
  { breakGlassOnly = false }: { breakGlassOnly?: boolean | undefined },
): boolean {
  return breakGlass || !breakGlassOnly;
}
