/** The lines that mails are made of. What somebody else wrote is made harmless here once more. */
import { inertHost, inertName, inertWords } from './inert-text.ts';
import type { Asker, Ending, NoticeScope, ProposedWords } from './matters.ts';
import type { Words } from './words.ts';

/** Left out where there is none. */
export type Line = string | undefined;

const MAX_PERMISSIONS = 20;
const MAX_TOOLS = 20;
const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);

export function moment(words: Words, at: Date): string {
  return words.moment(at.toISOString().slice(0, 16).replace('T', ' '));
}

export function app(words: Words, { clientName }: Asker): string {
  const name = inertName(clientName);
  return name === '' ? words.nameless : words.quote(name);
}

export function parties(words: Words, asker: Asker & { resourceName: string }): Line[] {
  const own = app(words, asker);
  const through = asker.through === undefined ? undefined : app(words, { clientName: asker.through });
  return [
    words.field(words.app, own === words.nameless ? own : words.selfNamed(own)),
    through && words.field(words.through, through),
    words.field(words.server, inertName(asker.resourceName)),
  ];
}

export function permissions(words: Words, label: string, scopes: readonly NoticeScope[]): Line[] {
  if (scopes.length === 0) return [];
  const shown = scopes.slice(0, MAX_PERMISSIONS).map((scope) => words.item(sentence(words, scope)));
  const more = scopes.length - shown.length;
  return [words.heading(label), ...shown, more > 0 ? words.item(words.more(more)) : undefined];
}

function sentence(words: Words, scope: NoticeScope): string {
  const { name } = scope;
  return inertWords(words.describe(scope) || (Object.hasOwn(words.standard, name) && words.standard[name]) || name);
}

export function proposal(words: Words, { tools = [], ...said }: ProposedWords): string {
  const quoted = words.quote(sentence(words, { name: '', ...said }));
  const names = tools.slice(0, MAX_TOOLS).map(inertName);
  if (tools.length > MAX_TOOLS) names.push(words.more(tools.length - MAX_TOOLS));
  return names.length === 0 ? quoted : words.withTools(quoted, names.join(', '));
}

export function said(words: Words, label: string, text: string | undefined): Line {
  const line = inertWords(text ?? '');
  return line === '' ? undefined : words.field(label, words.quote(line));
}

export function whereTo(words: Words, host: string): string {
  if (host === '') return words.device;
  if (LOOPBACK.has(host)) return words.thisComputer(inertHost(host));
  const scheme = /^([^/]+):\/\/$/.exec(host)?.[1];
  return scheme === undefined ? inertHost(host) : words.thisDevice(inertHost(scheme));
}

/** Which app ended at which server; who has lost more than a mail holds is told how many more. */
export function endings(words: Words, ended: readonly Ending[]): Line[] {
  const shown = ended.slice(0, MAX_PERMISSIONS).map((one) => words.item(ending(words, one)));
  const more = ended.length - shown.length;
  return [words.heading(words.whatEnded), ...shown, more > 0 ? words.item(words.more(more)) : undefined];
}

function ending(words: Words, { resourceName, ...asker }: Ending): string {
  const server = inertName(resourceName);
  const own = app(words, asker);
  if (asker.through === undefined) return words.endedAt(own, server);
  const through = words.field(words.through, app(words, { clientName: asker.through }));
  return words.endedAt(`${own} (${through})`, server);
}
