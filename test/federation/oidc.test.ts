/** What a connection believes of an OpenID provider's answer, and what it does when there is none. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Connection } from '../../src/federation/connection.ts';
import { createOidcConnection } from '../../src/federation/oidc/oidc.ts';
import type { ConnectionSecrets, OidcConnectionSettings } from '../../src/federation/settings.ts';
import { UpstreamFailed } from '../../src/federation/upstream-failed.ts';
import { createEgress, type Egress } from '../../src/web/egress.ts';
import { startUpstream, type Upstream } from '../fakes/upstream.ts';
import { createPerson } from '../person.ts';

const CALLBACK = 'http://127.0.0.1:9/federation/contoso/callback';

describe('a connection to an OpenID provider', () => {
  let upstream: Upstream;
  let egress: Egress;
  let ahead = 0;
  const now = () => new Date(Date.now() + ahead);
  before(async () => {
    upstream = await startUpstream(['/federation/contoso/callback']);
    egress = createEgress({ outboundAllow: ['127.0.0.1'] });
  });
  beforeEach(() => {
    ahead = 0;
    Object.assign(upstream.behaviour, {
      person: { sub: 'ana', email: 'ANA@upstream.test', email_verified: true, name: 'Ana\u202e  Lima' },
      authTime: undefined,
      silentAboutTime: false,
      down: false,
      foreignKeys: false,
      refreshTokens: false,
      refusal: undefined,
      acr: undefined,
    });
  });
  after(async () => {
    egress?.close();
    await upstream?.close();
  });

  const connect = (
    changes: Partial<OidcConnectionSettings> = {},
    fetch = egress.fetch,
    secrets: Partial<ConnectionSecrets> = {},
  ) => createOidcConnection(upstream.record('contoso', changes), { ...upstream.secrets, ...secrets }, { fetch, now });

  function newLeg() {
    const [state, nonce, codeVerifier] = [random(), random(), random()];
    const codeChallenge = createHash('sha256').update(codeVerifier).digest('base64url');
    return { state, nonce, codeVerifier, codeChallenge, callbackUrl: CALLBACK };
  }

  /** @param alter changes what the browser carries there */
  async function trip(connection: Connection, { alter = (_url: URL) => {}, leg = newLeg(), ...wishes } = {}) {
    const url = await connection.authorizationUrl({ ...leg, ...wishes });
    alter(url);
    const { left, html } = await createPerson(upstream.issuer).open(url.href);
    assert.ok(left, html.slice(0, 500));
    return { leg, back: left, finish: (back = left) => connection.finish({ ...leg, callbackUrl: back }) };
  }

  async function failure(work: Promise<unknown>): Promise<string> {
    const error = await work.then(
      () => assert.fail('believed'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof UpstreamFailed, String(error));
    return error.failure;
  }

  it('says who returned: issuer, subject, and what to call them, made harmless to read', async () => {
    const { finish } = await trip(connect());
    const identity = await finish();
    assert.equal(identity.issuer, upstream.issuer);
    assert.equal(identity.subject, 'ana');
    assert.equal(identity.email, 'ana@upstream.test');
    assert.equal(identity.name, 'Ana Lima');
    assert.equal(identity.authTimeSeconds, undefined, 'auth_time only where it was asked for');
  });

  it('sends its own scopes, S256, state and nonce, and nothing else', async () => {
    const leg = newLeg();
    const url = await connect().authorizationUrl(leg);
    assert.deepEqual(Object.fromEntries([...url.searchParams].sort()), {
      client_id: 'consentry-static',
      code_challenge: leg.codeChallenge,
      code_challenge_method: 'S256',
      nonce: leg.nonce,
      redirect_uri: CALLBACK,
      response_type: 'code',
      scope: 'openid profile email',
      state: leg.state,
    });
  });

  it('authenticates by client_secret_basic or client_secret_post, and fails where the secret is wrong', async () => {
    const post = await trip(connect({ authentication: 'client_secret_post' }));
    assert.equal((await post.finish()).subject, 'ana');
    const wrong = await trip(connect({}, egress.fetch, { clientSecret: 'wrong' }));
    assert.equal(await failure(wrong.finish()), 'failed');
  });

  it('asks for fresh credentials where told, and passes on when they were given', async () => {
    upstream.behaviour.authTime = 1_700_000_000;
    const { finish } = await trip(connect(), { prompt: 'login', maxAgeSeconds: 300 } as object);
    assert.equal((await finish()).authTimeSeconds, 1_700_000_000);
    const sent = upstream.authorizations.at(-1);
    assert.equal(sent?.get('prompt'), 'login');
    assert.equal(sent?.get('max_age'), '300');
    upstream.behaviour.silentAboutTime = true;
    const silent = await trip(connect(), { prompt: 'login', maxAgeSeconds: 300 } as object);
    assert.equal((await silent.finish()).authTimeSeconds, undefined);
  });

  it('an address that the provider does not vouch for is not shown', async () => {
    upstream.behaviour.person = { sub: 'bo', email: 'ceo@contoso.test', email_verified: false };
    const identity = await (await trip(connect())).finish();
    assert.equal(identity.email, undefined);
    assert.equal(identity.name, undefined);
  });

  it('an answer with another nonce, state, or code is not believed', async () => {
    const connection = connect();
    const nonce = await trip(connection, { alter: (url) => url.searchParams.set('nonce', random()) });
    assert.equal(await failure(nonce.finish()), 'failed');
    const state = await trip(connection, { alter: (url) => url.searchParams.set('state', random()) });
    assert.equal(await failure(state.finish()), 'failed');
    const [mine, theirs] = [await trip(connection), await trip(connection)];
    const injected = new URL(mine.back);
    injected.searchParams.set('code', String(theirs.back.searchParams.get('code')));
    assert.equal(await failure(mine.finish(injected)), 'failed', 'PKCE binds a code to its leg');
  });

  it('an answer without `iss`, with another, or with one twice is not believed: this provider says that it sends it (RFC 9207)', async () => {
    const connection = connect();
    for (const change of [
      (params: URLSearchParams) => params.delete('iss'),
      (params: URLSearchParams) => params.set('iss', 'http://127.0.0.1:9'),
      (params: URLSearchParams) => params.append('iss', upstream.issuer),
    ]) {
      const { back, finish } = await trip(connection);
      const changed = new URL(back);
      change(changed.searchParams);
      assert.equal(await failure(finish(changed)), 'failed');
    }
  });

  it('an id_token signed by a key that the provider does not publish is not believed', async () => {
    upstream.behaviour.foreignKeys = true;
    assert.equal(await failure((await trip(connect())).finish()), 'failed');
    upstream.behaviour.foreignKeys = false;
    assert.equal((await (await trip(connect())).finish()).subject, 'ana');
  });

  it('a code is good once', async () => {
    const { finish } = await trip(connect());
    await finish();
    assert.equal(await failure(finish()), 'failed');
  });

  it('a person who says no is told from a provider that fails', async () => {
    upstream.behaviour.person = undefined;
    assert.equal(await failure((await trip(connect())).finish()), 'denied');
  });

  it('a provider that calls itself by another issuer is refused', async () => {
    const lying = createServer(async (request, response) => {
      const answer = await fetch(`${upstream.issuer}${request.url}`);
      response.writeHead(200, { 'content-type': 'application/json' }).end(await answer.text());
    });
    await new Promise<void>((resolve) => lying.listen(0, '127.0.0.1', resolve));
    const issuer = `http://127.0.0.1:${(lying.address() as AddressInfo).port}`;
    assert.equal(await failure(connect({ issuer }).authorizationUrl(newLeg())), 'failed');
    lying.close();
  });

  it('a name that stands for every tenant of a provider is no issuer', async () => {
    const everyTenant = 'https://login.microsoftonline.com/common/v2.0';
    const body = Buffer.from(
      JSON.stringify({
        issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0',
        authorization_endpoint: `${everyTenant}/authorize`,
        token_endpoint: `${everyTenant}/token`,
        jwks_uri: `${everyTenant}/keys`,
      }),
    );
    const headers = new Headers({ 'content-type': 'application/json' });
    const connection = connect({ issuer: everyTenant }, async () => ({ status: 200, headers, body }));
    assert.equal(await failure(connection.authorizationUrl(newLeg())), 'failed');
  });

  it('goes out by the egress alone: loopback is refused where it is not allowed', async () => {
    const closed = createEgress({ outboundAllow: [] });
    const asked = upstream.requests.length;
    assert.equal(await failure(connect({}, closed.fetch).authorizationUrl(newLeg())), 'failed');
    assert.equal(upstream.requests.length, asked);
    closed.close();
  });

  it('a provider that is down is asked once, again after a moment, and its metadata outlive an outage', async () => {
    const connection = connect();
    upstream.behaviour.down = true;
    const asked = upstream.requests.length;
    const failures = await Promise.all([1, 2, 3].map(() => failure(connection.authorizationUrl(newLeg()))));
    assert.deepEqual(failures, ['unavailable', 'unavailable', 'unavailable']);
    assert.equal(await failure(connection.authorizationUrl(newLeg())), 'unavailable');
    assert.equal(upstream.requests.length, asked + 1);
    upstream.behaviour.down = false;
    ahead += 3_000;
    await connection.authorizationUrl(newLeg());
    upstream.behaviour.down = true;
    ahead += 2 * 3_600_000;
    await connection.authorizationUrl(newLeg());
    ahead += 24 * 3_600_000;
    assert.equal(await failure(connection.authorizationUrl(newLeg())), 'unavailable');
  });

  it('a provider that stops answering between the two legs fails as unavailable, and the same answer is good afterwards', async () => {
    const { finish } = await trip(connect());
    upstream.behaviour.down = true;
    assert.equal(await failure(finish()), 'unavailable');
    upstream.behaviour.down = false;
    assert.equal((await finish()).subject, 'ana');
  });

  it('a provider that hangs takes a bounded share of what goes out', async () => {
    const held: (() => void)[] = [];
    let underWay = 0;
    const hanging: Egress['fetch'] = async (...request) => {
      if (!String(request[0]).endsWith('/token')) return egress.fetch(...request);
      underWay += 1;
      await new Promise<void>((resolve) => held.push(resolve));
      throw new Error('ended');
    };
    const connection = connect({}, hanging);
    const { finish } = await trip(connection);
    const waiting = Array.from({ length: 40 }, () => finish().catch((error: unknown) => error));
    const first = await Promise.race(waiting);
    assert.ok(first instanceof UpstreamFailed && first.failure === 'unavailable', String(first));
    assert.ok(underWay <= 16, String(underWay));
    for (const end of held) end();
    await Promise.all(waiting);
  });

  it('asks for `offline_access` where the connection says so, and passes the refresh token and the session on', async () => {
    upstream.behaviour.refreshTokens = true;
    const { finish } = await trip(connect({ offlineAccess: true }));
    assert.equal(upstream.authorizations.at(-1)?.get('scope'), 'openid profile email offline_access');
    const identity = await finish();
    assert.match(String(identity.refreshToken), /./);
    assert.match(String(identity.sid), /./);
  });

  it('asks for an authentication context, and says which one was reached', async () => {
    upstream.behaviour.acr = 'phr';
    const { finish } = await trip(connect(), { authContext: 'phr' } as object);
    const sent = upstream.authorizations.at(-1);
    assert.equal(sent?.get('acr_values'), 'phr');
    const claims = JSON.parse(String(sent?.get('claims')));
    assert.deepEqual(claims, { id_token: { acr: { essential: true, values: ['phr'] } } });
    assert.deepEqual((await finish()).authContexts, ['phr']);
    assert.equal(sent?.get('max_age'), '300');
    upstream.behaviour.authTime = Math.floor(Date.now() / 1000) - 3_600;
    const old = await trip(connect(), { authContext: 'phr' } as object);
    assert.equal((await old.finish()).authContexts, undefined, 'a session of an hour ago proves nothing of now');
    const refused = await trip(connect());
    const unmet = new URL(refused.back);
    unmet.searchParams.delete('code');
    unmet.searchParams.set('error', 'unmet_authentication_requirements');
    const fault = await refused.finish(unmet).catch((error: unknown) => error);
    assert.ok(fault instanceof UpstreamFailed && fault.reason === 'context_not_reached');
    const authContexts = [{ resource: 'https://mail.test', scope: 'mail:send', context: 'phr' }];
    const { authContextFor } = connect({ authContexts });
    assert.equal(authContextFor('https://mail.test', ['mail:read', 'mail:send']), 'phr');
    assert.equal(authContextFor('https://mail.test', ['mail:read']), undefined);
    assert.equal(authContextFor('https://other.test', ['mail:send']), undefined);
  });

  it('reads roles and groups only from the claims that it was told; one that is absent is empty, one that cannot be read is no sign-in', async () => {
    const named = { rolesClaim: 'roles', groupsClaim: 'groups' };
    const come = async (said: object, settings: Partial<OidcConnectionSettings> = named) => {
      upstream.behaviour.person = { sub: 'bo', ...said };
      return (await trip(connect(settings))).finish();
    };
    const rolesOf = async (said: object, settings?: Partial<OidcConnectionSettings>) => {
      const { appRoles, groups } = await come(said, settings);
      return { appRoles, groups };
    };
    assert.deepEqual(await rolesOf({ roles: ['a', 'b', 'a'], groups: ['g'] }), { appRoles: ['a', 'b'], groups: ['g'] });
    assert.deepEqual(await rolesOf({ roles: 'a b' }), { appRoles: ['a b'], groups: [] }, 'one text is one value');
    assert.deepEqual(await rolesOf({ roles: [], groups: null }), { appRoles: [], groups: [] });
    assert.deepEqual(await rolesOf({ roles: ['a'] }, {}), { appRoles: undefined, groups: undefined });
    const nested = { roles: { mail: { roles: ['a'] } } };
    assert.deepEqual((await rolesOf(nested, { rolesClaim: 'roles.mail.roles' })).appRoles, ['a']);
    assert.deepEqual((await rolesOf(nested, { rolesClaim: 'roles.__proto__.roles' })).appRoles, []);
    for (const roles of [7, true, { a: 1 }, [7], [['a']], [''], ['x'.repeat(300)]]) {
      assert.equal(await failure(come({ roles })), 'failed', JSON.stringify(roles));
    }
  });

  it('a check redeems the refresh token, tells what the provider said, and never takes a fault for a refusal', async () => {
    Object.assign(upstream.behaviour, { refreshTokens: true, person: { sub: 'cy', roles: ['a'] } });
    const connection = connect({ offlineAccess: true, rolesClaim: 'roles' });
    const { issuer, subject, refreshToken = '' } = await (await trip(connection)).finish();
    const alive = await connection.check({ issuer, subject, refreshToken });
    assert.ok(alive.state === 'alive' && alive.refreshToken && alive.refreshToken !== refreshToken);
    assert.deepEqual(alive.appRoles, ['a']);
    const key = { issuer, subject, refreshToken: alive.refreshToken };
    assert.equal((await connection.check({ ...key, subject: 'somebody else' })).state, 'unreachable');
    for (const [status, error, expected] of [
      [400, 'invalid_grant', { state: 'ended', what: 'token', code: 'invalid_grant' }],
      [400, 'interaction_required', { state: 'ended', what: 'token', code: 'interaction_required' }],
      [400, 'access_denied', { state: 'ended', what: 'person', code: 'access_denied' }],
      [403, 'access_denied', { state: 'ended', what: 'person', code: 'access_denied' }],
    ] as const) {
      upstream.behaviour.refusal = { status, error };
      assert.deepEqual(await connection.check(key), expected);
    }
    for (const [status, error] of [
      [401, 'invalid_client'],
      [400, 'unauthorized_client'],
      [400, 'invalid_scope'],
      [400, 'constructor'],
      [429, 'invalid_grant'],
      [500, 'invalid_grant'],
      [503, 'temporarily_unavailable'],
    ] as const) {
      upstream.behaviour.refusal = { status, error };
      assert.equal((await connection.check(key)).state, 'unreachable', `${status} ${error}`);
    }
    upstream.behaviour.refusal = undefined;
    upstream.behaviour.down = true;
    assert.equal((await connection.check(key)).state, 'unreachable');
    upstream.behaviour.down = false;
    assert.equal((await connect().check(key)).state, 'ended', 'the twin above has used it up');
  });

  it('a provider that is down from the first moment is no reason to fail: asked, it is unreachable, and later it is not', async () => {
    upstream.behaviour.down = true;
    const connection = connect();
    assert.equal((await connection.check({ issuer: '', subject: '', refreshToken: 'x' })).state, 'unreachable');
    upstream.behaviour.down = false;
    ahead += 3_000;
    assert.equal((await connection.check({ issuer: '', subject: '', refreshToken: 'x' })).state, 'ended');
  });

  it('a logout token is believed exactly when it is one (Back-Channel Logout 1.0 §2.6)', async () => {
    const { logout } = connect();
    const now = () => Math.floor(Date.now() / 1000);
    const good = await logout.verifyToken(await upstream.logoutToken({ sub: 'ana', sid: 's1', jti: 'j1' }));
    assert.deepEqual(
      { ...good, expiresAtSeconds: 0 },
      { issuer: upstream.issuer, jti: 'j1', expiresAtSeconds: 0, subject: 'ana', sid: 's1' },
    );
    assert.equal((await logout.verifyToken(await upstream.logoutToken({ sub: 'ana' }))).sid, undefined);
    await logout.verifyToken(await upstream.logoutToken({ sid: 's1' }, { typ: 'JWT' }));
    const far = await logout.verifyToken(await upstream.logoutToken({ sid: 's1', exp: now() + 86_400 }));
    assert.ok(far.expiresAtSeconds < now() + 3_600, 'what it says of itself does not make us remember it for days');
    const wrong: [object, { typ?: string; alg?: string }?][] = [
      [{ sid: 's1', iss: 'https://other.test' }],
      [{ sid: 's1', aud: 'somebody-else' }],
      [{ sid: 's1', iat: undefined }],
      [{ sid: 's1', exp: undefined }],
      [{ sid: 's1', exp: now() - 60 }],
      [{ sid: 's1', iat: now() - 3_600, exp: now() + 60 }],
      [{ sid: 's1', iat: now() + 3_600, exp: now() + 7_200 }],
      [{ sid: 's1', jti: undefined }],
      [{ sid: 's1', jti: 'x'.repeat(300) }],
      [{ sid: 's1', events: undefined }],
      [{ sid: 's1', events: {} }],
      [{ sid: 's1', events: { 'http://schemas.openid.net/event/backchannel-logout': 'yes' } }],
      [{ sid: 's1', events: { 'http://schemas.openid.net/event/backchannel-logout': [] } }],
      [{ sid: 's1', nonce: 'n' }],
      [{}],
      [{ sid: 7 }],
      [{ sid: '' }],
      [{ sub: ['ana'] }],
      [{ sid: 's1' }, { typ: 'at+jwt' }],
      [{ sid: 's1' }, { alg: 'HS256' }],
    ];
    for (const [changes, header] of wrong) {
      const token = await upstream.logoutToken(changes as never, header);
      assert.equal(await failure(logout.verifyToken(token)), 'failed', JSON.stringify([changes, header]));
    }
    const [head, body] = (await upstream.logoutToken({ sid: 's1' })).split('.');
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`;
    for (const token of [unsigned, `${head}.${body}.AAAA`, 'x', '', 'x'.repeat(20_000)]) {
      assert.equal(await failure(logout.verifyToken(token)), 'failed');
    }
    upstream.behaviour.foreignKeys = true;
    assert.equal(await failure(connect().logout.verifyToken(await upstream.logoutToken({ sid: 's1' }))), 'failed');
    upstream.behaviour.foreignKeys = false;
    const knows = connect();
    await trip(knows);
    upstream.behaviour.down = true;
    const token = await upstream.logoutToken({ sid: 's1' });
    assert.equal(await failure(knows.logout.verifyToken(token)), 'unavailable', 'its keys cannot be had');
    assert.equal(await failure(connect().logout.verifyToken(await upstream.logoutToken({ sid: 's1' }))), 'unavailable');
  });

  it('an ID token is no order to sign out', async () => {
    const { finish } = await trip(connect());
    await finish();
    const idToken = await upstream.logoutToken({ sub: 'ana', nonce: random(), events: undefined }, { typ: 'JWT' });
    assert.equal(await failure(connect().logout.verifyToken(idToken)), 'failed');
  });
});

function random(): string {
  return randomBytes(32).toString('base64url');
}
