/** Connections by the command line: made, listed, shown. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { sql } from '../harness.ts';
import { addEntra, CLIENT, type ConnectionWorld, SECRET, startConnectionWorld, TENANT } from './connection-kit.ts';

/** Of no key: what counts is what Entra says of it. */
const JWT = [{ alg: 'RS256' }, { sub: 'workload' }, 'x']
  .map((part) => Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url'))
  .join('.');

let world: ConnectionWorld;
before(async () => {
  world = await startConnectionWorld();
});
after(() => world?.close());
beforeEach(() => sql(world.server, 'DELETE FROM connections'));

describe('connection add', () => {
  test('entra prints id, addresses and what to enter in the portal, and stores settings and a sealed secret', async () => {
    const { code, out, err } = await world.consentry(
      addEntra(
        '--client-secret-file',
        world.secretFile,
        '--secret-expires',
        '2099-05-01',
        '--guests',
        '--groups',
        '--name',
        'Contoso',
      ),
    );
    assert.deepEqual([code, err], [0, '']);
    const [row, ...more] = await world.stored();
    assert.ok(row && more.length === 0);
    assert.match(row.id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    const callback = `${world.server.issuer}/federation/${row.id}/callback`;
    for (const told of [
      row.id,
      callback,
      'Redirect URIs',
      'Front-channel logout URL',
      'Assignment required',
      'the one you gave, which ends on 2099-05-01\n',
      `connection test ${row.id}`,
    ])
      assert.ok(out.includes(told), `${told} in\n${out}`);
    assert.deepEqual(row.settings, {
      cloud: 'global',
      tenants: [TENANT],
      clientId: CLIENT,
      authentication: 'client_secret',
      guests: true,
      groups: 'mapped',
      authContexts: [],
      checkMinutes: 10,
    });
    assert.equal(row.credentialEndsAt?.toISOString(), '2099-05-01T00:00:00.000Z');
    const { clientSecret } = await world.server.rooms.connectionStore.findSecrets(row.id);
    assert.equal(clientSecret, SECRET);
    const [event] = await world.recorded('connection.added');
    const seen = JSON.stringify([out, event?.details, await world.consentry(['connection', 'show', row.id])]);
    const dump = await sql(world.server, 'SELECT c::text AS row FROM connections c');
    assert.ok(!seen.includes(SECRET) && !JSON.stringify(dump).includes(SECRET), 'the secret leaked');
    assert.ok(!JSON.stringify(dump).includes(Buffer.from(SECRET).toString('hex')), 'the secret leaked');
  });

  test('prints addresses at which there really is something', async () => {
    type Made = { callback_url: string; front_channel_logout_url: string; back_channel_logout_url: string };
    const made = await world.consentry.json<Made>(world.addOidcBy());
    world.reread();
    const { callback_url: callback, front_channel_logout_url: front, back_channel_logout_url: back } = made;
    assert.equal((await fetch(front)).status, 200);
    const body = new URLSearchParams({ logout_token: 'x' });
    assert.equal((await fetch(back, { method: 'POST', body })).status, 400);
    assert.equal((await fetch(callback)).status, 400);
    assert.equal((await fetch(callback.replace('/callback', 'x/callback'))).status, 404);
  });

  test('takes a certificate with its key, and knows when it ends', async () => {
    const { code, out } = await world.consentry(addEntra('--certificate', world.pem.a));
    assert.equal(code, 0, out);
    const [row] = await world.stored();
    assert.equal(row?.credentialEndsAt?.getUTCFullYear(), 2076);
    assert.match(out, /thumbprint [0-9A-F]{40}/);
    assert.ok(!out.includes('PRIVATE KEY'));
  });

  test('a federated credential is a file that is read at each use, and no secret is stored', async () => {
    const token = await world.file('token', JWT);
    assert.equal((await world.consentry(addEntra('--federated-credential', token, '--cloud', 'usgov'))).code, 0);
    const [row] = await world.stored();
    assert.ok(row);
    assert.equal(Reflect.get(row.settings as object, 'federatedTokenFile'), token);
    assert.deepEqual(await world.server.rooms.connectionStore.findSecrets(row.id), { certificates: [] });
  });

  test('the secret may come from the environment, and from nowhere on the command line', async () => {
    world.env.CONSENTRY_CLIENT_SECRET = SECRET;
    try {
      assert.equal((await world.consentry(addEntra())).code, 0);
    } finally {
      delete world.env.CONSENTRY_CLIENT_SECRET;
    }
    const [row] = await world.stored();
    assert.equal((await world.server.rooms.connectionStore.findSecrets(row?.id ?? '')).clientSecret, SECRET);
    assert.equal((await world.consentry(addEntra('--client-secret', SECRET))).code, 2);
  });

  test('everybody with a work account anywhere is an explicit wish: warned of, and on record as that', async () => {
    const args = [
      'connection',
      'add',
      'entra',
      '--any-tenant',
      '--client-id',
      CLIENT,
      '--client-secret-file',
      world.secretFile,
    ];
    const { code, err } = await world.consentry(args);
    assert.equal(code, 0);
    assert.match(err, /warning: everybody with a work or school account/);
    const events = await world.recorded('connection.added');
    assert.equal(events.at(-1)?.reason, 'any_tenant');
  });

  test('oidc looks at the provider first: one that calls itself otherwise is refused, one that is away is only told of', async () => {
    const { port } = new URL(world.upstream.issuer);
    const other = world.addOidcBy();
    other[other.indexOf(world.upstream.issuer)] = `http://localhost:${port}`;
    const refused = await world.consentry(other);
    assert.equal(refused.code, 2, refused.out);
    assert.match(refused.err, /calls itself http:\/\/127\.0\.0\.1:\d+, and the connection http:\/\/localhost/);
    const slashed = await world.consentry([
      'connection',
      'add',
      'oidc',
      '--issuer',
      `${world.upstream.issuer}/`,
      ...other.slice(5),
    ]);
    assert.match(slashed.err, /Write the issuer as it does: http:\/\/127\.0\.0\.1:\d+$/m);
    assert.deepEqual(await world.stored(), []);
    world.upstream.behaviour.down = true;
    try {
      const { code, err } = await world.consentry(world.addOidcBy());
      assert.equal(code, 0);
      assert.match(err, /warning: .*answers 503/);
    } finally {
      world.upstream.behaviour.down = false;
    }
    assert.equal((await world.stored()).length, 1);
  });

  test('oidc with a key of our own prints its public half, for the provider', async () => {
    const args = [
      'connection',
      'add',
      'oidc',
      '--issuer',
      world.upstream.issuer,
      '--client-id',
      'x',
      '--private-key',
      world.pem.key,
    ];
    const made = await world.consentry.json<{ public_jwk: Record<string, string>; back_channel_logout_url: string }>(
      args,
    );
    assert.deepEqual(Object.keys(made.public_jwk).sort(), ['alg', 'e', 'kid', 'kty', 'n', 'use']);
    assert.match(made.back_channel_logout_url, /^http/);
  });

  test('a sensitive scope may be proven by the provider: only of an MCP server that is registered', async () => {
    const context = (value: string) => addEntra('--client-secret-file', world.secretFile, '--auth-context', value);
    const { uri } = world.server.mail;
    assert.equal((await world.consentry(context(`${uri} mail:send=c1`))).code, 0);
    const [row] = await world.stored();
    assert.deepEqual(Reflect.get(Object(row?.settings), 'authContexts'), [
      { resource: uri, scope: 'mail:send', context: 'c1' },
    ]);
    for (const [value, why] of [
      ['c1', /is not written as/],
      ['https://nobody.test/mcp mail:send=c1', /no registered MCP server/],
      [`${uri} mail:fly=c1`, /a scope that/],
    ] as const) {
      const { code, err } = await world.consentry([...context(value), '--name', 'Two']);
      assert.equal(code, 2);
      assert.match(err, why);
    }
  });
});

describe('connection list and show', () => {
  test('say how each does, and why one that is broken cannot be used, without its standing in the way', async () => {
    assert.equal(
      (await world.consentry(['connection', 'list'])).out,
      'None yet. See: npx consentry connection add --help',
    );
    const ids: string[] = [];
    for (const name of ['One', 'Two', 'Three']) {
      const made = await world.consentry.json(addEntra('--client-secret-file', world.secretFile, '--name', name));
      ids.push(made.id ?? '');
    }
    const [one = '', two = '', three = ''] = ids;
    await sql(world.server, 'UPDATE connections SET settings = \'{"cloud": "moon"}\' WHERE id = $1', [two]);
    await sql(world.server, "UPDATE connections SET secrets = 'x' WHERE id = $1", [three]);
    await world.server.rooms.connectionStore.noteOutcome(one, 'misconfigured: AADSTS7000222');
    const { out, code } = await world.consentry(['connection', 'list']);
    assert.equal(code, 0);
    assert.match(out, new RegExp(`${one} +entra +One +${TENANT} +failing since`));
    assert.match(out, new RegExp(`Nobody can come by ${two}: its settings cannot be read`));
    assert.match(out, new RegExp(`Nobody can come by ${three}: its secrets cannot be opened`));
    assert.match(
      (await world.consentry(['connection', 'show', one])).out,
      /last_failure +misconfigured: AADSTS7000222/,
    );
    assert.match((await world.consentry(['connection', 'show', three])).out, /Nobody can come by it: its secrets/);
    const listed = await world.consentry.json<{ id: string; unusable?: string }[]>(['connection', 'list']);
    assert.deepEqual(
      listed.map(({ unusable }) => unusable !== undefined),
      [false, true, true],
    );
  });

  test('an id that is none is told so', async () => {
    for (const command of ['show', 'update', 'remove', 'test', 'confirm-identities']) {
      const { code, err } = await world.consentry(['connection', command, 'nobody']);
      assert.equal(code, 1);
      assert.match(err, /There is no connection nobody/);
    }
  });
});
