/** What `connection add` refuses, and that nothing is stored of it. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { sql } from '../harness.ts';
import { addEntra, CLIENT, type ConnectionWorld, startConnectionWorld, TENANT } from './connection-kit.ts';

let world: ConnectionWorld;
before(async () => {
  world = await startConnectionWorld();
});
after(() => world?.close());
beforeEach(() => sql(world.server, 'DELETE FROM connections'));

describe('what is written wrongly', () => {
  let empty = '';
  const SECRET_ARGS = () => ['--client-secret-file', world.secretFile];
  const bad: [string, () => string[], RegExp][] = [
    ['no tenant', () => ['connection', 'add', 'entra', '--client-id', CLIENT, ...SECRET_ARGS()], /--tenant is missing/],
    [
      'a tenant by its domain',
      () => addEntra(...SECRET_ARGS(), '--tenant', 'contoso.com'),
      /"contoso.com", which is no tenant ID/,
    ],
    [
      'personal accounts',
      () => addEntra(...SECRET_ARGS(), '--tenant', '9188040d-6c67-4c5b-b112-36a304b66dad'),
      /personal Microsoft accounts/,
    ],
    ['a tenant beside any', () => addEntra(...SECRET_ARGS(), '--any-tenant'), /--any-tenant do not go together/],
    [
      'no client ID',
      () => ['connection', 'add', 'entra', '--tenant', TENANT, ...SECRET_ARGS()],
      /--client-id must be the application/,
    ],
    [
      'no proof',
      () => addEntra(),
      /--federated-credential \/ --certificate \/ --client-secret-file \/ CONSENTRY_CLIENT_SECRET is missing/,
    ],
    [
      'a federated credential that is no token',
      () => addEntra('--federated-credential', world.secretFile),
      /--federated-credential \S+secret\.txt holds no token/,
    ],
    ['two proofs', () => addEntra(...SECRET_ARGS(), '--certificate', world.pem.a), /only one of them/],
    [
      'a file that is not there',
      () => addEntra('--client-secret-file', '/nowhere/secret'),
      /cannot be read from \/nowhere\/secret \(ENOENT\)/,
    ],
    ['an empty file', () => addEntra('--client-secret-file', empty), /no secret in it/],
    ['a certificate without its key', () => addEntra('--certificate', world.pem.certificate), /holds no private key/],
    ['a key without its certificate', () => addEntra('--certificate', world.pem.key), /holds no certificate/],
    ['the key of another certificate', () => addEntra('--certificate', world.pem.mixed), /not the certificate’s own/],
    [
      'a certificate that has ended',
      () => addEntra('--certificate', world.pem.expired),
      /--certificate \S+expired\.pem has ended on 2021-01-01/,
    ],
    ['a day that is none', () => addEntra(...SECRET_ARGS(), '--secret-expires', '2027-02-31'), /write a day such as/],
    [
      'an end of what says it itself',
      () => addEntra('--certificate', world.pem.a, '--secret-expires', '2099-01-01'),
      /a certificate says itself/,
    ],
    [
      'an unknown cloud',
      () => addEntra(...SECRET_ARGS(), '--cloud', 'germany'),
      /Allowed choices are global, usgov, china\.\n\(consentry connection add entra --help shows how it is written\)$/,
    ],
    ['a nameless button', () => addEntra(...SECRET_ARGS(), '--name', '\u200b'), /--name is empty/],
    [
      'too many checks',
      () => addEntra(...SECRET_ARGS(), '--check-minutes', '0'),
      /--check-minutes must be a whole number from 1 to 1440\.$/m,
    ],
    ['Consentry itself', () => issuer(world.server.issuer), /its issuer is this Consentry itself/],
    ['Entra ID as any provider', () => issuer(`https://login.microsoftonline.com/${TENANT}/v2.0`), /of the kind entra/],
    ['an issuer in the clear', () => issuer('http://login.example.com'), /--issuer is http/],
    [
      'the address of a document',
      () => issuer('https://a.test/.well-known/openid-configuration'),
      /write https:\/\/a\.test\.$/m,
    ],
    ['an issuer with a query', () => issuer('https://a.test/?x=1'), /has a query/],
    [
      'a certificate for any provider',
      () => ['connection', 'add', 'oidc', '--certificate', 'x'],
      /unknown option '--certificate'\n\(consentry connection add oidc --help shows how it is written\)$/,
    ],
  ];
  const issuer = (url: string) => ['connection', 'add', 'oidc', '--issuer', url, '--client-id', 'x', ...SECRET_ARGS()];
  before(async () => {
    empty = await world.file('empty.txt', '\n');
  });
  for (const [what, args, words] of bad) {
    test(`is refused in words and stores nothing: ${what}`, async () => {
      const { code, err, out } = await world.consentry(args());
      assert.notEqual(code, 0, out);
      assert.match(err, words);
      assert.deepEqual(await world.stored(), []);
    });
  }

  test('is told all at once', async () => {
    const { err } = await world.consentry([
      'connection',
      'add',
      'entra',
      '--tenant',
      'x',
      '--client-id',
      'y',
      '--name',
      ' ',
      '--check-minutes',
      'often',
      '--secret-expires',
      'soon',
    ]);
    for (const option of [
      '--tenant',
      '--client-id',
      '--name',
      '--check-minutes',
      '--secret-expires',
      '--federated-credential',
    ])
      assert.match(err, new RegExp(`^ +${option} `, 'm'));
  });
});

describe('two connections', () => {
  test('never share a key, under whatever certificate, nor a secret with another provider (threat 80)', async () => {
    assert.equal((await world.consentry(addEntra('--certificate', world.pem.a))).code, 0);
    const again = await world.consentry(addEntra('--certificate', world.pem.a, '--name', 'Two'));
    assert.equal(again.code, 1);
    assert.match(again.err, /the same key as the connection Microsoft/);
    const bare = ['connection', 'add', 'oidc', '--issuer', 'https://idp.example.com', '--client-id', 'x'];
    assert.match((await world.consentry([...bare, '--private-key', world.pem.key])).err, /the same key/);
    assert.equal((await world.consentry(world.addOidcBy())).code, 0);
    const elsewhere = await world.consentry([...bare, '--client-secret-file', world.secretFile]);
    assert.match(elsewhere.err, /the same client secret as the connection 127\.0\.0\.1/);
    assert.equal((await world.stored()).length, 2);
  });

  test('nor come to share one by an update', async () => {
    assert.equal((await world.consentry(addEntra('--certificate', world.pem.a))).code, 0);
    const { id = '' } = await world.consentry.json(addEntra('--certificate', world.pem.b, '--name', 'Two'));
    const before = await world.stored();
    const { code, err } = await world.consentry(['connection', 'update', id, '--certificate', world.pem.a]);
    assert.equal(code, 1);
    assert.match(err, /Nothing was changed: it has the same key/);
    assert.deepEqual(await world.stored(), before);
  });

  test('have names that people can tell apart', async () => {
    assert.equal((await world.consentry(addEntra('--certificate', world.pem.a))).code, 0);
    const { code, err } = await world.consentry(addEntra('--certificate', world.pem.b, '--name', 'microsoft'));
    assert.equal(code, 1);
    assert.match(err, /called Microsoft already/);
  });
});
