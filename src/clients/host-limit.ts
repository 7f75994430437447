/** Keeps one slow host from taking all the outbound connections there are: strangers choose what is fetched. */
import { getDomain } from 'tldts';
import { FetchFailed } from '../web/fetch-failed.ts';

export type HostLimit = ReturnType<typeof createHostLimit>;

/** @param max fetches at once from one registrable domain; names below it cost an attacker nothing */
export function createHostLimit(max: number) {
  const running = new Map<string, number>();

  return {
    /** @throws FetchFailed `busy`, at once, where as many are under way already */
    async within<T>({ hostname }: URL, work: () => Promise<T>): Promise<T> {
      const site = getDomain(hostname, { allowPrivateDomains: true }) ?? hostname;
      const count = running.get(site) ?? 0;
      if (count >= max) throw new FetchFailed('busy', site);
      running.set(site, count + 1);
      try {
        return await work();
      } finally {
        const left = (running.get(site) ?? 1) - 1;
        if (left > 0) running.set(site, left);
        else running.delete(site);
      }
    },
  };
}
