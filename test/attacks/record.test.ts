/** The record cannot be filled by whoever sends nonsense: what strangers do is counted, not written down each time. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Client, type Clients, EVIL, openClients } from './client.ts';
import { startTarget } from './consentry-target.ts';
import type { Target } from './target.ts';
import { openBrowser } from './victim.ts';

describe('the record', () => {
  let target: Target & { close(): Promise<void> };
  let clients: Clients;
  let client: Client;
  before(async () => {
    target = await startTarget();
    clients = await openClients(target);
    client = await clients.register(EVIL);
  });
  after(() => target?.close());

  it('grows by a bounded number of rows, however many bad requests strangers send (threat 146)', async () => {
    const earlier = await target.operator.recordSize();
    const browser = openBrowser(target);
    const random = () => Math.random().toString(36).slice(2);
    for (let round = 0; round < 40; round += 1) {
      await Promise.all([
        clients.refresh(client, random()),
        clients.refresh({ ...client, clientId: random() }, random()),
        clients.redeem(client, clients.begin(client), random()),
        clients.post('token', { grant_type: random() }),
        clients.post('introspection', { token: random() }, { authorization: `Basic ${btoa(`${random()}:x`)}` }),
        clients.post('revocation', { token: random(), client_id: random() }),
        clients.tryRegister({ redirect_uris: [`javascript:${random()}`] }),
        browser.follow(clients.begin({ ...client, clientId: random() }).url),
        browser.follow(clients.begin(client, { redirect_uri: `https://${random()}.test/` }).url),
        browser.follow(`${target.issuer}/federation/${random()}/callback?state=${random()}&code=x`),
        browser.follow(`${target.issuer}/interaction/${random()}`),
        browser.follow(`${target.issuer}/approval/${random()}`),
      ]);
    }
    const grown = (await target.operator.recordSize()) - earlier;
    assert.ok(grown <= 20, `${grown} rows for 480 bad requests`);
  });
});
