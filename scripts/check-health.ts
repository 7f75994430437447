/** Asks the Consentry on this machine whether it and its database are alive: for the health check of a container. Exit code 0 or 1. */
import { request } from 'node:http';
import { readConfig } from '../src/config.ts';

const ANY_ADDRESS: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

const { issuer, host, port } = readConfig(process.env);
const address = ANY_ADDRESS[host] ?? host;
// Consentry answers for its issuer's host alone.
const headers = { host: new URL(issuer).host };
request({ host: address, port, path: '/health', headers, timeout: 4_000 })
  .on('response', ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1))
  .end();
