/** What tests of a person's own pages share: an authenticator app, and the steps of signing in there. */
import assert from 'node:assert/strict';
import { stepAt, totp } from '../../src/accounts/totp.ts';
import type { Consentry } from '../harness.ts';
import { words } from '../interaction/kit.ts';
import { createPerson, type Person, type Step } from '../person.ts';

export interface Somebody {
  id: string;
  email: string;
  password: string;
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** An authenticator app that was told this secret (RFC 4648 §6). */
export function createApp(written: string, now: () => Date) {
  const bits = [...written.replaceAll(' ', '')]
    .map((char) => BASE32.indexOf(char).toString(2).padStart(5, '0'))
    .join('');
  const secret = Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
  return { code: (ahead = 0) => totp(secret, stepAt(now()) + ahead) };
}

/** Signed in on the page of the proof, and on to `path`. */
export async function signInAt(consentry: Consentry, person: Person, who: Somebody, path = '/account'): Promise<Step> {
  const page = await person.open(`${consentry.issuer}/account/prove?to=${path}`);
  const account = page.html.includes('name="email"') ? { email: who.email } : {};
  return person.submit(page, { ...account, password: who.password });
}

/** Codes for the password of somebody, set up by their own hands. */
export async function setUpCodes(
  consentry: Consentry,
  who: Somebody,
  now: () => Date,
  person = createPerson(consentry.issuer),
) {
  const page = await signInAt(consentry, person, who, '/account/security');
  const begun = await person.submit(page, { act: 'begin' }, { action: '/account/security' });
  const secret = /<code class="setup-key" dir="auto">([^<]+)</.exec(begun.html)?.[1];
  assert.ok(secret, words(begun));
  const app = createApp(secret, now);
  const done = await person.submit(begun, { act: 'confirm', code: app.code() }, { action: '/account/security' });
  const recovery = [...done.html.matchAll(/<li><code dir="auto">([a-z0-9-]+)<\/code>/g)].map(([, code = '']) => code);
  assert.equal(recovery.length, 10, words(done));
  return { app, recovery, person, done };
}
