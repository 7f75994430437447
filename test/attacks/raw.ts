/** Requests byte for byte, for what no HTTP client would send. */
import { connect } from 'node:net';

export const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

/** @param headers the only ones: no content type of its own */
export function postBytes(
  url: string,
  body: string | URLSearchParams,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(url, { method: 'POST', body: Buffer.from(body.toString()), headers });
}

/** @returns everything that comes back until the connection closes */
export function raw(issuer: string, ...lines: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(issuer).port), '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
    socket.write(`${[...lines, 'Connection: close'].join('\r\n')}\r\n\r\n`);
  });
}
