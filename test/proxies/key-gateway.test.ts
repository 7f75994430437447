/** A gateway that proves itself with a key: it may sign whom it names (RFC 9101), and is judged as any other. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ACTING_FOR } from '../../src/clients/downstream.ts';
import { redeem, tokenRequest } from '../flow.ts';
import { type Consentry, sql } from '../harness.ts';
import { type HttpsStub, startHttpsStub } from '../https-stub.ts';
import { isConsentPage, words } from '../interaction/kit.ts';
import { createKeyClient, type KeyClient } from '../oauth/key-client.ts';
import { createPerson, type Person } from '../person.ts';
import {
  agree,
  begin,
  CLAUDE,
  details,
  entry,
  frontUrl,
  type Gateway,
  headline,
  type Named,
  type Params,
  type Proxies,
  push,
  reach,
  startProxies,
} from './kit.ts';

const CLAUDE_THROUGH = '“Claude” (claude.example) through “Gateway” (gw.example) wants to use Mail';

describe('a gateway with a key', () => {
  let world: Proxies;
  let consentry: Consentry;
  let stub: HttpsStub;
  let key: KeyClient;
  let gateway: Gateway;
  let ana: Person;
  let redirectUris = ['http://127.0.0.1/callback'];
  before(async () => {
    stub = await startHttpsStub((request, response) => {
      const document = { client_id: stub.url + request.url, client_name: 'Paper', redirect_uris: redirectUris };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
    });
    world = await startProxies();
    ({ consentry } = world);
    const { redirectUri } = world.gateway;
    key = await createKeyClient(consentry.issuer, { redirect_uris: [redirectUri] });
    const made = { client_name: 'Gateway', authorization_details_types: [ACTING_FOR] };
    const text = "UPDATE clients SET origin = 'static', kind = 'proxy', metadata = metadata || $2::jsonb WHERE id = $1";
    await sql(consentry, text, [key.id, JSON.stringify(made)]);
    gateway = { clientId: key.id, headers: {}, redirectUri };
    ana = createPerson(consentry.issuer);
    await reach(consentry, begin(consentry, gateway).url, ana);
  });
  after(async () => {
    await world?.close();
    await stub?.close();
  });

  const page = (url: string) => reach(consentry, url, ana);

  it('names a client in a request object that it signs, and under no other signature', async () => {
    const claims = (more: object) => ({
      ...Object.fromEntries(new URL(begin(consentry, gateway).url).searchParams),
      ...more,
    });
    const url = (request: string, more: Params = {}) => frontUrl(consentry, gateway, undefined, { request, ...more });
    const naming = claims({ authorization_details: [entry(CLAUDE)] });
    assert.equal(headline(await page(url(await key.sign(naming)))), CLAUDE_THROUGH);
    for (const [what, request] of Object.entries(await key.forgeries(naming))) {
      const refused = await page(url(request));
      assert.ok(!isConsentPage(refused), what);
      assert.ok(!refused.left?.searchParams.has('code'), what);
    }
    const beside = url(await key.sign(claims({})), { authorization_details: details(CLAUDE) });
    assert.match(words(await page(beside)), /Anyone who uses gw\.example may be behind this/);
    const body = { request: await key.sign(naming), client_id: key.id };
    const pushed = (credentials: object) =>
      fetch(`${consentry.issuer}/par`, { method: 'POST', body: new URLSearchParams({ ...body, ...credentials }) });
    assert.equal((await pushed({})).status, 401);
    const { request_uri: uri } = (await (await pushed(await key.credentials())).json()) as { request_uri: string };
    assert.equal(headline(await page(frontUrl(consentry, gateway, uri))), CLAUDE_THROUGH);
  });

  async function connect(named: Named): Promise<string | undefined> {
    const { front, ...begun } = await push(consentry, gateway, {
      authorization_details: details(named),
      ...(await key.credentials()),
    });
    const code = await agree(ana, await page(front));
    const { status, body } = await redeem(consentry, key.id, { ...begun, code }, await key.credentials());
    assert.equal(status, 200, JSON.stringify(body));
    return body.refresh_token;
  }
  const refresh = async (token: string | undefined) =>
    tokenRequest(consentry.issuer, {
      grant_type: 'refresh_token',
      refresh_token: token,
      ...(await key.credentials()),
    });

  it('goes on where nobody has read the document for so long that our copy is gone', async () => {
    const named = { clientId: `${stub.url}/idle.json`, redirectUri: 'http://127.0.0.1/callback' };
    const token = await connect(named);
    await sql(consentry, 'DELETE FROM metadata_documents WHERE url = $1', [named.clientId]);
    const { status, body } = await refresh(token);
    assert.equal(status, 200, JSON.stringify(body));
  });

  it('gets no more where the client behind it takes back its redirect', async () => {
    const named = { clientId: `${stub.url}/client.json`, redirectUri: 'http://127.0.0.1/callback' };
    const token = await connect(named);
    redirectUris = ['http://127.0.0.1/elsewhere'];
    const text = "UPDATE metadata_documents SET fresh_until = now() - interval '1 second' WHERE url = $1";
    await sql(consentry, text, [named.clientId]);
    const { status, body } = await refresh(token);
    assert.deepEqual([status, body.error, body.access_token], [400, 'invalid_grant', undefined]);
  });
});
