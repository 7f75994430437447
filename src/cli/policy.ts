/** `consentry policy …`: the rules of who may connect, and what a change of them does to people. */
import { type Command, Option } from 'commander';
import { AppError } from '../errors.ts';
import type { Impact } from '../policy/impact.ts';
import { CEILINGS, type Ceiling } from '../policy/rule.ts';
import {
  changePolicy,
  defaultChange,
  type PolicyPlan,
  ruleAddition,
  ruleMove,
  ruleRemoval,
} from '../policy-changes.ts';
import type { Rooms } from '../rooms.ts';
import { withRooms } from './open.ts';
import { examples } from './options.ts';
import { policyTestCommand } from './policy-trial.ts';
import { describeImpact, describeRule, effectWords, impactTable, impactWords, ruleWords } from './policy-words.ts';
import { printJson, table } from './print.ts';
import type { Terminal } from './terminal.ts';

interface ChangeOptions {
  dryRun?: boolean;
  json?: boolean;
}

interface AddOptions extends ChangeOptions {
  effect: string;
  clientHost?: string;
  redirectHost?: string;
  softwareId?: string;
  resource?: string;
  sensitivity?: string;
  note?: string;
  before?: string;
}

/** A change with the words for it: "Added rule 3f…" and "Would add rule 3f…" */
interface Plan {
  plan: PolicyPlan;
  done: string;
  would: string;
}

const EXPLANATION = `
Each scope that a client asks for walks the rules from the top; the first that matches decides. All that a rule states
must hold. The default rule comes last.

  hosts         claude.ai is that host alone, *.example.com every host below example.com
  shared hosts  where many people publish, such as github.io, an allow rule names one client by its whole address:
                someone.github.io/app/client.json
  allow         is strict, because a client may say of itself what it likes: --client-host opens only for a client whose
                ID is a metadata document on that host, --redirect-host only for https there, --software-id only for
                clients you made, or together with --client-host for proven ones. ask and deny believe what is said.`;

const WHEN = `
Rules are asked at every authorization and at every refresh. An access token that is out lives until it runs out, 10
minutes at most.`;

export function policyCommands(program: Command, terminal: Terminal): void {
  const policy = program.command('policy').description('who may connect: allow, deny, or ask an administrator');
  policy
    .command('list')
    .description('list the rules in the order in which they are asked')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('policy list', 'policy list --json'))
    .action((options: { json?: boolean }) => list(terminal, options));
  addCommand(policy, terminal);
  changing(policy.command('remove'))
    .description('remove a rule')
    .argument('<rule-id>', 'as policy list shows it')
    .addHelpText('after', examples('policy remove 5f2a9c… --dry-run', 'policy remove 5f2a9c…'))
    .action((id: string, options: ChangeOptions) => make(terminal, options, () => removal(id)));
  changing(policy.command('move'))
    .description('move a rule: the first that matches decides')
    .argument('<rule-id>', 'as policy list shows it')
    .option('--before <rule-id>', 'to stand before this rule')
    .option('--last', 'to be the last before the default')
    .addHelpText('after', examples('policy move 5f2a9c… --before 77c0d1… --dry-run', 'policy move 5f2a9c… --last'))
    .action((id: string, options: ChangeOptions & { before?: string; last?: boolean }) =>
      make(terminal, options, () => moving(id, options)),
    );
  changing(policy.command('default'))
    .description('what happens to scopes of which no rule speaks')
    .addOption(
      new Option('--people-approve <sensitivity>', 'up to where people approve themselves; what is above waits')
        .choices(CEILINGS)
        .makeOptionMandatory(),
    )
    .addHelpText('after', examples('policy default --people-approve medium', 'policy default --people-approve none'))
    .action((options: ChangeOptions & { peopleApprove: Ceiling }) =>
      make(terminal, options, () => defaultOf(options.peopleApprove)),
    );
  policyTestCommand(policy, terminal);
}

function addCommand(policy: Command, terminal: Terminal): void {
  const add = policy
    .command('add')
    .description('add a rule, before the default one unless --before says otherwise')
    .addOption(
      new Option('--effect <effect>', 'what becomes of what it matches')
        .choices(['allow', 'ask', 'deny'])
        .makeOptionMandatory(),
    )
    .option('--client-host <host>', 'the host of the client ID')
    .option('--redirect-host <host>', 'the host that people return to')
    .option('--software-id <id>', 'software_id, as the client states it')
    .option('--resource <uri>', 'the MCP server')
    .option('--sensitivity <list>', 'of the scope: low, medium, high, or several with commas')
    .option('--note <text>', 'why, for whoever reads the list')
    .option('--before <rule-id>', 'to stand before this rule')
    .addHelpText('after', EXPLANATION);
  changing(add)
    .addHelpText(
      'after',
      examples(
        'policy add --effect allow --client-host claude.ai',
        "policy add --effect deny --redirect-host '*.example.com' --dry-run",
        'policy add --effect ask --resource https://mail.example.com/mcp --sensitivity medium,high --note "Legal"',
      ),
    )
    .action((options: AddOptions) => make(terminal, options, (resources) => addition(options, resources)));
}

