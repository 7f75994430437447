/**
 * How long every list of the dashboard takes with many rows, on this machine:
 *
 *   npx node scripts/bench-dashboard.ts [--rows 100000] [--events 200000] [--times 30] [--data directory]
 *
 * Makes so many people, clients and consents, and events beside theirs, in an embedded Postgres of its own, signs in as
 * the owner and reads each page: its first, a deep one, searched and filtered. The goal is 150 ms for 95 of 100. With
 * `--data` the database stays there and is used again.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readConfig } from '../src/config.ts';
import { makeDemoData } from '../src/demo-data/demo-data.ts';
import { createRooms } from '../src/rooms.ts';
import { startServer } from '../src/server.ts';
import { openDatabase } from '../src/storage/database.ts';
import { migrate } from '../src/storage/migrate.ts';
import { createLog } from '../src/web/log.ts';
import { createPerson } from '../test/person.ts';

const GOAL_MS = 150;
/** How many pages behind the first. */
const DEEP = 40;
const COST = { memoryCost: 64, timeCost: 2, parallelism: 1 };

/** As a person uses each; `*` in a path stands for the first link of the list, and `deep` follows its next page. */
const READS: readonly (readonly [name: string, path: string])[] = [
  ['overview', '/admin'],
  ['approvals', '/admin/approvals'],
  ['approvals, decided', '/admin/approvals?state=decided'],
  ['approvals, search', '/admin/approvals?search=person-7'],
  ['approvals, one', '/admin/approvals/*'],
  ['consents', '/admin/consents'],
  ['consents, deep', '/admin/consents deep'],
  ['consents, living', '/admin/consents?state=living'],
  ['consents, suspended', '/admin/consents?state=suspended'],
  ['consents, revoked', '/admin/consents?state=revoked'],
  ['consents, search person', '/admin/consents?search=person-4711'],
  ['consents, search client', '/admin/consents?search=Driftwood'],
  ['consents, search nothing', '/admin/consents?search=zzzzqqqq'],
  ['consents, scope', '/admin/consents?scope=deploy:release'],
  ['clients', '/admin/clients'],
  ['clients, deep', '/admin/clients deep'],
  ['clients, documents', '/admin/clients?origin=document'],
  ['clients, blocked', '/admin/clients?state=blocked'],
  ['clients, search', '/admin/clients?search=Parrot'],
  ['clients, search nothing', '/admin/clients?search=zzzzqqqq'],
  ['clients, one', '/admin/clients/*'],
  ['MCP servers', '/admin/servers'],
  ['MCP servers, one', '/admin/servers/*'],
  ['people', '/admin/people'],
  ['people, deep', '/admin/people deep'],
  ['people, disabled', '/admin/people?state=disabled'],
  ['people, search', '/admin/people?search=person-4711'],
  ['people, search nothing', '/admin/people?search=zzzzqqqq'],
  ['people, one', '/admin/people/*'],
  ['reviews', '/admin/reviews'],
  ['reviews, one', '/admin/reviews/*'],
  ['audit', '/admin/audit'],
  ['audit, deep', '/admin/audit deep'],
  ['audit, type', '/admin/audit?type=consent.'],
  ['audit, refused', '/admin/audit?outcome=refused'],
  ['audit, person', '/admin/audit?person=person-4711@people.example'],
  ['audit, server', '/admin/audit?server=https://mail.demo.example/mcp'],
  ['audit, days', '/admin/audit?from=2020-01-01&to=2020-02-01'],
  ['policy', '/admin/policy'],
  ['connections', '/admin/connections'],
  ['keys', '/admin/keys'],
];

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    events: { type: 'string', default: '200000' },
    times: { type: 'string', default: '30' },
    only: { type: 'string', default: '' },
    data: { type: 'string' },
  },
});
const kept = values.data !== undefined;
const dataDir = values.data === undefined ? await mkdtemp(join(tmpdir(), 'consentry-bench-')) : resolve(values.data);
const rows = Number(values.rows);
try {
  await bench();
} finally {
  if (!kept) await rm(dataDir, { recursive: true, force: true });
}

