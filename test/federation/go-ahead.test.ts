/** Nothing goes upstream before the person's press, and nothing of a client's own goes there ever (PX1, PX7, PX8). */
import assert from 'node:assert/strict';
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { authorizationUrl, registerClient } from '../flow.ts';
import { sql, staticClient } from '../harness.ts';
import { isConnectPage, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person, pkce } from '../person.ts';
import { atUpstream, begin, type Federated, press, signInUpstream, startFederated } from './kit.ts';

describe('the go-ahead', () => {
  let federated: Federated;
  let clientId: string;
  before(async () => {
    federated = await startFederated({ ids: ['contoso'] });
    clientId = (await registerClient(federated.consentry.issuer)).client_id;
  });
  after(() => federated?.close());

  const newPerson = () => createPerson(federated.consentry.issuer);
  const legs = async () => {
    const [row] = await sql<{ n: number }>(
      federated.consentry,
      "SELECT count(*)::int AS n FROM artifacts WHERE kind = 'UpstreamLeg'",
    );
    return row?.n;
  };
  const upstreamCookies = (person: Person) => person.jar.filter(({ name }) => name.includes('upstream'));

  it('page A is never skipped: with a single connection, and a live session there, the provider hears of nobody before the press', async () => {
    const { upstream } = federated;
    // The person, and with them the provider's session, lives in this browser.
    const there = createPerson(upstream.issuer);
    const person = newPerson();
    const page = await begin(federated, person, clientId);
    await atUpstream(federated, await press(person, page), there);
    const asked = upstream.requests.length;
    const trips = await legs();

    const stranger = (await registerClient(federated.consentry.issuer, { client_name: 'Stranger' })).client_id;
    const params: Record<string, string>[] = [
      {},
      { connection: 'contoso', kc_idp_hint: 'contoso', domain_hint: 'contoso', login_hint: 'ana@upstream.test' },
      { prompt: 'select_account' },
      { prompt: 'login' },
    ];
    for (const more of params) {
      const other = newPerson();
      const shown = await begin(federated, other, stranger, more);
      assert.match(words(shown), /Stranger/);
      await other.open(shown.url);
      assert.equal(upstreamCookies(other).length, 0, 'no cookie before the press (PX8)');
    }
    assert.equal(upstream.requests.length, asked);
    assert.equal(await legs(), trips, 'and no state (PX7)');
  });

  it('a press without its token, from another site, or by GET sends nobody anywhere', async () => {
    const person = newPerson();
    const page = await begin(federated, person, clientId);
    const asked = federated.upstream.requests.length;
    const trips = await legs();
    const forged = await person.submit(page, { connection: 'contoso', csrf: 'x' });
    assert.equal(forged.left, undefined);
    assert.equal(forged.status, 403);
    const foreign = await person.submit(
      page,
      { connection: 'contoso' },
      { headers: { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' } },
    );
    assert.equal(foreign.left, undefined);
    assert.equal(foreign.status, 403);
    const got = await person.open(`${page.url}?connection=contoso&decision=continue`);
    assert.ok(isConnectPage(got));
    assert.equal(federated.upstream.requests.length, asked);
    assert.equal(await legs(), trips);
    assert.equal(upstreamCookies(person).length, 0);
  });

  it('a connection that there is not is refused', async () => {
    const person = newPerson();
    const answer = await person.submit(await begin(federated, person, clientId), { connection: 'fabrikam' });
    assert.equal(answer.status, 400, words(answer));
    assert.equal(answer.left, undefined);
  });

  it('state, nonce and PKCE are ours, new for every press, and nothing else of the request goes upstream (threats 44, 64, 85)', async () => {
    const mine = pkce();
    const person = newPerson();
    const own: Record<string, string> = {
      state: 'client-state',
      nonce: 'client-nonce',
      code_challenge: mine.challenge,
      scope: 'openid mail:read',
      login_hint: 'boss@upstream.test',
      acr_values: 'urn:low',
      ui_locales: 'ja',
      display: 'popup',
      claims: '{"id_token":{"email":null}}',
      domain_hint: 'evil.example',
    };
    const page = await begin(federated, person, clientId, own);
    const [first, second] = [await press(person, page), await press(person, page)];
    const names = ['client_id', 'code_challenge', 'code_challenge_method', 'nonce', 'redirect_uri', 'response_type'];
    for (const url of [first, second]) {
      assert.deepEqual([...url.searchParams.keys()].sort(), [...names, 'scope', 'state']);
      const sent = Object.fromEntries(url.searchParams);
      assert.equal(sent.client_id, 'consentry-static');
      assert.equal(sent.scope, 'openid profile email');
      assert.equal(sent.redirect_uri, `${federated.consentry.issuer}/federation/contoso/callback`);
      assert.equal(sent.code_challenge_method, 'S256');
      for (const value of Object.values(own)) assert.ok(!Object.values(sent).includes(value), value);
      for (const name of ['state', 'nonce', 'code_challenge']) assert.match(String(sent[name]), /^[\w-]{43}$/);
    }
    for (const name of ['state', 'nonce', 'code_challenge']) {
      assert.notEqual(first.searchParams.get(name), second.searchParams.get(name));
    }
  });

  it('what is kept of a trip tells nobody who reads the database its state, nonce or verifier', async () => {
    const person = newPerson();
    const url = await press(person, await begin(federated, person, clientId));
    const rows = await sql(federated.consentry, "SELECT a::text AS row FROM artifacts a WHERE kind = 'UpstreamLeg'");
    const dump = JSON.stringify(rows);
    for (const name of ['state', 'nonce']) assert.ok(!dump.includes(String(url.searchParams.get(name))));
    assert.ok(!dump.includes('codeVerifier'));
  });

  it('a fresh sign-in that a client asks for is asked of the provider in our own words', async () => {
    for (const [params, prompt] of [
      [{ prompt: 'login' }, 'login'],
      [{ max_age: '0', scope: 'openid mail:read' }, 'login'],
      [{ prompt: 'select_account' }, 'select_account'],
      [{ prompt: 'consent' }, null],
    ] as const) {
      const person = newPerson();
      const url = await press(person, await begin(federated, person, clientId, params));
      assert.equal(url.searchParams.get('prompt'), prompt, JSON.stringify(params));
      assert.equal(url.searchParams.get('max_age'), prompt === 'login' ? '300' : null);
    }
  });

  it('on https the cookie of a trip is `__Host-`, Secure, HttpOnly, Lax, signed, good for ten minutes, and comes with the redirect', async () => {
    const secure = await startFederated({ ids: ['contoso'], env: { ISSUER: 'https://auth.example.test' } });
    try {
      const { clientId: id } = await staticClient(secure.consentry.rooms, { kind: 'app', authMethod: 'none' });
      const { port } = secure.consentry.config;
      const { pathname, search } = new URL(authorizationUrl(secure.consentry, id).url);
      const started = await ask({ port, path: `${pathname}${search}` });
      const cookie = started.cookies.map((line) => line.split(';')[0]).join('; ');
      const path = String(started.location);
      const page = await ask({ port, path, headers: { cookie } });
      assert.ok(![...started.cookies, ...page.cookies].some((line) => line.includes('upstream')));
      const csrf = /name="csrf" value="([^"]*)"/.exec(page.text)?.[1] ?? '';
      const form = { cookie, 'content-type': 'application/x-www-form-urlencoded' };
      const body = new URLSearchParams({ csrf, connection: 'contoso' }).toString();
      const sent = await ask({ port, path, method: 'POST', headers: form }, body);
      assert.equal(new URL(String(sent.location)).origin, secure.upstream.issuer);
      const own = sent.cookies.filter((line) => line.includes('upstream'));
      assert.equal(own.length, 2);
      for (const line of own) {
        assert.match(line, /^__Host-consentry_upstream_[\w-]{8}(?:\.sig)?=/);
        for (const attribute of [/; path=\/;/, /; secure/, /; httponly/, /; samesite=lax/])
          assert.match(line, attribute);
        assert.doesNotMatch(line, /; domain=/);
        const expires = Date.parse(/; expires=([^;]+)/.exec(line)?.[1] ?? '');
        assert.ok(Math.abs(expires - Date.now() - 600_000) < 60_000, line);
      }
    } finally {
      await secure.close();
    }
  });

  it('a living session of ours goes to the consent page and not upstream', async () => {
    const person = newPerson();
    assert.ok(isConsentPage(await signInUpstream(federated, person, clientId)));
    const asked = federated.upstream.authorizations.length;
    const other = (await registerClient(federated.consentry.issuer)).client_id;
    const page = await person.open(authorizationUrl(federated.consentry, other).url);
    assert.ok(isConsentPage(page), words(page));
    assert.equal(federated.upstream.authorizations.length, asked);
  });
});

/** As a proxy that ends TLS passes a request on. */
async function ask(options: RequestOptions, body = '') {
  const headers = { ...options.headers, host: 'auth.example.test', accept: 'text/html' };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ host: '127.0.0.1', ...options, headers }, resolve)
      .on('error', reject)
      .end(body);
  });
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { text, location: response.headers.location, cookies: response.headers['set-cookie'] ?? [] };
}
