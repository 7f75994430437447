/** What a person reads when a trip to a connection comes to nothing, and that nobody is sent round in circles. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { OutwardLeg, ReturnedLeg } from '../../src/federation/connection.ts';
import { UpstreamFailed, type UpstreamFailure, type UpstreamReason } from '../../src/federation/upstream-failed.ts';
import { upstreamRefusals } from '../../src/web/sign-in-pages.ts';
import { LOOPBACK, registerClient } from '../flow.ts';
import { sql } from '../harness.ts';
import { given, heading, isConnectPage, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person } from '../person.ts';
import { atUpstream, begin, type Federated, press, startFederated } from './kit.ts';

const REASONS: readonly [UpstreamFailure, UpstreamReason | undefined][] = [
  ['failed', undefined],
  ['unavailable', undefined],
  ['denied', 'not_assigned'],
  ['denied', 'account_disabled'],
  ['denied', 'unknown_person'],
  ['denied', 'guest'],
  ['denied', 'tenant_not_allowed'],
  ['denied', 'admin_blocked'],
  ['denied', 'admin_consent'],
  ['denied', 'interaction'],
  ['failed', 'loop'],
  ['failed', 'misconfigured'],
  ['unavailable', 'throttled'],
  ['failed', 'not_fresh'],
  ['failed', 'context_not_reached'],
];

describe('a trip that came to nothing', () => {
  let federated: Federated;
  let clientId: string;
  const legs: OutwardLeg[] = [];
  const returned: ReturnedLeg[] = [];
  /** Thrown one after the other by what comes back; then the provider's own word counts. */
  const failures: Error[] = [];
  let unreachable: Error | undefined;
  before(async () => {
    federated = await startFederated({
      adapt: (connection) => ({
        ...connection,
        async authorizationUrl(leg) {
          if (unreachable) throw unreachable;
          legs.push(leg);
          return connection.authorizationUrl(leg);
        },
        async finish(leg) {
          returned.push(leg);
          const failure = failures.shift();
          if (failure) throw failure;
          return connection.finish(leg);
        },
      }),
    });
    clientId = (await registerClient(federated.consentry.issuer)).client_id;
  });
  beforeEach(() => {
    for (const list of [legs, returned, failures]) list.length = 0;
    unreachable = undefined;
  });
  after(() => federated?.close());

  async function away(person: Person, params: Record<string, string> = {}) {
    const page = await begin(federated, person, clientId, params);
    return { page, back: await atUpstream(federated, await press(person, page)) };
  }
  const counted = async (reason: string) => {
    await federated.consentry.rooms.audit.flush();
    const find = 'SELECT sum(count)::int AS count FROM refusal_counts WHERE reason = $1';
    return Number((await sql(federated.consentry, find, [reason]))[0]?.count ?? 0);
  };

  it('each reason has words of its own, names the connection, leads back to page A, and offers the plain way to the app', async () => {
    const seen = new Set<string>();
    for (const [failure, reason] of REASONS) {
      const person = createPerson(federated.consentry.issuer);
      const { page, back } = await away(person, { state: 'of-the-app' });
      failures.push(new UpstreamFailed(failure, 'AADSTS: trace', undefined, { reason }));
      const earlier = await given(federated.consentry);
      const answer = await person.open(back.href);
      const what = `${failure} ${reason} ${words(answer)}`;
      assert.equal(answer.status, failure === 'unavailable' ? 503 : 400, what);
      assert.equal(answer.left, undefined, 'nobody is sent anywhere by themselves');
      assert.match(words(answer), /The contoso directory/, what);
      assert.doesNotMatch(answer.html, /AADSTS|trace/, 'what the provider said is for the operator');
      seen.add(words({ html: answer.html.split('class="technical"')[0] ?? '' }));
      const links = [...answer.html.matchAll(/<a [^>]*href="([^"]*)"/g)].map(([, href = '']) =>
        href.replaceAll('&amp;', '&'),
      );
      assert.ok(links.includes(new URL(page.url).pathname), what);
      const home = new URL(links.find((href) => href.startsWith(LOOPBACK)) ?? 'about:blank');
      const passing = failure === 'unavailable';
      assert.equal(home.searchParams.get('error'), passing ? 'temporarily_unavailable' : 'access_denied', what);
      assert.equal(home.searchParams.get('state'), 'of-the-app');
      assert.equal(home.searchParams.get('iss'), federated.consentry.issuer);
      assert.deepEqual(await given(federated.consentry), earlier);
      assert.equal(await counted(`upstream_${reason ?? failure}`), 1, 'the operator sees how often');
      assert.ok(isConnectPage(await person.open(page.url)), 'and the request still waits');
      assert.equal(legs.length, 1, 'nobody was sent a second time');
      legs.length = 0;
    }
    assert.equal(seen.size, REASONS.length);
  });

  it('the words are there in Japanese too', async () => {
    const person = createPerson(federated.consentry.issuer, { 'accept-language': 'ja' });
    const { back } = await away(person);
    failures.push(new UpstreamFailed('denied', 'x', undefined, { reason: 'not_assigned' }));
    assert.match(heading(await person.open(back.href)), /利用が許可されていません/);
    assert.ok(upstreamRefusals.length >= REASONS.length);
  });

  it('what a provider writes into its answer shows nowhere (F22)', async () => {
    const evil = '<script>alert(1)</script>\r\nSet-Cookie: a=b 3f2504e0-4f89-11d3-9a0c-0305e82c3301';
    for (const [error, isPageA] of [
      ['access_denied', true],
      ['server_error', false],
      ['<b>made_up</b>', false],
    ] as const) {
      const person = createPerson(federated.consentry.issuer);
      const page = await begin(federated, person, clientId);
      const url = await press(person, page);
      const back = new URL(String(url.searchParams.get('redirect_uri')));
      back.search = new URLSearchParams({
        error,
        error_description: evil,
        state: String(url.searchParams.get('state')),
        iss: federated.upstream.issuer,
      }).toString();
      const answer = await person.open(back.href);
      assert.equal(isConnectPage(answer), isPageA, `${error} ${words(answer)}`);
      assert.doesNotMatch(answer.html, /alert\(1\)|3f2504e0|made_up/, error);
      assert.equal(answer.headers.get('set-cookie')?.includes('a=b') ?? false, false);
    }
  });

  it('a provider that asks for more is answered once, with its own words, and the same go-ahead goes on (F23)', async () => {
    const person = createPerson(federated.consentry.issuer);
    const { back } = await away(person);
    const claims = '{"id_token":{"acrs":{"essential":true,"value":"c1"}}}';
    failures.push(new UpstreamFailed('denied', 'x', undefined, { reason: 'interaction', claims }));
    const sent = await person.open(back.href);
    assert.equal(sent.left?.origin, federated.upstream.issuer, words(sent));
    assert.deepEqual(
      legs.map((leg) => leg.claimsChallenge),
      [undefined, claims],
    );
    assert.notEqual(legs[1]?.state, legs[0]?.state);
    assert.equal(await counted('upstream_interaction'), 1, 'only the one of before');
    const done = await person.open((await atUpstream(federated, sent.left as URL)).href);
    assert.ok(isConsentPage(done), words(done));
    assert.deepEqual(
      returned.map(({ challenged = false }) => challenged),
      [false, true],
    );
    assert.equal((await person.open(back.href)).status, 400, 'the first answer is spent');
  });

  it('asked for more a second time, the person is told, and nobody is sent a third time', async () => {
    const person = createPerson(federated.consentry.issuer);
    const { page, back } = await away(person);
    const more = () => new UpstreamFailed('denied', 'x', undefined, { reason: 'interaction', claims: '{"a":1}' });
    failures.push(more(), more());
    const earlier = await given(federated.consentry);
    const sent = await person.open(back.href);
    const answer = await person.open((await atUpstream(federated, sent.left as URL)).href);
    assert.equal(answer.left, undefined);
    assert.match(heading(answer), /wants something more from you/);
    assert.equal(legs.length, 2);
    assert.deepEqual(await given(federated.consentry), earlier);
    assert.ok(isConnectPage(await person.open(page.url)));
  });

  it('a provider that is away before the trip is told on the same page, with the way back', async () => {
    const person = createPerson(federated.consentry.issuer);
    const page = await begin(federated, person, clientId);
    unreachable = new UpstreamFailed('unavailable', 'connect');
    const answer = await person.submit(page, { connection: 'contoso' });
    assert.deepEqual([answer.status, answer.left], [503, undefined]);
    assert.match(heading(answer), /The contoso directory is out of reach/);
    assert.match(answer.html, new RegExp(`href="${new URL(page.url).pathname}"`));
    unreachable = undefined;
    assert.ok((await person.submit(await person.open(page.url), { connection: 'contoso' })).left);
  });
});
