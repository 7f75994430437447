/** Several tabs, several accounts, pages loaded twice: what one browser does at once. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decodeJwt } from 'jose';
import { approve, authorizationUrl, redeem, registerClient, signIn } from '../flow.ts';
import { addPerson, type Consentry, sql, startConsentry } from '../harness.ts';
import { createPerson, type Person, type Step } from '../person.ts';
import { given, heading, isConnectPage, isConsentPage, words } from './kit.ts';

describe('tabs of one browser', () => {
  let consentry: Consentry;
  let bob: { id: string; email: string; password: string };
  let clientId: string;
  before(async () => {
    consentry = await startConsentry();
    bob = await addPerson(consentry.rooms, 'bob@contoso.test');
    clientId = (await registerClient(consentry.issuer)).client_id;
  });
  after(() => consentry?.close());

  const begin = (person: Person, params: Record<string, string> = {}) =>
    person.open(authorizationUrl(consentry, clientId, params).url);
  const notYou = (person: Person, page: Step) =>
    person.submit(page, {}, { action: `${new URL(page.url).pathname}/switch-account` });
  const signedIn = async (who: { email: string; password: string }, person = createPerson(consentry.issuer)) => {
    const page = await signIn(person, await begin(person), who);
    assert.ok(isConsentPage(page), words(page));
    return { person, page };
  };
  const sessions = () =>
    sql<{ account_id: string | null }>(consentry, "SELECT account_id FROM artifacts WHERE kind = 'Session'");

  it('two loads of the same page at the same instant both leave a form that works (threat 56)', async () => {
    const { person, page } = await signedIn(consentry.ana);
    const [first, second] = await Promise.all([person.open(page.url), person.open(page.url)]);
    assert.ok(isConsentPage(first) && isConsentPage(second));
    const third = await begin(person);
    const loads = await Promise.all([person.open(third.url), person.open(third.url), person.open(third.url)]);
    assert.ok((await approve(person, second)).left?.searchParams.get('code'));
    assert.ok((await approve(person, loads[0])).left?.searchParams.get('code'));
    const visitor = createPerson(consentry.issuer);
    const connect = await begin(visitor);
    const [one, two] = await Promise.all([visitor.open(connect.url), visitor.open(connect.url)]);
    assert.ok(isConnectPage(one) && isConnectPage(two));
    assert.ok(isConsentPage(await signIn(visitor, one, consentry.ana)));
  });

  it('two presses at the same instant give one code', async () => {
    const { person, page } = await signedIn(consentry.ana);
    const earlier = await given(consentry);
    const answers = await Promise.all([approve(person, page), approve(person, page), approve(person, page)]);
    const codes = answers.filter(({ left }) => left?.searchParams.get('code'));
    assert.ok(codes.length >= 1, answers.map((answer) => `${answer.status} ${words(answer)}`).join('\n'));
    assert.equal((await given(consentry)).codes, earlier.codes + 1);
    for (const answer of answers) assert.ok(answer.status < 500, words(answer));
  });

  it('a page rendered for Ana and posted after another tab signed in as Bob stores nothing and comes back as Bob (threat 54)', async () => {
    const { person, page } = await signedIn(consentry.ana);
    const other = await notYou(person, await begin(person));
    assert.ok(isConnectPage(other));
    assert.ok(isConsentPage(await signIn(person, other, bob)));
    const earlier = await given(consentry);
    const answer = await approve(person, page);
    assert.equal(answer.left, undefined);
    assert.ok(isConsentPage(answer), words(answer));
    assert.match(words(answer), /Signed in as bob@contoso\.test/);
    assert.doesNotMatch(answer.html, /ana@contoso\.test/);
    assert.deepEqual(await given(consentry), earlier);
    const begun = await approve(person, answer);
    assert.ok(begun.left?.searchParams.get('code'));
    const [row] = await sql<{ account_id: string }>(
      consentry,
      'SELECT account_id FROM consents ORDER BY approved_at DESC LIMIT 1',
    );
    assert.equal(row?.account_id, bob.id);
  });

  it('also where Ana signed out altogether before Bob signed in, and where nobody did', async () => {
    const { person, page } = await signedIn(consentry.ana);
    const second = await begin(person);
    const logout = await person.open(`${consentry.issuer}/logout`);
    await person.submit(logout, { logout: 'yes' }, { action: `${consentry.issuer}/logout/confirm` });
    const earlier = await given(consentry);
    const nobody = await approve(person, second);
    assert.ok(isConnectPage(nobody), words(nobody));
    const asBob = await signIn(person, nobody, bob);
    assert.match(words(asBob), /Signed in as bob@contoso\.test/);
    const answer = await approve(person, page);
    assert.ok(isConsentPage(answer), words(answer));
    assert.match(words(answer), /Signed in as bob@contoso\.test/);
    assert.deepEqual(await given(consentry), earlier);
  });

  it('a page whose session has ended asks to sign in again and goes on from there', async () => {
    const { person, page } = await signedIn(consentry.ana);
    await sql(consentry, "DELETE FROM artifacts WHERE kind = 'Session'");
    const again = await approve(person, page);
    assert.ok(isConnectPage(again), words(again));
    const consent = await signIn(person, again, consentry.ana);
    assert.ok((await approve(person, consent)).left?.searchParams.get('code'));
  });

  it('a sign-in page goes on although its session ended in another tab', async () => {
    const { person } = await signedIn(consentry.ana);
    const page = await begin(person, { prompt: 'login' });
    await sql(consentry, "DELETE FROM artifacts WHERE kind = 'Session'");
    const consent = await signIn(person, page, consentry.ana);
    assert.ok(isConsentPage(consent), words(consent));
    assert.ok((await approve(person, consent)).left?.searchParams.get('code'));
  });

  it('"Not you?" signs out and asks again, and the other account goes on with the same request', async () => {
    const { person, page } = await signedIn(consentry.ana);
    const connect = await notYou(person, page);
    assert.ok(isConnectPage(connect));
    assert.doesNotMatch(connect.html, /ana@contoso\.test/);
    assert.ok(isConnectPage(await begin(person)), 'signed out in this browser');
    const consent = await signIn(person, connect, bob);
    assert.match(words(consent), /Signed in as bob@contoso\.test/);
    assert.ok((await approve(person, consent)).left?.searchParams.get('code'));
  });

  it('"Not you?" with a foreign token signs nobody out', async () => {
    const { person, page } = await signedIn(consentry.ana);
    await person.submit(page, { csrf: 'x' }, { action: `${new URL(page.url).pathname}/switch-account` });
    assert.ok(isConsentPage(await begin(person)));
  });

  it('three clients started at once in one browser, before anybody signed in, all finish', async () => {
    const person = createPerson(consentry.issuer);
    const ids = await Promise.all([0, 1, 2].map(async () => (await registerClient(consentry.issuer)).client_id));
    const flows = await Promise.all(
      ids.map(async (id) => {
        const begun = authorizationUrl(consentry, id);
        return { id, begun, page: await person.open(begun.url) };
      }),
    );
    for (const { id, begun, page } of flows) {
      assert.ok(isConnectPage(page));
      const done = await approve(person, await signIn(person, page, consentry.ana));
      const code = done.left?.searchParams.get('code');
      assert.ok(code, words(done));
      const tokens = await redeem(consentry, id, { ...begun, code });
      assert.equal(decodeJwt(String(tokens.body.access_token)).client_id, id);
    }
  });

  it('several pages pressed at the same instant all finish, and the person stays signed in', async () => {
    const { person, page } = await signedIn(consentry.ana);
    const pages = [page, await begin(person), await begin(person), await begin(person), await begin(person)];
    const answers = await Promise.all(pages.map((one) => approve(person, one)));
    for (const answer of answers) assert.ok(answer.left?.searchParams.get('code'), words(answer));
    assert.ok(isConsentPage(await begin(person)));
  });

  it('three clients that interleave, each signing in on its own page, end as the account each page named', async () => {
    const person = createPerson(consentry.issuer);
    const pages = [await begin(person), await begin(person), await begin(person)] as const;
    const first = await signIn(person, pages[0], consentry.ana);
    const second = await signIn(person, pages[1], bob);
    assert.match(words(second), /Signed in as bob@contoso\.test/);
    const swapped = await approve(person, first);
    assert.match(words(swapped), /Signed in as bob@contoso\.test/);
    assert.ok((await approve(person, second)).left?.searchParams.get('code'));
    assert.ok(isConsentPage(await signIn(person, pages[2], bob)));
  });

  it('signing in takes a new session name, and the old one opens nothing (session fixation)', async () => {
    const { person } = await signedIn(consentry.ana);
    const name = () => person.jar.find((cookie) => cookie.name === 'consentry_session')?.value;
    const before = name();
    const fixed = person.jar
      .filter((cookie) => cookie.name.startsWith('consentry_session'))
      .map((cookie) => ({ ...cookie }));
    const connect = await notYou(person, await begin(person));
    await signIn(person, connect, bob);
    assert.notEqual(name(), before);
    const thief = createPerson(consentry.issuer);
    thief.jar.push(...fixed);
    assert.ok(isConnectPage(await begin(thief)));
  });

  it('a sign-in that asks for fresh proof (prompt=login, max_age=0) is asked although a session lives, and then goes on', async () => {
    const { person } = await signedIn(consentry.ana);
    for (const params of [{ prompt: 'login' }, { max_age: '0', scope: 'openid mail:read' }]) {
      const page = await begin(person, params as Record<string, string>);
      assert.ok(isConnectPage(page), `${JSON.stringify(params)} ${page.status} ${page.left} ${words(page)}`);
      const consent = await signIn(person, page, consentry.ana);
      assert.ok(isConsentPage(consent), `${JSON.stringify(params)} ${heading(consent)}`);
      assert.ok((await approve(person, consent)).left?.searchParams.get('code'));
    }
    assert.ok((await sessions()).length > 0);
  });
});
