/** What becomes of registrations and documents over days and months (RFC 7591, draft-ietf-oauth-client-id-metadata-document). */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { commandOn } from '../cli/command.ts';
import { approve, authorizationUrl, authorize, redeem, refresh, registerClient, signIn } from '../flow.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';
import { type HttpsStub, startHttpsStub, testCaFile } from '../https-stub.ts';
import { createPerson, type Person } from '../person.ts';

const DAY = 86_400_000;

describe('registrations and documents as time passes', () => {
  let consentry: Consentry;
  let host: HttpsStub;
  let directory: string;
  let ana: Person;
  let ahead = 0;
  let answer = { status: 403, body: '<h1>Attention required</h1>' };
  before(async () => {
    host = await startHttpsStub((_request, response) => {
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
    });
    const env = { OUTBOUND_ALLOW: '127.0.0.1/32', OUTBOUND_CA_FILE: testCaFile };
    consentry = await startConsentry(env, () => new Date(Date.now() + ahead));
    ana = createPerson(consentry.issuer);
    directory = await mkdtemp(join(tmpdir(), 'consentry-interop-'));
  });
  after(async () => {
    await consentry?.close();
    await host?.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** As a program does that takes another port whenever it starts. */
  const register = (port: number) =>
    registerClient(consentry.issuer, { redirect_uris: [`http://localhost:${port}/callback`] });
  const redirect = (port: number) => ({ redirect_uri: `http://localhost:${port}/callback` });
  const families = () => consentry.rooms.clients.listFamilies({ origins: ['dynamic'], living: true });
  async function connect(port: number) {
    const { client_id: id } = await register(port);
    const begun = await authorize(consentry, id, { person: ana, params: redirect(port) });
    return { id, refreshToken: (await redeem(consentry, id, begun)).body.refresh_token };
  }

  it('row 16: registrations of one program with ever new ports are one line, and those never used go within a day', async () => {
    for (let port = 50_000; port < 50_046; port += 1) await register(port);
    const used = [await connect(50_100), await connect(50_101)];
    const [family, ...others] = await families();
    assert.deepEqual([family?.registrations, family?.livingConsents, others], [48, 2, []]);

    const pressing = await register(50_102);
    ahead = DAY + 3_600_000;
    const begun = authorizationUrl(consentry, pressing.client_id, redirect(50_102));
    const person = createPerson(consentry.issuer);
    const page = await person.open(begun.url);
    assert.deepEqual(await consentry.rooms.reaping.run(), { neverUsed: 46, unused: 0 });
    const done = await approve(person, await signIn(person, page, consentry.ana));
    const code = done.left?.searchParams.get('code') ?? '';
    assert.equal((await redeem(consentry, pressing.client_id, { ...begun, code })).status, 200);
    for (const { id, refreshToken } of used) assert.equal((await refresh(consentry, id, refreshToken)).status, 200);
    assert.equal((await families())[0]?.registrations, 3);
  });

  it('row 17: a registration lives as long as a grant under it, and is told 401 invalid_client when it is gone', async () => {
    ahead = 0;
    const { id, refreshToken } = await connect(50_200);
    await sql(
      consentry,
      "UPDATE clients SET last_used_at = last_used_at - interval '80 days', created_at = created_at - interval '80 days'",
    );
    assert.deepEqual(await consentry.rooms.reaping.run(), { neverUsed: 0, unused: 0 });
    const refreshed = await refresh(consentry, id, refreshToken);
    assert.equal(refreshed.status, 200, JSON.stringify(refreshed.body));

    ahead = 91 * DAY;
    await consentry.rooms.reaping.run();
    const late = await refresh(consentry, id, refreshed.body.refresh_token);
    assert.deepEqual([late.status, late.body.error], [401, 'invalid_client']);
  });

  it('row 26: where the host of a document never answers, an imported document connects people', async () => {
    ahead = 0;
    const id = `${host.url}/imported.json`;
    const page = await ana.open(authorizationUrl(consentry, id).url);
    assert.equal(page.status, 400);
    const file = join(directory, 'client.json');
    const document = {
      client_id: id,
      client_name: 'Claude Code',
      redirect_uris: ['http://127.0.0.1/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
    };
    await writeFile(file, JSON.stringify(document));
    const command = commandOn(consentry);
    assert.equal((await command(['client', 'import-document', id, file])).code, 0);
    const { body } = await redeem(consentry, id, await authorize(consentry, id, { person: ana }));
    ahead = 20 * DAY;
    assert.equal((await refresh(consentry, id, body.refresh_token)).status, 200);

    answer = { status: 200, body: JSON.stringify({ ...document, client_name: 'Claude Code 2' }) };
    ahead += 3_600_000;
    await ana.open(authorizationUrl(consentry, id).url);
    const [changed] = await sql(
      consentry,
      "SELECT client_id, details FROM audit_events WHERE type = 'client.document_changed'",
    );
    assert.deepEqual(changed, { client_id: id, details: { members: ['client_name'] } });
    const shown = await command.json<Record<string, unknown>>(['client', 'show', id]);
    assert.equal(shown.client_name, 'Claude Code 2');
    assert.ok(shown.document_fetched_at && !shown.document_imported_at);
  });
});
