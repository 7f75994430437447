/** The fake Entra ID under its real names, as a whole server and a browser reach it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createEntraConnection } from '../../../src/federation/entra/entra.ts';
import { createEgress, type Egress } from '../../../src/web/egress.ts';
import { type FakeEntra, startFakeEntra } from '../../fakes/entra/fake.ts';
import { CALLBACK, groupsOf, SECRET, signIn, trip } from './kit.ts';

describe('the fake Entra ID', () => {
  let fake: FakeEntra;
  let egress: Egress;
  before(async () => {
    fake = await startFakeEntra({ https: true });
    egress = createEgress({
      outboundAllow: ['127.0.0.1'],
      outboundProxy: fake.tls?.proxyUrl,
      outboundCaFile: fake.tls?.caFile,
      lookup: async () => [],
    });
  });
  after(async () => {
    egress?.close();
    await fake?.close();
  });

  it('is reached by the real egress under the real names, over TLS, and as nothing else', async () => {
    const ana = fake.directory.person({ upn: 'ana@contoso.test', groups: groupsOf(11_000) });
    const app = fake.directory.app({
      redirectUris: [CALLBACK],
      secrets: [{ value: SECRET, expiresAt: Number.MAX_SAFE_INTEGER }],
    });
    fake.behaviour.person = ana;
    const record = fake.record({ settings: { clientId: app.clientId, groups: 'mapped' } });
    const connection = createEntraConnection(
      record,
      { clientSecret: SECRET, certificates: [] },
      { fetch: egress.fetch, now: () => new Date() },
    );
    const said = await signIn({ fake }, connection);
    assert.equal(said.subject, ana.oid);
    assert.equal(said.groups?.length, 11_000, 'as many as Graph gives at most');
    assert.ok(
      fake.requests.includes('POST login.microsoftonline.com/0a7bdc1e-58a6-4f0e-9c5d-2f4a6f6c1001/oauth2/v2.0/token'),
    );
    await assert.rejects(egress.fetch('https://login.evil.test/'));
    await assert.rejects(
      createEgress({ outboundAllow: [], outboundProxy: fake.tls?.proxyUrl, lookup: async () => [] }).fetch(
        'https://login.microsoftonline.com/',
      ),
      'without its authority',
    );
  });

  it('asks a real browser’s person who they are, and takes their word', async () => {
    const bo = fake.directory.person({ upn: 'bo@contoso.test', name: 'Bo <Berg>' });
    const [app] = fake.directory.apps;
    fake.behaviour.interactive = true;
    const record = fake.record({ settings: { clientId: String(app?.clientId) } });
    const connection = createEntraConnection(
      record,
      { clientSecret: SECRET, certificates: [] },
      { fetch: fake.fetch, now: () => new Date() },
    );
    const leg = { state: 'a', nonce: 'b', codeChallenge: 'c', callbackUrl: CALLBACK };
    const url = await connection.authorizationUrl(leg);
    const page = await fake.visit(url);
    assert.match(page.html, /Pick an account/);
    const body = new URLSearchParams(url.searchParams);
    body.set('fake_person', bo.oid);
    const { left } = await fake.visit(url, { method: 'POST', body });
    assert.equal(left?.searchParams.get('state'), 'a');
    assert.ok(left?.searchParams.get('code'));
    body.set('fake_person', 'cancel');
    assert.equal((await fake.visit(url, { method: 'POST', body })).left?.searchParams.get('error'), 'access_denied');
    fake.behaviour.interactive = false;
  });

  it('hangs where it is told to, until the caller gives up', async () => {
    fake.behaviour.discovery = 'hanging';
    const url = 'https://login.microsoftonline.com/organizations/v2.0/.well-known/openid-configuration';
    await assert.rejects(fake.fetch(url, { timeoutMs: 20 }), { reason: 'timeout' });
    fake.behaviour.discovery = 'up';
    assert.equal((await fake.fetch(url)).status, 200);
  });

  it('sends nobody to an address that is not registered', async () => {
    const [app] = fake.directory.apps;
    const record = fake.record({ settings: { clientId: String(app?.clientId) } });
    const connection = createEntraConnection(
      record,
      { clientSecret: SECRET, certificates: [] },
      { fetch: fake.fetch, now: () => new Date() },
    );
    for (const uri of [`${CALLBACK}/`, CALLBACK.toUpperCase(), 'https://evil.test/']) {
      const alter = (url: URL) => url.searchParams.set('redirect_uri', uri);
      await assert.rejects(trip({ fake }, connection, { alter }), /AADSTS50011/);
    }
  });
});
