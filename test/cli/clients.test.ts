import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  authorize,
  basic,
  introspect,
  type Registration,
  redeem,
  refresh,
  registerClient,
  tokenRequest,
} from '../flow.ts';
import { sql } from '../harness.ts';
import { startWithCommand } from './fixture.ts';

let world: Awaited<ReturnType<typeof startWithCommand>>;
let directory: string;
before(async () => {
  world = await startWithCommand();
  directory = await mkdtemp(join(tmpdir(), 'consentry-clients-'));
});
after(async () => {
  await world.server.close();
  await rm(directory, { recursive: true });
});

const CALLBACK = ['--redirect-uri', 'http://127.0.0.1/callback'];
const add = (...args: string[]) => ['client', 'add', '--name', 'Desk', ...args];

test('an app from client add signs people in and refreshes, without a secret', async () => {
  const { consentry, server, recorded } = world;
  const { client_id: clientId = '', ...rest } = await consentry.json(add('--kind', 'app', ...CALLBACK));
  assert.deepEqual(rest, {});
  const { body } = await redeem(server, clientId, await authorize(server, clientId));
  assert.ok(body.refresh_token);
  assert.equal((await refresh(server, clientId, body.refresh_token)).status, 200);
  const [event] = await recorded('client.created');
  assert.equal(event?.clientId, clientId);
  assert.deepEqual(event?.details, { name: 'Desk', kind: 'app', authMethod: 'none', redirectUris: [CALLBACK[1]] });
});

test('an app from client add hears of ended sessions where it said', async () => {
  const { consentry, prisma } = world;
  const bye = ['--backchannel-logout-uri', 'https://app.example.test/bye'];
  const { client_id: id = '' } = await consentry.json(add('--kind', 'app', ...CALLBACK, ...bye));
  const { metadata } = await prisma.client.findUniqueOrThrow({ where: { id } });
  const { backchannel_logout_uri: uri, backchannel_logout_session_required: session } = metadata as Record<
    string,
    unknown
  >;
  assert.deepEqual([uri, session], ['https://app.example.test/bye', true]);
});

test('a proxy from client add proves itself with the secret shown once, and gets no refresh token', async () => {
  const { consentry, server, prisma, recorded } = world;
  const logout = ['--post-logout-redirect-uri', 'http://127.0.0.1/bye'];
  const { code, out } = await consentry(add('--kind', 'proxy', ...CALLBACK, ...logout));
  assert.equal(code, 0);
  const clientId = /client_id {6}(\w+)\n/.exec(out)?.[1] ?? '';
  const secret = /client_secret {2}([\w-]{64}) {3}\(shown only now\)/.exec(out)?.[1] ?? '';
  const authorized = await authorize(server, clientId);
  assert.equal((await redeem(server, clientId, authorized)).body.error, 'invalid_client');
  const fields = { grant_type: 'authorization_code', code: authorized.code, code_verifier: authorized.verifier };
  const request = { ...fields, redirect_uri: authorized.redirectUri, resource: server.mail.uri };
  const { status, body } = await tokenRequest(server.issuer, request, basic(clientId, secret));
  assert.equal(status, 200, JSON.stringify(body));
  assert.equal(body.refresh_token, undefined);
  const client = await prisma.client.findUniqueOrThrow({ where: { id: clientId } });
  assert.equal(client.secretHash, createHash('sha256').update(secret).digest('base64url'));
  const details = (await recorded()).map((event) => event.details);
  assert.ok(!JSON.stringify([client, details]).includes(secret));
});

test('a service from client add gets tokens for exactly what --access names', async () => {
  const { consentry, server } = world;
  const access = ['--access', `${server.mail.uri}=mail:read mail:label`];
  const { client_id: id = '', client_secret: secret } = await consentry.json(add('--kind', 'service', ...access));
  const ask = (scope: string) =>
    tokenRequest(
      server.issuer,
      { grant_type: 'client_credentials', resource: server.mail.uri, scope },
      basic(id, secret),
    );
  assert.equal((await ask('mail:read mail:label')).body.scope, 'mail:read mail:label');
  const refused = await ask('mail:send');
  assert.deepEqual([refused.status, refused.body.error, refused.body.access_token], [400, 'invalid_scope', undefined]);
});

