import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openDatabase } from '../../src/storage/database.ts';
import { createTestDatabase } from '../database.ts';
import { createCommand } from './command.ts';

const ISSUER = 'http://127.0.0.1:8414';
const READ = 'mail:read|Read your mail|low|read|list_mail, read_mail';

/** What a server asks of people unless somebody says otherwise. */
const EVERYBODY = { token_claims: [], staleness_minutes: 60, connections: [] };

const database = await createTestDatabase();
const opened = await openDatabase({ databaseUrl: database.url, dataDir: '/unused', log: console, mode: 'serve' });
const { prisma } = opened;
const consentry = createCommand({ DATABASE_URL: database.url, MASTER_KEY: randomBytes(32).toString('base64') });
let directory = '';
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'consentry-cli-'));
});
after(async () => {
  await rm(directory, { recursive: true });
  await opened.close();
  await database.drop();
});

test('resource add prints the credential once, stores its hash, and is recorded', async () => {
  const { code, out, err } = await consentry([
    ...['resource', 'add', 'HTTPS://Mail.example.com:443/mcp', '--name', ' Ma\u200bil\u202e '],
    ...['--scope', READ, '--scope', 'mail:send|Send mail\n as you|high|act'],
  ]);
  assert.equal(code, 0, err);
  const clientId = /client_id {6}(rs_[0-9a-f]{24})\n/.exec(out)?.[1] ?? '';
  const secret = /client_secret {2}([\w-]{64}) {3}\(shown only now\)/.exec(out)?.[1] ?? '';
  assert.match(out, new RegExp(`${ISSUER}/introspect`));
  const client = await prisma.client.findUniqueOrThrow({ where: { id: clientId } });
  assert.equal(client.secretHash, createHash('sha256').update(secret).digest('base64url'));
  const [event] = await prisma.auditEvent.findMany({ where: { type: 'resource.created' } });
  assert.deepEqual(
    [event?.actor, event?.resource, event?.scopes, event?.clientId],
    ['cli', 'https://mail.example.com/mcp', ['mail:read', 'mail:send'], clientId],
  );
  assert.ok(!JSON.stringify([event?.details, client]).includes(secret));
});

test('resource list shows what was registered, cleaned of what nobody can see, and no secret', async () => {
  const resources = await consentry.json<Record<string, unknown>[]>(['resource', 'list']);
  assert.equal(resources.length, 1);
  const { client_id: clientId, ...resource } = resources[0] ?? {};
  assert.match(String(clientId), /^rs_/);
  assert.deepEqual(resource, {
    uri: 'https://mail.example.com/mcp',
    name: 'Mail',
    consent_days: 90,
    token_seconds: 600,
    ...EVERYBODY,
    disabled_at: null,
    suspended: [],
    scopes: [
      scope('mail:read', 'Read your mail', 'low', 'read', ['list_mail', 'read_mail']),
      scope('mail:send', 'Send mail as you', 'high', 'act', []),
    ],
  });
  const { out } = await consentry(['resource', 'list']);
  assert.match(
    out,
    /https:\/\/mail.example.com\/mcp +Mail +mail:read +low +read +Read your mail +list_mail, read_mail/,
  );
});

test('a resource comes from a file or standard input, in the form that resource list prints', async () => {
  const described = {
    uri: 'http://localhost:9/calendar',
    name: 'カレンダー',
    consent_days: 30,
    token_seconds: 240,
    scopes: [{ ...scope('calendar:read', 'Read your calendar', 'low', 'read', []), description_ja: '予定を読む' }],
  };
  const path = join(directory, 'calendar.json');
  await writeFile(path, JSON.stringify(described));
  const {
    client_secret: secret,
    client_id: clientId,
    ...added
  } = await consentry.json(['resource', 'add', '--from-file', path]);
  assert.match(secret ?? '', /^[\w-]{64}$/);
  assert.deepEqual(added, { ...described, ...EVERYBODY, disabled_at: null, suspended: [] });
  const again = { ...added, uri: 'http://localhost:9/other', client_id: clientId };
  const { uri } = await consentry.json(['resource', 'add', '--from-file', '-'], JSON.stringify(again));
  assert.equal(uri, 'http://localhost:9/other');
});

