/** Whom a directory may touch, and that nobody becomes somebody else (threats 95 and 96). */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { addPerson, sql } from '../harness.ts';
import { accountOf, ISSUER, newUser, OKTA, type Scim, startScim } from './kit.ts';

let scim: Scim;
before(async () => {
  scim = await startScim();
});
after(() => scim?.close());

const recorded = (type: string) =>
  scim.consentry.rooms.database.direct.auditEvent.findMany({ where: { type }, orderBy: { seq: 'asc' } });

/** Gives an account an identity of a connection, as a link or a sign-in does. */
async function identify(accountId: string, connectionId: string, issuer: string, subject: string): Promise<void> {
  await scim.consentry.rooms.database.direct.identity.create({ data: { connectionId, issuer, subject, accountId } });
}

async function stateOf(accountId: string) {
  const account = await scim.consentry.rooms.accountStore.findById(accountId);
  return { disabledBy: account?.disabledBy, email: account?.email, name: account?.name };
}

describe('a person who is sent', () => {
  it('gets an account and the identity by which they will come, which nobody has come by yet', async () => {
    const oid = randomUUID();
    await scim.entra.addUser(oid.toUpperCase());
    const account = await accountOf(scim, oid);
    assert.equal(account?.issuer, ISSUER);
    assert.equal(account.last_sign_in_at, null);
    assert.deepEqual(account.disabled_by, []);
    assert.equal(account.email, `mio-${oid}@contoso.test`.toLowerCase());
    const { scimUsers } = scim.consentry.rooms;
    const key = { connectionId: 'contoso', issuer: ISSUER, subject: oid };
    assert.equal(await scimUsers.isProvisioned(key), true);
    assert.equal(await scimUsers.isProvisioned({ ...key, connectionId: 'fabrikam' }), false);
  });

  it('and came before is found by the object id, and by nothing else', async () => {
    const oid = randomUUID();
    const { ana } = scim.consentry;
    const came = await addPerson(scim.consentry.rooms, `came-${oid}@contoso.test`);
    await identify(came.id, 'contoso', ISSUER, oid);
    const user = await scim.entra.addUser(oid, { userName: ana.email, emails: [{ value: ana.email, type: 'work' }] });
    assert.equal((await accountOf(scim, oid))?.id, came.id);
    await scim.entra.patch(`/Users/${user}`, { op: 'Replace', path: 'active', value: 'False' });
    assert.deepEqual((await stateOf(came.id)).disabledBy, ['scim:contoso'], 'out by password too (threat 87)');
    assert.deepEqual(await stateOf(ana.id), { disabledBy: [], email: ana.email, name: null });
  });

  it('and is switched off already is out from the first moment', async () => {
    const oid = randomUUID();
    await scim.entra.addUser(oid, { active: 'False' });
    assert.deepEqual((await accountOf(scim, oid))?.disabled_by, ['scim:contoso']);
    const known = randomUUID();
    const came = await addPerson(scim.consentry.rooms, `off-${known}@contoso.test`);
    await identify(came.id, 'contoso', ISSUER, known);
    await scim.entra.addUser(known, { active: false });
    assert.deepEqual((await stateOf(came.id)).disabledBy, ['scim:contoso']);
  });

  it('without an external id is nobody yet, and joined by the one that comes later', async () => {
    const oid = randomUUID();
    const { body } = await scim.entra.expect(201, 'POST', '/Users', { userName: `later-${oid}`, active: false });
    assert.equal(await accountOf(scim, oid), undefined);
    await scim.entra.patch(`/Users/${body.id}`, { op: 'Add', path: 'externalId', value: oid });
    assert.deepEqual((await accountOf(scim, oid))?.disabled_by, ['scim:contoso']);
  });

  it('is brought back by the directory alone as far as the directory took them away', async () => {
    const oid = randomUUID();
    const user = await scim.entra.addUser(oid);
    const account = await accountOf(scim, oid);
    assert.ok(account);
    await scim.consentry.rooms.accountStore.disable(account.id, new Date(), 'administrator');
    await scim.entra.patch(`/Users/${user}`, { op: 'Replace', path: 'active', value: 'False' });
    await scim.entra.patch(`/Users/${user}`, { op: 'Replace', path: 'active', value: 'True' });
    assert.deepEqual((await stateOf(account.id)).disabledBy, ['administrator']);
  });

  it('is called what the directory says, where they have no password here', async () => {
    const [oid, other] = [randomUUID(), randomUUID()];
    const user = await scim.entra.addUser(oid);
    await scim.entra.patch(`/Users/${user}`, { op: 'Replace', path: 'displayName', value: 'Mio Tanaka' });
    const account = await accountOf(scim, oid);
    assert.equal((await stateOf(account?.id ?? '')).name, 'Mio Tanaka');
    const local = await addPerson(scim.consentry.rooms, `local-${other}@contoso.test`);
    await identify(local.id, 'contoso', ISSUER, other);
    const linked = await scim.entra.addUser(other);
    await scim.entra.patch(`/Users/${linked}`, { op: 'Replace', path: 'displayName', value: 'Mallory' });
    assert.deepEqual(await stateOf(local.id), { disabledBy: [], email: local.email, name: null });
  });
});

