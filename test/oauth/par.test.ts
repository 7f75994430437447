/** Pushed authorization requests (RFC 9126): what was pushed is what is asked, by who pushed it, once. */
import assert from 'node:assert/strict';
import { after, before, describe, it, mock } from 'node:test';
import { decodeJwt } from 'jose';
import { approve, authorizationUrl, basic, redeem, registerClient, tokenRequest } from '../flow.ts';
import { CALENDAR, type Consentry, type Registered, register, sql, startConsentry } from '../harness.ts';
import { createPerson, type Person, readForm, type Step } from '../person.ts';
import { connect } from './kit.ts';

describe('pushed authorization requests', () => {
  let consentry: Consentry;
  let calendar: Registered;
  let ana: Person;
  let clientId: string;
  before(async () => {
    mock.timers.enable({ apis: ['Date'], now: Date.now() });
    consentry = await startConsentry();
    calendar = await register(consentry.rooms, CALENDAR);
    ana = createPerson(consentry.issuer);
    clientId = (await connect(consentry, { person: ana })).clientId;
  });
  after(async () => {
    await consentry?.close();
    mock.timers.reset();
  });

  async function post(fields: URLSearchParams, headers: Record<string, string> = {}) {
    const response = await fetch(`${consentry.issuer}/par`, { method: 'POST', body: fields, headers });
    const body = (await response.json()) as Record<string, string>;
    return { status: response.status, headers: response.headers, body, uri: String(body.request_uri) };
  }

  async function push(
    params: Record<string, string | undefined> = {},
    id = clientId,
    headers?: Record<string, string>,
  ) {
    const begun = authorizationUrl(consentry, id, params);
    return { ...begun, ...(await post(new URL(begun.url).searchParams, headers)) };
  }

  function frontUrl(uri: string, more: Record<string, string> = {}, id = clientId): string {
    return `${consentry.issuer}/authorize?${new URLSearchParams({ client_id: id, request_uri: uri, ...more })}`;
  }

  /** Presses Approve and stops before the request goes on: there they meet. */
  async function press(person: Person, page: Step): Promise<string> {
    const { fields } = readForm(page.html, new URL(page.url).pathname);
    const body = new URLSearchParams([...fields, ['decision', 'approve']]);
    const response = await person.send(page.url, { method: 'POST', body, headers: { origin: consentry.issuer } });
    return new URL(String(response.headers.get('location')), page.url).href;
  }

  const errorOf = ({ left }: Step) => left?.searchParams.get('error');

  it('answer 201, once and not for long, and lead to the consent page', async () => {
    const pushed = await push();
    assert.equal(pushed.status, 201);
    assert.match(String(pushed.headers.get('cache-control')), /no-store/);
    assert.deepEqual(pushed.body, { expires_in: 60, request_uri: pushed.uri });
    assert.match(pushed.uri, /^urn:ietf:params:oauth:request_uri:[\w-]{21,}$/);
    const stored = JSON.stringify(
      await sql(consentry, "SELECT a::text FROM artifacts a WHERE kind = 'PushedAuthorizationRequest'"),
    );
    assert.doesNotMatch(stored, new RegExp(String(pushed.uri.split(':').at(-1))));

    const { left } = await approve(ana, await ana.open(frontUrl(pushed.uri)));
    assert.equal(left?.searchParams.get('state'), pushed.state);
    const code = String(left?.searchParams.get('code'));
    const { status, body } = await redeem(consentry, clientId, { ...pushed, code });
    assert.equal(status, 200, JSON.stringify(body));
  });

  it('are not changed by anything beside them in the address (threat 121)', async () => {
    const { uri, verifier, redirectUri } = await push({ scope: 'mail:read' });
    const page = await ana.open(
      frontUrl(uri, {
        scope: 'mail:read mail:send',
        resource: calendar.uri,
        redirect_uri: 'https://evil.example/',
        state: 'other',
        code_challenge: 'x'.repeat(43),
      }),
    );
    const { left } = await approve(ana, page);
    assert.equal(left?.origin, new URL(redirectUri).origin);
    const { body } = await redeem(consentry, clientId, {
      code: String(left?.searchParams.get('code')),
      verifier,
      redirectUri,
    });
    const claims = decodeJwt(String(body.access_token));
    assert.deepEqual([claims.aud, claims.scope], [consentry.mail.uri, 'mail:read']);
  });

  it('are used once: neither again afterwards, nor by four browsers that all reached the end at the same instant', async () => {
    const { uri } = await push();
    const returns: [Person, string][] = [];
    for (let count = 0; count < 4; count += 1) {
      const person = createPerson(consentry.issuer);
      await connect(consentry, { person, clientId });
      returns.push([person, await press(person, await person.open(frontUrl(uri)))]);
    }
    const pressed = await Promise.all(returns.map(([person, url]) => person.open(url)));
    assert.equal(pressed.filter(({ left }) => left?.searchParams.has('code')).length, 1);
    assert.equal(errorOf(await ana.open(frontUrl(uri))), 'invalid_request_uri');
  });

  it('are for the client that pushed them', async () => {
    const { client_id: stranger } = await registerClient(consentry.issuer);
    const { uri } = await push();
    assert.equal(errorOf(await ana.open(frontUrl(uri, {}, stranger))), 'invalid_request_object');
    assert.ok((await approve(ana, await ana.open(frontUrl(uri)))).left?.searchParams.has('code'));
  });

  it('are gone after a minute', async () => {
    const { uri } = await push();
    mock.timers.tick(60_000);
    assert.equal(errorOf(await ana.open(frontUrl(uri))), 'invalid_request_uri');
  });

  it('of a confidential client need its secret', async () => {
    const { client_id: id, client_secret: secret } = await registerClient(consentry.issuer, {
      token_endpoint_auth_method: 'client_secret_basic',
    });
    for (const headers of [{}, basic(id, 'wrong')]) {
      const { status, body } = await push({}, id, headers);
      assert.deepEqual([status, body.error], [401, 'invalid_client']);
    }
    const pushed = await push({}, id, basic(id, secret));
    assert.equal(pushed.status, 201, JSON.stringify(pushed.body));
    const { left } = await approve(ana, await ana.open(frontUrl(pushed.uri, {}, id)));
    const fields = {
      grant_type: 'authorization_code',
      code: String(left?.searchParams.get('code')),
      code_verifier: pushed.verifier,
      redirect_uri: pushed.redirectUri,
    };
    assert.equal((await tokenRequest(consentry.issuer, fields, basic(id, secret))).status, 200);
  });

  it('are refused at once where they could not succeed', async () => {
    const wrong: [Record<string, string | undefined>, number, string][] = [
      [{ client_id: 'unknown' }, 401, 'invalid_client'],
      [{ client_id: undefined }, 400, 'invalid_request'],
      [{ redirect_uri: 'https://evil.example/' }, 400, 'invalid_request'],
      [{ response_type: 'token' }, 400, 'unsupported_response_type'],
      [{ response_mode: 'form_post' }, 400, 'unsupported_response_mode'],
      [{ code_challenge: undefined, code_challenge_method: undefined }, 400, 'invalid_request'],
      [{ code_challenge_method: 'plain' }, 400, 'invalid_request'],
      [{ resource: 'http://127.0.0.1:9/elsewhere' }, 400, 'invalid_target'],
      [{ resource: undefined }, 400, 'invalid_target'],
      [{ scope: 'mail:read "' }, 400, 'invalid_scope'],
      [{ request_uri: 'urn:ietf:params:oauth:request_uri:x' }, 400, 'request_uri_not_supported'],
      [{ prompt: 'nonsense' }, 400, 'invalid_request'],
    ];
    for (const [params, status, error] of wrong) {
      const answer = await push(params);
      assert.deepEqual(
        [answer.status, answer.body.error, answer.body.request_uri],
        [status, error, undefined],
        JSON.stringify(params),
      );
    }
  });

  it('send nobody by themselves to an https host that nobody here approved (threat 52)', async () => {
    const redirect = 'https://app.example.test/callback';
    const { client_id: fresh } = await registerClient(consentry.issuer, { redirect_uris: [redirect] });
    const { uri } = await push({ redirect_uri: redirect, prompt: 'none' }, fresh);
    const page = await ana.open(frontUrl(uri, {}, fresh));
    assert.deepEqual([page.status, page.left], [400, undefined]);
    assert.match(page.html, /href="https:\/\/app\.example\.test\/callback\?error=interaction_required/);
    const unknown = await ana.open(frontUrl('urn:ietf:params:oauth:request_uri:unknown', {}, fresh));
    assert.deepEqual([unknown.status, unknown.left], [400, undefined]);
  });

  it('can be made the only way by the client itself', async () => {
    const { client_id: strict } = await registerClient(consentry.issuer, {
      require_pushed_authorization_requests: true,
    });
    const { left } = await ana.open(authorizationUrl(consentry, strict).url);
    assert.equal(left?.searchParams.get('error'), 'invalid_request');
    const { uri } = await push({}, strict);
    assert.match((await ana.open(frontUrl(uri, {}, strict))).html, /value="approve"/);
  });
});
