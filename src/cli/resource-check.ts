/** `consentry resource check`: the live check of an MCP server, told step by step as it goes. */
import type { Command } from 'commander';
import { AppError } from '../errors.ts';
import { checkResource } from '../resources/checking.ts';
import { createChecks } from '../resources/checks/checks.ts';
import type { Finding } from '../resources/checks/finding.ts';
import { type Step, type Summary, steps as stepNames, summarize } from '../resources/checks/look.ts';
import { allowEntry } from '../resources/checks/outbound.ts';
import type { Resource } from '../resources/resource.ts';
import type { Rooms } from '../rooms.ts';
import { createEgress, type Egress } from '../web/egress.ts';
import { inEnglish } from '../web/english.ts';
import { visibleText } from '../web/visible-text.ts';
import { withRooms } from './open.ts';
import { examples } from './options.ts';
import { printJson } from './print.ts';
import { findRegistered } from './resource-changes.ts';
import type { Terminal } from './terminal.ts';

const HELP = `
Tries its 401 and 403 answers with tokens that are for nobody, live a minute at most and end with the check, and compares
its tools with what is registered; at most one tool that only reads may run. A minute at most. What it found is kept,
as for the check at the dashboard. A server has to reach a running Consentry for its keys. Exit code 1 where something is
wrong, and where a step had no usable answer in time, which is no refusal; what could only be better does not count.`;

export function checkCommand(resource: Command, terminal: Terminal): void {
  resource
    .command('check')
    .description('ask it as clients do, step by step, and say in words what is wrong')
    .argument('<uri>')
    .option('--json', 'print JSON, once all is done')
    .addHelpText('after', HELP)
    .addHelpText('after', examples('resource check https://mail.example.com/mcp'))
    .action((uri: string, options: { json?: boolean }) => check(terminal, uri, options));
}

async function check(terminal: Terminal, uri: string, { json = false }: { json?: boolean }): Promise<void> {
  const { resource, found } = await withRooms(terminal, async (rooms, config) => {
    const resource = await findRegistered(rooms, uri);
    if (!json) terminal.out(`${resource.name} at ${resource.uri}\n`);
    const egress = createEgress(config);
    try {
      const checks = checksOf(rooms, egress);
      return {
        resource,
        found: await checkResource({ ...rooms, checks }, resource, telling(terminal, resource, json)),
      };
    } finally {
      egress.close();
    }
  });
  const { at, steps } = found;
  const summary = summarize(steps);
  const { failed, unseen, untried } = summary;
  if (json)
    printJson(terminal, {
      uri: resource.uri,
      ok: failed === 0 && unseen === 0,
      untried,
      at,
      steps: steps.map((step) => toJson(step, resource)),
    });
  assertWell(resource, summary, steps.length);
  if (!json)
    terminal.out(
      untried === 0 ? '\nNothing is wrong.' : `\nNothing is wrong in what was tried; ${left(untried, steps.length)}.`,
    );
}

/** @throws AppError 409 `check_failed`, `check_incomplete` */
function assertWell({ name }: Resource, { failed, unseen, untried }: Summary, total: number): void {
  const rest = untried > 0 ? `; ${left(untried, total)}` : '';
  if (failed > 0)
    throw new AppError('check_failed', 409, `Something is wrong with ${name}: ${failed} of ${total} steps${rest}.`);
  if (unseen === 0) return;
  const message = `Nothing wrong was found at ${name}, but ${left(untried, total)}: no usable answer came in time.`;
  throw new AppError('check_incomplete', 409, message);
}

function left(untried: number, total: number): string {
  return `${untried} of ${total} steps ${untried === 1 ? 'was' : 'were'} not tried`;
}

function checksOf(rooms: Rooms, { fetch }: Egress) {
  const revoke = (tokens: Parameters<Rooms['revokedTokens']['revoke']>[0]) =>
    rooms.database.apart(() => rooms.revokedTokens.revoke(tokens));
  return createChecks({ ...rooms, fetch, sign: rooms.signAccessToken, revoke });
}

/** A line for each step as it ends. */
function telling({ out, signal }: Terminal, resource: Resource, json: boolean) {
  let taken = 0;
  return async (step: Step): Promise<void> => {
    signal.throwIfAborted();
    taken += 1;
    if (json) return;
    const words = inEnglish(`admin.works.server_check.steps.${step.step}`);
    out(`${taken}/${stepNames.length}  ${step.result.padEnd(7)}  ${words}`);
    for (const finding of step.findings) out(findingLines(finding, resource));
  };
}

function findingLines(finding: Finding, resource: Resource): string {
  const { what, todo } = wordsOf(finding, resource);
  return [what, ...todo.map((line) => `→ ${line}`)]
    .map((line) => `${' '.repeat(14)}${visibleText(line, 'NFC')}`)
    .join('\n');
}

function wordsOf({ code, params }: Finding, { uri }: Resource): { what: string; todo: string[] } {
  const key = `servers.findings.${code}`;
  const todo = [inEnglish(`${key}.todo`, params)];
  if (code === 'unreachable')
    todo.push(inEnglish('servers.allowWhy'), inEnglish('servers.allowHow', { entry: allowEntry(uri) }));
  return { what: inEnglish(`${key}.what`, params), todo };
}

function toJson({ step, result, findings }: Step, resource: Resource) {
  const told = findings.map((finding) => {
    const { what, todo } = wordsOf(finding, resource);
    const { code, severity, params } = finding;
    return { code, severity, params, what, todo: todo.join(' ') };
  });
  return { step, result, findings: told };
}
