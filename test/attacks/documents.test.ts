/** Clients that are a document at an address of their choice: the server fetches what strangers name. */
import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type HttpsStub, startHttpsStub, testCaFile } from '../https-stub.ts';
import { type Step, words } from '../person.ts';
import { type Clients, openClients, PROGRAM } from './client.ts';
import { startTarget } from './consentry-target.ts';
import type { Target } from './target.ts';
import { assertAsks, assertNothing, assertRefused, type Browser, codeOf, signedIn } from './victim.ts';

describe('a metadata document', () => {
  let target: Target & { close(): Promise<void> };
  let clients: Clients;
  let victim: Browser;
  /** The attacker's, on the web. */
  let host: HttpsStub;
  /** What only our network reaches. */
  let internal: HttpsStub;
  let inside: string;
  let answer: RequestListener;
  let ahead = 0;
  let serial = 0;
  before(async () => {
    host = await startHttpsStub((request, response) => answer(request, response));
    internal = await startHttpsStub((_request, response) => response.end('secret'));
    // The one name is the web, every other way to write the address is ours.
    inside = `https://127.0.0.1:${internal.port}/inside`;
    const env = { OUTBOUND_ALLOW: 'localhost', OUTBOUND_CA_FILE: testCaFile };
    target = await startTarget(env, () => new Date(Date.now() + ahead));
    clients = await openClients(target);
    victim = (await signedIn(target, clients, target.people.victim)).browser;
  });
  beforeEach(() => {
    publish({});
  });
  after(async () => {
    await target?.close();
    await host?.close();
    await internal?.close();
  });

  const documentOf = (url: string, members: object) => ({
    client_id: url,
    client_name: 'Paper',
    redirect_uris: ['http://127.0.0.1/callback'],
    ...members,
  });
  function publish(members: object, headers: Record<string, string> = {}, raw = (text: string) => text): void {
    answer = ({ url }, response) => {
      const text = raw(JSON.stringify(documentOf(`${host.url}${url}`, members)));
      response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(text);
    };
  }
  /** An address that nobody asked for before. */
  function address(): string {
    serial += 1;
    return `${host.url}/${serial}.json`;
  }
  const ask = (clientId: string, params = {}) =>
    victim.follow(clients.begin({ clientId, redirectUri: PROGRAM }, params).url);
  /** What the page says, without what differs by nature. */
  const said = (page: Step) =>
    words(page)
      .replace(/quote: \S+/, '')
      .replace(/https:\S+/g, '');

  it('is fetched from no address of our own network, however it is written (threats 7, 23)', async () => {
    const { port } = internal;
    const hosts = ['127.0.0.1', '127.1', '2130706433', '0x7f.1', '0177.0.0.1', '[::1]', '0.0.0.0'];
    hosts.push(
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[64:ff9b::7f00:1]',
      '[::]',
      '127.0.0.1.',
      '[fe80::1]',
      '169.254.169.254',
    );
    hosts.push('100.64.0.1', '10.0.0.1', '[fd00::1]', 'user@127.0.0.1', `127.0.0.1:${port}#@localhost`, '①②⑦.0.0.1');
    const down = said(await ask(`https://localhost:1/${serial}.json`));
    for (const name of hosts) {
      const page = await ask(`https://${name}:${port}/client.json`);
      assertRefused(target, page, 400);
      // A name that is none of a document says so; a place that is not reached says what a dead host does.
      if (!/registered/.test(words(page))) assert.equal(said(page), down, name);
    }
    assert.equal(internal.connections(), 0);
  });

  it('leads to no second address: redirects are not followed, to our network or anywhere, and read like every other failure (threats 8, 9)', async () => {
    const answers: RequestListener[] = [
      ...[301, 302, 303, 307, 308].map(
        (status): RequestListener =>
          (_request, response) =>
            response.writeHead(status, { location: inside }).end(),
      ),
      (_request, response) => response.writeHead(302, { location: 'http://127.0.0.1/' }).end(),
      (_request, response) =>
        response.writeHead(200, { refresh: `0;url=${inside}`, 'content-type': 'text/html' }).end('x'),
      (_request, response) => response.writeHead(403).end(),
      (_request, response) => response.destroy(),
    ];
    const texts = new Set<string>();
    for (const one of answers) {
      answer = one;
      const page = await ask(address());
      assertRefused(target, page, 400);
      texts.add(said(page));
    }
    assert.equal(internal.connections(), 0);
    assert.equal(texts.size, 1, [...texts].join('\n'));
  });

  it('names no further address that we would ask: neither its keys nor its logo nor a request (threat 23)', async () => {
    publish({
      ...{ token_endpoint_auth_method: 'private_key_jwt', jwks_uri: inside, logo_uri: inside, client_uri: inside },
      ...{ sector_identifier_uri: inside, request_uris: [inside], policy_uri: inside, initiate_login_uri: inside },
    });
    const url = address();
    await ask(url);
    await ask(url, { request_uri: inside });
    const assertion = `${btoa(JSON.stringify({ alg: 'ES256', jku: inside, x5u: inside }))}.${btoa(JSON.stringify({ iss: url, sub: url, aud: target.issuer }))}.AAAA`;
    const { status } = await clients.post('token', {
      ...{ grant_type: 'authorization_code', code: 'x', client_id: url, client_assertion: assertion },
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    });
    assert.ok(status === 400 || status === 401, String(status));
    await clients.tryRegister({
      redirect_uris: [PROGRAM],
      jwks_uri: inside,
      logo_uri: inside,
      token_endpoint_auth_method: 'private_key_jwt',
    });
    assert.equal(internal.connections(), 0);
  });

  it('that is no plain JSON document of this very client is refused, in the same words (threats 26, 72)', async () => {
    const texts = new Set<string>();
    const refused = async (members: object, headers: Record<string, string> = {}, raw?: (text: string) => string) => {
      publish(members, headers, raw);
      const page = await ask(address());
      assertRefused(target, page, 400);
      texts.add(said(page));
    };
    await refused({}, { 'content-type': 'text/html' });
    await refused({}, { 'content-type': 'text/plain' });
    await refused({}, { 'content-type': 'application/octet-stream' });
    await refused({}, { 'content-disposition': 'attachment; filename=client.json' });
    await refused({}, {}, (text) => `\ufeff${text}`);
    await refused({}, {}, (text) => text.replace('{', '{"redirect_uris":["https://evil.example.test/"],'));
    await refused({}, {}, (text) => `${text} trailing`);
    await refused({}, {}, (text) => `[${text}]`);
    await refused({}, {}, (text) => text.padEnd(20_000));
    await refused({ client_id: `${host.url}/other.json` });
    await refused({ client_id: undefined });
    await refused({ redirect_uris: undefined });
    assert.equal(texts.size, 1, [...texts].join('\n'));
    // One that can be read is told what is wrong with it.
    await refused({ redirect_uris: ['http://127.0.0.1/callback', 'javascript:alert(1)'] });
    await refused({ redirect_uris: ['http://127.0.0.1/callback', `${target.issuer}/authorize`] });
    await refused({ client_secret: 'x', token_endpoint_auth_method: 'client_secret_basic' });
  });

  it('that changes while its page is open gets no code for what was on it (threat 42)', async () => {
    const changes = [{ client_name: 'Your bank' }, { redirect_uris: ['https://evil.example.test/callback'] }];
    for (const change of [
      ...changes,
      { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://evil.example.test/keys' },
    ]) {
      publish({});
      const url = address();
      const page = await ask(url);
      assertAsks(target, page, 'Paper');
      publish(change);
      ahead += 86_400_000 * 2;
      // Whatever ended meanwhile, a press on the old page gives nothing.
      const pressed = await target.recipe.agree(victim, page);
      assert.equal(codeOf(pressed), undefined, JSON.stringify(change));
      ahead = 0;
    }
  });

  it('is asked for no more often than is decent, however often strangers name it', async () => {
    const url = address();
    const before = host.connections();
    await Promise.all(Array.from({ length: 30 }, () => ask(url)));
    assert.ok(host.connections() - before <= 10, `${host.connections() - before} connections for thirty requests`);
    assertNothing(await ask(url));
  });
});
