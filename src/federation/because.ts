/** Why nobody can come by a connection: a code with its facts, whose words are in the catalogues below `connections.because`. */
import { inEnglish, type Plain } from '../web/english.ts';

export interface Because {
  code:
    | 'ourselves'
    | 'is_entra'
    | 'same_key'
    | 'same_secret'
    | 'sealed_otherwise'
    | 'settings_unreadable'
    | 'cannot_be_made';
  params: Plain;
}

/** In English, without a full stop. */
export function tellWhy({ code, params }: Because): string {
  return inEnglish(`connections.because.${code}`, params);
}
