/** In words for the operator: what an AADSTS code means here, and where in the portal it is mended. */

const WORDS: Readonly<Record<number, string>> = {
  50011: 'The redirect URI is not registered. Add the callback URL of this connection under Authentication → Web.',
  500112: 'The redirect URI is not the one that the sign-in began with.',
  500113: 'No redirect URI is registered. Add the callback URL of this connection under Authentication → Web.',
  50020: 'The person is not in this tenant. Invite them there, or add their tenant to the connection.',
  50034: 'The tenant does not know this person.',
  50057: 'The person’s account is disabled in the directory.',
  50089: 'The refresh token has expired. The person signs in again.',
  50105: 'The person is not assigned to the application. Assign them, or a group of theirs, under Users and groups.',
  50173: 'The refresh token was revoked, as after a change of password. The person signs in again.',
  50194: 'The application is for one tenant only, and the connection names several. Name one, or make it multi-tenant.',
  50196: 'Entra saw the same request too often and stopped it.',
  51004: 'The tenant does not know this person.',
  53003: 'Conditional Access blocked the sign-in. See the sign-in log of the tenant.',
  53011: 'The person is blocked in their home tenant because of risk.',
  54005: 'The code was redeemed before.',
  65001: 'Nobody has consented to the application. Grant admin consent under API permissions.',
  650052: 'The tenant has no subscription or service principal for the application. Grant admin consent.',
  650053: 'A scope was asked for that the resource does not have.',
  70000: 'The code or the refresh token is not valid.',
  70008: 'The code or the refresh token has expired.',
  70043: 'The refresh token has ended by a sign-in frequency policy. The person signs in again.',
  700005: 'The code was issued in another tenant.',
  700016: 'The tenant does not know the application. Check client ID and tenant, and grant admin consent there.',
  700024: 'The client assertion is not valid at this time. Check the clock of this machine.',
  700027: 'The certificate is not the one that is registered. Upload it under Certificates & secrets.',
  700082: 'The refresh token has expired, unused for too long. The person signs in again.',
  70021: 'No federated credential matches issuer, subject and audience of the token.',
  700211: 'No federated credential matches the issuer of the token.',
  700212: 'No federated credential matches the audience of the token.',
  700213: 'No federated credential matches the subject of the token.',
  7000215: 'The client secret is wrong. Give the secret’s value, not its id.',
  7000218: 'The application authenticates, and no secret or assertion was sent.',
  7000222: 'The client secret has expired. Make a new one under Certificates & secrets.',
  90002: 'There is no such tenant in this cloud. Check tenant and cloud.',
  90024: 'Entra is busy. Try again later.',
  90038: 'The tenant is in another cloud. Check the cloud of the connection.',
  90094: 'An administrator has to consent. Grant admin consent under API permissions.',
  90095: 'An administrator has to consent. Grant admin consent under API permissions.',
  901002: 'A parameter was sent that this application does not support.',
  9010010: 'A resource was sent that does not fit the scopes.',
};

/** @returns undefined for a code that is not known here */
export function explainEntraError(code: number): string | undefined {
  return WORDS[code];
}
