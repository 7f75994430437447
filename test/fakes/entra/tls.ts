/**
 * The fake under its real names for what opens real connections: a browser by host resolver rules or by the proxy, a
 * whole Consentry by OUTBOUND_PROXY and OUTBOUND_CA_FILE.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { fileURLToPath } from 'node:url';

const fixture = (name: string) =>
  fileURLToPath(new URL(`../../fixtures/tls/test-only-entra-${name}.pem`, import.meta.url));

export interface FakeTls {
  /** On 127.0.0.1: for `--host-resolver-rules="MAP login.microsoftonline.com 127.0.0.1:<port>"`. */
  port: number;
  /** Only tests trust it. */
  caFile: string;
  /** Tunnels to the fake's names, and to nothing else. */
  proxyUrl: string;
  /** Chromium takes the certificate by `--ignore-certificate-errors-spki-list=<this>`. */
  spki: string;
  close(): Promise<void>;
}

export async function startTls(handler: RequestListener, hosts: readonly string[]): Promise<FakeTls> {
  const server = createTlsServer(
    { cert: readFileSync(fixture('server')), key: readFileSync(fixture('server-key')) },
    handler,
  );
  const port = await listen(server);
  const proxy = createServer((_request, response) => response.writeHead(403).end());
  const tunnels = new Set<ReturnType<typeof connect>>();
  proxy.on('connect', (request, socket) => {
    if (!hosts.some((host) => request.url === `${host}:443`)) {
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      return;
    }
    const tunnel = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      tunnel.pipe(socket).pipe(tunnel);
    });
    tunnels.add(tunnel);
    tunnel.on('error', () => socket.destroy()).on('close', () => tunnels.delete(tunnel));
    socket.on('error', () => tunnel.destroy());
  });
  const proxyPort = await listen(proxy);
  return {
    port,
    caFile: fixture('ca'),
    proxyUrl: `http://127.0.0.1:${proxyPort}`,
    spki: spkiOf(),
    async close() {
      for (const tunnel of tunnels) tunnel.destroy();
      for (const one of [server, proxy]) {
        one.closeAllConnections();
        await new Promise((resolve) => one.close(resolve));
      }
    },
  };
}

function spkiOf(): string {
  const { publicKey } = new X509Certificate(readFileSync(fixture('server')));
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
}

async function listen(server: ReturnType<typeof createServer> | ReturnType<typeof createTlsServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
