/**
 * The refresh token of an answer that we do not believe. The one before may be spent by now, so the new one is kept all
 * the same: it is only ever shown to the provider that gave it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { CustomFetch } from 'openid-client';
import type { Liveness } from './connection.ts';

interface Seen {
  answered?: true;
  refreshToken?: string;
}

export function createRotation(outbound: CustomFetch) {
  const seen = new AsyncLocalStorage<Seen>();

  return {
    /** The same, watched. */
    outbound: (async (address, options) => {
      const answer = await outbound(address, options);
      const current = seen.getStore();
      if (current && options.method === 'POST' && answer.status === 200) Object.assign(current, await read(answer));
      return answer;
    }) satisfies CustomFetch,
    /** Runs a check, and tells of what the provider answered where nothing came of it. */
    async watch(check: () => Promise<Liveness>): Promise<Liveness> {
      const current: Seen = {};
      const liveness = await seen.run(current, check);
      return liveness.state === 'unreachable' ? { ...liveness, ...current } : liveness;
    },
  };
}

async function read(answer: Response): Promise<Seen> {
  const body: unknown = await answer
    .clone()
    .json()
    .catch(() => undefined);
  const { access_token: accessToken, refresh_token: refreshToken } = Object(body) as Record<string, unknown>;
  if (typeof accessToken !== 'string') return {};
  return { answered: true, ...(typeof refreshToken === 'string' && refreshToken !== '' ? { refreshToken } : {}) };
}
