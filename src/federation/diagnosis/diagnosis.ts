/** `connection test`: walks what a sign-in walks, as far as that goes without a person, and says in words what is wrong. */
import { collision, type Party } from '../apart.ts';
import type { ConnectionSecrets } from '../settings.ts';
import { clientStep } from './client.ts';
import { credentialSteps } from './credentials.ts';
import { type Discovered, discoverySteps } from './discovery.ts';
import { redirectStep } from './redirect.ts';
import { type DiagnosisDeps, failedStep, goodStep, type Patient, type Step } from './step.ts';

const CLOCK_WARNING_SECONDS = 20;
const CLOCK_FAILED_SECONDS = 120;

/** Asks one thing after the other; what needs an answer that did not come is left out. */
export async function diagnose(
  patient: Patient,
  others: readonly { record: Party; secrets: ConnectionSecrets }[],
  deps: DiagnosisDeps,
  until?: 'discovery',
): Promise<Step[]> {
  const { found, steps: discovery } = await discoverySteps(patient, deps);
  if (until === 'discovery') return discovery;
  const { told = async () => {} } = deps;
  await told('discovery', discovery);
  const client = found ? [await clientStep(patient, found, deps)] : [];
  await told('client', client);
  const redirect = found ? [await redirectStep(patient, found, deps)] : [];
  await told('redirect', redirect);
  const before = [apartStep(patient, others, deps), ...credentialSteps(patient, deps), ...discovery];
  const steps = [...before, ...(found ? [clockStep(found, deps)] : []), ...client, ...redirect, ...habits(patient)];
  return steps.map((step) => naming(patient, step));
}

/** What is to be done is done to this very connection: a command is complete as it stands. */
function naming({ id }: Patient, step: Step): Step {
  return step.todo ? { ...step, params: { ...step.params, connection: id } } : step;
}

function apartStep(
  { secrets, ...party }: Patient,
  others: readonly { record: Party; secrets: ConnectionSecrets }[],
  { issuer }: DiagnosisDeps,
): Step {
  const why = collision(party, secrets, others, issuer);
  if (why === undefined) return goodStep('apart', 'found.apart');
  return failedStep('apart', `because.${why.code}`, 'todo.mend', why.params);
}

function clockStep({ date }: Discovered, { now }: DiagnosisDeps): Step {
  const theirs = Date.parse(date ?? '');
  if (Number.isNaN(theirs)) return { step: 'clock', result: 'warning', code: 'found.clock_unsaid', params: {} };
  const ahead = Math.round((now().getTime() - theirs) / 1000);
  const seconds = Math.abs(ahead);
  if (seconds <= CLOCK_WARNING_SECONDS) return goodStep('clock', 'found.clock_right');
  const result = seconds > CLOCK_FAILED_SECONDS ? 'failed' : 'warning';
  const code = ahead > 0 ? 'found.clock_ahead' : 'found.clock_behind';
  return { step: 'clock', result, code, todo: 'todo.set_clock', params: { seconds } };
}

/** What no request shows. */
function habits(patient: Patient): Step[] {
  const habit = (step: string): Step => ({
    step,
    result: 'warning',
    code: `found.${step}`,
    todo: `todo.${step}`,
    params: {},
  });
  if (patient.kind === 'oidc') return patient.settings.offlineAccess ? [] : [habit('leavers')];
  return [habit('assignment'), ...(patient.settings.tenants === 'any' ? [habit('tenants')] : [])];
}
