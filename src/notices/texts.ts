/** The mails, in the language that the reader chose; else in English and in Japanese below it. Plain text. */
import type { Alarm } from '../federation/alarms.ts';
import { type FactorChange, factorWords } from './factor-words.ts';
import { inertHost, inertName, inertWords } from './inert-text.ts';
import { en, ja, type Words } from './languages.ts';
import type { Letter } from './message.ts';

export interface NoticeScope {
  name: string;
  /** May be left out for `openid`, `profile`, `email` and `offline_access`, which have words of their own. */
  description?: string | undefined;
  descriptionJa?: string | null | undefined;
}

/** Who asks, as it calls itself; '' where it has no name. */
export interface Asker {
  clientName: string;
  /** Name of the proxy that it asks through. */
  through?: string | undefined;
}

export interface RequestedLetter extends Asker {
  email: string;
  resourceName: string;
  scopes: readonly NoticeScope[];
  reason?: string | undefined;
  requestId: string;
}

export interface DecidedLetter extends Asker {
  decision: 'approved' | 'denied';
  resourceName: string;
  note?: string | undefined;
}

export interface ConnectedLetter extends Asker {
  /** As `redirectHost` gives it: a host, or a scheme with `://`; '' for the device flow. */
  redirectHost: string;
  resourceName: string;
  scopes: readonly NoticeScope[];
  at: Date;
}

/** What is the matter with a connection. */
export type AlarmLetter = Omit<Alarm, 'connectionId'>;

export interface ProposedLetter {
  resourceName: string;
  scopeName: string;
  /** Missing where the scope is new. */
  before?: ProposedWords | undefined;
  after: ProposedWords;
}

export interface ProposedWords extends Omit<NoticeScope, 'name'> {
  tools?: readonly string[] | undefined;
}

export interface BreakGlassLetter {
  email: string;
  resourceName: string;
  at: Date;
}

export interface LeaverLetter {
  email: string;
  why: 'last_owner' | 'break_glass';
}

export interface IdentityLetter {
  change: 'linked' | 'unlinked';
  connectionName: string;
  at: Date;
}

export interface FactorLetter {
  change: FactorChange;
  /** What the person calls it, where it is about one. */
  passkey?: string | undefined;
  at: Date;
}

/** What somebody else wrote is made harmless here once more, whatever was done to it before. */
export function createLetters({
  brandName,
  issuer,
  languages = [en, ja],
}: {
  brandName: string;
  issuer: string;
  languages?: readonly Words[];
}) {
  const letter = (subject: (words: Words) => string, body: (words: Words) => readonly Line[]): Letter => ({
    subject: `${brandName}: ${languages.map(subject).join(' / ')}`,
    text: `${languages.map((words) => page(words, body(words))).join(`\n${SEPARATOR}\n\n`)}`,
  });
  const page = (words: Words, lines: readonly Line[]) =>
    `${[...lines, '', `${brandName} ${issuer}`, words.automatic].filter((line) => line !== undefined).join('\n')}\n`;

  return {
    /** To those who decide. */
    requested: (notice: RequestedLetter): Letter =>
      letter(
        (words) => words.requestedSubject(app(words, notice)),
        (words) => [
          words.requested,
          '',
          words.field(words.who, inertHost(notice.email)),
          ...parties(words, notice),
          ...permissions(words, words.asksFor, notice.scopes),
          said(words, words.reason, notice.reason),
          words.field(words.request, inertName(notice.requestId)),
          '',
          words.decide(inertName(notice.requestId)),
        ],
      ),
    /** To who asked. */
    decided: (notice: DecidedLetter): Letter =>
      letter(
        (words) => words[notice.decision].subject(app(words, notice)),
        (words) => [
          words[notice.decision].what,
          '',
          ...parties(words, notice),
          said(words, words.note, notice.note),
          '',
          words[notice.decision].next,
        ],
      ),
    /** To whom the account belongs. */
    connected: (notice: ConnectedLetter): Letter =>
      letter(
        (words) => words.connectedSubject(app(words, notice)),
        (words) => [
          words.connected,
          '',
          ...parties(words, notice),
          words.field(words.returns, whereTo(words, notice.redirectHost)),
          ...permissions(words, words.may, notice.scopes),
          words.field(words.when, moment(words, notice.at)),
          '',
          words.itWasYou,
          words.itWasNotYou,
        ],
      ),
    /** To every owner. */
    breakGlass: (notice: BreakGlassLetter): Letter =>
      letter(
        (words) => words.breakGlassSubject(inertHost(notice.email)),
        (words) => [
          words.breakGlass,
          '',
          words.field(words.account, inertHost(notice.email)),
          words.field(words.server, inertName(notice.resourceName)),
          words.field(words.when, moment(words, notice.at)),
          '',
          words.breakGlassNext,
        ],
      ),
    /** To every owner. */
    leaver: (notice: LeaverLetter): Letter =>
      letter(
        (words) => words.leaverSubject(inertHost(notice.email)),
        (words) => [
          words.leaver[notice.why].what,
          '',
          words.field(words.account, inertHost(notice.email)),
          '',
          words.leaver[notice.why].next,
        ],
      ),
    /** To whom the account belongs. */
    identity: (notice: IdentityLetter): Letter =>
      letter(
        (words) => words[notice.change].subject(inertName(notice.connectionName)),
        (words) => [
          words[notice.change].what,
          '',
          words.field(words.connection, inertName(notice.connectionName)),
          words.field(words.when, moment(words, notice.at)),
          '',
          words[notice.change].next,
        ],
      ),
    /** To whom the account belongs. */
    factor: (notice: FactorLetter): Letter =>
      letter(
        ({ language }) => factorWords[language][notice.change].subject,
        (words) => [
          factorWords[words.language][notice.change].what,
          '',
          said(words, factorWords[words.language].passkey, notice.passkey),
          words.field(words.when, moment(words, notice.at)),
          '',
          factorWords[words.language].next,
        ],
      ),
    /** To owners. */
    alarm: (notice: AlarmLetter): Letter =>
      letter(
        (words) => words.alarmSubject(inertName(notice.connectionName)),
        (words) => [
          words.alarm[notice.code].what,
          '',
          words.field(words.connection, inertName(notice.connectionName)),
          notice.at && words.field(words.when, words.moment(notice.at.toISOString().slice(0, 16).replace('T', ' '))),
          said(words, words.said, notice.detail),
          '',
          words.alarm[notice.code].next,
        ],
      ),
    /** To those who decide. */
    proposed: (notice: ProposedLetter): Letter =>
      letter(
        (words) => words.proposedSubject(inertName(notice.resourceName)),
        (words) => [
          words.proposed,
          '',
          words.field(words.server, inertName(notice.resourceName)),
          words.field(words.permission, inertName(notice.scopeName)),
          notice.before && words.field(words.before, proposal(words, notice.before)),
          words.field(words.after, proposal(words, notice.after)),
          '',
          words.acceptOrReject,
        ],
      ),
  };
}

