/** By which road a proxy names the client it acts for, and in which words: by no other (threat 121). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { basic, registerClient, tokenRequest } from '../flow.ts';
import { CALENDAR, register, staticClient } from '../harness.ts';
import { type HttpsStub, startHttpsStub } from '../https-stub.ts';
import { isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person } from '../person.ts';
import {
  assertNotNamed,
  begin,
  CLAUDE,
  DESK,
  details,
  entry,
  frontUrl,
  type Gateway,
  headline,
  type Params,
  type Proxies,
  push,
  reach,
  startProxies,
} from './kit.ts';

const CLAUDE_THROUGH = '“Claude” (claude.example) through “Gateway” (gw.example) wants to use Mail';
const NOBODY = /Anyone who uses gw\.example may be behind this/;

describe('a proxy', () => {
  let world: Proxies;
  let stub: HttpsStub;
  let ana: Person;
  before(async () => {
    stub = await startHttpsStub((_request, response) => response.writeHead(404).end());
    world = await startProxies();
    ana = createPerson(world.consentry.issuer);
    await reach(world.consentry, begin(world.consentry, world.gateway).url, ana);
  });
  after(async () => {
    await world?.close();
    await stub?.close();
  });

  /** Pushes what the gateway, or another client, says of whom it acts for. */
  const pushed = (value: string, by: Gateway = world.gateway) =>
    push(world.consentry, by, { authorization_details: value });
  const page = (url: string) => reach(world.consentry, url, ana);

  it('names a client in a request that it pushes and authenticates', async () => {
    const { front } = await pushed(details(CLAUDE));
    const shown = await page(front);
    assert.ok(isConsentPage(shown));
    assert.equal(headline(shown), CLAUDE_THROUGH);
    assert.doesNotMatch(words(shown), NOBODY);
    assert.match(words(shown), /goes back to gw\.example|gw\.example.*from there, it says, to claude\.example/);
  });

  it('names nobody by value in the browser, where anybody could write it: invalid_request, and nothing is fetched', async () => {
    const { consentry, gateway, addClient } = world;
    const connections = stub.connections();
    const elsewhere = details({ clientId: `${stub.url}/client.json`, redirectUri: `${stub.url}/callback` });
    const { client_id: clientId } = await registerClient(consentry.issuer);
    const open = { clientId, redirectUri: 'http://127.0.0.1/callback', headers: {} };
    const others = [await addClient('App', 'https://app.example/callback', 'app'), open];
    for (const value of [details(CLAUDE), elsewhere]) {
      const by = async (client: Gateway) => {
        const { left } = await ana.open(begin(consentry, client, { authorization_details: value }).url);
        return left?.searchParams.get('error');
      };
      assert.equal(await by(gateway), 'invalid_request');
      for (const client of others) assert.equal(await by(client), 'invalid_authorization_details');
    }
    assert.equal(stub.connections(), connections);
    const unproven = pushed(details(CLAUDE), open);
    await assertNotNamed(unproven, 'invalid_authorization_details', 'pushed by a client that proves nothing');
  });

  it('has its pushed request answered as it is: nothing beside request_uri counts', async () => {
    const { consentry, gateway } = world;
    const calendar = await register(consentry.rooms, CALENDAR);
    const beside = {
      authorization_details: details(DESK),
      scope: 'mail:read mail:send',
      resource: calendar.uri,
      redirect_uri: 'https://evil.example/callback',
      prompt: 'none',
      state: 'other',
    };
    const { answer: naming, state } = await pushed(details(CLAUDE));
    const shown = await page(frontUrl(consentry, gateway, naming.request_uri, beside));
    assert.equal(headline(shown), CLAUDE_THROUGH);
    assert.doesNotMatch(words(shown), /Send mail/);
    const { left } = await ana.submit(shown, { decision: 'approve' });
    assert.equal(`${left?.origin}${left?.pathname}`, gateway.redirectUri);
    assert.equal(left?.searchParams.get('state'), state);
    const { answer: silent } = await push(consentry, gateway);
    assert.match(words(await page(frontUrl(consentry, gateway, silent.request_uri, beside))), NOBODY);
  });

  it('names exactly one: said twice is invalid_request, an empty list names nobody', async () => {
    const { consentry, gateway } = world;
    const two = JSON.stringify([entry(CLAUDE), entry(DESK)]);
    await assertNotNamed(pushed(two), 'invalid_request', 'two entries');
    await assertNotNamed(pushed(JSON.stringify([entry(CLAUDE), entry(CLAUDE)])), 'invalid_request', 'one entry twice');
    const body = new URL(begin(consentry, gateway).url).searchParams;
    for (const named of [CLAUDE, CLAUDE]) body.append('authorization_details', details(named));
    const twice = await fetch(`${consentry.issuer}/par`, { method: 'POST', body, headers: gateway.headers });
    assert.deepEqual([twice.status, ((await twice.json()) as { error: string }).error], [400, 'invalid_request']);
    assert.match(words(await page((await pushed('[]')).front)), NOBODY);
  });

  it('names it in the members of the type and no others (RFC 9396 §5)', async () => {
    const wrong: Record<string, unknown> = {
      'another member': [entry(CLAUDE, { scope: 'mail:send' })],
      'a member of every type': [entry(CLAUDE, { actions: ['read'] })],
      'a prototype': JSON.parse(`[{"__proto__":{},${JSON.stringify(entry(CLAUDE)).slice(1)}]`),
      'another type': [entry(CLAUDE, { type: 'payment_initiation' })],
      'another type beside': [entry(CLAUDE, { type: 'payment_initiation' }), entry(CLAUDE)],
      'no client_id': [entry(CLAUDE, { client_id: undefined })],
      'no redirect_uri': [entry(CLAUDE, { redirect_uri: undefined })],
      'client_id in a list': [entry(CLAUDE, { client_id: [CLAUDE.clientId] })],
      'redirect_uri as a number': [entry(CLAUDE, { redirect_uri: 1 })],
      'no list': entry(CLAUDE),
      'a list in a list': [[entry(CLAUDE)]],
      'a list of text': [details(CLAUDE)],
      null: null,
      'a list of null': [null],
    };
    for (const [what, value] of Object.entries(wrong)) {
      await assertNotNamed(pushed(JSON.stringify(value)), 'invalid_authorization_details', what);
    }
    for (const value of ['', '{', 'Claude', `${details(CLAUDE)} x`].slice(1)) {
      await assertNotNamed(pushed(value), 'invalid_authorization_details', value);
    }
  });

  it('names nobody for a service, which acts for itself alone', async () => {
    const { consentry } = world;
    const { clientId, clientSecret } = await staticClient(consentry.rooms, {
      kind: 'service',
      redirectUris: [],
      access: { [consentry.mail.uri]: ['mail:read'] },
    });
    const fields = { grant_type: 'client_credentials', resource: consentry.mail.uri, scope: 'mail:read' };
    const ask = (more: Params) => tokenRequest(consentry.issuer, { ...fields, ...more }, basic(clientId, clientSecret));
    assert.equal((await ask({})).status, 200);
    const { status, body } = await ask({ authorization_details: details(CLAUDE) });
    assert.deepEqual([status, body.error, body.access_token], [400, 'invalid_authorization_details', undefined]);
  });
});