describe('the external id of somebody who was joined', () => {
  it('does not change to that of another person: 409, an alarm in the record, and nothing else (threat 96)', async () => {
    const [oid, victim] = [randomUUID(), randomUUID()];
    const user = await scim.entra.addUser(oid);
    await scim.entra.addUser(victim);
    const account = await accountOf(scim, oid);
    const path = `/Users/${user}`;
    const before = await recorded('scim.refused');
    const tries = [
      () => scim.entra.patch(path, { op: 'Replace', path: 'externalId', value: victim }),
      () => scim.entra.patch(path, { op: 'Replace', value: { externalId: randomUUID(), active: false } }),
      () => scim.entra.patch(path, { op: 'Remove', path: 'externalId' }),
      () => scim.entra.send('PUT', path, { ...newUser(victim), userName: `x-${oid}` }),
    ];
    for (const attempt of tries) {
      const { status, body } = await attempt();
      assert.deepEqual([status, body.scimType], [409, 'mutability']);
    }
    const { body } = await scim.entra.expect(200, 'GET', path);
    assert.deepEqual([body.externalId, body.active, body.userName], [oid, true, newUser(oid).userName]);
    const alarms = (await recorded('scim.refused')).slice(before.length);
    assert.equal(alarms.length, tries.length);
    assert.equal(alarms[0]?.reason, 'external_id_changed');
    assert.equal(alarms[0]?.accountId, account?.id);
    assert.equal(alarms[0]?.actor, 'scim:contoso');
    const told = await scim.consentry.rooms.database.direct.outboxMessage.count({
      where: { kind: 'connection.alarm' },
    });
    assert.equal(told, 1, 'owners are told once a day');
  });

  it('may be sent again as it is, in any case', async () => {
    const oid = randomUUID();
    const user = await scim.entra.addUser(oid);
    const { status } = await scim.entra.patch(`/Users/${user}`, {
      op: 'Replace',
      path: 'externalId',
      value: oid.toUpperCase(),
    });
    assert.equal(status, 200);
  });
});