test('an app for devices needs no redirect URI', async () => {
  const { consentry, server } = world;
  const { client_id: clientId = '' } = await consentry.json(add('--kind', 'app', '--device-flow'));
  const response = await fetch(`${server.issuer}/device_authorization`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: clientId, resource: server.mail.uri }),
  });
  assert.equal(response.status, 200, await response.clone().text());
});

test('a client may have keys instead of a secret, and a host of a private network', async () => {
  const { consentry, server } = world;
  const keys = ['--auth', 'private_key_jwt', '--jwks-uri', 'https://10.0.0.7/keys.json'];
  const { client_id: clientId = '', client_secret: secret } = await consentry.json(
    add('--kind', 'app', '--redirect-uri', 'https://10.0.0.7/callback', ...keys),
  );
  assert.equal(secret, undefined);
  await authorize(server, clientId, { params: { redirect_uri: 'https://10.0.0.7/callback' } });
});

const refused: [string, string[], RegExp][] = [
  ['no kind, and explains each', ['--name', 'x', ...CALLBACK], /no default[\s\S]*app {6}one[\s\S]*proxy[\s\S]*service/],
  ['an unknown kind', ['--name', 'x', '--kind', 'robot'], /--kind robot is none of these/],
  ['no name', ['--kind', 'app', ...CALLBACK], /--name/],
  ['a name that nobody can see', ['--kind', 'app', '--name', '\u200b', ...CALLBACK], /name of the client is empty/],
  ['an app nobody returns to', ['--kind', 'app', '--name', 'x'], /--redirect-uri/],
  [
    'a redirect in the clear',
    ['--kind', 'app', '--name', 'x', '--redirect-uri', 'http://a.example/cb'],
    /http:\/\/a.example\/cb must be https/,
  ],
  [
    'a redirect to ourselves',
    ['--kind', 'app', '--name', 'x', '--redirect-uri', 'ISSUER/cb'],
    /this authorization server/,
  ],
  [
    'a bad place after signing out',
    ['--kind', 'app', '--name', 'x', ...CALLBACK, '--post-logout-redirect-uri', 'x'],
    /--post-logout-redirect-uri x is not/,
  ],
  [
    'redirects no client can have together',
    ['--kind', 'app', '--name', 'x', ...CALLBACK, '--redirect-uri', 'https://localhost/cb'],
    /make two clients/,
  ],
  ['an unknown --auth', ['--kind', 'app', '--name', 'x', '--auth', 'mtls', ...CALLBACK], /--auth mtls is not known/],
  ['keys that are nowhere', ['--kind', 'app', '--name', 'x', '--auth', 'private_key_jwt', ...CALLBACK], /--jwks-uri/],
  [
    'keys in the clear',
    ['--kind', 'app', '--name', 'x', '--jwks-uri', 'http://a.example/k', ...CALLBACK],
    /is not an https URL/,
  ],
  [
    'a logout address in the clear',
    ['--kind', 'app', '--name', 'x', '--backchannel-logout-uri', 'http://a.example/bye', ...CALLBACK],
    /is not an https URL/,
  ],
  [
    'a logout address for a service',
    [...'--kind service --name x --access x=y --backchannel-logout-uri https://a.example/bye'.split(' ')],
    /signs nobody in/,
  ],
  ['access for an app', ['--kind', 'app', '--name', 'x', '--access', 'x=y', ...CALLBACK], /decided by each person/],
  ['a service without access', ['--kind', 'service', '--name', 'x'], /Say what the service may do/],
  [
    'a service without proof',
    ['--kind', 'service', '--name', 'x', '--auth', 'none', '--access', 'x=y'],
    /prove itself/,
  ],
  ['a service that signs in', ['--kind', 'service', '--name', 'x', '--access', 'x=y', ...CALLBACK], /signs nobody in/],
  [
    'access to nowhere',
    ['--kind', 'service', '--name', 'x', '--access', 'https://a.example=y'],
    /no registered MCP server[\s\S]*127\.0\.0\.1:9\/mail/,
  ],
  [
    'access to an unknown scope',
    ['--kind', 'service', '--name', 'x', '--access', 'MAIL=mail:burn'],
    /names mail:burn; it has mail:read/,
  ],
  ['access to no scope', ['--kind', 'service', '--name', 'x', '--access', 'MAIL= '], /names no scope/],
];
for (const [what, args, message] of refused) {
  test(`client add refuses ${what}`, async () => {
    const { consentry, server, prisma } = world;
    const before = await prisma.client.count();
    const stated = args.map((arg) => arg.replace('ISSUER', server.issuer).replace('MAIL', server.mail.uri));
    const { code, out, err } = await consentry(['client', 'add', ...stated]);
    assert.equal(code, 2, err);
    assert.match(err, message);
    assert.match(err, /client add --help/);
    assert.equal(out, '');
    assert.equal(await prisma.client.count(), before);
  });
}

