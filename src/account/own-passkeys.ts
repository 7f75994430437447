/** What a person does with their passkeys: adds one, names it, takes it away. */
import { browserLabel, partsOfLabel } from '../web/browser-label.ts';
import { isVisible, visibleText } from '../web/visible-text.ts';
import type { Own } from './own-page.ts';
import type { SecurityDeps, Told } from './security.ts';

const MAX_CHARACTERS = 60;

/** A passkey is made for this account, in this session of this browser. */
export function termsOf({ ctx, visitor }: Own, { browsers }: Pick<SecurityDeps, 'browsers'>) {
  return { browserId: browsers.identify(ctx), purpose: `add ${visitor.account.id} ${visitor.sessionUid}` };
}

export async function addPasskey(own: Own, deps: SecurityDeps): Promise<Told> {
  const { ctx, visitor, field } = own;
  const { browser, system } = partsOfLabel(browserLabel(ctx.get('user-agent')));
  const name = nameOf(field('name')) ?? nameOf(system ?? browser) ?? 'Passkey';
  const result = await deps.passkeys.add(visitor.account, field('passkey') ?? '', { terms: termsOf(own, deps), name });
  if (!result.ok) return { news: result.reason === 'too_many' ? 'too_many_passkeys' : 'passkey_refused', status: 400 };
  await deps.factorChanges.passkeyAdded(visitor.account, name);
  return { news: 'passkey_added' };
}

export async function renamePasskey(own: Own, deps: SecurityDeps): Promise<Told> {
  const { account } = own.visitor;
  const passkey = await find(own, deps);
  const name = nameOf(own.field('name'));
  if (!passkey || !name) return { news: 'unchanged', status: 400 };
  if (name === passkey.name) return {};
  await deps.passkeys.rename(account.id, passkey.id, name);
  await deps.factorChanges.passkeyRenamed(account, passkey.name, name);
  return { news: 'passkey_renamed' };
}

export async function removePasskey(own: Own, deps: SecurityDeps): Promise<Told> {
  const { account } = own.visitor;
  const passkey = await find(own, deps);
  if (!passkey || !(await deps.passkeys.remove(account.id, passkey.id))) return { news: 'unchanged', status: 409 };
  await deps.factorChanges.passkeyRemoved(account, passkey.name);
  return { news: 'passkey_removed' };
}

async function find({ visitor, field }: Own, { passkeys }: SecurityDeps) {
  return (await passkeys.list(visitor.account.id)).find(({ id }) => id === field('id'));
}

/** One visible line of at most 60 characters. */
function nameOf(said = ''): string | undefined {
  const line = [...visibleText(said.slice(0, 1_000), 'NFC')].slice(0, MAX_CHARACTERS).join('');
  return isVisible(line) ? line : undefined;
}
