/** The database goes away and comes back: 503 meanwhile, nothing lost, no restart. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { startConnected } from '../connected.ts';
import { approve, authorizationUrl, authorize, basic, introspect, redeem, refresh } from '../flow.ts';
import type { Consentry } from '../harness.ts';
import { heading, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person, type Step } from '../person.ts';
import { type PostgresProxy, startPostgresProxy } from './postgres-proxy.ts';

describe('the database away', () => {
  let proxy: PostgresProxy;
  let consentry: Consentry;
  let ana: Person;
  let clientId: string;
  let away = false;
  before(async () => {
    proxy = await startPostgresProxy();
    ({ consentry, ana, clientId } = await startConnected());
  });
  afterEach(() => giveBack());
  after(async () => {
    await consentry?.close();
    await proxy?.close();
  });

  async function takeAway(): Promise<void> {
    away = true;
    await proxy.takeAway();
  }
  async function giveBack(): Promise<void> {
    if (away) await proxy.giveBack();
    away = false;
  }
  const post = (path: string, body: URLSearchParams, headers: Record<string, string> = {}) =>
    fetch(consentry.issuer + path, { method: 'POST', body, headers });

  async function assertUnavailable(response: Response): Promise<void> {
    assert.equal(response.status, 503);
    assert.match(String(response.headers.get('retry-after')), /^[1-9]\d*$/);
    assert.match(String(response.headers.get('cache-control')), /no-store/);
    const body = (await response.json()) as Record<string, string>;
    assert.deepEqual(Object.keys(body).sort(), ['error', 'error_description']);
    assert.equal(body.error, 'temporarily_unavailable');
    assert.doesNotMatch(JSON.stringify(body), /prisma|postgres|socket|ECONN|ENOENT/i);
  }
  function assertUnavailablePage(page: Step): void {
    assert.equal(page.status, 503);
    assert.equal(page.left, undefined);
    assert.match(heading(page), /Back in a moment/);
    assert.ok(page.headers.get('retry-after'));
    assert.doesNotMatch(words(page), /prisma|postgres|socket|ECONN|ENOENT/i);
  }

  it('/token answers 503 with Retry-After and no token, and the same code is redeemed afterwards without a restart', async () => {
    const authorized = await authorize(consentry, clientId, { person: ana });
    await takeAway();
    const { code, verifier, redirectUri } = authorized;
    const fields = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: clientId,
      code,
      code_verifier: verifier,
      redirect_uri: redirectUri,
    });
    await assertUnavailable(await post('/token', fields));
    await assertUnavailable(await post('/token', fields));
    await giveBack();
    const tokens = await redeem(consentry, clientId, authorized);
    assert.equal(tokens.status, 200, JSON.stringify(tokens.body));
    await takeAway();
    await assertUnavailable(
      await post(
        '/token',
        new URLSearchParams({
          grant_type: 'refresh_token',
          client_id: clientId,
          refresh_token: String(tokens.body.refresh_token),
        }),
      ),
    );
    await giveBack();
    assert.equal((await refresh(consentry, clientId, tokens.body.refresh_token)).status, 200);
  });

  it('no endpoint says that a client, a token or a session is unknown while it cannot look', async () => {
    const { body } = await redeem(consentry, clientId, await authorize(consentry, clientId, { person: ana }));
    await takeAway();
    const credential = basic(consentry.mail.clientId, consentry.mail.clientSecret);
    for (const token of [String(body.access_token), String(body.refresh_token), 'unknown']) {
      await assertUnavailable(await post('/introspect', new URLSearchParams({ token }), credential));
      await assertUnavailable(await post('/revoke', new URLSearchParams({ token, client_id: clientId })));
    }
    await assertUnavailable(await post('/par', new URLSearchParams({ client_id: clientId, response_type: 'code' })));
    await assertUnavailable(await post('/device_authorization', new URLSearchParams({ client_id: clientId })));
    await assertUnavailable(
      await fetch(`${consentry.issuer}/register`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ redirect_uris: ['http://127.0.0.1/cb'] }),
      }),
    );
    await assertUnavailable(
      await fetch(`${consentry.issuer}/register/${clientId}`, { headers: { authorization: 'Bearer x' } }),
    );
    await giveBack();
    assert.equal((await introspect(consentry, body.access_token)).body.active, true);
  });

  it('every page says "back in a moment", keeps the cookies, and goes on afterwards where it was', async () => {
    const page = await ana.open(authorizationUrl(consentry, clientId).url);
    const cookies = ana.jar.map((cookie) => ({ ...cookie }));
    await takeAway();
    assertUnavailablePage(await ana.open(authorizationUrl(consentry, clientId).url));
    assertUnavailablePage(
      await createPerson(consentry.issuer).open(authorizationUrl(consentry, clientId, { prompt: 'none' }).url),
    );
    assertUnavailablePage(await ana.open(page.url));
    assertUnavailablePage(await approve(ana, page));
    assertUnavailablePage(await ana.submit(page, { decision: 'deny' }));
    assertUnavailablePage(await ana.open(`${consentry.issuer}/logout`));
    assertUnavailablePage(await ana.open(`${consentry.issuer}/device`));
    assert.deepEqual(ana.jar, cookies);
    await giveBack();
    assert.ok(isConsentPage(await ana.open(page.url)));
    assert.ok((await approve(ana, page)).left?.searchParams.get('code'));
  });

  it('what needs no database is answered', async () => {
    await takeAway();
    for (const path of ['/jwks', '/', '/static/style.css'])
      assert.equal((await fetch(`${consentry.issuer}${path}`)).status, 200, path);
  });

  it('connections cut under way lose nothing: each code gives one token, at the first try or the next', async () => {
    const codes = await Promise.all(Array.from({ length: 8 }, () => authorize(consentry, clientId, { person: ana })));
    const first = codes.map((code) => redeem(consentry, clientId, code));
    const cutting = (async () => {
      for (let times = 0; times < 4; times += 1) {
        await new Promise((resolve) => setImmediate(resolve));
        proxy.cut();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    const answers = await Promise.all(first);
    await cutting;
    for (const [index, answer] of answers.entries()) {
      assert.ok(answer.status === 200 || answer.status === 503, `${answer.status} ${JSON.stringify(answer.body)}`);
      const code = codes[index];
      assert.ok(code);
      if (answer.status === 200)
        assert.equal((await introspect(consentry, answer.body.access_token)).body.active, true);
      else {
        assert.equal(answer.body.access_token, undefined);
        const again = await redeem(consentry, clientId, code);
        // A commit whose answer was cut off has used the code up (RFC 6749 §4.1.2): then it gives no second token.
        assert.ok(again.status === 200 || again.body.error === 'invalid_grant', JSON.stringify(again.body));
      }
    }
  });
});
