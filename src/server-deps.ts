/** What a server is made of. */
import type { Server } from 'node:http';
import type { Config } from './config.ts';
import type { Connections } from './federation/connection.ts';
import type { Rooms } from './rooms.ts';
import type { Log } from './web/log.ts';

export interface ServerDeps {
  config: Config;
  rooms: Rooms;
  log: Log;
  /** Listens already, where the caller needed its port before the issuer was known. */
  listener?: Server;
  /** Upstream identity providers, where they are not those that are configured. */
  connections?: Connections | undefined;
}
