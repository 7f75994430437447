/** How a connection proves to its provider that it is itself: a workload's token, a certificate or a secret (RFC 7523 §2.2). */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  randomUUID,
  X509Certificate,
} from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { calculateJwkThumbprint, type JWK } from 'jose';
import * as client from 'openid-client';
import type { ConnectionSecrets, EntraSettings } from './settings.ts';
import { UpstreamFailed } from './upstream-failed.ts';

export interface ClientAuthentication {
  apply: client.ClientAuth;
  /**
   * The provider does not know what was sent.
   * @returns whether there is another credential to try, which is sent from now on
   */
  refused(): boolean;
}

interface AssertionKey {
  certificate: X509Certificate;
  privateKey: KeyObject;
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const ASSERTION_SECONDS = 300;
/** A certificate that was refused may have been uploaded meanwhile. */
const REFUSED_MS = 10 * 60_000;
const MAX_TOKEN_CHARACTERS = 32_768;

export function entraAuthentication(
  settings: Pick<EntraSettings, 'authentication' | 'federatedTokenFile'>,
  secrets: ConnectionSecrets,
  now: () => Date,
): ClientAuthentication {
  switch (settings.authentication) {
    case 'federated_credential':
      return only(federated(settings.federatedTokenFile));
    case 'certificate':
      return certificates(secrets, now);
    case 'client_secret':
      if (!secrets.clientSecret) return only(missing('client secret'));
      return only(client.ClientSecretPost(secrets.clientSecret));
  }
}

/**
 * `private_key_jwt` at a provider that knows the key by its RFC 7638 thumbprint; `aud` as openid-client has it. A key
 * may stand alone, with an empty certificate.
 */
export function privateKeyJwt(secrets: ConnectionSecrets, now: () => Date): client.ClientAuth {
  return async (server, metadata, body, headers) => {
    const pair = secrets.certificates.find(({ certificate }) => certificate === '' || isValid(certificate, now()));
    if (!pair) throw misconfigured('no key is stored whose certificate is valid now');
    const privateKey = createPrivateKey(pair.privateKey);
    const listed = server.token_endpoint_auth_signing_alg_values_supported;
    const key = await importSigningKey(privateKey, !Array.isArray(listed) || listed.includes('PS256'));
    const kid = await calculateJwkThumbprint(createPublicKey(privateKey).export({ format: 'jwk' }) as JWK);
    await client.PrivateKeyJwt({ key, kid })(server, metadata, body, headers);
  };
}

function only(apply: client.ClientAuth): ClientAuthentication {
  return { apply, refused: () => false };
}

function missing(what: string): client.ClientAuth {
  return () => {
    throw misconfigured(`no ${what} is stored`);
  };
}

/** Read at each use: the workload's platform replaces it every hour or so. */
function federated(path: string | undefined): client.ClientAuth {
  return async (_server, { client_id: clientId }, body) => {
    if (!path) throw misconfigured('no federated token file is named');
    const token = await readFile(path, 'utf8').then(
      (text) => text.trim(),
      (cause: unknown) => {
        throw misconfigured('the federated token file cannot be read', cause);
      },
    );
    if (token.length > MAX_TOKEN_CHARACTERS || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) {
      throw misconfigured('the federated token file holds no JWT');
    }
    body.set('client_id', clientId);
    body.set('client_assertion_type', ASSERTION_TYPE);
    body.set('client_assertion', token);
  };
}

/**
 * The newest that is valid now. Where Entra does not know it (yet), the next: it looks at the client before the code, so
 * the same code is still good.
 */
function certificates(secrets: ConnectionSecrets, now: () => Date): ClientAuthentication {
  const refusals = new Map<string, number>();
  let sent: string | undefined;
  const usable = () => {
    const at = now().getTime();
    return validKeys(secrets, now()).filter(
      ({ certificate }) => at - (refusals.get(certificate.fingerprint256) ?? Number.NEGATIVE_INFINITY) >= REFUSED_MS,
    );
  };
  return {
    async apply(server, metadata, body, headers) {
      const [key] = [...usable(), ...validKeys(secrets, now())];
      if (!key) throw misconfigured('no certificate is valid now');
      sent = key.certificate.fingerprint256;
      await signEntraAssertion(key)(server, metadata, body, headers);
    },
    refused() {
      if (sent !== undefined) refusals.set(sent, now().getTime());
      return usable().length > 0;
    },
  };
}

/** As Entra wants it: PS256, the certificate named by its SHA-256 thumbprint, for the token endpoint. */
function signEntraAssertion({ certificate, privateKey }: AssertionKey): client.ClientAuth {
  return async (server, metadata, body, headers) => {
    const authenticate = client.PrivateKeyJwt(await importSigningKey(privateKey, true), {
      [client.modifyAssertion](header, payload) {
        header['x5t#S256'] = createHash('sha256').update(certificate.raw).digest('base64url');
        header.typ = 'JWT';
        payload.aud = server.token_endpoint;
        payload.jti = randomUUID();
        payload.exp = Number(payload.nbf) + ASSERTION_SECONDS;
      },
    });
    await authenticate(server, metadata, body, headers);
  };
}

/** The newest first. */
function validKeys({ certificates: pairs }: ConnectionSecrets, at: Date): AssertionKey[] {
  return pairs
    .filter(({ certificate }) => isValid(certificate, at))
    .map(({ certificate, privateKey }) => ({
      certificate: new X509Certificate(certificate),
      privateKey: createPrivateKey(privateKey),
    }));
}

function isValid(pem: string, at: Date): boolean {
  const { validFromDate, validToDate } = new X509Certificate(pem);
  return validFromDate <= at && at < validToDate;
}

async function importSigningKey(key: KeyObject, pss: boolean): Promise<client.CryptoKey> {
  const der = key.export({ type: 'pkcs8', format: 'der' });
  const algorithm =
    key.asymmetricKeyType === 'ec'
      ? { name: 'ECDSA', namedCurve: 'P-256' }
      : { name: pss ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  return crypto.subtle.importKey('pkcs8', new Uint8Array(der), algorithm, false, ['sign']);
}

function misconfigured(what: string, cause?: unknown): UpstreamFailed {
  return new UpstreamFailed('failed', `client authentication: ${what}`, cause, {
    reason: 'misconfigured',
    alarm: 'client_authentication',
  });
}
