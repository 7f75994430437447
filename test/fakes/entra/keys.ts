/** Signing keys of the fake: those for every tenant, one of personal accounts, and one that is never published. */
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

type Private = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
interface SigningKey {
  kid: string;
  privateKey: Private;
  published: JWK & { issuer: string };
}

export type FakeKeys = Awaited<ReturnType<typeof createKeys>>;
/** `own`: for every tenant; `personal`: published, for personal accounts alone; `stranger`: unpublished, under the kid of `own`. */
export type Signer = 'own' | 'personal' | 'stranger';

const PERSONAL = '9188040d-6c67-4c5b-b112-36a304b66dad';

export async function createKeys() {
  let made = 0;
  async function make(issuerOf: (login: string) => string): Promise<(login: string) => SigningKey> {
    const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
    made += 1;
    const kid = `fake-key-${made}`;
    const jwk = await exportJWK(publicKey);
    return (login) => ({
      kid,
      privateKey,
      published: { ...jwk, kid, use: 'sig', x5t: kid, issuer: issuerOf(login) } as JWK & { issuer: string },
    });
  }
  const template = (login: string) => `https://${login}/{tenantid}/v2.0`;
  const [first, next, personal, stranger] = await Promise.all([
    make(template),
    make(template),
    make((login) => `https://${login}/${PERSONAL}/v2.0`),
    make(template),
  ]);
  let own = first;
  let retired: typeof own | undefined;

  return {
    /** Ten, in whatever order: it means nothing. */
    published(login: string): JWK[] {
      const more = Array.from({ length: 7 }, (_, index) => ({ ...next(login).published, kid: `fake-spare-${index}` }));
      const keys = [...more, ...[personal, next, own].map((key) => key(login).published)];
      return keys.sort(() => Math.random() - 0.5);
    },
    /** The emergency: a new key signs at once, the old one is gone. */
    async roll(): Promise<void> {
      retired = own;
      own = await make(template);
    },
    async sign(claims: Record<string, unknown>, login: string, by: Signer | 'retired' = 'own'): Promise<string> {
      const key = { own, personal, stranger, retired: retired ?? own }[by](login);
      const kid = by === 'stranger' ? own(login).kid : key.kid;
      return new SignJWT(claims).setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid }).sign(key.privateKey);
    },
  };
}
