/** No connection of the database waits for a client's host, however a request is spelled: strangers choose those hosts. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ACTING_FOR } from '../../src/clients/downstream.ts';
import { createMetadataDocuments } from '../../src/clients/metadata-document.ts';
import { createMetadataPolicy } from '../../src/clients/metadata-policy.ts';
import { createEgress, type Egress } from '../../src/web/egress.ts';
import { FetchFailed } from '../../src/web/fetch-failed.ts';
import { inRequest } from '../../src/web/request-context.ts';
import { authorizationUrl, registerClient } from '../flow.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';
import { type HttpsStub, startHttpsStub, testCaFile } from '../https-stub.ts';
import { isConnectPage, words } from '../interaction/kit.ts';
import { createKeyClient } from '../oauth/key-client.ts';
import { createPerson } from '../person.ts';
import { details } from '../proxies/kit.ts';

/** Each resumes as often as this; all together more than there are connections. */
const OF_EACH = 5;
const SPELLINGS = [
  '/authorize/UID',
  '/authorize/UID/',
  '/Authorize/UID',
  '/AUTHORIZE/UID/',
  '/device/UID/',
  '/Device/UID',
];

describe('while a client’s host is slow', () => {
  let consentry: Consentry;
  let stub: HttpsStub;
  let egress: Egress;
  let asked = 0;
  let hold: Promise<void> | undefined;
  let release = () => {};
  before(async () => {
    stub = await startHttpsStub(async ({ url }, response) => {
      asked += 1;
      await hold;
      const document = {
        client_id: `${stub.url}${url}`,
        client_name: 'Slow',
        redirect_uris: ['http://127.0.0.1/callback'],
      };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
    });
    const outbound = { OUTBOUND_ALLOW: 'localhost', OUTBOUND_CA_FILE: testCaFile };
    consentry = await startConsentry(outbound);
    egress = createEgress(consentry.config);
  });
  beforeEach(() => {
    asked = 0;
    hold = undefined;
  });
  afterEach(() => release());
  after(async () => {
    await consentry?.close();
    egress?.close();
    await stub?.close();
  });

  /** From now on the host answers when it is told to; it is asked for what has to be asked. */
  async function slowDown(): Promise<void> {
    hold = new Promise((resolve) => {
      release = resolve;
    });
    await sql(consentry, "UPDATE metadata_documents SET fresh_until = now() - interval '1 minute'");
  }

  async function untilAsked(): Promise<void> {
    for (let tries = 0; asked === 0 && tries < 1_000; tries += 1) await sleep(10);
    // What else there is to do until then is done.
    await sleep(150);
    assert.equal(asked, 1, 'the host is being asked');
  }

  /** Transactions that stay open: what somebody does in passing is over in a moment. */
  async function idle() {
    const text = `SELECT query FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`;
    for (let looks = 0; ; looks += 1) {
      const open = await sql(consentry, text);
      if (open.length === 0 || looks === 20) return open;
      await sleep(20);
    }
  }

  /** Somebody else, who has to do with none of it; undefined where they are still waiting. */
  async function somebodyElse(clientId: string) {
    const page = createPerson(consentry.issuer).open(authorizationUrl(consentry, clientId).url);
    return Promise.race([page, sleep(1_500)]);
  }

  /** Requests of people who have not signed in; each with the cookies that resume it. */
  async function begin(clientId: string) {
    const person = createPerson(consentry.issuer);
    const page = await person.open(authorizationUrl(consentry, clientId).url);
    assert.ok(isConnectPage(page), words(page));
    const uid = String(new URL(page.url).pathname.split('/').pop());
    return { uid, cookie: person.jar.map(({ name, value }) => `${name}=${value}`).join('; ') };
  }

  for (const method of ['GET', 'HEAD']) {
    it(`resumed by ${method} in any spelling: no transaction is open meanwhile, and others get their pages`, async () => {
      const honest = (await registerClient(consentry.issuer)).client_id;
      const clientId = `${stub.url}/resumed-by-${method}.json`;
      const held: { url: string; cookie: string }[] = [];
      for (const spelling of SPELLINGS) {
        for (let count = 0; count < OF_EACH; count += 1) {
          const { uid, cookie } = await begin(clientId);
          held.push({ url: consentry.issuer + spelling.replace('UID', uid), cookie });
        }
      }
      asked = 0;
      await slowDown();
      const going = held.map(({ url, cookie }) => fetch(url, { method, redirect: 'manual', headers: { cookie } }));
      await untilAsked();
      assert.deepEqual(await idle(), []);
      const page = await somebodyElse(honest);
      assert.ok(page && isConnectPage(page), page ? words(page) : 'nobody answers');
      release();
      for (const { status } of await Promise.all(going)) assert.ok(status < 500, `${status}`);
    });
  }

  it('a pushed request by which a proxy names a slow document: plain and signed, no transaction is open meanwhile', async () => {
    const redirectUri = 'https://gw.example/callback';
    const { id, sign, credentials } = await createKeyClient(consentry.issuer, { redirect_uris: [redirectUri] });
    const made = {
      authorization_details_types: [ACTING_FOR],
      consentry_origin: 'static',
      consentry_kind: 'proxy',
    };
    await sql(
      consentry,
      "UPDATE clients SET origin = 'static', kind = 'proxy', metadata = metadata || $2 WHERE id = $1",
      [id, JSON.stringify(made)],
    );
    const push = async (params: Record<string, string>, as: 'plain' | 'signed') => {
      const own = as === 'plain' ? params : { client_id: id, request: await sign(params) };
      const body = new URLSearchParams({ ...own, ...(await credentials()) });
      return fetch(`${consentry.issuer}/par`, { method: 'POST', body });
    };
    for (const as of ['plain', 'signed'] as const) {
      const named = { clientId: `${stub.url}/named-${as}.json`, redirectUri: 'http://127.0.0.1:40404/callback' };
      const begun = authorizationUrl(consentry, id, {
        redirect_uri: redirectUri,
        scope: 'mail:read',
        authorization_details: details(named),
      });
      asked = 0;
      await slowDown();
      const going = push(Object.fromEntries(new URL(begun.url).searchParams), as);
      await untilAsked();
      assert.deepEqual(await idle(), [], as);
      release();
      const answer = await going;
      assert.equal(answer.status, 201, `${as} ${await answer.text()}`);
    }
  });

  it('a document asked for in an open transaction is answered from the last copy or refused, never fetched', async () => {
    const { database, documents: store, now } = consentry.rooms;
    const documents = createMetadataDocuments({
      egress,
      store,
      policy: createMetadataPolicy({ issuer: consentry.issuer }),
      isHeld: () => database.isOpen(),
      now,
    });
    const read = (url: string) => documents.fetch(url, { redirect: 'manual' });
    const url = `${stub.url}/known.json`;
    await inRequest('client', () => read(url));
    await sql(consentry, "UPDATE metadata_documents SET fresh_until = now() - interval '1 minute'");
    asked = 0;
    const inTransaction = (address: string) =>
      inRequest('client', () =>
        database.unit(async () => {
          await database.write((tx) => tx.$queryRaw`SELECT 1`);
          return read(address);
        }),
      );
    assert.equal(((await (await inTransaction(url)).json()) as { client_name: string }).client_name, 'Slow');
    const unknown = inTransaction(`${stub.url}/unknown.json`);
    await assert.rejects(unknown, (error) => error instanceof FetchFailed && error.reason === 'busy');
    await sql(consentry, "UPDATE metadata_documents SET stale_until = now() - interval '1 second' WHERE url = $1", [
      url,
    ]);
    await assert.rejects(inTransaction(url), FetchFailed, 'too old');
    assert.equal(asked, 0);
    // Before its first write a unit holds no connection.
    await inRequest('client', () => database.unit(() => read(url)));
    assert.equal(asked, 1);
  });
});
