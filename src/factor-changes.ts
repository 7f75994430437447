/** What a person changes about how they prove who they are here: on record, and with word to them, as one unit. */

import type { SecondFactor } from './accounts/second-factor.ts';
import type { Account } from './accounts/store.ts';
import { type AuditEvent, events } from './audit/events.ts';
import type { Audit } from './audit/store.ts';
import type { FactorChange, Notices } from './notices/notices.ts';

export type FactorChanges = ReturnType<typeof createFactorChanges>;

type Person = Pick<Account, 'id'>;

export function createFactorChanges(deps: {
  audit: Pick<Audit, 'record'>;
  notices: Pick<Notices, 'factorChanged'>;
  secondFactor: Pick<SecondFactor, 'codesLeft'>;
  now: () => Date;
}) {
  const { audit, notices, secondFactor, now } = deps;
  async function tell(event: AuditEvent, change: FactorChange, { id }: Person, passkey?: string): Promise<void> {
    await audit.record(event);
    await notices.factorChanged({ accountId: id, change, passkey, at: now() });
  }
  const of = ({ id }: Person) => ({ accountId: id });

  return {
    passkeyAdded: (person: Person, passkey: string) =>
      tell(events.passkeyAdded(of(person), { passkey }), 'passkey_added', person, passkey),
    passkeyRemoved: (person: Person, passkey: string) =>
      tell(events.passkeyRemoved(of(person), { passkey }), 'passkey_removed', person, passkey),
    passkeyRenamed: (person: Person, before: string, after: string) =>
      audit.record(events.passkeyRenamed(of(person), { before, after })),
    secondFactorAdded: (person: Person) => tell(events.secondFactorAdded(of(person)), 'second_factor_added', person),
    /** @param reason `administrator` where it was not the person */
    secondFactorRemoved: (person: Person, reason?: string) =>
      tell(events.secondFactorRemoved(of(person), {}, reason), 'second_factor_removed', person),
    recoveryCodesRenewed: (person: Person) =>
      tell(events.recoveryCodesRenewed(of(person)), 'recovery_codes_renewed', person),
    async recoveryCodeUsed(person: Person): Promise<void> {
      const left = await secondFactor.codesLeft(person.id);
      await tell(events.recoveryCodeUsed(of(person), { left }), 'recovery_code_used', person);
    },
    passwordChanged: (person: Person) => tell(events.passwordChanged(of(person)), 'password_changed', person),
  };
}
