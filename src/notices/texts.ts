/** The mails, in the language that the reader chose; else in English and in Japanese below it. Plain text. */
import { en } from './english.ts';
import { factorWords } from './factor-words.ts';
import { inertHost, inertName } from './inert-text.ts';
import { ja } from './japanese.ts';
import { app, endings, type Line, moment, parties, permissions, proposal, said, whereTo } from './lines.ts';
import type {
  AlarmLetter,
  BreakGlassLetter,
  ConnectedLetter,
  DecidedLetter,
  EndedLetter,
  Ending,
  FactorLetter,
  FirstLetter,
  IdentityLetter,
  LeaverLetter,
  ProposedLetter,
  RequestedLetter,
} from './matters.ts';
import type { Letter } from './message.ts';
import type { Words } from './words.ts';

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
        (words) => [words.requested, '', ...request(words, notice)],
      ),
    /** To the others of those who decide. */
    confirm: ({ first, ...notice }: FirstLetter): Letter =>
      letter(
        (words) => words.confirmSubject(app(words, notice)),
        (words) => [
          words.confirm,
          '',
          words.field(words.firstBy, inertHost(first.email)),
          words.field(words.terms, words.termsOf(first)),
          ...request(words, notice),
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
    /** To whom the account belongs. */
    ended: ({ why, endings: ended, at }: EndedLetter): Letter =>
      letter(
        (words) => words.endedSubject({ ...oneOf(words, ended), count: ended.length }),
        (words) => [
          words.ended[why],
          '',
          ...endings(words, ended),
          words.field(words.when, moment(words, at)),
          '',
          words.connectAgain,
        ],
      ),
  };
}

const SEPARATOR = '-'.repeat(60);

function request(words: Words, notice: RequestedLetter): Line[] {
  return [
    words.field(words.who, inertHost(notice.email)),
    ...parties(words, notice),
    ...permissions(words, words.asksFor, notice.scopes),
    said(words, words.reason, notice.reason),
    words.field(words.request, inertName(notice.requestId)),
    '',
    words.decide(inertName(notice.requestId)),
  ];
}

function oneOf(words: Words, [first]: readonly Ending[]): { app: string; server: string } {
  return { app: app(words, { clientName: first?.clientName ?? '' }), server: inertName(first?.resourceName ?? '') };
}
