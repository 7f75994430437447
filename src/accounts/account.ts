/** The rules of accounts: changing the password, adding and disabling; signing in is `sign-in.ts`. */
import { isEmail, normaliseEmail, normalisePassword, type PasswordProblem, passwordProblem } from '../credentials.ts';
import type { GeneratedMarks } from './generated-marks.ts';
import { generatePassword } from './generated-password.ts';
import { createSignIn, mayUsePassword, type SignInDeps } from './sign-in.ts';
import type { Account, DisabledBy, Role } from './store.ts';

export type Accounts = ReturnType<typeof createAccounts>;

export type ChangePasswordResult =
  | { ok: true }
  /** `second_factor`: the password is right, and more has to be shown before it may be changed. */
  | {
      ok: false;
      reason: 'credentials' | 'second_factor' | 'unchanged' | PasswordProblem;
      retryAfterSeconds?: undefined;
    }
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
export function createAccounts(deps: SignInDeps & { generated: GeneratedMarks }) {
  const { store, passwords, throttle, secondFactor, generated, now } = deps;

  /**
   * Guesses of the current password count like sign-ins. Ending other sessions is the caller's part.
   * @param change.present the person is signed in and showed it a moment ago, with all that it takes
   */
  async function changePassword(change: {
    accountId: string;
    currentPassword: string;
    newPassword: string;
    address: string;
    breakGlassOnly?: boolean | undefined;
    present?: boolean | undefined;
  }): Promise<ChangePasswordResult> {
    const found = await store.findSecret({ id: change.accountId });
    if (!found || found.account.disabledAt || !mayUsePassword(found.account, change))
      return { ok: false, reason: 'credentials' };
    const { email } = found.account;
    const problem = passwordProblem(change.newPassword, email);
    if (problem) return { ok: false, reason: problem };
    const attempt = await throttle.attempt({ email, address: change.address }, async () => {
      const right = (await passwords.check(found.passwordHash, change.currentPassword)) !== 'wrong';
      return { right, unfinished: right && !change.present && (await secondFactor.isOn(change.accountId)) };
    });
    if (attempt.throttled) return { ok: false, reason: 'throttled', retryAfterSeconds: attempt.retryAfterSeconds };
    if (!attempt.result.right) return { ok: false, reason: 'credentials' };
    if (attempt.result.unfinished) return { ok: false, reason: 'second_factor' };
    if (normalisePassword(change.newPassword) === normalisePassword(change.currentPassword)) {
      return { ok: false, reason: 'unchanged' };
    }
    const passwordHash = await passwords.hash(change.newPassword);
    const replaced = await store.replacePasswordHash(found.account.id, found.passwordHash, passwordHash);
    if (!replaced) return { ok: false, reason: 'credentials' };
    await generated.clear(found.account.id);
    return { ok: true };
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
    await (given === undefined ? generated.mark(id) : generated.clear(id));
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
    if (person.password === undefined) await generated.mark(account.id);
    return person.password === undefined ? { ok: true, account, password } : { ok: true, account };
  }

  /** From then on no token is minted for the account: every mint asks for `disabledAt`. */
  function disable(id: string, by?: DisabledBy): Promise<'disabled' | 'unknown' | 'last_owner'> {
    return store.disable(id, now(), by);
  }

  return { ...createSignIn(deps), changePassword, setPassword, add, disable };
}
