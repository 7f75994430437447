/** The words of the mails, one table for each language. */
import type { AlarmCode } from '../federation/alarms.ts';

export interface Words {
  language: 'en' | 'ja';
  quote(text: string): string;
  field(label: string, value: string): string;
  heading(label: string): string;
  item(text: string): string;
  more(count: number): string;
  /** @param time in UTC */
  moment(time: string): string;
  describe(scope: { description?: string | undefined; descriptionJa?: string | null | undefined }): string | undefined;
  /** Scopes of OpenID Connect, whose words nobody else gives. */
  standard: Readonly<Record<string, string>>;
  nameless: string;
  selfNamed(app: string): string;
  app: string;
  through: string;
  server: string;
  who: string;
  returns: string;
  device: string;
  thisComputer(host: string): string;
  thisDevice(scheme: string): string;
  asksFor: string;
  may: string;
  when: string;
  reason: string;
  note: string;
  request: string;
  permission: string;
  before: string;
  after: string;
  withTools(sentence: string, tools: string): string;
  automatic: string;
  requestedSubject(app: string): string;
  requested: string;
  decide(requestId: string): string;
  approved: Decision;
  denied: Decision;
  connectedSubject(app: string): string;
  connected: string;
  itWasYou: string;
  itWasNotYou: string;
  account: string;
  connection: string;
  breakGlassSubject(email: string): string;
  breakGlass: string;
  breakGlassNext: string;
  leaverSubject(email: string): string;
  leaver: Readonly<Record<'last_owner' | 'break_glass', { what: string; next: string }>>;
  linked: Decision;
  unlinked: Decision;
  alarmSubject(connection: string): string;
  /** What is the matter with a connection, and what to do. */
  alarm: Readonly<Record<AlarmCode, { what: string; next: string }>>;
  said: string;
  proposedSubject(resource: string): string;
  proposed: string;
  acceptOrReject: string;
}

interface Decision {
  subject(about: string): string;
  what: string;
  next: string;
}

export const en: Words = {
  language: 'en',
  quote: (text) => `“${text}”`,
  field: (label, value) => `${label}: ${value}`,
  heading: (label) => `${label}:`,
  item: (text) => `  - ${text}`,
  more: (count) => `and ${count} more`,
  moment: (time) => `${time} (UTC)`,
  describe: ({ description }) => description,
  standard: {
    openid: 'Recognize you when you come back',
    profile: 'See your name',
    email: 'See your e-mail address',
    offline_access: 'Stay connected while you are away',
  },
  nameless: 'an app without a name',
  selfNamed: (app) => `${app} (this is what it calls itself)`,
  app: 'App',
  through: 'Through',
  server: 'Server',
  who: 'Who asks',
  returns: 'Sends you back to',
  device: 'nowhere: it runs on another device',
  thisComputer: (host) => `a program on the computer that was used (${host})`,
  thisDevice: (scheme) => `an app on the device that was used, by its ${scheme} links`,
  asksFor: 'What the app asks for',
  may: 'What it may do',
  when: 'When',
  reason: 'They wrote',
  note: 'The administrator wrote',
  request: 'Request',
  permission: 'Permission',
  before: 'It reads now',
  after: 'It would read',
  withTools: (sentence, tools) => `${sentence}, with these tools: ${tools}`,
  automatic: 'This mail was sent automatically.',
  requestedSubject: (app) => `somebody asks to use ${app}`,
  requested: "Somebody asks to use an app that needs an administrator's approval.",
  decide: (requestId) =>
    `To decide, begin where the server is installed with this command: npx consentry approvals show ${requestId}`,
  approved: {
    subject: (app) => `you may use ${app} now`,
    what: 'An administrator approved the app that you asked for.',
    next: 'Connect again from the app. You will see once more what it may do before it is connected.',
  },
  denied: {
    subject: (app) => `your request to use ${app} was turned down`,
    what: 'An administrator turned down the app that you asked for. It is not connected.',
    next: 'If you have questions, ask the people who run this server.',
  },
  connectedSubject: (app) => `${app} is connected to your account`,
  connected: 'A new app is connected to your account.',
  itWasYou: 'If you approved this, there is nothing to do.',
  itWasNotYou:
    'If it was not you, tell the people who run this server at once. They can disconnect the app and see what happened.',
  account: 'Account',
  connection: 'Sign-in service',
  breakGlassSubject: (email) => `emergency sign-in by ${email}`,
  breakGlass: 'Somebody signed in with the password of an emergency account, around the sign-in service.',
  breakGlassNext:
    'If nobody had a reason to do this, disable the account at once: npx consentry account disable. The record says what was done with it.',
  leaverSubject: (email) => `${email} was to lose access, and did not`,
  leaver: {
    last_owner: {
      what: 'A sign-in service or directory says that this person left. Nobody else could administer this server, so they still can.',
      next: 'If they left, add another owner and disable this account: npx consentry account add, then account disable.',
    },
    break_glass: {
      what: 'A sign-in service or directory says that the holder of an emergency account left. Emergency accounts are only ended by hand.',
      next: 'If they left, disable the account or give its password to somebody else: npx consentry account --help.',
    },
  },
  linked: {
    subject: (connection) => `you can sign in with ${connection} too`,
    what: 'A way to sign in was added to your account.',
    next: 'If it was not you, tell the people who run this server at once: whoever added it can sign in as you.',
  },
  unlinked: {
    subject: (connection) => `you no longer sign in with ${connection}`,
    what: 'A way to sign in was removed from your account.',
    next: 'If it was not you, tell the people who run this server at once.',
  },
  alarmSubject: (connection) => `sign-in by ${connection} needs you`,
  alarm: {
    credential_ends: {
      what: 'The secret or certificate by which we prove ourselves to a sign-in service ends soon. After that nobody can sign in by it.',
      next: 'Make a new one there, then where the server is installed: npx consentry connection update',
    },
    credential_ended: {
      what: 'The secret or certificate by which we prove ourselves to a sign-in service has ended. Nobody can sign in by it.',
      next: 'Make a new one there, then where the server is installed: npx consentry connection update',
    },
    misconfigured: {
      what: 'A sign-in service refuses us: it does not know our credential, or we are not set up there as we should be.',
      next: 'What is wrong is told where the server is installed by: npx consentry connection test',
    },
    scim_silent: {
      what: 'A directory that used to tell us of people who come and leave has not been heard of for a day. Who leaves there may keep access here.',
      next: 'See the provisioning log of the directory; it stops after too many errors.',
    },
    scim_person_changed: {
      what: 'A directory tried to give the account of one person to another, by a different externalId. It was refused and nothing changed.',
      next: 'If nobody there meant to do this, revoke its token at once: npx consentry scim token revoke',
    },
    unusable: {
      what: 'The settings of a sign-in service cannot be used as they are stored. Nobody can sign in by it.',
      next: 'What is wrong is told where the server is installed by: npx consentry connection list',
    },
  },
  said: 'In its words',
  proposedSubject: (resource) => `a permission of ${resource} would read differently`,
  proposed: 'An MCP server describes one of its permissions differently. Until this is decided, no app can use it.',
  acceptOrReject:
    'These commands, where the server is installed, show and decide it: npx consentry resource show, resource accept, resource reject',
};

