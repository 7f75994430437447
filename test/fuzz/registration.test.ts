/** Whatever is sent to the registration endpoints (RFC 7591, RFC 7592): registered as the policy says, or refused as the standard says. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { errors } from 'oidc-provider';
import { displayName } from '../../src/clients/display-name.ts';
import { applyPolicy } from '../../src/clients/metadata-policy.ts';
import { parseRedirectUri, redirectHost } from '../../src/clients/redirect-uris.ts';
import { authorizationUrl, type Registration } from '../flow.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';
import { words } from '../interaction/kit.ts';
import { createPerson } from '../person.ts';
import { address, text } from './arbitraries.ts';
import {
  assertKept,
  assertPage,
  assertPageHeaders,
  assertRefusal,
  assertStable,
  decode,
  ERRORS,
  holds,
} from './kit.ts';
import { knownMembers, members } from './metadata.ts';

const BASE = {
  client_name: 'Paper',
  redirect_uris: ['http://127.0.0.1/callback'],
  token_endpoint_auth_method: 'none',
};
const METHODS = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'];
const JSON_TYPE = { 'content-type': 'application/json' };

describe('any registration', () => {
  let consentry: Consentry;
  before(async () => {
    consentry = await startConsentry();
  });
  after(() => consentry?.close());

  const post = (body: string | Uint8Array, headers: Record<string, string> = JSON_TYPE) =>
    fetch(`${consentry.issuer}/register`, { method: 'POST', body: body as string, headers });
  const register = (stated: Record<string, unknown>) => post(JSON.stringify({ ...BASE, ...stated }));
  const count = async () => (await sql<{ n: number }>(consentry, 'SELECT count(*)::int AS n FROM clients'))[0]?.n;

  /** Also where an update put them in place of others. */
  function assertAnswer(stated: Record<string, unknown>): void {
    for (const name of Object.keys(stated)) {
      assert.ok(!name.startsWith('consentry_') && name !== 'requested_scope' && name !== 'zq', name);
    }
    const uris = stated.redirect_uris as string[];
    for (const uri of uris) assert.ok(parseRedirectUri(uri, { issuer: consentry.issuer }).ok, uri);
    const grants = stated.grant_types as string[];
    assert.ok(
      grants.every((grant) => grant === 'authorization_code' || grant === 'refresh_token'),
      String(grants),
    );
    assert.ok(METHODS.includes(String(stated.token_endpoint_auth_method)));
    assert.equal(stated.subject_type, 'public');
    assert.equal(displayName(stated.client_name), stated.client_name ?? '');
    for (const name of ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri', 'jwks_uri']) {
      assert.match(String(stated[name] ?? 'https://x'), /^https:\/\/[^/@][\x21\x23-\x3b\x3d\x3f-\x5b\x5d-\x7e]*$/i);
    }
  }

  async function assertShown({ client_id: id, client_name: name, ...stated }: Record<string, unknown>): Promise<void> {
    const [redirectUri = ''] = stated.redirect_uris as string[];
    const { url } = authorizationUrl(consentry, String(id), { redirect_uri: redirectUri });
    const page = await createPerson(consentry.issuer).open(url);
    assert.notEqual(page.left?.protocol, 'https:');
    // Such a client gets an error instead.
    if (stated.require_pushed_authorization_requests === true) return;
    assert.deepEqual([page.left?.href, page.status], [undefined, 200], words(page));
    assertPage(page.html);
    assertPageHeaders(page);
    assert.ok(wordsOf(page.html).includes(displayName(name) || String(id)), words(page));
  }

  it('is kept as the policy says, read back as it was answered and shown by its name, or refused by a standard error', async (t) => {
    await holds(
      t,
      60,
      members,
      async (stated) => {
        const response = await register(stated);
        assert.match(response.headers.get('cache-control') ?? '', /no-store/);
        if (response.status !== 201) {
          await assertRefusal(response, ERRORS.registration);
          return;
        }
        const registered = (await response.json()) as Registration;
        assertAnswer(registered);
        await assertKept(consentry, registered.client_id, 'dynamic');
        const read = await manage(registered, 'GET');
        assert.equal(read.status, 200);
        const { client_secret: _secret, ...told } = registered;
        assert.deepEqual(await read.json(), told);
        await assertShown(registered);
      },
      knownMembers,
    );
  });

  it('updated by anything is as if it had been registered so, or stays as it was', async (t) => {
    const registered = (await (await register({})).json()) as Registration;
    let stored = await assertKept(consentry, registered.client_id, 'dynamic');
    await holds(
      t,
      60,
      members,
      async (stated) => {
        const response = await manage(registered, 'PUT', { ...BASE, client_id: registered.client_id, ...stated });
        const now = await assertKept(consentry, registered.client_id, 'dynamic');
        if (response.status === 200) assertAnswer((await response.json()) as Record<string, unknown>);
        else {
          await assertRefusal(response, ERRORS.registration);
          assert.deepEqual(now, stored);
        }
        stored = now;
        assert.equal((await manage(registered, 'GET')).status, 200);
      },
      knownMembers,
    );
  });

  it('that is no JSON object is refused, whatever it is called', async (t) => {
    const whole = JSON.stringify(BASE);
    const body = fc.oneof(
      fc.nat(whole.length - 1).map((end) => whole.slice(0, end)),
      fc.constantFrom(
        '[]',
        'null',
        '1',
        '"x"',
        '\ufeff{}',
        '{"a":1}{"b":2}',
        '['.repeat(20_000),
        '{"a":'.repeat(9_000),
        'NaN',
      ),
      text.map((said) => `{"client_name":${said}}`),
      text,
      fc.uint8Array({ maxLength: 60 }),
    );
    const type = fc.constantFrom(
      ...[
        'application/json',
        'application/json',
        'text/plain',
        'application/x-www-form-urlencoded',
        'application/json; charset=utf-16',
      ],
      ...['application/xml', 'multipart/form-data', 'application/json;;;', 'application/jwt', ''],
    );
    const before = await count();
    await holds(t, 60, fc.tuple(body, type), async ([sent, called]) => {
      await assertRefusal(await post(sent, called ? { 'content-type': called } : {}), ERRORS.registration);
    });
    assert.equal(await count(), before);
    for (const called of ['text/plain', 'application/x-www-form-urlencoded']) {
      await assertRefusal(await post(whole, { 'content-type': called }), ERRORS.registration);
    }
  });

  it('that is too large is refused, and says so', async () => {
    const large = { client_name: 'x'.repeat(60_000) };
    await assertRefusal(await register(large), ERRORS.registration);
    const registered = (await (await register({})).json()) as Registration;
    await assertRefusal(await manage(registered, 'PUT', { ...BASE, ...large }), ERRORS.registration);
  });

  it('is told to nobody who has not its token', async (t) => {
    const registered = (await (await register({})).json()) as Registration;
    const identifier = fc.oneof(
      fc.constant(registered.client_id),
      fc.constantFrom('%00', '%2f', 'a/b', ''),
      text.map(percent),
    );
    const token = text.map((said) => said.replace(/[^\x21-\x7e]/g, '')).filter((said) => said !== '');
    const method = fc.constantFrom('GET', 'PUT', 'DELETE');
    const before = await count();
    await holds(t, 100, fc.tuple(identifier, token, method), async ([id, bearer, verb]) => {
      const response = await fetch(`${consentry.issuer}/register/${id}`, {
        method: verb,
        headers: { ...JSON_TYPE, authorization: `Bearer ${bearer}` },
        ...(verb === 'PUT' ? { body: JSON.stringify({ ...BASE, client_id: registered.client_id }) } : {}),
      });
      await assertRefusal(response, [...ERRORS.registration, 'not_found']);
    });
    assert.equal(await count(), before);
    assert.equal((await manage(registered, 'GET')).status, 200);
  });

  it('left no trace in the database that the policy would refuse', async () => {
    const rows = await sql<{ metadata: Record<string, unknown> }>(
      consentry,
      "SELECT metadata FROM clients WHERE origin = 'dynamic'",
    );
    assert.ok(rows.length > 30, `${rows.length} rows`);
    for (const { metadata } of rows) assertStable(metadata, 'dynamic', consentry.issuer);
    const [other] = await sql<{ n: number }>(
      consentry,
      "SELECT count(*)::int AS n FROM clients WHERE origin NOT IN ('dynamic', 'resource') OR kind NOT IN ('app', 'resource')",
    );
    assert.equal(other?.n, 0);
  });
});

