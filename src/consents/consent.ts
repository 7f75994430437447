/** A consent as it stands, and the terms that a request asks under: the two things that the contract compares. */

/** The client that a proxy says it acts for (RFC 9396, `urn:consentry:acting-for`). */
export interface Downstream {
  clientId: string;
  redirectUri: string;
}

/** What a client says of itself that a person relies on, in words. */
export interface Stated {
  /** As shown; '' where it has none. */
  name: string;
  /** `token_endpoint_auth_method` */
  authMethod: string;
  /** Host of `jwks_uri`; '' where it has none. */
  keysHost: string;
  /** Its name looks like somebody else's. */
  resembles: boolean;
}

export interface StatedParties {
  client: Stated;
  /** The client that a proxy named. */
  downstream?: Stated | undefined;
}

/** What a person read about a scope, in the one language or the other. */
export interface ScopeWords {
  description: string;
  /** undefined where it had none, and in consents older than these words */
  descriptionJa?: string | undefined;
  tools: readonly string[];
}

/** How long one scope is agreed to, and when the person last saw it on a page that showed everything. */
export interface ScopeTimes {
  until: Date;
  shownAt: Date;
}

/** This client, returning to this address, may use this MCP server so far. */
export interface Consent {
  id: string;
  accountId: string;
  clientId: string;
  downstream: Downstream | undefined;
  resourceId: string;
  redirectUri: string;
  scopes: readonly string[];
  /** `name.proof`, and for a downstream client `name.proof.name.proof` */
  clientFingerprint: string;
  /** undefined in consents older than these words */
  stated: StatedParties | undefined;
  /** scope → digest of its wording and tools when the person agreed */
  scopeDigests: Readonly<Record<string, string>>;
  scopeWords: Readonly<Record<string, ScopeWords>>;
  scopeTimes: Readonly<Record<string, ScopeTimes>>;
  version: number;
  /** HMACs of the browsers that approved. */
  browsers: readonly string[];
  /** What the browser of the last press is called; undefined where it does not say, and in consents older than this. */
  browserLabel: string | undefined;
  approvedAt: Date;
  /** The last press on a page that showed everything it asked for. */
  fullPageAt: Date;
  /** When the last of its scopes ends. */
  expiresAt: Date;
  revokedAt: Date | undefined;
  revokedReason: string | undefined;
  /** Nothing is minted until a full page is pressed again. */
  suspendedAt: Date | undefined;
  suspendedReason: string | undefined;
}

/** What is asked for now. */
export interface Terms {
  accountId: string;
  clientId: string;
  downstream: Downstream | undefined;
  /** The downstream redirect URI, canonical for comparison. */
  downstreamKey: string | undefined;
  resourceId: string;
  redirectUri: string;
  /** Canonical for comparison: a loopback port left out (RFC 8252 §7.3). */
  redirectKey: string;
  scopes: readonly string[];
  clientFingerprint: string;
  stated: StatedParties;
  scopeDigests: Readonly<Record<string, string>>;
  scopeWords: Readonly<Record<string, ScopeWords>>;
  /** Whether the client, and the downstream client, still claim their redirect URIs as their own. */
  redirectRegistered: boolean;
  /** What the operator's rules and approvals say of these scopes. */
  admission: Admission;
}

/** Each of the asked scopes is in one list. */
export interface Admission {
  allowed: readonly string[];
  /** An administrator has to be asked first. */
  waiting: readonly string[];
  denied: readonly string[];
  /** Of the allowed: the person is the only administrator there is, and the press on the page is the approval. */
  byOwnPress: readonly string[];
  /** Of the denied: what rules would let through, and the person's roles do not. */
  beyondRole?: readonly string[] | undefined;
  /** Set where the person came by no connection that the MCP server accepts: what those are called. All is denied then. */
  signInBy?: readonly string[] | undefined;
}
