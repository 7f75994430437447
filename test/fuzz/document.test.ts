/** Whatever a host publishes as a client's metadata document (draft-ietf-oauth-client-id-metadata-document): used as the policy says, or refused in words. */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { displayName } from '../../src/clients/display-name.ts';
import { readContent } from '../../src/clients/document-content.ts';
import { createMetadataPolicy } from '../../src/clients/metadata-policy.ts';
import { approve, authorizationUrl, authorize, LOOPBACK, registerClient } from '../flow.ts';
import { type Consentry, sql, startConsentry } from '../harness.ts';
import { type HttpsStub, startHttpsStub, testCaFile } from '../https-stub.ts';
import { isConnectPage, isConsentPage, words } from '../interaction/kit.ts';
import { createPerson, type Person, type Step } from '../person.ts';
import { address, text } from './arbitraries.ts';
import { assertKept, assertPage, assertPageHeaders, decode, holds } from './kit.ts';
import { knownMembers, members } from './metadata.ts';

interface Served {
  status: number;
  headers: Record<string, string>;
  body: string | Buffer;
}

const REDIRECTS = ['http://127.0.0.1/callback'];
const JSON_HEADERS = { 'content-type': 'application/json' };

describe('any metadata document', () => {
  let consentry: Consentry;
  let stub: HttpsStub;
  let ana: Person;
  const published = new Map<string, Served>();
  let number = 0;
  before(async () => {
    stub = await startHttpsStub((request, response) => answer(response, published.get(String(request.url))));
    consentry = await startConsentry({ OUTBOUND_ALLOW: 'localhost,127.0.0.1', OUTBOUND_CA_FILE: testCaFile });
    ana = createPerson(consentry.issuer);
    await authorize(consentry, (await registerClient(consentry.issuer)).client_id, { person: ana });
  });
  after(async () => {
    await consentry?.close();
    await stub?.close();
  });

  /** @returns its address, at which nothing was read before */
  function publish(serve: (url: string) => Served): string {
    number += 1;
    const path = `/${number}/client.json`;
    published.set(path, serve(stub.url + path));
    return stub.url + path;
  }

  const stated = (url: string, more: Record<string, unknown> = {}) => ({
    client_id: url,
    client_name: 'Paper',
    redirect_uris: REDIRECTS,
    ...more,
  });

  const copyOf = async (url: string) =>
    (await sql<{ body: string }>(consentry, 'SELECT body FROM metadata_documents WHERE url = $1', [url]))[0]?.body;
  const recorded = async (url: string) =>
    (await sql(consentry, 'SELECT 1 FROM clients WHERE id = $1', [url])).length === 1;

  /** The first page of a request from it. */
  function open(person: Person, url: string, redirectUri = LOOPBACK): Promise<Step> {
    return person.open(authorizationUrl(consentry, url, { redirect_uri: redirectUri }).url);
  }

  function assertStopped(page: Step, why: string): void {
    assert.equal(page.left, undefined, why);
    assert.ok(page.status >= 400 && page.status < 500, `${why}: ${page.status}`);
    assertPage(page.html);
    assertPageHeaders(page);
  }

  it('is shown by its name and kept as the policy says, or refused on a page; nothing else of it is kept', async (t) => {
    await holds(
      t,
      50,
      members,
      async (more) => {
        const url = publish((own) => ({ status: 200, headers: JSON_HEADERS, body: JSON.stringify(stated(own, more)) }));
        const uris = Array.isArray(more.redirect_uris) ? more.redirect_uris : REDIRECTS;
        const redirectUri = String(uris.find((uri) => typeof uri === 'string' && uri !== '') ?? LOOPBACK);
        const page = await open(ana, url, redirectUri);
        const copy = await copyOf(url);
        if (copy !== undefined) assertCopy(url, copy, consentry.issuer);
        assert.notEqual(page.left?.protocol, 'https:');
        if (!isConsentPage(page)) {
          if (!page.left) assertStopped(page, words(page));
          assert.ok(!(await recorded(url)));
          return;
        }
        assertPage(page.html);
        assertPageHeaders(page);
        const name = displayName(more.client_name ?? 'Paper');
        assert.ok(decode(page.html.replace(/<[^>]+>/g, '')).includes(name), `${name}: ${words(page)}`);
        const done = await approve(ana, page);
        assert.ok(done.left?.searchParams.get('code'), words(done));
        const kept = await assertKept(consentry, url, 'document');
        assert.equal(kept.client_id, url);
        assert.ok(!('client_secret' in kept));
      },
      knownMembers,
    );
  });

  it('is read only where it is served as JSON, as one object with no name twice, within its bounds', async (t) => {
    const fit = (url: string) => JSON.stringify(stated(url));
    const bodies: Record<string, (url: string, said: string) => string | Buffer> = {
      whole: fit,
      bom: (url) => `\ufeff${fit(url)}`,
      utf16: (url) => Buffer.from(fit(url), 'utf16le'),
      broken: (url) => Buffer.concat([Buffer.from(fit(url).slice(0, -1)), Buffer.from(',"a":"\xff\xc0"}', 'latin1')]),
      twice: (url) => fit(url).replace('{', '{"client_name":"Claude",'),
      escapedTwice: (url) => fit(url).replace('{', '{"client\\u005fname":"Claude",'),
      twiceInside: (url) => fit(url).replace('{', '{"jwks":{"keys":[],"keys":[]},'),
      deep: (url) => fit(url).replace('{', `{"a":${'['.repeat(2_000)}${']'.repeat(2_000)},`),
      deeper: () => '['.repeat(5_000),
      large: (url) => JSON.stringify(stated(url, { a: 'x'.repeat(6_000) })),
      spaced: (url) => fit(url) + ' '.repeat(6_000),
      unfinished: (url) => fit(url).slice(0, -2),
      two: (url) => fit(url) + fit(url),
      list: (url) => `[${fit(url)}]`,
      someoneElses: (url) => fit(`${url}#`),
      html: (_url, said) => `<html>${said}</html>`,
      text: (_url, said) => said,
      secret: (url) => JSON.stringify(stated(url, { client_secret: 'x' })),
      none: () => '',
      number: () => '1',
    };
    const types = [
      'application/json',
      'application/json; charset=utf-8',
      'application/client+json',
      'APPLICATION/JSON',
    ];
    const odd = [
      'text/html',
      'text/plain',
      'application/jsonp',
      'application/javascript',
      'text/json',
      'application/json, text/html',
      '',
    ];
    const more = fc.constantFrom<Record<string, string>>(
      ...[{}, {}, {}, { 'content-disposition': 'attachment; filename=x' }, { 'content-encoding': 'zq' }],
      ...[{ 'cache-control': 'max-age=-1, no-store' }, { 'cache-control': 'max-age=9999999999999' }, { age: 'zq' }],
      ...[{ expires: 'zq' }, { location: 'https://zq.example/' }, { 'set-cookie': 'zq=1' }],
    );
    const status = fc.oneof(
      { weight: 4, arbitrary: fc.constant(200) },
      fc.constantFrom(201, 204, 301, 302, 304, 403, 410, 500),
    );
    const input = fc.record({
      body: fc.constantFrom('whole', 'whole', ...Object.keys(bodies)),
      type: fc.constantFrom(...types, ...types, ...odd),
      status,
      more,
      said: text,
    });
    const reader = createPerson(consentry.issuer);
    await holds(t, 80, input, async ({ body, type, status, more, said }) => {
      const headers = { ...more, ...(type ? { 'content-type': type } : {}) };
      const url = publish((own) => ({ status, headers, body: bodies[body]?.(own, said) ?? '' }));
      const page = await open(reader, url);
      const fine = (body === 'whole' || body === 'deep') && status === 200 && types.includes(type);
      const refused = 'content-disposition' in more || 'content-encoding' in more;
      assert.equal(isConnectPage(page), fine && !refused, words(page));
      if (fine && !refused) return assertPage(page.html);
      assertStopped(page, words(page));
      assert.equal(await copyOf(url), undefined);
    });
  });

  it('packed to many times its size is not unpacked', async () => {
    const body = gzipSync(JSON.stringify({ a: 'x'.repeat(5_000_000) }));
    const url = publish(() => ({ status: 200, headers: { ...JSON_HEADERS, 'content-encoding': 'gzip' }, body }));
    assertStopped(await open(ana, url), 'a bomb');
    assert.equal(await copyOf(url), undefined);
  });

  it('is asked for only at an address that has one spelling, and what stands there stays on the page as text', async (t) => {
    const reader = createPerson(consentry.issuer);
    const client = fc.oneof(
      address.map((uri) => uri.replace(/^https?:\/\/[^/?#]*/i, stub.url)),
      fc
        .constantFrom('/a/../client.json', '/%2e%2e/x', '/x#y', '/x?a=b#', ' /x', '/x\u0000', '/x\n', '/日本')
        .map((path) => stub.url + path),
      fc
        .constantFrom('localhost.', 'LOCALHOST', '127.1', '[::1]', '0x7f.1', 'u:p@localhost')
        .map((host) => `https://${host}:${stub.port}/1/client.json`),
      address,
    );
    await holds(t, 60, client, async (id) => {
      const before = stub.connections();
      const page = await reader.open(authorizationUrl(consentry, id).url);
      assertStopped(page, id);
      if (URL.parse(id)?.href !== id) assert.equal(stub.connections(), before, id);
      if (!id.includes('\u0000')) assert.equal(await copyOf(id.toWellFormed()), undefined);
    });
  });

  it('left no trace in the database that would be refused when it is read', async () => {
    const copies = await sql<{ url: string; body: string }>(consentry, 'SELECT url, body FROM metadata_documents');
    assert.ok(copies.length > 3, `${copies.length} copies`);
    for (const { url, body } of copies) assertCopy(url, body, consentry.issuer);
    const rows = await sql<{ id: string }>(consentry, "SELECT id FROM clients WHERE origin = 'document'");
    assert.ok(rows.length > 1, `${rows.length} rows`);
    for (const { id } of rows) await assertKept(consentry, id, 'document');
  });
});

/** What is answered from a copy is what would be read from the client's host again. */
function assertCopy(url: string, body: string, issuer: string): void {
  const read = readContent(url, Buffer.from(body));
  assert.ok(read.ok, JSON.stringify(read));
  assert.deepEqual(read.document, JSON.parse(body));
  createMetadataPolicy({ issuer }).assertDocument(read.document);
}

function answer(response: ServerResponse, served: Served | undefined): void {
  if (!served) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(served.status, served.headers).end(served.body);
}
