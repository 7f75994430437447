import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientFingerprint, statedBy } from '../../src/clients/client.ts';

const registered = {
  client_id: 'r1',
  client_name: 'Claude\u202E  Code',
  token_endpoint_auth_method: 'private_key_jwt',
  jwks_uri: 'https://keys.claude.ai:8443/jwks?x=1',
};
const resembles = false;

test('what a client says is put in the words that people are shown', () => {
  const said = { name: 'Claude Code', authMethod: 'private_key_jwt', keysHost: 'keys.claude.ai:8443', resembles };
  assert.deepEqual(statedBy(registered, { resembles }), said);
  assert.deepEqual(statedBy(registered, { resembles: true }), { ...said, resembles: true });
});

test('a client that says nothing has no name and no keys, and authenticates as its standard says', () => {
  assert.deepEqual(statedBy({}, { resembles }), {
    name: '',
    authMethod: 'client_secret_basic',
    keysHost: '',
    resembles,
  });
  assert.equal(statedBy({ client_id: 'https://claude.ai/c.json' }, { resembles }).authMethod, 'none');
  assert.equal(statedBy({ client_name: {}, jwks_uri: 'no URL' }, { resembles }).keysHost, '');
});

test('words and fingerprint differ together', () => {
  const changes: [Record<string, unknown>, boolean][] = [
    [{ client_name: 'Claude Desktop' }, true],
    [{ token_endpoint_auth_method: 'none' }, true],
    [{ jwks_uri: 'https://evil.example/jwks' }, true],
    [{ jwks_uri: 'https://keys.claude.ai:8443/other' }, false],
    [{ logo_uri: 'https://claude.ai/logo.png', redirect_uris: ['https://claude.ai/cb'] }, false],
  ];
  for (const [change, differs] of changes) {
    const now = { ...registered, ...change };
    assert.equal(clientFingerprint(now) !== clientFingerprint(registered), differs, JSON.stringify(change));
    const words = (metadata: Record<string, unknown>) => JSON.stringify(statedBy(metadata, { resembles }));
    assert.equal(words(now) !== words(registered), differs, JSON.stringify(change));
  }
});

test('the fingerprint is what stored consents hold', () => {
  assert.equal(
    clientFingerprint({ ...registered, client_name: 'Claude Code' }),
    'Y1G0lR0YdMtVweZtl6M0jgGe6TLJE2cZjAxWU5KN9kM.u4rSSQl3pl3IaKOqeeXQ27taMthcmqjtNhCQW5OelfY',
  );
});
