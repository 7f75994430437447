/** Rules and approvals: what somebody merely says of himself opens nothing, and nobody lets himself in. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { readForm, type Step, words } from '../person.ts';
import { type Client, type Clients, DOCUMENT, EVIL, openClients, PROGRAM } from './client.ts';
import { startTarget } from './consentry-target.ts';
import type { Target } from './target.ts';
import { assertNothing, assertRefused, type Browser, codeOf, openBrowser, signedIn } from './victim.ts';

describe('who may connect', () => {
  let target: Target & { close(): Promise<void> };
  let clients: Clients;
  let victim: Browser;
  let undo: () => Promise<void> = async () => {};
  before(async () => {
    target = await startTarget();
    clients = await openClients(target);
    await target.operator.publish(DOCUMENT.clientId, {
      client_name: 'Claude',
      redirect_uris: [DOCUMENT.redirectUri, 'http://127.0.0.1/callback'],
      software_id: 'claude-1',
    });
    victim = (await signedIn(target, clients, target.people.victim)).browser;
  });
  afterEach(() => undo());
  after(() => target?.close());

  const kindFor = async (client: Pick<Client, 'clientId' | 'redirectUri'>, browser = victim) => {
    const page = await browser.follow(clients.begin(client).url);
    assertNothing(page);
    return target.recipe.kindOf(page);
  };

  it('goes by the whole host of a document, not by what looks like it (threat 24)', async () => {
    undo = await target.operator.admitOnly({ clientHost: 'client.example.test' });
    assert.equal(await kindFor(DOCUMENT), 'consent');
    for (const host of [
      'xclient.example.test',
      'client.example.test.evil.test',
      'client.example.testing',
      'client-example.test',
      'example.test',
      'evil.test',
    ]) {
      const clientId = `https://${host}/client.json`;
      const redirectUri = `https://${host}/callback`;
      await target.operator.publish(clientId, { client_name: 'Claude', redirect_uris: [redirectUri] });
      assert.equal(await kindFor({ clientId, redirectUri }), 'ask', host);
    }
    assert.equal(
      await kindFor(await clients.register(EVIL, { client_uri: DOCUMENT.clientId, client_name: 'Claude' })),
      'ask',
    );
  });

  it('takes a host where many publish only by the whole address (threat 71)', async () => {
    const mine = 'https://somebody.github.io/client.json';
    const theirs = 'https://somebody.github.io/evil/client.json';
    const redirectUri = 'https://somebody.github.io/callback';
    for (const url of [mine, theirs])
      await target.operator.publish(url, { client_name: 'App', redirect_uris: [redirectUri] });
    await assert.rejects(target.operator.admitOnly({ clientHost: 'github.io' }));
    await assert.rejects(target.operator.admitOnly({ clientHost: 'somebody.github.io' }));
    undo = await target.operator.admitOnly({ clientHost: 'somebody.github.io/client.json' });
    assert.equal(await kindFor({ clientId: mine, redirectUri }), 'consent');
    assert.equal(await kindFor({ clientId: theirs, redirectUri }), 'ask');
    const page = await victim.follow(clients.begin({ clientId: mine, redirectUri }).url);
    assert.doesNotMatch(words(page), /proved/);
    assert.match(words(page), /many people share/);
  });

  it('gives the good name of a host to no program on a computer (threat 70)', async () => {
    const page = await victim.follow(clients.begin({ clientId: DOCUMENT.clientId, redirectUri: PROGRAM }).url);
    assert.doesNotMatch(words(page), /proved/);
    assert.match(words(page), /we cannot check that it is/);
    const site = await victim.follow(clients.begin(DOCUMENT).url);
    assert.match(words(site), /client\.example\.test proved/);
  });

  it('opens by no software id or family that a registration copies (threat 73)', async () => {
    const members = { client_name: 'Claude', software_id: 'claude-1' };
    await assert.rejects(target.operator.admitOnly({}));
    for (const rule of [{ softwareId: 'claude-1' }, { redirectHost: 'client.example.test', softwareId: 'claude-1' }]) {
      undo = await target.operator.admitOnly(rule);
      for (const uri of [PROGRAM, EVIL, DOCUMENT.redirectUri]) {
        assert.equal(await kindFor(await clients.register(uri, members)), 'ask', uri);
      }
      await undo();
    }
    undo = await target.operator.admitOnly({ clientHost: 'client.example.test', softwareId: 'claude-1' });
    assert.equal(await kindFor(DOCUMENT), 'consent');
    for (const uri of [PROGRAM, EVIL, DOCUMENT.redirectUri]) {
      assert.equal(await kindFor(await clients.register(uri, members)), 'ask', uri);
    }
  });

  it('lets nobody pass an administrator: not by pressing what the page does not offer, nor by another page’s form', async () => {
    const before = await clients.register(PROGRAM, { client_name: 'Waits' });
    const open = await victim.launch(clients.begin(before).url);
    undo = await target.operator.admitOnly({ clientHost: 'client.example.test' });
    const begun = clients.begin(await clients.register(PROGRAM, { client_name: 'Waits' }));
    const page = await victim.launch(begun.url);
    assert.equal(target.recipe.kindOf(page), 'ask');
    for (const decision of ['approve', 'continue', 'without', 'stop', 'block', '']) {
      const answer = await victim.submit(page, { decision, scope: [target.scopes.usual], expiry: 'max' });
      assert.equal(codeOf(answer), undefined, decision);
    }
    // A page from before the rule gives nothing under it.
    assert.equal(codeOf(await target.recipe.agree(victim, open)), undefined);
    assertNothing(await victim.open(`${page.url}?page=full`));
  });

  describe('with a request that waits', () => {
    let page: Step;
    let client: Client;
    before(async () => {
      undo = await target.operator.admitOnly({ clientHost: 'client.example.test' });
      client = await clients.register(PROGRAM, { client_name: 'Waits too' });
      page = await victim.launch(clients.begin(client).url);
      page = await victim.submit(page, { decision: 'ask', reason: 'please' });
    });

    it('shows it to nobody but the browser that asked, and gives a code there only for a press (threat 118)', async () => {
      const stranger = (await signedInElsewhere()).browser;
      for (const browser of [openBrowser(target), stranger]) {
        assertRefused(target, await browser.follow(page.url), 403);
        assertRefused(target, await browser.follow(page.url.replace(/\?.*/, '')), 403);
      }
      await target.operator.allowWaiting();
      for (const browser of [openBrowser(target), stranger]) assertRefused(target, await browser.follow(page.url), 403);
      const ready = await victim.open(page.url);
      assert.equal(target.recipe.kindOf(ready), 'consent');
      assert.equal(codeOf(ready), undefined);
    });

    it('gives the approval of one client and person to no other (threats 73, 115)', async () => {
      undo = await target.operator.admitOnly({ clientHost: 'client.example.test' });
      await target.operator.allowWaiting();
      const twin = await clients.register(PROGRAM, { client_name: 'Waits too' });
      assert.equal(await kindFor(twin), 'ask');
      assert.equal((await clients.update(client, { client_name: 'Somebody else' })).status, 200);
      assert.equal(await kindFor(client), 'ask', 'it is no longer what was approved');
    });

    /** Somebody with a session who asked for nothing. */
    async function signedInElsewhere() {
      const browser = openBrowser(target);
      const shown = await browser.launch(clients.begin(client).url);
      const next = await target.recipe.signIn(browser, shown, target.people.attacker);
      assert.equal(target.recipe.kindOf(next), 'ask');
      assert.ok(readForm(next.html).fields.length > 0);
      return { browser };
    }
  });
});
