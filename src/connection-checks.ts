/** What is looked at before a connection is made, changed or tried: dashboard and command line alike. */
import { unknownConnection } from './connections.ts';
import { AppError } from './errors.ts';
import { collision, sift } from './federation/apart.ts';
import { tellWhy } from './federation/because.ts';
import type { ConnectionRecord, NewConnection } from './federation/connection-store.ts';
import { diagnose } from './federation/diagnosis/diagnosis.ts';
import { type DiagnosisDeps, type ToldStep, tellStep } from './federation/diagnosis/step.ts';
import type { Rooms } from './rooms.ts';

type Stored = Pick<Rooms, 'connectionStore'>;

/** @throws AppError 404 `unknown_connection`, 409 `connection_unusable` */
export async function findLiving({ connectionStore }: Stored, id: string): Promise<ConnectionRecord> {
  const found = await connectionStore.look(id);
  if (!found || found.removedAt) throw unknownConnection(id);
  if ('why' in found) throw new AppError('connection_unusable', 409, `${found.name} cannot be used: ${found.why}.`);
  return found;
}

/** @throws AppError 409 `connection_of_configuration` */
export function assertChangeable({ name, origin }: Pick<ConnectionRecord, 'name' | 'origin'>): void {
  if (origin === 'cli') return;
  const message = `${name} comes from the file that CONNECTIONS_FILE names: change it there, and start again.`;
  throw new AppError('connection_of_configuration', 409, message);
}

/** Those that may be used and those that may not, each with why. */
export function siftStored({ connectionStore }: Stored, issuer: string) {
  const findSecrets = ({ id }: { id: string }) => connectionStore.findSecrets(id);
  return sift({ survey: () => connectionStore.survey(), findSecrets, issuer });
}

/**
 * Told apart from every other connection, and by name.
 * @throws AppError 409 `connection_collides`, `connection_name_taken`
 */
export async function assertFits(
  rooms: Stored,
  ownIssuer: string,
  connection: Pick<NewConnection, 'id' | 'name' | 'kind' | 'settings' | 'secrets'>,
): Promise<void> {
  const { sound } = await siftStored(rooms, ownIssuer);
  const why = collision(connection as NewConnection, connection.secrets, sound, ownIssuer);
  if (why !== undefined) throw new AppError('connection_collides', 409, `Nothing was changed: ${tellWhy(why)}.`);
  const namesake = sound.find(
    ({ record }) => record.id !== connection.id && record.name.toLowerCase() === connection.name.toLowerCase(),
  );
  if (!namesake) return;
  const message = `There is a connection called ${namesake.record.name} already. Say with --name what people will read on the button.`;
  throw new AppError('connection_name_taken', 409, message);
}

/**
 * A provider that is away keeps nobody from adding it; one that is somebody else is refused.
 * @returns why it is away, where it is
 * @throws AppError 400 `connection_refused`
 */
export async function assertItself(connection: NewConnection, deps: DiagnosisDeps): Promise<ToldStep | undefined> {
  if (connection.kind === 'entra') return undefined;
  const steps = (await diagnose(connection, [], deps, 'discovery')).map(tellStep);
  const wrong = steps.find(({ step, result }) => result !== 'ok' && ['issuer', 'addresses'].includes(step));
  if (wrong)
    throw new AppError('connection_refused', 400, `Nothing was changed: ${wrong.what}. ${wrong.todo ?? ''}`.trim());
  return steps.find(({ result }) => result === 'failed');
}

/**
 * Asks the provider as a sign-in would. Nobody is signed in, nothing is changed.
 * @throws AppError 404 `unknown_connection`, 409 `connection_unusable`
 */
export async function tryConnection(
  rooms: Stored,
  id: string,
  deps: DiagnosisDeps,
): Promise<{ name: string; steps: ToldStep[] }> {
  const record = await findLiving(rooms, id);
  const secrets = await rooms.connectionStore.findSecrets(id).catch(() => undefined);
  if (!secrets) {
    const message =
      'Its secrets cannot be opened: they were sealed by another MASTER_KEY. Give them anew with connection update.';
    throw new AppError('connection_unusable', 409, message);
  }
  const { sound } = await siftStored(rooms, deps.issuer);
  const steps = await diagnose({ ...record, secrets }, sound, deps);
  return { name: record.name, steps: steps.map(tellStep) };
}

/**
 * While passwords are off: nobody has come by the connection yet, and nobody could get in while its provider is away.
 */
export type LockoutRisk = 'nobody_yet' | 'no_break_glass';

export async function lockoutRisks(
  deps: {
    accountStore: Pick<Rooms['accountStore'], 'hasOwnerBehindGlass'>;
    connectionPeople: Pick<Rooms['connectionPeople'], 'hasLetIn'>;
  },
  { id }: Pick<ConnectionRecord, 'id'>,
): Promise<LockoutRisk[]> {
  const risks: LockoutRisk[] = [];
  if (!(await deps.connectionPeople.hasLetIn(id))) risks.push('nobody_yet');
  if (!(await deps.accountStore.hasOwnerBehindGlass())) risks.push('no_break_glass');
  return risks;
}
