/** A client's host that answers slowly holds up its own people, and nobody's database connection. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { authorizationUrl, signIn } from '../flow.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';
import { startHttpsStub, testCaFile } from '../https-stub.ts';
import { createPerson, readForm } from '../person.ts';

/** More than there are database connections. */
const PEOPLE = 24;

describe('a slow metadata document', () => {
  let consentry: Consentry;
  let host: Awaited<ReturnType<typeof startHttpsStub>>;
  let delayMs = 0;
  before(async () => {
    host = await startHttpsStub(async ({ url }, response) => {
      await sleep(delayMs);
      const document = {
        client_id: `${host.url}${url}`,
        client_name: 'Claude Code',
        redirect_uris: ['http://127.0.0.1/callback'],
        token_endpoint_auth_method: 'none',
      };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
    });
    consentry = await startConsentry({ OUTBOUND_ALLOW: '127.0.0.1/32', OUTBOUND_CA_FILE: testCaFile });
  });
  after(async () => {
    await consentry?.close();
    await host?.close();
  });

  /** Up to the press, whose answer leads on to oidc-provider. */
  async function press(clientId: string) {
    const person = createPerson(consentry.issuer);
    const page = await signIn(person, await person.open(authorizationUrl(consentry, clientId).url), consentry.ana);
    const { fields } = readForm(page.html, new URL(page.url).pathname);
    const body = new URLSearchParams([...fields, ['decision', 'approve']]);
    const response = await person.send(page.url, { method: 'POST', body, headers: { origin: consentry.issuer } });
    return { person, resume: String(response.headers.get('location')) };
  }

  it('costs nobody their press: all of them get their code', async () => {
    const pressed = [];
    for (let count = 0; count < PEOPLE; count += 1) pressed.push(await press(`${host.url}/client.json`));
    await sql(consentry, 'UPDATE metadata_documents SET fresh_until = fetched_at');
    delayMs = 400;
    const answers = await Promise.all(pressed.map(({ person, resume }) => person.open(resume)));
    for (const { left, status } of answers) assert.ok(left?.searchParams.get('code'), `${status} ${left?.href}`);
  });
});
