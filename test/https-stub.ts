/** An https server on loopback whose certificate only tests trust. */
import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/tls/test-only-${name}.pem`, import.meta.url));

/** The authority that signed every stub: what `OUTBOUND_CA_FILE` takes. */
export const testCaFile = fixture('ca');

export interface HttpsStub {
  /** `https://localhost:<port>`; the certificate also names 127.0.0.1, ::1 and {client,evil,shared}.example.test. */
  url: string;
  port: number;
  caFile: string;
  /** Connections accepted so far, those without a request included. */
  connections(): number;
  close(): Promise<void>;
}

/** Listens on 127.0.0.1 at a free port; `close` also ends what is open. */
export async function startHttpsStub(handler: RequestListener): Promise<HttpsStub> {
  const server = createServer({ cert: readFileSync(fixture('server')), key: readFileSync(fixture('server-key')) });
  let connections = 0;
  server.on('request', handler);
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://localhost:${port}`,
    port,
    caFile: testCaFile,
    connections: () => connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
