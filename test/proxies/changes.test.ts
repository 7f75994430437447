/** What becomes of a gateway's access when the client behind it changes, or the rules of who may connect do (consent.md §2, §4). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandOn } from '../cli/command.ts';
import { authorizationUrl, introspect, type Registration, registerClient } from '../flow.ts';
import { type Consentry, sql } from '../harness.ts';
import { type HttpsStub, startHttpsStub } from '../https-stub.ts';
import { isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person } from '../person.ts';
import {
  agree,
  ask,
  CLAUDE,
  connect,
  DESK,
  details,
  headline,
  isShortPage,
  type Named,
  type Proxies,
  push,
  reach,
  refreshWith,
  startProxies,
  type Tokens,
} from './kit.ts';

const CALLBACK = 'http://127.0.0.1/callback';

describe('the access of a gateway', () => {
  let world: Proxies;
  let consentry: Consentry;
  let ana: Person;
  let stub: HttpsStub;
  /** What the stub answers, by path. */
  const served = new Map<string | undefined, { status: number; document: object }>();
  let paper: Named;
  let count = 0;
  before(async () => {
    stub = await startHttpsStub((request, response) => {
      const { status, document } = served.get(request.url) ?? { status: 404, document: {} };
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(document));
    });
    world = await startProxies();
    ({ consentry } = world);
    ana = createPerson(consentry.issuer, { 'sec-fetch-site': 'none' });
    await reach(consentry, authorizationUrl(consentry, (await registerClient(consentry.issuer)).client_id).url, ana);
  });
  after(async () => {
    await world?.close();
    await stub?.close();
  });
  beforeEach(async () => {
    count += 1;
    paper = { clientId: `${stub.url}/paper-${count}.json`, redirectUri: CALLBACK };
    await publish();
  });

  /** Puts another document at the client's address and lets our copy of the old one go stale. */
  async function publish(members: object = {}, status = 200): Promise<void> {
    const document = { client_id: paper.clientId, client_name: 'Paper', redirect_uris: [CALLBACK], ...members };
    served.set(new URL(paper.clientId).pathname, { status, document });
    await sql(consentry, "UPDATE metadata_documents SET fresh_until = now() - interval '1 second' WHERE url = $1", [
      paper.clientId,
    ]);
  }

  const through = async (named = paper) => (await connect(consentry, world.gateway, named, { person: ana })).tokens;
  const again = (named = paper) => ask(consentry, world.gateway, named, { person: ana });
  const refresh = ({ refresh_token: token }: Tokens) => refreshWith(consentry, world.gateway, token);
  async function assertOver(tokens: Tokens): Promise<void> {
    const { status, body } = await refresh(tokens);
    assert.deepEqual([status, body.error, body.access_token], [400, 'invalid_grant', undefined], JSON.stringify(body));
  }
  /** Our copy of the document may be what it was before; by this refresh it is read anew, and the next one knows. */
  async function assertSoonOver(tokens: Tokens): Promise<void> {
    let current = tokens;
    for (let time = 0; time < 50; time += 1) {
      const { status, body } = await refresh(current);
      if (status !== 200) return assert.equal(body.error, 'invalid_grant');
      current = body as unknown as Tokens;
      await sleep(20);
    }
    assert.fail('it goes on');
  }
  async function goOn(tokens: Tokens): Promise<Tokens> {
    const { status, body } = await refresh(tokens);
    assert.equal(status, 200, JSON.stringify(body));
    return body as unknown as Tokens;
  }

  const breaking: [string, object, object][] = [
    ['takes back the redirect', {}, { redirect_uris: ['http://127.0.0.1/elsewhere'] }],
    [
      'no longer proves itself with a key',
      { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://keys.example/jwks.json' },
      { token_endpoint_auth_method: 'none' },
    ],
    [
      'moves its keys to another host',
      { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://keys.example/jwks.json' },
      { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://evil.example/jwks.json' },
    ],
    ['calls itself like an MCP server here', {}, { client_name: 'Mail' }],
  ];
  for (const [what, before, after] of breaking) {
    it(`ends where the client ${what}, until a full page is pressed again`, async () => {
      await publish(before);
      const tokens = await through();
      assert.ok(isShortPage((await again()).page));
      await publish(after);
      await assertSoonOver(tokens);
      assert.deepEqual((await introspect(consentry, tokens.access_token)).body, { active: false });
      await publish(before);
      const { page, person } = await again();
      assert.ok(isConsentPage(page), words(page));
      await agree(person, page);
      assert.ok(isShortPage((await again()).page));
    });
  }

  const unfit: typeof breaking = [
    ...breaking,
    ['adds a redirect that nobody may have', {}, { redirect_uris: [CALLBACK, 'http://evil.example/'] }],
  ];
  for (const [what, before, after] of unfit) {
    it(`has no page where the client ${what} while the person reads`, async () => {
      await publish(before);
      await through();
      const { page, person } = await again();
      assert.ok(isShortPage(page));
      await publish(after);
      const pressed = await person.submit(page, { decision: 'continue' });
      assert.equal(pressed.left, undefined, pressed.left?.href);
      assert.ok([400, 403].includes(pressed.status), words(pressed));
    });
  }

  it('ends at the first refresh that follows the change, as for a client that asks itself', async () => {
    for (const [, before, after] of breaking) {
      await publish(before);
      const tokens = await through();
      await publish(after);
      await assertOver(tokens);
    }
  });

  it('goes on where nobody has read the document for so long that our copy is gone', async () => {
    const tokens = await through();
    await sql(consentry, 'DELETE FROM metadata_documents WHERE url = $1', [paper.clientId]);
    await goOn(tokens);
    const { body } = await refreshWith(consentry, world.gateway, 'unknown');
    assert.equal(body.error, 'invalid_grant');
  });

  it('ends with the document of the client (410), and outlasts a host that is down', async () => {
    let tokens = await through();
    await publish({}, 503);
    tokens = await goOn(tokens);
    await sleep(100);
    tokens = await goOn(tokens);
    await publish({}, 410);
    await assertSoonOver(tokens);
    const { status, answer } = await push(consentry, world.gateway, { authorization_details: details(paper) });
    assert.deepEqual([status, answer.error], [400, 'invalid_authorization_details']);
  });

  it('goes on where the client has another name; the next page shows it, and what it was', async () => {
    let tokens = await through();
    await publish({ client_name: 'Scissors' });
    for (let time = 0; time < 3; time += 1) tokens = await goOn(tokens);
    const { page, person } = await again();
    assert.ok(isConsentPage(page));
    assert.match(headline(page), /^“Scissors” \(localhost:\d+\) through “Gateway” \(gw\.example\)/);
    assert.match(words(page), /“Paper”.*“Scissors”/);
    await agree(person, page);
    assert.ok(isShortPage((await again()).page));
    await goOn(tokens);
  });

  it('goes on, and the short page stays, where the client adds a redirect, a logo or a link', async () => {
    const tokens = await through();
    const more = { redirect_uris: ['https://paper.example/callback', CALLBACK], client_uri: 'https://paper.example/' };
    await publish({ ...more, logo_uri: 'https://paper.example/logo.png' });
    await goOn(await goOn(tokens));
    assert.ok(isShortPage((await again()).page));
  });

  it('ends where a client that registered itself takes back its redirect', async () => {
    const registration = await registerClient(consentry.issuer);
    const named = { clientId: registration.client_id, redirectUri: CALLBACK };
    const tokens = await goOn(await through(named));
    await update(registration, { redirect_uris: ['http://127.0.0.1/elsewhere'] });
    await assertOver(tokens);
    const { status, answer } = await push(consentry, world.gateway, { authorization_details: details(named) });
    assert.deepEqual([status, answer.error], [400, 'invalid_authorization_details']);
  });

  async function update(registration: Registration, changes: object): Promise<void> {
    const { registration_access_token: token, registration_client_uri: uri, ...metadata } = registration;
    const { client_id_issued_at: _, client_secret_expires_at: __, ...body } = metadata as Record<string, unknown>;
    const response = await fetch(uri, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...body, ...changes }),
    });
    assert.equal(response.status, 200, await response.clone().text());
  }

  it('is known of its client once: asking alone and through a gateway by turns records no change', async () => {
    for (let time = 0; time < 3; time += 1) {
      await connect(consentry, world.gateway, paper, { person: ana });
      const page = await reach(
        consentry,
        authorizationUrl(consentry, paper.clientId, { redirect_uri: CALLBACK }).url,
        ana,
      );
      await agree(ana, page);
    }
    const events = await sql<{ details: { changed: boolean } }>(
      consentry,
      "SELECT details FROM audit_events WHERE type = 'client.document_recorded' AND client_id = $1 ORDER BY seq",
      [paper.clientId],
    );
    // Once it is seen how oidc-provider completes it.
    assert.ok(events.length <= 2, JSON.stringify(events));
  });

  describe('by the rules of who may connect', () => {
    const command = (...args: string[]) => commandOn(consentry)(['policy', ...args]);
    async function withRule(rule: string[], work: () => Promise<void>): Promise<void> {
      const { code, err } = await command('add', ...rule);
      assert.equal(code, 0, err);
      try {
        await work();
      } finally {
        await sql(consentry, "DELETE FROM policy_rules WHERE id <> 'default'");
      }
    }
    async function assertStopped(named: Named | undefined): Promise<void> {
      const { page } = await ask(consentry, world.gateway, named, { person: ana });
      assert.deepEqual([page.status, page.left], [403, undefined], words(page));
      assert.ok(!isConsentPage(page) && !isShortPage(page));
    }

    it('is denied with the host of the client behind it, at the page and at the refresh', async () => {
      const claude = await through(CLAUDE);
      const desk = await through(DESK);
      await withRule(['--effect', 'deny', '--client-host', 'claude.example'], async () => {
        await assertStopped(CLAUDE);
        await assertOver(claude);
        assert.ok(isShortPage((await again(DESK)).page));
        await goOn(desk);
      });
      await goOn(claude);
    });

    it('is denied with the redirect of the client behind it', async () => {
      const claude = await through(CLAUDE);
      await withRule(['--effect', 'deny', '--redirect-host', 'claude.example'], async () => {
        await assertStopped(CLAUDE);
        await assertOver(claude);
      });
    });

    it('is denied with the gateway itself, whomever it names', async () => {
      const claude = await through(CLAUDE);
      await withRule(['--effect', 'deny', '--redirect-host', 'gw.example'], async () => {
        for (const named of [CLAUDE, DESK, undefined]) await assertStopped(named);
        await assertOver(claude);
      });
    });

    it('is opened by no rule that allows the client: what the gateway may not, nobody may through it', async () => {
      await sql(consentry, `UPDATE policy_rules SET match = '{"above":"none"}' WHERE id = 'default'`);
      try {
        await withRule(['--effect', 'allow', '--client-host', 'fresh.example'], async () => {
          const fresh = {
            clientId: 'https://fresh.example/client.json',
            redirectUri: 'https://fresh.example/callback',
          };
          await world.publish(fresh, { client_name: 'Fresh' });
          const { page } = await ask(consentry, world.gateway, fresh, { person: ana });
          assert.equal(page.left, undefined);
          assert.ok(!isConsentPage(page) && !isShortPage(page), words(page));
        });
      } finally {
        await sql(consentry, `UPDATE policy_rules SET match = '{"above":"high"}' WHERE id = 'default'`);
      }
    });
  });
});
