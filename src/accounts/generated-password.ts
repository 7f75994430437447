/** Passwords made for a person to read and type once. */
import { randomInt } from 'node:crypto';

/** No letter or digit that looks or sounds like another one in most fonts: 32 characters, 5 bits each. */
const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789';
const GROUPS = 4;
const GROUP_LENGTH = 5;

/** Such as `k7m3p-xq9ta`: 50 random bits, for guesses that are counted. */
export function generateRecoveryCode(): string {
  return Array.from({ length: 2 }, group).join('-');
}

/** Such as `k7m3p-xq9ta-…`: 20 random characters, 100 bits. */
export function generatePassword(): string {
  return Array.from({ length: GROUPS }, group).join('-');
}

function group(): string {
  return Array.from({ length: GROUP_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}
