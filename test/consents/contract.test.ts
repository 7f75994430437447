/** The contract itself: what covers a token at each moment, and by which page a request is answered (consent.md §1, §2). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Consent, Terms } from '../../src/consents/consent.ts';
import { type Circumstances, judge, judgePage, type Moment } from '../../src/consents/contract.ts';
import type { Difference } from '../../src/consents/differences.ts';
import { ago, ahead, CLAUDE, circumstancesOf, consentOf, DAY, MINUTE, NOW, sight, termsOf } from './fixture.ts';

type Kind = Difference['kind'];
const kindsOf = (differences: readonly Difference[]) => differences.map(({ kind }) => kind);
const admission = (lists: Partial<Terms['admission']>) => ({
  admission: { allowed: [], waiting: [], denied: [], byOwnPress: [], ...lists },
});
const both = ['mail:read', 'mail:send'];
const wide: Partial<Consent> = { scopes: both, scopeDigests: { 'mail:read': 'read 1', 'mail:send': 'send 1' } };
const other = { clientFingerprint: 'other.words' };
const digests = (changes: Record<string, string>) => ({ scopeDigests: { ...termsOf().scopeDigests, ...changes } });

interface Case {
  consent?: Partial<Consent> | undefined;
  terms?: Partial<Terms>;
  kinds: Kind[];
  /** What becomes of a refresh: goes on, goes on without some scopes, ends. */
  refresh: 'on' | 'ends' | string[];
}

const CASES: Record<string, Case> = {
  'what was agreed to': { kinds: [], refresh: 'on' },
  'no consent': { consent: undefined, kinds: ['absent'], refresh: 'ends' },
  'a tombstone': { consent: { revokedAt: ago(1) }, kinds: ['revoked'], refresh: 'ends' },
  'a suspended consent': { consent: { suspendedAt: ago(1) }, kinds: ['suspended'], refresh: 'ends' },
  'an expired consent': { consent: { expiresAt: NOW }, kinds: ['expired', 'scopes_added'], refresh: 'ends' },
  'a scope that ended before the others': {
    consent: { ...wide, scopeTimes: { 'mail:send': { until: NOW, shownAt: ago(DAY) } } },
    terms: { scopes: both },
    kinds: ['scopes_added'],
    refresh: 'ends',
  },
  'another account': { terms: { accountId: 'bo' }, kinds: ['other_party'], refresh: 'ends' },
  'another client': { terms: { clientId: 'other' }, kinds: ['other_party'], refresh: 'ends' },
  'another resource': { terms: { resourceId: 'calendar' }, kinds: ['other_party'], refresh: 'ends' },
  'another downstream client': {
    terms: { downstream: { clientId: 'x', redirectUri: 'https://x.example/' } },
    kinds: ['other_party'],
    refresh: 'ends',
  },
  'another redirect': { terms: { redirectUri: 'https://x.example/' }, kinds: ['redirect'], refresh: 'ends' },
  'a redirect that is gone': { terms: { redirectRegistered: false }, kinds: ['redirect_removed'], refresh: 'ends' },
  'a scope that was never given, or was unticked (threat 59)': {
    terms: { scopes: both },
    kinds: ['scopes_added'],
    refresh: 'ends',
  },
  'other wording of one scope': {
    consent: wide,
    terms: { scopes: both, ...digests({ 'mail:send': 'send 2' }) },
    kinds: ['scope_changed'],
    refresh: ['mail:send'],
  },
  'other wording of every scope of the server': {
    terms: digests({ 'mail:read': 'read 2' }),
    kinds: ['scope_changed'],
    refresh: 'ends',
  },
  'another name': {
    terms: { ...other, stated: { client: { ...CLAUDE, name: 'Claudia' } } },
    kinds: ['client_renamed'],
    refresh: 'on',
  },
  'a stronger authentication': {
    terms: { ...other, stated: { client: { ...CLAUDE, authMethod: 'private_key_jwt' } } },
    kinds: ['client_changed'],
    refresh: 'on',
  },
  'a weaker authentication': {
    terms: { ...other, stated: { client: { ...CLAUDE, authMethod: 'unknown' } } },
    kinds: ['client_proof_weaker'],
    refresh: 'ends',
  },
  'keys on another host': {
    consent: { stated: { client: { ...CLAUDE, keysHost: 'keys.example' } } },
    terms: other,
    kinds: ['client_keys_moved'],
    refresh: 'ends',
  },
  'a name like somebody else’s': {
    terms: { ...other, stated: { client: { ...CLAUDE, name: 'Mail', resembles: true } } },
    kinds: ['client_resembles'],
    refresh: 'ends',
  },
  'a rule that denies one scope': {
    consent: wide,
    terms: { scopes: both, ...admission({ allowed: ['mail:read'], denied: ['mail:send'] }) },
    kinds: ['policy_denied'],
    refresh: ['mail:send'],
  },
  'a rule that denies everything': {
    terms: admission({ denied: ['mail:read', 'openid'] }),
    kinds: ['policy_denied'],
    refresh: 'ends',
  },
  'a rule that now asks an administrator': {
    consent: wide,
    terms: { scopes: both, ...admission({ allowed: ['mail:send'], waiting: ['mail:read'] }) },
    kinds: ['approval_needed'],
    refresh: ['mail:read'],
  },
  'nothing left but who somebody is': {
    terms: admission({ allowed: ['openid'], waiting: ['mail:read'] }),
    kinds: ['approval_needed'],
    refresh: 'ends',
  },
  'what is withheld beside what ends it': {
    terms: { ...admission({ allowed: ['openid'], waiting: ['mail:read'] }), redirectRegistered: false },
    kinds: ['redirect_removed', 'approval_needed'],
    refresh: 'ends',
  },
};

