/** Forged, tampered and odd tokens (MCP controls on signatures and on stateless tokens; RFC 8725). */
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { after, test } from 'node:test';
import { base64url, signToken } from './fake-issuer.ts';
import { resource, startBench } from './token-bench.ts';

const { issuer, verifier, accepts, refuses, refusesChanged } = await startBench();
after(issuer.close);

test('none is refused, with and without a signature', async () => {
  const [, claims, signature] = issuer.token(resource).split('.');
  for (const alg of ['none', 'None', 'NONE', '']) {
    const header = base64url(JSON.stringify({ alg, typ: 'at+jwt', kid: 'one' }));
    await refuses(`${header}.${claims}.${signature}`, /algorithm/);
    await refuses(`${header}.${claims}.`, /malformed/);
  }
});

test('HS256 keyed with the public key is refused', async () => {
  const [, claims] = issuer.token(resource).split('.');
  const header = base64url(JSON.stringify({ alg: 'HS256', typ: 'at+jwt', kid: 'one' }));
  const publicForms = [
    issuer.publicKey.export({ type: 'spki', format: 'pem' }),
    issuer.publicKey.export({ type: 'spki', format: 'der' }),
    JSON.stringify(issuer.publicKey.export({ format: 'jwk' })),
  ];
  for (const secret of publicForms) {
    const signature = createHmac('sha256', secret).update(`${header}.${claims}`).digest('base64url');
    await refuses(`${header}.${claims}.${signature}`, /algorithm/);
  }
});

test('an algorithm that is not listed is refused, also when its key is published', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  issuer.documents.jwks.keys.push({ ...publicKey.export({ format: 'jwk' }), kid: 'rsa', alg: 'RS256', use: 'sig' });
  const token = issuer.token(resource, { header: { alg: 'RS256', kid: 'rsa' }, key: privateKey });
  await refuses(token, /algorithm/);
  await accepts(token, verifier({ algorithms: ['RS256'] }));
  await refusesChanged({ header: { kid: 'rsa' } }, /unknown key/);
});

test('another key under the same kid is refused', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await refusesChanged({ key: privateKey }, /signature/);
});

test('keys are never taken from the token', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const before = issuer.served.length;
  const hints = {
    jwk: publicKey.export({ format: 'jwk' }),
    jku: `${issuer.issuer}/evil`,
    x5u: `${issuer.issuer}/x`,
    x5c: [],
  };
  for (const [name, value] of Object.entries(hints)) {
    await refusesChanged({ header: { [name]: value }, key: privateKey }, /header/);
    await refusesChanged({ header: { [name]: value } }, /header/);
  }
  assert.equal(issuer.served.length, before);
});

test('critical headers, unencoded payloads and missing key ids are refused', async () => {
  await refusesChanged({ header: { crit: ['exp'] } }, /header/);
  await refusesChanged({ header: { crit: ['b64'], b64: false } }, /header/);
  for (const kid of [undefined, '', 7, null, 'k'.repeat(300)]) await refusesChanged({ header: { kid } }, /header/);
});

test('no byte of header, claims or signature can be changed', async () => {
  const token = issuer.token(resource);
  const guard = verifier();
  const signatureAt = token.lastIndexOf('.');
  for (let at = 0; at < token.length; at += at < signatureAt ? 5 : 1) {
    const changed = token[at] === 'A' ? 'B' : 'A';
    await refuses(token.slice(0, at) + changed + token.slice(at + 1), /./, guard);
  }
});

test('every claim is covered by the signature', async () => {
  const [header, claims = '', signature] = issuer.token(resource).split('.');
  const known: Record<string, unknown> = JSON.parse(Buffer.from(claims, 'base64url').toString());
  for (const name of Object.keys(known)) {
    const value = typeof known[name] === 'number' ? Number(known[name]) + 1 : `${known[name]}x`;
    const tampered = base64url(JSON.stringify({ ...known, [name]: value }));
    await refuses(`${header}.${tampered}.${signature}`, /./);
  }
});

test('only the type at+jwt is an access token', async () => {
  for (const typ of ['at+jwt', 'AT+JWT', 'application/at+jwt']) {
    await accepts(issuer.token(resource, { header: { typ } }));
  }
  for (const typ of ['JWT', 'id+jwt', 'logout+jwt', 'at+jwt2', 'xat+jwt', '', undefined, null, ['at+jwt']]) {
    await refusesChanged({ header: { typ } }, /type/);
  }
});

test('a member named twice is refused, in header and claims, however it is spelled', async () => {
  const [header = '', claims = ''] = issuer
    .token(resource)
    .split('.')
    .map((part) => Buffer.from(part, 'base64url').toString());
  const doubled = ['"aud":"https://evil.example"', '"\\u0061ud" : "x"', '"x":{"a":1,"a":2}'];
  for (const more of doubled) {
    await refuses(signToken(header, claims.replace('{', `{${more},`), issuer.privateKey), /malformed/);
  }
  await refuses(signToken(header.replace('{', '{"alg":"none",'), claims, issuer.privateKey), /malformed/);
  const alike = claims.replace('{', '{"x":{"aud":"\\"aud\\":","iss":[{"a":1},{"a":2}]},"y":{"aud":1},');
  await accepts(signToken(header, alike, issuer.privateKey));
});

test('the bits of a signature have one spelling only', async () => {
  const token = issuer.token(resource);
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet.indexOf(token.at(-1) ?? '');
  await refuses(token.slice(0, -1) + alphabet[last + 1], /malformed/);
  for (const spelling of [`${token}=`, `${token}==`, ` ${token}`, `${token}\n`, token.replaceAll('.', '..')]) {
    await refuses(spelling, /malformed/);
  }
});

test('what is no token at all is refused', async () => {
  const odd = [
    '',
    '.',
    '..',
    'abc',
    'a.b',
    'a.b.c',
    'e30.e30.e30',
    'bnVsbA.bnVsbA.AAAA',
    'W10.W10.AAAA',
    '💥.💥.💥',
    '%00',
  ];
  for (const token of odd) await refuses(token, /./);
  const encrypted = `${base64url('{"alg":"dir","enc":"A256GCM"}')}..AAAA.AAAA.AAAA`;
  await refuses(encrypted, /malformed/);
  await refuses(`${issuer.token(resource)}.AAAA`, /malformed/);
});

test('a huge token is refused before it is read', async () => {
  await refusesChanged({ claims: { scope: 'x'.repeat(10_000) } }, /too long/);
  await refuses('A'.repeat(50_000_000), /too long/);
  await refuses(`${issuer.token(resource)}${'A'.repeat(50_000)}`, /too long/);
});
