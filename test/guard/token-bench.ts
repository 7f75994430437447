/** A guard and an issuer to try tokens on: which it accepts, and for what reason it refuses the others. */
import assert from 'node:assert/strict';
import { createVerifier, type VerifierOptions } from '../../src/guard/index.ts';
import { startFakeIssuer, type TokenChange } from './fake-issuer.ts';

export const resource = 'https://notes.example.com/mcp';
const scopes = { 'notes:read': { sensitivity: 'low' }, 'notes:write': { implies: ['notes:read'] } } as const;

export type BenchOptions = Partial<VerifierOptions<keyof typeof scopes>>;

class Refused extends Error {}

export async function startBench() {
  const issuer = await startFakeIssuer();
  const verifier = (options: BenchOptions = {}) => {
    const error = (code: string, description: string) => new Refused(`${code}: ${description}`);
    return createVerifier({ issuer: issuer.issuer, resource, scopes, error, ...options });
  };
  const accepts = (token: string, guard = verifier()) => guard.verifyAccessToken(token);
  const refuses = (token: string, reason: RegExp, guard = verifier()) =>
    assert.rejects(guard.verifyAccessToken(token), (error) => {
      assert.ok(error instanceof Refused);
      assert.match(error.message, /^invalid_token: /);
      assert.match(error.message, reason);
      return true;
    });
  /** Refuses a token that would be good but for this change. */
  const refusesChanged = (change: TokenChange, reason: RegExp) => refuses(issuer.token(resource, change), reason);
  return { issuer, verifier, accepts, refuses, refusesChanged };
}
