/** The second factor of a password: codes of an authenticator app (RFC 6238), and recovery codes for who lost it. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Sealing } from '../keys/sealing.ts';
import { generateRecoveryCode } from './generated-password.ts';
import type { SecondFactorStore } from './second-factor-store.ts';
import { base32, matchingStep, otpauthUri } from './totp.ts';

export type SecondFactor = ReturnType<typeof createSecondFactor>;

/** A password was right, and the code is still to come. */
interface Ticket {
  accountId: string;
  /** Of the password hash: a changed password ends it. */
  password: string;
  /** Milliseconds since the epoch. */
  until: number;
}

const SECRET = 'totp-secret';
const TICKET = 'second-factor-ticket';
const TICKET_MS = 300_000;
const SECRET_BYTES = 20;
const CODES = 10;

/** @param brand what the app files the codes under */
export function createSecondFactor(deps: {
  store: SecondFactorStore;
  sealing: Pick<Sealing, 'seal' | 'open' | 'hmac'>;
  brand: string;
  now: () => Date;
}) {
  const { store, sealing, brand, now } = deps;
  const open = (accountId: string, sealed: Uint8Array) => sealing.open(SECRET, accountId, sealed);
  const hashOf = (accountId: string, code: string) =>
    sealing.hmac('recovery-code', `${accountId} ${code.toLowerCase().replace(/[^a-z0-9]/g, '')}`);

  async function isOn(accountId: string): Promise<boolean> {
    return ((await store.find(accountId))?.confirmedAt ?? null) !== null;
  }

  async function renewCodes(accountId: string): Promise<string[]> {
    const codes = Array.from({ length: CODES }, generateRecoveryCode);
    const hashes = codes.map((code) => hashOf(accountId, code));
    await store.replaceCodes(accountId, hashes, now());
    return codes;
  }

  return {
    isOn,
    renewCodes,
    codesLeft: (accountId: string): Promise<number> => store.countCodes(accountId),
    /** Which of these are recovery codes of this person, used or not. At most as many as there are. */
    async knownCodes(accountId: string, said: readonly string[]): Promise<string[]> {
      const codes = said.slice(0, CODES).map((code) => ({ code, hash: hashOf(accountId, code) }));
      const known = await store.knownCodes(
        accountId,
        codes.map(({ hash }) => hash),
      );
      return codes.filter(({ hash }) => known.includes(hash)).map(({ code }) => code);
    },
    /** Asked for from the first right code on. @returns undefined where one is in use already */
    async begin({ id, email }: { id: string; email: string }): Promise<{ secret: string; uri: string } | undefined> {
      const secret = randomBytes(SECRET_BYTES);
      if (!(await store.begin(id, sealing.seal(SECRET, id, secret), now()))) return undefined;
      return { secret: base32(secret), uri: otpauthUri({ secret, brand, email }) };
    },
    /** What was begun, to be shown again. */
    async begun({ id, email }: { id: string; email: string }): Promise<{ secret: string; uri: string } | undefined> {
      const stored = await store.find(id);
      if (!stored || stored.confirmedAt) return undefined;
      const secret = open(id, stored.secret);
      return { secret: base32(secret), uri: otpauthUri({ secret, brand, email }) };
    },
    /** @returns recovery codes, to be shown once; undefined for a wrong code */
    async confirm(accountId: string, code: string): Promise<string[] | undefined> {
      const stored = await store.find(accountId);
      const step =
        stored && !stored.confirmedAt ? matchingStep(open(accountId, stored.secret), code, now()) : undefined;
      if (step === undefined || !(await store.confirm(accountId, step, now()))) return undefined;
      return renewCodes(accountId);
    },
    /** Takes a code of the app, or a recovery code; each once. */
    async check(accountId: string, said: string): Promise<'code' | 'recovery' | undefined> {
      const stored = await store.find(accountId);
      if (!stored?.confirmedAt) return undefined;
      const step = matchingStep(open(accountId, stored.secret), said, now());
      if (step !== undefined) return (await store.takeStep(accountId, step)) ? 'code' : undefined;
      return (await store.takeCode(accountId, hashOf(accountId, said), now())) ? 'recovery' : undefined;
    },
    remove: (accountId: string): Promise<boolean> => store.remove(accountId),

    /** @param binding the browser and the page: it opens nowhere else */
    writeTicket({ accountId, passwordHash, binding }: { accountId: string; passwordHash: string; binding: string }) {
      const password = sealing.hmac(TICKET, passwordHash);
      const ticket: Ticket = { accountId, password, until: now().getTime() + TICKET_MS };
      return sealing.seal(TICKET, binding, JSON.stringify(ticket)).toString('base64url');
    },
    /** Undefined where it is forged, too old, or of another browser or page. */
    readTicket(ticket: string, binding: string): Pick<Ticket, 'accountId' | 'password'> | undefined {
      try {
        const opened = sealing.open(TICKET, binding, Buffer.from(ticket, 'base64url'));
        const { until, ...read } = JSON.parse(opened.toString('utf8')) as Ticket;
        return until > now().getTime() ? read : undefined;
      } catch {
        return undefined;
      }
    },
    /** Whether the account's password is still the one that the ticket was given for. */
    isOfPassword({ password }: Pick<Ticket, 'password'>, passwordHash: string): boolean {
      const expected = Buffer.from(sealing.hmac(TICKET, passwordHash));
      const actual = Buffer.from(password);
      return expected.length === actual.length && timingSafeEqual(expected, actual);
    },
  };
}
