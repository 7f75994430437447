/** A metadata document that says something else is noticed once, by whoever reads it first (threat 42, interop row 26). */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Metadata } from '../../src/clients/metadata-members.ts';
import { FetchFailed } from '../../src/web/fetch-failed.ts';
import { type DocumentWorld, documentOf, fail, startDocumentWorld } from './documents-kit.ts';

const OTHER = { client_name: 'Scissors', redirect_uris: ['http://127.0.0.1/elsewhere'] };

describe('a metadata document that changes', () => {
  let world: DocumentWorld;
  let changes: { before: Metadata; after: Metadata }[];
  let earlier = 0;
  before(async () => {
    world = await startDocumentWorld();
  });
  after(() => world?.close());
  beforeEach(async () => {
    changes = [];
    earlier = (await world.events('client.document_changed')).length;
    world.publish({});
    await world.createProcess().read();
    await world.createProcess().clients.recordDocument(world.url, documentOf(world.url) as never);
    world.pass(61);
  });
  afterEach(async () => {
    await world.prisma.metadataDocument.deleteMany();
    await world.prisma.client.deleteMany({ where: { origin: 'document' } });
  });

  const onChange = async (_url: string, before: Metadata, after: Metadata) => {
    await sleep(50);
    changes.push({ before, after });
  };
  const recorded = async () => (await world.events('client.document_changed')).slice(earlier);
  const known = async () => (await world.prisma.client.findUnique({ where: { id: world.url } }))?.metadata as Metadata;
  const nameStored = async () => JSON.parse((await world.copy())?.body ?? '{}').client_name;

  it('is recorded with what differs, handed on, and known of the client from then on', async () => {
    world.publish({ ...OTHER, logo_uri: 'https://paper.example/logo.png' });
    assert.equal((await world.createProcess({ onChange }).read()).client_name, 'Scissors');
    const [event] = await recorded();
    assert.equal(event?.clientId, world.url);
    assert.deepEqual(event?.details, { members: ['client_name', 'logo_uri', 'redirect_uris'] });
    assert.deepEqual(
      changes.map(({ before, after }) => [before.client_name, after.client_name]),
      [['Paper', 'Scissors']],
    );
    assert.deepEqual((await known()).redirect_uris, OTHER.redirect_uris);
    world.pass(61);
    await world.createProcess({ onChange }).read();
    world.publish({});
    world.pass(61);
    await world.createProcess({ onChange }).read();
    assert.equal((await known()).logo_uri, undefined);
    assert.deepEqual([(await recorded()).length, changes.length], [2, 2]);
  });

  it('is none where members stand in another order, or ones that nobody reads are added', async () => {
    const { redirect_uris: uris, client_name: name, client_id: id } = documentOf(world.url);
    const text = `{ "x_build": 7, "redirect_uris": ${JSON.stringify(uris)}, "client_name": "${name}", "client_id": "${id}" }`;
    world.answerWith((_request, response) => response.setHeader('content-type', 'application/json').end(text));
    await world.createProcess({ onChange }).read();
    assert.deepEqual([changes, await recorded()], [[], []]);
  });

  it('of a client that nobody here uses, or that is blocked, concerns nobody', async () => {
    await world.createProcess().clients.revoke(world.url);
    world.publish(OTHER);
    await world.createProcess({ onChange }).read();
    await world.prisma.client.deleteMany({ where: { id: world.url } });
    world.publish({});
    world.pass(61);
    assert.equal((await world.createProcess({ onChange }).read()).client_name, 'Paper');
    assert.deepEqual([changes, await recorded()], [[], []]);
  });

  it('of a client that is known only behind a proxy is noticed too', async () => {
    const { prisma, url } = world;
    await prisma.client.deleteMany({ where: { id: url } });
    const [account, resource] = ['a', 'r'];
    await prisma.account.create({ data: { id: account, email: 'a@x.test' } });
    await prisma.client.create({ data: { id: 'proxy', origin: 'static', kind: 'proxy', metadata: {} } });
    await prisma.resource.create({ data: { id: resource, uri: 'https://r.test', name: 'R', clientId: 'proxy' } });
    const parties = { accountId: account, clientId: 'proxy', resourceId: resource, redirectUri: 'x' };
    const downstream = { downstreamClientId: url, downstreamRedirectUri: 'x' };
    const when = { approvedAt: world.now(), expiresAt: world.now() };
    const rest = { id: 'c', livingKey: 'c', clientFingerprint: 'x', scopeDigests: {}, browserId: 'x' };
    await prisma.consent.create({ data: { ...parties, ...downstream, ...when, ...rest } });
    world.publish(OTHER);
    await world.createProcess({ onChange }).read();
    await prisma.consent.deleteMany();
    assert.deepEqual([changes.length, (await recorded()).length], [1, 1]);
  });

  it('counts once, however many processes come upon it together', async () => {
    const waiting: ServerResponse[] = [];
    world.answerWith((_request, response) => void waiting.push(response));
    const reads = Promise.all(Array.from({ length: 8 }, () => world.createProcess({ onChange }).read()));
    while (waiting.length < 8) await sleep(5);
    const text = JSON.stringify(documentOf(world.url, OTHER));
    for (const response of waiting) response.setHeader('content-type', 'application/json').end(text);
    await reads;
    assert.deepEqual([changes.length, (await recorded()).length], [1, 1]);
  });

  it('is not undone by an answer that was fetched before it and comes later', async () => {
    world.publish(OTHER);
    await world.createProcess({ onChange }).read();
    await world.prisma.metadataDocument.updateMany({ data: { freshUntil: new Date(0) } });
    world.publish({});
    const then = new Date(world.now().getTime() - 5_000);
    await world.createProcess({ onChange, now: () => then }).read();
    assert.equal(await nameStored(), 'Scissors');
    assert.equal(changes.length, 1);
  });

  it('is come upon anew until what has to follow has followed', async () => {
    world.publish(OTHER);
    const process = world.createProcess({
      onChange: async () => {
        await process.database.write((tx) =>
          tx.denial.create({ data: { id: 'd', accountId: 'x', subjectKey: 'x', resourceId: 'x', at: world.now() } }),
        );
        throw new Error('the consents could not be suspended');
      },
    });
    for (let time = 0; time < 2; time += 1) {
      await assert.rejects(process.read(), (error) => !(error instanceof FetchFailed));
      assert.equal(await nameStored(), 'Paper');
      assert.equal((await known()).client_name, 'Paper');
      assert.deepEqual([await recorded(), await world.prisma.denial.count()], [[], 0]);
    }
    assert.equal((await world.createProcess({ onChange }).read()).client_name, 'Scissors');
    assert.deepEqual([changes.length, (await recorded()).length, await nameStored()], [1, 1, 'Scissors']);
  });

  it('was seen, whatever becomes of the request that saw it', async () => {
    world.publish(OTHER);
    let within: boolean | undefined;
    const process = world.createProcess({
      onChange: async (...change) => {
        within = process.database.inUnit();
        await process.database.write((tx) =>
          tx.denial.create({ data: { id: 'seen', accountId: 'x', subjectKey: 'x', resourceId: 'x', at: world.now() } }),
        );
        await onChange(...change);
      },
    });
    const { database, clients, read } = process;
    const request = database.unit(async () => {
      await clients.create({
        id: 'rolled-back',
        origin: 'static',
        kind: 'app',
        metadata: { client_id: 'x' },
        secretHash: undefined,
      });
      await read();
      throw new Error('the request fails');
    });
    await assert.rejects(request, /the request fails/);
    assert.equal(await clients.find('rolled-back'), undefined);
    assert.equal(within, true, 'one transaction, but not the request’s');
    assert.deepEqual(
      [await world.prisma.denial.deleteMany(), (await recorded()).length, await nameStored()],
      [{ count: 1 }, 1, 'Scissors'],
    );
    assert.equal((await known()).client_name, 'Scissors');
  });

  it('belongs in the record to the request that came upon it', async () => {
    world.publish(OTHER);
    await world.createProcess({ onChange }).read();
    const [event] = await recorded();
    assert.equal(event?.actor, 'client');
    assert.match(String(event?.requestId), /^[\w-]{22}$/);
  });

  it('may say what no database column can hold', async () => {
    world.publish({ client_name: 'Paper\u0000\ud800', scope: 'a\u0000', software_id: 'x' });
    await world.createProcess({ onChange }).read();
    assert.equal(changes.length, 1);
    assert.equal((await known()).software_id, 'x');
  });

  it('is compared with what was said before its host failed for long', async () => {
    world.answerWith(fail(503));
    world.pass(8 * 86_400);
    await assert.rejects(world.createProcess().read(), FetchFailed);
    world.publish(OTHER);
    await world.createProcess({ onChange }).read();
    assert.equal(changes.length, 1);
  });

  it('once withdrawn (410) is not answered again because its host then fails', async () => {
    const process = world.createProcess({ onChange });
    world.answerWith(fail(410));
    await assert.rejects(process.read(), FetchFailed);
    world.answerWith(fail(503));
    await assert.rejects(process.read(), FetchFailed);
    world.publish(OTHER);
    assert.equal((await process.read()).client_name, 'Scissors');
    assert.equal(changes.length, 1);
  });

  it('recorded anew at a consent, in whatever order, is no change', async () => {
    const { clients } = world.createProcess();
    const metadata = { ...documentOf(world.url), jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: '1', y: undefined }] } };
    assert.deepEqual(await clients.recordDocument(world.url, metadata as never), { created: false, changed: true });
    const reversed = Object.fromEntries(Object.entries(metadata).reverse());
    assert.deepEqual(await clients.recordDocument(world.url, reversed as never), { created: false, changed: false });
  });
});
