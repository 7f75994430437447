/** The rules of accounts: signing in, changing the password, adding and disabling. */
import { isEmail, normaliseEmail, normalisePassword, type PasswordProblem, passwordProblem } from '../credentials.ts';
import { AppError } from '../errors.ts';
import { generatePassword } from './generated-password.ts';
import type { Passwords } from './passwords.ts';
import type { Account, AccountStore, DisabledBy, IdentityKey, PersonUpstream, Role } from './store.ts';
import type { Throttle } from './throttle.ts';

export type Accounts = ReturnType<typeof createAccounts>;

/** `accountId` is for the record: whom the attempt aimed at, where such an account exists. */
export type SignInResult =
  | { ok: true; account: Account }
  /**
   * All but `credentials` knew the password. `disabled` and `not_break_glass` are shown the same words all the same;
   * `owes_sign_in`: a provider that knows the person asked for a sign-in there, and has not vouched for them since.
   */
  | { ok: false; reason: PasswordRefusal; retryAfterSeconds?: undefined; accountId?: string | undefined }
  | { ok: false; reason: 'throttled'; retryAfterSeconds: number; accountId?: string | undefined };

export type PasswordRefusal = 'credentials' | 'disabled' | 'not_break_glass' | 'owes_sign_in';

export type IdentitySignInResult =
  /** `created`: nobody had come by this identity before. */
  | { ok: true; account: Account; created: boolean }
  | { ok: false; reason: 'disabled'; account: Account }
  /** `orphaned`: the connection was changed, and an owner has to confirm that these are the same people. */
  | { ok: false; reason: 'orphaned'; account: Account }
  /** The directory has sent nobody of this identity. */
  | { ok: false; reason: 'not_provisioned'; account?: undefined };

export type ChangePasswordResult =
  | { ok: true }
  | { ok: false; reason: 'credentials' | 'unchanged' | PasswordProblem; retryAfterSeconds?: undefined }
  | { ok: false; reason: 'throttled'; retryAfterSeconds: number };

export type SetPasswordResult =
  /** `password` only where it was generated. */
  | { ok: true; password?: string }
  /** `not_local`: comes by a connection alone; `changed`: somebody else changed it at the same moment. */
  | { ok: false; reason: 'not_local' | 'changed' | PasswordProblem };

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
   * @param claim.address the client's IP address
   * @param claim.breakGlassOnly a connection is exclusive: nobody else signs in with a password
   * @throws AppError `busy` (503) when too many sign in at once
   */
  async function signIn(claim: {
    email: string;
    password: string;
    address: string;
    breakGlassOnly?: boolean | undefined;
  }): Promise<SignInResult> {
    const email = normaliseEmail(claim.email);
    // Nobody is called by what is no address, but it takes its time all the same.
    const lookUp = () => (isEmail(email) ? store.findSecret({ email }) : Promise.resolve(undefined));
    const attempt = await throttle.attempt({ email, address: claim.address }, async () => {
      const found = await lookUp();
      const verdict = await passwords.check(found?.passwordHash, claim.password);
      const welcome = found?.account.disabledAt === null && mayUsePassword(found.account, claim);
      return { found, verdict, right: verdict !== 'wrong' && welcome };
    });
    if (attempt.throttled) {
      const { retryAfterSeconds } = attempt;
      return { ok: false, reason: 'throttled', retryAfterSeconds, accountId: (await lookUp())?.account.id };
    }
    const { found, verdict } = attempt.result;
    if (!found || verdict === 'wrong') return { ok: false, reason: 'credentials', accountId: found?.account.id };
    if (found.account.disabledAt) return { ok: false, reason: 'disabled', accountId: found.account.id };
    if (!mayUsePassword(found.account, claim)) {
      return { ok: false, reason: 'not_break_glass', accountId: found.account.id };
    }
    if (await owesSignIn(found.account)) {
      return { ok: false, reason: 'owes_sign_in', accountId: found.account.id };
    }
    if (verdict === 'outdated') await renewHash(found.account.id, found.passwordHash, claim.password);
    return { ok: true, account: found.account };
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

  /** Whom no provider may shut out is not kept out by its silence either. */
  async function owesSignIn({ id, role, breakGlass }: Account): Promise<boolean> {
    if (breakGlass || !(await store.owesSignIn(id))) return false;
    return role !== 'owner' || (await store.countOwners()) > 1;
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
    breakGlassOnly?: boolean | undefined;
  }): Promise<ChangePasswordResult> {
    const found = await store.findSecret({ id: change.accountId });
    if (!found || found.account.disabledAt || !mayUsePassword(found.account, change))
      return { ok: false, reason: 'credentials' };
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

  /** For an administrator: nobody has to know the old one. Ending sessions is the caller's part. */
  async function setPassword({ id, email }: Account, given?: string): Promise<SetPasswordResult> {
    // The address of somebody who comes by a connection is nobody's sign-in name, or somebody else's.
    const found = await store.findSecret({ email });
    if (found?.account.id !== id) return { ok: false, reason: 'not_local' };
    const password = given ?? generatePassword();
    const problem = passwordProblem(password, email);
    if (problem) return { ok: false, reason: problem };
    const passwordHash = await passwords.hash(password);
    if (!(await store.replacePasswordHash(id, found.passwordHash, passwordHash)))
      return { ok: false, reason: 'changed' };
    return given === undefined ? { ok: true, password } : { ok: true };
  }

  /** Generates a password unless one is given. */
  async function add(person: {
    email: string;
    name?: string | undefined;
    role: Role;
    password?: string | undefined;
    breakGlass?: boolean | undefined;
  }): Promise<AddResult> {
    const email = normaliseEmail(person.email);
    if (!isEmail(email)) return { ok: false, reason: 'bad_email' };
    const password = person.password ?? generatePassword();
    const problem = passwordProblem(password, email);
    if (problem) return { ok: false, reason: problem };
    const passwordHash = await passwords.hash(password);
    const { name, role, breakGlass } = person;
    const account = await store.create({ email, name, role, breakGlass, passwordHash, createdAt: now() });
    if (!account) return { ok: false, reason: 'exists' };
    return person.password === undefined ? { ok: true, account, password } : { ok: true, account };
  }

  /** From then on no token is minted for the account: every mint asks for `disabledAt`. */
  function disable(id: string, by?: DisabledBy): Promise<'disabled' | 'unknown' | 'last_owner'> {
    return store.disable(id, now(), by);
  }

  return { signIn, signInByIdentity, changePassword, setPassword, add, disable };
}

/** Also for who is disabled: the caller tells. */
export function mayUsePassword(
  { breakGlass }: Pick<Account, 'breakGlass'>,
  { breakGlassOnly = false }: { breakGlassOnly?: boolean | undefined },
): boolean {
  return breakGlass || !breakGlassOnly;
}
