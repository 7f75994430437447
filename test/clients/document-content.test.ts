import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshSeconds, readDocument } from '../../src/clients/document-content.ts';
import { FetchFailed } from '../../src/web/fetch-failed.ts';

const url = 'https://client.example/oauth/client.json';
const content = { client_id: url, client_name: 'Claude', redirect_uris: ['http://localhost/callback'] };
const json = { 'content-type': 'application/json' };

function read(body: string | Buffer | object, headers: Record<string, string> = json, status = 200) {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return readDocument(url, { status, headers: new Headers(headers), body: bytes });
}

test('a well-formed document is read, without members that are of no use', () => {
  const stated = { ...content, logo_uri: '', client_uri: 'http://x.example', scope: 'a b', nested: { a: [{ a: 1 }] } };
  assert.deepEqual(read(stated), { ...content, scope: 'a b' });
});

for (const type of ['application/json; charset=utf-8', 'Application/JSON', 'application/oauth-client+json']) {
  test(`a document is read as ${type}`, () => assert.deepEqual(read(content, { 'content-type': type }), content));
}

const text = JSON.stringify(content);
const malformed: [string, string | Buffer | object, Record<string, string>?][] = [
  ['served as text/html', content, { 'content-type': 'text/html' }],
  ['served without a type', content, {}],
  ['served as something like JSON', content, { 'content-type': 'application/jsonp' }],
  ['served as an attachment', content, { ...json, 'content-disposition': 'Attachment; filename=x.json' }],
  ['with a byte order mark', `\ufeff${text}`],
  ['in UTF-16', Buffer.from(text, 'utf16le')],
  ['that is not UTF-8', Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from([0xff]), Buffer.from('}')])],
  ['that is not JSON', '<html></html>'],
  ['that is empty', ''],
  ['that is a list', [content]],
  ['that is null', 'null'],
  ['with a member named twice', text.replace('{', '{"client_name":"Other",')],
  ['with a member named twice in two spellings', text.replace('{', '{"client\\u005fname":"Other",')],
  ['with a member named twice deep inside', text.replace('}', ',"x":[{"a":1,"a":2}]}')],
  ['of another client', { ...content, client_id: 'https://client.example/oauth/other.json' }],
  ['of the same client spelled differently', { ...content, client_id: 'https://CLIENT.example/oauth/client.json' }],
  ['without client_id', { ...content, client_id: undefined }],
  ['without client_name', { ...content, client_name: undefined }],
  ['with an empty client_name', { ...content, client_name: '' }],
  ['without redirect_uris', { ...content, redirect_uris: undefined }],
  ['with no redirect URI', { ...content, redirect_uris: [] }],
  ['with a redirect URI that is no string', { ...content, redirect_uris: [{}] }],
  ['with a secret', { ...content, client_secret: 'x' }],
  ['with the expiry of a secret', { ...content, client_secret_expires_at: 0 }],
  ['that authenticates with a secret', { ...content, token_endpoint_auth_method: 'client_secret_basic' }],
];
for (const [title, body, headers] of malformed) {
  test(`a document ${title} is refused`, () => {
    assert.throws(() => read(body, headers), isFault('bad_document'));
  });
}

test('names inside strings are not members', () => {
  const tricky = { ...content, client_name: '"a":1,"a":2 \\"b\\": \\', tos_uri: 'https://x.example/"a":' };
  assert.equal(read(tricky).client_name, tricky.client_name);
});

test('every status but 200 is an error, and 410 means withdrawn', () => {
  for (const status of [201, 204, 206, 301, 302, 304, 400, 403, 404, 500, 503]) {
    assert.throws(() => read(content, json, status), isFault('bad_status'));
  }
  assert.throws(() => read(content, json, 410), isFault('withdrawn'));
});

function isFault(reason: string) {
  return (error: unknown) =>
    error instanceof FetchFailed && error.reason === reason && error.message === 'The address could not be fetched.';
}

const now = new Date('2026-11-23T12:00:00Z');
const fresh: [Record<string, string>, number][] = [
  [{}, 0],
  [{ 'cache-control': 'max-age=600' }, 600],
  [{ 'cache-control': 'public, MAX-AGE = "600"' }, 600],
  [{ 'cache-control': 'max-age=600, s-maxage=60' }, 60],
  [{ 'cache-control': 'max-age=600', age: '100' }, 500],
  [{ 'cache-control': 'max-age=600', age: '1000' }, 0],
  [{ 'cache-control': 'max-age=600, no-cache' }, 0],
  [{ 'cache-control': 'no-store' }, 0],
  [{ 'cache-control': 'x-max-age=600' }, 0],
  [{ expires: 'Mon, 23 Nov 2026 12:10:00 GMT' }, 600],
  [{ expires: 'Mon, 23 Nov 2026 12:10:00 GMT', date: 'Mon, 23 Nov 2026 12:05:00 GMT' }, 300],
  [{ expires: '0' }, 0],
  [{ expires: 'Mon, 23 Nov 2026 11:00:00 GMT' }, 0],
  [{ expires: 'Mon, 23 Nov 2026 12:10:00 GMT', 'cache-control': 'max-age=60' }, 60],
];
for (const [headers, seconds] of fresh) {
  test(`${JSON.stringify(headers)} is fresh for ${seconds} s`, () => {
    assert.equal(freshSeconds(new Headers(headers), now), seconds);
  });
}
