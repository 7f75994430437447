/** Page F: whoever adds a sensitive scope proves to be here, upstream; by `auth_time` and nothing else (threat 86). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { approve, authorizationUrl, redeem, registerClient } from '../flow.ts';
import { sql } from '../harness.ts';
import { given, heading, isConsentPage, words } from '../interaction/kit.ts';
import { scopesOf } from '../interop/kit.ts';
import { createPerson, type Person } from '../person.ts';
import { atUpstream, type Federated, signInUpstream, startFederated } from './kit.ts';

const ANA = { sub: 'ana', email: 'ana@upstream.test', email_verified: true, name: 'Ana Lima' };
const BO = { sub: 'bo', email: 'bo@upstream.test', email_verified: true, name: 'Bo Berg' };

describe('presence upstream', () => {
  let federated: Federated;
  let runs = 0;
  before(async () => {
    federated = await startFederated({ ids: ['contoso'] });
  });
  beforeEach(() => {
    federated.clock.ahead = 0;
    Object.assign(federated.upstream.behaviour, { person: ANA, authTime: undefined, silentAboutTime: false });
  });
  after(() => federated?.close());

  /** A person with a consent for reading, asked for sending too; `url` is where the press sends them. */
  async function pressed(person: Person = createPerson(federated.consentry.issuer)) {
    // No two of the same program: what Ana agreed to for one would be known for the next.
    runs += 1;
    const metadata = { client_name: `Program ${runs}` };
    const { client_id: clientId } = await registerClient(federated.consentry.issuer, metadata);
    const params = { scope: 'mail:read' };
    const first = await approve(person, await signInUpstream(federated, person, clientId, { params }));
    assert.ok(first.left?.searchParams.get('code'), words(first));
    const begun = authorizationUrl(federated.consentry, clientId, { scope: 'mail:read mail:send' });
    const page = await person.open(begun.url);
    assert.ok(isConsentPage(page), words(page));
    const sent = await approve(person, page);
    const url = sent.left;
    assert.ok(url && url.origin === federated.upstream.issuer, words(sent));
    return { person, clientId, begun, page, url };
  }
  const people = async () => (await sql(federated.consentry, 'SELECT id FROM accounts')).length;

  it('the person is asked for credentials anew, and with fresh proof the press counts', async () => {
    const { person, clientId, begun, url } = await pressed();
    assert.equal(url.searchParams.get('prompt'), 'login');
    assert.equal(url.searchParams.get('max_age'), '300');
    let page = await person.open((await atUpstream(federated, url)).href);
    if (!page.left) page = await approve(person, page);
    const code = String(page.left?.searchParams.get('code'));
    const tokens = await redeem(federated.consentry, clientId, { ...begun, code });
    assert.deepEqual(scopesOf(tokens), ['mail:read', 'mail:send']);
  });

  it('a person who says no there is told so, and the page still waits', async () => {
    const { person, page, url } = await pressed();
    const earlier = await given(federated.consentry);
    federated.upstream.behaviour.person = undefined;
    const answer = await person.open((await atUpstream(federated, url)).href);
    assert.deepEqual([answer.status, answer.left], [400, undefined], words(answer));
    assert.match(heading(answer), /The contoso directory said no/);
    assert.match(answer.html, new RegExp(`href="${new URL(page.url).pathname}"`));
    assert.deepEqual(await given(federated.consentry), earlier);
    assert.ok(isConsentPage(await person.open(page.url)));
  });

  it('somebody else who returns proves nothing: refused, nothing stored, nobody made, and Ana stays signed in', async () => {
    const { person, url, page } = await pressed();
    const [earlier, accounts] = [await given(federated.consentry), await people()];
    federated.upstream.behaviour.person = BO;
    const back = await atUpstream(federated, url);
    const answer = await person.open(back.href);
    assert.equal(answer.status, 403, words(answer));
    assert.match(heading(answer), /Another account/);
    assert.deepEqual(await given(federated.consentry), earlier);
    assert.equal(await people(), accounts);
    const again = await person.open(page.url);
    assert.match(words(again), /Signed in as ana@upstream\.test/);
    assert.ok((await approve(person, again)).left?.href.startsWith(federated.upstream.issuer), 'and is asked again');
  });

  it('a sign-in that is too old, lies ahead, or has no time at all proves nothing', async () => {
    const now = () => Math.floor(Date.now() / 1000);
    for (const [authTime, silentAboutTime] of [
      [now() - 301, false],
      [now() + 600, false],
      [undefined, true],
    ] as const) {
      Object.assign(federated.upstream.behaviour, { authTime: undefined, silentAboutTime: false });
      const { person, page, url } = await pressed();
      const earlier = await given(federated.consentry);
      Object.assign(federated.upstream.behaviour, { authTime, silentAboutTime });
      const answer = await person.open((await atUpstream(federated, url)).href);
      assert.equal(answer.status, 400, `${authTime} ${words(answer)}`);
      assert.equal(answer.left, undefined);
      assert.deepEqual(await given(federated.consentry), earlier);
      assert.ok((await approve(person, await person.open(page.url))).left?.href.startsWith(federated.upstream.issuer));
    }
  });

  it('a live session upstream that signs the person in unseen is no proof either', async () => {
    const there = createPerson(federated.upstream.issuer);
    federated.upstream.behaviour.silentAboutTime = true;
    const { person, url } = await pressed();
    await atUpstream(federated, url, there);
    const answer = await person.open((await atUpstream(federated, url, there)).href);
    assert.equal(answer.status, 400, words(answer));
  });

  it('where somebody else has signed in here meanwhile the proof of the first is worth nothing', async () => {
    const { person, url } = await pressed();
    const { client_id: other } = await registerClient(federated.consentry.issuer);
    const back = await atUpstream(federated, url);
    federated.upstream.behaviour.person = BO;
    assert.match(
      words(await signInUpstream(federated, person, other, { params: { prompt: 'login' } })),
      /Signed in as bo@upstream\.test/,
    );
    const earlier = await given(federated.consentry);
    const answer = await person.open(back.href);
    assert.equal(answer.status, 403, words(answer));
    assert.deepEqual(await given(federated.consentry), earlier);
  });
});
