/** A person is switched off in the very moment in which they do something: nothing of it lives on (threats 95 and 97). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { allow } from '../../src/roles/changes.ts';
import { mapRole } from '../../src/roles/membership-changes.ts';
import { atUpstream, begin, connectUpstream, type Federated, press } from '../federation/kit.ts';
import { approve, introspect, redeem, refresh } from '../flow.ts';
import { createPerson } from '../person.ts';
import { type Directory, startProvisioned } from './kit.ts';

let federated: Federated;
let directory: Directory;
let clientId: string;
before(async () => {
  ({ federated, directory, clientId } = await startProvisioned());
});
after(() => federated?.close());

const switched = (value: string) => ({ op: 'Replace', path: 'active', value });

async function come(sub: string): Promise<string> {
  federated.upstream.behaviour.person = { sub };
  return directory.addUser(sub);
}

async function isActive(token: string): Promise<unknown> {
  return (await introspect(federated.consentry, token)).body.active;
}

/** A code that waits to be redeemed. */
async function codeOf(): Promise<Parameters<typeof redeem>[2]> {
  const person = createPerson(federated.consentry.issuer);
  const { begun, ...page } = await begin(federated, person, clientId);
  const consent = await person.open((await atUpstream(federated, await press(person, page))).href);
  const { left } = consent.left ? consent : await approve(person, consent);
  return { ...begun, code: left?.searchParams.get('code') ?? assert.fail(consent.html) };
}

describe('a person who is switched off', () => {
  it('while their client refreshes has no token of it that works', async () => {
    const user = await come('refreshing');
    const { refreshToken } = await connectUpstream(federated, createPerson(federated.consentry.issuer), clientId);
    const results = await Promise.all([
      ...Array.from({ length: 4 }, () => refresh(federated.consentry, clientId, refreshToken)),
      directory.patch(`/Users/${user}`, switched('False')),
      ...Array.from({ length: 4 }, () => refresh(federated.consentry, clientId, refreshToken)),
    ]);
    for (const { status, body } of results) {
      assert.ok(status < 500, JSON.stringify(body));
      if (typeof body.access_token !== 'string') continue;
      assert.equal(await isActive(body.access_token), false);
      const again = await refresh(federated.consentry, clientId, String(body.refresh_token));
      assert.equal(again.body.error, 'invalid_grant');
    }
  });

  it('while a code is redeemed has no token of it that works, nor when they are back', async () => {
    const user = await come('redeeming');
    const codes = [await codeOf(), await codeOf(), await codeOf()];
    const results = await Promise.all([
      redeem(federated.consentry, clientId, codes[0] ?? assert.fail()),
      directory.patch(`/Users/${user}`, switched('False')),
      redeem(federated.consentry, clientId, codes[1] ?? assert.fail()),
    ]);
    results.push(await redeem(federated.consentry, clientId, codes[2] ?? assert.fail()));
    for (const state of ['False', 'True']) {
      await directory.patch(`/Users/${user}`, switched(state));
      for (const { status, body } of results) {
        assert.ok(status < 500, JSON.stringify(body));
        if (typeof body.access_token !== 'string') continue;
        assert.equal(await isActive(body.access_token), false);
        const again = await refresh(federated.consentry, clientId, String(body.refresh_token));
        assert.equal(again.body.error, 'invalid_grant');
      }
    }
  });

  it('between the provider and the approval gets no code', async () => {
    const user = await come('approving');
    const person = createPerson(federated.consentry.issuer);
    const page = await begin(federated, person, clientId);
    const consent = await person.open((await atUpstream(federated, await press(person, page))).href);
    await directory.patch(`/Users/${user}`, switched('False'));
    await directory.patch(`/Users/${user}`, switched('True'));
    const { left, html } = await approve(person, consent);
    assert.equal(left?.searchParams.get('code') ?? undefined, undefined, html);
  });
});

describe('a member of a mapped group', () => {
  it('who is removed loses the role, and what they granted by it, with the request; a rename takes nothing', async () => {
    const { consentry } = federated;
    const { rooms } = consentry;
    const user = await come('member');
    const group = await directory.addGroup('Senders', [user]);
    await rooms.roleStore.create('sender', undefined, new Date());
    const mail = (await rooms.resources.findByUri(consentry.mail.uri)) ?? assert.fail('no mail');
    await allow(
      rooms,
      'sender',
      mail,
      mail.scopes.map(({ name }) => name),
    );
    const connection = { id: 'contoso', kind: 'oidc' as const };
    await mapRole(rooms, { roleId: 'sender', source: 'scim_group', value: group, connection }, { makeOwners: false });
    const { accessToken, refreshToken } = await connectUpstream(federated, createPerson(consentry.issuer), clientId);
    await directory.patch(`/Groups/${group}`, { op: 'Replace', path: 'displayName', value: 'Post' });
    await directory.send('PUT', `/Groups/${group}`, { displayName: 'Post office', members: [{ value: user }] });
    assert.equal(await isActive(accessToken), true);
    await directory.patch(`/Groups/${group}`, { op: 'Remove', path: 'members', value: [{ $ref: null, value: user }] });
    assert.equal(await isActive(accessToken), false);
    assert.equal((await refresh(consentry, clientId, refreshToken)).body.error, 'invalid_grant');
    await directory.patch(`/Groups/${group}`, { op: 'Add', path: 'members', value: [{ value: user }] });
    const again = await connectUpstream(federated, createPerson(consentry.issuer), clientId);
    await directory.expect(204, 'DELETE', `/Groups/${group}`);
    assert.equal(await isActive(again.accessToken), false, 'a group that is gone gives nothing');
  });
});
