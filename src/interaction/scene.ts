/** What the pages of a signed-in person share. */
import type { Context } from 'koa';
import type { PageAnswer } from '../consents/agreement.ts';
import type { Interaction, Subject } from './describe.ts';

/** What every page of a signed-in person is made from. */
export interface Scene {
  ctx: Context;
  interaction: Interaction;
  subject: Subject;
  accountId: string;
  answer: PageAnswer;
  /** What the form's token is bound to: it dies with the account that was signed in, and with what was shown. */
  bound: string[];
}
