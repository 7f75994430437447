/** What leaves for the database is keyed here: HMAC-SHA256, and AES-256-GCM under keys derived by HKDF (RFC 5869). */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { AppError } from '../errors.ts';

export type Sealing = ReturnType<typeof createSealing>;

const VERSION = 1;
const HEADER_BYTES = 2;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Each purpose has keys of its own, so what was made for one means nothing to another.
 * A sealed value is: version (1 byte), identifier of the master key (1), nonce (12), ciphertext, tag (16).
 * @param masterKey 32 bytes
 */
export function createSealing(masterKey: Buffer) {
  const keys = new Map<string, Buffer>();
  const header = Buffer.from([VERSION, ...derive('key-id', 1)]);

  /** Bytes that only this master key gives for this purpose. */
  function derive(purpose: string, length: number): Buffer {
    return Buffer.from(hkdfSync('sha256', masterKey, '', `consentry/${purpose}`, length));
  }

  function keyFor(purpose: string): Buffer {
    const key = keys.get(purpose) ?? derive(purpose, 32);
    keys.set(purpose, key);
    return key;
  }

  /** The fingerprint under which a value is stored and found again: 43 characters of base64url. */
  function hmac(purpose: string, value: string): string {
    return createHmac('sha256', keyFor(`hmac/${purpose}`))
      .update(value)
      .digest('base64url');
  }

  /** One key per value of `aad`, so that random nonces never come near their limit (NIST SP 800-38D, section 8.3). */
  function cipherKey(purpose: string, aad: string): Buffer {
    return createHmac('sha256', keyFor(`seal/${purpose}`))
      .update(aad)
      .digest();
  }

  /** @param aad what the value belongs to (its row's key): it opens only there */
  function seal(purpose: string, aad: string, plaintext: string | Uint8Array): Buffer<ArrayBuffer> {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', cipherKey(purpose, aad), nonce);
    cipher.setAAD(header);
    const body = typeof plaintext === 'string' ? Buffer.from(plaintext) : plaintext;
    return Buffer.concat([header, nonce, cipher.update(body), cipher.final(), cipher.getAuthTag()]);
  }

  /** @throws AppError `sealed_by_another_key` or `sealed_value_damaged` */
  function open(purpose: string, aad: string, sealed: Uint8Array): Buffer {
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
    if (bytes.length < HEADER_BYTES + NONCE_BYTES + TAG_BYTES || bytes[0] !== VERSION) {
      throw damaged(purpose, `of ${bytes.length} bytes and version ${bytes[0]}`);
    }
    if (bytes[1] !== header[1]) throw anotherKey(purpose);
    const nonce = bytes.subarray(HEADER_BYTES, HEADER_BYTES + NONCE_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', cipherKey(purpose, aad), nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(bytes.subarray(0, HEADER_BYTES));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(HEADER_BYTES + NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    } catch (cause) {
      throw damaged(purpose, 'did not authenticate: altered, moved to another row, or sealed by another key', cause);
    }
  }

  return { derive, hmac, seal, open };
}

const PUBLIC_MESSAGE = 'Something is wrong on our side. Please tell the people who run this server.';

function damaged(purpose: string, what: string, cause?: unknown): AppError {
  return new AppError('sealed_value_damaged', 500, PUBLIC_MESSAGE, {
    detail: `Sealed ${purpose}: value ${what}`,
    cause,
  });
}

function anotherKey(purpose: string): AppError {
  const detail = `Sealed ${purpose}: sealed by another master key than the one in use`;
  return new AppError('sealed_by_another_key', 500, PUBLIC_MESSAGE, { detail });
}
