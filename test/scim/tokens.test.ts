/** Bearer tokens of directories (RFC 7644 §2): two at a time, kept as a hash, refused without a word of why. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { SignJWT } from 'jose';
import { sql } from '../harness.ts';
import { createDirectory, type Scim, startScim, TENANT } from './kit.ts';

let scim: Scim;
before(async () => {
  scim = await startScim();
});
after(() => scim?.close());

const status = async (token: string) =>
  (await createDirectory(scim.consentry, token).send('GET', '/Users?count=0')).status;

describe('a bearer token', () => {
  it('is followed by a second one; a third has to wait until one ends', async () => {
    const { scimTokens } = scim.consentry.rooms;
    const [first] = await scimTokens.list('contoso');
    const second = await scimTokens.create('contoso');
    assert.ok(first && second);
    assert.equal(await scimTokens.create('contoso'), undefined);
    assert.deepEqual([await status(scim.entra.token), await status(second.token)], [200, 200]);
    await scimTokens.revoke(second.record.id);
    assert.equal(await status(second.token), 401);
    const third = await scimTokens.create('contoso', 1);
    assert.ok(third);
    assert.deepEqual([await status(scim.entra.token), await status(third.token)], [200, 200]);
    scim.clock.ahead = 25 * 3_600_000;
    assert.equal(await status(third.token), 401, 'expired');
    assert.ok(await scimTokens.create('contoso'), 'one that expired is none of the two');
    scim.clock.ahead = 0;
  });

  it('of ten made at once two are made', async () => {
    const { scimTokens, connectionStore } = scim.consentry.rooms;
    const known = await connectionStore.find('fabrikam');
    assert.ok(known?.kind === 'oidc');
    await connectionStore.create({ ...fields(known), id: 'rush', secrets: { certificates: [] } });
    const made = await Promise.all(Array.from({ length: 10 }, () => scimTokens.create('rush')));
    assert.equal(made.filter((one) => one !== undefined).length, 2);
  });

  it('is kept as a hash alone', async () => {
    const rows = await sql(scim.consentry, 'SELECT * FROM scim_tokens');
    assert.ok(rows.length > 0 && !JSON.stringify(rows).includes(scim.entra.token));
  });

  it('missing, unknown, mistyped or in a cookie is 401 that asks for one', async () => {
    const { issuer } = scim.consentry;
    const tries: Record<string, string>[] = [
      {},
      { authorization: 'Bearer ' },
      { authorization: `Bearer ${scim.entra.token}x` },
      { authorization: `Basic ${btoa(`x:${scim.entra.token}`)}` },
      { authorization: `Bearer ${scim.entra.token} ${scim.entra.token}` },
      { cookie: `token=${scim.entra.token}; authorization=Bearer ${scim.entra.token}` },
    ];
    for (const headers of tries) {
      for (const path of ['/Users', '/Schemas', '/nothing', '']) {
        const response = await fetch(`${issuer}/scim/v2${path}`, { headers });
        assert.equal(response.status, 401, JSON.stringify(headers));
        assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer realm="scim"/);
        const body = (await response.json()) as Record<string, unknown>;
        assert.deepEqual(body.schemas, ['urn:ietf:params:scim:api:messages:2.0:Error']);
        assert.deepEqual(response.headers.getSetCookie(), []);
      }
    }
    const inQuery = await fetch(`${issuer}/scim/v2/Users?access_token=${scim.entra.token}`);
    assert.equal(inQuery.status, 401);
  });

  it("of Entra ID's shared test application is refused like any other", async () => {
    const token = await new SignJWT({ appid: '8adf8e6e-67b2-4cf2-a259-e3dc5476c621', tid: TENANT })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(`https://sts.windows.net/${TENANT}/`)
      .setAudience('8adf8e6e-67b2-4cf2-a259-e3dc5476c621')
      .setExpirationTime('1h')
      .sign(Buffer.alloc(32));
    assert.equal(await status(token), 401);
  });

  it('that fails is counted, and no row for each', async () => {
    const { consentry } = scim;
    await consentry.rooms.audit.flush();
    const count = async () => {
      await consentry.rooms.audit.flush();
      const [row] = await sql<{ n: number }>(
        consentry,
        `SELECT coalesce(sum(count), 0)::int AS n FROM refusal_counts WHERE type = 'scim.authentication'`,
      );
      return row?.n ?? 0;
    };
    const [counted, events] = [await count(), await consentry.rooms.database.direct.auditEvent.count()];
    for (let index = 0; index < 5; index += 1) assert.equal(await status(`consentry_scim_${index}`), 401);
    assert.equal((await count()) - counted, 5);
    assert.equal(await consentry.rooms.database.direct.auditEvent.count(), events);
  });

  it('notes when it was used, once a minute', async () => {
    const { scimTokens } = scim.consentry.rooms;
    const usedAt = async () => (await scimTokens.list('fabrikam'))[0]?.lastUsedAt?.getTime();
    await scim.okta.expect(200, 'GET', '/Users?count=0');
    const first = await usedAt();
    assert.ok(first);
    await scim.okta.expect(200, 'GET', '/Users?count=0');
    assert.equal(await usedAt(), first);
    scim.clock.ahead = 61_000;
    await scim.okta.expect(200, 'GET', '/Users?count=0');
    scim.clock.ahead = 0;
    assert.ok(((await usedAt()) ?? 0) >= first + 60_000);
  });

  it('ends with its connection, and where people of several tenants come by it', async () => {
    const { connectionStore, scimTokens } = scim.consentry.rooms;
    const known = await connectionStore.find('contoso');
    assert.ok(known?.kind === 'entra');
    await connectionStore.create({ ...fields(known), id: 'gone', secrets: { certificates: [] } });
    const made = await scimTokens.create('gone');
    assert.ok(made);
    assert.equal(await status(made.token), 200);
    await connectionStore.update('gone', { settings: { ...known.settings, tenants: [TENANT, randomUUID()] } });
    assert.equal(await status(made.token), 403);
    await connectionStore.remove('gone');
    assert.equal(await status(made.token), 401);
  });
});

/** What of a connection makes another. */
function fields<T extends object>(record: T): Omit<T, 'createdAt' | 'updatedAt' | 'removedAt'> {
  const all = record as Record<string, unknown>;
  const kept = ['name', 'kind', 'settings', 'exclusive', 'provisioning', 'origin'];
  return Object.fromEntries(kept.map((name) => [name, all[name]])) as never;
}
