/** What the tests of the administration API's tokens share: people of every role, a marked client, and each step of asking. */
import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { ADMIN_READ, ADMIN_WRITE, adminApiUri, markAdminClient } from '../../src/admin-api.ts';
import { createAccessTokens } from '../../src/oauth/access-tokens.ts';
import { createAdminBearer } from '../../src/oauth/admin-bearer.ts';
import { authorizationUrl, basic, redeem, signIn } from '../flow.ts';
import { addPerson, type Consentry, sql, staticClient } from '../harness.ts';
import { createPerson, type Person, type Step } from '../person.ts';

export const ALL_SCOPES = `${ADMIN_READ} ${ADMIN_WRITE}`;

export interface AdminPerson {
  id: string;
  email: string;
  password: string;
}

export type AdminKit = Awaited<ReturnType<typeof createAdminKit>>;

export interface Wanted {
  scope?: string;
  person?: Person;
  /** Changes to the authorization request. */
  params?: Record<string, string | undefined>;
}

/** A confidential app that an owner marked, and an owner beside `ana`, who administers nothing. */
export async function createAdminKit(consentry: Consentry) {
  const { rooms, issuer } = consentry;
  const uri = adminApiUri(issuer);
  const jwks = await (await fetch(`${issuer}/jwks`)).json();
  const bearer = createAdminBearer({
    ...rooms,
    accessTokens: createAccessTokens({ ...rooms, jwks: () => jwks as never }),
  });

  async function addRole(email: string, role: string): Promise<AdminPerson> {
    const person = await addPerson(rooms, email);
    if (role === 'owner') await sql(consentry, "UPDATE accounts SET role = 'owner' WHERE id = $1", [person.id]);
    else {
      await sql(consentry, 'INSERT INTO roles (id) VALUES ($1) ON CONFLICT DO NOTHING', [role]);
      const row = "INSERT INTO account_roles (account_id, role_id, source) VALUES ($1, $2, 'administrator')";
      await sql(consentry, row, [person.id, role]);
    }
    return person;
  }

  async function addMarked(name = 'Terraform') {
    const made = await staticClient(rooms, { kind: 'app', name });
    await markAdminClient(rooms, made.clientId, true);
    return { clientId: made.clientId, headers: basic(made.clientId, made.clientSecret) };
  }

  const owner = await addRole('olga@contoso.test', 'owner');
  const client = await addMarked();

  const begin = (clientId: string, { scope = ALL_SCOPES, params }: Wanted = {}) =>
    authorizationUrl(consentry, clientId, { resource: uri, scope, ...params });

  /** The page by which the request is answered, for this person. */
  async function ask(who: AdminPerson, wanted: Wanted = {}, clientId = client.clientId) {
    const { person = createPerson(issuer) } = wanted;
    const begun = begin(clientId, wanted);
    const first = await person.open(begun.url);
    const page = first.html.includes('name="email"') ? await signIn(person, first, who) : first;
    return { ...begun, person, page };
  }

  /** The whole way. */
  async function token(who: AdminPerson = owner, wanted: Wanted = {}, by = client) {
    const asked = await ask(who, wanted, by.clientId);
    const done = await asked.person.submit(asked.page, { decision: 'approve' });
    const code = codeIn(done);
    if (!code) throw new Error(`no code: ${done.status} ${done.left?.href ?? done.html.slice(0, 1500)}`);
    const { status, body } = await redeem(consentry, by.clientId, { ...asked, code }, { resource: uri }, by.headers);
    if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
    return { ...asked, body, accessToken: String(body.access_token) };
  }

  return { uri, bearer, owner, client, addRole, addMarked, begin, ask, token };
}

export const codeIn = (done: Step) => done.left?.searchParams.get('code') ?? undefined;
export const asksPassword = ({ html }: Step) => html.includes('autocomplete="current-password"');

/** A proof of a fresh key (RFC 9449 §4.2). */
export async function dpopProof(htu: string): Promise<string> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  return new SignJWT({ htm: 'POST', htu, iat: Math.floor(Date.now() / 1000), jti: randomUUID() })
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk: await exportJWK(publicKey) })
    .sign(privateKey);
}
