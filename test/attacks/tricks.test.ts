/** What an attacker tries beside the protocol: spellings, hosts, methods, bodies, sizes. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { approve, authorizationUrl, authorize, basic, redeem, registerClient } from '../flow.ts';
import { type Consentry, sql, startConsentry, staticClient } from '../harness.ts';
import { given, heading, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person } from '../person.ts';

describe('tricks', () => {
  let consentry: Consentry;
  let host: string;
  let ana: Person;
  let clientId: string;
  before(async () => {
    consentry = await startConsentry();
    host = new URL(consentry.issuer).host;
    ana = createPerson(consentry.issuer);
    clientId = (await registerClient(consentry.issuer)).client_id;
    await authorize(consentry, clientId, { person: ana });
  });
  after(() => consentry?.close());

  /** One request, byte for byte, and everything that comes back. */
  function raw(...lines: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(Number(new URL(consentry.issuer).port), '127.0.0.1');
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('error', reject);
      socket.on('close', () => resolve(text));
      socket.write(`${[...lines, 'Connection: close'].join('\r\n')}\r\n\r\n`);
    });
  }
  const post = (path: string, body: string | URLSearchParams, headers: Record<string, string> = {}) =>
    fetch(consentry.issuer + path, { method: 'POST', body: Buffer.from(body.toString()), headers });
  const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

  describe('hosts', () => {
    it('a host in the request target, two Host headers or none get 421 and no address of theirs', async () => {
      const query = new URL(authorizationUrl(consentry, clientId).url).search;
      for (const path of [
        '/.well-known/oauth-authorization-server',
        '/.well-known/openid-configuration',
        `/authorize${query}`,
        '/',
      ]) {
        for (const lines of [
          [`GET http://evil.example${path} HTTP/1.1`, `Host: ${host}`],
          [`GET http://evil.example${path} HTTP/1.1`, 'Host: evil.example'],
          [`GET ${path} HTTP/1.1`, 'Host: evil.example'],
          [`GET ${path} HTTP/1.1`, `Host: ${host}`, 'Host: evil.example'],
          [`GET ${path} HTTP/1.1`, `Host: ${host}.evil.example`],
          [`GET ${path} HTTP/1.1`, `Host: evil.example@${host}`],
          [`GET ${path} HTTP/1.1`, `Host: localhost:${new URL(consentry.issuer).port}`],
          [`GET ${path} HTTP/1.0`],
        ]) {
          const answer = await raw(...lines);
          assert.match(answer, /^HTTP\/1\.1 421 /, lines.join(' | '));
          assert.doesNotMatch(answer, /evil\.example/);
        }
      }
    });

    it('headers of proxies that nobody trusts change no address', async () => {
      const lines = [
        'X-Forwarded-Host: evil.example',
        'X-Forwarded-Proto: https',
        'X-Forwarded-Port: 99',
        'X-Forwarded-Prefix: /evil',
        'Forwarded: host=evil.example;proto=https',
        'X-Original-URL: /evil',
        'X-Rewrite-URL: /evil',
        'X-Forwarded-For: 203.0.113.9',
      ];
      const document = await raw('GET /.well-known/oauth-authorization-server HTTP/1.1', `Host: ${host}`, ...lines);
      assert.match(document, new RegExp(`"token_endpoint":"${consentry.issuer}/token"`));
      assert.doesNotMatch(document, /evil/);
      const authorize = await raw(
        `GET /authorize${new URL(authorizationUrl(consentry, clientId).url).search} HTTP/1.1`,
        `Host: ${host}`,
        'Accept: text/html',
        ...lines,
      );
      assert.match(authorize, /^HTTP\/1\.1 303 /);
      assert.match(authorize, /\r\nlocation: \/interaction\//i);
      assert.doesNotMatch(authorize, /evil|domain=/i);
    });
  });

  describe('spellings of a path', () => {
    it('a code in a link never fills in the device page, however the path is written (RFC 8628 §5.4)', async () => {
      for (const path of ['/device', '/device/', '/Device', '/DEVICE', '/DEVICE/', '/dEvIcE']) {
        for (const method of ['GET', 'HEAD']) {
          const page = await ana.open(`${consentry.issuer}${path}?user_code=WDJB-MJHT`, { method });
          assert.equal(page.status, 200);
          assert.doesNotMatch(page.html, /WDJB|MJHT|<script>/, path);
          assert.doesNotMatch(String(page.headers.get('content-security-policy')), /sha256/);
        }
      }
    });

    it('no spelling of a registration address tells the hash of a secret or what we note of a client', async () => {
      const client = await registerClient(consentry.issuer, { token_endpoint_auth_method: 'client_secret_basic' });
      const { pathname } = new URL(client.registration_client_uri);
      const [row] = await sql<{ secret_hash: string }>(consentry, 'SELECT secret_hash FROM clients WHERE id = $1', [
        client.client_id,
      ]);
      for (const path of [
        pathname,
        `${pathname}/`,
        pathname.replace('/register', '/REGISTER'),
        pathname.replace('/register', '/Register'),
        pathname.toUpperCase(),
      ]) {
        const answer = await fetch(consentry.issuer + path, {
          headers: { authorization: `Bearer ${client.registration_access_token}` },
        });
        const text = await answer.text();
        assert.ok(!text.includes(String(row?.secret_hash)), path);
        assert.doesNotMatch(text, /"client_secret"|consentry_/, path);
      }
      for (const path of ['/register', '/Register', '/REGISTER/']) {
        const answer = await post(
          path,
          JSON.stringify({ redirect_uris: ['http://127.0.0.1/cb'], consentry_kind: 'service', consentry_access: {} }),
          { 'content-type': 'application/json' },
        );
        assert.doesNotMatch(await answer.text(), /consentry_/, path);
      }
    });

    it('a repeated secret is compared in every spelling of the address of an update', async () => {
      const client = await registerClient(consentry.issuer, { token_endpoint_auth_method: 'client_secret_basic' });
      const { pathname } = new URL(client.registration_client_uri);
      const body = JSON.stringify({
        client_id: client.client_id,
        redirect_uris: client.redirect_uris,
        token_endpoint_auth_method: 'client_secret_basic',
        client_secret: 'not the secret',
      });
      for (const path of [pathname, `${pathname}/`, pathname.replace('/register', '/Register')]) {
        const answer = await fetch(consentry.issuer + path, {
          method: 'PUT',
          body,
          headers: { authorization: `Bearer ${client.registration_access_token}`, 'content-type': 'application/json' },
        });
        assert.equal(answer.status, 400, path);
      }
    });

    it('what an endpoint does it does in every spelling that it answers', async () => {
      const tokens = await redeem(consentry, clientId, await authorize(consentry, clientId, { person: ana }));
      const credential = { ...basic(consentry.mail.clientId, consentry.mail.clientSecret), ...FORM };
      for (const path of ['/introspect', '/Introspect', '/introspect/']) {
        const answer = await post(path, new URLSearchParams({ token: String(tokens.body.access_token) }), credential);
        assert.equal(((await answer.json()) as { active: boolean }).active, true, path);
      }
      const upper = authorizationUrl(consentry, clientId, {
        resource: consentry.mail.uri.replace('http:', 'HTTP:'),
      }).url;
      for (const url of [upper, upper.replace('/authorize', '/Authorize'), upper.replace('/authorize', '/authorize/')])
        assert.ok(isConsentPage(await ana.open(url)), url);
    });

    it('no path leads out of the folder of static files or to another endpoint', async () => {
      for (const path of [
        '//authorize',
        '/./authorize',
        '/authorize/../token',
        '/%61uthorize',
        '/authorize%2f',
        '/authorize%00',
        '/authorize;x=1',
        '//evil.example/authorize',
        '/\\evil.example',
        '/static/../package.json',
        '/static/..%2fpackage.json',
        '/static/%2e%2e/%2e%2e/package.json',
        '/static/....//package.json',
        '/static//etc/passwd',
        '/static/%00',
        '/.git/config',
        '/.env',
        '/src/main.ts',
      ]) {
        const answer = await raw(`GET ${path} HTTP/1.1`, `Host: ${host}`, 'Accept: text/html');
        assert.match(answer, /^HTTP\/1\.1 404 /, path);
        assert.doesNotMatch(answer, /"dependencies"|root:|\r\nlocation:/i, path);
      }
    });
  });

  describe('methods and bodies', () => {
    it('an endpoint answers its own methods only', async () => {
      const endpoints: Record<string, string[]> = {
        '/token': ['POST'],
        '/revoke': ['POST'],
        '/introspect': ['POST'],
        '/par': ['POST'],
        '/authorize': ['GET', 'HEAD'],
        '/jwks': ['GET', 'HEAD'],
        '/account': ['GET', 'HEAD', 'POST'],
      };
      for (const [path, methods] of Object.entries(endpoints)) {
        for (const method of [
          'GET',
          'HEAD',
          'POST',
          'PUT',
          'PATCH',
          'DELETE',
          'TRACE',
          'PROPFIND',
          'GETX'.slice(0, 3),
        ]) {
          const answer = await raw(
            `${method} ${path} HTTP/1.1`,
            `Host: ${host}`,
            'Content-Length: 0',
            'Accept: text/html',
          );
          const status = Number(answer.split(' ')[1]);
          assert.equal(status === 404 || status === 405, !methods.includes(method), `${method} ${path} ${status}`);
          assert.ok(status < 500, `${method} ${path} ${status}`);
        }
      }
    });

    it('/token takes a form and nothing that resembles one', async () => {
      const { code, verifier, redirectUri } = await authorize(consentry, clientId, { person: ana });
      const fields = {
        grant_type: 'authorization_code',
        client_id: clientId,
        code,
        code_verifier: verifier,
        redirect_uri: redirectUri,
      };
      const form = new URLSearchParams(fields).toString();
      const attempts: [Record<string, string>, string][] = [
        [{ 'content-type': 'application/json' }, JSON.stringify(fields)],
        [{ 'content-type': 'text/plain' }, form],
        [{ 'content-type': 'multipart/form-data; boundary=x' }, form],
        [{ 'content-type': 'application/x-www-form-urlencoded-x' }, form],
        [{}, form],
      ];
      for (const [headers, body] of attempts) {
        const answer = await post('/token', body, headers);
        assert.equal(answer.status, 400, JSON.stringify(headers));
        assert.equal(((await answer.json()) as { error: string }).error, 'invalid_request');
      }
      const queried = await post(`/token?${form}`, '', FORM);
      assert.equal(queried.status, 400, 'nothing is read from the address (RFC 6749 §3.2)');
      for (const twice of Object.keys(fields)) {
        const answer = await post('/token', `${form}&${twice}=x`, FORM);
        assert.equal(answer.status, 400, twice);
        assert.equal(((await answer.json()) as { error: string }).error, 'invalid_request', twice);
      }
      for (const extra of [
        '__proto__=x',
        '__proto__[scope]=admin',
        'constructor=x',
        'toString=x',
        'hasOwnProperty=x',
      ]) {
        const answer = await post('/token', `grant_type=client_credentials&client_id=${clientId}&${extra}`, FORM);
        assert.ok(answer.status === 400 || answer.status === 401, extra);
      }
      assert.equal((await post('/token', form, FORM)).status, 200, 'none of it burned the code');
    });

    it('U+0000, half characters and broken encodings are refused, never a fault of ours', async () => {
      for (const value of ['%00', 'a%00b', '%ff', '%', '%c0%80', '%ed%a0%80', '%f0%9f', '%e2%80%ae', '..%2f']) {
        const begun = authorizationUrl(consentry, clientId, { state: undefined, scope: undefined });
        const requests = [
          () => fetch(`${consentry.issuer}/authorize?client_id=${value}&response_type=code`, { redirect: 'manual' }),
          ...['state', 'scope', 'nonce', 'ui_locales', 'login_hint', 'prompt', 'request', 'request_uri'].map(
            (name) => () => fetch(`${begun.url}&${name}=${value}`, { redirect: 'manual' }),
          ),
          () =>
            post(
              '/token',
              `client_id=${value}&grant_type=authorization_code&code=${value}&code_verifier=${value}&redirect_uri=${value}`,
              FORM,
            ),
          () =>
            post(
              '/token',
              `grant_type=refresh_token&client_id=${clientId}&refresh_token=${value}&scope=${value}`,
              FORM,
            ),
          () =>
            post('/token', 'grant_type=client_credentials', {
              ...FORM,
              authorization: `Basic ${btoa(`${value}:${value}`)}`,
            }),
          () =>
            post('/introspect', `token=${value}`, {
              ...FORM,
              ...basic(consentry.mail.clientId, consentry.mail.clientSecret),
            }),
          () => post('/revoke', `token=${value}&client_id=${value}`, FORM),
          () => fetch(`${consentry.issuer}/register/${value}`, { headers: { authorization: `Bearer ${value}` } }),
          () => fetch(`${consentry.issuer}/interaction/${value}`),
          () => fetch(`${consentry.issuer}/authorize/${value}`),
          () => fetch(`${consentry.issuer}/device/${value}`),
          () => fetch(`${consentry.issuer}/logout?client_id=${value}&id_token_hint=${value}&state=${value}`),
          () => fetch(`${consentry.issuer}/logout/success?client_id=${value}`),
          () => post('/device', `user_code=${value}&xsrf=${value}`, FORM),
          () => post('/account', `email=${value}&csrf=${value}`, FORM),
        ];
        for (const [index, request] of requests.entries()) {
          const answer = await request();
          assert.ok(answer.status < 500, `${value} request ${index}: ${answer.status} ${await answer.text()}`);
        }
      }
    });

    it('metadata that a database cannot hold is refused or cleaned, never a fault of ours', async () => {
      const key = {
        kty: 'EC',
        crv: 'P-256',
        x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
        y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
      };
      const cases: Record<string, unknown>[] = [
        { client_name: 'a\u0000b' },
        { client_name: 'half \ud83d' },
        { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ ...key, kid: 'a\u0000' }] } },
        { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ ...key, kid: '\udc00' }] } },
        { logo_uri: 'https://x.example/\ud800' },
        { client_uri: 'https://x.example/\u0000' },
        { redirect_uris: ['http://127.0.0.1/\u0000'] },
        { software_id: '\u0000' },
        { scope: '\u0000' },
        { contacts: ['\u0000@x.example'] },
        { 'x\u0000': 1 },
        { __proto__: null, constructor: { prototype: { polluted: true } } },
        { redirect_uris: 'http://127.0.0.1/cb' },
        { redirect_uris: [{}] },
        { client_name: { toString: 'x' } },
        { grant_types: 'authorization_code' },
        { jwks: { keys: 'x' } },
        { jwks: [] },
        { contacts: { length: 1 } },
      ];
      for (const metadata of cases) {
        const answer = await post(
          '/register',
          JSON.stringify({ redirect_uris: ['http://127.0.0.1/cb'], token_endpoint_auth_method: 'none', ...metadata }),
          { 'content-type': 'application/json' },
        );
        const text = await answer.text();
        assert.ok(
          answer.status === 201 || answer.status === 400,
          `${JSON.stringify(metadata)} ${answer.status} ${text}`,
        );
      }
      for (const body of [
        '',
        'null',
        '[]',
        '"x"',
        '1',
        '{',
        '{"redirect_uris":',
        `${'['.repeat(20_000)}`,
        '{"a":1,"a":2}',
        '\ufeff{}',
      ]) {
        const answer = await post('/register', body, { 'content-type': 'application/json' });
        assert.equal(answer.status, 400, body.slice(0, 20));
      }
    });

    it('what is too large is refused before it is read', async () => {
      const large = 'x'.repeat(60_000);
      for (const path of ['/token', '/introspect', '/revoke', '/par', '/device_authorization', '/account', '/device']) {
        const answer = await post(path, `client_id=${large}`, FORM).catch(() => undefined);
        assert.ok(
          !answer || answer.status === 413 || answer.status === 400 || answer.status === 403,
          `${path} ${answer?.status}`,
        );
      }
      const registration = await post('/register', JSON.stringify({ redirect_uris: [`http://127.0.0.1/${large}`] }), {
        'content-type': 'application/json',
      });
      assert.ok(registration.status === 400 || registration.status === 413);
      const header = await fetch(
        `${consentry.issuer}/authorize?client_id=${clientId}&state=${'x'.repeat(20_000)}`,
      ).catch(() => undefined);
      assert.ok(!header || header.status === 431);
      const many = await post('/token', 'a=1&'.repeat(10_000), FORM);
      assert.equal(many.status, 400);
    });
  });

  describe('addresses that lead away', () => {
    it('logging out leads only to an address that its client has registered', async () => {
      const away = 'https://app.example.test/bye';
      const client = await staticClient(consentry.rooms, { kind: 'app', postLogoutRedirectUris: [away] });
      const self = await registerClient(consentry.issuer, { post_logout_redirect_uris: ['https://evil.example/'] });
      for (const query of [
        { post_logout_redirect_uri: 'https://evil.example/' },
        { post_logout_redirect_uri: 'https://evil.example/', client_id: client.clientId },
        { post_logout_redirect_uri: `${away}/more`, client_id: client.clientId },
        { post_logout_redirect_uri: 'https://evil.example/', client_id: self.client_id },
        { post_logout_redirect_uri: 'javascript:alert(1)' },
        { post_logout_redirect_uri: 'https://evil.example/', client_id: 'unknown' },
      ]) {
        const person = createPerson(consentry.issuer);
        const page = await person.open(
          `${consentry.issuer}/logout?${new URLSearchParams(query as Record<string, string>)}`,
        );
        assert.equal(page.left, undefined, JSON.stringify(query));
        if (page.status !== 200) continue;
        const done = await person.submit(page, { logout: 'yes' });
        assert.equal(done.left, undefined, JSON.stringify(query));
        assert.doesNotMatch(done.html, /evil|javascript/);
      }
      const person = createPerson(consentry.issuer);
      const page = await person.open(
        `${consentry.issuer}/logout?${new URLSearchParams({ post_logout_redirect_uri: away, client_id: client.clientId, state: 's' })}`,
      );
      assert.equal((await person.submit(page, { logout: 'yes' })).left?.href, `${away}?state=s`);
    });

    it('nobody is logged out without a press of their own', async () => {
      const person = createPerson(consentry.issuer);
      await authorize(consentry, clientId, { person });
      await person.open(`${consentry.issuer}/logout?${new URLSearchParams({ client_id: clientId })}`);
      for (const body of ['logout=yes', 'logout=yes&xsrf=x', 'logout=yes&xsrf=', 'logout=yes&xsrf[]=x']) {
        const answer = await person.open(`${consentry.issuer}/logout/confirm`, { method: 'POST', body, headers: FORM });
        assert.equal(answer.status, 400, body);
      }
      assert.ok(isConsentPage(await person.open(authorizationUrl(consentry, clientId).url)));
    });

    it('a resource is one server in one spelling: nothing that a parser forgives names it', async () => {
      const { mail } = consentry;
      for (const resource of [
        `${mail.uri}\u0000`,
        ` ${mail.uri}`,
        `${mail.uri}\n`,
        mail.uri.replace('mail', 'ma\til'),
        mail.uri.replaceAll('/', '\\'),
        `${mail.uri}#`,
        `${mail.uri}/`,
        `${mail.uri}?`,
        `${mail.uri}/..`,
        mail.uri.toUpperCase(),
        mail.uri.replace('mail', 'm\u0430il'),
        mail.uri.replace('mail', '%6dail'),
        mail.uri.replace('//', '//user@'),
        mail.uri.replace('127.0.0.1', 'localhost'),
        mail.uri.replace('http:', 'https:'),
        '*',
        'null',
        mail.clientId,
      ]) {
        const page = await ana.open(authorizationUrl(consentry, clientId, { resource }).url);
        assert.equal(page.left?.searchParams.get('error'), 'invalid_target', JSON.stringify(resource));
      }
      const twice = await ana.open(
        `${authorizationUrl(consentry, clientId).url}&resource=${encodeURIComponent('http://127.0.0.1:9/other')}`,
      );
      assert.equal(twice.left?.searchParams.get('error'), 'invalid_target');
    });

    it('scopes and client identifiers are compared letter by letter', async () => {
      const page = await ana.open(
        authorizationUrl(consentry, clientId, { scope: 'MAIL:SEND Mail:send mail:send\u200B mail:label' }).url,
      );
      if (page.left) assert.equal(page.left.searchParams.get('error'), 'invalid_scope');
      else assert.doesNotMatch(words(page), /Send mail as you/);
      for (const id of [clientId.toUpperCase(), ` ${clientId}`, `${clientId} `, `${clientId}\u0000`, `${clientId}/`]) {
        const stranger = await ana.open(authorizationUrl(consentry, id).url);
        assert.equal(stranger.left, undefined, JSON.stringify(id));
        assert.match(heading(stranger), /do not know this app/, JSON.stringify(id));
      }
    });
  });

  it('names of pages are too long to guess, and never repeat', async () => {
    const uids = new Set<string>();
    for (let opened = 0; opened < 20; opened += 1)
      uids.add(
        new URL((await ana.open(authorizationUrl(consentry, clientId).url)).url).pathname.split('/').at(-1) as string,
      );
    assert.equal(uids.size, 20);
    for (const uid of uids) assert.ok(Buffer.from(uid, 'base64url').length >= 16, uid);
  });

  it('a page that an attacker began and planted as a cookie still names its client and still needs the press (cookie tossing)', async () => {
    const attacker = createPerson(consentry.issuer);
    const planted = await attacker.open(authorizationUrl(consentry, clientId).url);
    const victim = createPerson(consentry.issuer);
    await authorize(consentry, clientId, { person: victim });
    const earlier = await given(consentry);
    victim.jar.push(...attacker.jar.map((cookie) => ({ ...cookie })));
    const page = await victim.open(planted.url);
    assert.equal(page.left, undefined);
    const resumed = await victim.open(planted.url.replace('/interaction/', '/authorize/'));
    assert.equal(resumed.left, undefined);
    assert.deepEqual(await given(consentry), earlier);
    assert.ok(isConsentPage(resumed), words(resumed));
    assert.match(heading(resumed), /Claude Code/);
    assert.ok((await approve(victim, resumed)).left?.searchParams.get('code'));
  });
});
