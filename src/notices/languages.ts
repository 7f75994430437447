/** The words of the mails, one table for each language. */

export interface Words {
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
  proposedSubject(resource: string): string;
  proposed: string;
  acceptOrReject: string;
}

interface Decision {
  subject(app: string): string;
  what: string;
  next: string;
}

export const en: Words = {
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
  proposedSubject: (resource) => `a permission of ${resource} would read differently`,
  proposed: 'An MCP server describes one of its permissions differently. Until this is decided, no app can use it.',
  acceptOrReject:
    'These commands, where the server is installed, show and decide it: npx consentry resource show, resource accept, resource reject',
};

export const ja: Words = {
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
  proposedSubject: (resource) => `${resource}の権限の説明が変わろうとしています`,
  proposed: 'MCPサーバーが権限の説明を変えようとしています。決定するまで、どのアプリもこの権限を使えません。',
  acceptOrReject:
    'サーバーを設置した場所で次のコマンドを使って確認し、決定してください：npx consentry resource show、resource accept、resource reject',
};
