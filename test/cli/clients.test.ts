import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { authorize, basic, introspect, redeem, refresh, registerClient, tokenRequest } from '../flow.ts';
import { startWithCommand } from './fixture.ts';

let world: Awaited<ReturnType<typeof startWithCommand>>;
before(async () => {
  world = await startWithCommand();
});
after(() => world.server.close());

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
