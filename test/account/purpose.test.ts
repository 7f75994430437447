/** What the page of the proof says that a person is about to do, and where it leads who would rather not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { purposeOf, withoutProof } from '../../src/account/purpose.ts';
import { locales } from '../../src/web/locale.ts';
import { readMessages } from '../../src/web/messages.ts';

const CASES: readonly (readonly [string, string | undefined, string])[] = [
  ['/account/security/remove-codes', 'removeCodes', '/account'],
  ['/account/ways-in?added=x', 'waysIn', '/account'],
  ['/account', undefined, '/account'],
  ['/admin', undefined, '/admin'],
  ['/admin/sign-in?to=%2Fadmin', undefined, '/account'],
  ['/admin/people/add', 'personAdd', '/admin/people'],
  ['/admin/people/p1', 'personChange', '/admin/people/p1'],
  ['/admin/people/p1/disable', 'personDisable', '/admin/people/p1'],
  [
    '/admin/clients/block?id=https%3A%2F%2Fa.example%2Fc',
    'clientBlock',
    '/admin/clients/show?id=https%3A%2F%2Fa.example%2Fc',
  ],
  ['/admin/clients/family/block?key=k_1', 'familyBlock', '/admin/clients/family?key=k_1'],
  ['/admin/clients/add', 'clientAdd', '/admin/clients'],
  ['/admin/connections/add/oidc', 'connectionAdd', '/admin/connections'],
  ['/admin/connections/c1/remove', 'connectionRemove', '/admin/connections/c1'],
  ['/admin/consents/revoke-matching?client=c', 'consentsRevoke', '/admin/consents'],
  ['/admin/keys/k1/retire', 'keyRetire', '/admin/keys'],
  ['/admin/policy/rules/r1/remove', 'policy', '/admin/policy'],
  ['/admin/servers/s1/rotate-secret', 'secret', '/admin/servers/s1'],
  ['/admin/reviews/start', 'reviewStart', '/admin/reviews'],
];

test('an act is named in every language, and whoever does not go on is back on the page above it', () => {
  const catalogues = locales.map((locale) => readMessages(new URL('../../views/messages/', import.meta.url), locale));
  for (const [to, key, back] of CASES) {
    const purpose = purposeOf(to);
    assert.equal(purpose, key, to);
    assert.equal(withoutProof(to), back, to);
    if (purpose) for (const messages of catalogues) assert.ok(messages.has(`account.confirm.acts.${purpose}`), purpose);
  }
});
