/** "Stop" and "Block" end what an app has, in every registration that it has it by; and what they count is the app. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { authorizationUrl, authorize, redeem, refresh, registerClient, signIn } from '../flow.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';
import { type HttpsStub, startHttpsStub, testCaFile } from '../https-stub.ts';
import { createPerson, type Person, type Step } from '../person.ts';
import { isShortPage } from '../proxies/kit.ts';
import { heading, isConnectPage, isConsentPage, words } from './kit.ts';

const READ = 'mail:read';
const WIDER = 'mail:read mail:label';

describe('what ends an app’s access', () => {
  let consentry: Consentry;
  let stub: HttpsStub;
  let document: Record<string, unknown>;
  let ana: Person;
  let runs = 0;
  let name: string;
  before(async () => {
    stub = await startHttpsStub((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
    });
    consentry = await startConsentry({ OUTBOUND_ALLOW: 'localhost', OUTBOUND_CA_FILE: testCaFile });
    // A browser that a program opened.
    ana = createPerson(consentry.issuer, { 'sec-fetch-site': 'none' });
    const { client_id: id } = await registerClient(consentry.issuer, { client_name: 'Sign-in' });
    await signIn(ana, await ana.open(authorizationUrl(consentry, id).url), consentry.ana);
  });
  beforeEach(() => {
    runs += 1;
    name = `Program ${runs}`;
  });
  after(async () => {
    await consentry?.close();
    await stub?.close();
  });

  const register = async (metadata: Record<string, unknown> = {}) =>
    (await registerClient(consentry.issuer, { client_name: name, ...metadata })).client_id;
  const ask = (clientId: string, scope = READ) => ana.open(authorizationUrl(consentry, clientId, { scope }).url);
  const press = (page: Step, decision: string) => ana.submit(page, { decision });
  const deny = async (clientId: string, scope = READ) => press(await ask(clientId, scope), 'deny');
  async function tokenOf(clientId: string) {
    const authorized = await authorize(consentry, clientId, { person: ana, params: { scope: READ } });
    return (await redeem(consentry, clientId, authorized)).body.refresh_token;
  }
  async function assertEnded(clientId: string, token: string | undefined, reason: string) {
    const { status, body } = await refresh(consentry, clientId, token);
    assert.deepEqual([status, body.error], [400, 'invalid_grant']);
    const reasons = await sql(consentry, 'SELECT revoked_reason AS reason FROM consents WHERE client_id = $1', [
      clientId,
    ]);
    assert.deepEqual(reasons, [{ reason }]);
    const recorded = await sql(
      consentry,
      "SELECT reason FROM audit_events WHERE type = 'consent.revoked' AND client_id = $1",
      [clientId],
    );
    assert.deepEqual(recorded, [{ reason }]);
  }
  const isBlockPage = ({ html }: Step) => html.includes('value="block"') && !html.includes('value="approve"');

  it('"Block" ends living access, of every registration of the program', async () => {
    const [id, other] = [await register(), await register()];
    const token = await tokenOf(id);
    const short = await ask(other);
    assert.ok(isShortPage(short), words(short));
    await press(short, 'continue');
    for (let count = 0; count < 2; count += 1) await deny(id, WIDER);
    const page = await ask(id, WIDER);
    assert.ok(isBlockPage(page), words(page));
    assert.match(heading(await press(page, 'block')), /blocked/);
    await assertEnded(id, token, 'blocked_by_person');
    const [left] = await sql(
      consentry,
      'SELECT count(*)::int AS n FROM consents WHERE client_id = ANY($1) AND revoked_at IS NULL',
      [[id, other]],
    );
    assert.deepEqual(left, { n: 0 });
    for (const one of [id, other]) assert.equal((await ask(one)).status, 403);
  });

  it('"Stop" ends all of a program’s access, by 60 registrations too', async () => {
    const first = await register();
    const token = await tokenOf(first);
    await sql(consentry, "UPDATE consents SET approved_at = now() - interval '1 day' WHERE client_id = $1", [first]);
    await sql(
      consentry,
      `INSERT INTO clients SELECT made.* FROM clients c, generate_series(1, 59) n,
         jsonb_populate_record(c, jsonb_build_object('id', c.id || '-' || n)) made WHERE c.id = $1`,
      [first],
    );
    await sql(
      consentry,
      `INSERT INTO consents SELECT made.* FROM consents c, generate_series(1, 59) n,
         jsonb_populate_record(c, jsonb_build_object('id', c.id || '-' || n, 'client_id', c.client_id || '-' || n,
           'living_key', c.living_key || '-' || n, 'approved_at', now())) made WHERE c.client_id = $1`,
      [first],
    );
    const page = await ask(await register());
    assert.ok(isShortPage(page), words(page));
    assert.match(heading(await press(page, 'stop')), /stopped/);
    const ended = await sql(
      consentry,
      `SELECT revoked_reason AS reason, count(*)::int AS n FROM consents WHERE client_id LIKE $1 || '%' GROUP BY 1`,
      [first],
    );
    assert.deepEqual(ended, [{ reason: 'stopped_by_person', n: 60 }]);
    await assertEnded(first, token, 'stopped_by_person');
  });

  it('two denials of a copy take no Approve from a program that the person uses', async () => {
    const honest = await register();
    const token = await tokenOf(honest);
    const copy = await register();
    for (let count = 0; count < 2; count += 1) await deny(copy, WIDER);
    assert.ok(isBlockPage(await ask(copy, WIDER)));
    assert.ok(isShortPage(await ask(honest)), 'covered');
    assert.ok(isConsentPage(await ask(honest, WIDER)), 'and may ask for more');
    assert.equal((await refresh(consentry, honest, token)).status, 200);
  });

  it('a copy that changes its other redirects or its client ID, but not its name and where it returns to, is counted as one', async () => {
    const documentId = `${stub.url}/${runs}.json`;
    document = { client_id: documentId, client_name: name, redirect_uris: ['http://127.0.0.1/callback'] };
    const copies = [
      await register(),
      await register({ redirect_uris: ['http://127.0.0.1/callback', 'http://127.0.0.1/other'] }),
      await register({ redirect_uris: ['http://127.0.0.1:8080/callback'], software_id: 'other' }),
      documentId,
      await register({ client_name: name.toUpperCase() }),
    ];
    const seen = [];
    for (const id of copies) {
      const page = await ask(id);
      seen.push(isBlockPage(page));
      await press(page, 'deny');
    }
    assert.deepEqual(seen, [false, false, true, true, true]);
    assert.ok(isConsentPage(await ask(await register({ client_name: 'Somebody else' }))));
  });

  it('after "Block" a new registration with the same looks is stopped', async () => {
    for (let count = 0; count < 2; count += 1) await deny(await register());
    await press(await ask(await register()), 'block');
    for (const metadata of [{}, { redirect_uris: ['http://127.0.0.1/callback', 'http://127.0.0.1/other'] }]) {
      const page = await ask(await register(metadata));
      assert.deepEqual([page.status, page.left], [403, undefined], words(page));
      assert.match(heading(page), /You blocked this app/);
    }
    assert.ok(isConsentPage(await ask(await register({ client_name: 'Somebody else' }))));
  });

  it('a document that drops a redirect suspends everybody’s access by it, on 1,200 loopback ports too, in one record', async () => {
    const id = `${stub.url}/popular.json`;
    const [gone, kept] = ['http://127.0.0.1/callback', 'http://127.0.0.1/kept'];
    document = { client_id: id, client_name: name, redirect_uris: [gone, kept] };
    const token = await tokenOf(id);
    await authorize(consentry, id, { person: ana, params: { redirect_uri: 'http://127.0.0.1:7/kept', scope: READ } });
    await sql(
      consentry,
      `INSERT INTO consents SELECT made.* FROM consents c, generate_series(1, 1200) n,
         jsonb_populate_record(c, jsonb_build_object('id', c.id || '-' || n, 'living_key', c.living_key || '-' || n,
           'redirect_uri', 'http://127.0.0.1:' || 10000 + n || '/callback')) made
       WHERE c.client_id = $1 AND c.redirect_uri LIKE '%/callback'`,
      [id],
    );
    document = { ...document, redirect_uris: [kept] };
    await sql(consentry, "UPDATE metadata_documents SET fresh_until = now() - interval '1 minute' WHERE url = $1", [
      id,
    ]);
    const page = await ana.open(authorizationUrl(consentry, id, { redirect_uri: 'http://127.0.0.1:7/kept' }).url);
    assert.equal(page.status, 200, words(page));
    assert.ok(!isConnectPage(page), words(page));
    const living = await sql(
      consentry,
      'SELECT redirect_uri AS uri FROM consents WHERE client_id = $1 AND suspended_at IS NULL',
      [id],
    );
    assert.deepEqual(living, [{ uri: 'http://127.0.0.1:7/kept' }]);
    const recorded = await sql(
      consentry,
      "SELECT reason, details->'consents' AS consents FROM audit_events WHERE type = 'consent.suspended' AND client_id = $1",
      [id],
    );
    assert.deepEqual(recorded, [{ reason: 'redirect_removed', consents: 1201 }]);
    const { status, body } = await refresh(consentry, id, token);
    assert.deepEqual([status, body.error], [400, 'invalid_grant']);
  });
});
