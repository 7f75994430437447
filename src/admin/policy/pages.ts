/** `/admin/policy`: the rules, and what a change of them would do before it is made. */
import { page } from '../frame/page.ts';
import { type PageRoute, route } from '../frame/pages.ts';
import type { Refused, Visit } from '../frame/visit.ts';
import type { PolicyOperations, PolicyOutcomeView, RuleView } from './operations.ts';

interface ListModel {
  items: readonly RuleView[];
  refused?: Refused | undefined;
}

interface FormModel {
  values: Record<string, string>;
  sensitivity: readonly string[];
  items: readonly RuleView[];
  refused?: Refused | undefined;
}

/** What a change would do; `fields` are what the form of the change sends again. */
interface TrialModel {
  act: 'add' | 'remove' | 'move' | 'default';
  action: string;
  fields: readonly (readonly [string, string])[];
  trial: PolicyOutcomeView;
  /** Of the default: up to what people approve themselves, now and then. */
  ceilings?: { from: string | undefined; to: string } | undefined;
}

const listPage = page<ListModel>('admin/policy/list.njk');
const formPage = page<FormModel>('admin/policy/form.njk');
const trialPage = page<TrialModel>('admin/policy/trial.njk');

const HOME = '/admin/policy';
const TEXTS = ['effect', 'clientHost', 'redirectHost', 'softwareId', 'resource', 'note', 'before'] as const;

export function policyPages(operations: PolicyOperations): PageRoute[] {
  const { add, remove, move, setDefault } = operations;
  return [
    route('GET', '/policy', operations.list, async (visit) =>
      visit.render(listPage, await visit.perform(operations.list, {})),
    ),
    route('GET', '/policy/add', add, (visit) => form(visit, operations, {}, [])),
    route('POST', '/policy/add', add, (visit) => addRule(visit, operations)),
    route('POST', '/policy/default', setDefault, (visit) => changeDefault(visit, operations)),
    route('POST', '/policy/rules/:id/remove', remove, (visit) =>
      change(visit, 'remove', (dryRun) => visit.perform(remove, { ...visit.asked(), dryRun })),
    ),
    route('POST', '/policy/rules/:id/move', move, (visit) => {
      const before = visit.field('before') || undefined;
      return change(visit, 'move', (dryRun) => visit.perform(move, { ...visit.asked(), before, dryRun }));
    }),
  ];
}

async function form(
  visit: Visit,
  operations: PolicyOperations,
  values: Record<string, string>,
  sensitivity: readonly string[],
  refusal?: { refused: Refused; status: number },
): Promise<void> {
  const { items } = await visit.perform(operations.list, {});
  visit.render(formPage, { values, sensitivity, items, refused: refusal?.refused }, refusal?.status);
}

async function addRule(visit: Visit, operations: PolicyOperations): Promise<void> {
  const values = Object.fromEntries(
    TEXTS.map((name) => [name, (visit.field(name) ?? '').trim()]).filter(([, value]) => value !== ''),
  ) as Record<string, string>;
  const sensitivity = visit.fieldsOf('sensitivity');
  const input = { ...values, ...(sensitivity.length > 0 ? { sensitivity } : {}) };
  const attempt = (dryRun: boolean) => visit.attempt(operations.add, { ...input, dryRun });
  const outcome = await attempt(visit.field('confirmed') !== 'yes');
  if (!outcome.ok) return form(visit, operations, values, sensitivity, outcome);
  if (!outcome.value.dryRun) return visit.done(HOME, 'policy.done.add');
  showTrial(visit, 'add', outcome.value);
}

async function changeDefault(visit: Visit, { list, setDefault }: PolicyOperations): Promise<void> {
  const dryRun = visit.field('confirmed') !== 'yes';
  const outcome = await visit.attempt(setDefault, { peopleApprove: visit.field('peopleApprove'), dryRun });
  const { items } = await visit.perform(list, {});
  if (outcome.ok) {
    const from = items.find(({ kind }) => kind === 'default')?.peopleApprove;
    return change(visit, 'default', async () => outcome.value, { from, to: visit.field('peopleApprove') ?? '' });
  }
  visit.render(listPage, { items, refused: outcome.refused }, outcome.status);
}

/** First what it would do, then, once more pressed, it is done. */
async function change(
  visit: Visit,
  act: TrialModel['act'],
  make: (dryRun: boolean) => Promise<PolicyOutcomeView>,
  ceilings?: TrialModel['ceilings'],
): Promise<void> {
  const outcome = await make(visit.field('confirmed') !== 'yes');
  if (!outcome.dryRun) return visit.done(HOME, `policy.done.${act}`);
  if (!outcome.changed) return visit.done(HOME, 'policy.done.same');
  showTrial(visit, act, outcome, ceilings);
}

function showTrial(
  visit: Visit,
  act: TrialModel['act'],
  trial: PolicyOutcomeView,
  ceilings?: TrialModel['ceilings'],
): void {
  const fields = Object.keys(visit.fields)
    .filter((name) => name !== 'csrf' && name !== 'confirmed')
    .flatMap((name) => visit.fieldsOf(name).map((value) => [name, value] as const));
  visit.render(trialPage, { act, action: visit.ctx.path, fields, trial, ceilings });
}
