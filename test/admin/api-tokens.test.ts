/** Tokens for the administration API: who may get one, by what, for how long, and what ends it (threat 100). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decodeJwt, importJWK, type JWK, SignJWT } from 'jose';
import { ADMIN_READ, adminApiUri, markAdminClient } from '../../src/admin-api.ts';
import { revokeConsents } from '../../src/consents/revocation.ts';
import { addResource } from '../../src/registrations.ts';
import { disableAccount, revokeClient } from '../../src/revocations.ts';
import { basic, redeem, refresh, registerClient, tokenRequest } from '../flow.ts';
import { type Consentry, MAIL, sql, staticClient } from '../harness.ts';
import { words } from '../interaction/kit.ts';
import { createKeyClient } from '../oauth/key-client.ts';
import { connect } from '../oauth/kit.ts';
import { createPerson, type Step } from '../person.ts';
import { CLAUDE, details, type Gateway, type Proxies, push, startProxies } from '../proxies/kit.ts';
import { type AdminKit, ALL_SCOPES, asksPassword, codeIn, createAdminKit, dpopProof } from './admin-kit.ts';

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';

describe('a token for the administration API', () => {
  let proxies: Proxies;
  let consentry: Consentry;
  let kit: AdminKit;
  before(async () => {
    proxies = await startProxies();
    consentry = proxies.consentry;
    // Before there is any client that may ask for it.
    const early = addResource(consentry.rooms, { ...MAIL, uri: adminApiUri(consentry.issuer) });
    await assert.rejects(early, { code: 'resource_exists' });
    kit = await createAdminKit(consentry);
  });
  after(() => proxies?.close());

  const error = ({ left }: Step) => left?.searchParams.get('error');

  async function assertRefusedInFront(clientId: string, params: Record<string, string> = {}): Promise<void> {
    const { url } = kit.begin(clientId, { params });
    const page = await createPerson(consentry.issuer).open(url);
    const answer = page.left ? error(page) : /invalid_target/.exec(page.html)?.[0];
    assert.equal(answer, 'invalid_target', words(page).slice(0, 300));
  }

  async function assertNotPushed(client: Gateway, params: Record<string, string> = {}): Promise<void> {
    const { status, answer } = await push(consentry, client, { resource: kit.uri, scope: ALL_SCOPES, ...params });
    assert.deepEqual([status, answer.error], [400, 'invalid_target'], JSON.stringify(answer));
  }

  /** What the database itself refuses, and what is refused where it would not. */
  async function markBehindOurBack(clientId: string): Promise<void> {
    const mark = () => sql(consentry, 'UPDATE clients SET admin_api = true WHERE id = $1', [clientId]);
    await assert.rejects(mark(), /clients_admin_api_static/);
    const constraint = 'ALTER TABLE clients DROP CONSTRAINT clients_admin_api_static';
    await sql(consentry, constraint);
    await mark();
    const check = "CHECK (NOT admin_api OR origin = 'static') NOT VALID";
    await sql(consentry, `ALTER TABLE clients ADD CONSTRAINT clients_admin_api_static ${check}`);
  }

  const gateway = (made: { clientId: string; clientSecret?: string | undefined }, redirectUri: string): Gateway => ({
    clientId: made.clientId,
    headers: basic(made.clientId, made.clientSecret),
    redirectUri,
  });

  it('goes to a marked app, for ten minutes, with no refresh token whatever is asked for', async () => {
    await sql(consentry, 'UPDATE resources SET token_seconds = 3600');
    const { body, accessToken, page } = await kit.token(kit.owner, { scope: `${ALL_SCOPES} openid offline_access` });
    assert.match(words(page), /See everything in the dashboard/);
    assert.deepEqual([body.expires_in, body.refresh_token], [600, undefined]);
    // An hour is what was said of every MCP server: not of this one.
    const { aud, exp = 0, iat = 0 } = decodeJwt(accessToken);
    assert.deepEqual([aud, exp - iat], [kit.uri, 600]);
    const [row] = await sql(consentry, "SELECT count(*)::int AS n FROM artifacts WHERE kind = 'RefreshToken'");
    assert.equal(row?.n, 0);
    const seen = await kit.bearer.verify(accessToken);
    assert.deepEqual(
      [seen?.accountId, seen?.clientId, seen?.scopes],
      [kit.owner.id, kit.client.clientId, ALL_SCOPES.split(' ')],
    );
    assert.ok(Math.abs(Date.now() / 1000 - Number(seen?.authTimeSeconds)) < 30);
  });

  it('takes the full page and a new proof of presence every time, in the same browser a moment later too', async () => {
    const { person } = await kit.token();
    const again = await kit.ask(kit.owner, { person });
    assert.ok(asksPassword(again.page) && again.page.html.includes('value="approve"'), words(again.page));
    assert.ok(!again.page.html.includes('value="30d"') && !again.page.html.includes('value="max"'));
    const refused = await person.submit(again.page, { decision: 'approve' });
    assert.deepEqual([refused.status, codeIn(refused)], [401, undefined]);
    const wrong = await person.submit(refused, { decision: 'approve', password: 'not the password at all' });
    assert.deepEqual([wrong.status, codeIn(wrong)], [401, undefined]);
    const done = await person.submit(wrong, { decision: 'approve', password: kit.owner.password });
    const code = codeIn(done);
    assert.ok(code);
    const { status } = await redeem(
      consentry,
      kit.client.clientId,
      { ...again, code },
      { resource: kit.uri },
      kit.client.headers,
    );
    assert.equal(status, 200);
  });

  it('leaves nothing behind: what was agreed to is over a quarter of an hour later, whatever the form says', async () => {
    const asked = await kit.ask(kit.owner);
    const done = await asked.person.submit(asked.page, { decision: 'approve', expiry: 'max' });
    const { clientId, headers } = kit.client;
    const given = { ...asked, code: String(codeIn(done)) };
    const { status, body } = await redeem(consentry, clientId, given, { resource: kit.uri }, headers);
    assert.deepEqual([status, body.refresh_token], [200, undefined]);
    const [row] = await sql<{ seconds: number }>(
      consentry,
      `SELECT extract(epoch FROM max(c.expires_at) - now())::float AS seconds FROM consents c
       JOIN resources r ON r.id = c.resource_id WHERE r.built_in AND c.account_id = $1`,
      [kit.owner.id],
    );
    assert.ok(row && row.seconds > 600 && row.seconds <= 900, JSON.stringify(row));
  });

  it('is pressed for also where nobody would be asked: prompt=none gives nothing', async () => {
    const { person } = await kit.token();
    const { page } = await kit.ask(kit.owner, { person, params: { prompt: 'none' } });
    assert.equal(error(page), 'interaction_required');
  });

  describe('is invalid_target for every other client:', () => {
    it('one that registered itself, whatever it states', async () => {
      const metadata = { scope: ALL_SCOPES, consentry_origin: 'static', admin_api: true, consentry_kind: 'app' };
      await assertRefusedInFront((await registerClient(consentry.issuer, metadata)).client_id);
      const marked = await registerClient(consentry.issuer);
      await markBehindOurBack(marked.client_id);
      await assertRefusedInFront(marked.client_id);
      await assert.rejects(markAdminClient(consentry.rooms, marked.client_id, true), { code: 'not_markable' });
    });

    it('a metadata document', async () => {
      await assertRefusedInFront(CLAUDE.clientId, { redirect_uri: CLAUDE.redirectUri });
      await consentry.rooms.clients.recordDocument(CLAUDE.clientId, { client_id: CLAUDE.clientId });
      await markBehindOurBack(CLAUDE.clientId);
      await assertRefusedInFront(CLAUDE.clientId, { redirect_uri: CLAUDE.redirectUri });
      await assert.rejects(markAdminClient(consentry.rooms, CLAUDE.clientId, true), { code: 'not_markable' });
    });

    it('a proxy, for itself, for somebody and with a mark', async () => {
      const { clientId, redirectUri } = proxies.gateway;
      await assertRefusedInFront(clientId, { redirect_uri: redirectUri });
      await assertNotPushed(proxies.gateway);
      await assertNotPushed(proxies.gateway, { authorization_details: details(CLAUDE) });
      const named = { clientId: kit.client.clientId, redirectUri: 'http://127.0.0.1/callback' };
      await assertNotPushed(proxies.gateway, { authorization_details: details(named) });
      await sql(consentry, 'UPDATE clients SET admin_api = true WHERE id = $1', [clientId]);
      await assertNotPushed(proxies.gateway);
      await sql(consentry, 'UPDATE clients SET admin_api = false WHERE id = $1', [clientId]);
      await assert.rejects(markAdminClient(consentry.rooms, clientId, true), { code: 'not_markable' });
    });

    it('one whose kind nobody declared', async () => {
      const made = await proxies.addUndeclared('Old', 'https://old.example/callback');
      await sql(consentry, 'UPDATE clients SET admin_api = true WHERE id = $1', [made.clientId]);
      await assertRefusedInFront(made.clientId, { redirect_uri: made.redirectUri });
      await assertNotPushed(made);
    });

    it('a static app that nobody marked, in front, pushed and in a signed request', async () => {
      const made = await staticClient(consentry.rooms, { kind: 'app', redirectUris: ['https://desk.example/back'] });
      await assertRefusedInFront(made.clientId, { redirect_uri: 'https://desk.example/back' });
      await assertNotPushed(gateway(made, 'https://desk.example/back'));
      const signer = await createKeyClient(consentry.issuer);
      await sql(consentry, "UPDATE clients SET origin = 'static' WHERE id = $1", [signer.id]);
      const { url } = kit.begin(signer.id);
      const request = await signer.sign(Object.fromEntries(new URL(url).searchParams));
      const page = await createPerson(consentry.issuer).open(
        `${consentry.issuer}/authorize?${new URLSearchParams({ client_id: signer.id, request })}`,
      );
      assert.equal(error(page), 'invalid_target', words(page).slice(0, 300));
    });

    it('a service, whatever access it was given', async () => {
      const access = { [kit.uri]: ['admin:read', 'admin:write'] };
      const made = await staticClient(consentry.rooms, { kind: 'service', redirectUris: [], access });
      await sql(consentry, 'UPDATE clients SET admin_api = true WHERE id = $1', [made.clientId]);
      const fields = { grant_type: 'client_credentials', resource: kit.uri, scope: 'admin:read' };
      const { status, body } = await tokenRequest(consentry.issuer, fields, basic(made.clientId, made.clientSecret));
      assert.deepEqual([status, body.error], [400, 'invalid_target']);
    });

    it('a device, also of a marked app', async () => {
      const made = await staticClient(consentry.rooms, { kind: 'app', authMethod: 'none', deviceFlow: true });
      await markAdminClient(consentry.rooms, made.clientId, true);
      const start = async (resource: string, scope: string) => {
        const body = new URLSearchParams({ client_id: made.clientId, resource, scope });
        const response = await fetch(`${consentry.issuer}/device_authorization`, { method: 'POST', body });
        return { status: response.status, body: (await response.json()) as Record<string, string> };
      };
      const refused = await start(kit.uri, ALL_SCOPES);
      assert.deepEqual([refused.status, refused.body.error], [400, 'invalid_target']);
      const { body } = await start(consentry.mail.uri, 'mail:read');
      const fields = { grant_type: DEVICE_CODE, client_id: made.clientId, device_code: body.device_code };
      const answer = await tokenRequest(consentry.issuer, { ...fields, resource: kit.uri });
      assert.notEqual(answer.status, 200);
    });

    it('one that redeems or refreshes what it was given for something else', async () => {
      const owner = createPerson(consentry.issuer);
      const asked = await kit.ask(kit.owner, {
        person: owner,
        scope: 'mail:read',
        params: { resource: consentry.mail.uri },
      });
      const code = String(codeIn(await owner.submit(asked.page, { decision: 'approve' })));
      const { clientId, headers } = kit.client;
      const redeemed = await redeem(consentry, clientId, { ...asked, code }, { resource: kit.uri }, headers);
      assert.deepEqual([redeemed.status, redeemed.body.error], [400, 'invalid_target']);
      const other = await connect(consentry, { person: owner });
      const refreshed = await refresh(consentry, other.clientId, other.refreshToken, { resource: kit.uri });
      assert.deepEqual([refreshed.status, refreshed.body.error], [400, 'invalid_target']);
    });

    it('one whose mark was taken away between its request and the press, or the code', async () => {
      const client = await kit.addMarked();
      const asked = await kit.ask(kit.owner, {}, client.clientId);
      await markAdminClient(consentry.rooms, client.clientId, false);
      const pressed = await asked.person.submit(asked.page, { decision: 'approve' });
      assert.equal(codeIn(pressed), undefined);
      await markAdminClient(consentry.rooms, client.clientId, true);
      const again = await kit.ask(kit.owner, {}, client.clientId);
      const code = String(codeIn(await again.person.submit(again.page, { decision: 'approve' })));
      await markAdminClient(consentry.rooms, client.clientId, false);
      const { status } = await redeem(
        consentry,
        client.clientId,
        { ...again, code },
        { resource: kit.uri },
        client.headers,
      );
      assert.equal(status, 400);
    });
  });

  it('goes to nobody who administers nothing, and says so on a page', async () => {
    const { page } = await kit.ask(consentry.ana);
    assert.deepEqual([page.status, codeIn(page)], [403, undefined]);
    assert.match(words(page), /role/i);
  });

  it('of an auditor reads and nothing else', async () => {
    const auditor = await kit.addRole('aude@contoso.test', 'auditor');
    const { accessToken, page } = await kit.token(auditor);
    assert.ok(!page.html.includes('value="admin:write"'));
    assert.deepEqual((await kit.bearer.verify(accessToken))?.scopes, [ADMIN_READ]);
  });

  it('of an administrator or a resource owner reaches both scopes', async () => {
    for (const role of ['admin', 'resource-owner']) {
      const person = await kit.addRole(`${role}@contoso.test`, role);
      const { accessToken } = await kit.token(person);
      assert.deepEqual((await kit.bearer.verify(accessToken))?.scopes, ALL_SCOPES.split(' '), role);
    }
  });

  it('is bound to no key, because nothing there looks at a proof', async () => {
    const asked = await kit.ask(kit.owner);
    const code = String(codeIn(await asked.person.submit(asked.page, { decision: 'approve' })));
    const { clientId, headers } = kit.client;
    const dpop = await dpopProof(`${consentry.issuer}/token`);
    const { status, body } = await redeem(
      consentry,
      clientId,
      { ...asked, code },
      { resource: kit.uri },
      { ...headers, dpop },
    );
    assert.deepEqual([status, body.error], [400, 'invalid_request'], JSON.stringify(body));
  });

  describe('is no good at the next call after', () => {
    const assertEnds = async (end: (who: { id: string; email: string }, clientId: string) => Promise<unknown>) => {
      const who = await kit.addRole(`ends-${Math.random().toString(36).slice(2)}@contoso.test`, 'admin');
      const client = await kit.addMarked();
      const { accessToken } = await kit.token(who, {}, client);
      assert.ok(await kit.bearer.verify(accessToken));
      await end(who, client.clientId);
      assert.equal(await kit.bearer.verify(accessToken), undefined);
    };

    it('the person lost the role', () =>
      assertEnds(({ id }) => sql(consentry, 'DELETE FROM account_roles WHERE account_id = $1', [id])));
    it('the account was disabled', () => assertEnds((who) => disableAccount(consentry.rooms, who)));
    it('the consent was revoked', () =>
      assertEnds(({ id }) => revokeConsents(consentry.rooms, [{ accountId: id }], 'administrator')));
    it('the mark was taken away', () => assertEnds((_, clientId) => markAdminClient(consentry.rooms, clientId, false)));
    it('the mark went without the consent', () =>
      assertEnds((_, id) => sql(consentry, 'UPDATE clients SET admin_api = false WHERE id = $1', [id])));
    it('the client became a proxy behind our back', () =>
      assertEnds((_, id) => sql(consentry, "UPDATE clients SET kind = 'proxy' WHERE id = $1", [id])));
    it('the client was revoked', () =>
      assertEnds(async (_, clientId) =>
        revokeClient(consentry.rooms, clientId, await consentry.rooms.clients.find(clientId)),
      ));
  });

  it('of another resource opens nothing there, nor one that somebody planted at its address', async () => {
    const { accessToken } = await connect(consentry, { person: createPerson(consentry.issuer) });
    assert.equal(await kit.bearer.verify(accessToken), undefined);
    assert.equal(await kit.bearer.verify('nonsense'), undefined);
    await assert.rejects(addResource(consentry.rooms, { ...MAIL, uri: kit.uri }), { code: 'resource_exists' });
    const good = await kit.token();
    await sql(consentry, 'UPDATE resources SET built_in = false WHERE uri = $1', [kit.uri]);
    try {
      assert.equal(await kit.bearer.verify(good.accessToken), undefined);
      await assertRefusedInFront(kit.client.clientId);
    } finally {
      await sql(consentry, 'UPDATE resources SET built_in = true WHERE uri = $1', [kit.uri]);
    }
    assert.ok(await kit.bearer.verify(good.accessToken));
  });

  it('is good only whole: one member differs, signed by our own key, and it opens nothing', async () => {
    const { jwks } = await consentry.rooms.keyset.load();
    const [jwk] = jwks.keys;
    const key = await importJWK(jwk as JWK, 'ES256');
    const { accessToken } = await kit.token();
    const claims = decodeJwt(accessToken);
    const kid = String((jwk as JWK).kid);
    const sign = (changes: Record<string, unknown>, typ = 'at+jwt') =>
      new SignJWT({ ...claims, ...changes }).setProtectedHeader({ alg: 'ES256', kid, typ }).sign(key);
    assert.ok(await kit.bearer.verify(await sign({})), 'unchanged it is good');
    const bent: Record<string, [Record<string, unknown>, string?]> = {
      'another audience': [{ aud: consentry.mail.uri }],
      'two audiences': [{ aud: [kit.uri, consentry.mail.uri] }],
      'another issuer': [{ iss: 'https://evil.example' }],
      'another person': [{ sub: consentry.ana.id }],
      'another client': [{ client_id: (await kit.addMarked()).clientId }],
      'another grant': [{ gid: 'unknown' }],
      'no grant': [{ gid: undefined }],
      'no proof of presence': [{ auth_time: undefined }],
      'somebody acts for them': [{ act: { sub: 'gateway' } }],
      'bound to a key': [{ cnf: { jkt: 'x' } }],
      'no scope': [{ scope: '' }],
      'a scope of another server': [{ scope: 'mail:read' }],
      'run out': [{ exp: Math.floor(Date.now() / 1000) - 1 }],
      'an ID token': [{}, 'JWT'],
    };
    for (const [what, [changes, typ]] of Object.entries(bent))
      assert.equal(await kit.bearer.verify(await sign(changes, typ)), undefined, what);
    const { scopes } = (await kit.bearer.verify(await sign({ scope: `${ALL_SCOPES} admin:more` }))) ?? {};
    assert.deepEqual(scopes, ALL_SCOPES.split(' '));
  });

  it('opens the API over HTTP, and what is refused there says where to ask (RFC 6750, RFC 9728)', async () => {
    const api = (headers: Record<string, string> = {}) => fetch(`${consentry.issuer}/admin/api/clients`, { headers });
    const metadata = `resource_metadata="${consentry.issuer}/.well-known/oauth-protected-resource/admin/api"`;
    const without = await api();
    assert.equal(without.status, 401);
    assert.equal(without.headers.get('www-authenticate'), `Bearer scope="${ALL_SCOPES}", ${metadata}`);
    const bad = await api({ authorization: 'Bearer nonsense' });
    assert.equal(bad.status, 401);
    assert.match(bad.headers.get('www-authenticate') ?? '', /^Bearer error="invalid_token", /);
    const { accessToken } = await kit.token(kit.owner, { scope: ADMIN_READ });
    const authorization = `Bearer ${accessToken}`;
    assert.equal((await api({ authorization })).status, 200);
    assert.equal((await api({ authorization, cookie: 'a=b' })).status, 403);
    const id = kit.client.clientId;
    const block = await fetch(`${consentry.issuer}/admin/api/clients/${id}/block`, {
      method: 'POST',
      headers: { authorization },
    });
    assert.equal(block.status, 403);
    assert.match(block.headers.get('www-authenticate') ?? '', /error="insufficient_scope".*scope="admin:write"/);
    const page = await fetch(`${consentry.issuer}/admin/clients`, { headers: { authorization }, redirect: 'manual' });
    assert.equal(page.status, 401);
  });

  it('given back by its client is no good any more (RFC 7009)', async () => {
    const { accessToken } = await kit.token();
    const body = new URLSearchParams({ token: accessToken });
    await fetch(`${consentry.issuer}/revoke`, { method: 'POST', body, headers: kit.client.headers });
    assert.equal(await kit.bearer.verify(accessToken), undefined);
  });

  it('is asked for by name alone: the resource stands in no list and is never meant by default', async () => {
    const { rooms, issuer, mail } = consentry;
    assert.equal((await rooms.resources.only())?.uri, mail.uri);
    const listed = [...(await rooms.resources.list()), ...(await rooms.resources.listRegistered())];
    assert.deepEqual([...new Set(listed.map(({ uri }) => uri))], [mail.uri]);
    assert.equal(await rooms.resources.findRegistered(kit.uri), undefined);
    const discovery = await (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json();
    assert.doesNotMatch(JSON.stringify(discovery), /admin:/);
  });

  it('is found by the metadata of the resource (RFC 9728)', async () => {
    const response = await fetch(`${consentry.issuer}/.well-known/oauth-protected-resource/admin/api`);
    assert.equal(response.status, 200);
    const {
      resource,
      authorization_servers: servers,
      scopes_supported: scopes,
    } = (await response.json()) as Record<string, unknown>;
    assert.deepEqual([resource, servers, scopes], [kit.uri, [consentry.issuer], ALL_SCOPES.split(' ')]);
  });
});
