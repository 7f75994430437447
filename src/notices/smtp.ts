/** Hands mails to the operator's mail server (RFC 5321, RFC 6409). */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { getCACertificates } from 'node:tls';
import { domainToASCII } from 'node:url';
import { createTransport } from 'nodemailer';
import type { Outcome, Outgoing, Sink } from './message.ts';

/** Of one mail, everything included; the others only end sooner what is stuck. */
const TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 15_000;
const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * @param smtpUrl as the configuration accepts it
 * @param from `address` or `Name <address>`
 * @param issuer its host introduces this server
 * @param caFile PEM file with authorities trusted beside the usual ones
 */
export function createSmtp(deps: { smtpUrl: string; from: string; issuer: string; caFile?: string | undefined }): Sink {
  const from = parseSender(deps.from);
  const domain = domainToASCII(from.address.slice(from.address.lastIndexOf('@') + 1)) || 'localhost';
  const transport = createTransport(transportOptions(deps), { disableFileAccess: true, disableUrlAccess: true });
  const closing = new AbortController();

  return {
    async send({ id, to, subject, text, event }: Outgoing): Promise<Outcome> {
      if (to === undefined || subject === undefined || text === undefined) throw new Error('the row holds no mail');
      const mail = {
        from,
        to: { name: '', address: to },
        envelope: { from: from.address, to },
        subject,
        text,
        messageId: `<${id}@${domain}>`,
        date: new Date(event.occurredAt),
        // RFC 3834: nobody's holiday responder answers it.
        headers: { 'Auto-Submitted': 'auto-generated' },
        xMailer: false as const,
        signal: AbortSignal.any([closing.signal, AbortSignal.timeout(TIMEOUT_MS)]),
      };
      try {
        await transport.sendMail(mail);
        return { ok: true };
      } catch (error) {
        return explain(error as Failure);
      }
    },
    close() {
      closing.abort();
      transport.close();
    },
  };
}

function transportOptions({
  smtpUrl,
  issuer,
  caFile,
}: {
  smtpUrl: string;
  issuer: string;
  caFile?: string | undefined;
}) {
  const url = new URL(smtpUrl);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  const secure = url.protocol === 'smtps:';
  const local = host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
  const authorities = caFile && [...getCACertificates('default'), readFileSync(caFile, 'utf8')];
  return {
    // RFC 6761 §6.3: a name server must not say where localhost is, since nothing protects what goes there.
    host: host === 'localhost' ? '127.0.0.1' : host,
    port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
    secure,
    requireTLS: !secure && !local,
    ignoreTLS: !secure && local,
    tls: {
      minVersion: 'TLSv1.2' as const,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(authorities ? { ca: authorities } : {}),
    },
    ...(url.username === ''
      ? {}
      : { auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) } }),
    name: greeting(issuer),
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    dnsTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: IDLE_TIMEOUT_MS,
    maxResponseSize: MAX_ANSWER_BYTES,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** RFC 5321 §4.1.3: an address stands in brackets. */
function greeting(issuer: string): string {
  const { hostname } = new URL(issuer);
  if (hostname.startsWith('[')) return `[IPv6:${hostname.slice(1, -1)}]`;
  return isIP(hostname) === 4 ? `[${hostname}]` : hostname;
}

function parseSender(from: string): { name: string; address: string } {
  const [, name = '', address = from] = /^(.*) <([^<>]+)>$/.exec(from) ?? [];
  return { name, address };
}

/** What nodemailer says of a failure; its message and response may name people. */
interface Failure extends Error {
  code?: string;
  originalCode?: string;
  responseCode?: number;
  permanent?: boolean;
}

function explain({ code = 'failed', originalCode, responseCode, permanent = false }: Failure): Outcome {
  // RFC 5321 §4.2.1: what is refused for good is not repeated. A sign-in that fails is the operator's to mend.
  const final = permanent && (code === 'EENVELOPE' || code === 'EMESSAGE');
  return { ok: false, reason: [code, originalCode, responseCode].filter(Boolean).join(' '), final };
}