export const ja: Words = {
  language: 'ja',
  quote: (text) => `「${text}」`,
  field: (label, value) => `${label}：${value}`,
  heading: (label) => `${label}：`,
  item: (text) => `　・${text}`,
  more: (count) => `ほか${count}件`,
  moment: (time) => `${time}（協定世界時）`,
  describe: ({ description, descriptionJa }) => descriptionJa || description,
  standard: {
    openid: '次に来たときに、あなただと分かる',
    profile: 'あなたの名前を見る',
    email: 'あなたのメールアドレスを見る',
    offline_access: 'あなたがいない間も接続を保つ',
  },
  nameless: '名前のないアプリ',
  selfNamed: (app) => `${app}（アプリ自身がそう名乗っています）`,
  app: 'アプリ',
  through: '経由',
  server: 'サーバー',
  who: '申請した人',
  returns: '戻り先',
  device: 'なし（別のデバイスで動いています）',
  thisComputer: (host) => `操作したコンピューターのプログラム（${host}）`,
  thisDevice: (scheme) => `操作した端末で${scheme}のリンクを開くアプリ`,
  asksFor: 'アプリが求めていること',
  may: 'できること',
  when: '日時',
  reason: '申請した人の言葉',
  note: '管理者の言葉',
  request: '申請番号',
  permission: '権限',
  before: '今の説明',
  after: '新しい説明',
  withTools: (sentence, tools) => `${sentence}（使うツール：${tools}）`,
  automatic: 'このメールは自動で送信されました。',
  requestedSubject: (app) => `${app}の利用申請があります`,
  requested: '管理者の承認が必要なアプリの利用申請がありました。',
  decide: (requestId) =>
    `承認または却下するには、まずサーバーを設置した場所で次を実行してください：npx consentry approvals show ${requestId}`,
  approved: {
    subject: (app) => `${app}を利用できるようになりました`,
    what: '申請されたアプリを管理者が承認しました。',
    next: 'アプリからもう一度接続してください。接続の前に、アプリにできることが改めて表示されます。',
  },
  denied: {
    subject: (app) => `${app}の利用申請は却下されました`,
    what: '申請されたアプリを管理者が却下しました。アプリは接続されていません。',
    next: 'ご不明な点は、このサーバーの運営者にお尋ねください。',
  },
  connectedSubject: (app) => `${app}がアカウントに接続されました`,
  connected: 'あなたのアカウントに新しいアプリが接続されました。',
  itWasYou: 'ご自分で承認した場合は、何もする必要はありません。',
  itWasNotYou:
    'お心当たりがない場合は、すぐにこのサーバーの運営者にお知らせください。運営者はアプリの接続を切り、何が起きたかを調べられます。',
  account: 'アカウント',
  connection: 'サインインサービス',
  breakGlassSubject: (email) => `${email}が緊急サインインを使いました`,
  breakGlass: '緊急用アカウントのパスワードで、サインインサービスを通さないサインインがありました。',
  breakGlassNext:
    '使う理由のある人がいない場合は、すぐにこのアカウントを無効にしてください：npx consentry account disable。このアカウントで行われたことは記録に残っています。',
  leaverSubject: (email) => `${email}のアクセスは停止されませんでした`,
  leaver: {
    last_owner: {
      what: 'サインインサービスまたはディレクトリによると、この人は離れました。ほかにこのサーバーを管理できる人がいないため、アクセスは残っています。',
      next: '実際に離れた場合は、別の所有者を追加してから、このアカウントを無効にしてください：npx consentry account add、次にaccount disable。',
    },
    break_glass: {
      what: 'サインインサービスまたはディレクトリによると、緊急用アカウントの持ち主が離れました。緊急用アカウントは手作業でのみ停止できます。',
      next: '実際に離れた場合は、アカウントを無効にするか、パスワードを別の人に引き継いでください：npx consentry account --help。',
    },
  },
  linked: {
    subject: (connection) => `${connection}でもサインインできるようになりました`,
    what: 'あなたのアカウントにサインイン方法が追加されました。',
    next: 'お心当たりがない場合は、すぐにこのサーバーの運営者にお知らせください。追加した人は、あなたとしてサインインできます。',
  },
  unlinked: {
    subject: (connection) => `${connection}ではサインインできなくなりました`,
    what: 'あなたのアカウントからサインイン方法が削除されました。',
    next: 'お心当たりがない場合は、すぐにこのサーバーの運営者にお知らせください。',
  },
  alarmSubject: (connection) => `${connection}でのサインインに対応が必要です`,
  alarm: {
    credential_ends: {
      what: 'サインインサービスに対してこのサーバーを証明するシークレットまたは証明書の期限が近づいています。期限が過ぎると、このサービスではだれもサインインできなくなります。',
      next: 'サービスの側で新しいものを作り、サーバーを設置した場所で登録してください：npx consentry connection update',
    },
    credential_ended: {
      what: 'サインインサービスに対してこのサーバーを証明するシークレットまたは証明書の期限が切れました。このサービスではだれもサインインできません。',
      next: 'サービスの側で新しいものを作り、サーバーを設置した場所で登録してください：npx consentry connection update',
    },
    misconfigured: {
      what: 'サインインサービスがこのサーバーを拒否しています。証明に使うものが知られていないか、サービスの側の設定が合っていません。',
      next: '何が合っていないかは、サーバーを設置した場所で次を実行すると分かります：npx consentry connection test',
    },
    scim_silent: {
      what: '人の出入りを知らせてくれていたディレクトリから、一日以上連絡がありません。そこを離れた人が、ここでは利用を続けられるおそれがあります。',
      next: 'ディレクトリの側のプロビジョニングの記録をご確認ください。エラーが続くと止まることがあります。',
    },
    scim_person_changed: {
      what: 'ディレクトリがexternalIdを書き換え、ある人のアカウントを別の人に渡そうとしました。拒否したため、何も変わっていません。',
      next: 'ディレクトリ側に心当たりがない場合は、すぐにトークンを失効させてください：npx consentry scim token revoke',
    },
    unusable: {
      what: 'サインインサービスの設定が、保存されているままでは使えません。このサービスではだれもサインインできません。',
      next: '何が使えないかは、サーバーを設置した場所で次を実行すると分かります：npx consentry connection list',
    },
  },
  said: '伝えられた言葉',
  proposedSubject: (resource) => `${resource}の権限の説明が変わろうとしています`,
  proposed: 'MCPサーバーが権限の説明を変えようとしています。決定するまで、どのアプリもこの権限を使えません。',
  acceptOrReject:
    'サーバーを設置した場所で次のコマンドを使って確認し、決定してください：npx consentry resource show、resource accept、resource reject',
};
