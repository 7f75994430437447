/** What can be wrong with an access token, and what its bearer is told about it (RFC 6750 §3.1). */

export type Problem =
  | 'too_long'
  | 'malformed'
  | 'wrong_type'
  | 'wrong_algorithm'
  | 'header_not_accepted'
  | 'wrong_issuer'
  | 'unknown_key'
  | 'bad_signature'
  | 'claim_missing'
  | 'wrong_audience'
  | 'expired'
  | 'not_yet_valid'
  | 'bound_to_key';

/** A value, what is wrong with the token, or why nobody can tell at the moment. */
export type Outcome<T> =
  | { kind: 'valid'; value: T }
  | { kind: 'invalid'; problem: Problem }
  | { kind: 'unavailable'; cause: Error };

/** Plain sentences in the grammar of `error_description`: no quotes, no backslash, nothing taken from the token. */
export function describeProblem(problem: Problem): string {
  switch (problem) {
    case 'too_long':
      return 'The access token is too long';
    case 'malformed':
      return 'The access token is malformed';
    case 'wrong_type':
      return 'The token is not an access token of type at+jwt';
    case 'wrong_algorithm':
      return 'The access token is signed with an algorithm that is not accepted here';
    case 'header_not_accepted':
      return 'The access token has a header that is not accepted here';
    case 'wrong_issuer':
      return 'The access token was issued by another authorization server';
    case 'unknown_key':
      return 'The access token is signed with an unknown key';
    case 'bad_signature':
      return 'The signature of the access token is wrong';
    case 'claim_missing':
      return 'The access token lacks a required claim';
    case 'wrong_audience':
      return 'The access token was not issued for this server';
    case 'expired':
      return 'The access token has expired';
    case 'not_yet_valid':
      return 'The access token is not valid yet';
    case 'bound_to_key':
      return 'The access token is bound to a key whose proof this server cannot check';
  }
}
