/** Hosts as a rule names them, compared label by label in ASCII (UTS 46, RFC 5890), never as strings or by regex. */
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { AppError } from '../errors.ts';

/**
 * - `host`: this very host, `claude.ai`
 * - `below`: every host with at least one label more, `*.example.com`
 * - `address`: this very https address and no other, `someone.github.io/app/client.json`
 */
export type HostPattern =
  | { kind: 'host'; host: string }
  | { kind: 'below'; host: string }
  | { kind: 'address'; uri: string; host: string };

/** What an address belongs to in a request: an https URL (`clientId`, redirect), or whatever it is. */
export interface Located {
  /** As stated. */
  uri: string;
  /** ASCII, lower case, an IPv6 address in brackets; undefined where it has none that a name server knows. */
  host: string | undefined;
}

const MAX_LENGTH = 2_000;
const LABEL = /^[a-z\d_](?:[a-z\d_-]{0,61}[a-z\d_])?$/;
/** Drawn as nothing, or as something else than it is. */
const INVISIBLE = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/u;

/**
 * A host as an administrator writes it, Unicode or punycode, or an address (its `https://` may be left out). Ports are
 * no part of a host: a pattern covers them all.
 *
 * @param what how the text is called to the person who wrote it, such as `The client host`
 * @param member what it is in a rule, for who writes that in a form
 * @throws AppError 400 `invalid_host`, which says what to write
 */
export function parseHostPattern(text: string, what: string, member?: string): HostPattern {
  const broken = member === undefined ? {} : { broken: { rule: 'unfit', member } };
  const refuse = (advice: string) => new AppError('invalid_host', 400, `${what} '${text}' ${advice}`, broken);
  if (text === '')
    throw new AppError('invalid_host', 400, `${what} is empty: write claude.ai or *.example.com.`, broken);
  if (text.length > MAX_LENGTH) throw new AppError('invalid_host', 400, `${what} is too long.`, broken);
  if (INVISIBLE.test(text)) throw refuse('has blanks or invisible characters: type it again without them.');
  if (/^(?!https:)[a-z][a-z\d+.-]*:\/\//i.test(text))
    throw refuse('is not https: write only the host, as in claude.ai.');
  const bare = text.replace(/^https:\/\//i, '');
  const end = bare.search(/[/?#\\]/);
  const authority = end < 0 ? bare : bare.slice(0, end);
  if (authority.includes('@')) throw refuse(`names a user: write only ${authority.replace(/^.*@/, '')}.`);
  if (end >= 0 && bare !== `${authority}/`) return parseAddress(authority, bare.slice(end), refuse);
  if (bare !== text || end >= 0) throw refuse(`is a URL: write only ${authority}.`);
  return parseHost(authority, refuse);
}

function parseHost(text: string, refuse: (advice: string) => AppError): HostPattern {
  const port = /^(?<name>[^:]*|\[.*\]):\d*$/.exec(text)?.groups?.name;
  if (port !== undefined) throw refuse(`has a port: write ${port || 'the host'} alone, which covers every port.`);
  const wild = text.startsWith('*.');
  const name = wild ? text.slice(2) : text;
  if (name.includes('*')) throw refuse('has a * in the wrong place: write *.example.com for every host below it.');
  const host = asciiHost(name, refuse);
  if (!wild) return { kind: 'host', host };
  if (isAddress(host)) throw refuse('has a * before an IP address: name each address by itself.');
  return { kind: 'below', host };
}

/** The path is compared as it is, so only a host that was written differently is put right. */
function parseAddress(authority: string, rest: string, refuse: (advice: string) => AppError): HostPattern {
  const [, name = '', port = ''] = /^(.*?)(:\d+)?$/.exec(authority) ?? [];
  if (name.includes('*')) throw refuse('has a * in an address: an address stands for itself alone.');
  const host = asciiHost(name, refuse);
  const uri = `https://${host}${port}${rest}`;
  if (rest.includes('#') || URL.parse(uri)?.href !== uri) {
    throw refuse('is no plain https address: copy it exactly as the client uses it.');
  }
  return { kind: 'address', uri, host };
}

function asciiHost(name: string, refuse: (advice: string) => AppError): string {
  if (name.endsWith('.')) throw refuse(`ends with a dot: write ${name.replace(/\.+$/, '') || 'a host'}.`);
  // The parser of URLs decodes these, so two ways of writing would be one host.
  const host = /[%:@]/.test(name) && !isBracketed(name) ? undefined : URL.parse(`https://${name}/`)?.hostname;
  if (host && isAddress(host)) {
    if (host !== name) throw refuse(`is an IP address in disguise: write ${host} if you mean it.`);
    return host;
  }
  const labels = host?.split('.') ?? [];
  if (!host || host.length > 253 || !labels.every((label) => LABEL.test(label)) || domainToASCII(host) !== host) {
    throw refuse('is no host: write it as in claude.ai or *.example.com.');
  }
  return host;
}

/** As it was parsed, for people and for the database. International names stand in punycode, so that none passes for another. */
export function patternText(pattern: HostPattern): string {
  switch (pattern.kind) {
    case 'host':
      return pattern.host;
    case 'below':
      return `*.${pattern.host}`;
    case 'address':
      return pattern.uri.slice('https://'.length);
  }
}

/** Whether the pattern names this place. */
export function matchesPattern(pattern: HostPattern, { uri, host }: Located): boolean {
  if (pattern.kind === 'address') return uri === pattern.uri;
  if (host === undefined) return false;
  const wanted = pattern.host.split('.');
  const labels = host.split('.');
  const more = labels.length - wanted.length;
  if (pattern.kind === 'host' ? more !== 0 : more < 1) return false;
  return wanted.every((label, index) => label !== '' && label === labels[more + index]);
}

function isAddress(host: string): boolean {
  return isBracketed(host) || isIP(host) !== 0;
}

function isBracketed(host: string): boolean {
  return host.startsWith('[') && host.endsWith(']');
}
