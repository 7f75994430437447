/** Every way in which a request can differ from what was agreed to is found, alone, with its grade (consent.md §2). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Consent, Stated, Terms } from '../../src/consents/consent.ts';
import { type Difference, differ, type Grade, gradeOf, reasonOf } from '../../src/consents/differences.ts';
import { ago, ahead, CLAUDE, consentOf, DAY, GATEWAY, NOW, sight, termsOf } from './fixture.ts';

const THROUGH = { clientId: 'gw', downstream: { clientId: 'client', redirectUri: 'https://claude.example/callback' } };
const through = (redirectUri: string) => ({ clientId: 'client', redirectUri });
/** Another fingerprint, as it follows from other words. */
const saying = (client: Partial<Stated>, of: Stated = CLAUDE): Partial<Terms> => ({
  clientFingerprint: 'other.words',
  stated: { client: { ...of, ...client } },
});
const keyed = { ...CLAUDE, authMethod: 'private_key_jwt', keysHost: 'keys.example' };
const agreedAs = (client: Stated): Partial<Consent> => ({ stated: { client } });

interface Case {
  consent?: Partial<Consent>;
  terms?: Partial<Terms>;
  found: Difference[];
}

const CASES: Record<string, Case> = {
  'the same request': { found: [] },
  'fewer scopes': { terms: { scopes: ['mail:read'] }, found: [] },
  'another loopback port': { terms: { redirectUri: 'http://127.0.0.1:9/callback' }, found: [] },
  'a revoked consent': {
    consent: { revokedAt: ago(1), revokedReason: 'administrator' },
    found: [{ kind: 'revoked', reason: 'administrator' }],
  },
  'a suspended consent': {
    consent: { suspendedAt: ago(1), suspendedReason: 'client_keys_moved' },
    found: [{ kind: 'suspended', reason: 'client_keys_moved' }],
  },
  'a consent that ends this instant': {
    consent: { expiresAt: NOW },
    found: [
      { kind: 'expired', at: NOW, shownAt: ago(DAY) },
      { kind: 'scopes_added', scopes: ['openid', 'mail:read'] },
    ],
  },
  'a scope that was given for a shorter time, which is over': {
    consent: { scopeTimes: { 'mail:read': { until: NOW, shownAt: ago(DAY) } } },
    found: [{ kind: 'scopes_added', scopes: ['mail:read'] }],
  },
  'a scope that was given for a shorter time, which goes on': {
    consent: { scopeTimes: { 'mail:read': { until: ahead(1), shownAt: ago(DAY) } } },
    found: [],
  },
  'another account': { terms: { accountId: 'bo' }, found: [{ kind: 'other_party', what: 'account' }] },
  'another client': { terms: { clientId: 'other' }, found: [{ kind: 'other_party', what: 'client' }] },
  'another resource': { terms: { resourceId: 'calendar' }, found: [{ kind: 'other_party', what: 'resource' }] },
  'a client that now comes through a proxy': {
    terms: { downstream: THROUGH.downstream },
    found: [{ kind: 'other_party', what: 'downstream' }],
  },
  'a client that came through a proxy and now comes itself': {
    consent: { downstream: THROUGH.downstream },
    found: [{ kind: 'other_party', what: 'downstream' }],
  },
  'another client behind the proxy': {
    consent: THROUGH,
    terms: { ...THROUGH, downstream: { ...THROUGH.downstream, clientId: 'other' } },
    found: [{ kind: 'other_party', what: 'downstream' }],
  },
  'another address of the client behind the proxy': {
    consent: THROUGH,
    terms: { ...THROUGH, downstream: through('https://claude.example/elsewhere') },
    found: [{ kind: 'other_party', what: 'downstream' }],
  },
  'another loopback port of the client behind the proxy': {
    consent: { ...THROUGH, downstream: through('http://127.0.0.1:1/callback') },
    terms: { ...THROUGH, downstream: through('http://127.0.0.1:2/callback') },
    found: [],
  },
  'another redirect': {
    terms: { redirectUri: 'https://x.example/callback' },
    found: [{ kind: 'redirect', before: 'http://127.0.0.1:33418/callback', after: 'https://x.example/callback' }],
  },
  'another loopback path': {
    terms: { redirectUri: 'http://127.0.0.1:33418/other' },
    found: [{ kind: 'redirect', before: 'http://127.0.0.1:33418/callback', after: 'http://127.0.0.1:33418/other' }],
  },
  'a redirect that the client no longer claims': {
    terms: { redirectRegistered: false },
    found: [{ kind: 'redirect_removed', before: 'http://127.0.0.1:33418/callback' }],
  },
  'wider scopes': {
    terms: { scopes: ['mail:read', 'mail:send', 'email'] },
    found: [{ kind: 'scopes_added', scopes: ['mail:send', 'email'] }],
  },
  'other words or tools behind a scope': {
    terms: { scopeDigests: { ...termsOf().scopeDigests, 'mail:read': 'read 2' } },
    found: [{ kind: 'scope_changed', scopes: ['mail:read'] }],
  },
  'a scope that is gone from the server': {
    terms: { scopeDigests: { openid: '' } },
    found: [{ kind: 'scope_changed', scopes: ['mail:read'] }],
  },
  'other words behind a scope that is not asked for': {
    terms: { scopes: ['openid'], scopeDigests: { openid: '', 'mail:read': 'read 2' } },
    found: [],
  },
  'another name': {
    terms: saying({ name: 'Claudia' }),
    found: [{ kind: 'client_renamed', before: 'Claude', after: 'Claudia' }],
  },
  'a name that resembles somebody else’s now': {
    terms: saying({ name: 'Mail', resembles: true }),
    found: [{ kind: 'client_resembles', before: 'Claude', after: 'Mail' }],
  },
  'a name that somebody else has taken meanwhile': {
    terms: { stated: { client: { ...CLAUDE, resembles: true } } },
    found: [],
  },
  'one such name for another': {
    consent: agreedAs({ ...CLAUDE, resembles: true }),
    terms: saying({ name: 'Mail', resembles: true }),
    found: [{ kind: 'client_renamed', before: 'Claude', after: 'Mail' }],
  },
  'a weaker authentication': {
    consent: agreedAs(keyed),
    terms: saying({ authMethod: 'client_secret_basic' }, keyed),
    found: [{ kind: 'client_proof_weaker', before: 'private_key_jwt', after: 'client_secret_basic' }],
  },
  'an authentication that nobody has heard of': {
    terms: saying({ authMethod: 'tls_client_auth' }),
    found: [{ kind: 'client_proof_weaker', before: 'none', after: 'tls_client_auth' }],
  },
  'a stronger authentication': {
    terms: saying({ authMethod: 'private_key_jwt' }),
    found: [{ kind: 'client_changed' }],
  },
  'keys on another host': {
    consent: agreedAs(keyed),
    terms: saying({ keysHost: 'x.example' }, keyed),
    found: [{ kind: 'client_keys_moved', before: 'keys.example', after: 'x.example' }],
  },
  'keys on no host any more': {
    consent: agreedAs(keyed),
    terms: saying({ keysHost: '' }, keyed),
    found: [{ kind: 'client_keys_moved', before: 'keys.example', after: '' }],
  },
  'keys on a host for the first time': {
    terms: saying({ keysHost: 'keys.example' }),
    found: [{ kind: 'client_changed' }],
  },
  'another name and no authentication at once': {
    consent: agreedAs(keyed),
    terms: saying({ name: 'Claudia', authMethod: 'none' }, keyed),
    found: [
      { kind: 'client_proof_weaker', before: 'private_key_jwt', after: 'none' },
      { kind: 'client_renamed', before: 'Claude', after: 'Claudia' },
    ],
  },
  'another name of the client behind the proxy': {
    consent: { ...THROUGH, stated: { client: GATEWAY, downstream: CLAUDE } },
    terms: {
      ...THROUGH,
      clientFingerprint: 'name.proof.other.proof',
      stated: { client: GATEWAY, downstream: { ...CLAUDE, name: 'Claudia' } },
    },
    found: [{ kind: 'client_renamed', before: 'Claude', after: 'Claudia' }],
  },
  'another name, agreed to before words were kept': {
    consent: { stated: undefined },
    terms: { clientFingerprint: 'other.proof', stated: { client: { ...CLAUDE, name: 'Claudia' } } },
    found: [{ kind: 'client_renamed', before: '', after: 'Claudia' }],
  },
  'another proof, agreed to before words were kept': {
    consent: { stated: undefined },
    terms: { clientFingerprint: 'name.other' },
    found: [{ kind: 'client_proof_weaker', before: '', after: 'none' }],
  },
  'a scope that a rule denies': {
    terms: { admission: { allowed: ['openid'], waiting: [], denied: ['mail:read'], byOwnPress: [] } },
    found: [{ kind: 'policy_denied', scopes: ['mail:read'] }],
  },
  'a scope that the person has no role for': {
    terms: {
      admission: {
        allowed: [],
        waiting: [],
        denied: ['openid', 'mail:read'],
        byOwnPress: [],
        beyondRole: ['mail:read'],
      },
    },
    found: [
      { kind: 'policy_denied', scopes: ['openid'] },
      { kind: 'role_denied', scopes: ['mail:read'] },
    ],
  },
  'a person who has to sign in by another connection': {
    terms: { admission: { allowed: [], waiting: [], denied: ['mail:read'], byOwnPress: [], signInBy: ['Contoso'] } },
    found: [{ kind: 'sign_in_elsewhere', connections: ['Contoso'] }],
  },
  'a scope that waits for an administrator': {
    terms: { admission: { allowed: ['openid'], waiting: ['mail:read'], denied: [], byOwnPress: [] } },
    found: [{ kind: 'approval_needed', scopes: ['mail:read'] }],
  },
  'a scope that the only administrator allows by the press': {
    terms: { admission: { allowed: ['openid', 'mail:read'], waiting: [], denied: [], byOwnPress: ['mail:read'] } },
    found: [],
  },
};

