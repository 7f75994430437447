/** Signed request objects (RFC 9101): the client's own words under the client's own signature. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decodeJwt } from 'jose';
import { approve, registerClient, tokenRequest } from '../flow.ts';
import { type Consentry, startConsentry } from '../harness.ts';
import { createPerson, type Person, pkce } from '../person.ts';
import { createKeyClient, type KeyClient } from './key-client.ts';
import { connect } from './kit.ts';

const REDIRECT = 'http://127.0.0.1:33418/callback';

describe('request objects', () => {
  let consentry: Consentry;
  let client: KeyClient;
  let ana: Person;
  const { verifier, challenge } = pkce();
  before(async () => {
    consentry = await startConsentry();
    client = await createKeyClient(consentry.issuer);
    ana = createPerson(consentry.issuer);
    await connect(consentry, { person: ana });
  });
  after(() => consentry?.close());

  const claims = (changes: Record<string, unknown> = {}) => ({
    client_id: client.id,
    response_type: 'code',
    redirect_uri: REDIRECT,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    resource: consentry.mail.uri,
    state: 'inside',
    ...changes,
  });

  function url(request: string, params: Record<string, string> = {}): string {
    return `${consentry.issuer}/authorize?${new URLSearchParams({ client_id: client.id, request, ...params })}`;
  }

  async function scopeOf(request: string, params?: Record<string, string>): Promise<unknown> {
    const { left, html } = await approve(ana, await ana.open(url(request, params)));
    assert.ok(left, html);
    assert.deepEqual([left.origin + left.pathname, left.searchParams.get('state')], [REDIRECT, 'inside']);
    const fields = {
      grant_type: 'authorization_code',
      code: String(left.searchParams.get('code')),
      code_verifier: verifier,
      redirect_uri: REDIRECT,
    };
    const { status, body } = await tokenRequest(consentry.issuer, { ...fields, ...(await client.credentials()) });
    assert.equal(status, 200, JSON.stringify(body));
    return decodeJwt(String(body.access_token)).scope;
  }

  it('ask as parameters do: foreign scopes dropped, low-sensitivity ones by default, a press in any case', async () => {
    assert.equal(await scopeOf(await client.sign(claims())), 'mail:read');
    assert.equal(await scopeOf(await client.sign(claims({ scope: 'mail:send calendar:read' }))), 'mail:send');
  });

  it('count alone: parameters beside them change nothing', async () => {
    const beside = {
      scope: 'mail:read mail:send',
      redirect_uri: 'https://evil.example/',
      resource: 'http://127.0.0.1:9/elsewhere',
      state: 'outside',
      code_challenge: 'x'.repeat(43),
      prompt: 'none',
    };
    assert.equal(await scopeOf(await client.sign(claims({ scope: 'mail:read' })), beside), 'mail:read');
  });

  it('are refused under every other signature (threat 17)', async () => {
    for (const [what, request] of Object.entries(await client.forgeries(claims()))) {
      for (const params of [
        {},
        { redirect_uri: REDIRECT, response_type: 'code', code_challenge: challenge, code_challenge_method: 'S256' },
      ]) {
        const { left, status } = await ana.open(url(request, params));
        if (left) assert.equal(left.searchParams.get('error'), 'invalid_request_object', what);
        else assert.equal(status, 400, what);
        assert.equal(left?.searchParams.get('code') ?? undefined, undefined);
      }
    }
  });

  it('are refused where they are for somebody else, over, or name another client', async () => {
    const now = Math.floor(Date.now() / 1000);
    const { client_id: stranger } = await registerClient(consentry.issuer);
    const wrong: Record<string, unknown>[] = [
      { aud: 'https://other.example' },
      { iss: 'other' },
      { exp: now - 60 },
      { nbf: now + 600 },
      { client_id: stranger },
      { request: 'x' },
      { request_uri: 'https://evil.example/' },
    ];
    for (const changes of wrong) {
      const page = await ana.open(url(await client.sign(claims(changes)), { redirect_uri: REDIRECT }));
      assert.equal(page.left?.searchParams.get('error'), 'invalid_request_object', JSON.stringify(changes));
    }
  });

  it('of a client without a key are refused, signed by whomever', async () => {
    const { client_id: id } = await registerClient(consentry.issuer);
    const request = await client.sign(claims({ iss: id, client_id: id }));
    const page = await ana.open(url(request, { client_id: id, redirect_uri: REDIRECT }));
    assert.equal(page.left?.searchParams.get('error'), 'invalid_request_object');
  });

  it('take no way around what parameters cannot do', async () => {
    const wrong: [Record<string, unknown>, string][] = [
      [{ response_type: 'token' }, 'unsupported_response_type'],
      [{ response_mode: 'form_post' }, 'unsupported_response_mode'],
      [{ code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
      [{ code_challenge_method: 'plain' }, 'invalid_request'],
      [{ resource: 'http://127.0.0.1:9/elsewhere' }, 'invalid_target'],
      [{ resource: [consentry.mail.uri, 'http://127.0.0.1:9/elsewhere'] }, 'invalid_target'],
      [{ prompt: 'none' }, 'interaction_required'],
    ];
    for (const [changes, error] of wrong) {
      const { left } = await ana.open(url(await client.sign(claims(changes))));
      const said = left?.hash ? new URLSearchParams(left.hash.slice(1)) : left?.searchParams;
      assert.equal(said?.get('error'), error, JSON.stringify(changes));
    }
    const page = await ana.open(url(await client.sign(claims({ redirect_uri: 'https://evil.example/' }))));
    assert.deepEqual([page.status, page.left], [400, undefined]);
  });

  it('can be pushed, and are then asked once', async () => {
    const push = (request: string, credentials: Record<string, string>) =>
      fetch(`${consentry.issuer}/par`, {
        method: 'POST',
        body: new URLSearchParams({ request, client_id: client.id, ...credentials }),
      });
    const pushed = await push(await client.sign(claims()), await client.credentials());
    assert.equal(pushed.status, 201);
    const { request_uri: uri } = (await pushed.json()) as { request_uri: string };
    const front = `${consentry.issuer}/authorize?${new URLSearchParams({ client_id: client.id, request_uri: uri })}`;
    assert.ok((await approve(ana, await ana.open(front))).left?.searchParams.get('code'));
    for (const [what, request] of Object.entries(await client.forgeries(claims()))) {
      const refused = await push(request, await client.credentials());
      const { error } = (await refused.json()) as { error: string };
      assert.deepEqual([refused.status, error], [400, 'invalid_request_object'], what);
    }
    const unproven = await push(await client.sign(claims()), {});
    assert.equal(unproven.status, 401);
  });
});
