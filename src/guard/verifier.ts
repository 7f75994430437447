/** Verifies the access tokens an MCP server is sent (OAuth 2.1 §5.2, RFC 9068 §4, RFC 8707 §2) and answers those it refuses. */
import { type Admission, createDoor, type ProtectedHandler } from './admission.ts';
import { type AuthInfo, toAuthInfo } from './auth-info.ts';
import { describeNeed, unavailableText } from './challenge.ts';
import { describeProblem, type Outcome } from './problems.ts';
import { type PublishedMetadata, publishMetadata } from './protected-resource-metadata.ts';
import { parseResourceUri } from './resource-uri.ts';
import { createScopeTable, type ScopeDeclarations, type ScopeTable } from './scopes.ts';
import { type Algorithm, createTokenCheck } from './token-check.ts';

/** Codes for which the SDK's own error is asked: 401 is made of the first, 500 of the second. */
export type GuardErrorCode = 'invalid_token' | 'server_error';

export type VerifierOptions<Scope extends string> = {
  /** The authorization server, letter by letter as in its metadata; several when tokens of each are welcome. */
  issuer: string | readonly string[];
  /** The canonical URI of this MCP server: the one and only audience it accepts. */
  resource: string;
  /** What this server's tools need, with what each scope implies. */
  scopes: ScopeDeclarations<Scope>;
  /** Makes the error of the SDK in use: both SDKs answer 500 to errors of any other class. */
  error: (code: GuardErrorCode, description: string) => Error;
  /** Shown to people by their client. */
  resourceName?: string;
  /** Signature algorithms accepted; ES256 alone by default. Symmetric ones and `none` are impossible. */
  algorithms?: readonly Algorithm[];
  /** How far the clocks may differ: 0 to 60, by default 30. */
  clockSkewSeconds?: number;
  /** Hears why the issuer's keys could not be read; by default it is written to the console. */
  report?: (cause: Error) => void;
  fetch?: typeof fetch;
  now?: () => Date;
};

/** What a scope challenge of the v2 SDK is told, as far as it matters here. */
export type ScopeCheck = (context: {
  authInfo?: { scopes: string[] };
}) => { scopes: [string, ...string[]]; errorDescription: string } | undefined;

export type Verifier<Scope extends string> = {
  /** `OAuthTokenVerifier` of both SDKs. Rejects with the error made by `error`, and with nothing else. */
  readonly verifyAccessToken: (token: string) => Promise<AuthInfo>;
  /**
   * Judges an `Authorization` header, and the tool calls in a JSON-RPC message when one is given (by the `tools` of the
   * scopes). Never throws: the caller is in `auth`, or the complete answer for them in `refusal`.
   */
  readonly admit: (authorization: string | null | undefined, message?: unknown) => Promise<Admission>;
  /** Puts the RFC 9728 document and the check of every request in front of a handler of web requests. */
  readonly protect: (handler: ProtectedHandler) => {
    fetch: (request: Request, options?: { parsedBody?: unknown }) => Promise<Response>;
  };
  /** `scopeChallenge` for `registerTool` of the v2 SDK. Like `requireScopes`, but names can only be declared ones. */
  readonly needs: (...scopes: [Scope, ...Scope[]]) => ScopeCheck;
  /** The RFC 9728 document, where to serve it, and with which headers. */
  readonly metadata: PublishedMetadata;
  /** The scopes a client is told to ask for at first: those of low sensitivity. */
  readonly baselineScopes: readonly string[];
};

/** Throws a TypeError when an option cannot be right. Nothing is fetched before the first token arrives. */
export function createVerifier<Scope extends string>(options: VerifierOptions<Scope>): Verifier<Scope> {
  const issuers = [options.issuer].flat();
  const resource = parseResourceUri(options.resource);
  const scopes = createScopeTable(options.scopes);
  const metadata = publishMetadata({
    resource: options.resource,
    issuers,
    baselineScopes: scopes.baseline,
    resourceName: options.resourceName,
  });
  const checkToken = createTokenCheck({ ...options, issuers });
  const check = async (token: string): Promise<Outcome<AuthInfo>> => {
    const outcome = await checkToken(token);
    if (outcome.kind !== 'valid') return outcome;
    const context = { token, resource, resourceMetadataUrl: metadata.url, expand: scopes.expand };
    return { kind: 'valid', value: toAuthInfo(outcome.value, context) };
  };

  async function verifyAccessToken(token: string): Promise<AuthInfo> {
    const outcome = await check(token);
    switch (outcome.kind) {
      case 'valid':
        return outcome.value;
      case 'invalid':
        throw options.error('invalid_token', describeProblem(outcome.problem));
      case 'unavailable':
        throw options.error('server_error', unavailableText);
    }
  }

  const { admit, protect } = createDoor({ check, scopes, metadata });
  const needs = (...needed: [Scope, ...Scope[]]) => createScopeCheck(needed, scopes);
  return Object.freeze({ verifyAccessToken, admit, protect, needs, metadata, baselineScopes: scopes.baseline });
}

/** A request that passed no check of its token has no scopes: a server without a door refuses. */
function createScopeCheck(needed: [string, ...string[]], scopes: ScopeTable): ScopeCheck {
  const unknown = needed.find((name) => !scopes.isDeclared(name));
  if (unknown !== undefined) throw new TypeError(`scope ${unknown} is not declared`);
  return ({ authInfo }) => {
    const granted = authInfo?.scopes ?? [];
    if (scopes.covers(granted, needed)) return undefined;
    const [first = needed[0], ...others] = scopes.toRequest(granted, needed);
    return { scopes: [first, ...others], errorDescription: describeNeed(needed) };
  };
}
