/** A host that answers slowly cannot take all outbound connections (threat 73). */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { after, before, describe, it, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHostLimit } from '../../src/clients/host-limit.ts';
import { FetchFailed } from '../../src/web/fetch-failed.ts';
import { type DocumentWorld, documentOf, startDocumentWorld } from './documents-kit.ts';

const isBusy = (error: unknown) => error instanceof FetchFailed && error.reason === 'busy';

test('one site is counted whatever names below it are used, and others beside it are not held up', async () => {
  const hosts = createHostLimit(2);
  let release = () => {};
  const slow = new Promise<void>((resolve) => {
    release = resolve;
  });
  const at = (host: string) => hosts.within(new URL(`https://${host}/`), () => slow);
  const running = [at('a.evil.example'), at('b.evil.example:8443')];
  await assert.rejects(at('c.d.evil.example'), isBusy);
  running.push(
    at('other.example'),
    at('127.0.0.1'),
    at('127.0.0.2'),
    at('alice.github.io'),
    at('alice.github.io'),
    at('bob.github.io'),
  );
  release();
  await Promise.all(running);
  await hosts.within(new URL('https://evil.example/'), async () => {});
  await assert.rejects(
    hosts.within(new URL('https://evil.example/'), async () => Promise.reject(new Error('x'))),
    /x/,
  );
  await Promise.all([
    hosts.within(new URL('https://evil.example/'), async () => {}),
    hosts.within(new URL('https://evil.example/'), async () => {}),
  ]);
});

describe('documents of a host that answers slowly', () => {
  let world: DocumentWorld;
  let waiting: ServerResponse[];
  before(async () => {
    world = await startDocumentWorld();
    waiting = [];
  });
  after(() => world?.close());

  it('are fetched four at once; the rest fail at once in the usual words, and a copy answers where there is one', async () => {
    const process = world.createProcess();
    world.publish({});
    await process.read();
    world.pass(61);
    world.answerWith((_request, response) => void waiting.push(response));
    const slow = Array.from({ length: 4 }, (_, n) => process.read(`${world.stub.url}/slow-${n}`));
    const ended = Promise.allSettled(slow);
    while (waiting.length < 4) await sleep(5);
    for (let n = 0; n < 8; n += 1) {
      await assert.rejects(process.read(`${world.stub.url}/more-${n}`), {
        message: 'The address could not be fetched.',
      });
    }
    assert.equal((await process.read()).client_name, 'Paper');
    assert.equal(waiting.length, 4);

    const elsewhere = world.stub.url.replace('localhost', '127.0.0.1');
    const other = process.read(`${elsewhere}/client.json`);
    while (waiting.length < 5) await sleep(5);
    const text = JSON.stringify(documentOf(`${elsewhere}/client.json`));
    waiting[4]?.setHeader('content-type', 'application/json').end(text);
    assert.equal((await other).client_name, 'Paper');

    for (const response of waiting.slice(0, 4)) response.writeHead(503).end();
    await ended;
    world.publish({ client_name: 'Scissors' });
    assert.equal((await process.read()).client_name, 'Scissors', 'was not put off: its host had not failed');
  });
});
