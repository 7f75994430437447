/** Who and what there is in the fake's tenants: people, applications, and what each may do. */
import { createHash, randomUUID } from 'node:crypto';
import type { JWK } from 'jose';

export interface FakePerson {
  oid: string;
  /** Where they sign in; for a guest the tenant that invited them. */
  tenant: string;
  upn: string;
  name: string;
  email?: string;
  /** As the optional claim `xms_edov` says it. */
  emailProven?: boolean | string;
  /** The home tenant of a guest. */
  homeTenant?: string;
  /** As in the token: absent where none is assigned. */
  roles?: unknown;
  groups: string[];
  assigned: boolean;
  disabled: boolean;
  /** Refresh tokens that were issued earlier are dead, as after "revoke sessions". */
  revokedAt: number;
  /** A sign-in frequency has run out. */
  overdue: boolean;
}

export interface FakeApp {
  clientId: string;
  tenant: string;
  multiTenant: boolean;
  redirectUris: string[];
  logoutUrl: string | undefined;
  secrets: { value: string; expiresAt: number }[];
  /** PEM. */
  certificates: string[];
  federated: { issuer: string; subject: string; audience: string; key: JWK }[];
  /** Optional claims that the manifest names: of `acct`, `auth_time`, `sid`, `upn`, `idp`, `xms_edov`. */
  optionalClaims: Set<string>;
  groupsClaim: boolean;
  assignmentRequired: boolean;
  /** Delegated permissions of Graph that were consented to. */
  permissions: Set<string>;
}

export const CONTOSO = '0a7bdc1e-58a6-4f0e-9c5d-2f4a6f6c1001';
export const FABRIKAM = '0a7bdc1e-58a6-4f0e-9c5d-2f4a6f6c2002';
/** In nobody's list. */
export const EVIL = 'e0000000-58a6-4f0e-9c5d-2f4a6f6c6666';
export const PERSONAL = '9188040d-6c67-4c5b-b112-36a304b66dad';

export type Directory = ReturnType<typeof createDirectory>;

export function createDirectory() {
  const people: FakePerson[] = [];
  const apps: FakeApp[] = [];
  return {
    people,
    apps,
    person(said: Partial<FakePerson> & Pick<FakePerson, 'upn'>): FakePerson {
      const person: FakePerson = {
        oid: randomUUID(),
        tenant: CONTOSO,
        name: said.upn.split('@')[0] ?? said.upn,
        groups: [],
        assigned: true,
        disabled: false,
        revokedAt: 0,
        overdue: false,
        ...said,
      };
      people.push(person);
      return person;
    },
    app(said: Partial<FakeApp> = {}): FakeApp {
      const app: FakeApp = {
        clientId: randomUUID(),
        tenant: CONTOSO,
        multiTenant: false,
        redirectUris: [],
        logoutUrl: undefined,
        secrets: [],
        certificates: [],
        federated: [],
        optionalClaims: new Set(['acct', 'sid']),
        groupsClaim: false,
        assignmentRequired: true,
        permissions: new Set(['User.Read']),
        ...said,
      };
      apps.push(app);
      return app;
    },
  };
}

/** Another one for each application, which is why it is no key. */
export function pairwiseSubject(person: FakePerson, app: Pick<FakeApp, 'clientId'>): string {
  return createHash('sha256').update(`${person.tenant}/${person.oid}/${app.clientId}`).digest('base64url');
}
