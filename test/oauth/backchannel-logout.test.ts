/** Sessions that end are told to the clients that were used in them (OpenID Connect Back-Channel Logout 1.0). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { disableAccount } from '../../src/revocations.ts';
import { authorizationUrl, basic, signIn, tokenRequest } from '../flow.ts';
import { addPerson, type Consentry, sql, startConsentry, staticClient } from '../harness.ts';
import { type HttpsStub, startHttpsStub, testCaFile } from '../https-stub.ts';
import { postRegistration } from '../interop/kit.ts';
import { createPerson } from '../person.ts';

const REDIRECT = 'https://app.example.test/callback';
const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

type Client = Awaited<ReturnType<typeof staticClient>>;

describe('back-channel logout', () => {
  let consentry: Consentry;
  let stub: HttpsStub;
  let told: Client;
  let silent: Client;
  let people = 0;
  const received: { path: string; token: string }[] = [];
  let arrived = () => {};
  let answer = 200;
  before(async () => {
    stub = await startHttpsStub(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const fields = new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
      received.push({ path: String(request.url), token: String(fields.get('logout_token')) });
      response.writeHead(answer).end();
      arrived();
    });
    consentry = await startConsentry({ OUTBOUND_CA_FILE: testCaFile, OUTBOUND_ALLOW: '127.0.0.1,localhost' });
    const app = { kind: 'app', redirectUris: [REDIRECT] } as const;
    told = await staticClient(consentry.rooms, { ...app, name: 'Told', backchannelLogoutUri: `${stub.url}/bye` });
    silent = await staticClient(consentry.rooms, { ...app, name: 'Silent' });
  });
  after(async () => {
    await consentry?.close();
    await stub?.close();
  });

  /** Somebody signed in, with both clients used in one session. */
  async function connected() {
    people += 1;
    const account = await addPerson(consentry.rooms, `somebody-${people}@contoso.test`);
    const person = createPerson(consentry.issuer);
    const idTokens: string[] = [];
    for (const { clientId, clientSecret } of [silent, told]) {
      const begun = authorizationUrl(consentry, clientId, { redirect_uri: REDIRECT, scope: 'openid mail:read' });
      let page = await person.open(begun.url);
      if (page.html.includes('name="password"')) page = await signIn(person, page, account);
      const { left } = await person.submit(page, { decision: 'approve' });
      const code = String(left?.searchParams.get('code'));
      const fields = { grant_type: 'authorization_code', code, code_verifier: begun.verifier, redirect_uri: REDIRECT };
      const { body } = await tokenRequest(consentry.issuer, fields, basic(clientId, clientSecret));
      idTokens.push(String(body.id_token));
    }
    const [plain = '', idToken = ''] = idTokens;
    assert.equal(decodeJwt(plain).sid, undefined);
    return { account, person, idToken, sid: String(decodeJwt(idToken).sid) };
  }

  /** Until so many have arrived; the outbox is emptied every few seconds. */
  async function until(count: number): Promise<void> {
    while (received.length < count) {
      await new Promise<void>((resolve) => {
        arrived = resolve;
      });
    }
  }
  const messages = () =>
    sql<{ last_error: string | null; failed: boolean }>(
      consentry,
      "SELECT last_error, failed_at IS NOT NULL AS failed FROM outbox_messages WHERE kind = 'session.ended' ORDER BY last_error",
    );

  it('whoever ends the session, the client hears of it once, in a token of its own; one that did not ask hears nothing', async () => {
    const byLeaver = await connected();
    const byAdministrator = await connected();
    const byPerson = await connected();
    const kept = await connected();
    await assert.rejects(
      consentry.rooms.database.unit(async () => {
        await consentry.rooms.leavers.end({ accountId: kept.account.id, reason: 'test' });
        throw new Error('rolled back');
      }),
    );
    await consentry.rooms.leavers.end({ accountId: byLeaver.account.id, by: 'upstream:contoso', reason: 'test' });
    await disableAccount(consentry.rooms, byAdministrator.account);
    const page = await byPerson.person.open(`${consentry.issuer}/logout`);
    await byPerson.person.submit(page, { logout: 'yes' });
    await until(3);
    assert.equal((await messages()).length, 3, 'nothing of what was rolled back');
    assert.equal(received.length, 3);
    const keys = createRemoteJWKSet(new URL(`${consentry.issuer}/jwks`));
    const expected = { issuer: consentry.issuer, audience: told.clientId, typ: 'logout+jwt', algorithms: ['ES256'] };
    const said = new Map<unknown, unknown>();
    const ids = new Set<unknown>();
    for (const { path, token } of received) {
      assert.equal(path, '/bye');
      const { payload } = await jwtVerify(token, keys, expected);
      assert.deepEqual(payload.events, { [EVENT]: {} });
      assert.equal(payload.nonce, undefined);
      assert.ok(Number(payload.exp) - Number(payload.iat) <= 120);
      ids.add(payload.jti);
      said.set(payload.sub, payload.sid);
    }
    assert.equal(ids.size, 3);
    for (const { account, sid } of [byLeaver, byAdministrator, byPerson]) assert.equal(said.get(account.id), sid);
  });

  it('a server that does not answer as it should is tried again; one that says no is not', async () => {
    const [first, second] = [await connected(), await connected()];
    answer = 503;
    const before = received.length;
    await consentry.rooms.leavers.end({ accountId: first.account.id, reason: 'test' });
    await until(before + 1);
    answer = 400;
    await consentry.rooms.leavers.end({ accountId: second.account.id, reason: 'test' });
    await until(before + 2);
    answer = 200;
    let failures: Awaited<ReturnType<typeof messages>> = [];
    // What came of it is written down just after the answer.
    while (failures.length < 2) failures = (await messages()).filter(({ last_error: error }) => error !== null);
    assert.deepEqual(failures, [
      { last_error: 'status 400', failed: true },
      { last_error: 'status 503', failed: false },
    ]);
  });

  it('a client that registers itself may be told only where people return to it anyway', async () => {
    const register = async (metadata: Record<string, unknown>) => {
      const { text } = await postRegistration(consentry.issuer, { client_name: 'Self', ...metadata });
      return JSON.parse(text) as Record<string, unknown>;
    };
    const own = 'https://app.example.test/bye';
    const redirects = { redirect_uris: [REDIRECT] };
    const kept = await register({
      ...redirects,
      backchannel_logout_uri: own,
      backchannel_logout_session_required: true,
    });
    assert.equal(kept.backchannel_logout_uri, own);
    assert.equal(kept.backchannel_logout_session_required, true);
    for (const uri of [
      'https://victim.example/bye',
      'https://app.example.test.victim.example/',
      'https://app.example.test:8443/',
      'http://app.example.test/bye',
      'https://x@app.example.test/bye',
      'javascript:alert(1)',
      7,
      [own],
    ]) {
      const { client_id: id, backchannel_logout_uri: said } = await register({
        ...redirects,
        backchannel_logout_uri: uri,
      });
      assert.ok(id, JSON.stringify(uri));
      assert.equal(said, undefined, JSON.stringify(uri));
    }
    const local = await register({ redirect_uris: ['http://127.0.0.1/callback'], backchannel_logout_uri: own });
    assert.equal(local.backchannel_logout_uri, undefined);
    const { error } = await register({ ...redirects, backchannel_logout_uri: `${own}#part` });
    assert.equal(error, 'invalid_client_metadata');
  });
});
