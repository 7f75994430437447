/** A directory takes a person's access and gives it back: the whole way, from the person it sent to the tokens. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connectUpstream, type Federated, signInUpstream } from '../federation/kit.ts';
import { introspect, refresh } from '../flow.ts';
import { words } from '../interaction/kit.ts';
import { createPerson } from '../person.ts';
import { type Directory, startProvisioned } from './kit.ts';

describe('a person whom a directory sent', () => {
  let federated: Federated;
  let directory: Directory;
  let clientId: string;
  before(async () => {
    ({ federated, directory, clientId } = await startProvisioned());
  });
  after(() => federated?.close());

  it('is out with the next request: refresh, introspection and browser session; and comes back with no grant', async () => {
    const { consentry, upstream } = federated;
    upstream.behaviour.person = { sub: 'mio', email: 'somebody@else.test' };
    const user = await directory.addUser('mio');
    const person = createPerson(consentry.issuer);
    const { accessToken, refreshToken } = await connectUpstream(federated, person, clientId);
    const before = await introspect(consentry, accessToken);
    assert.equal(before.body.active, true);
    const sent = await consentry.rooms.database.direct.scimUser.findUniqueOrThrow({ where: { id: user } });
    assert.equal(before.body.sub, sent.accountId, 'the identity was made before the person came');

    await directory.patch(`/Users/${user}`, { op: 'Replace', path: 'active', value: 'False' });
    assert.equal((await introspect(consentry, accessToken)).body.active, false);
    const refused = await refresh(consentry, clientId, refreshToken);
    assert.equal(refused.body.error, 'invalid_grant');
    const home = await signInUpstream(federated, createPerson(consentry.issuer), clientId);
    assert.equal(home.left?.searchParams.get('code') ?? undefined, undefined, words(home));
    assert.ok(!home.html.includes('value="approve"'), words(home));

    await directory.patch(`/Users/${user}`, { op: 'Replace', path: 'active', value: 'True' });
    assert.equal((await introspect(consentry, accessToken)).body.active, false);
    assert.equal((await refresh(consentry, clientId, refreshToken)).body.error, 'invalid_grant');
    const again = await connectUpstream(federated, createPerson(consentry.issuer), clientId);
    const tokens = await introspect(consentry, again.accessToken);
    assert.equal(tokens.body.active, true);
    assert.equal(tokens.body.sub, sent.accountId);
  });

  it('is out when deleted, and is the same person when sent again', async () => {
    const { consentry, upstream } = federated;
    upstream.behaviour.person = { sub: 'bo' };
    const user = await directory.addUser('bo');
    const { accessToken, refreshToken } = await connectUpstream(federated, createPerson(consentry.issuer), clientId);
    const { body } = await introspect(consentry, accessToken);
    await directory.expect(204, 'DELETE', `/Users/${user}`);
    assert.equal((await introspect(consentry, accessToken)).body.active, false);
    assert.equal((await refresh(consentry, clientId, refreshToken)).body.error, 'invalid_grant');
    await directory.addUser('bo');
    const again = await connectUpstream(federated, createPerson(consentry.issuer), clientId);
    assert.equal((await introspect(consentry, again.accessToken)).body.sub, body.sub);
  });

  it('alone comes in where only the directory says who may', async () => {
    federated.upstream.behaviour.person = { sub: 'stranger', email: 'mio-mio@contoso.test' };
    const page = await signInUpstream(federated, createPerson(federated.consentry.issuer), clientId);
    assert.ok(!page.html.includes('value="approve"'), words(page));
    const { identity } = federated.consentry.rooms.database.direct;
    const known = await identity.count({ where: { subject: 'stranger' } });
    assert.equal(known, 0);
  });
});
