/** MCP servers of a company that does not exist: what people read about each scope, and the tools behind it. */
import type { Effect, ScopeDescription, Sensitivity } from '../resources/resource.ts';

export interface DemoServer {
  /** Of `https://<slug>.demo.example/mcp`, and before the colon of each scope. */
  slug: string;
  name: string;
  consentDays: number;
  scopes: readonly ScopeDescription[];
}

type Row = readonly [
  name: string,
  description: string,
  descriptionJa: string,
  sensitivity: Sensitivity,
  effect: Effect,
  tools: string,
];

function server(slug: string, name: string, consentDays: number, ...rows: Row[]): DemoServer {
  const scopes = rows.map(([scope, description, descriptionJa, sensitivity, effect, tools]) => ({
    name: `${slug}:${scope}`,
    ...{ description, descriptionJa, sensitivity, effect },
    tools: tools.split(' '),
  }));
  return { slug, name, consentDays, scopes };
}

/** The most used first. */
export const SERVERS: readonly DemoServer[] = [
  server(
    'mail',
    'Pigeon Mail',
    90,
    ['read', 'Read your mail', 'メールを読む', 'medium', 'read', 'list_mail read_mail search_mail'],
    ['label', 'Sort your mail into folders', 'メールをフォルダーに整理する', 'low', 'change', 'add_label move_mail'],
    ['send', 'Send mail as you', 'あなたとしてメールを送る', 'high', 'act', 'send_mail reply_to_mail'],
  ),
  server(
    'calendar',
    'Calendar',
    90,
    ['read', 'See your appointments', '予定を見る', 'low', 'read', 'list_events find_free_time'],
    ['write', 'Make and change appointments', '予定を作成・変更する', 'medium', 'change', 'create_event move_event'],
  ),
  server(
    'notes',
    'Margin Notes',
    180,
    ['read', 'Read your notes', 'ノートを読む', 'low', 'read', 'list_notes read_note'],
    ['write', 'Write notes', 'ノートを書く', 'low', 'change', 'create_note edit_note'],
    ['delete', 'Delete notes for good', 'ノートを完全に削除する', 'high', 'act', 'delete_note'],
  ),
  server(
    'files',
    'Shared Drawer',
    90,
    ['read', 'Open files that you can open', '閲覧できるファイルを開く', 'medium', 'read', 'list_files read_file'],
    ['write', 'Add and change files', 'ファイルを追加・変更する', 'medium', 'change', 'write_file rename_file'],
    ['share', 'Share files with others', 'ファイルを他の人と共有する', 'high', 'act', 'share_file'],
  ),
  server(
    'tickets',
    'Ticket Desk',
    90,
    ['read', 'Read support tickets', '問い合わせチケットを読む', 'low', 'read', 'list_tickets read_ticket'],
    ['answer', 'Answer customers in your name', 'あなたの名前で顧客に回答する', 'high', 'act', 'answer_ticket'],
    ['assign', 'Assign tickets', 'チケットを割り当てる', 'medium', 'change', 'assign_ticket'],
  ),
  server(
    'code',
    'Code Shelf',
    60,
    ['read', 'Read source code', 'ソースコードを読む', 'medium', 'read', 'search_code read_file list_branches'],
    ['write', 'Propose changes', '変更を提案する', 'medium', 'change', 'create_branch open_change'],
    ['merge', 'Merge changes', '変更をマージする', 'high', 'act', 'merge_change'],
  ),
  server(
    'wiki',
    'Know-how',
    180,
    ['read', 'Read pages', 'ページを読む', 'low', 'read', 'search_pages read_page'],
    ['write', 'Edit pages', 'ページを編集する', 'medium', 'change', 'edit_page'],
  ),
  server(
    'crm',
    'Customer Ledger',
    60,
    ['read', 'See customers and contacts', '顧客と連絡先を見る', 'medium', 'read', 'find_customer read_contact'],
    ['write', 'Change customer records', '顧客の記録を変更する', 'high', 'change', 'update_customer'],
    ['export', 'Export customer lists', '顧客一覧を書き出す', 'high', 'act', 'export_customers'],
  ),
  server(
    'analytics',
    'Number Garden',
    90,
    ['read', 'See reports', 'レポートを見る', 'low', 'read', 'list_reports read_report'],
    ['query', 'Run queries on company data', '社内データに問い合わせる', 'high', 'read', 'run_query'],
  ),
  server(
    'travel',
    'Trip Planner',
    90,
    ['read', 'See your trips', '出張の予定を見る', 'low', 'read', 'list_trips'],
    ['book', 'Book trips at company expense', '会社の費用で出張を予約する', 'high', 'act', 'book_trip cancel_trip'],
  ),
  server(
    'expenses',
    'Expenses',
    90,
    ['read', 'See your expense claims', '経費申請を見る', 'medium', 'read', 'list_claims'],
    ['submit', 'Submit expense claims', '経費を申請する', 'high', 'act', 'submit_claim'],
  ),
  server(
    'people',
    'People Book',
    30,
    ['read', 'Look people up', '社員を調べる', 'low', 'read', 'find_person read_profile'],
    ['leave', 'See who is on leave', '休暇中の人を見る', 'medium', 'read', 'list_leave'],
    ['salary', 'See salaries', '給与を見る', 'high', 'read', 'read_salary'],
  ),
  server(
    'inventory',
    'Stockroom',
    90,
    ['read', 'See what is in stock', '在庫を見る', 'low', 'read', 'list_items count_items'],
    ['move', 'Move stock', '在庫を移動する', 'medium', 'change', 'move_item'],
  ),
  server(
    'deploy',
    'Launch Pad',
    30,
    ['read', 'See what runs where', '何がどこで動いているかを見る', 'medium', 'read', 'list_services read_log'],
    ['restart', 'Restart services', 'サービスを再起動する', 'high', 'act', 'restart_service'],
    ['release', 'Release to production', '本番環境にリリースする', 'high', 'act', 'release roll_back'],
  ),
  server(
    'design',
    'Sketch Wall',
    180,
    ['read', 'See designs', 'デザインを見る', 'low', 'read', 'list_boards read_board'],
    ['comment', 'Comment on designs', 'デザインにコメントする', 'low', 'change', 'add_comment'],
  ),
  server(
    'contracts',
    'Paper Trail',
    30,
    ['read', 'Read contracts', '契約書を読む', 'high', 'read', 'search_contracts read_contract'],
    ['sign', 'Prepare contracts for signature', '契約書の署名を準備する', 'high', 'act', 'prepare_signature'],
  ),
  server(
    'rooms',
    'Meeting Rooms',
    365,
    ['read', 'See free rooms', '空いている会議室を見る', 'low', 'read', 'list_rooms'],
    ['book', 'Book rooms', '会議室を予約する', 'low', 'change', 'book_room'],
  ),
  server(
    'lunch',
    'Canteen',
    365,
    ['read', 'See the menu', 'メニューを見る', 'low', 'read', 'todays_menu'],
    ['order', 'Order lunch', '昼食を注文する', 'low', 'act', 'order_lunch'],
  ),
  server(
    'fleet',
    'Car Pool',
    90,
    ['read', 'See free cars', '空いている車を見る', 'low', 'read', 'list_cars'],
    ['reserve', 'Reserve a car', '車を予約する', 'medium', 'act', 'reserve_car'],
  ),
  server(
    'archive',
    'Old Archive (数年前の記録・أرشيف قديم)',
    365,
    ['read', 'Search what was kept', '保存された記録を検索する', 'low', 'read', 'search_archive'],
    ['erase', 'Erase records', '記録を消去する', 'high', 'act', 'erase_record'],
  ),
];
