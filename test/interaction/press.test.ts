/** No authorization completes without a press on a page that names client, way back and server (consent.md §1). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startConnected } from '../connected.ts';
import { approve, authorizationUrl, registerClient, signIn } from '../flow.ts';
import { type Consentry, staticClient } from '../harness.ts';
import { createPerson, type Person } from '../person.ts';
import { given, heading, isConnectPage, isConsentPage, words } from './kit.ts';

describe('no code without a press', () => {
  let consentry: Consentry;
  let ana: Person;
  let clientId: string;
  before(async () => {
    ({ consentry, ana, clientId } = await startConnected());
  });
  after(() => consentry?.close());

  it('a living session and a living consent of the same request get a page, never a code (threats 2, 50)', async () => {
    const earlier = await given(consentry);
    const page = await ana.open(authorizationUrl(consentry, clientId).url);
    assert.ok(isConsentPage(page));
    assert.equal(page.left, undefined);
    assert.match(words(page), /“Claude Code”.*127\.0\.0\.1.*Mail/);
    assert.match(words(page), new RegExp(`Signed in as ${consentry.ana.email}`));
    assert.deepEqual(await given(consentry), earlier);
  });

  it('another client of the same name starts from nothing, whatever the person approved before (threats 20, 73)', async () => {
    const twin = await registerClient(consentry.issuer);
    const page = await ana.open(authorizationUrl(consentry, twin.client_id).url);
    assert.ok(isConsentPage(page));
  });

  it('a static client of an administrator gets no code without the page either', async () => {
    for (const kind of ['app', 'proxy'] as const) {
      const client = await staticClient(consentry.rooms, { kind, name: `Static ${kind}` });
      const page = await ana.open(
        authorizationUrl(consentry, client.clientId, { redirect_uri: 'http://127.0.0.1/callback' }).url,
      );
      assert.ok(isConsentPage(page));
      assert.match(heading(page), new RegExp(`Static ${kind}`));
    }
  });

  it('a request that a website or a link brought says so, also after signing in and after "Not you?" (threat 51)', async () => {
    const headers: Record<string, string> = { 'sec-fetch-site': 'cross-site' };
    const visitor = createPerson(consentry.issuer, headers);
    const said = /website|link/;
    const first = await visitor.open(authorizationUrl(consentry, clientId).url);
    assert.ok(isConnectPage(first));
    assert.match(words(first), said);
    // From here on the browser goes from one page of ours to the next.
    headers['sec-fetch-site'] = 'same-origin';
    const consent = await signIn(visitor, first, consentry.ana);
    assert.ok(isConsentPage(consent));
    assert.match(words(consent), said);
    const again = await visitor.submit(consent, {}, { action: `${new URL(consent.url).pathname}/switch-account` });
    assert.ok(isConnectPage(again));
    assert.match(words(again), said);
    const signedIn = await signIn(visitor, again, consentry.ana);
    assert.match(words(signedIn), said);
    headers['sec-fetch-site'] = 'cross-site';
    const live = await visitor.open(authorizationUrl(consentry, clientId).url);
    headers['sec-fetch-site'] = 'same-origin';
    const refused = await visitor.submit(live, { csrf: 'none', decision: 'approve' });
    assert.equal(refused.status, 403);
    assert.match(words(refused), said);
    headers['sec-fetch-site'] = 'none';
    const program = await visitor.open(authorizationUrl(consentry, clientId).url);
    assert.doesNotMatch(words(program), said);
  });

  it('prompt=none gets interaction_required and no code, with or without a session', async () => {
    const earlier = await given(consentry);
    for (const person of [ana, createPerson(consentry.issuer)]) {
      const begun = authorizationUrl(consentry, clientId, { prompt: 'none' });
      const { left } = await person.open(begun.url);
      assert.equal(left?.searchParams.get('error'), 'interaction_required');
      assert.equal(left?.searchParams.get('state'), begun.state);
      assert.equal(left?.searchParams.get('iss'), consentry.issuer);
      assert.equal(left?.searchParams.get('code'), null);
    }
    assert.deepEqual(await given(consentry), earlier);
  });

  it('going on without pressing leads back to the page', async () => {
    const earlier = await given(consentry);
    const page = await ana.open(authorizationUrl(consentry, clientId).url);
    const uid = new URL(page.url).pathname.split('/').at(-1);
    const resumed = await ana.open(`${consentry.issuer}/authorize/${uid}`);
    assert.ok(isConsentPage(resumed));
    assert.notEqual(resumed.url, page.url);
    assert.deepEqual(await given(consentry), earlier);
  });

  it('a press counts once: the finished page and its resume address give no second code', async () => {
    const page = await ana.open(authorizationUrl(consentry, clientId).url);
    assert.ok((await approve(ana, page)).left?.searchParams.get('code'));
    const earlier = await given(consentry);
    const repeated = await approve(ana, page);
    assert.equal(repeated.status, 400);
    assert.match(heading(repeated), /no longer good/);
    const uid = new URL(page.url).pathname.split('/').at(-1);
    assert.equal((await ana.open(`${consentry.issuer}/authorize/${uid}`)).left, undefined);
    assert.equal((await ana.open(page.url)).status, 400);
    assert.deepEqual(await given(consentry), earlier);
  });

  it('an answer that is neither Approve nor complete counts as Deny', async () => {
    const earlier = await given(consentry);
    for (const changes of [
      { decision: 'yes' },
      { decision: ['approve', 'approve'] },
      { decision: 'approve', scope: [] },
      { decision: 'approve', scope: 'openid' },
      { decision: 'approve', scope: 'admin:all' },
    ]) {
      const page = await ana.open(authorizationUrl(consentry, clientId, { scope: 'openid mail:read' }).url);
      const { left } = await ana.submit(page, changes as Record<string, string>);
      assert.equal(left?.searchParams.get('error'), 'access_denied', JSON.stringify(changes));
    }
    assert.deepEqual(await given(consentry), earlier);
  });
});
