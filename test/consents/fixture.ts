/** A consent, the request that it covers, and the circumstances of a short page: tests change one thing at a time. */
import { redirectKey } from '../../src/clients/redirect-uris.ts';
import type { Consent, Stated, Terms } from '../../src/consents/consent.ts';
import type { Circumstances } from '../../src/consents/contract.ts';

export const NOW = new Date('2026-11-23T12:00:00Z');
export const DAY = 86_400_000;
export const MINUTE = 60_000;
export const ago = (ms: number) => new Date(NOW.getTime() - ms);
export const ahead = (ms: number) => new Date(NOW.getTime() + ms);
export const sight = { now: NOW, redirectKeyOf: redirectKey };

export const CLAUDE: Stated = { name: 'Claude', authMethod: 'none', keysHost: '', resembles: false };
export const GATEWAY: Stated = {
  name: 'Gateway',
  authMethod: 'client_secret_basic',
  keysHost: 'gw.example',
  resembles: false,
};
const CALLBACK = 'http://127.0.0.1:33418/callback';
const WORDS = {
  'mail:read': { description: 'Read your mail', tools: ['list_mail'] },
  'mail:send': { description: 'Send mail as you', tools: ['send_mail'] },
};

export function consentOf(changes: Partial<Consent> = {}): Consent {
  return {
    id: 'consent',
    accountId: 'ana',
    clientId: 'client',
    downstream: undefined,
    resourceId: 'mail',
    redirectUri: CALLBACK,
    scopes: ['openid', 'mail:read'],
    clientFingerprint: 'name.proof',
    stated: { client: CLAUDE },
    scopeDigests: { openid: '', 'mail:read': 'read 1' },
    scopeWords: { 'mail:read': WORDS['mail:read'] },
    scopeTimes: {},
    version: 1,
    browsers: ['browser'],
    browserLabel: 'Chrome on Windows',
    approvedAt: ago(DAY),
    fullPageAt: ago(DAY),
    expiresAt: ahead(89 * DAY),
    revokedAt: undefined,
    revokedReason: undefined,
    suspendedAt: undefined,
    suspendedReason: undefined,
    ...changes,
  };
}

/** What {@link consentOf} covers. */
export function termsOf(changes: Partial<Terms> = {}): Terms {
  const { scopes = ['openid', 'mail:read'], redirectUri = CALLBACK, downstream } = changes;
  return {
    accountId: 'ana',
    clientId: 'client',
    downstream,
    downstreamKey: downstream && redirectKey(downstream.redirectUri),
    resourceId: 'mail',
    redirectUri,
    redirectKey: redirectKey(redirectUri),
    scopes,
    clientFingerprint: 'name.proof',
    stated: { client: CLAUDE },
    scopeDigests: { openid: '', profile: '', email: '', 'mail:read': 'read 1', 'mail:send': 'send 1' },
    scopeWords: WORDS,
    redirectRegistered: true,
    admission: { allowed: scopes, waiting: [], denied: [], byOwnPress: [] },
    ...changes,
  };
}

/** Under which {@link termsOf} gets the short page. */
export function circumstancesOf(changes: Partial<Circumstances> = {}): Circumstances {
  return {
    browserId: 'browser',
    proven: false,
    straight: true,
    device: false,
    namesNobody: false,
    accountSwitched: false,
    pageAskedFor: false,
    saidNoTwice: false,
    blocked: false,
    ...changes,
  };
}
