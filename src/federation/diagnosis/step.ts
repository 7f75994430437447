/** The terms that the parts of `connection test` share. */
import type { Egress } from '../../web/egress.ts';
import { inEnglish, type Plain } from '../../web/english.ts';
import type { Party } from '../apart.ts';
import type { ConnectionSecrets } from '../settings.ts';

/** What was found at one step, as codes: the words of `code` and `todo` are in the catalogues, below `connections.`. */
export interface Step {
  step: string;
  result: 'ok' | 'warning' | 'failed';
  code: `${'found' | 'because'}.${string}`;
  /** What to do; where there is something. */
  todo?: `${'todo' | 'aadsts'}.${string}` | undefined;
  /** For both; `connection`, its id, where there is something to do. `day` is a day as ISO 8601 writes it, `words` what the provider said. */
  params: Plain;
}

/** A step in English. */
export interface ToldStep extends Omit<Step, 'todo'> {
  what: string;
  /** What to do; where there is something. */
  todo?: string | undefined;
  todoCode?: Step['todo'];
}

export function tellStep({ todo, ...step }: Step): ToldStep {
  const what = inEnglish(`connections.${step.code}`, step.params);
  return { ...step, what, ...(todo ? { todo: inEnglish(`connections.${todo}`, step.params), todoCode: todo } : {}) };
}

export function failedStep(step: string, code: Step['code'], todo: Step['todo'], params: Step['params'] = {}): Step {
  return { step, result: 'failed', code, todo, params };
}

export function goodStep(step: string, code: Step['code'], params: Step['params'] = {}): Step {
  return { step, result: 'ok', code, params };
}

/** What waits for the provider, in this order. */
export const phases = ['discovery', 'client', 'redirect'] as const;
export type Phase = (typeof phases)[number];

export interface DiagnosisDeps {
  fetch: Egress['fetch'];
  now: () => Date;
  /** Our own. */
  issuer: string;
  /** Of each phase as it ends, with what was found in it; without that, of a long one that goes on. What it throws ends the test. */
  told?: ((phase: Phase, found?: readonly Step[]) => Promise<void>) | undefined;
}

export type Patient = Party & { secrets: ConnectionSecrets; credentialEndsAt?: Date | undefined };

/** A provider has to be quicker than this at a person's press, too. */
export const PATIENCE_MS = 8_000;
/** A sign-in page of Entra is large. */
export const MAX_BYTES = 2 * 1024 * 1024;
