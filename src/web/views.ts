/** Server-rendered pages: nunjucks templates in `views/`, escaped by default, in English and Japanese. */
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import nunjucks from 'nunjucks';
import { addressHtml } from './address.ts';
import { askerPhrase } from './asker.ts';
import { type Locale, locales } from './locale.ts';
import { type Messages, type Params, readMessages } from './messages.ts';
import type { Difference, Pages } from './pages.ts';
import { countScopes, foldGroups } from './scope-lines.ts';
import type { StaticFiles } from './static.ts';

export type Views = ReturnType<typeof createViews>;

const { SafeString } = nunjucks.runtime;
const viewsDirectory = new URL('../../views/', import.meta.url);
/** The only template names there are; none ever comes from a request. */
const templates: Record<keyof Pages, string> = {
  home: 'home.njk',
  connect: 'interaction/connect.njk',
  consent: 'interaction/consent.njk',
  short: 'interaction/short.njk',
  approval: 'interaction/approval.njk',
  stopped: 'stopped.njk',
  'upstream-refused': 'interaction/upstream-refused.njk',
  password: 'account/password.njk',
  'account-sign-in': 'account/sign-in.njk',
  'ways-in': 'account/ways-in.njk',
  hop: 'account/hop.njk',
  apps: 'account/apps.njk',
  'stop-apps': 'account/stop-apps.njk',
  'remove-codes': 'account/remove-codes.njk',
  receipt: 'account/receipt.njk',
  sessions: 'account/sessions.njk',
  language: 'account/language.njk',
  security: 'account/security.njk',
  'device-code': 'oauth/device-code.njk',
  'device-confirm': 'oauth/device-confirm.njk',
  'device-done': 'oauth/device-done.njk',
  logout: 'oauth/logout.njk',
  'logged-out': 'oauth/logged-out.njk',
};

const dashboard = globSync('admin/**/*.njk', { cwd: fileURLToPath(viewsDirectory) });

/**
 * Compiles every template and reads every catalogue at once, so that a broken one stops the start, not a person.
 * @param deps.brandName the operator's name, on every page
 * @param deps.supportUrl `https:` or `mailto:`, on every page
 * @param deps.basePath what stands before our own paths, where the issuer has a path
 */
export function createViews(deps: {
  brandName: string;
  supportUrl?: string | undefined;
  statics: StaticFiles;
  basePath?: string | undefined;
}) {
  const environments = new Map(locales.map((locale) => [locale, createEnvironment(locale, deps)]));

  /** A whole HTML document. Throws when a template meets a value that is not there. */
  function render<Page extends keyof Pages>(page: Page, model: Pages[Page], locale: Locale): string {
    const environment = environments.get(locale);
    if (!environment) throw new Error(`No language ${locale}`);
    // `request`: the whole of it, for the parts that several pages share.
    return environment.render(templates[page], { ...model, request: model });
  }

  /** The same for a page of the dashboard, by its file below `views/`. */
  function renderTemplate(template: string, model: object, locale: Locale): string {
    const environment = environments.get(locale);
    if (!environment || !dashboard.includes(template)) throw new Error(`No page ${template} in ${locale}`);
    return environment.render(template, { ...model, request: model });
  }

  return { render, renderTemplate };
}

function createEnvironment(locale: Locale, deps: Parameters<typeof createViews>[0]): nunjucks.Environment {
  const messages = readMessages(new URL('messages/', viewsDirectory), locale);
  const environment = new nunjucks.Environment(new nunjucks.FileSystemLoader(fileURLToPath(viewsDirectory)), {
    autoescape: true,
    throwOnUndefined: true,
    trimBlocks: true,
    lstripBlocks: true,
  });
  addWords(environment, messages, locale);
  environment.addGlobal('brand', deps.brandName);
  environment.addGlobal('support', supportContact(deps.supportUrl));
  environment.addGlobal('basePath', deps.basePath ?? '');
  environment.addGlobal('asset', deps.statics.urlOf);
  environment.addGlobal('webLink', isWebLink);
  environment.addGlobal('ownPath', isOwnPath);
  environment.addGlobal('asker', askerPhrase);
  environment.addFilter('folded', foldGroups);
  environment.addFilter('counted', countScopes);
  environment.addFilter('worrying', isWorrying);
  for (const name of [...Object.values(templates), ...dashboard]) environment.getTemplate(name, true);
  return environment;
}

