/** The words of the mails about passkeys, codes and passwords. */

export type FactorChange =
  | 'passkey_added'
  | 'passkey_removed'
  | 'second_factor_added'
  | 'second_factor_removed'
  | 'recovery_codes_renewed'
  | 'recovery_code_used'
  | 'password_changed';

type Table = Record<FactorChange, { subject: string; what: string }> & { passkey: string; next: string };

export const factorWords: Readonly<Record<'en' | 'ja', Table>> = {
  en: {
    passkey: 'Passkey',
    next: 'If it was not you, tell the people who run this server at once: somebody may be signing in as you.',
    passkey_added: { subject: 'a passkey was added', what: 'A passkey was added to your account. It signs you in.' },
    passkey_removed: { subject: 'a passkey was removed', what: 'A passkey was removed from your account.' },
    second_factor_added: {
      subject: 'your password takes a code now',
      what: 'From now on a code of your authenticator app is asked for after your password.',
    },
    second_factor_removed: {
      subject: 'your password takes no code any more',
      what: 'Your password alone signs you in again: the codes of your authenticator app are no longer asked for.',
    },
    recovery_codes_renewed: {
      subject: 'you have new recovery codes',
      what: 'New recovery codes were made for your account. Those before work no more.',
    },
    recovery_code_used: {
      subject: 'a recovery code was used',
      what: 'Somebody signed in to your account with your password and a recovery code.',
    },
    password_changed: { subject: 'your password is changed', what: 'The password of your account was changed.' },
  },
  ja: {
    passkey: 'パスキー',
    next: 'お心当たりがない場合は、すぐにこのサーバーの運営者にお知らせください。だれかがあなたとしてサインインしているおそれがあります。',
    passkey_added: {
      subject: 'パスキーが追加されました',
      what: 'あなたのアカウントにパスキーが追加されました。このパスキーでサインインできます。',
    },
    passkey_removed: { subject: 'パスキーが削除されました', what: 'あなたのアカウントからパスキーが削除されました。' },
    second_factor_added: {
      subject: 'パスワードのあとに認証コードが必要になりました',
      what: '今後は、パスワードのあとに認証アプリのコードの入力が必要です。',
    },
    second_factor_removed: {
      subject: '認証コードは不要になりました',
      what: '認証アプリのコードは求められなくなり、パスワードだけでサインインできるようになりました。',
    },
    recovery_codes_renewed: {
      subject: '回復コードが新しくなりました',
      what: 'あなたのアカウントに新しい回復コードが作られました。以前のものは使えません。',
    },
    recovery_code_used: {
      subject: '回復コードが使われました',
      what: 'あなたのアカウントに、パスワードと回復コードでのサインインがありました。',
    },
    password_changed: {
      subject: 'パスワードが変更されました',
      what: 'あなたのアカウントのパスワードが変更されました。',
    },
  },
};
