/** `connection test`: walks what a sign-in walks, as far as that goes without a person, and says in words what is wrong. */
import { collision, type Party } from '../apart.ts';
import type { ConnectionSecrets } from '../settings.ts';
import { clientStep } from './client.ts';
import { credentialSteps } from './credentials.ts';
import { type Discovered, discoverySteps } from './discovery.ts';
import { redirectStep } from './redirect.ts';
import type { DiagnosisDeps, Patient, Step } from './step.ts';

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
  const steps = [apartStep(patient, others, deps), ...credentialSteps(patient, deps), ...discovery];
  if (found) {
    steps.push(clockStep(found, deps));
    steps.push(await clientStep(patient, found, deps));
    steps.push(await redirectStep(patient, found, deps));
  }
  return [...steps, ...habits(patient)];
}

function apartStep(
  { secrets, ...party }: Patient,
  others: readonly { record: Party; secrets: ConnectionSecrets }[],
  { issuer }: DiagnosisDeps,
): Step {
  const why = collision(party, secrets, others, issuer);
  if (why === undefined) return { step: 'apart', result: 'ok', what: 'shares no key with another connection' };
  return { step: 'apart', result: 'failed', what: why, todo: 'Nobody can come by it until that is mended.' };
}

function clockStep({ date }: Discovered, { now }: DiagnosisDeps): Step {
  const theirs = Date.parse(date ?? '');
  if (Number.isNaN(theirs))
    return { step: 'clock', result: 'warning', what: 'the provider does not say what time it is' };
  const seconds = Math.round((now().getTime() - theirs) / 1000);
  const apart = Math.abs(seconds);
  if (apart <= CLOCK_WARNING_SECONDS) return { step: 'clock', result: 'ok', what: 'agrees with the provider’s' };
  const result = apart > CLOCK_FAILED_SECONDS ? 'failed' : 'warning';
  const what = `is ${apart} seconds ${seconds > 0 ? 'ahead of' : 'behind'} the provider’s`;
  return { step: 'clock', result, what, todo: 'Set the clock of this machine by NTP: tokens are refused otherwise.' };
}

/** What no request shows. */
function habits(patient: Patient): Step[] {
  if (patient.kind === 'oidc') {
    if (patient.settings.offlineAccess) return [];
    return [
      {
        step: 'leavers',
        result: 'warning',
        what: 'somebody who leaves there keeps what they have here until they have to sign in again',
        todo: 'Where the provider gives refresh tokens for offline_access: connection update <id> --offline-access',
      },
    ];
  }
  const steps: Step[] = [
    {
      step: 'assignment',
      result: 'warning',
      what: 'whether only assigned people may sign in cannot be seen from here; by default the whole tenant may',
      todo: 'Entra admin center → Enterprise applications → the application → Properties → Assignment required: Yes.',
    },
  ];
  if (patient.settings.tenants === 'any') {
    const what = 'everybody with a work or school account in any organisation may come in';
    steps.push({
      step: 'tenants',
      result: 'warning',
      what,
      todo: 'Name the tenants: connection update <id> --tenant …',
    });
  }
  return steps;
}
