/** What an AADSTS code means here, and where in the portal it is mended. The words are in the catalogues. */
import { hasEnglish } from '../../web/english.ts';

/** @returns the key of the words below `connections.`; undefined for a code that is not known here */
export function explainEntraError(code: number | undefined): `aadsts.${number}` | undefined {
  return code !== undefined && hasEnglish(`connections.aadsts.${code}`) ? `aadsts.${code}` : undefined;
}