type Line = string | undefined;

const SEPARATOR = '-'.repeat(60);
const MAX_PERMISSIONS = 20;
const MAX_TOOLS = 20;
const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);

function moment(words: Words, at: Date): string {
  return words.moment(at.toISOString().slice(0, 16).replace('T', ' '));
}

function app(words: Words, { clientName }: Asker): string {
  const name = inertName(clientName);
  return name === '' ? words.nameless : words.quote(name);
}

function parties(words: Words, asker: Asker & { resourceName: string }): Line[] {
  const own = app(words, asker);
  const through = asker.through === undefined ? undefined : app(words, { clientName: asker.through });
  return [
    words.field(words.app, own === words.nameless ? own : words.selfNamed(own)),
    through && words.field(words.through, through),
    words.field(words.server, inertName(asker.resourceName)),
  ];
}

function permissions(words: Words, label: string, scopes: readonly NoticeScope[]): Line[] {
  if (scopes.length === 0) return [];
  const shown = scopes.slice(0, MAX_PERMISSIONS).map((scope) => words.item(sentence(words, scope)));
  const more = scopes.length - shown.length;
  return [words.heading(label), ...shown, more > 0 ? words.item(words.more(more)) : undefined];
}

function sentence(words: Words, scope: NoticeScope): string {
  const { name } = scope;
  return inertWords(words.describe(scope) || (Object.hasOwn(words.standard, name) && words.standard[name]) || name);
}

function proposal(words: Words, { tools = [], ...said }: ProposedWords): string {
  const quoted = words.quote(sentence(words, { name: '', ...said }));
  const names = tools.slice(0, MAX_TOOLS).map(inertName);
  if (tools.length > MAX_TOOLS) names.push(words.more(tools.length - MAX_TOOLS));
  return names.length === 0 ? quoted : words.withTools(quoted, names.join(', '));
}

function said(words: Words, label: string, text: string | undefined): Line {
  const line = inertWords(text ?? '');
  return line === '' ? undefined : words.field(label, words.quote(line));
}

function whereTo(words: Words, host: string): string {
  if (host === '') return words.device;
  if (LOOPBACK.has(host)) return words.thisComputer(inertHost(host));
  const scheme = /^([^/]+):\/\/$/.exec(host)?.[1];
  return scheme === undefined ? inertHost(host) : words.thisDevice(inertHost(scheme));
}
