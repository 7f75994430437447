/** Documents from a file, for hosts that cannot be reached (interop row 26, threat 9). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { AppError } from '../../src/errors.ts';
import { sweep } from '../../src/storage/sweep.ts';
import { FetchFailed } from '../../src/web/fetch-failed.ts';
import { type DocumentWorld, documentOf, fail, startDocumentWorld } from './documents-kit.ts';

const YEAR = 365 * 86_400;

describe('an imported metadata document', () => {
  let world: DocumentWorld;
  before(async () => {
    world = await startDocumentWorld();
  });
  after(() => world?.close());
  beforeEach(async () => {
    await world.prisma.metadataDocument.deleteMany();
    await world.prisma.client.deleteMany();
    world.answerWith(fail(403));
  });

  const content = (members: Record<string, unknown> = {}) =>
    Buffer.from(JSON.stringify(documentOf(world.url, members)));

  it('answers while its host fails, for years, and the host is still asked once a minute', async () => {
    const process = world.createProcess();
    await assert.rejects(process.read(), FetchFailed);
    const { document, changed } = await process.imports.add(world.url, content());
    assert.deepEqual([document.client_name, changed], ['Paper', []]);
    const before = world.requests();
    for (const seconds of [1, 30, 61, 8 * 86_400, 3 * YEAR]) {
      world.pass(seconds);
      assert.equal((await world.createProcess().read()).client_name, 'Paper');
      await sweep({ direct: world.prisma }, world.now());
    }
    assert.equal(world.requests() - before, 4);
  });

  it('gives way to what its host answers, and then is a copy like any other', async () => {
    const process = world.createProcess();
    await process.imports.add(world.url, content());
    world.publish({ client_name: 'Scissors' });
    assert.equal((await process.read()).client_name, 'Scissors');
    assert.equal((await world.copy())?.importedAt, null);
    world.answerWith(fail(403));
    world.pass(8 * 86_400);
    await assert.rejects(process.read(), FetchFailed);
  });

  it('that differs from what people agreed to is a change like any other', async () => {
    const changes: unknown[] = [];
    const process = world.createProcess({ onChange: async (...change) => void changes.push(change) });
    world.publish({});
    await process.read();
    await process.clients.recordDocument(world.url, documentOf(world.url) as never);
    const { changed } = await process.imports.add(world.url, content({ client_name: 'Scissors' }));
    assert.deepEqual(changed, ['client_name']);
    assert.equal(changes.length, 1);
    const [event] = (await world.events('client.document_changed')).slice(-1);
    assert.deepEqual(event?.details, { members: ['client_name'] });
    assert.equal((await process.clients.find(world.url))?.metadata.client_name, 'Scissors');
  });

  it('ends when its host says that it is withdrawn (410), or an operator removes it', async () => {
    const process = world.createProcess();
    await process.imports.add(world.url, content());
    world.answerWith(fail(410));
    await assert.rejects(process.read(), FetchFailed);
    world.answerWith(fail(403));
    await assert.rejects(process.read(), FetchFailed);

    await process.imports.add(world.url, content());
    assert.equal((await process.read()).client_name, 'Paper');
    await process.imports.remove(world.url);
    await assert.rejects(process.read(), FetchFailed);
    const details = (await world.events('client.document_imported')).slice(-2).map((event) => event.details);
    assert.deepEqual(details, [{ removed: false, changed: [] }, { removed: true }]);
    const again = process.imports.remove(world.url);
    await assert.rejects(again, (error) => error instanceof AppError && error.code === 'not_imported');
  });

  it('is the only kind that can be removed', async () => {
    const process = world.createProcess();
    world.publish({});
    await process.read();
    await assert.rejects(process.imports.remove(world.url), AppError);
    world.answerWith(fail(403));
    world.pass(61);
    assert.equal((await process.read()).client_name, 'Paper');
  });

  it('that cannot be recorded is not imported', async () => {
    await world.prisma
      .$executeRaw`ALTER TABLE audit_events ADD CONSTRAINT forced CHECK (type <> 'client.document_imported') NOT VALID`;
    await assert.rejects(world.createProcess().imports.add(world.url, content()));
    assert.equal(await world.copy(), null);
    await world.prisma.$executeRaw`ALTER TABLE audit_events DROP CONSTRAINT forced`;
  });

  const refused: [string, (url: string) => Buffer | string, RegExp][] = [
    ['no JSON', () => '<html>', /no JSON/],
    ['a byte order mark', (url) => `\ufeff${JSON.stringify(documentOf(url))}`, /no JSON/],
    ['a list', () => '[]', /no JSON object/],
    ['a member twice', (url) => JSON.stringify(documentOf(url)).replace('{', '{"client_name":"x",'), /named twice/],
    ['the client_id of another', (url) => JSON.stringify(documentOf(`${url}2`)), /client_id is not https:/],
    ['no name', (url) => JSON.stringify(documentOf(url, { client_name: '' })), /client_name is missing/],
    ['a secret', (url) => JSON.stringify(documentOf(url, { client_secret: 'x' })), /shared secret/],
    ['more than 5 KB', (url) => JSON.stringify(documentOf(url, { x: 'x'.repeat(5_200) })), /longer than 5120 bytes/],
    [
      'a redirect that the policy refuses',
      (url) => JSON.stringify(documentOf(url, { redirect_uris: ['http://a.example/cb'] })),
      /redirect_uris\[0\] must be https, because only loopback/,
    ],
  ];
  for (const [what, text, message] of refused) {
    it(`with ${what} is refused in words, and nothing is stored`, async () => {
      const adding = world.createProcess().imports.add(world.url, Buffer.from(text(world.url)));
      await assert.rejects(adding, (error) => {
        assert.ok(error instanceof AppError);
        assert.match(error.message, message);
        return error.status === 422;
      });
      assert.equal(await world.copy(), null);
    });
  }

  it('for an address that no client could have is refused', async () => {
    for (const url of [
      'http://a.example/c.json',
      'https://A.example/c.json',
      'https://a.example/x/../c.json',
      'nonsense',
    ]) {
      const adding = world.createProcess().imports.add(url, content());
      await assert.rejects(adding, (error) => error instanceof AppError && error.code === 'bad_document_url');
    }
  });
});