/** A registration of its own on another port, as the same program makes one. */
const again = (port: number, name: string) =>
  registerClient(world.server.issuer, {
    client_name: name,
    redirect_uris: [`http://127.0.0.1:${port}/callback`],
  });

test('client list puts registrations of one program on one line; --each lists every one', async () => {
  const { consentry, server } = world;
  const [first, second, third] = [await again(1, 'Twins'), await again(2, 'Twins'), await again(3, 'Twins')];
  await redeem(server, second.client_id, await authorize(server, second.client_id));
  await server.rooms.clients.revoke(first.client_id);
  const lineOf = (out: string) => out.split('\n').filter((line) => / Twins /.test(line));
  const MOMENT = '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\dZ';

  const { out } = await consentry(['client', 'list']);
  assert.match(out, /^CLIENT +ORIGIN +KIND +NAME +LAST USED +TIMES +FIRST SEEN +CONSENTS\n/);
  assert.match(lineOf(out).join('|'), new RegExp(`^${third.client_id} .*Twins +${MOMENT} +2 +${MOMENT} +1$`));
  assert.match(lineOf((await consentry(['client', 'list', '--all'])).out).join('|'), / 3 \(1 revoked\) /);
  assert.equal(lineOf((await consentry(['client', 'list', '--each', '--all'])).out).length, 3);
  assert.equal(lineOf((await consentry(['client', 'list', '--each'])).out).length, 2);

  type Listed = Record<string, unknown>[];
  const listed = await consentry.json<Listed>(['client', 'list', '--origin', 'dynamic']);
  const family = listed.find((one) => one.client_id === third.client_id);
  assert.deepEqual([family?.registrations, family?.living_registrations, family?.living_consents], [2, 2, 1]);
  assert.ok(family?.last_used_at && family.first_seen_at);
  const each = await consentry.json<Listed>(['client', 'list', '--each']);
  assert.equal(each.find((one) => one.client_id === third.client_id)?.last_used_at, null);
});

test('client show tells what is known of a client and of its family', async () => {
  const { consentry, server } = world;
  const [first] = [await again(1, 'Shown'), await again(2, 'Shown')];
  await redeem(server, first.client_id, await authorize(server, first.client_id));
  const { out } = await consentry(['client', 'show', first.client_id]);
  assert.match(out, /^ {2}client_id +[\da-f]{32}\n/);
  for (const line of [/origin +dynamic/, /client_name +Shown/, /living_consents +1/, /living_registrations +2/])
    assert.match(out, line);
  const shown = await consentry.json<Record<string, unknown>>(['client', 'show', server.mail.clientId]);
  assert.deepEqual([shown.origin, shown.living_consents], ['resource', 0]);
  const { code, err } = await consentry(['client', 'show', 'nobody']);
  assert.equal(code, 1);
  assert.match(err, /There is no client nobody/);
});

