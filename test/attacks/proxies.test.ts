/** Proxies with one client ID for everybody behind them: naming somebody is theirs alone, and each is asked about by itself. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decodeJwt } from 'jose';
import { type Step, words } from '../person.ts';
import { type Answer, type Begun, basic, type Client, type Clients, EVIL, openClients, type Params } from './client.ts';
import { startTarget } from './consentry-target.ts';
import type { Target } from './target.ts';
import { assertAsks, assertRefused, type Browser, codeOf, signedIn } from './victim.ts';

const CLAUDE = {
  client_id: 'https://client.example.test/client.json',
  redirect_uri: 'https://client.example.test/callback',
};
const DESK = { client_id: 'https://desk.example.test/client.json', redirect_uri: 'https://desk.example.test/callback' };
type Named = typeof CLAUDE;

describe('a proxy with one client ID', () => {
  let target: Target & { close(): Promise<void> };
  let clients: Clients;
  let victim: Browser;
  let gateway: Client;
  let other: Client;
  before(async () => {
    target = await startTarget();
    clients = await openClients(target);
    for (const [one, name] of [
      [CLAUDE, 'Claude'],
      [DESK, 'Desk'],
    ] as const) {
      await target.operator.publish(one.client_id, { client_name: name, redirect_uris: [one.redirect_uri] });
    }
    [gateway, other] = [
      await addProxy('Gateway', 'https://gw.example.test/callback'),
      await addProxy('Tunnel', 'https://tunnel.example.test/callback'),
    ];
    victim = (await signedIn(target, clients, target.people.victim)).browser;
  });
  after(() => target?.close());

  async function addProxy(name: string, redirectUri: string): Promise<Client> {
    const made = await target.operator.addClient({ name, kind: 'proxy', redirectUris: [redirectUri] });
    return { clientId: made.clientId, redirectUri, headers: basic(made.clientId, made.clientSecret), registration: {} };
  }
  const details = (...named: object[]) =>
    JSON.stringify(named.map((one) => ({ type: 'urn:consentry:acting-for', ...one })));
  async function push(client: Client, params: Params): Promise<Begun & Answer> {
    const begun = clients.begin(client, params);
    return {
      ...begun,
      ...(await clients.post('pushed_authorization_request', new URL(begun.url).searchParams, client.headers)),
    };
  }
  function front(client: Client, { body }: Answer, more: Record<string, string> = {}): string {
    const query = new URLSearchParams({ client_id: client.clientId, request_uri: String(body.request_uri), ...more });
    return `${clients.endpoint('authorization')}?${query.toString()}`;
  }
  async function ask(client: Client, named: Named, browser = victim): Promise<{ pushed: Begun & Answer; page: Step }> {
    const pushed = await push(client, { authorization_details: details(named) });
    assert.equal(pushed.status, 201, JSON.stringify(pushed.body));
    return { pushed, page: await browser.follow(front(client, pushed)) };
  }
  async function tokens(client: Client, named: Named): Promise<Record<string, string>> {
    const { pushed, page } = await ask(client, named);
    const { status, body } = await clients.redeem(
      client,
      pushed,
      String(codeOf(await target.recipe.agree(victim, page))),
    );
    assert.equal(status, 200, JSON.stringify(body));
    return body as Record<string, string>;
  }

  it('that names nobody gets the whole page every time, a warning on it, and nothing that outlives the access token (threats 120, 125)', async () => {
    for (let time = 0; time < 2; time += 1) {
      const offline = { scope: `${target.scopes.usual} offline_access`, prompt: 'consent' };
      const begun = clients.begin(gateway, time === 0 ? offline : {});
      const page = await victim.launch(begun.url);
      assertAsks(target, page, 'Gateway', 'may be behind this');
      assert.equal(target.recipe.kindOf(page), 'consent');
      const { body } = await clients.redeem(gateway, begun, String(codeOf(await target.recipe.agree(victim, page))));
      assert.ok(body.access_token);
      assert.equal(body.refresh_token, undefined);
    }
  });

  it('names nobody by an address that anybody could write, nor twice, nor in words of their own (threat 121)', async () => {
    for (const value of [details(CLAUDE), details(CLAUDE, DESK), 'x', '[{}]']) {
      const { left } = await victim.follow(clients.begin(gateway, { authorization_details: value }).url);
      assert.match(String(left?.searchParams.get('error')), /^invalid_/, value);
    }
    for (const value of [
      details(CLAUDE, DESK),
      details(CLAUDE, CLAUDE),
      details({ ...CLAUDE, more: 1 }),
      details({ client_id: CLAUDE.client_id }),
    ]) {
      const pushed = await push(gateway, { authorization_details: value });
      assert.equal(pushed.status, 400, value);
    }
    const app = await clients.register(EVIL);
    assert.equal((await push(app, { authorization_details: details(CLAUDE) })).status, 400, 'an app acts for nobody');
    const foreign = await push(gateway, { authorization_details: details(CLAUDE) });
    for (const client of [app, other]) assert.equal(codeOf(await victim.follow(front(client, foreign))), undefined);
  });

  it('is not changed by what stands beside its pushed request (threat 121)', async () => {
    const pushed = await push(gateway, { authorization_details: details(CLAUDE) });
    const beside = {
      authorization_details: details(DESK),
      redirect_uri: EVIL,
      scope: target.scopes.more,
      resource: target.other.uri,
      state: 'evil',
    };
    const page = await victim.follow(front(gateway, pushed, beside));
    assertAsks(target, page, 'Claude', 'Gateway', 'gw.example.test', 'Mail');
    assert.doesNotMatch(page.html, /Desk|evil\.example|Calendar/);
    const done = await target.recipe.agree(victim, page);
    assert.equal(done.left?.host, 'gw.example.test');
    assert.equal(done.left?.searchParams.get('state'), pushed.state);
  });

  it('is asked about for each client by itself: none covers another, and one that ends ends alone (threat 122)', async () => {
    const direct: Client = {
      clientId: CLAUDE.client_id,
      redirectUri: CLAUDE.redirect_uri,
      headers: {},
      registration: {},
    };
    const through = await addProxy('Fresh', 'https://fresh.example.test/callback');
    const held = await tokens(through, CLAUDE);
    assert.equal(target.recipe.kindOf(await victim.launch(clients.begin(direct).url)), 'consent');
    for (const [client, named, kind] of [
      [through, CLAUDE, 'confirm'],
      [through, DESK, 'consent'],
      [other, CLAUDE, 'consent'],
    ] as const) {
      assert.equal(target.recipe.kindOf((await ask(client, named)).page), kind);
    }
    const second = await tokens(gateway, DESK);
    await target.operator.revoke(target.people.victim, gateway.clientId);
    assert.equal((await clients.refresh(gateway, second.refresh_token)).body.error, 'invalid_grant');
    assert.equal((await clients.refresh(through, held.refresh_token)).status, 200);
  });

  it('names nobody who is unknown, stands for others, or returns elsewhere (threat 123)', async () => {
    for (const named of [
      { ...CLAUDE, redirect_uri: EVIL },
      { ...CLAUDE, redirect_uri: `${CLAUDE.redirect_uri}/` },
      { client_id: 'unknown', redirect_uri: EVIL },
      { client_id: other.clientId, redirect_uri: other.redirectUri },
      { client_id: gateway.clientId, redirect_uri: gateway.redirectUri },
      { client_id: 'https://127.0.0.1/client.json', redirect_uri: EVIL },
      { client_id: CLAUDE.client_id.toUpperCase(), redirect_uri: CLAUDE.redirect_uri },
    ]) {
      assert.equal((await push(gateway, { authorization_details: details(named) })).status, 400, named.client_id);
    }
  });

  it('gets for one client no token for another, and says in each token for whom (threat 124)', async () => {
    const { access_token: token, refresh_token: held } = await tokens(gateway, CLAUDE);
    assert.deepEqual(decodeJwt(String(token)).act, { sub: gateway.clientId, act: { sub: CLAUDE.client_id } });
    for (const value of [details(DESK), details({ ...CLAUDE, redirect_uri: EVIL }), 'x', details(CLAUDE, DESK)]) {
      const { status, body } = await clients.refresh(gateway, held, { authorization_details: value });
      assert.ok(status === 400 && /^invalid_/.test(String(body.error)), `${value} ${JSON.stringify(body)}`);
    }
    assert.equal((await clients.refresh(other, held)).body.error, 'invalid_grant');
    const { pushed, page } = await ask(gateway, CLAUDE);
    const code = String(codeOf(await target.recipe.agree(victim, page)));
    const swapped = await clients.redeem(gateway, pushed, code, { authorization_details: details(DESK) });
    assert.equal(swapped.status, 400, JSON.stringify(swapped.body));
  });

  it('puts no press of the one request into another: the page of one is not the form of the next', async () => {
    const [one, two] = [await ask(gateway, CLAUDE), await ask(gateway, DESK)];
    const crossed = await target.recipe.agree(victim, {
      ...one.page,
      url: two.page.url,
      html: one.page.html.replaceAll(new URL(one.page.url).pathname, new URL(two.page.url).pathname),
    });
    assert.equal(codeOf(crossed), undefined);
    assert.equal(crossed.status, 403, words(crossed));
  });

  it('has no device flow, where nobody could tell whose device it is', async () => {
    const answer = await clients.post(
      'device_authorization',
      { resource: target.resource.uri, authorization_details: details(CLAUDE) },
      gateway.headers,
    );
    assert.ok(answer.status >= 400);
    assertRefused(target, await victim.follow(`${target.issuer}/device/x`));
  });
});