describe('the policy by itself', () => {
  const issuer = 'https://auth.example.com';

  it('refuses by a standard error or settles at once, for registrations and documents alike', async (t) => {
    const origin = fc.constantFrom('dynamic' as const, 'document' as const);
    await holds(t, 2_000, fc.tuple(members, origin), ([stated, from]) => {
      const metadata: Record<string, unknown> = { ...BASE, ...(structuredClone(stated) as Record<string, unknown>) };
      try {
        applyPolicy(metadata, from, { issuer });
      } catch (error) {
        assert.ok(error instanceof errors.InvalidClientMetadata, String(error));
        return;
      }
      assertStable(metadata, from, issuer);
    });
  });

  it('lets no redirect URI through that two readers could read differently', async (t) => {
    await holds(
      t,
      5_000,
      address,
      (uri) => {
        const parsed = parseRedirectUri(uri, { issuer });
        if (!parsed.ok) return;
        const url = new URL(uri);
        assert.match(uri, /^[\x21-\x7e]+$/);
        assert.ok(!/[\\<>"`{}|^]/.test(uri), uri);
        assert.equal(url.hash + url.username + url.password, '');
        assert.notEqual(url.origin, issuer);
        if (parsed.kind === 'private-use')
          assert.ok(!/^(?:javascript|data|vbscript|file|blob|ms-|intent|ssh|tel)/.test(uri), uri);
        else {
          // What stands in the text is where a browser goes, to the letter.
          assert.equal(
            /^[^/]*\/\/([^/?]*)/
              .exec(uri)?.[1]
              ?.toLowerCase()
              .replace(/:(?:80|443)$/, ''),
            url.host.replace(/:(?:80|443)$/, ''),
          );
          assert.equal(url.protocol === 'http:', parsed.kind === 'loopback' && url.protocol === 'http:');
        }
        for (const name of [
          'code',
          'state',
          'iss',
          'error',
          'error_description',
          'response',
          'access_token',
          'id_token',
        ])
          assert.ok(!url.searchParams.has(name), uri);
        assert.notEqual(redirectHost(uri).host, '');
      },
      ['cursor://u:p@app.example/cb', `${issuer}/cb`, 'https://app.example/cb?%63ode=x'],
    );
  });

  it('makes of a name one line that stays as it is', async (t) => {
    await holds(t, 4_000, text, (said) => {
      const name = displayName(said);
      assert.equal(displayName(name), name);
      assert.ok([...name].length <= 60);
      assert.doesNotMatch(name, /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}"“”„‟«»‹›「」『』]/u);
      assert.equal(name, name.trim());
    });
  });
});

function manage(client: Registration, method: string, body?: object): Promise<Response> {
  const headers = { ...JSON_TYPE, authorization: `Bearer ${client.registration_access_token}` };
  return fetch(client.registration_client_uri, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
}

function percent(said: string): string {
  return encodeURIComponent(said.toWellFormed()).slice(0, 2_000);
}

/** As a person reads them. */
function wordsOf(html: string): string {
  return decode(html.replace(/<[^>]+>/g, ''));
}
