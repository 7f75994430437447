import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { makeClients } from '../../src/demo-data/clients.ts';
import { createDice } from '../../src/demo-data/dice.ts';
import { makePeople } from '../../src/demo-data/people.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';
import { createCommand } from './command.ts';

const SMALL = ['--people', '120', '--clients', '80', '--consents', '300', '--tokens', '400'];

let databases: TestDatabase[] = [];
let dataDir = '';

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'consentry-demo-'));
});
after(async () => {
  for (const database of databases) await database.drop();
  databases = [];
  await rm(dataDir, { recursive: true, force: true });
});

async function emptyInstallation(name: string) {
  const database = await createTestDatabase();
  databases.push(database);
  const env = {
    ...{ DATABASE_URL: database.url, ISSUER: 'http://127.0.0.1:9', DATA_DIR: join(dataDir, name) },
    MASTER_KEY: randomBytes(32).toString('base64'),
  };
  return {
    env,
    consentry: createCommand(env),
    query: <Row extends pg.QueryResultRow>(text: string) => query<Row>(database, text),
  };
}

async function query<Row extends pg.QueryResultRow>({ url }: TestDatabase, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

test('demo-data refuses where somebody has an account, and changes nothing (threat 110)', async () => {
  const { consentry, query } = await emptyInstallation('real');
  await consentry(['account', 'add', 'ana@contoso.test', '--role', 'user']);
  const refused = await consentry(['demo-data', ...SMALL]);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /Somebody has an account here/);
  const [left] = await query<{ accounts: string; clients: string; events: string }>(
    `SELECT (SELECT count(*) FROM accounts) AS accounts, (SELECT count(*) FROM clients) AS clients,
      (SELECT count(*) FROM audit_events WHERE type = 'database.demo_data_made') AS events`,
  );
  assert.deepEqual(left, { accounts: '1', clients: '0', events: '0' });
});

test('demo-data fills an empty installation, and what the command line lists can be read', async (t) => {
  const { consentry, query, env } = await emptyInstallation('demo');
  const made = await consentry(['demo-data', ...SMALL]);
  assert.equal(made.code, 0, made.err);
  assert.match(made.err, /120 people\n/);

  await t.test('passwords are in a file that only its owner can read, and nowhere in the output', async () => {
    const path = join(env.DATA_DIR, 'demo-data.txt');
    assert.match(made.out, new RegExp(path));
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const words = await readFile(path, 'utf8');
    const [, password = ''] = /owner@demo\.example {2}(\S+)/.exec(words) ?? [];
    assert.match(password, /^[a-z2-9]{5}(-[a-z2-9]{5}){3}$/);
    assert.ok(!`${made.out}${made.err}`.includes(password));
  });

  await t.test('people, clients, servers, consents, requests, rules and connections are all there', async () => {
    const lists = [
      ['account', 'list'],
      ['client', 'list', '--all'],
      ['resource', 'list'],
      ['consent', 'list', '--all'],
      ['approvals', 'list'],
      ['connection', 'list'],
      ['role', 'list'],
      ['policy', 'list'],
    ];
    const counts: Record<string, number> = {};
    for (const list of lists) counts[list.join(' ')] = (await consentry.json<unknown[]>(list)).length;
    assert.equal(counts['account list'], 125);
    assert.equal(counts['resource list'], 20);
    assert.equal(counts['consent list --all'], 300);
    assert.equal(counts['approvals list'], 24);
    assert.equal(counts['connection list'], 2);
    assert.ok((counts['client list --all'] ?? 0) > 20);
  });

  await t.test('every consent is one that the contract would find again, in every state there is', async () => {
    const [states] = await query<Record<string, string>>(
      `SELECT count(*) FILTER (WHERE revoked_at IS NULL AND suspended_at IS NULL AND expires_at > now()) AS living,
        count(*) FILTER (WHERE revoked_at IS NOT NULL) AS revoked, count(*) FILTER (WHERE suspended_at IS NOT NULL) AS suspended,
        count(*) FILTER (WHERE expires_at <= now()) AS expired, count(*) FILTER (WHERE downstream_client_id IS NOT NULL) AS proxied,
        count(*) FILTER (WHERE (living_key IS NULL) <> (revoked_at IS NOT NULL)) AS odd FROM consents`,
    );
    const { odd, ...all } = states ?? {};
    assert.equal(odd, '0');
    for (const [state, count] of Object.entries(all)) assert.ok(Number(count) > 0, `no ${state} consent`);
  });

  await t.test('some clients wait at several MCP servers, where one press decides', async () => {
    const several = await query<{ servers: number; id: string }>(
      `SELECT count(DISTINCT resource_id)::int AS servers, min(id) AS id FROM approval_requests
        WHERE state = 'pending'
        GROUP BY client_id, client_fingerprint, redirect_uri HAVING count(DISTINCT resource_id) > 1
        ORDER BY servers DESC`,
    );
    assert.ok(several.length >= 3, JSON.stringify(several));
    assert.ok((several[0]?.servers ?? 0) >= 4);
    for (const { id } of several.slice(0, 3)) {
      const { out } = await consentry(['approvals', 'show', id]);
      assert.match(out, /To approve what you see here/);
      assert.doesNotMatch(out, /Changed since/, 'otherwise it is decided by itself');
    }
  });

  await t.test('a second time it says so and does nothing', async () => {
    const again = await consentry(['demo-data', ...SMALL]);
    assert.equal(again.code, 1);
    assert.match(again.err, /demo data already/);
    const rows = await query<{ count: string }>('SELECT count(*) FROM accounts');
    assert.deepEqual(rows, [{ count: '125' }]);
  });
});

test('the same seed makes the same people and clients, and another one others', () => {
  const now = new Date('2026-06-01T00:00:00Z');
  const make = (seed: string) => {
    const dice = createDice(seed);
    return JSON.stringify([makePeople(50, [], dice.apart('people'), now), makeClients(50, dice.apart('clients'), now)]);
  };
  assert.equal(make('monday'), make('monday'));
  assert.notEqual(make('monday'), make('tuesday'));
});
