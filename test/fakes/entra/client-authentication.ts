/** Who the fake takes an application for: as strict as Entra ID says it is with assertions. */
import { createHash, X509Certificate } from 'node:crypto';
import { compactVerify, decodeJwt, decodeProtectedHeader, importJWK, type JWTPayload } from 'jose';
import type { FakeApp } from './directory.ts';
import { Aadsts } from './errors.ts';

const SKEW_SECONDS = 300;
const MAX_LIFE_SECONDS = 600;
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

export function createClientCheck(now: () => number) {
  const seen = new Set<string>();

  async function assertCertificate(app: FakeApp, assertion: string, tokenEndpoint: string): Promise<void> {
    const header = decodeProtectedHeader(assertion);
    const claims = decodeJwt(assertion);
    if (header.alg !== 'PS256') throw new Aadsts(700027, 'The algorithm is not PS256.');
    const certificates = app.certificates.map((pem) => new X509Certificate(pem));
    const certificate = certificates.find((one) => thumbprint(one) === header['x5t#S256']);
    if (!certificate) throw new Aadsts(700027, 'The certificate with this thumbprint is not registered.');
    if (certificate.validToDate.getTime() <= now() * 1000)
      throw new Aadsts(700027, 'The key was found but has expired.');
    await compactVerify(assertion, certificate.publicKey).catch(() => {
      throw new Aadsts(700027, 'The signature is wrong.');
    });
    assertTimes(claims);
    if (claims.aud !== tokenEndpoint) throw new Aadsts(700023, 'The audience is not the token endpoint.');
    if (claims.iss !== app.clientId || claims.sub !== app.clientId)
      throw new Aadsts(700021, 'Another issuer or subject.');
    const { jti } = claims;
    if (typeof jti !== 'string' || !GUID.test(jti) || seen.has(jti))
      throw new Aadsts(700024, 'jti is no GUID, or reused.');
    seen.add(jti);
  }

  function assertTimes({ nbf = 0, exp = 0 }: JWTPayload): void {
    const at = now();
    if (exp - nbf > MAX_LIFE_SECONDS || nbf > at + SKEW_SECONDS || exp < at - SKEW_SECONDS) {
      throw new Aadsts(700024, 'The assertion is not within its valid time range.');
    }
  }

  async function assertFederated(app: FakeApp, assertion: string): Promise<void> {
    const claims = decodeJwt(assertion);
    const credential = app.federated.find(
      ({ issuer, subject, audience }) => claims.iss === issuer && claims.sub === subject && claims.aud === audience,
    );
    if (!credential) throw new Aadsts(70021, 'No matching federated identity record found.');
    await compactVerify(assertion, await importJWK(credential.key, 'RS256')).catch(() => {
      throw new Aadsts(70021, 'The signature of the federated token is wrong.');
    });
    if ((claims.exp ?? 0) < now()) throw new Aadsts(700024, 'The assertion is not within its valid time range.');
  }

  /** @throws Aadsts */
  return async (app: FakeApp, body: URLSearchParams, tokenEndpoint: string): Promise<void> => {
    const [assertion, secret] = [body.get('client_assertion'), body.get('client_secret')];
    if (assertion !== null) {
      if (body.get('client_assertion_type') !== TYPE) throw new Aadsts(90014, 'client_assertion_type is missing.');
      const federated = decodeJwt(assertion).iss !== app.clientId;
      await (federated ? assertFederated(app, assertion) : assertCertificate(app, assertion, tokenEndpoint));
      return;
    }
    if (secret === null) throw new Aadsts(7000218, 'The request body must contain client_assertion or client_secret.');
    const known = app.secrets.find(({ value }) => value === secret);
    if (!known) throw new Aadsts(7000215, 'Invalid client secret provided.');
    if (known.expiresAt <= now()) throw new Aadsts(7000222, 'The provided client secret keys are expired.');
  };
}

function thumbprint(certificate: X509Certificate): string {
  return createHash('sha256').update(certificate.raw).digest('base64url');
}
