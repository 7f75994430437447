/** Identifiers of rows that people name on the command line. */
import { randomBytes } from 'node:crypto';

/** 128 bits in base64url, never beginning with the hyphen of an option. */
export function newId(): string {
  for (;;) {
    const id = randomBytes(16).toString('base64url');
    if (!id.startsWith('-')) return id;
  }
}
