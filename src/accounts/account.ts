/** The rules of accounts: signing in, changing the password, adding and disabling. */
import { isEmail, normaliseEmail, normalisePassword, type PasswordProblem, passwordProblem } from '../credentials.ts';
import { AppError } from '../errors.ts';
import { generatePassword } from './generated-password.ts';
import type { Passwords } from './passwords.ts';
import type { Account, AccountStore, IdentityKey, PersonUpstream, Role } from './store.ts';
import type { Throttle } from './throttle.ts';

export type Accounts = ReturnType<typeof createAccounts>;

/** `accountId` is for the record: whom the attempt aimed at, where such an account exists. */
export type SignInResult =
  | { ok: true; account: Account }
  /** `disabled` knew the password, but is shown the same words as `credentials`. */
  | { ok: false; reason: 'credentials' | 'disabled'; retryAfterSeconds?: undefined; accountId?: string | undefined }
  | { ok: false; reason: 'throttled'; retryAfterSeconds: number; accountId?: string | undefined };

export type IdentitySignInResult =
  /** `created`: nobody had come by this identity before. */
  { ok: true; account: Account; created: boolean } | { ok: false; reason: 'disabled'; accountId: string };

export type ChangePasswordResult =
  | { ok: true }
  | { ok: false; reason: 'credentials' | 'unchanged' | PasswordProblem; retryAfterSeconds?: undefined }
  | { ok: false; reason: 'throttled'; retryAfterSeconds: number };

export type AddResult =
  /** `password` only where it was generated. */
  { ok: true; account: Account; password?: string } | { ok: false; reason: 'bad_email' | 'exists' | PasswordProblem };

/** Hashing happens before the first write, so no transaction is held open by it. */
export function createAccounts(deps: {
  store: AccountStore;
  passwords: Passwords;
  throttle: Throttle;
  now: () => Date;
}) {
  const { store, passwords, throttle, now } = deps;

  /**
   * @param address the client's IP address
   * @throws AppError `busy` (503) when too many sign in at once
   */
  async function signIn(claim: { email: string; password: string; address: string }): Promise<SignInResult> {
    const email = normaliseEmail(claim.email);
    // Nobody is called by what is no address, but it takes its time all the same.
    const lookUp = () => (isEmail(email) ? store.findSecret({ email }) : Promise.resolve(undefined));
    const attempt = await throttle.attempt({ email, address: claim.address }, async () => {
      const found = await lookUp();
      const verdict = await passwords.check(found?.passwordHash, claim.password);
      return { found, verdict, right: verdict !== 'wrong' && found?.account.disabledAt === null };
    });
    if (attempt.throttled) {
      const { retryAfterSeconds } = attempt;
      return { ok: false, reason: 'throttled', retryAfterSeconds, accountId: (await lookUp())?.account.id };
    }
    const { found, verdict } = attempt.result;
    if (!found || verdict === 'wrong') return { ok: false, reason: 'credentials', accountId: found?.account.id };
    if (found.account.disabledAt) return { ok: false, reason: 'disabled', accountId: found.account.id };
    if (verdict === 'outdated') await renewHash(found.account.id, found.passwordHash, claim.password);
    return { ok: true, account: found.account };
  }

  /** Whom a connection vouches for; made just in time. An e-mail address that somebody else has here joins nobody. */
  async function signInByIdentity(identity: IdentityKey & PersonUpstream): Promise<IdentitySignInResult> {
    const at = now();
    const known = await store.findByIdentity(identity);
    const { account, created } = known
      ? { account: known, created: false }
      : await store.createWithIdentity(identity, identity, at);
    if (account.disabledAt) return { ok: false, reason: 'disabled', accountId: account.id };
    if (!created) await store.noteIdentityUse(identity, at);
    return { ok: true, account, created };
  }

  async function renewHash(id: string, previous: string | null, password: string): Promise<void> {
    try {
      await store.replacePasswordHash(id, previous, await passwords.hash(password));
    } catch (error) {
      // The person has signed in; the next sign-in tries again.
      if (!(error instanceof AppError && error.code === 'busy')) throw error;
    }
  }

  /** Guesses of the current password count like sign-ins. Ending other sessions is the caller's part. */
  async function changePassword(change: {
    accountId: string;
    currentPassword: string;
    newPassword: string;
    address: string;
  }): Promise<ChangePasswordResult> {
    const found = await store.findSecret({ id: change.accountId });
    if (!found || found.account.disabledAt) return { ok: false, reason: 'credentials' };
    const { email } = found.account;
    const problem = passwordProblem(change.newPassword, email);
    if (problem) return { ok: false, reason: problem };
    const attempt = await throttle.attempt({ email, address: change.address }, async () => ({
      right: (await passwords.check(found.passwordHash, change.currentPassword)) !== 'wrong',
    }));
    if (attempt.throttled) return { ok: false, reason: 'throttled', retryAfterSeconds: attempt.retryAfterSeconds };
    if (!attempt.result.right) return { ok: false, reason: 'credentials' };
    if (normalisePassword(change.newPassword) === normalisePassword(change.currentPassword)) {
      return { ok: false, reason: 'unchanged' };
    }
    const passwordHash = await passwords.hash(change.newPassword);
    const replaced = await store.replacePasswordHash(found.account.id, found.passwordHash, passwordHash);
    return replaced ? { ok: true } : { ok: false, reason: 'credentials' };
  }

  /** Generates a password unless one is given. */
  async function add(person: {
    email: string;
    name?: string | undefined;
    role: Role;
    password?: string | undefined;
  }): Promise<AddResult> {
    const email = normaliseEmail(person.email);
    if (!isEmail(email)) return { ok: false, reason: 'bad_email' };
    const password = person.password ?? generatePassword();
    const problem = passwordProblem(password, email);
    if (problem) return { ok: false, reason: problem };
    const passwordHash = await passwords.hash(password);
    const account = await store.create({ email, name: person.name, role: person.role, passwordHash, createdAt: now() });
    if (!account) return { ok: false, reason: 'exists' };
    return person.password === undefined ? { ok: true, account, password } : { ok: true, account };
  }

  /** From then on no token is minted for the account: every mint asks for `disabledAt`. */
  function disable(id: string): Promise<'disabled' | 'unknown' | 'last_owner'> {
    return store.disable(id, now());
  }

  return { signIn, signInByIdentity, changePassword, add, disable };
}
