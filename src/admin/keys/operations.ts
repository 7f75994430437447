/** The keys that sign tokens: to see, to let the next one begin, and to end one that got out. */
import { z } from 'zod';
import {
  type KeyView,
  MAX_ROTATION_SECONDS,
  MIN_ROTATION_SECONDS,
  ROTATION_SECONDS,
  type Rotate,
} from '../../keys/rotation.ts';
import { type Download, operation } from '../frame/operation.ts';
import { when } from '../frame/shapes.ts';

export interface KeyOperationDeps {
  keyset: {
    list(): Promise<KeyView[]>;
    history(): Promise<object>;
    rotate(wanted: Rotate): Promise<KeyView>;
    retire(kid: string): Promise<KeyView>;
  };
}

const key = z.object({
  kid: z.string(),
  alg: z.string(),
  state: z.enum(['next', 'current', 'previous', 'retired']),
  createdAt: when,
  activeFrom: when.describe('Signs from then on, until a younger one does.'),
  publishedUntil: when.optional().describe('Nothing that it signed is valid afterwards.'),
});

export function keyOperations({ keyset }: KeyOperationDeps) {
  return {
    list: operation({
      id: 'keys.list',
      method: 'GET',
      path: '/keys',
      summary: 'List the signing keys: what signs next, now, and signed before.',
      access: 'read',
      input: z.object({}),
      output: z.object({ items: z.array(key) }),
      run: async () => ({ items: await keyset.list() }),
    }),
    history: operation({
      id: 'keys.history',
      method: 'GET',
      path: '/keys/history.jwks',
      summary: 'Public halves of all keys there ever were (RFC 7517): to verify evidence, never tokens.',
      access: 'read',
      input: z.object({}),
      output: z.custom<Download>(),
      download: { types: ['application/jwk-set+json'] },
      run: async () => ({
        fileName: 'consentry-keys.jwks',
        type: 'application/jwk-set+json',
        body: `${JSON.stringify(await keyset.history(), null, 2)}\n`,
      }),
    }),
    rotate: operation({
      id: 'keys.rotate',
      method: 'POST',
      path: '/keys/rotate',
      summary: 'Publish the key that signs next, or let it sign at once.',
      access: 'own',
      fresh: true,
      input: z.object({
        inSeconds: z.coerce
          .number()
          .int()
          .min(MIN_ROTATION_SECONDS)
          .max(MAX_ROTATION_SECONDS)
          .default(ROTATION_SECONDS)
          .describe('So long it is published before it signs.'),
        now: z.boolean().default(false).describe('For an emergency: it signs at once.'),
      }),
      output: key,
      run: (wanted) => keyset.rotate(wanted),
    }),
    retire: operation({
      id: 'keys.retire',
      method: 'POST',
      path: '/keys/:kid/retire',
      summary: 'Publish a key no more: all that it signed is invalid from then on. Where it signs now, another begins.',
      access: 'own',
      fresh: true,
      input: z.object({ kid: z.string().max(100) }),
      output: z.object({ signsNow: z.string() }),
      run: async ({ kid }) => ({ signsNow: (await keyset.retire(kid)).kid }),
    }),
  };
}

export type KeyOperations = ReturnType<typeof keyOperations>;
