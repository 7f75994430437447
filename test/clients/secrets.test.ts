/** Rotation of client secrets: two are good at a time, never three, and the older one ends. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { endPreviousSecret, rotateClientSecret } from '../../src/clients/secrets.ts';
import { commandOn } from '../cli/command.ts';
import { basic, introspect, registerClient, tokenRequest } from '../flow.ts';
import { type Consentry, sql, startConsentry, staticClient } from '../harness.ts';

const DAY = 86_400_000;

describe('a client secret', () => {
  let consentry: Consentry;
  let ahead = 0;
  before(async () => {
    consentry = await startConsentry({}, () => new Date(Date.now() + ahead));
  });
  after(() => consentry?.close());

  async function addService(authMethod: 'client_secret_basic' | 'client_secret_post' = 'client_secret_basic') {
    const access = { [consentry.mail.uri]: ['mail:read'] };
    const made = await staticClient(consentry.rooms, { kind: 'service', redirectUris: [], access, authMethod });
    return { id: made.clientId, secret: String(made.clientSecret), authMethod };
  }

  async function works(client: Awaited<ReturnType<typeof addService>>, secret: string): Promise<boolean> {
    const fields = { grant_type: 'client_credentials', resource: consentry.mail.uri, scope: 'mail:read' };
    const posted = client.authMethod === 'client_secret_post';
    const { status, body } = posted
      ? await tokenRequest(consentry.issuer, { ...fields, client_id: client.id, client_secret: secret })
      : await tokenRequest(consentry.issuer, fields, basic(client.id, secret));
    if (status !== 200) assert.equal(body.error, 'invalid_client');
    return status === 200;
  }

  const rotate = async (id: string, overlapDays?: number) =>
    (await rotateClientSecret(consentry.rooms, id, { overlapDays })).clientSecret;

  for (const authMethod of ['client_secret_basic', 'client_secret_post'] as const) {
    it(`and the one before it are both good until the end that was named (${authMethod})`, async () => {
      const client = await addService(authMethod);
      const second = await rotate(client.id);
      assert.deepEqual([await works(client, client.secret), await works(client, second)], [true, true]);
      assert.equal(await works(client, `${second}x`), false);
      ahead += 7 * DAY - 60_000;
      assert.equal(await works(client, client.secret), true);
      ahead += 60_000;
      assert.deepEqual([await works(client, client.secret), await works(client, second)], [false, true]);
    });
  }

  it('that is rotated a third time ends the older of two', async () => {
    const client = await addService();
    const second = await rotate(client.id);
    const third = await rotate(client.id);
    const good = [await works(client, client.secret), await works(client, second), await works(client, third)];
    assert.deepEqual(good, [false, true, true]);
  });

  it('is alone at once where the old one is to end, and by the press that ends it', async () => {
    const client = await addService();
    const second = await rotate(client.id, 0);
    assert.deepEqual([await works(client, client.secret), await works(client, second)], [false, true]);
    const third = await rotate(client.id);
    await endPreviousSecret(consentry.rooms, client.id);
    assert.deepEqual([await works(client, second), await works(client, third)], [false, true]);
    await assert.rejects(endPreviousSecret(consentry.rooms, client.id), { code: 'no_previous_secret' });
  });

  it('of an MCP server rotates as well: both ask about tokens', async () => {
    const { mail, rooms } = consentry;
    const second = await rotate(mail.clientId);
    const as = (clientSecret: string) => introspect(consentry, 'no token', { clientId: mail.clientId, clientSecret });
    assert.deepEqual([(await as(mail.clientSecret)).status, (await as(second)).status], [200, 200]);
    await endPreviousSecret(rooms, mail.clientId);
    assert.deepEqual([(await as(mail.clientSecret)).status, (await as(second)).status], [401, 200]);
  });

  it('is not made for a client that registered itself, has none, or is revoked', async () => {
    const registered = await registerClient(consentry.issuer, { token_endpoint_auth_method: 'client_secret_basic' });
    const open = await staticClient(consentry.rooms, { kind: 'app', authMethod: 'none' });
    const gone = await addService();
    await consentry.rooms.clients.revoke(gone.id);
    for (const id of [registered.client_id, open.clientId, gone.id])
      await assert.rejects(rotate(id), { code: 'no_secret' }, id);
    await assert.rejects(rotate('nobody'), { code: 'unknown_client' });
    for (const days of [-1, 1.5, 91, Number.NaN])
      await assert.rejects(rotate(consentry.mail.clientId, days), { code: 'bad_overlap' });
  });

  it('rotated by two at once leaves two that are good, and both rotations in the record', async () => {
    const client = await addService();
    const made = await Promise.all([rotate(client.id), rotate(client.id)]);
    const good = [await works(client, client.secret)];
    for (const secret of made) good.push(await works(client, secret));
    assert.deepEqual(good, [false, true, true]);
    const events = await recorded(client.id);
    assert.deepEqual(
      events.map(({ type }) => type),
      ['client.secret_rotated', 'client.secret_rotated'],
    );
    for (const secret of [client.secret, ...made]) assert.ok(!JSON.stringify(events).includes(secret));
  });

  const recorded = (id: string) =>
    sql(consentry, "SELECT type, details FROM audit_events WHERE client_id = $1 AND type LIKE 'client.secret%'", [id]);

  it('is rotated on the command line, told once, for clients and for MCP servers', async () => {
    // The command line goes by the clock on the wall.
    ahead = 0;
    const { mail } = consentry;
    const command = commandOn(consentry);
    const client = await addService();
    const { client_secret: second = '' } = await command.json(['client', 'rotate-secret', client.id]);
    assert.deepEqual([await works(client, client.secret), await works(client, second)], [true, true]);
    assert.equal((await command(['client', 'rotate-secret', client.id, '--end-previous'])).code, 0);
    assert.equal(await works(client, client.secret), false);
    const { client_secret: credential = '' } = await command.json(['resource', 'rotate-secret', mail.uri]);
    const { status } = await introspect(consentry, 'x', { clientId: mail.clientId, clientSecret: credential });
    assert.equal(status, 200);
    const wrong = await command(['client', 'rotate-secret', mail.clientId]);
    assert.match(wrong.err, /resource rotate-secret/);
  });
});
