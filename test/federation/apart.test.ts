/** Several stored connections: kept apart, none in the way of the others, and how each does written down. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Connection } from '../../src/federation/connection.ts';
import { makeConnection } from '../../src/federation/make.ts';
import { createRegistry } from '../../src/federation/registry.ts';
import { UpstreamFailed } from '../../src/federation/upstream-failed.ts';
import { createEgress, type Egress } from '../../src/web/egress.ts';
import { type ConnectionWorld, startConnectionWorld } from '../cli/connection-kit.ts';
import { sql } from '../harness.ts';

let world: ConnectionWorld;
let egress: Egress;
before(async () => {
  world = await startConnectionWorld();
  egress = createEgress({ outboundAllow: ['127.0.0.1'] });
});
after(async () => {
  egress?.close();
  await world?.close();
});
beforeEach(() => sql(world.server, 'DELETE FROM connections'));

/** A registry beside the server's, with what it logs. */
function newRegistry(at: { ms: number } = { ms: 0 }, make?: (id: string) => Connection) {
  const { rooms, issuer } = world.server;
  const logged: object[] = [];
  const now = () => new Date(Date.now() + at.ms);
  const made = makeConnection({ fetch: egress.fetch, now });
  const registry = createRegistry({
    store: rooms.connectionStore,
    database: rooms.database,
    make: make ? ({ id }) => make(id) : made,
    fetch: egress.fetch,
    issuer,
    log: { warn: (fields) => logged.push(fields) },
    now,
  });
  return { registry, logged };
}

describe('of several connections', () => {
  it('one that cannot be read or opened is left out and logged once; the others go on', async () => {
    await world.addOidc('one');
    await world.addOidc('two', { name: 'Two' });
    await world.addOidc('three', { name: 'Three' });
    await sql(world.server, "UPDATE connections SET settings = '{}' WHERE id = 'one'");
    await sql(world.server, "UPDATE connections SET secrets = 'x' WHERE id = 'two'");
    const clock = { ms: 0 };
    const { registry, logged } = newRegistry(clock);
    assert.deepEqual(
      (await registry.list()).map(({ id }) => id),
      ['three'],
    );
    clock.ms += 5_000;
    assert.equal((await registry.find('three'))?.name, 'Three');
    assert.deepEqual(logged.map((fields) => Reflect.get(fields, 'connection')).sort(), ['one', 'two']);
    await sql(world.server, 'UPDATE connections SET secrets = (SELECT secrets FROM connections WHERE id = $1)', [
      'three',
    ]);
  });

  it('the younger of two that share a key is left out, however that came to be (threat 80)', async () => {
    const { settings } = world.upstream.record('x');
    const secrets = { certificates: [{ certificate: '', privateKey: newPrivateKey() }] };
    const keyed = { ...settings, authentication: 'private_key_jwt' } as const;
    await world.addOidc('older', { settings: keyed, secrets });
    await world.addOidc('younger', { name: 'Two', settings: { ...keyed, issuer: 'https://idp.evil.test' }, secrets });
    const { registry, logged } = newRegistry();
    assert.deepEqual(
      (await registry.list()).map(({ id }) => id),
      ['older'],
    );
    assert.match(String(Reflect.get(logged[0] ?? {}, 'why')), /the same key as the connection Contoso/);
  });

  it('none is sent to the endpoints of another: whose document names them is not believed (threat 80)', async () => {
    const evil = await startEvil(world.upstream.issuer);
    try {
      await world.addOidc('honest');
      await world.addOidc('evil', {
        name: 'Evil',
        settings: { ...world.upstream.record('x').settings, issuer: evil.issuer },
        secrets: { clientSecret: 'another', certificates: [] },
      });
      const { registry } = newRegistry();
      const leg = {
        state: 's',
        nonce: 'n',
        codeChallenge: 'c',
        callbackUrl: 'http://127.0.0.1:9/federation/evil/callback',
      };
      const honest = await registry.find('honest');
      assert.equal((await honest?.authorizationUrl(leg))?.origin, world.upstream.issuer);
      const connection = await registry.find('evil');
      await assert.rejects(
        async () => connection?.authorizationUrl(leg),
        (error) => error instanceof UpstreamFailed && /is that of the connection honest/.test(error.detail ?? ''),
      );
    } finally {
      await evil.close();
    }
  });
});

describe('how trips end', () => {
  const failing = (id: string, error: unknown): Connection =>
    ({
      id,
      kind: 'oidc',
      name: id,
      finish: () => Promise.reject(error),
      check: async () => ({ state: 'alive' }),
    }) as unknown as Connection;
  const leg = { callbackUrl: new URL('http://127.0.0.1:9'), state: 's', nonce: 'n', codeVerifier: 'v' };
  const written = async () => (await world.server.rooms.connectionStore.find('contoso'))?.lastFailureAt?.getTime();

  it('is written once a minute, however often they fail, and not at all while a transaction is open', async () => {
    await world.addOidc();
    const clock = { ms: 0 };
    const { registry } = newRegistry(clock, (id) =>
      failing(id, new UpstreamFailed('failed', 'token: invalid_client: x')),
    );
    const connection = await registry.find('contoso');
    assert.ok(connection);
    const fail = () => assert.rejects(() => connection.finish(leg));
    const { database } = world.server.rooms;
    await database.unit(async () => {
      await database.write((tx) => tx.$queryRaw`SELECT 1`);
      await fail();
    });
    assert.equal(await written(), undefined);
    await fail();
    const first = await written();
    assert.ok(first);
    for (let again = 0; again < 5; again += 1) await fail();
    assert.equal(await written(), first);
    clock.ms += 61_000;
    await fail();
    assert.notEqual(await written(), first);
    const record = await world.server.rooms.connectionStore.find('contoso');
    assert.equal(record?.lastFailure, 'misconfigured: token: invalid_client: x');
  });

  it('is no failure of the connection where the person said no', async () => {
    await world.addOidc();
    const { registry } = newRegistry({ ms: 0 }, (id) => failing(id, new UpstreamFailed('denied', 'access_denied')));
    const connection = await registry.find('contoso');
    await assert.rejects(async () => connection?.finish(leg));
    const record = await world.server.rooms.connectionStore.find('contoso');
    assert.ok(record?.lastSuccessAt && !record.lastFailureAt);
  });
});

function newPrivateKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
}

/** Publishes itself as issuer, and somebody else's token endpoint. */
async function startEvil(victim: string) {
  const server = createServer((_request, response) => {
    const endpoints = {
      authorization_endpoint: `${issuer}/auth`,
      token_endpoint: `${victim}/token`,
      jwks_uri: `${issuer}/jwks`,
    };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ issuer, ...endpoints }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { issuer, close: () => new Promise((resolve) => server.close(resolve)) };
}
