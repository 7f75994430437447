/** The words of the mails in Japanese. */
import type { Words } from './words.ts';

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
  expired: {
    subject: (app) => `${app}の利用申請は期限切れになりました`,
    what: '申請されたアプリについて、期限までに管理者の決定がありませんでした。アプリは接続されていません。',
    next: '引き続き必要な場合は、アプリからもう一度接続し、改めて申請してください。',
  },
  confirmSubject: (app) => `${app}にはもう1人の承認が必要です`,
  confirm: '承認者の1人がアプリを承認しました。別の承認者が同じ内容を確認するまで、何も承認されません。',
  firstBy: '先に承認した人',
  terms: '承認の条件',
  termsOf: ({ audience, days }) =>
    `${audience === 'everyone' ? 'このアプリを使う全員' : '申請した人のみ'}、${days}日間`,
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
  endedSubject: ({ app, server, count }) =>
    count === 1 ? `${app}は${server}を利用できなくなりました` : `許可していたアプリ${count}件が利用できなくなりました`,
  ended: {
    administrator: 'あなたが許可していたアクセスを管理者が取り消しました。',
    review: 'アクセス権の見直しで、あなたが許可していたアクセスが取り消されたか、期限までに確認されませんでした。',
  },
  whatEnded: '終了したアクセス',
  endedAt: (app, server) => `${app}（${server}）`,
  connectAgain:
    '引き続き必要な場合は、アプリからもう一度接続してください。接続の前に、アプリにできることが改めて表示されます。ご不明な点は、このサーバーの運営者にお尋ねください。',
};
