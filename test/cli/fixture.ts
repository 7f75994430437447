/** A running Consentry, and the command line on its database. */
import { startConsentry } from '../harness.ts';
import { createCommand, environmentOf } from './command.ts';

export async function startWithCommand() {
  const server = await startConsentry();
  const env = environmentOf(server);
  const prisma = server.rooms.database.direct;

  /** Events that the command line wrote, oldest first. */
  async function recorded(type?: string) {
    return prisma.auditEvent.findMany({ where: { actor: 'cli', ...(type ? { type } : {}) }, orderBy: { seq: 'asc' } });
  }

  return { server, env, prisma, recorded, consentry: createCommand(env) };
}
