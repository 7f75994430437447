import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { staticClient } from '../harness.ts';
import { createCommand } from './command.ts';
import { startWithCommand } from './fixture.ts';

const EXAMPLE = fileURLToPath(new URL('../../docs/consentry.example.yaml', import.meta.url));

let world: Awaited<ReturnType<typeof startWithCommand>>;
let consentry: ReturnType<typeof createCommand>;
let directory = '';
let place = 0;

before(async () => {
  world = await startWithCommand();
  consentry = createCommand({ ...world.env, STAFF_CLIENT_SECRET: 'secret-of-staff-1234567890' });
  directory = await mkdtemp(join(tmpdir(), 'consentry-apply-'));
});
after(async () => {
  await world?.server.close();
  await rm(directory, { recursive: true, force: true });
});

async function file(text: string): Promise<string> {
  place += 1;
  const path = join(directory, `consentry-${place}.yaml`);
  await writeFile(path, text);
  return path;
}

async function apply(text: string, ...args: string[]) {
  return consentry(['apply', '-f', await file(text), ...args]);
}

const server = (scopes: string) => `version: 1
resources:
  - uri: https://notes.example.com/mcp
    name: Notes
    scopes:
${scopes}`;
const READ = `      - { name: 'notes:read', description: Read your notes, sensitivity: low, effect: read, tools: [list_notes] }\n`;
const WRITE = `      - { name: 'notes:write', description: Write notes, sensitivity: medium, effect: change }\n`;

