/** Who a token of Entra ID is about: object ids, names, guests (F7, F8, F10 to F14, F17, F26, F27). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { CONTOSO, EVIL, FABRIKAM, pairwiseSubject } from '../../fakes/entra/directory.ts';
import { CALLBACK, type Entra, newPerson, outcome, refusal, SECRET, signIn, startEntra } from './kit.ts';

const FOREVER = Number.MAX_SAFE_INTEGER;

describe('a person of Entra ID', () => {
  let entra: Entra;
  before(async () => {
    entra = await startEntra();
  });
  beforeEach(() => entra.reset());
  after(() => entra?.close());

  it('is known by tenant and object id, whose `sub` is another one for each application (F7)', async () => {
    const again = entra.fake.directory.app({
      redirectUris: [CALLBACK],
      secrets: [{ value: SECRET, expiresAt: FOREVER }],
    });
    const before = await signIn(entra, entra.connect());
    const after = await signIn(entra, entra.connect({ clientId: again.clientId }));
    assert.deepEqual([after.issuer, after.subject], [before.issuer, before.subject]);
    assert.equal(before.subject, entra.ana.oid);
    assert.equal(before.objectId, entra.ana.oid);
    assert.equal(before.pairwiseSubject, pairwiseSubject(entra.ana, entra.app));
    assert.notEqual(after.pairwiseSubject, before.pairwiseSubject);
  });

  it('the same `sub`, and even the same object id, in two tenants is two people (F8)', async () => {
    const list = entra.connect({ tenants: [CONTOSO, FABRIKAM] });
    entra.fake.behaviour.alter = (claims) => ({ ...claims, sub: 'same' });
    const here = await signIn(entra, list);
    newPerson(entra, { upn: 'bo@fabrikam.test', tenant: FABRIKAM, oid: entra.ana.oid });
    const there = await signIn(entra, list);
    assert.equal(there.subject, here.subject);
    assert.equal(there.pairwiseSubject, here.pairwiseSubject);
    assert.notEqual(there.issuer, here.issuer);
  });

  it('an e-mail address that somebody gave themselves is neither a key nor shown (F10)', async () => {
    const any = entra.connect({ tenants: 'any' });
    const { optionalClaims } = entra.shared;
    for (const proven of [undefined, false, '0', 0 as never, 'false']) {
      optionalClaims.add('xms_edov');
      const mallory = newPerson(entra, { upn: 'mallory@evil.test', tenant: EVIL, email: 'ana@contoso.test' });
      if (proven !== undefined) mallory.emailProven = proven;
      const said = await signIn(entra, any);
      assert.equal(said.email, 'mallory@evil.test', String(proven));
      assert.equal(said.subject, mallory.oid);
      assert.ok(!JSON.stringify(said).includes('ana@contoso.test'), String(proven));
    }
  });

  it('without a user name that is an address, a proven address is shown, and an unproven one is not (F10)', async () => {
    entra.shared.optionalClaims.add('xms_edov');
    const list = entra.connect({ tenants: [CONTOSO, FABRIKAM] });
    for (const [emailProven, shown] of [
      [true, 'cy@contoso.test'],
      ['1', 'cy@contoso.test'],
      [false, undefined],
    ] as const) {
      newPerson(entra, { upn: 'no address', email: 'cy@contoso.test', emailProven });
      assert.equal((await signIn(entra, list)).email, shown);
    }
  });

  it('who is renamed stays who they are; a recycled name is somebody else (F11, F12)', async () => {
    const connection = entra.connect();
    const cy = newPerson(entra, { upn: 'cy@contoso.test', email: 'cy@contoso.test' });
    const before = await signIn(entra, connection);
    Object.assign(cy, { upn: 'cy.wed@contoso.test', email: 'cy.wed@contoso.test', name: 'Cy Wed' });
    const renamed = await signIn(entra, connection);
    assert.equal(renamed.subject, before.subject);
    assert.equal(renamed.email, 'cy.wed@contoso.test');
    newPerson(entra, { upn: 'cy@contoso.test', email: 'cy@contoso.test' });
    const recycled = await signIn(entra, connection);
    assert.equal(recycled.email, before.email);
    assert.notEqual(recycled.subject, before.subject);
  });

  it('a guest is refused by each of the signs alone, and let in only by the switch (F13)', async () => {
    const { app, fake } = entra;
    const guests: [string, string[], (claims: Record<string, unknown>) => Record<string, unknown>][] = [
      ['acct', ['acct'], (claims) => claims],
      ['acct as text', [], (claims) => ({ ...claims, acct: '1' })],
      ['upn', ['upn'], (claims) => claims],
      ['idp', ['idp'], (claims) => claims],
      ['idp of personal accounts', [], (claims) => ({ ...claims, idp: 'live.com' })],
      [
        'preferred_username',
        [],
        (claims) => ({ ...claims, preferred_username: 'gil_fabrikam.test#EXT#@contoso.test' }),
      ],
    ];
    for (const [sign, optionalClaims, alter] of guests) {
      fake.behaviour.alter = (claims) => alter({ ...claims, preferred_username: 'gil@fabrikam.test' });
      app.optionalClaims = new Set(optionalClaims);
      const gil = newPerson(entra, { upn: 'gil_fabrikam.test#EXT#@contoso.test', homeTenant: FABRIKAM });
      assert.equal(await outcome(signIn(entra, entra.connect())), 'denied: guest', sign);
      const welcome = await signIn(entra, entra.connect({ guests: true }));
      assert.deepEqual([welcome.guest, welcome.subject, welcome.tenantId], [true, gil.oid, CONTOSO], sign);
    }
    fake.reset();
    fake.behaviour.person = entra.ana;
    fake.behaviour.alter = (claims) => ({ ...claims, acct: 0, idp: `https://sts.windows.net/${CONTOSO}/` });
    assert.equal((await signIn(entra, entra.connect())).guest, false, 'a member is none');
  });

  it('without an object id nobody signs in: `sub` does not stand in for it (F14)', async () => {
    entra.fake.behaviour.consented = ['openid', 'email'];
    assert.match(String((await refusal(signIn(entra, entra.connect()))).detail), /no oid/);
    entra.fake.behaviour.consented = undefined;
    for (const oid of ['', 'ana', 7, null, [entra.ana.oid], entra.ana.oid.toUpperCase()]) {
      entra.fake.behaviour.alter = (claims) => ({ ...claims, oid });
      assert.equal(await outcome(signIn(entra, entra.connect())), 'failed', String(oid));
    }
  });

  it('roles that are absent are none, a list is itself, and anything else is not believed (F17)', async () => {
    const { ana } = entra;
    assert.deepEqual((await signIn(entra, entra.connect())).appRoles, []);
    for (const roles of [[], ['Mail.User', 'Mail.Admin']]) {
      ana.roles = roles;
      assert.deepEqual((await signIn(entra, entra.connect())).appRoles, roles);
    }
    for (const roles of ['Mail.Admin', null, { a: 'Mail.Admin' }, [['Mail.Admin']], [1], true]) {
      ana.roles = roles;
      assert.equal(await outcome(signIn(entra, entra.connect())), 'failed', JSON.stringify(roles));
    }
  });

  it('no at_hash, no auth_time and lifetimes of any length are as it should be; `iat` is no sign-in time (F26)', async () => {
    entra.fake.behaviour.authTime = Math.floor(Date.now() / 1000) - 30;
    const { authTimeSeconds } = await signIn(entra, entra.connect());
    assert.equal(authTimeSeconds, undefined);
    entra.app.optionalClaims.add('auth_time');
    assert.equal((await signIn(entra, entra.connect())).authTimeSeconds, entra.fake.behaviour.authTime);
  });

  it('access tokens are never looked into, and userinfo is never asked (F27)', async () => {
    entra.fake.requests.length = 0;
    const said = await signIn(entra, entra.connect());
    assert.equal(said.subject, entra.ana.oid);
    assert.ok(
      entra.fake.requests.every((line) => line.includes(' login.microsoftonline.com/')),
      entra.fake.requests.join(),
    );
  });

  it('a name is one visible line of modest length', async () => {
    newPerson(entra, { upn: 'dee@contoso.test', name: `Dee\u202e\r\n${'x'.repeat(2_000)}` });
    const { name = '' } = await signIn(entra, entra.connect());
    assert.match(name, /^Dee x+$/);
    assert.ok(name.length <= 100);
  });
});