describe('what differs from what was agreed to', () => {
  for (const [what, { consent = {}, terms = {}, found }] of Object.entries(CASES)) {
    it(`${what}: ${found.map(({ kind }) => kind).join(', ') || 'nothing'}`, () => {
      assert.deepEqual(differ(consentOf(consent), termsOf(terms), sight), found);
    });
  }

  it('no consent at all is a difference, also where rules would allow everything: absent never means allowed', () => {
    assert.deepEqual(differ(undefined, termsOf(), sight), [{ kind: 'absent' }]);
    const admission = { allowed: [], waiting: ['openid'], denied: ['mail:read'], byOwnPress: [] };
    assert.deepEqual(
      differ(undefined, termsOf({ admission }), sight).map(({ kind }) => kind),
      ['absent', 'policy_denied', 'approval_needed'],
    );
  });

  it('everything that differs is told, not only the first', () => {
    const consent = consentOf({ suspendedAt: ago(1), expiresAt: ago(1) });
    const terms = termsOf({ accountId: 'bo', redirectUri: 'https://x.example/', ...saying({ name: 'Claudia' }) });
    assert.deepEqual(
      differ(consent, terms, sight).map(({ kind }) => kind),
      ['suspended', 'expired', 'other_party', 'redirect', 'scopes_added', 'client_renamed'],
    );
    assert.equal(reasonOf(differ(consent, terms, sight)), 'consent_suspended');
    assert.equal(reasonOf([]), 'consent_unknown');
  });
});

/** consent.md §2; what stands for a page only is `shown`. */
const GRADES: Record<Difference['kind'], Grade> = {
  absent: 'suspends',
  revoked: 'suspends',
  suspended: 'suspends',
  expired: 'suspends',
  other_party: 'suspends',
  redirect: 'suspends',
  redirect_removed: 'suspends',
  scopes_added: 'suspends',
  client_resembles: 'suspends',
  client_proof_weaker: 'suspends',
  client_keys_moved: 'suspends',
  blocked: 'suspends',
  scope_changed: 'withheld',
  sign_in_elsewhere: 'suspends',
  policy_denied: 'withheld',
  role_denied: 'withheld',
  approval_needed: 'withheld',
  client_renamed: 'shown',
  client_changed: 'shown',
  long_ago: 'shown',
  once: 'shown',
  other_browser: 'shown',
  not_straight: 'shown',
  names_nobody: 'shown',
  device: 'shown',
  administers: 'shown',
  account_switched: 'shown',
  asked_for: 'shown',
  said_no_twice: 'shown',
};

describe('the grade of a difference', () => {
  for (const [kind, grade] of Object.entries(GRADES)) {
    it(`${kind}: ${grade}`, () => assert.equal(gradeOf({ kind } as Difference), grade));
  }
});
