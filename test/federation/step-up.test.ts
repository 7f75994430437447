/** Scopes whose presence an authentication context proves: always asked, and nothing less is taken (threat 86, F38). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { OutwardLeg } from '../../src/federation/connection.ts';
import { approve, authorizationUrl, redeem, registerClient } from '../flow.ts';
import { given, heading, isConsentPage, words } from '../interaction/kit.ts';
import { scopesOf } from '../interop/kit.ts';
import { createPerson, type Person, type Step } from '../person.ts';
import { atUpstream, type Federated, signInUpstream, startFederated } from './kit.ts';

const ANA = { sub: 'ana', email: 'ana@upstream.test', email_verified: true };
const BO = { sub: 'bo', email: 'bo@upstream.test', email_verified: true };
const WITH_SENDING = 'mail:read mail:send';

describe('an authentication context', () => {
  let federated: Federated;
  let runs = 0;
  const legs: OutwardLeg[] = [];
  /** What the provider says was reached; undefined: it says nothing of contexts. */
  let reached: readonly string[] | undefined;
  let contexts: Record<string, string>;
  before(async () => {
    federated = await startFederated({
      ids: ['contoso'],
      adapt: (connection) => ({
        ...connection,
        authContextFor: (_resource, scopes) => scopes.map((scope) => contexts[scope]).find((one) => one !== undefined),
        authorizationUrl(leg) {
          legs.push(leg);
          return connection.authorizationUrl(leg);
        },
        finish: async (leg) => ({ ...(await connection.finish(leg)), authContexts: reached }),
      }),
    });
  });
  beforeEach(() => {
    legs.length = 0;
    reached = undefined;
    contexts = { 'mail:send': 'c1' };
    federated.clock.ahead = 0;
    Object.assign(federated.upstream.behaviour, { person: ANA, authTime: undefined, silentAboutTime: false });
  });
  after(() => federated?.close());

  /** Signed in already, before a full page of a new program. */
  async function asked(scope = WITH_SENDING) {
    const person = createPerson(federated.consentry.issuer, { 'sec-fetch-site': 'none' });
    const register = async () => {
      runs += 1;
      return (await registerClient(federated.consentry.issuer, { client_name: `Program ${runs}` })).client_id;
    };
    await approve(
      person,
      await signInUpstream(federated, person, await register(), { params: { scope: 'mail:read' } }),
    );
    const clientId = await register();
    const begun = authorizationUrl(federated.consentry, clientId, { scope });
    const page = await person.open(begun.url);
    assert.ok(isConsentPage(page), words(page));
    legs.length = 0;
    return { person, clientId, begun, page };
  }
  const isSent = ({ left }: Step): URL => {
    assert.ok(left && left.origin === federated.upstream.issuer, String(left));
    return left;
  };
  const back = async (person: Person, sent: Step) => person.open((await atUpstream(federated, isSent(sent))).href);

  it('is asked for at a new consent too, in a session of just now, and with it the press counts', async () => {
    const { person, clientId, begun, page } = await asked();
    assert.match(words(page), /you first sign in again at The contoso directory/);
    const sent = await approve(person, page);
    assert.deepEqual(
      legs.map(({ authContext, prompt }) => [authContext, prompt]),
      [['c1', undefined]],
    );
    reached = ['c1'];
    const done = await back(person, sent);
    const code = String(done.left?.searchParams.get('code'));
    const tokens = await redeem(federated.consentry, clientId, { ...begun, code });
    assert.deepEqual(scopesOf(tokens), ['mail:read', 'mail:send']);
  });

  it('not reached, not said, or another one: refused in words, nothing given, however fresh the sign-in (F38)', async () => {
    for (const answer of [undefined, [], ['c2'], ['c1 ', 'C1']]) {
      const { person, page } = await asked();
      const earlier = await given(federated.consentry);
      const sent = await approve(person, page);
      reached = answer;
      const refused = await back(person, sent);
      assert.deepEqual([refused.status, refused.left], [400, undefined], words(refused));
      assert.match(heading(refused), /The contoso directory did not confirm what was needed/);
      assert.deepEqual(await given(federated.consentry), earlier);
      assert.ok(isSent(await approve(person, await person.open(page.url))), 'and it is asked for again');
    }
  });

  it('proves nothing of anybody but the person who is signed in', async () => {
    federated.upstream.behaviour.person = BO;
    const { client_id: other } = await registerClient(federated.consentry.issuer);
    const bo = createPerson(federated.consentry.issuer);
    assert.ok(isConsentPage(await signInUpstream(federated, bo, other)), 'who has an account here');
    federated.upstream.behaviour.person = ANA;
    const { person, page } = await asked();
    const earlier = await given(federated.consentry);
    const sent = await approve(person, page);
    reached = ['c1'];
    federated.upstream.behaviour.person = BO;
    const answer = await back(person, sent);
    assert.equal(answer.status, 403, words(answer));
    assert.deepEqual(await given(federated.consentry), earlier);
    federated.upstream.behaviour.person = ANA;
    assert.ok(isSent(await approve(person, await person.open(page.url))));
  });

  it('is not asked of who does not grant such a scope', async () => {
    const { person, clientId, begun, page } = await asked();
    const done = await approve(person, page, { scope: ['mail:read'] });
    const code = String(done.left?.searchParams.get('code'));
    assert.deepEqual(scopesOf(await redeem(federated.consentry, clientId, { ...begun, code })), ['mail:read']);
    assert.deepEqual(legs, []);
  });

  it('is asked each time, also under a consent that covers the request, and never by a short page', async () => {
    const { person, clientId, page } = await asked();
    reached = ['c1'];
    const first = await back(person, await approve(person, page));
    assert.ok(first.left?.searchParams.get('code'), words(first));
    const again = await person.open(authorizationUrl(federated.consentry, clientId, { scope: WITH_SENDING }).url);
    assert.ok(isConsentPage(again), words(again));
    const earlier = await given(federated.consentry);
    const short = await person.submit(again, { decision: 'continue' });
    assert.equal(short.left, undefined, 'nor by a press that no page offered');
    assert.deepEqual(await given(federated.consentry), earlier);
    const done = await back(person, await approve(person, again));
    assert.ok(done.left?.searchParams.get('code'), words(done));
    const less = await person.open(authorizationUrl(federated.consentry, clientId, { scope: 'mail:read' }).url);
    assert.match(less.html, /value="continue"/, 'what needs no context goes on as ever');
  });

  it('two scopes with two contexts take both', async () => {
    contexts = { 'mail:send': 'c1', 'mail:label': 'c2' };
    const { person, clientId, begun, page } = await asked('mail:read mail:send mail:label');
    reached = ['c1', 'c2'];
    const second = await back(person, await approve(person, page));
    assert.ok(isConsentPage(second), `${second.left} ${words(second)}`);
    const done = await back(person, await approve(person, second));
    assert.deepEqual(
      legs.map(({ authContext }) => authContext),
      ['c1', 'c2'],
    );
    const code = String(done.left?.searchParams.get('code'));
    const tokens = await redeem(federated.consentry, clientId, { ...begun, code });
    assert.deepEqual(scopesOf(tokens), ['mail:label', 'mail:read', 'mail:send']);
  });

  it('reached minutes ago it is asked for anew', async () => {
    contexts = { 'mail:send': 'c1', 'mail:label': 'c2' };
    const { person, page } = await asked('mail:read mail:send mail:label');
    reached = ['c1', 'c2'];
    const second = await back(person, await approve(person, page));
    federated.clock.ahead += 301_000;
    await approve(person, await person.open(second.url));
    assert.deepEqual(
      legs.map(({ authContext }) => authContext),
      ['c1', 'c1'],
    );
  });
});
