/** What the fake knows and how it behaves from now on: tests turn these. */
import { createClientCheck } from './client-authentication.ts';
import { createDirectory, type Directory, type FakeApp, type FakePerson } from './directory.ts';
import type { Aadsts } from './errors.ts';
import type { FakeKeys, Signer } from './keys.ts';

export interface FakeBehaviour {
  /** Who is in front of the screen; undefined: presses "Cancel". */
  person: FakePerson | undefined;
  /** Shows a page on which a real browser's person chooses, instead of taking `person`. */
  interactive: boolean;
  /** Seconds since the epoch, when the person typed a password; default now. */
  authTime: number | undefined;
  /** Whether an authentication context that is asked for is also reached. */
  reachesContexts: boolean;
  /** Scopes to which the person consented; undefined: whatever was asked for. */
  consented: readonly string[] | undefined;
  /** Last change of the ID token's claims before it is signed. */
  alter: (claims: Record<string, unknown>) => Record<string, unknown>;
  signer: Signer | 'retired';
  /** Answers the authorization request by this instead of asking the person. */
  authorizeError: Aadsts | { error: string; error_description: string } | undefined;
  /** Answers the token request by this; `spent` says how often, default for ever. */
  tokenError: Aadsts | { status: number; body: string; type?: string } | undefined;
  /** Claims challenge at the token endpoint, until the request carried it; `forever` also then. */
  challenge: { claims: string; forever?: boolean } | undefined;
  /** Of the metadata and of the keys: hanging is answering never. */
  discovery: 'up' | 'down' | 'hanging';
  jwks: 'up' | 'down' | 'hanging' | 'empty';
  /** Last change of the metadata. */
  alterMetadata: (metadata: Record<string, unknown>) => Record<string, unknown>;
  graph: { status?: number; pageSize?: number; alter?: (page: Record<string, unknown>) => Record<string, unknown> };
  /** How many groups a token has room for. */
  overageAt: number;
  overageAs: 'claim_names' | 'hasgroups';
  refreshes: 'rotate' | 'none' | 'without_id_token';
  /** Seconds of the fake's clock beside the machine's. */
  skew: number;
}

export interface FakeCode {
  app: FakeApp;
  person: FakePerson;
  /** The path segment that was asked at. */
  authority: string;
  redirectUri: string;
  challenge: string | undefined;
  nonce: string | undefined;
  scope: string;
  claims: string | undefined;
  acrs: string[];
  authTime: number;
  sid: string;
}

export interface FakeGrant extends Pick<FakeCode, 'app' | 'person' | 'scope' | 'acrs' | 'authTime' | 'sid'> {
  issuedAt: number;
}

export interface FakeState {
  directory: Directory;
  behaviour: FakeBehaviour;
  keys: FakeKeys;
  codes: Map<string, FakeCode | 'spent'>;
  refreshTokens: Map<string, FakeGrant>;
  accessTokens: Map<string, FakeGrant>;
  /** Seconds since the epoch, by the fake's clock. */
  now: () => number;
  assertClient: ReturnType<typeof createClientCheck>;
  /** Everything that arrived: method, host and path. */
  requests: string[];
  authorizations: URLSearchParams[];
  tokenRequests: URLSearchParams[];
}

export function newBehaviour(): FakeBehaviour {
  return {
    person: undefined,
    interactive: false,
    authTime: undefined,
    reachesContexts: true,
    consented: undefined,
    alter: (claims) => claims,
    signer: 'own',
    authorizeError: undefined,
    tokenError: undefined,
    challenge: undefined,
    discovery: 'up',
    jwks: 'up',
    alterMetadata: (metadata) => metadata,
    graph: {},
    overageAt: 200,
    overageAs: 'claim_names',
    refreshes: 'rotate',
    skew: 0,
  };
}

export function newState(keys: FakeKeys): FakeState {
  const behaviour = newBehaviour();
  const now = () => Math.floor(Date.now() / 1000) + behaviour.skew;
  return {
    ...{ behaviour, keys, now },
    directory: createDirectory(),
    codes: new Map(),
    refreshTokens: new Map(),
    accessTokens: new Map(),
    assertClient: createClientCheck(now),
    requests: [],
    authorizations: [],
    tokenRequests: [],
  };
}
