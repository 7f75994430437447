/** What a consent keeps beside what was agreed to: in which browser, and the words of both languages as they read then. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { signInAt } from '../account/kit.ts';
import { approve, refresh, signIn } from '../flow.ts';
import { addPerson, sql, staticClient } from '../harness.ts';
import { words } from '../interaction/kit.ts';
import type { Step } from '../person.ts';
import { ask, type Browser, connect, openBrowser, pageKind, press, startWorld, type World } from './kit.ts';

const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/153.0.0.0 Safari/537.36';
const SAFARI =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1';
const READ = { scope: 'mail:read' };
const THEN = ['Read your mail', 'メールを読む'] as const;
const NOW = ['Delete all your mail', 'すべてのメールを消す'] as const;

describe('what a consent keeps', () => {
  let world: World;
  let who: { id: string; email: string; password: string };
  let people = 0;
  before(async () => {
    world = await startWorld();
  });
  after(() => world?.close());
  beforeEach(async () => {
    people += 1;
    who = await addPerson(world.consentry.rooms, `kept${people}@contoso.test`);
  });

  const newBrowser = (userAgent: string, language = 'en') =>
    openBrowser(world.consentry, { 'user-agent': userAgent, 'accept-language': language });
  const connectIn = (browser: Browser, clientId: string) => connect(world, browser, clientId, { params: READ, who });
  const open = (browser: Browser, path: string) => browser.open(world.consentry.issuer + path);
  const receiptOf = ({ html }: Step) => /href="(\/account\/apps\/[^"]+\/receipt)"/.exec(html)?.[1] ?? '';
  const labels = async (clientId: string) =>
    (
      await sql<{ browser_label: string | null }>(
        world.consentry,
        'SELECT browser_label FROM consents WHERE client_id = $1',
        [clientId],
      )
    ).map(({ browser_label: label }) => label);

  interface Kept {
    scopes: { description: string; description_ja: string | null }[];
    consent: { given_from: string | null };
  }
  async function receiptFile(browser: Browser, path: string): Promise<Kept> {
    const answer = await browser.send(`${world.consentry.issuer}${path}.json`);
    assert.equal(answer.status, 200);
    return (await answer.json()) as Kept;
  }

  async function reword([english, japanese]: readonly [string, string]): Promise<void> {
    const text = "UPDATE resource_scopes SET description = $1, description_ja = $2 WHERE name = 'mail:read'";
    await sql(world.consentry, text, [english, japanese]);
  }

  describe('of the browser', () => {
    it('is what the one of the last press is called, here or elsewhere, without its address or its own words', async () => {
      const [desk, phone] = [newBrowser(CHROME), newBrowser(SAFARI)];
      const clientId = await world.register(world.newName());
      await connectIn(desk, clientId);
      assert.deepEqual(await labels(clientId), ['Chrome on Windows']);
      await signInAt(world.consentry, phone, who);
      assert.match(words(await open(desk, '/account')), /Approved from this browser Last used/);
      assert.match(words(await open(phone, '/account')), /Approved from Chrome on Windows Last used/);

      await connectIn(phone, clientId);
      assert.deepEqual(await labels(clientId), ['Safari on iPhone']);
      const apps = await open(desk, '/account');
      assert.match(words(apps), /Approved from Safari on iPhone last on .* Last used/);
      const receipt = receiptOf(apps);
      assert.match(words(await open(desk, receipt)), /Agreed in Safari on iPhone/);
      assert.equal((await receiptFile(desk, receipt)).consent.given_from, 'Safari on iPhone');

      const japanese = newBrowser(CHROME, 'ja');
      await signInAt(world.consentry, japanese, who);
      assert.match(words(await open(japanese, '/account')), /承認したブラウザー iPhone の Safari 最後の承認は/);
      const [row] = await sql<{ text: string }>(
        world.consentry,
        "SELECT (to_jsonb(c) - 'redirect_uri')::text AS text FROM consents c WHERE client_id = $1",
        [clientId],
      );
      assert.doesNotMatch(String(row?.text), /127\.0\.0\.1|::1|Mozilla|153/);
    });

    it('is of the browser in which the person pressed, not of the device that asked', async () => {
      const { consentry } = world;
      const { clientId } = await staticClient(consentry.rooms, {
        ...{ kind: 'app', name: 'Television', redirectUris: [], authMethod: 'none', deviceFlow: true },
      });
      const begun = await fetch(`${consentry.issuer}/device_authorization`, {
        method: 'POST',
        headers: { 'user-agent': SAFARI },
        body: new URLSearchParams({ client_id: clientId, resource: consentry.mail.uri }),
      });
      const { user_code: code } = (await begun.json()) as { user_code: string };
      const person = newBrowser(CHROME);
      const entered = await person.submit(await open(person, '/device'), { user_code: code });
      await approve(person, await signIn(person, await person.submit(entered), who));
      assert.deepEqual(await labels(clientId), ['Chrome on Windows']);
    });

    it('is made of words of ours alone, whatever a browser calls itself, and inert even if the database is not', async () => {
      const hostile: [string, string | null][] = [
        ['<script>alert(1)</script>', null],
        ['"><img src=x onerror=alert(1)> Chrome/1 (Windows) on on <b>', 'Chrome on Windows'],
        [`${'x'.repeat(6_000)} Chrome/1 (Windows)`, null],
        [`${'Version/1 '.repeat(600)}Firefox/1`, null],
      ];
      for (const [userAgent, label] of hostile) {
        const browser = newBrowser(userAgent);
        const clientId = await world.register(world.newName());
        await connectIn(browser, clientId);
        assert.deepEqual(await labels(clientId), [label]);
        const apps = await open(browser, '/account');
        for (const page of [apps, await open(browser, receiptOf(apps))])
          assert.doesNotMatch(page.html, /<script>alert|<img src=x|<b>|xxxx/);
      }
      const text = 'UPDATE consents SET browser_label = $2 WHERE account_id = $1';
      const planted = [who.id, '<b>x</b> on <i>y</i>'];
      await sql(world.consentry, text, planted);
      const elsewhere = newBrowser(SAFARI);
      const apps = await signInAt(world.consentry, elsewhere, who);
      for (const page of [apps, await open(elsewhere, receiptOf(apps))]) {
        assert.match(words(page), /<b>x<\/b> on <i>y<\/i>/);
        assert.doesNotMatch(page.html, /<b>x|<i>y/);
      }
      await assert.rejects(sql(world.consentry, text, [who.id, 'x'.repeat(61)]), /browser_label_short/);
    });
  });

  describe('of the words', () => {
    it('is what the person read, in both languages, however the scope reads afterwards', async () => {
      const browser = newBrowser(CHROME, 'ja');
      await connectIn(browser, await world.register(world.newName()));
      const english = newBrowser(SAFARI);
      await signInAt(world.consentry, english, who);
      await reword(NOW);
      try {
        for (const [one, language] of [[english, 0] as const, [browser, 1] as const]) {
          const apps = await open(one, '/account');
          for (const page of [apps, await open(one, receiptOf(apps))]) {
            assert.ok(words(page).includes(THEN[language]), words(page));
            assert.ok(!words(page).includes(THEN[1 - language] ?? ''), words(page));
            for (const today of NOW) assert.ok(!words(page).includes(today), words(page));
          }
        }
        const { scopes } = await receiptFile(english, receiptOf(await open(english, '/account')));
        assert.deepEqual(
          scopes.map(({ description, description_ja: japanese }) => [description, japanese]),
          [THEN],
        );
      } finally {
        await reword(THEN);
      }
    });

    it('what differs is told in the language of the page', async () => {
      const browser = newBrowser(CHROME, 'ja');
      const clientId = await world.register(world.newName());
      await connectIn(browser, clientId);
      await reword(NOW);
      try {
        const { page } = await ask(world, browser, clientId, { params: READ, who });
        assert.equal(pageKind(page), 'full');
        assert.ok(words(page).includes(`「${NOW[1]}」`), words(page));
        assert.ok(!words(page).includes(NOW[0]), words(page));
      } finally {
        await reword(THEN);
      }
    });

    it('stays English alone where the scope has no other', async () => {
      await sql(world.consentry, "UPDATE resource_scopes SET description_ja = NULL WHERE name = 'mail:read'");
      try {
        const browser = newBrowser(CHROME, 'ja');
        await connectIn(browser, await world.register(world.newName()));
        const apps = await open(browser, '/account');
        assert.ok(words(apps).includes(THEN[0]));
        assert.equal((await receiptFile(browser, receiptOf(apps))).scopes[0]?.description_ja, null);
      } finally {
        await reword(THEN);
      }
    });
  });

  describe('in the form of before', () => {
    /** As it was stored without Japanese words and without the browser. */
    async function age(clientId: string): Promise<void> {
      const text = `UPDATE consents SET browser_label = NULL,
        scope_words = (SELECT jsonb_object_agg(key, value - 'descriptionJa') FROM jsonb_each(scope_words))
        WHERE client_id = $1 RETURNING scope_words::text AS words`;
      const [row] = await sql<{ words: string }>(world.consentry, text, [clientId]);
      assert.ok(row?.words.includes(THEN[0]) && !row.words.includes(THEN[1]));
    }

    it('lives on after an upgrade: the digests are the same, refresh goes on, page D follows', async () => {
      const browser = newBrowser(CHROME);
      const clientId = await world.register(world.newName());
      const { refreshToken } = await connectIn(browser, clientId);
      await age(clientId);
      const stored = 'SELECT scope_digests AS digests, suspended_at FROM consents WHERE client_id = $1';
      // Of MAIL, as releases before this one stored it.
      const digests = { 'mail:read': 'YHu0Gpplpy0kSL-jwKBsGh57yw6fZVv7Ks75ABmgQWg' };
      assert.deepEqual(await sql(world.consentry, stored, [clientId]), [{ digests, suspended_at: null }]);
      const renewed = await refresh(world.consentry, clientId, refreshToken);
      assert.deepEqual([renewed.status, renewed.body.scope], [200, 'mail:read']);
      const { page } = await ask(world, browser, clientId, { params: READ, who });
      assert.equal(pageKind(page), 'short');
      await press(browser, page);
      assert.deepEqual(await labels(clientId), ['Chrome on Windows'], 'kept from this press on');
      const apps = await open(browser, '/account');
      assert.equal((await receiptFile(browser, receiptOf(apps))).scopes[0]?.description_ja, THEN[1]);
    });

    it('shows the Japanese words of today only where the scope still reads as it did, and another browser', async () => {
      const browser = newBrowser(CHROME, 'ja');
      const clientId = await world.register(world.newName());
      await connectIn(browser, clientId);
      await age(clientId);
      const elsewhere = newBrowser(SAFARI, 'ja');
      const apps = await signInAt(world.consentry, elsewhere, who);
      assert.match(words(apps), /承認したブラウザー 別のブラウザー/);
      assert.ok(words(apps).includes(THEN[1]));
      const receipt = await open(elsewhere, receiptOf(apps));
      assert.ok(words(receipt).includes(THEN[0]) && !words(receipt).includes('同意したブラウザー'), words(receipt));
      const { scopes, consent } = await receiptFile(elsewhere, receiptOf(apps));
      assert.deepEqual([scopes[0]?.description_ja, consent.given_from], [null, null]);
      await reword(NOW);
      try {
        const later = words(await open(elsewhere, '/account'));
        assert.ok(later.includes(THEN[0]) && !later.includes(NOW[0]) && !later.includes(NOW[1]), later);
      } finally {
        await reword(THEN);
      }
    });
  });
});
