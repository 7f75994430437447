/** Resolves names that strangers chose, off the thread pool that file access, password hashing and the database share. */
import { promises as dns, type LookupAddress } from 'node:dns';

export type Lookup = (hostname: string) => Promise<LookupAddress[]>;

/** getaddrinfo holds a thread for as long as a slow name server likes, and nobody can cancel it. */
const MAX_SYSTEM_LOOKUPS = 2;

/**
 * All addresses of a name: from DNS directly, and only where DNS does not know it (a hosts file, a search domain) from
 * the operating system.
 */
export function createLookup(): Lookup {
  let systemLookups = 0;

  async function lookupSystem(hostname: string): Promise<LookupAddress[]> {
    if (systemLookups >= MAX_SYSTEM_LOOKUPS) throw new Error('too many names are being resolved');
    systemLookups += 1;
    try {
      return await dns.lookup(hostname, { all: true });
    } finally {
      systemLookups -= 1;
    }
  }

  return async (hostname) => {
    // RFC 6761 §6.3: answered on this machine, so never slow.
    if (hostname === 'localhost') return dns.lookup(hostname, { all: true });
    return (await lookupInDns(hostname)) ?? lookupSystem(hostname);
  };
}

async function lookupInDns(hostname: string): Promise<LookupAddress[] | undefined> {
  const resolver = new dns.Resolver({ timeout: 1_000, tries: 2 });
  const [v4, v6] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
  const addresses = [
    ...(v4.status === 'fulfilled' ? v4.value.map((address) => ({ address, family: 4 })) : []),
    ...(v6.status === 'fulfilled' ? v6.value.map((address) => ({ address, family: 6 })) : []),
  ];
  return addresses.length > 0 ? addresses : undefined;
}
