/** Reads what we prove ourselves with at a provider: certificates with their keys, and bare keys (PEM, RFC 7468). */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { ValueError } from '../../config-values.ts';

export interface Certified {
  certificate: string;
  privateKey: string;
}

const MIN_RSA_BITS = 2048;
const CURVES: readonly string[] = ['prime256v1'];
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/;
const PRIVATE_KEY = /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----[\s\S]+?-----END (?:[A-Z]+ )*PRIVATE KEY-----/;

/**
 * A certificate and its RSA key from one PEM text; the first of several certificates is ours, the rest its chain.
 * @throws ValueError in words that name nothing secret
 */
export function parseCertificate(text: string): Certified {
  const pem = CERTIFICATE.exec(text)?.[0];
  if (!pem) throw new ValueError('holds no certificate; write a PEM file with the certificate and its private key');
  const certificate = readCertificate(pem);
  const key = readPrivateKey(text);
  if (!certificate.checkPrivateKey(key)) throw new ValueError('holds a private key that is not the certificate’s own');
  if (key.asymmetricKeyType !== 'rsa') throw new ValueError('is not of an RSA key, and Entra ID takes no other');
  return { certificate: pem, privateKey: pkcs8(key) };
}

/** @throws ValueError */
export function parsePrivateKey(text: string): Certified {
  const certificate = CERTIFICATE.exec(text)?.[0];
  return { certificate: certificate ?? '', privateKey: pkcs8(readPrivateKey(text)) };
}

/** Of a stored one. */
export function certificateDates(pem: string): { startsAt: Date; endsAt: Date } {
  const { validFrom, validTo } = new X509Certificate(pem);
  return { startsAt: new Date(validFrom), endsAt: new Date(validTo) };
}

/** As the portal of Entra ID shows it (SHA-1, upper case); and base64url SHA-256, as in `x5t#S256`. */
export function thumbprints(pem: string): { sha1: string; sha256: string } {
  const { raw, fingerprint } = new X509Certificate(pem);
  return { sha1: fingerprint.replaceAll(':', ''), sha256: createHash('sha256').update(raw).digest('base64url') };
}

/** When the last of them ends; undefined where none says. */
export function lastEnd(certificates: readonly Certified[]): Date | undefined {
  const ends = certificates
    .filter(({ certificate }) => certificate !== '')
    .map((one) => certificateDates(one.certificate));
  return ends.map(({ endsAt }) => endsAt).sort((one, other) => other.getTime() - one.getTime())[0];
}

/** What the provider has to know of a bare key: its `kid` is its thumbprint (RFC 7638). */
export async function publicJwk(privateKey: string): Promise<Record<string, unknown>> {
  const key = createPublicKey(privateKey);
  const jwk = key.export({ format: 'jwk' });
  const alg = key.asymmetricKeyType === 'ec' ? 'ES256' : 'PS256';
  return { ...jwk, kid: await calculateJwkThumbprint(jwk as JWK), alg, use: 'sig' };
}

function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new ValueError('holds a certificate that cannot be read; write a PEM file');
  }
}

function readPrivateKey(text: string): KeyObject {
  const pem = PRIVATE_KEY.exec(text)?.[0];
  if (!pem) throw new ValueError('holds no private key; write a PEM file with it');
  if (/ENCRYPTED/.test(pem))
    throw new ValueError('holds a key with a passphrase; write one without (openssl pkey -in old.pem -out new.pem)');
  const key = decode(pem);
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  const fit = { rsa: modulusLength >= MIN_RSA_BITS, ec: CURVES.includes(namedCurve) };
  if (fit[key.asymmetricKeyType as keyof typeof fit] !== true)
    throw new ValueError(
      `holds a key that is too weak or of an unknown kind; write RSA of ${MIN_RSA_BITS} bits or more, or EC P-256`,
    );
  return key;
}

function decode(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new ValueError('holds a private key that cannot be read; write it as PEM (PKCS #8)');
  }
}

function pkcs8(key: KeyObject): string {
  return String(key.export({ type: 'pkcs8', format: 'pem' }));
}
