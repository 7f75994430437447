/** Readers of single configuration values: each returns the value or throws what to write instead. */
import { isIP } from 'node:net';
import { isEmail } from './credentials.ts';

/** Public text for the person who writes the configuration; never repeats a secret. */
export class ValueError extends Error {}

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)*$/;

/** An http(s) origin exactly as it will be published: what clients compare character by character (RFC 8414, section 3.3). */
export function parseIssuer(value: string): string {
  const url = parseUrl(
    value,
    ['https:', 'http:'],
    'write the address people reach it at, such as https://auth.example.com',
  );
  if (url.username || url.password) throw new ValueError(`carries a user name or password; write ${url.origin}`);
  if (url.search || url.hash || value.includes('?') || value.includes('#')) {
    throw new ValueError(`has a query or fragment; write ${url.origin}`);
  }
  if (url.pathname !== '/') throw new ValueError(`has a path, which an issuer here cannot have; write ${url.origin}`);
  if (value !== url.origin) {
    throw new ValueError(`is not written the way it is published (no trailing slash, lower case); write ${url.origin}`);
  }
  return value;
}

/** Whether an origin can only be reached from this machine: localhost, 127.0.0.0/8 or [::1] (RFC 8252, section 7.3). */
export function isLoopbackOrigin(origin: string): boolean {
  const host = new URL(origin).hostname;
  return host === 'localhost' || host === '[::1]' || (isIP(host) === 4 && host.startsWith('127.'));
}

export function parseUrl(value: string, protocols: string[], advice: string): URL {
  const url = URL.parse(value);
  if (!url || !protocols.includes(url.protocol)) throw new ValueError(`is not understood; ${advice}`);
  return url;
}

export function parseWholeNumber(value: string, min: number, max: number): number {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= min && number <= max)) {
    throw new ValueError(`is ${quote(value)}; write a whole number from ${min} to ${max}`);
  }
  return number;
}

export function parseSwitch(value: string): boolean {
  if (value === 'on') return true;
  if (value === 'off') return false;
  throw new ValueError(`is ${quote(value)}; write on or off`);
}

export function parseChoice<const Choice extends string>(value: string, choices: readonly Choice[]): Choice {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw new ValueError(`is ${quote(value)}; write one of ${choices.join(', ')}`);
  return choice;
}

export function parseListenHost(value: string): string {
  if (isIP(value) !== 0 || HOST_NAME.test(value)) return value;
  throw new ValueError(
    `is ${quote(value)}; write an IP address or host name to listen on, such as 127.0.0.1 or 0.0.0.0`,
  );
}

/** Comma- or space-separated entries, each an IP address or a network such as 10.0.0.0/8. */
export function parseNetworks(value: string): string[] {
  return splitList(value).map((entry) => {
    if (!isNetwork(entry))
      throw new ValueError(`has ${quote(entry)}; write IP addresses or networks such as 10.0.0.0/8`);
    if (/\/0$/.test(entry)) throw new ValueError(`has ${quote(entry)}, which is everyone; name your own proxies`);
    return entry;
  });
}

/** As {@link parseNetworks}, and host names without port. */
export function parseHostsOrNetworks(value: string): string[] {
  return splitList(value.toLowerCase()).map((entry) => {
    if (isNetwork(entry) || HOST_NAME.test(entry)) return entry;
    throw new ValueError(
      `has ${quote(entry)}; write host names, IP addresses or networks, without scheme or port, such as intranet.example or 10.1.0.0/16`,
    );
  });
}

/** 32 bytes from base64, refusing what no random generator makes. */
export function parseMasterKey(value: string): Buffer {
  const advice = 'write 32 random bytes in base64, such as `openssl rand -base64 32` prints';
  const key = Buffer.from(value, 'base64');
  const canonical = /^[A-Za-z0-9+/_-]+=?$/.test(value) && key.length === 32;
  if (!canonical) throw new ValueError(`is not 32 bytes of base64; ${advice}`);
  if (!looksRandom(key)) throw new ValueError(`is not random; ${advice}`);
  return key;
}

/** Random bytes, 32 of them, hold fewer than 16 different ones or only printable ones less than once in 10^13 keys; 24, in 10^10. */
function looksRandom(key: Buffer): boolean {
  const typed = key.every((byte) => byte >= 0x20 && byte < 0x7f);
  const steps = new Set(key.map((byte, index) => byte - (key[index - 1] ?? 0)));
  return !typed && new Set(key).size >= Math.min(16, key.length / 2) && steps.size >= 8;
}

