/** The tokens of a look: for a subject that is nobody, for one URL, for a minute, and revoked afterwards (threat 105). */
import { randomBytes } from 'node:crypto';

export type TokenClaims = {
  iss: string;
  /** Both `check:…`: no account, and no client. Alike, as of a service, so that no server takes it for a person (RFC 9068 §5). */
  sub: string;
  client_id: string;
  aud: string;
  jti: string;
  /** Seconds since 1970. */
  iat: number;
  exp: number;
  scope?: string;
};

export interface TokenDeps {
  /** A JWT access token signed with the key of the moment. */
  sign: (claims: TokenClaims) => Promise<string>;
  revoke: (tokens: readonly { jti: string; expiresAt: Date }[]) => Promise<void>;
  issuer: string;
  now: () => Date;
}

export type SyntheticTokens = ReturnType<typeof createSyntheticTokens>;

const LIFE_SECONDS = 60;
const SUBJECT = 'check:';

/** Whether a token of ours is for nobody: no registered client has such an id. */
export function isSynthetic(clientId: string): boolean {
  return clientId.startsWith(SUBJECT);
}

/** @param uri canonical: where they are sent to, and nowhere else */
export function createSyntheticTokens({ sign, revoke, issuer, now }: TokenDeps, uri: string) {
  const subject = `${SUBJECT}${randomBytes(9).toString('base64url')}`;
  const made: { jti: string; expiresAt: Date }[] = [];

  function make(changes: Partial<TokenClaims>): Promise<string> {
    const iat = Math.floor(now().getTime() / 1000);
    const jti = randomBytes(16).toString('base64url');
    const whole = { iss: issuer, sub: subject, client_id: subject, aud: uri, jti, iat, exp: iat + LIFE_SECONDS };
    const claims = { ...whole, ...changes };
    made.push({ jti, expiresAt: new Date(claims.exp * 1000) });
    return sign(claims);
  }

  return {
    subject,
    good: (scopes: readonly string[]) => make(scopes.length > 0 ? { scope: scopes.join(' ') } : {}),
    withoutScope: () => make({}),
    /** A neighbour that is nobody: refused only where audiences are compared whole. */
    forAnother: (scopes: readonly string[]) =>
      make({ aud: `${new URL(uri).origin}/check-${randomBytes(9).toString('hex')}`, scope: scopes.join(' ') }),
    expired(scopes: readonly string[]) {
      const exp = Math.floor(now().getTime() / 1000) - 10 * LIFE_SECONDS;
      return make({ iat: exp - LIFE_SECONDS, exp, scope: scopes.join(' ') });
    },
    async forged(scopes: readonly string[]) {
      const signed = await make({ scope: scopes.join(' ') });
      return `${signed.slice(0, signed.lastIndexOf('.'))}.${randomBytes(64).toString('base64url')}`;
    },
    /** Whatever became of the look. */
    end: () => revoke(made),
  };
}
