import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get as httpGet, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import Koa from 'koa';
import { readStaticFiles } from '../../src/web/static.ts';

const statics = readStaticFiles();
const server = new Koa().use(statics.middleware).listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
after(() => server.close());

test('an address with the content hash may be kept for ever, and is of the right type', async () => {
  for (const [name, type] of [
    ['style.css', 'text/css; charset=utf-8'],
    ['press.js', 'text/javascript; charset=utf-8'],
    ['icon.svg', 'image/svg+xml'],
  ] as const) {
    const answer = await fetch(`http://127.0.0.1:${port}${statics.urlOf(name)}`);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('content-type'), type);
    assert.equal(answer.headers.get('cache-control'), 'public, max-age=31536000, immutable');
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    assert.ok((await answer.text()).length > 0);
  }
});

test('an address without the hash, or with an old one, is asked for again each time', async () => {
  for (const query of ['', '?v=old']) {
    const answer = await fetch(`http://127.0.0.1:${port}/static/style.css${query}`);
    assert.equal(answer.headers.get('cache-control'), 'no-cache');
    const etag = answer.headers.get('etag') ?? '';
    const again = await getRaw(`/static/style.css${query}`, { 'if-none-match': etag });
    assert.equal(again.statusCode, 304);
  }
});

test('no path leads out of the folder', async () => {
  for (const path of [
    '../views.ts',
    '..%2fviews.ts',
    '%2e%2e/layout.njk',
    '..\\layout.njk',
    '',
    '/etc/passwd',
    'x.css',
  ]) {
    assert.equal((await getRaw(`/static/${path}`)).statusCode, 404, path);
  }
});

test('only GET and HEAD are answered', async () => {
  const address = `http://127.0.0.1:${port}${statics.urlOf('style.css')}`;
  assert.equal((await fetch(address, { method: 'POST' })).status, 404);
  const head = await fetch(address, { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(await head.text(), '');
});

test('the address of a file stands below the path of the issuer', () => {
  assert.match(readStaticFiles({ basePath: '/auth' }).urlOf('style.css'), /^\/auth\/static\/style\.css\?v=/);
  assert.throws(() => statics.urlOf('missing.css'));
});

/** `fetch` would tidy the path up and ask caches to stand aside. */
async function getRaw(path: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  const [answer] = await once(httpGet({ host: '127.0.0.1', port, path, headers }), 'response');
  answer.resume();
  return answer;
}
