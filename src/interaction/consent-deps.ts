/** What the pages of a signed-in person need of the house. */
import type { AccountStore } from '../accounts/store.ts';
import type { ApprovalDeps } from './approval.ts';
import type { ConnectDeps } from './connect.ts';
import type { GiveDeps } from './give.ts';

export type ConsentDeps = ConnectDeps & GiveDeps & ApprovalDeps & { accountStore: AccountStore };
