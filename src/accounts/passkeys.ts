/** Passkeys (WebAuthn Level 3): made by a person who is here, and shown in place of a password. Always with user verification. */
import { isIP } from 'node:net';
import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import { z } from 'zod';
import type { ChallengeTerms, PasskeyChallenges } from './passkey-challenges.ts';
import type { Passkey, PasskeyStore } from './passkey-store.ts';
import type { Account } from './store.ts';

export type Passkeys = ReturnType<typeof createPasskeys>;

export type AddPasskeyResult =
  | { ok: true; passkey: Passkey }
  | { ok: false; reason: 'refused' | 'exists' | 'too_many' };

const MAX_PASSKEYS = 20;
const MAX_CHARACTERS = 20_000;
const text = z.string().max(MAX_CHARACTERS);
/** What the browser's `toJSON` gives; whatever else it says is not looked at. */
const shared = { id: text, rawId: text, type: z.literal('public-key') };
const made = z.object({
  ...shared,
  response: z.object({ clientDataJSON: text, attestationObject: text, transports: z.array(text).max(10).optional() }),
});
const shown = z.object({
  ...shared,
  response: z.object({
    clientDataJSON: text,
    authenticatorData: text,
    signature: text,
    userHandle: text.nullish(),
  }),
});

/**
 * @param issuer its host is the relying party, its origin the only one that counts
 * @param brand what authenticators file the passkey under
 */
export function createPasskeys(deps: {
  store: PasskeyStore;
  challenges: PasskeyChallenges;
  issuer: string;
  brand: string;
  now: () => Date;
}) {
  const { store, challenges, brand, now } = deps;
  const { hostname: rpID, origin } = new URL(deps.issuer);
  /** A relying party has a name (WebAuthn Level 3 §5.1.2: a valid domain string). */
  const possible = isIP(rpID.replace(/^\[|\]$/g, '')) === 0;

  /** What the browser hands to `navigator.credentials.create`. */
  async function optionsToMake({ id, email, name }: Account, terms: ChallengeTerms) {
    const own = await store.list(id);
    return generateRegistrationOptions({
      rpName: brand,
      rpID,
      userID: new TextEncoder().encode(id),
      userName: email,
      userDisplayName: name ?? email,
      challenge: new Uint8Array(challenges.make(terms)),
      attestationType: 'none',
      excludeCredentials: own.map((passkey) => ({ id: passkey.id, transports: [...passkey.transports] })),
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    });
  }

  async function add(
    { id: accountId }: Pick<Account, 'id'>,
    said: string,
    { terms, name }: { terms: ChallengeTerms; name: string },
  ): Promise<AddPasskeyResult> {
    const response = parse(made, said);
    if (!response) return { ok: false, reason: 'refused' };
    if ((await store.list(accountId)).length >= MAX_PASSKEYS) return { ok: false, reason: 'too_many' };
    const verified = await verifyRegistrationResponse({
      response: { ...response, clientExtensionResults: {} } as RegistrationResponseJSON,
      expectedChallenge: (challenge) => challenges.take(challenge, terms),
      expectedOrigin: origin,
      expectedRPID: rpID,
      requireUserVerification: true,
    }).catch(() => undefined);
    if (!verified?.verified) return { ok: false, reason: 'refused' };
    const { credential, credentialBackedUp: backedUp } = verified.registrationInfo;
    const { id, publicKey, counter } = credential;
    const transports = (response.response.transports ?? []).filter((one) => /^[a-z-]{1,20}$/.test(one));
    const passkey = { id, accountId, publicKey: new Uint8Array(publicKey), counter, transports, name, backedUp };
    const whole = { ...passkey, createdAt: now(), lastUsedAt: undefined };
    return (await store.add(whole)) ? { ok: true, passkey: whole } : { ok: false, reason: 'exists' };
  }

  /** What the browser hands to `navigator.credentials.get`. @param own only these; left out: whichever it has for us */
  function askFor(terms: ChallengeTerms, own: readonly Passkey[] = []) {
    return generateAuthenticationOptions({
      rpID,
      challenge: new Uint8Array(challenges.make(terms)),
      allowCredentials: own.map(({ id, transports }) => ({ id, transports: [...transports] as never[] })),
      userVerification: 'required',
    });
  }

  /** Whose passkey was shown: undefined for anything that is not one of ours, of this challenge, used for the first time. */
  async function verify(said: string, terms: ChallengeTerms): Promise<Passkey | undefined> {
    const response = parse(shown, said);
    const passkey = response && (await store.find(response.id));
    if (!response || !passkey) return undefined;
    const verified = await verifyAuthenticationResponse({
      response: { ...response, clientExtensionResults: {} } as AuthenticationResponseJSON,
      expectedChallenge: (challenge) => challenges.take(challenge, terms),
      expectedOrigin: origin,
      expectedRPID: rpID,
      requireUserVerification: true,
      credential: { id: passkey.id, publicKey: passkey.publicKey, counter: passkey.counter },
    }).catch(() => undefined);
    if (!verified?.verified || !isOwnHandle(response.response.userHandle, passkey)) return undefined;
    const { newCounter: counter, credentialBackedUp: backedUp } = verified.authenticationInfo;
    return (await store.noteUse(passkey.id, { counter, backedUp, at: now() })) ? passkey : undefined;
  }

  return {
    possible,
    optionsToMake,
    add,
    askFor,
    verify,
    list: (accountId: string) => store.list(accountId),
    rename: (accountId: string, id: string, name: string) => store.rename(accountId, id, name),
    remove: (accountId: string, id: string) => store.remove(accountId, id),
    /** Whether to offer it to somebody whom nobody knows yet. */
    anybodyHasOne: async (): Promise<boolean> => possible && !(await store.isEmpty()),
  };
}

/** The authenticator says for whom it made the key (WebAuthn Level 3 §7.2, step 6). */
function isOwnHandle(handle: string | null | undefined, { accountId }: Passkey): boolean {
  return handle === null || handle === undefined || Buffer.from(handle, 'base64url').toString('utf8') === accountId;
}

function parse<T>(schema: z.ZodType<T>, said: string): T | undefined {
  if (said.length > MAX_CHARACTERS * 2) return undefined;
  try {
    return schema.safeParse(JSON.parse(said)).data;
  } catch {
    return undefined;
  }
}