test('client revoke --family ends every registration of a program, each recorded, and says how many', async () => {
  const { consentry, server, prisma, recorded } = world;
  const twins = [await again(1, 'Flood'), await again(2, 'Flood'), await again(3, 'Flood')];
  const other = await again(4, 'Bystander');
  const [first, second] = twins as [Registration, Registration];
  const bodies = [];
  for (const { client_id: id } of [first, second, other])
    bodies.push((await redeem(server, id, await authorize(server, id))).body);
  await sql(
    server,
    `INSERT INTO clients (id, origin, kind, metadata, family_key)
     SELECT 'flood' || n, origin, kind, metadata, family_key FROM clients, generate_series(1, 150) n WHERE id = $1`,
    [first.client_id],
  );
  const { code, out } = await consentry(['client', 'revoke', first.client_id, '--family']);
  assert.equal(code, 0);
  assert.equal(out, 'Revoked 153 registrations of Flood, and with them 2 consents of 1 account.');
  const { familyKey } = await prisma.client.findUniqueOrThrow({ where: { id: first.client_id } });
  assert.equal(await prisma.client.count({ where: { familyKey, revokedAt: null } }), 0);
  assert.equal((await introspect(server, bodies[1]?.access_token)).body.active, false);
  assert.equal((await refresh(server, other.client_id, bodies[2]?.refresh_token)).status, 200);
  const revoked = (await recorded('client.revoked')).filter(({ clientId }) => clientId?.startsWith('flood'));
  assert.equal(revoked.length, 150);
  const repeated = await consentry(['client', 'revoke', second.client_id, '--family']);
  assert.equal(repeated.out, 'Every registration of Flood was revoked already.');
});

test('client revoke --family refuses clients that did not register themselves', async () => {
  const { consentry } = world;
  const { client_id: clientId = '' } = await consentry.json(add('--kind', 'app', ...CALLBACK));
  for (const id of [clientId, 'https://app.example.com/family.json']) {
    const { code, err } = await consentry(['client', 'revoke', id, '--family']);
    assert.equal(code, 2);
    assert.match(err, /did not register itself/);
  }
  assert.doesNotMatch((await consentry(['client', 'list', '--all'])).out, new RegExp(`${clientId}.*revoked`));
});

test('client import-document takes a document from a file, client show tells so, and --remove ends it', async () => {
  const { consentry, recorded } = world;
  const url = 'https://import.example.com/client.json';
  const file = join(directory, 'client.json');
  const document = { client_id: url, client_name: 'Brought', redirect_uris: ['http://127.0.0.1/callback'] };
  await writeFile(file, JSON.stringify(document));
  const { code, out, err } = await consentry(['client', 'import-document', url, file]);
  assert.deepEqual([code, out, err], [0, 'Imported Brought.', '']);
  assert.match((await consentry(['client', 'show', url])).out, /client_id +https:.*\n +document_imported_at +\d{4}-/);
  assert.equal((await consentry(['client', 'import-document', url, '--remove'])).code, 0);
  const shown = await consentry.json<Record<string, unknown>>(['client', 'show', url]);
  assert.deepEqual(Object.keys(shown), ['client_id', 'document_fetched_at', 'document_unusable_since']);
  assert.equal((await recorded('client.document_imported')).length, 2);
  assert.equal((await consentry(['client', 'import-document', url, '--remove'])).code, 1);
});

