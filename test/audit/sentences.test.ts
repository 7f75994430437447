/** Every event in words, in each language, whatever of it is known. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actorOf, nameEntry, sentenceOf } from '../../src/admin/audit/sentence.ts';
import { outcomes } from '../../src/audit/catalogue.ts';
import type { AuditEntry, PartyNames } from '../../src/audit/entry.ts';
import { events } from '../../src/audit/events.ts';
import type { AlarmCode } from '../../src/federation/alarms.ts';
import { locales } from '../../src/web/locale.ts';
import { readMessages } from '../../src/web/messages.ts';

const NOBODY: PartyNames = { people: new Map(), clients: new Map(), resources: new Map(), connections: new Map() };
const NAMES: PartyNames = {
  people: new Map([
    ['a1', 'ana@contoso.test'],
    ['b1', 'bea@contoso.test'],
  ]),
  clients: new Map([['c1', 'Claude']]),
  resources: new Map([['https://mail.example/mcp', 'Mail']]),
  connections: new Map([['k1', 'Contoso AD']]),
};

function entryOf(changes: Partial<AuditEntry>): AuditEntry {
  return {
    ...{ seq: 1, at: new Date(0), type: 'x', outcome: 'recorded', reason: null, scopes: [], requestId: 'r' },
    ...{ accountId: null, clientId: null, resource: null, consentId: null, grantId: null, tokenId: null },
    ...{ actor: 'client', details: {}, ...changes },
  };
}

const parties = { accountId: 'a1', clientId: 'c1', resource: 'https://mail.example/mcp' };
const catalogues = locales.map((locale) => {
  return [locale, readMessages(new URL('../../views/messages/', import.meta.url), locale)] as const;
});

test('every event of the catalogue has a sentence in every language, with all its parties and without any', () => {
  assert.equal(outcomes.size, Object.keys(events).length, 'no two events are of one type');
  for (const [locale, messages] of catalogues) {
    for (const type of outcomes.keys()) {
      assert.ok(messages.has(`audit.groups.${type.split('.')[0]}`), `${locale} ${type}: its kind is in words too`);
      for (const entry of [entryOf({ type }), entryOf({ type, ...parties, details: { name: 'N' } })]) {
        const { key, params } = sentenceOf(nameEntry(entry, NAMES));
        assert.ok(messages.has(key), `${locale} ${type}`);
        const text = messages.text(key, params);
        assert.ok(text.length > 5 && !/[{}*]/.test(text), `${locale} ${type}: ${text}`);
        messages.html(key, params);
      }
    }
  }
});

test('a sentence names who, by which client, for which server', () => {
  const { key, params } = sentenceOf(nameEntry(entryOf({ type: 'consent.approved', ...parties }), NAMES));
  const [[, en], [, ja]] = catalogues as unknown as [(typeof catalogues)[0], (typeof catalogues)[0]];
  assert.equal(en.text(key, params), 'ana@contoso.test approved “Claude” for Mail');
  assert.equal(ja.text(key, params), 'ana@contoso.test さんが 「Claude」 に Mail の利用を許可しました');
  const unnamed = sentenceOf(nameEntry(entryOf({ type: 'consent.approved', ...parties }), NOBODY));
  assert.equal(en.text(unnamed.key, unnamed.params), 'a1 approved “c1” for https://mail.example/mcp');
});

test('who acted is said by name: the person where they pressed, the client where it asked, nobody where nobody was shown', () => {
  const en = catalogues[0]?.[1];
  assert.ok(en);
  const by = (changes: Partial<AuditEntry>) => {
    const found = actorOf(nameEntry(entryOf({ accountId: 'a1', ...changes }), NAMES));
    return typeof found === 'object' ? en.text(found.key, found.params) : found;
  };
  assert.equal(by({ actor: 'account:b1' }), 'bea@contoso.test');
  assert.equal(by({ actor: 'account:gone' }), 'gone');
  assert.equal(by({ actor: 'account:a1' }), 'ana@contoso.test');
  assert.equal(by({ type: 'second_factor.removed', actor: 'client' }), 'ana@contoso.test');
  assert.equal(by({ type: 'consent.approved', actor: 'client', clientId: 'c1' }), 'ana@contoso.test');
  assert.equal(by({ type: 'token.issued', actor: 'client', clientId: 'c1' }), '“Claude”');
  assert.equal(by({ type: 'client.registered', actor: 'client', accountId: null, clientId: 'c1' }), '“Claude”');
  assert.equal(by({ type: 'sign_in.failed', actor: 'client' }), undefined, 'anybody may have tried');
  assert.equal(by({ type: 'x', actor: 'client', accountId: null }), undefined);
  assert.equal(by({ actor: 'cli' }), 'the command line');
  assert.equal(by({ actor: 'system' }), 'this server');
  assert.equal(by({ actor: 'scim:entra' }), 'the directory of entra');
  assert.equal(by({ actor: 'scim:k1' }), 'the directory of Contoso AD');
});

test('a decision says which, and what is about a connection names it', () => {
  const said = (changes: Partial<AuditEntry>) => {
    const { key, params } = sentenceOf(nameEntry(entryOf({ ...parties, ...changes }), NAMES));
    return catalogues.map(([, messages]) => messages.text(key, params));
  };
  const decided = (decision: string) => said({ type: 'approval.decided', details: { decision } });
  assert.match(decided('approved')[0] ?? '', /^The request of ana@contoso\.test .* was approved$/);
  assert.match(decided('denied')[0] ?? '', /was denied$/);
  assert.match(decided('approved')[1] ?? '', /承認されました$/);
  assert.match(decided('denied')[1] ?? '', /却下されました$/);
  assert.match(decided('of another time')[0] ?? '', /was decided$/);
  const [en, ja] = said({ type: 'connection.tested', details: { connection: 'k1' } });
  assert.deepEqual([en, ja], ['The connection Contoso AD was tested', '接続 Contoso AD がテストされました']);
  assert.match(said({ type: 'connection.tested', details: { connection: 'gone' } })[0] ?? '', /connection gone was/);
});

test('every reason of an alarm is in words, in every language', () => {
  const alarms: Record<AlarmCode, 1> = {
    credential_ends: 1,
    credential_ended: 1,
    misconfigured: 1,
    scim_silent: 1,
    scim_person_changed: 1,
    unusable: 1,
  };
  for (const [locale, messages] of catalogues)
    for (const code of Object.keys(alarms)) assert.ok(messages.has(`audit.reasons.${code}`), `${locale} ${code}`);
});

test('what a client or a person calls itself cannot bring markup or end its quotation', () => {
  const en = catalogues[0]?.[1];
  const evil = '<img src=x onerror=alert(1)>” approved “Bank\u202e';
  const names = { ...NAMES, clients: new Map([['c1', evil]]), people: new Map([['a1', evil]]) };
  const { key, params } = sentenceOf(nameEntry(entryOf({ type: 'consent.approved', ...parties }), names));
  const html = en?.html(key, params) ?? '';
  assert.ok(!html.includes('<img') && html.includes('&#60;img'), html);
  assert.equal(
    html.split('“').length,
    3,
    'two from the hostile address itself are told apart by isolation; the client has one pair',
  );
});