function addWords(environment: nunjucks.Environment, messages: Messages, locale: Locale): void {
  environment.addGlobal('lang', locale);
  environment.addGlobal('t', (key: string, params?: Params) => new SafeString(messages.html(key, params)));
  environment.addGlobal('plain', messages.text);
  environment.addGlobal('known', messages.has);
  environment.addGlobal('said', (said: unknown) => {
    if (typeof said !== 'string') throw new Error('Nothing was said');
    return { said };
  });
  environment.addGlobal('address', (text: string) => new SafeString(addressHtml(text)));
  addTimes(environment, locale);
  environment.addFilter('querystring', queryString);
  environment.addFilter('minutes', (seconds: number) => Math.max(1, Math.ceil(seconds / 60)));
}

/** Days and moments are UTC, and say so: the server does not know where the reader is. */
function addTimes(environment: nunjucks.Environment, locale: Locale): void {
  const day = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' });
  const moment = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });
  const time = (date: Date, text: string) => new SafeString(`<time datetime="${date.toISOString()}">${text}</time>`);
  // Receipts say their times as ISO 8601 writes them.
  const written = (show: (date: Date) => string) => (at: Date | string) => time(new Date(at), show(new Date(at)));
  environment.addGlobal('day', written(day.format));
  environment.addGlobal(
    'moment',
    written((date) => `${moment.format(date)} UTC`),
  );
  environment.addGlobal('number', (value: number) => value.toLocaleString(locale));
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  environment.addGlobal('ago', (date: Date, now: Date) => time(date, relativeTo(date, now, relative)));
}

const STEPS = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['week', 7 * 86_400],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const;

function relativeTo(date: Date, now: Date, relative: Intl.RelativeTimeFormat): string {
  const seconds = (date.getTime() - now.getTime()) / 1000;
  const [unit, length] = STEPS.find(([, step]) => Math.abs(seconds) >= step) ?? (['minute', 60] as const);
  return relative.format(Math.trunc(seconds / length), unit);
}

/** A link only where it is one that a person can follow; anything else is shown as text. */
function supportContact(supportUrl: string | undefined): { label: string; href?: string } | undefined {
  if (!supportUrl) return undefined;
  const url = URL.parse(supportUrl);
  if (url?.protocol === 'mailto:') return { label: url.pathname, href: url.href };
  if (url && isWebLink(url.href)) return { label: url.host + url.pathname.replace(/\/$/, ''), href: url.href };
  return { label: supportUrl };
}

/** Escaping does not disarm `javascript:` in an href. */
function isWebLink(href: string): boolean {
  return !/^(javascript|data|vbscript|blob|file|about):?$/i.test(URL.parse(href)?.protocol ?? 'about:');
}

/** An address on our own origin, that no character of it can make another's. */
function isOwnPath(path: string): boolean {
  return /^\/(?!\/)[\w./?=&%-]*$/.test(path);
}

/** Whether what changed is what it would be if somebody else had taken the client's place (consent.md §2). */
function isWorrying(differences: readonly Difference[]): boolean {
  return differences.some(({ kind }) => ['redirect', 'keys', 'resembles', 'authentication'].includes(kind));
}

/** What was asked for, without what was left empty. */
function queryString(query: readonly (readonly [string, string | undefined])[]): string {
  const asked = query.filter((pair): pair is readonly [string, string] => pair[1] !== undefined && pair[1] !== '');
  return new URLSearchParams(asked.map(([name, value]): [string, string] => [name, value])).toString();
}