const uri = 'https://new.example.com/mcp';
const refused: [string, string[], string, number, RegExp][] = [
  [
    'one that is registered',
    ['https://mail.example.com/mcp', '--name', 'x', '--scope', READ],
    '',
    1,
    /is registered already/,
  ],
  ['no URL', ['--name', 'x'], '', 2, /Name the URL/],
  [
    'a token that lives too short',
    [uri, '--name', 'x', '--scope', READ, '--token-seconds', '59'],
    '',
    2,
    /lives 60 to 3600 seconds/,
  ],
  ['no name', [uri, '--scope', READ], '', 2, /--name/],
  ['no scope', [uri, '--name', 'x'], '', 2, /at least one scope/],
  ['a URL that is none', ['mail', '--name', 'x', '--scope', READ], '', 2, /mail is not the URL of an MCP server/],
  ['a URL with a fragment', [`${uri}#x`, '--name', 'x', '--scope', READ], '', 2, /without # or credentials/],
  ['http beyond this machine', ['http://a.example/mcp', '--name', 'x', '--scope', READ], '', 2, /in the clear/],
  ['a name without end', [uri, '--name', 'x'.repeat(61), '--scope', READ], '', 2, /at most 60 characters/],
  [
    'a description without end',
    [uri, '--name', 'x', '--scope', `a|${'x'.repeat(201)}|low|read`],
    '',
    2,
    /200 characters/,
  ],
  ['a scope nobody can read', [uri, '--name', 'x', '--scope', 'a|\u200b|low|read'], '', 2, /description of a is empty/],
  [
    'a scope without weight',
    [uri, '--name', 'x', '--scope', 'a|Read'],
    '',
    2,
    /its third part is "".*low, medium or high/,
  ],
  ['an unknown effect', [uri, '--name', 'x', '--scope', 'a|Read|low|look'], '', 2, /its fourth part is "look"/],
  [
    'a description with a link',
    [uri, '--name', 'x', '--scope', 'a|Read at ｈｔｔｐ：／／evil.example|low|read'],
    '',
    2,
    /description of a contains a link/,
  ],
  ['a name with a link', [uri, '--name', 'See www.evil.example', '--scope', READ], '', 2, /name .* contains a link/],
  ['no day', [uri, '--name', 'x', '--scope', READ, '--consent-days', '0'], '', 2, /1 to 365 days/],
  ['more days than a year', [uri, '--name', 'x', '--scope', READ, '--consent-days', '366'], '', 2, /1 to 365 days/],
  ['days that are no number', [uri, '--name', 'x', '--scope', READ, '--consent-days', '1e1'], '', 2, /1 to 365 days/],
  ['a sixth part', [uri, '--name', 'x', '--scope', 'a|Read|low|read|t|u'], '', 2, /more than five parts/],
  ['a scope of OpenID', [uri, '--name', 'x', '--scope', 'openid|Read|low|read'], '', 2, /belongs to OpenID/],
  ['a scope given twice', [uri, '--name', 'x', '--scope', READ, '--scope', READ], '', 2, /mail:read is given twice/],
  [
    'a tool with markup',
    [uri, '--name', 'x', '--scope', 'a|Read|low|read|<b>'],
    '',
    2,
    /"<b>" is not the name of a tool/,
  ],
  ['a file beside options', ['--from-file', '-', '--name', 'x'], '{}', 2, /leave out/],
  ['a file that is not there', ['--from-file', '/nowhere.json'], '', 2, /cannot be read \(ENOENT\)/],
  ['what is not JSON', ['--from-file', '-'], '{', 2, /Standard input is not JSON/],
  ['a misspelt member', ['--from-file', '-'], '{"uri":"x","name":"x","scopes":[{"title":1}]}', 2, /scopes\.0/],
];
for (const [what, args, input, expected, message] of refused) {
  test(`resource add refuses ${what}`, async () => {
    const { code, out, err } = await consentry(['resource', 'add', ...args], input);
    assert.equal(code, expected, err);
    assert.match(err, message);
    assert.equal(out, '');
    assert.equal(await prisma.resource.count(), 3);
    assert.equal(await prisma.client.count(), 3);
  });
}

function scope(name: string, description: string, sensitivity: string, effect: string, tools: string[]) {
  return { name, description, sensitivity, effect, tools, description_ja: null };
}

test('resource add --token-seconds says how long its access tokens live', async () => {
  const quick = ['resource', 'add', 'https://quick.example.com/mcp', '--name', 'Quick', '--scope', READ];
  const { token_seconds: seconds } = await consentry.json([...quick, '--token-seconds', '60']);
  assert.equal(seconds, 60);
  const { out } = await consentry(['resource', 'show', 'https://quick.example.com/mcp']);
  assert.match(out, /tokens +60 seconds/);
});
