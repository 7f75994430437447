/** A row of the table of accounts, as everybody else knows it. */
import type { Account, Role } from './store.ts';

export function toAccount(row: Omit<Account, 'role'> & { role: string }): Account {
  const { id, email, name, role, createdAt, disabledAt, disabledBy, breakGlass, locale } = row;
  return { id, email, name, role: role as Role, createdAt, disabledAt, disabledBy, breakGlass, locale };
}
