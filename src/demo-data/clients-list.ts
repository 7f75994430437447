/** Programs that do not exist: those that register themselves again and again, those with a document, and our own. */

export interface Program {
  name: string;
  redirectUri: string;
  softwareId?: string;
}

/** The most used first. Registrations of one program are a family. */
export const FAMILIES: readonly Program[] = [
  { name: 'Parrot Code', redirectUri: 'http://127.0.0.1/callback', softwareId: 'demo-parrot-code' },
  { name: 'Otter Desk', redirectUri: 'http://localhost/oauth/callback' },
  { name: 'Quill Editor', redirectUri: 'http://127.0.0.1/auth', softwareId: 'demo-quill' },
  { name: 'Lantern CLI', redirectUri: 'http://127.0.0.1/cb' },
  { name: 'Heron Studio', redirectUri: 'https://heron.demo.example/oauth/callback' },
  { name: 'Badger Agent', redirectUri: 'http://127.0.0.1/oauth' },
  { name: 'Tidepool', redirectUri: 'https://tidepool.demo.example/callback' },
  { name: 'はしばみアシスタント', redirectUri: 'http://127.0.0.1/callback' },
  { name: 'مساعد السنونو', redirectUri: 'http://localhost/callback' },
  { name: 'Trợ lý Chim Sẻ', redirectUri: 'http://127.0.0.1/callback' },
  { name: 'Помощник «Ёж»', redirectUri: 'http://127.0.0.1/callback' },
  { name: 'Kestrel Terminal', redirectUri: 'com.example.kestrel:/callback' },
  { name: 'Maple Notes', redirectUri: 'com.example.maple:/oauth' },
  { name: 'Finch for Teams of Many People Who Like Long Names', redirectUri: 'https://finch.demo.example/cb' },
  { name: '🐙 Octo Helper 🐙', redirectUri: 'http://127.0.0.1/callback' },
  { name: '<b onmouseover=alert(1)>Bold Client</b>', redirectUri: 'http://127.0.0.1/callback' },
  { name: `It's "quoted" & <escaped>`, redirectUri: 'http://127.0.0.1/callback' },
  { name: '\u202Etneilc desrever\u202C', redirectUri: 'http://127.0.0.1/callback' },
  { name: '', redirectUri: 'http://127.0.0.1/nameless' },
  { name: 'Mole Indexer', redirectUri: 'http://127.0.0.1/callback' },
];

/** With a document on a host of their own. */
export const PUBLISHERS: readonly string[] = [
  'Almanac',
  'Bramble',
  'Copperleaf',
  'Driftwood',
  'Elmwood',
  'Foxglove',
  'Greenfinch',
  'Hazel',
  'Inkwell',
  'Juniper',
  'Kingfisher',
  'Larkspur',
  'Marigold',
  'Nightjar',
  'Oxbow',
  'Periwinkle',
  'Quince',
  'Rosemary',
  'Saffron',
  'Thistle',
];

/** Made by an administrator. */
export const OWN_APPS: readonly string[] = [
  'Front Desk',
  'Shift Planner',
  'Field Tablet',
  'Intranet Search',
  '窓口アプリ',
];
export const OWN_SERVICES: readonly string[] = ['Nightly Report', 'Backup Runner', 'Stock Alarm'];
export const OWN_PROXIES: readonly string[] = ['Tool Hub', 'Gateway West', 'Agent Broker'];
