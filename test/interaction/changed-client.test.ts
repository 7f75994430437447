/** A client that changes while a person decides gets no code for what it was (threats 11, 42). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import {
  approve,
  authorizationUrl,
  authorize,
  LOOPBACK,
  type Registration,
  redeem,
  refresh,
  registerClient,
} from '../flow.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';
import { type HttpsStub, startHttpsStub, testCaFile } from '../https-stub.ts';
import { createPerson, type Person, readForm, type Step } from '../person.ts';
import { given, heading, isConsentPage, words } from './kit.ts';

const OTHER = 'http://127.0.0.1/elsewhere';

describe('a client that changes in the middle', () => {
  let consentry: Consentry;
  let stub: HttpsStub;
  let person: Person;
  let document: Record<string, unknown>;
  let status = 200;
  let documentId: string;
  before(async () => {
    stub = await startHttpsStub((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(document));
    });
    documentId = `${stub.url}/client.json`;
    consentry = await startConsentry({ OUTBOUND_ALLOW: 'localhost', OUTBOUND_CA_FILE: testCaFile });
    person = createPerson(consentry.issuer);
    await authorize(consentry, (await registerClient(consentry.issuer)).client_id, { person });
  });
  after(async () => {
    await consentry?.close();
    await stub?.close();
  });
  beforeEach(async () => {
    status = 200;
    await publish({
      client_name: 'Paper',
      redirect_uris: ['http://127.0.0.1/callback', OTHER],
      token_endpoint_auth_method: 'none',
    });
  });

  /** Puts another document at the client's address and lets our copy of the old one go stale. */
  async function publish(content: Record<string, unknown>): Promise<void> {
    document = { client_id: documentId, ...content };
    await sql(consentry, "UPDATE metadata_documents SET fresh_until = now() - interval '1 second'");
  }
  const begin = (clientId: string) => person.open(authorizationUrl(consentry, clientId).url);
  /** Presses, and stops before going on to the resume address. */
  async function press(page: Step): Promise<string> {
    const { fields } = readForm(page.html, new URL(page.url).pathname);
    const pressed = await person.send(page.url, {
      method: 'POST',
      body: new URLSearchParams([...fields, ['decision', 'approve']]),
    });
    assert.equal(pressed.status, 302);
    return String(pressed.headers.get('location'));
  }
  async function assertNoCode(attempt: () => Promise<Step>): Promise<Step> {
    const { codes } = await given(consentry);
    const answer = await attempt();
    assert.equal(answer.left, undefined, `left to ${answer.left?.href}`);
    assert.ok(answer.status < 500, words(answer));
    assert.equal((await given(consentry)).codes, codes);
    return answer;
  }

  it('a document that stays as it is finishes', async () => {
    const done = await approve(person, await begin(documentId));
    assert.ok(done.left?.searchParams.get('code'));
  });

  it('a document that changes its name after the page was shown: the press counts for nothing, the page names the new one (threat 42)', async () => {
    const page = await begin(documentId);
    assert.match(heading(page), /Paper/);
    await publish({ ...document, client_name: 'Scissors' });
    const earlier = await given(consentry);
    const answer = await assertNoCode(() => approve(person, page));
    assert.equal(answer.status, 403);
    assert.match(heading(answer), /Scissors/);
    assert.deepEqual(await given(consentry), earlier);
    assert.ok((await approve(person, answer)).left?.searchParams.get('code'), 'agreed anew');
  });

  it('a document that changes between the press and its code: no code, the page again (threat 42)', async () => {
    for (const change of [
      { client_name: 'Stone' },
      { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: `${stub.url}/jwks` },
    ]) {
      await publish({
        client_name: 'Paper',
        redirect_uris: ['http://127.0.0.1/callback', OTHER],
        token_endpoint_auth_method: 'none',
      });
      const resume = await press(await begin(documentId));
      await publish({ ...document, ...change });
      const answer = await assertNoCode(() => person.open(resume));
      assert.ok(isConsentPage(answer), words(answer));
    }
  });

  it('a document that changes its name between the code and the token gets no token', async () => {
    const authorized = await authorize(consentry, documentId, { person });
    await publish({ ...document, client_name: 'Stone' });
    assert.equal((await redeem(consentry, documentId, authorized)).body.error, 'invalid_grant');
  });

  it('a document that is withdrawn in the middle ends on a page, without a code', async () => {
    const page = await begin(documentId);
    const resume = await press(await begin(documentId));
    await publish(document);
    status = 410;
    for (const attempt of [() => approve(person, page), () => person.open(resume), () => person.open(page.url)]) {
      const answer = await assertNoCode(attempt);
      assert.ok(!isConsentPage(answer), words(answer));
    }
  });

  it('a redirect URI that leaves the document while the page is open gets no code and no consent (threat 11)', async () => {
    const page = await begin(documentId);
    const resume = await press(await begin(documentId));
    await publish({ ...document, redirect_uris: [OTHER] });
    const earlier = await given(consentry);
    const pressed = await assertNoCode(() => approve(person, page));
    assert.match(heading(pressed), /way back is not the one we know/);
    const resumed = await assertNoCode(() => person.open(resume));
    assert.match(heading(resumed), /way back is not the one we know/);
    assert.deepEqual(await given(consentry), earlier);
  });

  it('a redirect URI that leaves the document ends the refresh tokens that went there', async () => {
    const authorized = await authorize(consentry, documentId, { person });
    const { body } = await redeem(consentry, documentId, authorized);
    assert.ok(body.refresh_token);
    await publish({ ...document, redirect_uris: [OTHER] });
    assert.equal((await refresh(consentry, documentId, body.refresh_token)).body.error, 'invalid_grant');
  });

  async function update(client: Registration, changes: Record<string, unknown>): Promise<void> {
    const {
      registration_access_token: token,
      registration_client_uri: uri,
      client_id_issued_at: _,
      client_secret_expires_at: __,
      ...metadata
    } = client;
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answer = await fetch(uri, { method: 'PUT', headers, body: JSON.stringify({ ...metadata, ...changes }) });
    assert.equal(answer.status, 200, await answer.text());
  }

  it('a redirect URI that leaves a registration between the request and its code gets no code (threat 11)', async () => {
    const client = await registerClient(consentry.issuer, { redirect_uris: [LOOPBACK, OTHER] });
    const page = await begin(client.client_id);
    const resume = await press(await begin(client.client_id));
    await update(client, { redirect_uris: [OTHER] });
    const earlier = await given(consentry);
    for (const attempt of [() => person.open(page.url), () => approve(person, page), () => person.open(resume)]) {
      assert.match(heading(await assertNoCode(attempt)), /way back is not the one we know/);
    }
    assert.deepEqual(await given(consentry), earlier);
    const denied = await assertNoCode(() => person.submit(page, { decision: 'deny' }));
    assert.doesNotMatch(denied.html, new RegExp(LOOPBACK));
  });

  it('a redirect URI that leaves a registration between code and token gets no token', async () => {
    const client = await registerClient(consentry.issuer, { redirect_uris: [LOOPBACK, OTHER] });
    const authorized = await authorize(consentry, client.client_id, { person });
    await update(client, { redirect_uris: [OTHER] });
    assert.equal((await redeem(consentry, client.client_id, authorized)).body.error, 'invalid_grant');
  });

  it('a client that is renamed, deleted or revoked in the middle gets no code', async () => {
    const renamed = await registerClient(consentry.issuer);
    const page = await begin(renamed.client_id);
    const resume = await press(await begin(renamed.client_id));
    await update(renamed, { client_name: 'Somebody else' });
    assert.equal((await assertNoCode(() => approve(person, page))).status, 403);
    assert.match(heading(await assertNoCode(() => person.open(resume))), /Somebody else/);

    const deleted = await registerClient(consentry.issuer);
    const open = await begin(deleted.client_id);
    const late = await press(await begin(deleted.client_id));
    const removed = await fetch(deleted.registration_client_uri, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${deleted.registration_access_token}` },
    });
    assert.equal(removed.status, 204);
    for (const attempt of [() => approve(person, open), () => person.open(late), () => person.open(open.url)]) {
      const answer = await assertNoCode(attempt);
      assert.ok(!isConsentPage(answer) && answer.status === 400, words(answer));
    }
  });

  it('a consent revoked between the press and its code gives none (threat 58)', async () => {
    const { client_id: clientId } = await registerClient(consentry.issuer);
    const resume = await press(await begin(clientId));
    await consentry.rooms.consents.revoke({ clientId }, 'test');
    assert.ok(isConsentPage(await assertNoCode(() => person.open(resume))));
  });

  it('the wording behind a scope that changes while the page is open is shown before it counts (threat 60)', async () => {
    const { client_id: clientId } = await registerClient(consentry.issuer);
    const page = await begin(clientId);
    await sql(
      consentry,
      "UPDATE resource_scopes SET description = 'Read everything', tools = ARRAY['list_mail', 'read_mail', 'export_all'] WHERE name = 'mail:read'",
    );
    const answer = await assertNoCode(() => approve(person, page));
    assert.match(words(answer), /Read everything.*export_all/);
    assert.ok((await approve(person, answer)).left?.searchParams.get('code'));
  });
});