async function bench(): Promise<void> {
  const listener = createServer();
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
  const { port } = listener.address() as AddressInfo;
  const issuer = `http://127.0.0.1:${port}`;
  const config = readConfig({ ISSUER: issuer, PORT: String(port), DATA_DIR: dataDir, DEMO: 'off', LOG_LEVEL: 'error' });
  const log = createLog({ level: 'error' });
  const database = await openDatabase({ databaseUrl: undefined, dataDir, log, mode: 'serve' });
  try {
    await migrate(database.connection);
    const rooms = await createRooms({ config, prisma: database.prisma, passwordCost: COST });
    const owner = await fill(rooms);
    const server = await startServer({ config, rooms, log, listener });
    try {
      await read(issuer, owner);
    } finally {
      await server.close();
    }
  } finally {
    await database.close();
  }
}

type Owner = { email: string; password: string };

/** Once for a directory that is kept. */
async function fill(rooms: Awaited<ReturnType<typeof createRooms>>): Promise<Owner> {
  const file = join(dataDir, 'bench-owner.json');
  if (existsSync(file)) {
    await rooms.database.direct.$executeRawUnsafe('ANALYZE');
    return JSON.parse(readFileSync(file, 'utf8')) as Owner;
  }
  const started = performance.now();
  let owner: Owner = { email: '', password: randomBytes(16).toString('hex') };
  const made = await makeDemoData(rooms, {
    sizes: { people: rows, clients: rows, consents: rows, tokens: Number(values.events) },
    seed: 'bench',
    keep: async ([first]) => {
      if (first) owner = { email: first.email, password: first.password };
      writeFileSync(file, JSON.stringify(owner), { mode: 0o600 });
    },
    progress: (what, made, whole) => {
      if (made === whole) console.error(`  ${made.toLocaleString('en')} ${what}`);
    },
  });
  if (made !== 'made') throw new Error(`the database at ${dataDir} is not empty: ${made}`);
  await rooms.database.direct.$executeRawUnsafe('VACUUM (ANALYZE)');
  console.error(`made in ${((performance.now() - started) / 1000).toFixed(0)} s\n`);
  return owner;
}

async function read(issuer: string, { email, password }: Owner): Promise<void> {
  const person = createPerson(issuer);
  const page = await person.open(`${issuer}/admin`);
  const inside = await person.submit(page, { email, password });
  if (inside.status !== 200) throw new Error(`signing in: ${inside.status} ${inside.html.slice(0, 500)}`);
  console.log('page                         p50      p95      first');
  const slow: string[] = [];
  for (const [name, path] of READS.filter(([one]) => one.includes(values.only))) {
    const address = await resolvePath(path);
    if (!address) {
      console.log(`${name.padEnd(26)} (nothing to follow)`);
      continue;
    }
    const times: number[] = [];
    for (let time = 0; time <= Number(values.times); time += 1) times.push(await measure(address));
    const [first = 0, ...rest] = times;
    rest.sort((one, other) => one - other);
    const at = (part: number) => rest[Math.floor((rest.length - 1) * part)] ?? 0;
    const p95 = at(0.95);
    const shown = [at(0.5), p95, first].map((ms) => `${ms.toFixed(0)} ms`.padStart(8)).join(' ');
    console.log(`${name.padEnd(26)}${shown}${p95 > GOAL_MS ? '   over the goal' : ''}`);
    if (p95 > GOAL_MS) slow.push(name);
  }
  console.log(
    slow.length === 0 ? `\nall within ${GOAL_MS} ms` : `\n${slow.length} over ${GOAL_MS} ms: ${slow.join('; ')}`,
  );

  async function measure(path: string): Promise<number> {
    const started = performance.now();
    const { status, html } = await person.open(`${issuer}${path}`);
    const took = performance.now() - started;
    if (status !== 200) throw new Error(`${path}: ${status} ${html.slice(0, 300)}`);
    return took;
  }

  async function resolvePath(path: string): Promise<string | undefined> {
    if (path.endsWith('/*')) return linksIn(path.slice(0, -2));
    if (!path.endsWith(' deep')) return path;
    let at = path.slice(0, -5);
    for (let page = 0; page < DEEP; page += 1) {
      const { html } = await person.open(`${issuer}${at}`);
      const next = /rel="next" href="([^"]+)"/.exec(html)?.[1]?.replaceAll('&amp;', '&');
      if (!next) return page === 0 ? undefined : at;
      at = next;
    }
    return at;
  }

  async function linksIn(list: string): Promise<string | undefined> {
    const { html } = await person.open(`${issuer}${list}`);
    const links = [...html.matchAll(/href="([^"]+)"/g)].map(([, href = '']) => href.replaceAll('&amp;', '&'));
    return links.find(
      (href) => href.startsWith(`${list}/`) && !/\/(add|new|start|register|export|revoke|rotate|block)\b/.test(href),
    );
  }
}