/** Where notices are posted: https, or http where it never leaves this machine. */
export function parseWebhookUrl(value: string): string {
  const advice = 'write one such as https://hooks.example.com/consentry';
  const url = parseUrl(value, ['https:', 'http:'], advice);
  if (url.username || url.password)
    throw new ValueError('carries a user name or password; leave them out: WEBHOOK_SECRET proves who sends');
  if (url.hash || url.hostname.endsWith('.')) throw new ValueError(`is not understood; ${advice}`);
  if (url.protocol === 'http:' && !isLoopbackOrigin(url.origin))
    throw new ValueError('is http, which only an address of this machine may be; write one with https');
  return url.href;
}

/** 24 to 64 random bytes in base64, with or without `whsec_` before them (Standard Webhooks 1.0.0, "Signature scheme"). */
export function parseWebhookSecret(value: string): Buffer {
  const advice = 'write 24 to 64 random bytes in base64, such as `openssl rand -base64 32` prints';
  const text = value.trim().replace(/^whsec_/, '');
  const key = Buffer.from(text, 'base64');
  const canonical = key.toString('base64').replace(/=+$/, '') === text.replace(/={0,2}$/, '');
  if (!canonical || key.length < 24 || key.length > 64) throw new ValueError(`is no such secret; ${advice}`);
  if (!looksRandom(key)) throw new ValueError(`is not random; ${advice}`);
  return key;
}

/** The mail server. What nodemailer would also read from a query (certificates not checked, a proxy) is refused. */
export function parseSmtpUrl(value: string): string {
  const advice = 'write smtp://user:password@mail.example.com:587 (special characters percent-encoded), or smtps://…';
  const url = URL.parse(value);
  const whole = url && ['smtp:', 'smtps:'].includes(url.protocol) && ['', '/'].includes(url.pathname);
  if (!whole || url.search || url.hash) throw new ValueError(`is not the address of a mail server; ${advice}`);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) === 0 && !HOST_NAME.test(host.toLowerCase())) throw new ValueError(`names no host; ${advice}`);
  if ((url.username === '') !== (url.password === ''))
    throw new ValueError(`needs both a user name and a password, or neither; ${advice}`);
  if (!isPercentEncoded(url.username) || !isPercentEncoded(url.password))
    throw new ValueError(`has a % that starts no percent-encoded character; ${advice}`);
  return url.href;
}

function isPercentEncoded(text: string): boolean {
  try {
    return decodeURIComponent(text) !== undefined;
  } catch {
    return false;
  }
}

/** `address`, or `Name <address>` where the name needs no quotation marks. */
export function parseMailFrom(value: string): string {
  const named = /^([^<>]*[^<>\s])\s*<([^<>]+)>$/.exec(value);
  const [name, address] = named ? [named[1] ?? '', named[2] ?? ''] : ['', value];
  const readable = [...name].length <= 60 && !/[\p{C}\p{Zl}\p{Zp}"\\]/u.test(name);
  if (!readable || !isEmail(address)) {
    throw new ValueError(
      `is ${quote(value)}; write an address such as consentry@example.com, or Consentry <consentry@example.com>`,
    );
  }
  return name === '' ? address : `${name} <${address}>`;
}

export function parseDatabaseUrl(value: string): string | undefined {
  if (value === 'embedded') return undefined;
  const url = URL.parse(value);
  if (!url || !['postgres:', 'postgresql:'].includes(url.protocol)) {
    throw new ValueError(
      'is not a Postgres address; write postgres://user:password@host:5432/database (special characters in the password percent-encoded), or embedded',
    );
  }
  if (url.pathname.length < 2) throw new ValueError('names no database; end it with /database');
  return value;
}

/** A name shown on every page: one line, at most 60 characters, nothing invisible (no control or bidi characters). */
export function parseBrandName(value: string): string {
  const name = value.normalize('NFC');
  if ([...name].length > 60 || /[\p{C}\p{Zl}\p{Zp}]/u.test(name)) {
    throw new ValueError('is too long or holds invisible characters; write one line of at most 60 characters');
  }
  return name;
}

function isNetwork(entry: string): boolean {
  const [address = '', prefix, ...rest] = entry.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^(0|[1-9]\d{0,2})$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128));
}

function splitList(value: string): string[] {
  return value.split(/[\s,]+/).filter((entry) => entry !== '');
}

function quote(value: string): string {
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
}
