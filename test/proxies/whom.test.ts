/** Who may name a client that it acts for, and whom: a client that could ask itself, as it could ask itself (threat 123). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ACTING_FOR } from '../../src/clients/downstream.ts';
import { revokeClient } from '../../src/revocations.ts';
import { basic, registerClient } from '../flow.ts';
import { sql, staticClient } from '../harness.ts';
import { type HttpsStub, startHttpsStub } from '../https-stub.ts';
import { isConsentPage, words } from '../interaction/kit.ts';
import { createKeyClient } from '../oauth/key-client.ts';
import { createPerson, type Person, readForm } from '../person.ts';
import {
  assertNotNamed,
  begin,
  CLAUDE,
  details,
  type Gateway,
  type Named,
  type Params,
  type Proxies,
  push,
  reach,
  startProxies,
  TERMINAL,
} from './kit.ts';

describe('a proxy', () => {
  let world: Proxies;
  let stub: HttpsStub;
  let ana: Person;
  let answer: { status: number; body: string };
  before(async () => {
    stub = await startHttpsStub((_request, response) => {
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
    });
    world = await startProxies();
    ana = createPerson(world.consentry.issuer);
    await reach(world.consentry, begin(world.consentry, world.gateway).url, ana);
  });
  after(async () => {
    await world?.close();
    await stub?.close();
  });

  /** Pushes what the gateway, or another client, says of whom it acts for. */
  const pushed = (value: string, by: Gateway = world.gateway) =>
    push(world.consentry, by, { authorization_details: value });
  const assertUnfit = (named: Named, what: string) =>
    assertNotNamed(pushed(details(named)), 'invalid_authorization_details', what);

  it('is one because an administrator said so: any other client that names somebody is refused', async () => {
    const { consentry, addClient, addUndeclared, publish } = world;
    const app = await addClient('App', 'https://app.example/callback', 'app');
    const undeclared = await addUndeclared('Old', 'https://old.example/callback');
    const { client_id: id, client_secret: secret } = await registerClient(consentry.issuer, {
      token_endpoint_auth_method: 'client_secret_basic',
      consentry_kind: 'proxy',
      consentry_origin: 'static',
      authorization_details_types: [ACTING_FOR],
    });
    const dynamic = { clientId: id, headers: basic(id, secret), redirectUri: 'http://127.0.0.1/callback' };
    for (const client of [app, undeclared, dynamic]) {
      assert.equal((await push(consentry, client)).status, 201, 'for itself it may ask');
    }
    for (const client of [app, dynamic]) {
      await assertNotNamed(pushed(details(CLAUDE), client), 'invalid_authorization_details', client.clientId);
    }
    // Its kind alone counts, whatever else is stored of it.
    await sql(
      consentry,
      "UPDATE clients SET metadata = jsonb_set(metadata, '{authorization_details_types}', $2::jsonb) WHERE id = $1",
      [app.clientId, JSON.stringify([ACTING_FOR])],
    );
    for (const client of [app, undeclared]) {
      await assertNotNamed(pushed(details(CLAUDE), client), 'invalid_request', client.clientId);
    }
    const open = await staticClient(consentry.rooms, {
      kind: 'proxy',
      redirectUris: ['https://gw.example/callback'],
      authMethod: 'none',
    });
    const unproven = { clientId: open.clientId, headers: {}, redirectUri: 'https://gw.example/callback' };
    await assertNotNamed(pushed(details(CLAUDE), unproven), 'invalid_request', 'a proxy that proves nothing');

    const key = await createKeyClient(consentry.issuer);
    const [row] = await sql<{ jwks: unknown }>(
      consentry,
      "SELECT metadata->'jwks' AS jwks FROM clients WHERE id = $1",
      [key.id],
    );
    const host = { clientId: 'https://hub.example/client.json', redirectUri: 'https://hub.example/callback' };
    const means = { token_endpoint_auth_method: 'private_key_jwt', jwks: row?.jwks, consentry_kind: 'proxy' };
    const document = { ...host, headers: {} };
    const types = { authorization_details_types: [ACTING_FOR] };
    await publish(host, { client_name: 'Hub', ...means, ...types });
    const ask = async (params: Params) =>
      push(consentry, document, { ...params, ...(await key.credentials({ iss: host.clientId, sub: host.clientId })) });
    assert.equal((await ask({})).status, 201, 'for itself it may ask');
    await assertNotNamed(
      ask({ authorization_details: details(CLAUDE) }),
      'invalid_authorization_details',
      'a document with a key',
    );
  });

  it('names clients that could ask themselves: a document, one on its own host too, a registration, a static app', async () => {
    const { consentry, addClient, publish } = world;
    const own = { clientId: 'https://gw.example/clients/7.json', redirectUri: 'https://elsewhere.example/callback' };
    await publish(own, { client_name: 'Seven' });
    const { client_id: registered } = await registerClient(consentry.issuer);
    const { clientId: app, redirectUri } = await addClient('Static', 'https://static.example/callback', 'app');
    const port = (number: number) => `http://127.0.0.1:${number}/callback`;
    const fit: Named[] = [
      CLAUDE,
      TERMINAL,
      { ...TERMINAL, redirectUri: port(1) },
      own,
      { clientId: registered, redirectUri: port(33418) },
      { clientId: app, redirectUri },
    ];
    for (const named of fit) {
      const { status, answer: body } = await pushed(details(named));
      assert.equal(status, 201, `${details(named)} ${JSON.stringify(body)}`);
    }
  });

  it('is refused where the redirect is none of the client, a loopback port left out', async () => {
    const others = [
      'https://claude.example/other',
      'https://claude.example/callback?x=1',
      'http://claude.example/callback',
    ];
    const more = [
      'https://claude.example:8443/callback',
      'https://gw.example/callback',
      '',
      'callback',
      '\u0000',
      '\ud800',
    ];
    for (const redirectUri of [...others, ...more]) await assertUnfit({ ...CLAUDE, redirectUri }, redirectUri);
    const loopback = ['http://localhost:40404/callback', 'http://[::1]:40404/callback', 'https://127.0.0.1/callback'];
    for (const redirectUri of [...loopback, 'http://127.0.0.1:40404/other']) {
      await assertUnfit({ ...TERMINAL, redirectUri }, redirectUri);
    }
  });

  it('is refused where it names itself, nobody that is known, or nobody that could ask', async () => {
    const { consentry, gateway, addClient, addUndeclared } = world;
    const redirectUri = 'https://some.example/callback';
    await assertUnfit(gateway, 'itself');
    for (const clientId of [
      'unknown',
      '',
      '\u0000',
      '\ud800',
      'http://claude.example/client.json',
      'urn:x',
      'https:',
    ]) {
      await assertUnfit({ clientId, redirectUri }, clientId);
    }
    await assertUnfit(await addClient('Another gateway', redirectUri), 'another proxy');
    await assertUnfit(await addUndeclared('Old', redirectUri), 'a client that may stand for others');
    const { clientId: service } = await staticClient(consentry.rooms, {
      kind: 'service',
      redirectUris: [],
      access: { [consentry.mail.uri]: ['mail:read'] },
    });
    for (const clientId of [service, consentry.mail.clientId]) {
      await sql(
        consentry,
        `UPDATE clients SET metadata = jsonb_set(metadata, '{redirect_uris}', '["https://some.example/callback"]') WHERE id = $1`,
        [clientId],
      );
      await assertUnfit({ clientId, redirectUri }, 'a client that signs nobody in');
    }
  });

  it('is refused where the client is revoked or blocked (threat 123)', async () => {
    const { consentry, publish } = world;
    const { client_id: registered } = await registerClient(consentry.issuer);
    const blocked = {
      clientId: 'https://blocked.example/client.json',
      redirectUri: 'https://blocked.example/callback',
    };
    await publish(blocked, { client_name: 'Blocked' });
    for (const named of [{ clientId: registered, redirectUri: 'http://127.0.0.1/callback' }, blocked]) {
      assert.equal((await pushed(details(named))).status, 201);
      await revokeClient(consentry.rooms, named.clientId, await consentry.rooms.clients.find(named.clientId));
      await assertUnfit(named, named.clientId);
    }
  });

  it('is refused where the document cannot be fetched or breaks a rule that it would have to keep itself', async () => {
    const at = (path: string): Named => ({ clientId: `${stub.url}/${path}`, redirectUri: 'http://127.0.0.1/callback' });
    const document = (named: Named, members: object) =>
      JSON.stringify({
        client_id: named.clientId,
        client_name: 'Paper',
        redirect_uris: [named.redirectUri],
        ...members,
      });
    const good = at('good.json');
    answer = { status: 200, body: document(good, {}) };
    assert.equal((await pushed(details(good))).status, 201);
    const wrong: Record<string, [number, object | string]> = {
      'not there': [404, {}],
      'not JSON': [200, '<h1>Paper</h1>'],
      'of somebody else': [200, { client_id: good.clientId }],
      'with a secret': [200, { client_secret: 'x' }],
      'without a name': [200, { client_name: undefined }],
      'with a redirect in the clear': [200, { redirect_uris: ['http://127.0.0.1/callback', 'http://evil.example/'] }],
      'that proves itself without keys': [200, { token_endpoint_auth_method: 'private_key_jwt' }],
      'that cannot be authorized': [200, { grant_types: ['client_credentials'] }],
    };
    for (const [what, [status, said]] of Object.entries(wrong)) {
      const named = at(`${what.replaceAll(' ', '-')}.json`);
      answer = { status, body: typeof said === 'string' ? said : document(named, said) };
      await assertUnfit(named, what);
    }
    await assertUnfit({ ...good, clientId: 'https://unreachable.invalid/client.json' }, 'nowhere');
  });

  it('is stopped where the client is gone after the press, before the request goes on', async () => {
    const { consentry } = world;
    for (const step of ['page', 'press'] as const) {
      const { client_id: clientId } = await registerClient(consentry.issuer);
      const { front } = await pushed(details({ clientId, redirectUri: 'http://127.0.0.1/callback' }));
      const shown = await reach(consentry, front, ana);
      assert.ok(isConsentPage(shown));
      if (step === 'page') await consentry.rooms.clients.revoke(clientId);
      const { fields } = readForm(shown.html, new URL(shown.url).pathname);
      const body = new URLSearchParams([...fields, ['decision', 'approve']]);
      const pressed = await ana.send(shown.url, { method: 'POST', body, headers: { origin: consentry.issuer } });
      assert.equal(pressed.status, step === 'page' ? 400 : 302);
      if (step === 'page') continue;
      await consentry.rooms.clients.revoke(clientId);
      const resumed = await ana.open(new URL(String(pressed.headers.get('location')), shown.url).href);
      assert.deepEqual([resumed.status, resumed.left], [400, undefined], words(resumed));
    }
  });
});