function changing(command: Command): Command {
  return command
    .option('--dry-run', 'change nothing; only say who would lose access or would have to ask')
    .option('--json', 'print JSON')
    .addHelpText('after', WHEN);
}

async function list(terminal: Terminal, { json }: { json?: boolean }): Promise<void> {
  const rules = await withRooms(terminal, ({ policyStore }) => policyStore.list());
  if (json) return printJson(terminal, rules.map(describeRule));
  const rows = rules.map((rule) => {
    const note = rule.kind === 'match' ? (rule.note ?? '') : '';
    return [rule.id, effectWords(rule), ruleWords(rule), note];
  });
  terminal.out(table(['RULE', 'EFFECT', 'WHERE', 'NOTE'], rows));
  const broken = rules.filter(({ kind }) => kind === 'unreadable');
  const missing = rules.some(({ id }) => id === 'default') ? [] : [{ id: 'default' }];
  for (const { id } of [...broken, ...missing]) {
    const remedy = id === 'default' ? 'default --people-approve medium' : `remove ${id}`;
    const fault = broken.length > 0 ? 'cannot be read' : 'is missing';
    terminal.out(`\nNobody can connect: the rule ${id} ${fault}. Mend it with: npx consentry policy ${remedy}`);
  }
}

type Resources = Pick<Rooms['resources'], 'findByUri'>;

async function addition({ sensitivity, ...options }: AddOptions, resources: Resources): Promise<Plan> {
  const { effect, clientHost, redirectHost, softwareId, resource, note, before } = options;
  const said = { effect, clientHost, redirectHost, softwareId, resource, note, before };
  const plan = await ruleAddition(
    { ...said, sensitivity: sensitivity?.split(',').map((one) => one.trim()) },
    resources,
  );
  const words = plan.rule ? `${effectWords(plan.rule)} where ${ruleWords(plan.rule)}` : '';
  return { plan, done: `Added the rule ${plan.rule?.id}: ${words}.`, would: `Would add the rule: ${words}.` };
}

function removal(id: string): Plan {
  return { plan: ruleRemoval(id), done: `Removed the rule ${id}.`, would: `Would remove the rule ${id}.` };
}

function moving(id: string, { before, last }: { before?: string; last?: boolean }): Plan {
  if ((before === undefined) === !last) {
    throw new AppError('bad_input', 400, 'Say where the rule goes: --before another rule, or --last.');
  }
  const where = before === undefined ? 'to the end' : `before ${before}`;
  const sentence = { done: `Moved the rule ${id} ${where}.`, would: `Would move the rule ${id} ${where}.` };
  return { plan: ruleMove(id, before), ...sentence };
}

function defaultOf(peopleApprove: Ceiling): Plan {
  const words = ruleWords({ kind: 'default', id: 'default', peopleApprove });
  return { plan: defaultChange(peopleApprove), done: `From now on: ${words}.`, would: `Would then hold: ${words}.` };
}

/** Makes the change, or with `--dry-run` tries it on a copy, and says what it does to people. */
async function make(
  terminal: Terminal,
  { dryRun = false, json }: ChangeOptions,
  prepare: (resources: Resources) => Plan | Promise<Plan>,
): Promise<void> {
  const { made, changed, impacts } = await withRooms(terminal, async (rooms) => {
    const made = await prepare(rooms.resources);
    return { made, ...(await changePolicy(rooms, made.plan, { dryRun })) };
  });
  if (json) return printJson(terminal, describeChange(made.plan, { dryRun, changed, impacts }));
  if (!changed) return terminal.out('It is so already; nothing was changed.');
  terminal.out(dryRun ? made.would : made.done);
  terminal.out(impactWords(impacts, dryRun));
  if (dryRun && impacts.length > 0) terminal.out(`\n${impactTable(impacts)}`);
}

function describeChange(
  { details }: PolicyPlan,
  { dryRun, changed, impacts }: { dryRun: boolean; changed: boolean; impacts: readonly Impact[] },
) {
  return { rule: details.rule, dry_run: dryRun, changed, ...describeImpact(impacts) };
}