describe('a token is covered', () => {
  for (const [what, { terms = {}, kinds, refresh, ...given }] of Object.entries(CASES)) {
    const consent = 'consent' in given && given.consent === undefined ? undefined : consentOf(given.consent);
    const at = (moment: Moment) => judge(consent, termsOf(terms), { ...sight, moment });

    it(`${what}: ${kinds.length === 0 ? 'at' : 'not at'} resume, code and device`, () => {
      for (const moment of ['resume', 'code', 'device'] as const) {
        const judgement = at(moment);
        assert.equal(judgement.covered, kinds.length === 0, moment);
        assert.deepEqual(judgement.covered ? [] : kindsOf(judgement.differences), kinds, moment);
      }
    });

    it(`${what}: a refresh ${Array.isArray(refresh) ? `goes on without ${refresh}` : refresh === 'on' ? 'goes on' : 'ends'}`, () => {
      const judgement = at('refresh');
      assert.equal(judgement.covered, refresh !== 'ends');
      if (judgement.covered) assert.deepEqual(judgement.withheld, Array.isArray(refresh) ? refresh : []);
      else assert.ok(judgement.differences.length > 0, 'says why');
    });
  }

  it('a refresh that ends names what ends it, not what would only be shown', () => {
    const terms = termsOf({ ...other, stated: { client: { ...CLAUDE, name: 'Claudia' } }, redirectRegistered: false });
    const judgement = judge(consentOf(), terms, { ...sight, moment: 'refresh' });
    assert.deepEqual(judgement.covered || kindsOf(judgement.differences), ['redirect_removed']);
  });
});

const page = (
  consent: Partial<Consent> | undefined,
  terms: Partial<Terms> = {},
  circumstances: Partial<Circumstances> = {},
) => judgePage(consent ? [consentOf(consent)] : [], termsOf(terms), circumstancesOf(circumstances), sight);

describe('the short page', () => {
  it('is given where everything holds, and only after a consent', () => {
    assert.deepEqual(page({}), { page: 'short', differences: [], basis: consentOf(), widens: false });
    assert.equal(page(undefined).page, 'full');
    assert.deepEqual(kindsOf(page(undefined).differences), ['absent']);
  });

  const full: Record<string, [Kind, ...Parameters<typeof page>]> = {
    'it is about the administration API (threat 100)': ['administers', {}, {}, { administers: true }],
    'the last full page is 90 days old': ['long_ago', { fullPageAt: ago(90 * DAY) }],
    'one of the scopes was last shown 90 days ago': [
      'long_ago',
      { scopeTimes: { 'mail:read': { until: ahead(DAY), shownAt: ago(90 * DAY) } } },
    ],
    'it was agreed to just this once': ['once', { fullPageAt: ago(MINUTE), expiresAt: ahead(14 * MINUTE) }],
    'one of the scopes was agreed to just this once': [
      'once',
      { scopeTimes: { openid: { until: ahead(14 * MINUTE), shownAt: ago(MINUTE) } } },
    ],
    'another browser approved it': ['other_browser', { browsers: ['another'] }],
    'a client that proves nothing did not come straight from a program': ['not_straight', {}, {}, { straight: false }],
    'another device asks': ['device', {}, {}, { device: true }],
    'the proxy names nobody': ['names_nobody', {}, {}, { namesNobody: true }],
    'the person said “Not you?”': ['account_switched', {}, {}, { accountSwitched: true }],
    'the client asks for the page': ['asked_for', {}, {}, { pageAskedFor: true }],
    'the person said no twice': ['said_no_twice', {}, {}, { saidNoTwice: true }],
  };
  for (const [why, [kind, ...given]] of Object.entries(full)) {
    it(`is the full one where ${why}, though everything else holds`, () => {
      const answer = page(...given);
      assert.deepEqual([answer.page, kindsOf(answer.differences), answer.widens], ['full', [kind], false]);
      // What is proven needs no program to come from, and excuses nothing else.
      const proven = page(given[0], given[1], { ...given[2], proven: true });
      assert.equal(proven.page, kind === 'not_straight' ? 'short' : 'full');
    });
  }

  const stillShort: Record<string, Parameters<typeof page>> = {
    'the last full page is a second less than 90 days old': [{ fullPageAt: ago(90 * DAY - 1_000) }],
    'a scope that is not asked for was shown long ago': [
      { scopeTimes: { openid: { until: ahead(DAY), shownAt: ago(200 * DAY) } } },
      { scopes: ['mail:read'] },
    ],
    'other browsers approved it too': [{ browsers: ['another', 'browser'] }],
    'a proven client came by a link': [{}, {}, { proven: true, straight: false }],
    'fewer scopes are asked for': [{}, { scopes: ['mail:read'] }],
    'the program took another port': [{}, { redirectUri: 'http://127.0.0.1:2/callback' }],
  };
  for (const [when, given] of Object.entries(stillShort)) {
    it(`is given where ${when}`, () => assert.equal(page(...given).page, 'short'));
  }

  it('is the full one for everything that differs from the agreement, proven or not', () => {
    for (const [what, { terms = {}, kinds, consent = {} }] of Object.entries(CASES)) {
      // Another client ID is no difference here: registrations of one family are compared with each other.
      if (kinds.length === 0 || what === 'another client' || what === 'no consent') continue;
      for (const proven of [true, false]) {
        const answer = page(consent, terms, { proven });
        assert.notEqual(answer.page, 'short', what);
        assert.deepEqual(kindsOf(answer.differences), kinds, what);
      }
    }
  });
});