test('client import-document says in words what is wrong, and imports nothing', async () => {
  const { consentry, prisma } = world;
  const url = 'https://wrong.example.com/client.json';
  const [bad, long] = [join(directory, 'bad.json'), join(directory, 'long.json')];
  await writeFile(bad, JSON.stringify({ client_id: 'https://other.example.com/', client_name: 'x' }));
  await writeFile(long, `{"x":"${'x'.repeat(100_000)}"}`);
  const cases: [string[], number, RegExp][] = [
    [[url, bad], 1, /not imported: client_id is not https:\/\/wrong/],
    [[url, long], 1, /not imported: longer than 5120 bytes/],
    [[url, join(directory, 'missing.json')], 2, /missing.json cannot be read/],
    [[url, directory], 2, /cannot be read/],
    [[url], 2, /Name the file/],
    [[url, bad, '--remove'], 2, /no file to name/],
    [['http://wrong.example.com/client.json', bad], 2, /not the address of a metadata document/],
  ];
  for (const [args, status, message] of cases) {
    const { code, err } = await consentry(['client', 'import-document', ...args]);
    assert.equal(code, status, err);
    assert.match(err, message);
  }
  assert.equal(await prisma.metadataDocument.count({ where: { url } }), 0);
});

test('client revoke ends a client with its consents and tokens, and says how many', async () => {
  const { consentry, server, prisma, recorded } = world;
  const registration = await registerClient(server.issuer, { client_name: 'Doomed' });
  const clientId = registration.client_id;
  const { body } = await redeem(server, clientId, await authorize(server, clientId));
  assert.match((await consentry(['client', 'list'])).out, new RegExp(`${clientId} +dynamic +app +Doomed +\\d{4}-`));

  const { code, out } = await consentry(['client', 'revoke', clientId]);
  assert.equal(code, 0);
  assert.match(out, /Revoked Doomed, and with it 1 consent of 1 account/);
  assert.equal((await introspect(server, body.access_token)).body.active, false);
  assert.equal((await refresh(server, clientId, body.refresh_token)).body.error, 'invalid_client');
  const consent = await prisma.consent.findFirstOrThrow({ where: { clientId } });
  assert.equal(consent.revokedReason, 'client_revoked');
  assert.equal(await prisma.grant.count({ where: { consentId: consent.id } }), 0);
  assert.equal(await prisma.artifact.count({ where: { clientId } }), 0);
  const events = (await recorded()).filter((event) => event.clientId === clientId);
  assert.deepEqual(
    events.map(({ type, reason, requestId }) => [type, reason, requestId === events[0]?.requestId]),
    [
      ['consent.revoked', 'client_revoked', true],
      ['client.revoked', 'administrator', true],
    ],
  );
  assert.match((await consentry(['client', 'revoke', clientId])).out, /was revoked already/);
  assert.doesNotMatch((await consentry(['client', 'list'])).out, /Doomed/);
  assert.match((await consentry(['client', 'list', '--all'])).out, /Doomed +revoked/);
});

test('client revoke blocks a metadata document that nobody has used here yet', async () => {
  const { consentry, server } = world;
  const id = 'https://app.example.com/client.json';
  assert.equal((await consentry(['client', 'revoke', id])).out, `Blocked ${id}, which nobody has used here yet.`);
  const { status, body } = await tokenRequest(server.issuer, {
    grant_type: 'authorization_code',
    client_id: id,
    code: 'x',
  });
  assert.deepEqual([status, body.error], [401, 'invalid_client']);
  const [listed] = await consentry.json<Record<string, unknown>[]>(['client', 'list', '--all', '--origin', 'document']);
  assert.equal(listed?.client_id, id);
  assert.ok(listed?.revoked_at);
});

test('client revoke refuses an unknown client and the credential of an MCP server', async () => {
  const { consentry, server } = world;
  for (const id of ['nobody', 'http://app.example.com/client.json', 'https://app.example.com/#x']) {
    const { code, err } = await consentry(['client', 'revoke', id]);
    assert.equal(code, 1);
    assert.match(err, /There is no client/);
  }
  const { code, err } = await consentry(['client', 'revoke', server.mail.clientId]);
  assert.equal(code, 1);
  assert.match(err, /credential of an MCP server/);
});
