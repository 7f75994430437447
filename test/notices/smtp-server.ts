/** A mail server on loopback (RFC 5321), as small as can be: it takes what it is given and keeps it. */
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { fileURLToPath } from 'node:url';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/tls/test-only-${name}.pem`, import.meta.url));

export interface ReceivedMail {
  from: string;
  to: string[];
  /** As it came over the wire, dots unstuffed. */
  raw: string;
  /** Names in lower case, values unfolded. */
  headers: [name: string, value: string][];
  /** Decoded. */
  text: string;
}

export interface SmtpServer {
  port: number;
  mails: ReceivedMail[];
  /** Every line that a client sent outside of DATA. */
  commands: string[];
  close(): Promise<void>;
}

/**
 * @param secure TLS from the first byte
 * @param extensions what EHLO announces
 * @param answer overrides the answer to a command
 */
export async function startSmtpServer(
  options: { secure?: boolean; extensions?: string[]; answer?: (command: string) => string | undefined } = {},
): Promise<SmtpServer> {
  const { secure = false, extensions = [], answer = () => undefined } = options;
  const mails: ReceivedMail[] = [];
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  const onConnection = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    converse(socket, { mails, commands, extensions, answer });
  };
  const server = secure
    ? createTlsServer({ cert: readFileSync(fixture('server')), key: readFileSync(fixture('server-key')) }, onConnection)
    : createServer(onConnection);
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    mails,
    commands,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function converse(
  socket: Socket,
  {
    mails,
    commands,
    extensions,
    answer,
  }: Pick<SmtpServer, 'mails' | 'commands'> & {
    extensions: string[];
    answer: (command: string) => string | undefined;
  },
): void {
  let buffered = '';
  let data: string[] | undefined;
  let envelope = { from: '', to: [] as string[] };
  const say = (line: string) => socket.write(`${line}\r\n`);

  function onLine(line: string): void {
    if (data) {
      if (line !== '.') {
        data.push(line.replace(/^\./, ''));
        return;
      }
      mails.push({ ...envelope, ...parse(data.join('\r\n')) });
      data = undefined;
      envelope = { from: '', to: [] };
      say('250 taken');
      return;
    }
    commands.push(line);
    const override = answer(line);
    if (override !== undefined) say(override);
    else if (/^EHLO/i.test(line)) for (const reply of greetings(extensions)) say(reply);
    else if (/^AUTH PLAIN/i.test(line)) say('235 welcome');
    else if (/^MAIL FROM:/i.test(line)) accept(() => (envelope.from = addressIn(line)));
    else if (/^RCPT TO:/i.test(line)) accept(() => envelope.to.push(addressIn(line)));
    else if (/^DATA$/i.test(line)) {
      data = [];
      say('354 go on');
    } else if (/^QUIT$/i.test(line)) socket.end('221 bye\r\n');
    else say('502 unknown');
  }

  function accept(work: () => unknown): void {
    work();
    say('250 fine');
  }

  socket.on('data', (chunk) => {
    buffered += chunk.toString('latin1');
    const lines = buffered.split('\r\n');
    buffered = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  say('220 mail.contoso.test ESMTP');
}

function greetings(extensions: string[]): string[] {
  const all = ['mail.contoso.test', ...extensions];
  return all.map((name, index) => `250${index === all.length - 1 ? ' ' : '-'}${name}`);
}

const addressIn = (line: string) => /<([^>]*)>/.exec(line)?.[1] ?? '';

function parse(raw: string): Pick<ReceivedMail, 'raw' | 'headers' | 'text'> {
  const end = raw.indexOf('\r\n\r\n');
  const head = raw.slice(0, end).replace(/\r\n[ \t]+/g, ' ');
  const headers = head.split('\r\n').map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  const encoding = headers.find(([name]) => name === 'content-transfer-encoding')?.[1];
  return { raw, headers, text: decode(raw.slice(end + 4), encoding) };
}

function decode(body: string, encoding: string | undefined): string {
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8');
  if (encoding !== 'quoted-printable') return body;
  const bytes = body
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** A header that holds encoded words (RFC 2047), as people see it. */
export function readHeader(value: string): string {
  return value
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/=\?utf-8\?([BQ])\?([^?]*)\?=/gi, (_, kind: string, text: string) =>
      kind.toUpperCase() === 'B'
        ? Buffer.from(text, 'base64').toString('latin1')
        : text.replaceAll('_', ' ').replace(/=([0-9A-F]{2})/gi, (__, hex) => String.fromCharCode(parseInt(hex, 16))),
    )
    .replace(/[\x80-\xff]+/g, (bytes) => Buffer.from(bytes, 'latin1').toString('utf8'));
}