describe('page F, stopped and page E', () => {
  it('wider scopes under a consent that holds widen it; nothing else does, and nothing together with it', () => {
    assert.equal(page({}, { scopes: both }).widens, true);
    assert.equal(page(undefined, { scopes: both }).widens, false);
    for (const consent of [{ suspendedAt: ago(1) }, { redirectUri: 'https://x.example/' }, { expiresAt: NOW }]) {
      const answer = page(consent, { scopes: both });
      assert.deepEqual([answer.page, answer.widens], ['full', false]);
    }
  });

  it('a block stops it before anything else, a denial before the queue, and the queue before the press', () => {
    const waiting = admission({ waiting: ['mail:read'], allowed: ['openid'] });
    const denied = admission({ waiting: ['openid'], denied: ['mail:read'] });
    assert.equal(page({}, {}, { blocked: true }).page, 'stopped');
    assert.ok(kindsOf(page({}, {}, { blocked: true }).differences).includes('blocked'));
    assert.equal(page({}, denied).page, 'stopped');
    assert.equal(page({}, waiting).page, 'approval');
    assert.equal(page({}, waiting, { blocked: true }).page, 'stopped');
    assert.equal(page(undefined, waiting).page, 'approval');
  });
});

describe('of several consents', () => {
  const judged = (candidates: Consent[], terms: Partial<Terms> = {}) =>
    judgePage(candidates, termsOf(terms), circumstancesOf(), sight);

  it('the nearest is compared, in whatever order they come', () => {
    const good = consentOf({ id: 'good', clientId: 'sister' });
    const worse = [
      consentOf({ id: 'suspended', suspendedAt: ago(1) }),
      consentOf({ id: 'elsewhere', redirectUri: 'https://x.example/' }),
      consentOf({ id: 'little', scopes: [] }),
    ];
    for (const candidates of [
      [good, ...worse],
      [...worse, good],
    ]) {
      const { page: kind, basis } = judged(candidates);
      assert.deepEqual([kind, basis?.id], ['short', 'good']);
    }
  });

  it('a consent that only needs wider scopes is nearer than one that is graver, and one of the same program counts', () => {
    const little = consentOf({ id: 'little', clientId: 'sister' });
    const renamed = consentOf({
      ...wide,
      id: 'renamed',
      clientFingerprint: 'x.x',
      stated: { client: { ...CLAUDE, name: 'X' } },
    });
    const answer = judged([renamed, little], { scopes: both });
    assert.deepEqual([answer.basis?.id, answer.widens], ['little', true]);
  });

  it('nothing is added up from two: each consent has to cover the request alone', () => {
    const read = consentOf({ id: 'read', scopes: ['mail:read'] });
    const send = consentOf({ id: 'send', scopes: ['mail:send'], scopeDigests: { 'mail:send': 'send 1' } });
    assert.equal(judged([read, send], { scopes: both }).page, 'full');
    const elsewhere = consentOf({ ...wide, browsers: ['another'] });
    assert.equal(judged([read, elsewhere], { scopes: both }).page, 'full');
  });

  it('a consent of the family covers no token: at the mint only the client’s own does', () => {
    const sister = consentOf({ clientId: 'sister' });
    assert.equal(judged([sister]).page, 'short');
    for (const moment of ['resume', 'code', 'refresh', 'device'] as const) {
      assert.equal(judge(sister, termsOf(), { ...sight, moment }).covered, false, moment);
    }
  });
});
