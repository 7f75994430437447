/** `consentry/guard`: what an MCP server installs to accept the tokens of its authorization server, and no others. */
export type { Admission, ProtectedHandler } from './admission.ts';
export { type AuthExtra, type AuthInfo, personOf } from './auth-info.ts';
export { bearerChallenge, type ChallengeHints, type Refusal } from './challenge.ts';
export {
  type ProtectedResourceMetadata,
  type PublishedMetadata,
  protectedResourceMetadata,
  protectedResourceMetadataPaths,
} from './protected-resource-metadata.ts';
export type { ScopeDeclaration, ScopeDeclarations, Sensitivity } from './scopes.ts';
export type { Algorithm } from './token-check.ts';
export {
  createVerifier,
  type GuardErrorCode,
  type ScopeCheck,
  type Verifier,
  type VerifierOptions,
} from './verifier.ts';
