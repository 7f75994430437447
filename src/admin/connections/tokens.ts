/** Bearer tokens of the directory that provisions a connection's people. */
import { z } from 'zod';
import { createScimToken, MAX_TOKEN_DAYS, revokeScimToken, statusOf, type TokenRooms } from '../../scim-tokens.ts';
import { notFound, operation } from '../frame/operation.ts';
import { scimToken } from './shapes.ts';

export type TokenOperationDeps = TokenRooms & { now: () => Date };

export function tokenOperations(deps: TokenOperationDeps) {
  return {
    createToken: operation({
      id: 'connections.createScimToken',
      method: 'POST',
      path: '/connections/:id/scim-tokens',
      summary: "Make a token for a connection's directory; it is told this once.",
      access: 'own',
      fresh: true,
      input: z.object({
        id: z.string().max(100),
        days: z.coerce.number().int().min(1).max(MAX_TOKEN_DAYS).optional().describe('Ends after so many days.'),
      }),
      output: scimToken.extend({ token: z.string() }),
      async run({ id, days }) {
        const { token, record } = await createScimToken(deps, id, days);
        return { ...record, status: statusOf(record, deps.now()), token };
      },
    }),
    revokeToken: operation({
      id: 'connections.revokeScimToken',
      method: 'DELETE',
      path: '/connections/:id/scim-tokens/:token',
      summary: 'End a directory token at once.',
      access: 'own',
      fresh: true,
      input: z.object({ id: z.string().max(100), token: z.string().max(100) }),
      output: z.object({ revoked: z.boolean() }),
      async run({ id, token }) {
        const found = await deps.scimTokens.find(token);
        if (found?.connectionId !== id) throw notFound('There is no such token.');
        const { revoked } = await revokeScimToken(deps, token);
        return { revoked };
      },
    }),
  };
}
