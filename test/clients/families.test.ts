/** Registrations of the same program belong together for display, and share nothing (consent.md §5). */
import assert from 'node:assert/strict';
import { after, before, describe, it, test } from 'node:test';
import { familyKey } from '../../src/clients/families.ts';
import { revokeClient } from '../../src/revocations.ts';
import { authorize, type Registration, redeem, refresh, registerClient } from '../flow.ts';
import { type Consentry, sql, startConsentry, staticClient } from '../harness.ts';

const claude = { client_name: 'Claude Code', redirect_uris: ['http://127.0.0.1:33418/callback', 'cursor://x/cb'] };

const same: [string, Record<string, unknown>][] = [
  ['another loopback port', { redirect_uris: ['http://127.0.0.1:51763/callback', 'cursor://x/cb'] }],
  ['no loopback port', { redirect_uris: ['http://127.0.0.1/callback', 'cursor://x/cb'] }],
  ['its redirect URIs in another order', { redirect_uris: [...claude.redirect_uris].reverse() }],
  ['a redirect URI twice', { redirect_uris: ['http://127.0.0.1:1/callback', ...claude.redirect_uris] }],
  ['its name in another case', { client_name: 'CLAUDE code' }],
  ['its name in full-width letters', { client_name: 'Ｃｌａｕｄｅ Code' }],
  ['another version, logo and scope', { software_version: '2', logo_uri: 'https://a.example/l.png', scope: 'a' }],
];
for (const [what, metadata] of same) {
  test(`a registration with ${what} is of the same family`, () => {
    assert.equal(familyKey({ ...claude, ...metadata }), familyKey(claude));
  });
}

const other: [string, Record<string, unknown>][] = [
  ['another name', { client_name: 'Claude' }],
  ['no name', { client_name: undefined }],
  ['another loopback host', { redirect_uris: ['http://localhost:33418/callback', 'cursor://x/cb'] }],
  ['another loopback path', { redirect_uris: ['http://127.0.0.1:33418/', 'cursor://x/cb'] }],
  ['a redirect URI less', { redirect_uris: ['http://127.0.0.1:33418/callback'] }],
  ['a redirect URI more', { redirect_uris: [...claude.redirect_uris, 'https://evil.example/cb'] }],
  ['the same https host at another port', { redirect_uris: ['https://a.example:1/cb'] }],
  ['a software_id', { software_id: 'x' }],
];
for (const [what, metadata] of other) {
  test(`a registration with ${what} is of another family`, () => {
    assert.notEqual(familyKey({ ...claude, ...metadata }), familyKey(claude));
  });
}

test('what belongs in one member cannot be said in another', () => {
  const [first, second] = [{ client_name: 'a', software_id: 'b' }, { client_name: 'ab' }];
  assert.notEqual(familyKey(first), familyKey(second));
  assert.notEqual(
    familyKey({ redirect_uris: ['https://a.example/x,https://a.example/y'] }),
    familyKey({ redirect_uris: ['https://a.example/x', 'https://a.example/y'] }),
  );
});

describe('families on a running server', () => {
  let consentry: Consentry;
  before(async () => {
    consentry = await startConsentry();
  });
  after(() => consentry?.close());

  const again = (port: number, metadata = {}) =>
    registerClient(consentry.issuer, { redirect_uris: [`http://127.0.0.1:${port}/callback`], ...metadata });
  const keyOf = async ({ client_id: id }: Pick<Registration, 'client_id'>) =>
    (await consentry.rooms.clients.find(id))?.familyKey;
  const families = (living = true) => consentry.rooms.clients.listFamilies({ origins: ['dynamic'], living });

  it('registrations that differ in their port are one line with how many, since when, and how many consents', async () => {
    const registered = [await again(1001), await again(1002), await again(1003)];
    const [, second] = registered as [Registration, Registration];
    await again(1001, { client_name: 'Another' });
    await redeem(consentry, second.client_id, await authorize(consentry, second.client_id));
    await sql(consentry, "UPDATE clients SET created_at = created_at - interval '1 day' WHERE id = $1", [
      registered[0]?.client_id,
    ]);

    const listed = (await families()).find(({ newest }) => newest.id === registered[2]?.client_id);
    assert.deepEqual([listed?.registrations, listed?.living, listed?.livingConsents], [3, 3, 1]);
    assert.deepEqual(
      listed?.firstSeen,
      (await consentry.rooms.clients.find(registered[0]?.client_id ?? ''))?.createdAt,
    );
    assert.ok(listed?.lastUsedAt);
    const key = String(await keyOf(second));
    const members = await consentry.rooms.clients.listFamily(key, { living: true });
    assert.deepEqual(
      members.map(({ id }) => id),
      registered.map((one) => one.client_id).reverse(),
    );
  });

  it('a consent to one of them is no consent to another, and outlives its revocation', async () => {
    const [first, second] = [await again(2001), await again(2002)];
    assert.equal(await keyOf(first), await keyOf(second));
    const { body } = await redeem(consentry, second.client_id, await authorize(consentry, second.client_id));
    const listed = await consentry.rooms.consents.list({ clientId: first.client_id }, { living: true });
    assert.deepEqual(listed, []);
    await revokeClient(consentry.rooms, first.client_id, await consentry.rooms.clients.find(first.client_id));
    assert.equal((await refresh(consentry, second.client_id, body.refresh_token)).status, 200);
    const family = (await families()).find(({ newest }) => newest.id === second.client_id);
    assert.ok(family && family.registrations === family.living);
    const all = (await families(false)).find(({ newest }) => newest.id === second.client_id);
    assert.equal(all?.registrations, family.registrations + 1);
  });

  it('a registration that says something else of itself (RFC 7592) leaves its family', async () => {
    const [stays, leaves] = [await again(3001), await again(3002)];
    const { registration_access_token: token, registration_client_uri: uri, client_id: id } = leaves;
    const metadata = { client_id: id, client_name: 'Renamed', redirect_uris: leaves.redirect_uris };
    const answer = await fetch(uri, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...metadata, token_endpoint_auth_method: 'none' }),
    });
    assert.equal(answer.status, 200, await answer.text());
    assert.notEqual(await keyOf(leaves), await keyOf(stays));
  });

  it('a client that an administrator made is of no family, whatever it is called', async () => {
    const [registered, made] = [
      await again(4001),
      await staticClient(consentry.rooms, { kind: 'app', name: 'Claude Code', authMethod: 'none' }),
    ];
    assert.ok(await keyOf(registered));
    assert.equal(await keyOf({ client_id: made.clientId }), undefined);
    const listed = await consentry.rooms.clients.listFamilies({ origins: ['static', 'dynamic'], living: true });
    assert.equal(listed.find(({ newest }) => newest.id === made.clientId)?.registrations, 1);
  });
});
