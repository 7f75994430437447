/** Which redirect URIs a client may have, and that no other comes through: a code goes to the address that was registered. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Client, type Clients, EVIL, type Params } from './client.ts';
import type { ConsentryTarget } from './consentry-target.ts';
import { SITE, startUsed } from './used-clients.ts';
import { assertAsks, assertNothing, type Browser } from './victim.ts';

describe('redirect URIs', () => {
  let target: ConsentryTarget;
  let clients: Clients;
  let victim: Browser;
  let site: Client;
  let program: Client;
  before(async () => {
    ({ target, clients, victim, site, program } = await startUsed());
  });
  after(() => target?.close());

  it('go to no address that could be read as another: registration refuses it (threats 5, 16, 25, 74)', async () => {
    const bad = [
      ...['https://app.example.test/a/../b', 'https://app.example.test/./b', 'https://app.example.test/a/%2e%2e/b'],
      ...[
        'https://app.example.test/a%2f..%2fb',
        'https://app.example.test/a%5cb',
        'https://app.example.test/%252e%252e/b',
      ],
      ...[
        'https://user:pw@app.example.test/cb',
        'https://app.example.test@evil.example.test/cb',
        'https:///evil.example.test',
      ],
      ...[
        'https://app.example.test\\@evil.example.test/',
        'https:\\\\evil.example.test/',
        'https://app.example.test./cb',
      ],
      ...[
        'https://*.example.test/cb',
        'https://app.example.test:*/cb',
        'https://app.example.test/cb#x',
        '//evil.example.test',
      ],
      ...[
        'http://app.example.test/cb',
        'http://127.0.0.1.evil.test/cb',
        'http://localhost.evil.test/cb',
        'http://0.0.0.0/cb',
      ],
      ...[
        'http://127.1/cb',
        'http://0x7f.1/cb',
        'http://2130706433/cb',
        'http://[::ffff:127.0.0.1]/cb',
        'http://127.0.0.2/cb',
      ],
      ...[
        'javascript:alert(1)',
        'java\nscript:alert(1)',
        'JAVASCRIPT://app.example.test/%0aalert(1)',
        'data:text/html,x',
      ],
      ...[
        'vbscript:x',
        'blob:https://app.example.test/1',
        'file:///etc/passwd',
        'ms-msdt:/id',
        'search-ms:query=x',
        'intent://x',
      ],
      ...[
        'ssh://evil.example.test',
        'tel:1',
        'mailto:a@b.test',
        'about:blank',
        'view-source:https://a.test',
        'x:y',
        'ws://a.test',
      ],
      ...[
        `${target.issuer}/authorize`,
        `${SITE}?code=x`,
        `${SITE}?state=x`,
        `${SITE}?iss=https://x.test`,
        `${SITE}?error=x`,
      ],
      ...[
        'https://10.0.0.1/cb',
        'https://169.254.169.254/cb',
        'https://[fe80::1]/cb',
        'https://app.example.test/\u202ebc',
        '',
      ],
    ];
    for (const uri of bad) {
      for (const redirects of [[uri], [SITE, uri]]) {
        const { status, body } = await clients.tryRegister({ redirect_uris: redirects });
        const dropped =
          status === 201 && !JSON.stringify(body.redirect_uris).includes(JSON.stringify(uri)) && uri === '';
        assert.ok(dropped || status === 400, `${uri}: ${status}`);
        if (status === 400) assert.match(String(body.error), /^invalid_(?:redirect_uri|client_metadata)$/);
      }
    }
  });

  it('go to the registered address alone, whatever the request says (threats 5, 11, 25)', async () => {
    const near = [
      ...[
        `${SITE}/`,
        `${SITE}?`,
        `${SITE}#`,
        `${SITE}?x=1`,
        `${SITE}/../evil`,
        `${SITE}%2f..`,
        `${SITE};x`,
        SITE.toUpperCase(),
      ],
      ...[
        SITE.replace('https', 'http'),
        SITE.replace('.test', '.test:443'),
        SITE.replace('.test', '.test.'),
        SITE.slice(0, -1),
      ],
      ...[
        SITE.replace('app', 'app.evil'),
        SITE.replace('https://', 'https://x@'),
        `${EVIL}?${SITE}`,
        `${SITE}\\@evil.test`,
      ],
      ...[EVIL, 'javascript:alert(1)', 'x', `${SITE} ${EVIL}`, ` ${SITE}`, `${SITE}%00`, `${SITE}\r\nx: y`],
    ];
    for (const uri of near) {
      for (const extra of [{}, { prompt: 'none' }, { response_type: 'x' }] as Params[]) {
        const page = await victim.follow(clients.begin(site, { redirect_uri: uri, ...extra }).url);
        assertNothing(page);
        assert.equal(page.status, 400, uri);
        assert.doesNotMatch(page.html, /href="(?:https?:\/\/(?!127)|javascript)/i, uri);
      }
    }
    const twice = `${clients.begin(site).url}&redirect_uri=${encodeURIComponent(EVIL)}`;
    const { left } = await victim.follow(twice);
    assert.ok(!left || left.origin === new URL(SITE).origin, left?.href);
    assert.equal(left?.searchParams.get('code') ?? null, null);
  });

  it('of a program may differ in their port alone: the names of loopback are three (threat 25)', async () => {
    const own = 'http://127.0.0.1:33418/callback';
    for (const uri of [
      ...[
        'http://localhost:33418/callback',
        'http://[::1]:33418/callback',
        'http://127.0.0.1:33418/other',
        'https://127.0.0.1/callback',
      ],
      ...[
        'http://127.0.0.1:33418@evil.test/callback',
        'http://127.0.0.1:99999/callback',
        'http://127.0.0.1:x/callback',
      ],
      ...[`http://127.0.0.1:${new URL(target.issuer).port}/callback`, `${own}?x=1`, 'http://127.0.0.1.nip.io/callback'],
    ]) {
      const page = await victim.follow(clients.begin(program, { redirect_uri: uri }).url);
      assertNothing(page);
      const kind = target.recipe.kindOf(page);
      // Only what is our own port is like any other: nobody is sent there before a press.
      if (!uri.includes(new URL(target.issuer).port)) assert.equal(kind, 'other', uri);
    }
    assertAsks(
      target,
      await victim.follow(clients.begin(program, { redirect_uri: 'http://127.0.0.1:1234/callback' }).url),
    );
  });
});
