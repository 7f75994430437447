/** Time-based one-time passwords (RFC 6238 over RFC 4226): SHA-1, six digits, 30 seconds, as every authenticator app makes them. */
import { createHmac, timingSafeEqual } from 'node:crypto';

const STEP_SECONDS = 30;
const DIGITS = 6;
/** Clocks differ, and people type slowly (RFC 6238 §5.2). */
const STEPS_AROUND = 1;
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

export function stepAt(now: Date): number {
  return Math.floor(now.getTime() / 1000 / STEP_SECONDS);
}

/** @param step counted from 1970 (RFC 6238 §4.2) */
export function totp(secret: Uint8Array, step: number, digits = DIGITS): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', secret).update(counter).digest();
  // RFC 4226 §5.3: the last half byte says where to read 31 bits.
  const value = mac.readUInt32BE((mac[mac.length - 1] ?? 0) & 0xf) & 0x7fffffff;
  return String(value % 10 ** digits).padStart(digits, '0');
}

/** Of which step the code is; undefined for any other. Spaces between its digits do not matter. */
export function matchingStep(secret: Uint8Array, code: string, now: Date): number | undefined {
  const said = Buffer.from(code.replace(/\s/g, ''));
  const here = stepAt(now);
  let found: number | undefined;
  for (let step = here - STEPS_AROUND; step <= here + STEPS_AROUND; step += 1) {
    const right = Buffer.from(totp(secret, step));
    if (said.length === right.length && timingSafeEqual(said, right)) found = step;
  }
  return found;
}

/** RFC 4648 §6, without padding. */
export function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const groups = bits.match(/.{1,5}/g) ?? [];
  return groups.map((group) => BASE32[Number.parseInt(group.padEnd(5, '0'), 2)]).join('');
}

/** What the picture says to the app ("Key Uri Format"). */
export function otpauthUri({ secret, brand, email }: { secret: Uint8Array; brand: string; email: string }): string {
  const label = [brand, email].map((part) => encodeURIComponent(part.replaceAll(':', ' '))).join(':');
  return `otpauth://totp/${label}?secret=${base32(secret)}&issuer=${encodeURIComponent(brand)}&digits=${DIGITS}&period=${STEP_SECONDS}`;
}
