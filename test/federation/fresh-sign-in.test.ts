/** Where a fresh sign-in is asked for, the connection has to say that it was one; and who signs in anew presses anew. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { decodeJwt } from 'jose';
import {
  approve,
  authorizationUrl,
  authorize,
  LOOPBACK,
  redeem,
  registerClient,
  signIn,
  tokenRequest,
} from '../flow.ts';
import { addPerson, staticClient } from '../harness.ts';
import { given, heading, isConnectPage, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person, readForm, type Step } from '../person.ts';
import { atUpstream, begin, type Federated, press, startFederated } from './kit.ts';

const ANA = { sub: 'ana', email: 'ana@upstream.test', email_verified: true, name: 'Ana Lima' };
const OTHER = 'http://127.0.0.1/other';
const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
const epoch = () => Math.floor(Date.now() / 1000);

/** What a provider could answer with instead of a sign-in. */
const STALE = {
  'a sign-in of yesterday': () => ({ authTime: epoch() - 86_400, silentAboutTime: false }),
  'a sign-in that lies ahead': () => ({ authTime: epoch() + 600, silentAboutTime: false }),
  'no word about when': () => ({ authTime: undefined, silentAboutTime: true }),
};

describe('a fresh sign-in', () => {
  let federated: Federated;
  let runs = 0;
  before(async () => {
    federated = await startFederated({ ids: ['contoso'] });
  });
  beforeEach(() => {
    behave({ authTime: undefined, silentAboutTime: false });
  });
  after(() => federated?.close());

  const behave = (how: { authTime: number | undefined; silentAboutTime: boolean }) =>
    Object.assign(federated.upstream.behaviour, { person: ANA, ...how });
  const newPerson = () => createPerson(federated.consentry.issuer);
  /** No two of the same program: what was agreed to for one would be known for the next. */
  async function program(metadata: Record<string, unknown> = {}) {
    runs += 1;
    return (await registerClient(federated.consentry.issuer, { client_name: `Program ${runs}`, ...metadata }))
      .client_id;
  }
  /** The provider's sessions are another browser's business: each trip is by one that it does not know. */
  async function thereAndBack(person: Person, page: Step): Promise<Step> {
    return person.open((await atUpstream(federated, await press(person, page))).href);
  }
  async function assertRefused(page: Step, what: string) {
    assert.deepEqual([page.status, page.left], [400, undefined], `${what} ${words(page)}`);
    assert.match(heading(page), /did not ask you anew/, what);
  }

  it('for a device: a sign-in by a connection that is not fresh by its auth_time connects none', async () => {
    const { consentry } = federated;
    const tv = { kind: 'app', name: 'TV', authMethod: 'none', deviceFlow: true } as const;
    const { clientId } = await staticClient(consentry.rooms, tv);
    const poll = (code: unknown) =>
      tokenRequest(consentry.issuer, { grant_type: DEVICE_CODE, client_id: clientId, device_code: String(code) });
    async function enter() {
      const body = new URLSearchParams({ client_id: clientId, resource: consentry.mail.uri, scope: 'mail:read' });
      const response = await fetch(`${consentry.issuer}/device_authorization`, { method: 'POST', body });
      const device = (await response.json()) as Record<string, string>;
      const person = newPerson();
      const entered = await person.submit(await person.open(`${consentry.issuer}/device`), {
        user_code: String(device.user_code),
      });
      return { device, person, page: await person.submit(entered, { confirm: 'yes' }) };
    }
    for (const [what, how] of Object.entries(STALE)) {
      const { device, person, page } = await enter();
      behave(how());
      const earlier = await given(consentry);
      await assertRefused(await thereAndBack(person, page), what);
      assert.deepEqual(await given(consentry), earlier, what);
      assert.equal((await poll(device.device_code)).body.error, 'authorization_pending', what);
    }
    behave({ authTime: undefined, silentAboutTime: false });
    const { device, person, page } = await enter();
    const done = await approve(person, await thereAndBack(person, page));
    assert.equal(done.status, 200, words(done));
    assert.equal((await poll(device.device_code)).status, 200);
  });

  it('for max_age and prompt=login: one that is not fresh by its auth_time gives no page and no code', async () => {
    const { consentry } = federated;
    const id = await program();
    for (const params of [
      { max_age: '60' },
      { max_age: '0' },
      { prompt: 'login' },
      { prompt: 'login', max_age: '9999' },
    ]) {
      for (const [what, how] of Object.entries(STALE)) {
        const person = newPerson();
        const page = await begin(federated, person, id, { scope: 'openid mail:read', ...(params as object) });
        behave(how());
        const earlier = await given(consentry);
        await assertRefused(await thereAndBack(person, page), `${JSON.stringify(params)}: ${what}`);
        assert.deepEqual(await given(consentry), earlier);
        assert.ok(isConnectPage(await person.open(page.url)), 'nobody is signed in');
      }
      behave({ authTime: undefined, silentAboutTime: false });
      const person = newPerson();
      const { begun, ...page } = await begin(federated, person, id, {
        scope: 'openid mail:read',
        ...(params as object),
      });
      const done = await approve(person, await thereAndBack(person, page));
      const code = String(done.left?.searchParams.get('code'));
      const { body } = await redeem(consentry, id, { ...begun, code });
      assert.ok(epoch() - Number(decodeJwt(String(body.id_token)).auth_time) < 60, JSON.stringify(params));
    }
  });

  it('a client’s own max_age is what counts where it is shorter, and what is within it is fresh', async () => {
    const id = await program();
    const scope = 'openid mail:read';
    for (const [maxAge, age, fresh] of [
      ['200', 290, false],
      ['200', 150, true],
      ['86400', 3_600, true],
    ] as const) {
      const person = newPerson();
      const page = await begin(federated, person, id, { scope, max_age: maxAge });
      behave({ authTime: epoch() - age, silentAboutTime: false });
      const answer = await thereAndBack(person, page);
      if (fresh) assert.ok(isConsentPage(answer), `${maxAge} ${age} ${words(answer)}`);
      else await assertRefused(answer, `${maxAge} ${age}`);
    }
  });

  it('by another account after the press: what the first one pressed is not theirs, and they get their own page', async () => {
    const { consentry } = federated;
    const bob = await addPerson(consentry.rooms, 'bob@contoso.test');
    const person = newPerson();
    const id = await program();
    const open = async (clientId: string) => person.open(authorizationUrl(consentry, clientId).url);
    await signIn(person, await open(await program()), consentry.ana);
    const page = await open(id);
    const { fields } = readForm(page.html, new URL(page.url).pathname);
    const body = new URLSearchParams([...fields, ['decision', 'approve']]);
    const pressed = await person.send(page.url, { method: 'POST', body, headers: { origin: consentry.issuer } });
    const resume = String(pressed.headers.get('location'));
    // Before the request goes on, Ana signs out in another tab.
    const other = await open(await program());
    await person.submit(other, {}, { action: `${new URL(other.url).pathname}/switch-account` });
    const connect = await person.open(new URL(resume, consentry.issuer).href);
    assert.ok(isConnectPage(connect), `${connect.status} ${connect.left} ${words(connect)}`);
    const { codes } = await given(consentry);
    const theirs = await signIn(person, connect, bob);
    assert.ok(isConsentPage(theirs), `${theirs.status} ${theirs.left} ${words(theirs)}`);
    assert.match(words(theirs), /Signed in as bob@contoso\.test/);
    assert.equal((await given(consentry)).codes, codes);
    assert.ok((await approve(person, theirs)).left?.searchParams.get('code'));
  });

  /** Ana, who uses a password here, agreed to reading an hour ago. */
  async function anHourAgo(person: Person, clientId: string) {
    await authorize(federated.consentry, clientId, { person, params: { scope: 'mail:read' } });
    federated.clock.ahead += 3_600_000;
  }
  const wider = (clientId: string, redirectUri = LOOPBACK) =>
    authorizationUrl(federated.consentry, clientId, { scope: 'mail:read mail:send', redirect_uri: redirectUri }).url;

  it('is asked of whoever adds a sensitive scope, also where something else differs too', async () => {
    const redirects = ['http://127.0.0.1/callback', OTHER];
    const cases: Record<string, (person: Person) => Promise<Step>> = {
      'nothing else': async (person) => {
        const id = await program();
        await anHourAgo(person, id);
        return person.open(wider(id));
      },
      'another redirect': async (person) => {
        const id = await program({ redirect_uris: redirects });
        await anHourAgo(person, id);
        return person.open(wider(id, 'http://127.0.0.1:1/other'));
      },
      'another browser': async (person) => {
        const id = await program();
        await anHourAgo(newPerson(), id);
        const page = await person.open(authorizationUrl(federated.consentry, await program()).url);
        await signIn(person, page, federated.consentry.ana);
        federated.clock.ahead += 3_600_000;
        return person.open(wider(id));
      },
      'the page itself was asked for': async (person) => {
        const id = await program();
        await anHourAgo(person, id);
        return person.open(`${wider(id)}&prompt=consent`);
      },
    };
    for (const [what, reach] of Object.entries(cases)) {
      const person = newPerson();
      const page = await reach(person);
      assert.ok(isConsentPage(page), `${what} ${words(page)}`);
      assert.match(page.html, /name="password"/, what);
      const earlier = await given(federated.consentry);
      const refused = await approve(person, page, { password: 'wrong' });
      assert.deepEqual([refused.status, refused.left], [401, undefined], what);
      assert.deepEqual(await given(federated.consentry), earlier, what);
      const done = await approve(person, refused, { password: federated.consentry.ana.password });
      assert.ok(done.left?.searchParams.get('code'), `${what} ${words(done)}`);
    }
  });
});
