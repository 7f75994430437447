/** Many people at once: neither a crowd of our own nor strangers make a provider look as if it did not answer (threat 88). */
import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '../../src/federation/connection.ts';
import { createLiveness, type LivenessDeps } from '../../src/federation/liveness.ts';
import { createOutbound } from '../../src/federation/outbound.ts';
import { startUpstream } from '../fakes/upstream.ts';
import { authorizationUrl, registerClient } from '../flow.ts';
import { startConsentry } from '../harness.ts';
import { words } from '../interaction/kit.ts';
import { createPerson } from '../person.ts';
import { begin, type Federated, press } from './kit.ts';

it('a hundred people who come back in the same moment, after the hour, are all looked for and all go on', async () => {
  const now = () => new Date();
  const outbound = createOutbound(async () => {
    await sleep(5);
    return { status: 200, headers: new Headers(), body: Buffer.from('{}') };
  });
  const request = { method: 'POST', headers: {}, body: 'x', redirect: 'manual' } as const;
  const connection = {
    id: 'contoso',
    check: async () => {
      try {
        await outbound('https://idp.example/token', request);
        return { state: 'alive' };
      } catch {
        return { state: 'unreachable', detail: 'busy' };
      }
    },
  } as unknown as Connection;
  const hoursAgo = new Date(Date.now() - 2 * 3_600_000);
  const key = { connectionId: 'contoso', issuer: 'https://idp.example', refreshToken: 'x', version: new Uint8Array() };
  const store = {
    list: async (subject: string) => [{ ...key, subject, vouchedAt: hoursAgo }],
    lease: async () => true,
    release: async () => {},
    noteAlive: async () => {},
  } as unknown as LivenessDeps['store'];
  const counted: string[] = [];
  const { assure } = createLiveness({
    store,
    connections: { find: async () => connection, list: async () => [connection], isExclusive: async () => false },
    database: { apart: (work) => work() },
    audit: { count: (type, reason) => counted.push(`${type} ${reason}`) },
    end: async () => true,
    recompute: async () => {},
    log: { warn() {} },
    now,
  });
  const answers = await Promise.allSettled(Array.from({ length: 100 }, (_, index) => assure(`p${index}`, undefined)));
  assert.equal(answers.filter(({ status }) => status === 'rejected').length, 0);
  assert.deepEqual(counted, []);
});

it('strangers whose documents are fetched from hosts that hang keep nobody from their provider', async () => {
  const upstream = await startUpstream(['/federation/contoso/callback']);
  const consentry = await startConsentry({ OUTBOUND_ALLOW: '127.0.0.0/8' });
  const held = new Set<Socket>();
  let flooding = true;
  const hanging = createServer((socket) => {
    held.add(socket.on('error', () => {}).on('close', () => held.delete(socket)));
  });
  await new Promise<void>((resolve) => hanging.listen(0, '0.0.0.0', resolve));
  const { port } = hanging.address() as { port: number };
  try {
    const { name, settings } = upstream.record('contoso');
    const shared = { exclusive: false, provisioning: 'first_sign_in', origin: 'cli' } as const;
    await consentry.rooms.connectionStore.create({
      ...{ ...shared, id: 'contoso', kind: 'oidc', name, settings, secrets: upstream.secrets },
    });
    const { client_id: clientId } = await registerClient(consentry.issuer);
    const person = createPerson(consentry.issuer);
    const page = await begin({ consentry, upstream, clock: { ahead: 0 } } as Federated, person, clientId);
    // Each again and again, with another document: on a busy machine the first are given up before the last are asked for.
    const flood = Array.from({ length: 72 }, async (_, index) => {
      for (let round = 0; flooding; round += 1) {
        const stranger = `https://127.0.1.${1 + (index % 24)}:${port}/client-${index}-${round}.json`;
        const answer = await fetch(authorizationUrl(consentry, stranger).url, { redirect: 'manual' });
        await answer.arrayBuffer();
        await sleep(50);
      }
    });
    while (held.size < 64) await sleep(5);
    const left = await press(person, page);
    assert.equal(left.origin, upstream.issuer, words(page));
    flooding = false;
    hanging.close();
    for (const socket of held) socket.destroy();
    await Promise.all(flood);
  } finally {
    flooding = false;
    await consentry.close();
    hanging.close();
    await upstream.close();
  }
});
