/** Trips through one connection to the fake Entra ID, without the rest of Consentry. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Connection, OutwardLeg, UpstreamIdentity } from '../../../src/federation/connection.ts';
import { createEntraConnection, type EntraRecord } from '../../../src/federation/entra/entra.ts';
import type { ConnectionSecrets } from '../../../src/federation/settings.ts';
import { UpstreamFailed } from '../../../src/federation/upstream-failed.ts';
import { CONTOSO, type FakeApp, type FakePerson } from '../../fakes/entra/directory.ts';
import { startFakeEntra } from '../../fakes/entra/fake.ts';

export const CALLBACK = 'http://127.0.0.1:9/federation/entra/callback';
export const SECRET = 'only-for-tests-8Q~of-the-fake';

export type Settings = Partial<EntraRecord['settings']>;
export type Entra = Awaited<ReturnType<typeof startEntra>>;

/** One fake with an application and a person of Contoso; `ahead` moves the connection's clock, in milliseconds. */
export async function startEntra() {
  const fake = await startFakeEntra();
  const clock = { ahead: 0 };
  const now = () => new Date(Date.now() + clock.ahead);
  const secrets = { value: SECRET, expiresAt: Number.MAX_SAFE_INTEGER };
  const app = fake.directory.app({ redirectUris: [CALLBACK], secrets: [secrets] });
  const shared = fake.directory.app({ redirectUris: [CALLBACK], secrets: [secrets], multiTenant: true });
  const ana = fake.directory.person({ upn: 'ana@contoso.test', name: 'Ana Lima' });

  /** @param fetch in place of the fake's, to look at or to change what passes */
  function connect(settings: Settings = {}, secret: Partial<ConnectionSecrets> = {}, fetch = fake.fetch): Connection {
    const several = settings.tenants !== undefined && (settings.tenants === 'any' || settings.tenants.length > 1);
    const record = fake.record({
      settings: { clientId: several ? shared.clientId : app.clientId, tenants: [CONTOSO], ...settings },
    });
    return createEntraConnection(record, { clientSecret: SECRET, certificates: [], ...secret }, { fetch, now });
  }

  return {
    ...{ fake, app, shared, ana, clock, connect },
    /** As at the start, with Ana in front of the screen. */
    reset(): void {
      fake.reset();
      fake.behaviour.person = ana;
      clock.ahead = 0;
      Object.assign(ana, { groups: [], assigned: true, disabled: false, revokedAt: 0, overdue: false });
      delete ana.roles;
      delete ana.email;
      delete ana.emailProven;
      for (const one of [app, shared]) resetApp(one);
    },
    close: () => fake.close(),
  };
}

function resetApp(app: FakeApp): void {
  Object.assign(app, {
    secrets: [{ value: SECRET, expiresAt: Number.MAX_SAFE_INTEGER }],
    certificates: [],
    federated: [],
    optionalClaims: new Set(['acct', 'sid']),
    groupsClaim: false,
    permissions: new Set(['User.Read']),
  });
}

export type Wishes = Partial<Pick<OutwardLeg, 'prompt' | 'maxAgeSeconds' | 'authContext' | 'claimsChallenge'>>;

export function newLeg() {
  const [state, nonce, codeVerifier] = [random(), random(), random()];
  const codeChallenge = createHash('sha256').update(codeVerifier).digest('base64url');
  return { state, nonce, codeVerifier, codeChallenge, callbackUrl: CALLBACK };
}

/**
 * There and back.
 * @param alter changes what the browser carries there
 */
export async function trip(
  { fake }: Pick<Entra, 'fake'>,
  connection: Connection,
  { wishes = {}, alter = (_url: URL) => {} }: { wishes?: Wishes; alter?: (url: URL) => void } = {},
) {
  const leg = newLeg();
  const url = await connection.authorizationUrl({ ...leg, ...wishes });
  alter(url);
  const { left, html } = await fake.visit(url);
  assert.ok(left, html);
  const challenged = wishes.claimsChallenge !== undefined;
  return { leg, url, back: left, finish: (at = left) => connection.finish({ ...leg, challenged, callbackUrl: at }) };
}

export async function signIn(
  entra: Pick<Entra, 'fake'>,
  connection: Connection,
  wishes: Wishes = {},
): Promise<UpstreamIdentity> {
  return (await trip(entra, connection, { wishes })).finish();
}

/** @returns the error, with what matters of it; fails where the work succeeds or throws anything else */
export async function refusal(work: Promise<unknown>): Promise<UpstreamFailed> {
  const error = await work.then(
    () => assert.fail('believed'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof UpstreamFailed, error instanceof Error ? error.stack : String(error));
  return error;
}

/** Failure and reason in one line. */
export async function outcome(work: Promise<unknown>): Promise<string> {
  const { failure, reason } = await refusal(work);
  return reason === undefined ? failure : `${failure}: ${reason}`;
}

export function groupsOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `99999999-0000-4000-8000-${String(index).padStart(12, '0')}`);
}

export function assertionKey(name: 'a' | 'b' | 'expired') {
  const read = (file: string) =>
    readFileSync(new URL(`../../fixtures/entra/test-only-assertion-${file}.pem`, import.meta.url), 'utf8');
  return { certificate: read(name), privateKey: read(`${name}-key`) };
}

/** Of somebody who signed in. */
export function checked({ issuer, subject, refreshToken }: UpstreamIdentity) {
  assert.ok(refreshToken);
  return { issuer, subject, refreshToken };
}

export function newPerson(entra: Entra, said: Partial<FakePerson> & Pick<FakePerson, 'upn'>): FakePerson {
  const person = entra.fake.directory.person(said);
  entra.fake.behaviour.person = person;
  return person;
}

export function random(): string {
  return randomBytes(32).toString('base64url');
}
