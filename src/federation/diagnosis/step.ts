/** The terms that the parts of `connection test` share. */
import type { Egress } from '../../web/egress.ts';
import type { Party } from '../apart.ts';
import type { ConnectionSecrets } from '../settings.ts';

export interface Step {
  step: string;
  result: 'ok' | 'warning' | 'failed';
  what: string;
  /** What to do; where there is something. */
  todo?: string | undefined;
}

export interface DiagnosisDeps {
  fetch: Egress['fetch'];
  now: () => Date;
  /** Our own. */
  issuer: string;
}

export type Patient = Party & { secrets: ConnectionSecrets; credentialEndsAt?: Date | undefined };

/** A provider has to be quicker than this at a person's press, too. */
export const PATIENCE_MS = 8_000;
/** A sign-in page of Entra is large. */
export const MAX_BYTES = 2 * 1024 * 1024;
