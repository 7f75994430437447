/** What an earlier yes is worth: for this client, address, server and scope, as it read, until it is taken back. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decodeJwt } from 'jose';
import { words } from '../person.ts';
import { type Clients, EVIL, openClients, PROGRAM } from './client.ts';
import { startTarget } from './consentry-target.ts';
import type { Target } from './target.ts';
import { assertAsks, assertNothing, codeOf, connected, openBrowser, signedIn } from './victim.ts';

describe('an earlier yes', () => {
  let target: Target & { close(): Promise<void> };
  let clients: Clients;
  before(async () => {
    target = await startTarget();
    clients = await openClients(target);
  });
  after(() => target?.close());

  it('covers no other address, server, scope, client, person or browser (threat 43)', async () => {
    const { browser, client } = await connected(target, clients);
    const kind = async (params: Record<string, string> = {}, one = browser) => {
      const page = await one.launch(clients.begin(client, params).url);
      assertNothing(page);
      return target.recipe.kindOf(page);
    };
    assert.equal(await kind(), 'confirm');
    assert.equal(await kind({ redirect_uri: 'http://127.0.0.1:1/callback' }), 'confirm', 'a port is no other address');
    assert.equal(await kind({ resource: target.other.uri }), 'consent');
    assert.equal(await kind({ scope: `${target.scopes.usual} ${target.scopes.more}` }), 'consent');
    assert.equal(await kind({ scope: `${target.scopes.usual} openid` }), 'consent');
    assert.equal(await kind({ prompt: 'consent' }), 'consent');
    const elsewhere = openBrowser(target);
    const page = await target.recipe.signIn(
      elsewhere,
      await elsewhere.launch(clients.begin(client).url),
      target.people.victim,
    );
    assert.equal(target.recipe.kindOf(page), 'consent', 'not in a browser that never agreed');
    const other = await target.recipe.switchAccount(browser, await browser.launch(clients.begin(client).url));
    const theirs = await target.recipe.signIn(browser, other, target.people.attacker);
    assert.equal(target.recipe.kindOf(theirs), 'consent');
    assertAsks(target, theirs, target.people.attacker.email);
  });

  it('to one client dies alone: another client of the same person goes on (threat 59)', async () => {
    const [one, two] = [await connected(target, clients), await connected(target, clients)];
    await target.operator.revoke(target.people.victim, one.client.clientId);
    assert.equal((await clients.refresh(one.client, one.tokens.refresh_token)).body.error, 'invalid_grant');
    assert.equal((await clients.refresh(two.client, two.tokens.refresh_token)).status, 200);
  });

  it('that is narrowed later ends what carries more (threat 59)', async () => {
    const wide = await connected(target, clients, undefined, { scope: `${target.scopes.usual} ${target.scopes.more}` });
    const begun = clients.begin(wide.client, {
      scope: `${target.scopes.usual} ${target.scopes.more}`,
      prompt: 'consent',
    });
    const page = await wide.browser.launch(begun.url);
    const done = await target.recipe.agree(wide.browser, page, { [target.recipe.scopeBox]: target.scopes.usual });
    const { body } = await clients.redeem(wide.client, begun, String(codeOf(done)));
    assert.equal(body.scope, target.scopes.usual);
    const { status, body: old } = await clients.refresh(wide.client, wide.tokens.refresh_token);
    if (status === 200) assert.doesNotMatch(String(old.scope), new RegExp(target.scopes.more));
    else assert.equal(old.error, 'invalid_grant');
  });

  it('reaches no scope that was unticked, and no scope that the page did not offer', async () => {
    const { browser, client } = await connected(target, clients);
    const begun = clients.begin(client, { scope: `${target.scopes.usual} ${target.scopes.more}` });
    const page = await browser.launch(begun.url);
    const box = target.recipe.scopeBox;
    const done = await target.recipe.agree(browser, page, {
      [box]: [target.scopes.usual, 'mail:send', 'calendar:read', 'admin', '*'],
    });
    const { body } = await clients.redeem(client, begun, String(codeOf(done)));
    assert.equal(body.scope, target.scopes.usual);
  });

  it('given to words that changed since counts for the new ones only when they were shown (threat 60)', async () => {
    const { browser, client, tokens } = await connected(target, clients);
    const open = await browser.launch(clients.begin(client).url);
    await target.operator.reword(target.scopes.usual, 'Read your mail and forward all of it');
    const { status, body } = await clients.refresh(client, tokens.refresh_token);
    assert.ok(status === 400 || !String(body.scope).includes(target.scopes.usual), JSON.stringify(body));
    assert.equal(codeOf(await target.recipe.agree(browser, open)), undefined, 'the short page was about the old words');
    const page = await browser.launch(clients.begin(client).url);
    assertAsks(target, page, 'forward all of it');
    assert.equal(target.recipe.kindOf(page), 'consent');
  });

  it('is not worn out of somebody who said no twice: the third page offers no yes (threat 63)', async () => {
    const { browser } = await signedIn(target, clients, target.people.victim);
    const names = [1, 2, 3].map(() => clients.register(EVIL, { client_name: 'Nagging' }));
    const [one, two, three] = await Promise.all(names);
    for (const client of [one, two]) {
      const page = await browser.follow(clients.begin(client as never).url);
      assertAsks(target, page, 'Nagging');
      assertNothing(await target.recipe.deny(browser, page));
    }
    const page = await browser.follow(clients.begin(three as never).url);
    assert.doesNotMatch(page.html, /value="(?:approve|continue)"/);
    assert.match(page.html, /value="block"/);
    for (const decision of ['approve', 'continue']) {
      const answer = await browser.submit(page, {
        decision,
        [target.recipe.scopeBox]: target.scopes.usual,
        expiry: 'max',
      });
      assert.equal(codeOf(answer), undefined);
    }
  });

  it('is read by a name that is somebody else’s only after the host that claims it (threat 62)', async () => {
    const { browser } = await signedIn(target, clients, target.people.attacker);
    for (const name of [target.resource.name, 'Consentry', 'Сonѕentry', 'M a i l', 'MAlL', 'Mаil']) {
      const client = await clients.register(EVIL, { client_name: name });
      const page = await browser.follow(clients.begin(client).url);
      const heading = words({ html: /<h1\b[^>]*>([\s\S]*?)<\/h1>/.exec(page.html)?.[1] ?? '' });
      assert.match(heading, /^evil\.example\.test/, heading);
    }
  });

  it('is asked of whoever is signed in: no hint of a client chooses the account or a word on the page (threat 64)', async () => {
    const { browser } = await signedIn(target, clients, target.people.victim);
    const client = await clients.register(PROGRAM, { client_name: 'Hints' });
    const hint = target.people.attacker.email;
    const plain = await browser.launch(clients.begin(client).url);
    for (const params of [
      ...[
        { login_hint: hint },
        { ui_locales: 'xx ja-Xyz <b>' },
        { display: 'touch' },
        { scope: 'openid', acr_values: hint },
      ],
      ...[
        { scope: 'openid', claims: JSON.stringify({ userinfo: { email: { value: hint } } }) },
        { scope: 'openid', claims_locales: hint },
      ],
      ...[{ message: hint, client_name: hint, title: hint, error: hint, hd: hint, account: hint }],
    ] as Record<string, string>[]) {
      const page = await browser.launch(clients.begin(client, params).url);
      assertNothing(page);
      assert.doesNotMatch(page.html, new RegExp(hint));
      if (!params.scope && !params.ui_locales) assert.equal(words(page), words(plain));
    }
    const visitor = openBrowser(target);
    const page = await visitor.launch(clients.begin(client, { login_hint: hint }).url);
    assert.doesNotMatch(page.html, new RegExp(hint), 'nor is it filled in');
  });

  it('tells a client who somebody is only as far as the page said and stayed ticked (threat 66)', async () => {
    const { browser, client } = await connected(target, clients);
    const scope = `openid profile email ${target.scopes.usual}`;
    const begun = clients.begin(client, { scope });
    const page = await browser.launch(begun.url);
    for (const name of ['openid', 'profile', 'email']) assert.match(page.html, new RegExp(`value="${name}"`));
    const done = await target.recipe.agree(browser, page, {
      [target.recipe.scopeBox]: ['openid', target.scopes.usual],
    });
    const { body } = await clients.redeem(client, begun, String(codeOf(done)));
    const claims = decodeJwt(String(body.id_token));
    assert.equal(claims.email, undefined);
    assert.equal(claims.name, undefined);
    assert.doesNotMatch(JSON.stringify(decodeJwt(String(body.access_token))), new RegExp(target.people.victim.email));
  });
});
