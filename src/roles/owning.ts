/** Who becomes an owner, and who ceases to be one, by what connections say: never the last, never one whom an administrator made. */
import { type Membership, OWNER } from './role.ts';

export interface Owning {
  role: string;
  /** The connection whose mapping made the person an owner; null where an administrator did, or nobody. */
  roleBy: string | null;
}

export type OwningChange =
  | { kind: 'none' }
  /** `by` is the connection whose word it is from now on. */
  | { kind: 'made' | 'kept_by'; by: string }
  /** Unless nobody else could administer the server. */
  | { kind: 'lost'; by: string };

/** @param stated what connections say of this person now */
export function owningChange({ role, roleBy }: Owning, stated: readonly Membership[]): OwningChange {
  const sources = stated
    .filter(({ roleId }) => roleId === OWNER)
    .map(({ source }) => source)
    .sort();
  const [first] = sources;
  if (role !== OWNER) return first === undefined ? { kind: 'none' } : { kind: 'made', by: first };
  if (roleBy === null || sources.includes(roleBy)) return { kind: 'none' };
  return first === undefined ? { kind: 'lost', by: roleBy } : { kind: 'kept_by', by: first };
}
