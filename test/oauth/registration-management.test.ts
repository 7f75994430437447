/** Management of a registration (RFC 7592): by who holds its token, and secrets are told once. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { authorizationUrl, type Registration, registerClient } from '../flow.ts';
import { type Consentry, sql, startConsentry, staticClient } from '../harness.ts';
import { createPerson } from '../person.ts';
import { hash, manage, proves, registerConfidential, said } from './manage.ts';

describe('registration management', () => {
  let consentry: Consentry;
  before(async () => {
    consentry = await startConsentry();
  });
  after(() => consentry?.close());

  it('reads back what was registered, without secret or hash', async () => {
    const client = await registerConfidential(consentry.issuer);
    const { status, headers, text, body } = await manage(client, 'GET');
    assert.equal(status, 200);
    assert.match(String(headers.get('cache-control')), /no-store/);
    assert.deepEqual([body.client_id, body.client_name], [client.client_id, 'Claude Code']);
    assert.doesNotMatch(text, new RegExp(`${client.client_secret}|${hash(client.client_secret)}|"client_secret"`));
  });

  it('keeps the secret through an update that repeats it or leaves it out, and tells neither it nor its hash', async () => {
    const client = await registerConfidential(consentry.issuer);
    for (const repeated of [{}, { client_secret: client.client_secret }]) {
      const { status, text, body } = await manage(client, 'PUT', {
        body: said(client, { client_name: 'New name', ...repeated }),
      });
      assert.equal(status, 200, text);
      assert.equal(body.client_name, 'New name');
      assert.doesNotMatch(text, new RegExp(`${client.client_secret}|${hash(client.client_secret)}|"client_secret"`));
      assert.ok(await proves(consentry.issuer, client.client_id, client.client_secret));
    }
  });

  it('refuses an update with a wrong secret, or with the hash for a secret, and changes nothing', async () => {
    const client = await registerConfidential(consentry.issuer);
    for (const wrong of ['wrong', hash(client.client_secret), '', 1]) {
      const { status, body } = await manage(client, 'PUT', {
        body: said(client, { client_name: 'Changed', client_secret: wrong }),
      });
      assert.deepEqual([status, body.error], [400, 'invalid_request'], String(wrong));
    }
    const open = await registerClient(consentry.issuer);
    const { status } = await manage(open, 'PUT', {
      body: said(open, { token_endpoint_auth_method: 'none', client_secret: 'none' }),
    });
    assert.equal(status, 400);
    assert.equal((await manage(client, 'GET')).body.client_name, 'Claude Code');
    assert.ok(await proves(consentry.issuer, client.client_id, client.client_secret));
  });

  it('tells the secret that an update made necessary, once, and forgets it when it is not needed any more', async () => {
    const client = await registerClient(consentry.issuer);
    const made = await manage(client, 'PUT', { body: said(client) });
    assert.equal(made.status, 200, made.text);
    assert.ok(await proves(consentry.issuer, client.client_id, made.body.client_secret));
    assert.equal((await manage(client, 'GET')).body.client_secret, undefined);
    assert.equal((await manage(client, 'PUT', { body: said(client) })).body.client_secret, undefined);
    assert.equal(
      (await manage(client, 'PUT', { body: said(client, { token_endpoint_auth_method: 'none' }) })).status,
      200,
    );
    assert.equal(await proves(consentry.issuer, client.client_id, made.body.client_secret), false);
    const again = await manage(client, 'PUT', { body: said(client) });
    assert.notEqual(again.body.client_secret, made.body.client_secret);
    assert.ok(await proves(consentry.issuer, client.client_id, again.body.client_secret));
    assert.equal(await proves(consentry.issuer, client.client_id, made.body.client_secret), false);
  });

  it('replaces everything by what the update says', async () => {
    const client = await registerClient(consentry.issuer, { client_uri: 'https://app.example.test/' });
    const body = {
      client_id: client.client_id,
      redirect_uris: ['https://app.example.test/callback'],
      token_endpoint_auth_method: 'none',
    };
    assert.equal((await manage(client, 'PUT', { body })).status, 200);
    const read = (await manage(client, 'GET')).body;
    assert.deepEqual(
      [read.redirect_uris, read.client_name, read.client_uri],
      [body.redirect_uris, undefined, undefined],
    );
  });

  it('refuses an update that does not fit, and changes nothing', async () => {
    const client = await registerClient(consentry.issuer);
    const fits = said(client, { token_endpoint_auth_method: 'none' });
    for (const changes of [
      { client_id: 'other' },
      { client_id: undefined },
      { registration_access_token: client.registration_access_token },
      { registration_client_uri: client.registration_client_uri },
      { client_id_issued_at: 1 },
      { client_secret_expires_at: 0 },
      { redirect_uris: ['http://evil.example/'] },
      { redirect_uris: undefined },
      { grant_types: ['client_credentials'] },
    ]) {
      const { status, body } = await manage(client, 'PUT', { body: { ...fits, client_name: 'Changed', ...changes } });
      assert.equal(status, 400, JSON.stringify(changes));
      assert.match(String(body.error), /^invalid_(request|client_metadata|redirect_uri)$/);
    }
    assert.equal((await manage(client, 'GET')).body.client_name, 'Claude Code');
  });

  it('is for who holds the token of that registration: anybody else gets 401 and learns nothing', async () => {
    const client = await registerConfidential(consentry.issuer);
    const foreign = await registerClient(consentry.issuer);
    const fixed = await staticClient(consentry.rooms, { kind: 'app' });
    const uri = (id: string) => `${consentry.issuer}/register/${id}`;
    const calls: [Registration, string | null][] = [
      [client, null],
      [client, 'wrong'],
      [client, String(client.client_secret)],
      [client, foreign.registration_access_token],
      [{ ...client, registration_client_uri: uri('unknown') }, 'wrong'],
      [{ ...client, registration_client_uri: uri(fixed.clientId) }, 'wrong'],
      [{ ...client, registration_client_uri: uri(consentry.mail.clientId) }, 'wrong'],
    ];
    for (const [target, token] of calls) {
      for (const method of ['GET', 'PUT', 'DELETE'] as const) {
        const body =
          method === 'PUT'
            ? { body: said(client, { client_secret: client.client_secret, client_name: 'Changed' }) }
            : {};
        const { status, headers, text } = await manage(target, method, { token, ...body });
        assert.equal(status, 401, `${method} ${token} ${text}`);
        assert.doesNotMatch(text, /client_name|redirect_uris|"client_secret"/);
        assert.match(String(headers.get('www-authenticate')), /^Bearer/);
      }
    }
    const wrongSecret = await manage(client, 'PUT', {
      token: 'wrong',
      body: said(client, { client_secret: 'wrong' }),
    });
    assert.equal(wrongSecret.status, 401, 'who asks comes before what they say');
    assert.equal((await manage(client, 'GET')).body.client_name, 'Claude Code');
  });

  it('deletes: the client is unknown from then on', async () => {
    const client = await registerConfidential(consentry.issuer);
    const { status, text } = await manage(client, 'DELETE');
    assert.deepEqual([status, text], [204, '']);
    for (const method of ['GET', 'DELETE'] as const) assert.equal((await manage(client, method)).status, 401);
    assert.equal((await manage(client, 'PUT', { body: said(client) })).status, 401);
    assert.equal(await proves(consentry.issuer, client.client_id, client.client_secret), false);
    const page = await createPerson(consentry.issuer).open(authorizationUrl(consentry, client.client_id).url);
    assert.deepEqual([page.status, page.left], [400, undefined]);
  });

  it('leaves a record of each registration, update and deletion', async () => {
    const client = await registerClient(consentry.issuer);
    await manage(client, 'PUT', { body: said(client, { token_endpoint_auth_method: 'none' }) });
    await manage(client, 'DELETE');
    const rows = await sql<{ type: string }>(
      consentry,
      'SELECT type FROM audit_events WHERE client_id = $1 ORDER BY seq',
      [client.client_id],
    );
    assert.deepEqual(
      rows.map(({ type }) => type),
      ['client.registered', 'client.updated', 'client.deleted'],
    );
  });
});