test('the example of the documentation, from the first look to nothing to do', async (t) => {
  const secrets = join(directory, 'secrets.txt');

  await t.test('--dry-run says what would change with exit code 2, and changes nothing', async () => {
    const { code, out } = await consentry(['apply', '-f', EXAMPLE, '--dry-run']);
    assert.equal(code, 2, out);
    assert.match(out, /\+ https:\/\/mail\.example\.com\/mcp \(added\)/);
    assert.match(out, /\+ staff \(added\)/);
    assert.match(out, /\+ nightly-report \(added\)/);
    assert.match(out, /new, at place 1: deny where redirect host \*\.example\.net/);
    assert.match(out, /people_approve: "high" → "medium"/);
    assert.equal(await world.prisma.connection.count(), 0);
    assert.equal((await world.recorded()).length, 0);
  });

  await t.test('without a terminal it needs --yes, and a place for the secrets', async () => {
    const unasked = await consentry(['apply', '-f', EXAMPLE, '--secrets-out', secrets]);
    assert.equal(unasked.code, 2);
    assert.match(unasked.err, /say --yes/);
    const homeless = await consentry(['apply', '-f', EXAMPLE, '--yes']);
    assert.equal(homeless.code, 2);
    assert.match(homeless.err, /--secrets-out/);
    assert.equal(await world.prisma.connection.count(), 0);
  });

  await t.test('applied, each thing is there with its event, and no secret in output or record', async () => {
    const { code, out, err } = await consentry(['apply', '-f', EXAMPLE, '--yes', '--secrets-out', secrets]);
    assert.equal(code, 0, err);
    const types = (await world.recorded()).map(({ type }) => type).sort();
    const expected = ['client.created', 'client.created', 'connection.added', 'policy.changed', 'resource.created'];
    assert.deepEqual(types, expected);
    assert.equal((await stat(secrets)).mode & 0o777, 0o600);
    const kept = await readFile(secrets, 'utf8');
    const [, secret = ''] = /client_secret +(\S+)/.exec(kept) ?? [];
    const said = `${out}${err}${JSON.stringify(await world.recorded(), (_key, value) => (typeof value === 'bigint' ? `${value}` : value))}`;
    assert.ok(secret.length > 40 && !said.includes(secret) && !said.includes('secret-of-staff'));
  });

  await t.test('the service of the file gets a token for its scope with the secret that was written', async () => {
    const kept = await readFile(secrets, 'utf8');
    const [, id = '', secret = ''] = /nightly-report\s+client_id +(\S+)\s+client_secret +(\S+)/.exec(kept) ?? [];
    const response = await fetch(`${world.server.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${id}:${secret}`)}` },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        resource: 'https://mail.example.com/mcp',
        scope: 'mail:read',
      }),
    });
    const answer = (await response.json()) as { scope?: string };
    assert.equal(response.status, 200, JSON.stringify(answer));
    assert.equal(answer.scope, 'mail:read');
  });

  await t.test('a second time there is nothing to do, and nothing is recorded', async () => {
    const { length } = await world.recorded();
    for (const way of ['--dry-run', '--yes']) {
      const { code, out } = await consentry(['apply', '-f', EXAMPLE, way]);
      assert.equal(code, 0, out);
      assert.match(out, /Nothing to do/);
    }
    assert.equal((await world.recorded()).length, length);
  });
});

test('what is wrong is told with line, column and path, all at once, and nothing is changed', async () => {
  const { code, err } = await apply(`version: 1
resources:
  - uri: https://wrong.example.com/mcp
    name: Wrong
    colour: red
    scopes:
      - { name: 'a:b', description: Something, sensitivity: huge, effect: read }
clients:
  - key: x
    name: 5
`);
  assert.equal(code, 2);
  assert.match(err, /:5:5 resources\[0\]\.colour is not known here/);
  assert.match(err, /:7:\d+ resources\[0\]\.scopes\[0\]\.sensitivity must be low, medium or high/);
  assert.match(err, /:10:5 clients\[0\]\.name must be text/);
  assert.match(err, /:9:5 clients\[0\]\.kind is missing/);
});

test('refuses another version, a key given twice, a tag, aliases without end, and a secret in the file', async (t) => {
  const bombs = `version: 1
policy: { rules: [] }
x: &a [1, 1]
y: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
z: [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
`;
  const connection = (secret: string) =>
    `version: 1\nconnections:\n  - { id: other, kind: oidc, issuer: https://idp.example.com, client_id: c, client_secret: ${secret} }\n`;
  const cases: [string, RegExp][] = [
    ['version: 2\n', /1:1 version must be 1/],
    ['version: 1\nversion: 1\n', /2:1 .*unique/i],
    ['version: 1\npolicy: !!js/function x\n', /2:9 /],
    [bombs, /alias|not known here/i],
    [connection('hunter22222222222222'), /client_secret must name a variable/],
    [connection('"$' + '{NOT_SET}"'), /NOT_SET is empty or missing/],
    [
      'version: 1\nclients:\n  - { key: s, name: S, kind: service, auth: client_secret_basic, access: { https://nowhere.example.com: [a] } }\n',
      /3:5 clients\[0\] access names no MCP server/,
    ],
    [
      'version: 1\nclients:\n  - { key: a, name: A, kind: app }\n',
      /3:5 clients\[0\] Say where people return to with redirect_uris/,
    ],
    [
      'version: 1\npolicy:\n  rules:\n    - { effect: allow, client_host: github.io }\n',
      /4:7 policy\.rules\[0\] Many people publish/,
    ],
  ];
  for (const [text, expected] of cases) {
    await t.test(String(expected), async () => {
      const { code, err } = await apply(text, '--yes');
      assert.equal(code, 2, err);
      assert.match(err, expected);
      assert.ok(!err.includes('hunter2'));
    });
  }
});

test('an MCP server becomes what the file says, scope by scope, and is left alone where the file is silent', async () => {
  const secretsOut = ['--yes', '--secrets-out', join(directory, 'notes.txt')];
  assert.equal((await apply(server(READ + WRITE), ...secretsOut)).code, 0);
  const changed = server(READ.replace('Read your notes', 'Read and search your notes'));
  const { code, out, err } = await apply(changed, '--yes');
  assert.equal(code, 0, err);
  assert.match(out, /notes:read description: "Read your notes" → "Read and search your notes"/);
  assert.match(out, /notes:write: removed\n +touches 0 people/);
  const [notes] = await world.prisma.resource.findMany({ where: { name: 'Notes' }, include: { scopes: true } });
  assert.deepEqual(
    notes?.scopes.map(({ name, description, proposedAt }) => [name, description, proposedAt]),
    [['notes:read', 'Read and search your notes', null]],
  );
  assert.ok(
    await world.server.rooms.resources.findByUri(world.server.mail.uri),
    'a server that the file does not name stays',
  );
});

test('a client is changed under its key, and taken over by its client_id', async () => {
  const { clientId } = await staticClient(world.server.rooms, { kind: 'app', name: 'By hand', authMethod: 'none' });
  const declared = (more: string) => `version: 1\nclients:\n  - { key: hand, name: By file, kind: app, ${more} }\n`;
  const first = declared(`client_id: ${clientId}, redirect_uris: ['http://127.0.0.1/callback']`);
  const taken = await apply(first, '--yes');
  assert.equal(taken.code, 0, taken.err);
  assert.match(taken.out, /client_name: "By hand" → "By file"/);
  const second = declared(`redirect_uris: ['http://127.0.0.1/other']`);
  assert.match(
    (await apply(second, '--yes')).out,
    /redirect_uris: http:\/\/127\.0\.0\.1\/callback → http:\/\/127\.0\.0\.1\/other/,
  );
  const client = await world.server.rooms.clients.find(clientId);
  assert.deepEqual(client?.metadata.redirect_uris, ['http://127.0.0.1/other']);
  const refused = await apply(
    declared(`auth: client_secret_basic, redirect_uris: ['http://127.0.0.1/other']`),
    '--yes',
  );
  assert.match(refused.err, /clients\[0\]\.auth cannot become client_secret_basic/);
  const { actor, details } = (await world.recorded('client.updated')).at(-1) ?? {};
  assert.equal(actor, 'cli');
  assert.deepEqual((details as { redirect_urisBefore?: string[] }).redirect_urisBefore, ['http://127.0.0.1/callback']);
});

test('rules keep their ids where they say the same, and follow the order of the file', async () => {
  const rules = (...hosts: string[]) =>
    `version: 1\npolicy:\n  rules:\n${hosts.map((host) => `    - { effect: ask, client_host: ${host} }\n`).join('')}`;
  assert.equal((await apply(rules('a.example', 'b.example'), '--yes')).code, 0);
  const idsBefore = (await world.server.rooms.policyStore.list()).map(({ id }) => id);
  const { out } = await apply(rules('b.example', 'a.example', 'c.example'), '--yes');
  assert.match(out, /new, at place 3: ask where client host c\.example/);
  assert.match(out, /asked in another order/);
  const idsAfter = (await world.server.rooms.policyStore.list()).map(({ id }) => id);
  assert.deepEqual([idsAfter[0], idsAfter[1]], [idsBefore[1], idsBefore[0]]);
});

test('a fault half way changes nothing at all', async () => {
  const text = `${server(READ.replace('Read your notes', 'Half way'))}clients:
  - { key: last, name: Last, kind: app, auth: client_secret_basic, redirect_uris: ['https://last.example.com/cb'] }
`;
  const taken = await file('is there already');
  const { code, err } = await apply(text, '--yes', '--secrets-out', taken);
  assert.equal(code, 1);
  assert.match(err, /is there already, and is not written over/);
  const notes = await world.prisma.resourceScope.findMany({ where: { name: 'notes:read' } });
  assert.deepEqual(
    notes.map(({ description }) => description),
    ['Read and search your notes'],
  );
  assert.equal(await world.prisma.client.count({ where: { metadata: { path: ['client_name'], equals: 'Last' } } }), 0);
});

test('prune removes what the file does not name, and says whom that touches', async () => {
  const { rooms, ana } = world.server;
  const desk = (await rooms.clients.list({ origins: ['static'], living: true })).find(
    ({ metadata }) => metadata.consentry_key === 'front-desk',
  );
  const notes = await rooms.resources.findByUri('https://notes.example.com/mcp');
  await world.prisma.consent.create({
    data: {
      ...{
        id: 'pruned',
        accountId: ana.id,
        clientId: desk?.id ?? '',
        resourceId: notes?.id ?? '',
        redirectUri: 'x',
        browserId: 'b',
      },
      ...{ clientFingerprint: 'f', scopeDigests: {}, scopes: ['notes:read'], livingKey: 'pruned' },
      ...{ approvedAt: new Date(), expiresAt: new Date(Date.now() + 86_400_000) },
    },
  });
  const { code, out, err } = await apply(
    'version: 1\nprune: [clients, connections]\nclients: []\nconnections: []\n',
    '--yes',
  );
  assert.equal(code, 0, err);
  assert.match(out, /- front-desk \(removed\)\n.*revoked, for good\n +touches 1 person/);
  assert.match(out, /- staff \(removed\)/);
  assert.equal((await rooms.clients.list({ origins: ['static'], living: true })).length, 0);
  assert.deepEqual(await rooms.connectionStore.list(), []);
  const consent = await world.prisma.consent.findUnique({ where: { id: 'pruned' } });
  assert.equal(consent?.revokedReason, 'client_revoked');
  assert.ok(await rooms.resources.findByUri('https://notes.example.com/mcp'), 'a section that is not pruned stays');
});