describe('a directory touches nobody but its own people (threat 95)', () => {
  it("another connection's people and groups are 404, in lists nowhere, and no members", async () => {
    const theirs = await scim.okta.addUser(`okta-${randomUUID()}`);
    const group = await scim.okta.addGroup(`Okta ${randomUUID()}`, [theirs]);
    for (const path of [`/Users/${theirs}`, `/Groups/${group}`]) {
      await scim.entra.expect(404, 'GET', path);
      await scim.entra.expect(404, 'DELETE', path);
      await scim.entra.expect(404, 'PUT', path, { userName: 'x', displayName: 'x' });
      const { status } = await scim.entra.patch(path, { op: 'replace', value: { active: false, displayName: 'x' } });
      assert.equal(status, 404);
    }
    const all = await scim.entra.expect(200, 'GET', `/Users?filter=id%20eq%20"${theirs}"%20or%20id%20pr&count=200`);
    assert.ok(!all.text.includes(theirs));
    const mine = await scim.entra.addGroup(`Mine ${randomUUID()}`);
    const { status } = await scim.entra.patch(`/Groups/${mine}`, {
      op: 'add',
      path: 'members',
      value: [{ value: theirs }],
    });
    assert.equal(status, 400);
    await scim.okta.expect(200, 'GET', `/Users/${theirs}`);
  });

  it('the same external id at two connections is two people', async () => {
    const id = randomUUID();
    await scim.entra.addUser(id);
    await scim.okta.addUser(id);
    const rows = await sql<{ issuer: string; account_id: string }>(
      scim.consentry,
      'SELECT issuer, account_id FROM identities WHERE subject = $1 ORDER BY issuer',
      [id],
    );
    assert.deepEqual(
      rows.map(({ issuer }) => issuer),
      [ISSUER, OKTA],
    );
    assert.equal(new Set(rows.map((row) => row.account_id)).size, 2);
  });

  it('somebody whose identity of the connection was taken off is none of its people any more', async () => {
    const oid = randomUUID();
    const local = await addPerson(scim.consentry.rooms, `unlinked-${oid}@contoso.test`);
    await identify(local.id, 'contoso', ISSUER, oid);
    const user = await scim.entra.addUser(oid);
    await scim.consentry.rooms.database.direct.identity.deleteMany({ where: { subject: oid } });
    await scim.entra.patch(`/Users/${user}`, { op: 'Replace', path: 'active', value: 'False' });
    assert.deepEqual((await stateOf(local.id)).disabledBy, []);
  });

  it('somebody who comes by a changed issuer is out, too', async () => {
    const oid = randomUUID();
    const user = await scim.entra.addUser(oid);
    const old = await accountOf(scim, oid);
    await scim.consentry.rooms.database.direct.identity.updateMany({
      where: { subject: oid },
      data: { issuer: 'https://old.contoso.test', orphanedAt: new Date() },
    });
    const came = await addPerson(scim.consentry.rooms, `new-${oid}@contoso.test`);
    await identify(came.id, 'contoso', ISSUER, oid);
    await scim.entra.patch(`/Users/${user}`, { op: 'Replace', path: 'active', value: 'False' });
    for (const id of [came.id, old?.id ?? '']) assert.deepEqual((await stateOf(id)).disabledBy, ['scim:contoso']);
  });

  it('an emergency account is never ended: 403, and the record says who tried', async () => {
    const oid = randomUUID();
    const glass = await addPerson(scim.consentry.rooms, `glass-${oid}@contoso.test`);
    await scim.consentry.rooms.database.direct.account.update({ where: { id: glass.id }, data: { breakGlass: true } });
    await identify(glass.id, 'contoso', ISSUER, oid);
    await scim.entra.expect(403, 'POST', '/Users', { ...newUser(oid), active: false });
    const user = await scim.entra.addUser(oid);
    const before = (await recorded('account.leaver_kept')).length;
    assert.equal(
      (await scim.entra.patch(`/Users/${user}`, { op: 'Replace', path: 'active', value: 'False' })).status,
      403,
    );
    await scim.entra.expect(403, 'DELETE', `/Users/${user}`);
    assert.equal((await scim.entra.expect(200, 'GET', `/Users/${user}`)).body.active, true);
    assert.deepEqual((await stateOf(glass.id)).disabledBy, []);
    assert.equal((await recorded('account.leaver_kept')).length, before + 2);
  });

  it('the last owner is never ended: 409, until there is another', async () => {
    const oid = randomUUID();
    const { accountStore, database } = scim.consentry.rooms;
    const owner = await accountStore.create({
      email: `owner-${oid}@contoso.test`,
      role: 'owner',
      createdAt: new Date(),
    });
    assert.ok(owner);
    await identify(owner.id, 'contoso', ISSUER, oid);
    const user = await scim.entra.addUser(oid);
    assert.equal(
      (await scim.entra.patch(`/Users/${user}`, { op: 'Replace', path: 'active', value: 'False' })).status,
      409,
    );
    await scim.entra.expect(409, 'DELETE', `/Users/${user}`);
    assert.deepEqual((await stateOf(owner.id)).disabledBy, []);
    assert.equal((await scim.entra.expect(200, 'GET', `/Users/${user}`)).body.active, true);
    await accountStore.create({ email: `second-${oid}@contoso.test`, role: 'owner', createdAt: new Date() });
    await scim.entra.expect(204, 'DELETE', `/Users/${user}`);
    assert.deepEqual((await stateOf(owner.id)).disabledBy, ['scim:contoso']);
    await database.direct.account.updateMany({ where: { role: 'owner' }, data: { role: 'user' } });
  });
});

describe('the record', () => {
  it('says which token of which connection did what, and nothing of what it said of people', async () => {
    const oid = randomUUID();
    const user = await scim.entra.addUser(oid);
    await scim.entra.patch(`/Users/${user}`, { op: 'Replace', path: 'name.familyName', value: 'Verysecretname' });
    await scim.entra.patch(`/Users/${user}`, { op: 'Replace', path: 'name.familyName', value: 'Verysecretname' });
    const group = await scim.entra.addGroup(`Recorded ${oid}`, [user]);
    await scim.entra.expect(204, 'DELETE', `/Groups/${group}`);
    await scim.entra.expect(204, 'DELETE', `/Users/${user}`);
    const [token] = await scim.consentry.rooms.scimTokens.list('contoso');
    const events = await scim.consentry.rooms.database.direct.auditEvent.findMany({
      where: { type: { startsWith: 'scim.' } },
      orderBy: { seq: 'asc' },
    });
    const mine = events.filter(({ details }) => [user, group].includes(String(idOf(details))));
    assert.deepEqual(
      mine.map(({ type }) => type),
      ['scim.user_created', 'scim.user_changed', 'scim.group_created', 'scim.group_removed', 'scim.user_removed'],
    );
    for (const { actor, details } of mine) {
      assert.equal(actor, 'scim:contoso');
      assert.equal((details as Record<string, unknown>).scimToken, token?.id);
    }
    assert.deepEqual(Object(mine[1]?.details).changed, ['name']);
    const text = JSON.stringify(events, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    for (const said of ['Verysecretname', 'Mio Sato', '@contoso.test']) assert.ok(!text.includes(said), said);
  });
});

function idOf(details: unknown): unknown {
  const { scimUser, scimGroup } = details as Record<string, unknown>;
  return scimUser ?? scimGroup;
}
