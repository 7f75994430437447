/** Device-code phishing (RFC 8628 §5.4): a code that somebody else asked for, in front of a person who is signed in. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Step, words } from '../person.ts';
import { basic, type Client, type Clients, openClients } from './client.ts';
import { startTarget } from './consentry-target.ts';
import type { Target } from './target.ts';
import { assertAsks, assertNothing, assertRefused, type Browser, openBrowser, signedIn } from './victim.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

describe('a code from another device', () => {
  let target: Target & { close(): Promise<void> };
  let clients: Clients;
  let victim: Browser;
  let television: Client;
  before(async () => {
    target = await startTarget();
    clients = await openClients(target);
    const made = await target.operator.addClient({
      name: 'Television',
      kind: 'app',
      redirectUris: [],
      deviceFlow: true,
    });
    television = {
      clientId: made.clientId,
      redirectUri: '',
      headers: basic(made.clientId, made.clientSecret),
      registration: {},
    };
    victim = (await signedIn(target, clients, target.people.victim)).browser;
  });
  after(() => target?.close());

  /** The attacker's television asks. */
  async function begin(): Promise<Record<string, string>> {
    const { status, body } = await clients.post(
      'device_authorization',
      { resource: target.resource.uri },
      television.headers,
    );
    assert.equal(status, 200, JSON.stringify(body));
    return body as Record<string, string>;
  }
  const poll = (code: string | undefined) =>
    clients.post('token', { grant_type: GRANT, device_code: code }, television.headers);
  const enter = async (browser: Browser, code: string): Promise<Step> =>
    browser.submit(await browser.submit(await browser.open(`${target.issuer}/device`), { user_code: code }));
  async function assertWaits(code: string | undefined): Promise<void> {
    const { body } = await poll(code);
    assert.match(String(body.error), /^(?:authorization_pending|slow_down|access_denied)$/);
    assert.equal(body.access_token, undefined);
  }

  it('in a link fills in nothing and connects nothing, whoever is signed in (threats 18, 140)', async () => {
    const { device_code: code, user_code: user, verification_uri_complete: link } = await begin();
    for (const url of [
      link ?? `${target.issuer}/device?user_code=${user}`,
      `${target.issuer}/device?user_code=${user}&confirm=yes`,
    ]) {
      const page = await victim.follow(url);
      assertNothing(page);
      assert.doesNotMatch(page.html, new RegExp(String(user)));
    }
    await assertWaits(code);
  });

  it('asks for a fresh sign-in and the whole page every time, which says that it is another device (threat 140)', async () => {
    for (let time = 0; time < 2; time += 1) {
      const { device_code: code, user_code: user } = await begin();
      const page = await enter(victim, String(user));
      assert.equal(target.recipe.kindOf(page), 'sign-in', words(page));
      const consent = await target.recipe.signIn(victim, page, target.people.victim);
      assertAsks(target, consent, 'Television', 'another device');
      assert.equal(target.recipe.kindOf(consent), 'consent');
      await assertWaits(code);
      await target.recipe.agree(victim, consent);
    }
  });

  it('goes on in no browser but the one that entered it, and by no forged press (threat 18)', async () => {
    const { device_code: code, user_code: user } = await begin();
    const mine = openBrowser(target);
    const page = await enter(mine, String(user));
    const uid = new URL(page.url).pathname.split('/').at(-1);
    for (const url of [page.url, `${target.issuer}/device/${uid}`, `${target.issuer}/authorize/${uid}`])
      assertRefused(target, await victim.follow(url));
    const consent = await target.recipe.signIn(mine, page, target.people.attacker);
    assertRefused(target, await victim.submit(consent, { decision: 'approve' }));
    const cross = { origin: 'https://evil.example.test', 'sec-fetch-site': 'cross-site' };
    assertRefused(target, await mine.submit(consent, { decision: 'approve' }, { headers: cross }));
    await assertWaits(code);
  });

  it('is entered by no form of another site (threat 18)', async () => {
    const { device_code: code, user_code: user } = await begin();
    const page = await victim.open(`${target.issuer}/device`);
    const cross = { origin: 'https://evil.example.test', 'sec-fetch-site': 'cross-site' };
    const crossed = await victim.submit(page, { user_code: String(user) }, { headers: cross });
    assertNothing(crossed);
    const body = new URLSearchParams({ user_code: String(user), confirm: 'yes', xsrf: 'x' }).toString();
    const headers = { ...cross, 'content-type': 'application/x-www-form-urlencoded' };
    const forged = await victim.follow(`${target.issuer}/device`, { method: 'POST', body, headers });
    assertNothing(forged);
    assert.notEqual(target.recipe.kindOf(forged), 'consent');
    await assertWaits(code);
  });

  it('is given to no client but the one that asked, and not guessed in time', async () => {
    const { device_code: code } = await begin();
    const other = await target.operator.addClient({ name: 'Other', kind: 'app', redirectUris: [], deviceFlow: true });
    const stolen = await clients.post(
      'token',
      { grant_type: GRANT, device_code: code },
      basic(other.clientId, other.clientSecret),
    );
    assert.equal(stolen.body.error, 'invalid_grant');
    for (const user of ['AAAA-AAAA', '0000-0000', '', "' OR 1=1--", 'B'.repeat(4000)]) {
      const page = await victim.submit(await victim.open(`${target.issuer}/device`), { user_code: user });
      assertNothing(page);
      assert.doesNotMatch(words(page), /Television/);
    }
  });
});
